//! `/etc/resolv.conf`: the name servers and how they are asked (resolv.conf(5)), with what the environment lays over it.
#![forbid(unsafe_code)]

use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV6};
use std::time::Duration;

const PORT: u16 = 53;

/// Those behind the third are not asked by anybody.
const MOST_SERVERS: usize = 3;

/// How names are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvConf {
    pub servers: Vec<SocketAddr>,
    /// What names are completed with.
    pub search: Vec<String>,
    /// So many dots make a name that is first asked for as it stands.
    pub ndots: usize,
    /// How long an answer may take.
    pub timeout: Duration,
    /// How often each server is asked.
    pub attempts: usize,
    /// The servers take turns.
    pub rotate: bool,
    /// The two families are asked for one after the other.
    pub single_request: bool,
    /// TCP from the start.
    pub use_vc: bool,
    pub edns0: bool,
    pub trust_ad: bool,
    /// IPv6 is not asked for.
    pub no_aaaa: bool,
    /// A name without a dot is never asked for as it stands.
    pub no_tld_query: bool,
}

/// What else goes into it.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// `LOCALDOMAIN`: the search list instead of the file's.
    pub local_domain: Option<&'a str>,
    /// `RES_OPTIONS`: further options.
    pub options: Option<&'a str>,
    /// The machine's name, whose domain is searched when nothing else is said.
    pub host_name: &'a str,
    /// An interface's number, for `fe80::1%eth0`.
    pub interface: &'a dyn Fn(&str) -> Option<u32>,
}

impl ResolvConf {
    /// Reads the file; an empty one is the same as none. `None` when something in it is not understood.
    pub fn parse(text: &[u8], around: Surroundings<'_>) -> Option<ResolvConf> {
        let mut conf = ResolvConf {
            servers: Vec::new(),
            search: own_domain(around.host_name),
            ndots: 1,
            timeout: Duration::from_secs(5),
            attempts: 2,
            rotate: false,
            single_request: false,
            use_vc: false,
            edns0: false,
            trust_ad: false,
            no_aaaa: false,
            no_tld_query: false,
        };
        for line in text.split(|&byte| byte == b'\n') {
            conf.line(line, around)?;
        }
        if let Some(domains) = around.local_domain {
            conf.search = domains.split_ascii_whitespace().map(String::from).collect();
        }
        for option in around.options.unwrap_or_default().split_ascii_whitespace() {
            conf.option(option)?;
        }
        if conf.servers.is_empty() {
            conf.servers.push((Ipv4Addr::LOCALHOST, PORT).into());
        }
        Some(conf)
    }

    /// A keyword stands at the line's very beginning.
    fn line(&mut self, line: &[u8], around: Surroundings<'_>) -> Option<()> {
        if line
            .first()
            .is_none_or(|first| matches!(first, b'#' | b';') || first.is_ascii_whitespace())
        {
            return Some(());
        }
        let line = String::from_utf8_lossy(line);
        let mut words = line.split_ascii_whitespace();
        match words.next().unwrap_or_default() {
            "nameserver" => {
                let server = words.next().and_then(|word| server(word, around.interface));
                self.servers
                    .extend(server.filter(|_| self.servers.len() < MOST_SERVERS));
            }
            "domain" => self.search = words.next().map(String::from).into_iter().collect(),
            "search" => self.search = words.map(String::from).collect(),
            "options" => {
                for option in words {
                    self.option(option)?;
                }
            }
            "sortlist" => return None,
            // As the system does.
            _ => {}
        }
        Some(())
    }

    fn option(&mut self, option: &str) -> Option<()> {
        let number = |text: &str| {
            let digits = text.bytes().take_while(u8::is_ascii_digit).count();
            text[..digits].parse().unwrap_or(0usize)
        };
        match option.split_once(':') {
            Some(("ndots", text)) => self.ndots = number(text).min(15),
            Some(("timeout", text)) => self.timeout = Duration::from_secs(number(text).clamp(1, 30) as u64),
            Some(("attempts", text)) => self.attempts = number(text).clamp(1, 5),
            Some(_) => return None,
            None => match option {
                "rotate" => self.rotate = true,
                "single-request" | "single-request-reopen" => self.single_request = true,
                "use-vc" => self.use_vc = true,
                "edns0" => self.edns0 = true,
                "trust-ad" => self.trust_ad = true,
                "no-aaaa" => self.no_aaaa = true,
                "no-tld-query" => self.no_tld_query = true,
                // They change nothing here: what they are about is not done, or done always.
                "inet6" | "ip6-bytestring" | "ip6-dotint" | "no-ip6-dotint" | "no-check-names" | "no-reload"
                | "debug" => {}
                _ => return None,
            },
        }
        Some(())
    }

    /// Whether everything is asked of systemd-resolved, on the addresses of its own.
    pub fn is_resolved_stub(&self) -> bool {
        let stub =
            |server: &SocketAddr| matches!(server.ip(), IpAddr::V4(ip) if matches!(ip.octets(), [127, 0, 0, 53 | 54]));
        self.servers.iter().all(stub)
    }

    /// The names that are asked for, one after the other, until one has an address.
    pub fn candidates(&self, name: &str) -> Vec<String> {
        if name.ends_with('.') {
            return vec![name.to_owned()];
        }
        let dots = name.bytes().filter(|&byte| byte == b'.').count();
        let as_it_stands = (dots > 0 || dots >= self.ndots || !self.no_tld_query).then(|| name.to_owned());
        let mut candidates: Vec<String> = Vec::with_capacity(self.search.len() + 1);
        for domain in &self.search {
            let domain = domain.trim_matches('.');
            // "." is the root: the name as it stands, here in the list.
            let dot = if domain.is_empty() { "" } else { "." };
            candidates.push(format!("{name}{dot}{domain}"));
        }
        if let Some(name) = as_it_stands {
            if dots >= self.ndots {
                candidates.retain(|candidate| *candidate != name);
                candidates.insert(0, name);
            } else if !candidates.contains(&name) {
                candidates.push(name);
            }
        }
        candidates
    }
}

fn own_domain(host_name: &str) -> Vec<String> {
    let domain = host_name.split_once('.').map(|(_, domain)| domain.to_owned());
    domain.filter(|domain| !domain.is_empty()).into_iter().collect()
}

fn server(word: &str, interface: &dyn Fn(&str) -> Option<u32>) -> Option<SocketAddr> {
    if let Some(address) = super::numeric(word) {
        return Some(SocketAddr::new(address, PORT));
    }
    let (address, scope) = word.split_once('%')?;
    let scope = scope.parse().ok().or_else(|| interface(scope))?;
    Some(SocketAddrV6::new(address.parse().ok()?, PORT, 0, scope).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALONE: Surroundings<'_> = Surroundings {
        local_domain: None,
        options: None,
        host_name: "host",
        interface: &|name| (name == "eth0").then_some(7),
    };

    fn parse(text: &str) -> ResolvConf {
        ResolvConf::parse(text.as_bytes(), ALONE).expect(text)
    }

    #[test]
    fn nothing_means_a_server_on_this_machine() {
        let conf = parse("");
        assert_eq!(conf.servers, ["127.0.0.1:53".parse().unwrap()]);
        assert_eq!(
            (conf.ndots, conf.attempts, conf.timeout),
            (1, 2, Duration::from_secs(5))
        );
        assert!(conf.search.is_empty());
    }

    #[test]
    fn servers_and_options_are_read() {
        let conf = parse(
            "# nameserver 9.9.9.9\n; nameserver 9.9.9.9\n nameserver 9.9.9.9\nnameserver\nnameserver nonsense\n\
             nameserver 10.0.0.1\nnameserver\tfe80::1%eth0 x\nnameserver fe80::1%3\nnameserver 10.0.0.4\n\
             options ndots:20 timeout:3s attempts:0 rotate single-request-reopen\noptions edns0 trust-ad use-vc no-aaaa inet6\n",
        );
        let servers: Vec<String> = conf.servers.iter().map(ToString::to_string).collect();
        assert_eq!(servers, ["10.0.0.1:53", "[fe80::1%7]:53", "[fe80::1%3]:53"]);
        assert_eq!(
            (conf.ndots, conf.attempts, conf.timeout),
            (15, 1, Duration::from_secs(3))
        );
        assert!(conf.rotate && conf.single_request && conf.edns0 && conf.trust_ad && conf.use_vc && conf.no_aaaa);
    }

    #[test]
    fn what_is_not_understood_is_the_systems() {
        for text in ["sortlist 10.0.0.0", "options turbo", "options ndots:1 turbo:2"] {
            assert_eq!(ResolvConf::parse(text.as_bytes(), ALONE), None, "{text}");
        }
        assert_eq!(parse("lookup file bind\nfamily inet4\n"), parse(""));
    }

    #[test]
    fn the_environment_overrules_the_file() {
        let around = Surroundings {
            local_domain: Some("a b"),
            options: Some("ndots:3 timeout:1"),
            host_name: "host.example",
            ..ALONE
        };
        let conf = ResolvConf::parse(b"search c\noptions ndots:2 attempts:3\n", around).unwrap();
        assert_eq!(conf.search, ["a", "b"]);
        assert_eq!(
            (conf.ndots, conf.attempts, conf.timeout),
            (3, 3, Duration::from_secs(1))
        );
        let around = Surroundings {
            host_name: "host.example",
            ..ALONE
        };
        assert_eq!(ResolvConf::parse(b"", around).unwrap().search, ["example"]);
        assert_eq!(
            ResolvConf::parse(b"search a\ndomain b c\n", around).unwrap().search,
            ["b"]
        );
        let nowhere = Surroundings {
            local_domain: Some(""),
            ..around
        };
        assert!(ResolvConf::parse(b"search a", nowhere).unwrap().search.is_empty());
    }

    #[test]
    fn names_are_completed_as_the_system_does() {
        let conf = parse("search a.example b.\noptions ndots:2\n");
        assert_eq!(conf.candidates("x"), ["x.a.example", "x.b", "x"]);
        assert_eq!(conf.candidates("x.y"), ["x.y.a.example", "x.y.b", "x.y"]);
        assert_eq!(conf.candidates("x.y.z"), ["x.y.z", "x.y.z.a.example", "x.y.z.b"]);
        assert_eq!(conf.candidates("x."), ["x."]);
        let conf = parse("search a . b\noptions no-tld-query\n");
        assert_eq!(conf.candidates("x"), ["x.a", "x", "x.b"]);
        assert_eq!(parse("search a\noptions no-tld-query\n").candidates("x"), ["x.a"]);
        assert_eq!(parse("").candidates("x"), ["x"]);
    }

    #[test]
    fn resolveds_stub_is_known_by_its_address() {
        assert!(parse("nameserver 127.0.0.53\n").is_resolved_stub());
        assert!(!parse("nameserver 127.0.0.53\nnameserver 10.0.0.1\n").is_resolved_stub());
        assert!(!parse("").is_resolved_stub());
    }
}
