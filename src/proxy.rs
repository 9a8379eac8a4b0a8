//! Which proxy a connection goes through, by the configuration or by the environment as curl reads it.
#![forbid(unsafe_code)]

use crate::config::{Environment, Secret, split_authority};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How a proxy is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// CONNECT for TLS, the absolute form for the rest.
    Http,
    /// SOCKS5; we look the name up.
    Socks5,
    /// SOCKS5; the proxy looks the name up.
    Socks5h,
}

/// A proxy.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    /// How it is spoken to.
    pub kind: Kind,
    /// A name or an address; IPv6 without brackets.
    pub host: String,
    /// curl's default, 1080, when none was given.
    pub port: u16,
    /// Whom it knows us as.
    pub user: Option<(String, Secret)>,
}

/// The proxies of a client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies {
    http: Option<Proxy>,
    https: Option<Proxy>,
    except: Exceptions,
}

impl Proxies {
    /// Every connection is direct.
    pub fn none() -> Proxies {
        Proxies::default()
    }

    /// Every connection goes through this one. What a program asks for itself, `NO_PROXY` does not take back.
    ///
    /// # Errors
    /// Says what is wrong, and never repeats the URL: it can hold a password.
    pub fn always(url: &str) -> Result<Proxies, String> {
        let proxy = Proxy::parse(url)?;
        Ok(Proxies {
            http: Some(proxy.clone()),
            https: Some(proxy),
            except: Exceptions::default(),
        })
    }

    /// The proxies that the environment names.
    ///
    /// # Errors
    /// The variable, and what is wrong with it.
    pub fn from_environment(env: Environment<'_>) -> Result<Proxies, (&'static str, String)> {
        let except = match env.first(&["no_proxy", "NO_PROXY"]) {
            Some((_, list)) if list == "*" => return Ok(Proxies::none()),
            Some((_, list)) => Exceptions::parse(&list),
            None => Exceptions::default(),
        };
        // Under CGI, HTTP_PROXY is the request's header `Proxy`, which a stranger has chosen (CVE-2016-5385, "httpoxy").
        let http: &[&str] = match env.has("REQUEST_METHOD") {
            true => &["http_proxy", "all_proxy", "ALL_PROXY"],
            false => &["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"],
        };
        let https = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
        Ok(Proxies {
            http: from_first(env, http)?,
            https: from_first(env, &https)?,
            except,
        })
    }

    /// The proxy for a connection, if it goes through one. `host` has no brackets.
    pub fn for_target(&self, tls: bool, host: &str, port: u16) -> Option<&Proxy> {
        let proxy = if tls { self.https.as_ref() } else { self.http.as_ref() };
        proxy.filter(|_| !self.except.include(host, port))
    }
}

fn from_first(env: Environment<'_>, names: &[&'static str]) -> Result<Option<Proxy>, (&'static str, String)> {
    let Some((name, url)) = env.first(names) else {
        return Ok(None);
    };
    Proxy::parse(&url).map(Some).map_err(|why| (name, why))
}

impl Proxy {
    fn parse(url: &str) -> Result<Proxy, String> {
        let url = url.trim();
        let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
        let kind = match scheme.to_ascii_lowercase().as_str() {
            "http" => Kind::Http,
            "socks5" => Kind::Socks5,
            // Desktops write `socks` for any version, and their proxies speak the fifth.
            "socks5h" | "socks" => Kind::Socks5h,
            "https" | "socks4" | "socks4a" => {
                return Err(
                    "proxies by https, socks4 and socks4a are not supported; http, socks5 and socks5h are".to_owned(),
                );
            }
            _ => return Err("the scheme is neither http nor socks5 nor socks5h".to_owned()),
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        // The last one: a password may hold an `@` that somebody forgot to encode.
        let (user, authority) = match authority.rsplit_once('@') {
            Some((user, authority)) => (Some(parse_user(user)?), authority),
            None => (None, authority),
        };
        let (host, port) = split_authority(authority)?;
        Ok(Proxy {
            kind,
            host,
            port: port.unwrap_or(1080),
            user,
        })
    }

    /// The value of `Proxy-Authorization` (RFC 7617).
    pub fn basic_authorization(&self) -> Option<Secret> {
        let (user, password) = self.user.as_ref()?;
        let pair = Secret::new(format!("{user}:{}", password.expose()));
        Some(Secret::new(basic(pair.expose().as_bytes())))
    }
}

/// Some proxies take a token as the user: neither of the two is shown.
impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = self.user.as_ref().map(|(_, password)| password);
        f.debug_struct("Proxy")
            .field("kind", &self.kind)
            .field("host", &self.host)
            .field("port", &self.port)
            .field("user", &user)
            .finish()
    }
}

fn parse_user(text: &str) -> Result<(String, Secret), String> {
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    let decoded =
        |text: &str| percent_decoded(text).ok_or("the user or the password is not percent-encoded UTF-8".to_owned());
    let (user, password) = (decoded(user)?, Secret::new(decoded(password)?));
    // RFC 7617, section 2: the first colon ends the user, and neither may hold a control character.
    if user.contains(':') || user.chars().chain(password.expose().chars()).any(char::is_control) {
        return Err("the user or the password holds a character that it cannot".to_owned());
    }
    Ok((user, password))
}

/// `None`: it does not decode to UTF-8. A `%` without two digits after it is itself.
fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digit = |i: usize| after.get(i).and_then(|&byte| char::from(byte).to_digit(16));
        rest = match (first, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push((high * 16 + low) as u8);
                &after[2..]
            }
            _ => {
                bytes.push(first);
                after
            }
        };
    }
    String::from_utf8(bytes).ok()
}

/// `Basic` and the bytes in base64.
fn basic(bytes: &[u8]) -> String {
    const SCHEME: &str = "Basic ";
    // Large enough from the start: growing would leave half a secret in memory that is given back.
    let mut out = String::with_capacity(SCHEME.len() + bytes.len().div_ceil(3) * 4);
    out.push_str(SCHEME);
    STANDARD.encode_string(bytes, &mut out);
    out
}

/// The list of `NO_PROXY`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Exceptions(Vec<Exception>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Exception {
    what: Hosts,
    /// `None`: any.
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Hosts {
    /// A domain, in lower case and without dots around it, and all below it.
    Domain(String),
    /// Every address that begins with so many bits of this one.
    Network(IpAddr, u32),
}

impl Exceptions {
    /// Entries are separated by commas or blanks; what is no entry is left out, as curl does.
    fn parse(list: &str) -> Exceptions {
        let entries = list.split(|c: char| c == ',' || c.is_ascii_whitespace());
        Exceptions(entries.filter_map(Exception::parse).collect())
    }

    fn include(&self, host: &str, port: u16) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let address = host.parse::<IpAddr>().ok();
        self.0
            .iter()
            .any(|entry| entry.port.is_none_or(|only| only == port) && entry.what.include(&host, address))
    }
}

impl Exception {
    fn parse(entry: &str) -> Option<Exception> {
        let (host, port) = match entry.rsplit_once(':') {
            // An IPv6 address is full of colons: a port's stands alone or behind a bracket.
            Some((host, port)) if host.ends_with(']') || !host.contains(':') => (host, Some(port.parse().ok()?)),
            _ => (entry, None),
        };
        let what = Hosts::network(host).or_else(|| Hosts::domain(host))?;
        Some(Exception { what, port })
    }
}

impl Hosts {
    /// `10.0.0.0/8`, `10.1.2.3`, `::1`, `[::1]`, `[fe80::]/10`, `[fe80::/10]`.
    fn network(text: &str) -> Option<Hosts> {
        let text: String = text.chars().filter(|c| !matches!(c, '[' | ']')).collect();
        let (address, bits) = text
            .split_once('/')
            .map_or((text.as_str(), None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().ok()?;
        let most = if address.is_ipv4() {
            Ipv4Addr::BITS
        } else {
            Ipv6Addr::BITS
        };
        let bits = bits.map_or(Some(most), |bits| bits.parse().ok())?;
        (bits <= most).then_some(Hosts::Network(address, bits))
    }

    fn domain(text: &str) -> Option<Hosts> {
        let text = text.trim_matches('.').to_ascii_lowercase();
        (!text.is_empty()).then_some(Hosts::Domain(text))
    }

    fn include(&self, host: &str, address: Option<IpAddr>) -> bool {
        match (self, address) {
            (Hosts::Domain(domain), None) => host
                .strip_suffix(domain.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.')),
            (Hosts::Network(IpAddr::V4(network), bits), Some(IpAddr::V4(address))) => {
                let differing = network.to_bits() ^ address.to_bits();
                differing.leading_zeros() >= *bits
            }
            (Hosts::Network(IpAddr::V6(network), bits), Some(IpAddr::V6(address))) => {
                let differing = network.to_bits() ^ address.to_bits();
                differing.leading_zeros() >= *bits
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(environment: &[(&str, &str)]) -> Result<Proxies, (&'static str, String)> {
        let get = |name: &str| {
            environment
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        };
        Proxies::from_environment(Environment(&get))
    }

    /// The proxies' hosts for http and for https.
    fn hosts(environment: &[(&str, &str)]) -> [Option<String>; 2] {
        let proxies = from(environment).unwrap();
        [false, true].map(|tls| {
            proxies
                .for_target(tls, "api.example", 80)
                .map(|proxy| proxy.host.clone())
        })
    }

    fn is_direct(no_proxy: &str, host: &str, port: u16) -> bool {
        let proxies = from(&[("all_proxy", "p"), ("no_proxy", no_proxy)]).unwrap();
        proxies.for_target(true, host, port).is_none()
    }

    #[test]
    fn each_scheme_has_variables_of_its_own() {
        let host = |name: &str| Some(name.to_owned());
        assert_eq!(hosts(&[]), [None, None]);
        assert_eq!(hosts(&[("http_proxy", "a")]), [host("a"), None]);
        assert_eq!(hosts(&[("HTTP_PROXY", "a")]), [host("a"), None]);
        assert_eq!(hosts(&[("https_proxy", "a")]), [None, host("a")]);
        assert_eq!(hosts(&[("HTTPS_PROXY", "a"), ("https_proxy", "b")]), [None, host("b")]);
        assert_eq!(hosts(&[("ALL_PROXY", "a")]), [host("a"), host("a")]);
        assert_eq!(
            hosts(&[("ALL_PROXY", "a"), ("all_proxy", "b"), ("https_proxy", "c")]),
            [host("b"), host("c")]
        );
        assert_eq!(hosts(&[("http_proxy", ""), ("ALL_PROXY", "a")]), [host("a"), host("a")]);
        // Not even looked at: desktops set it to things that nobody can use.
        assert_eq!(
            hosts(&[("http_proxy", "a"), ("https_proxy", "b"), ("all_proxy", "socks4://c")]),
            [host("a"), host("b")]
        );
    }

    #[test]
    fn under_cgi_a_stranger_does_not_choose_the_proxy() {
        assert_eq!(
            hosts(&[("REQUEST_METHOD", "GET"), ("HTTP_PROXY", "evil")]),
            [None, None]
        );
        assert_eq!(hosts(&[("REQUEST_METHOD", ""), ("HTTP_PROXY", "evil")]), [None, None]);
        assert_eq!(
            hosts(&[("REQUEST_METHOD", "GET"), ("http_proxy", "a")])[0].as_deref(),
            Some("a")
        );
    }

    #[test]
    fn a_proxys_url_is_taken_apart() {
        for (url, kind, host, port) in [
            ("p", Kind::Http, "p", 1080),
            ("p:3128", Kind::Http, "p", 3128),
            (" HTTP://P.Example:3128/ ", Kind::Http, "p.example", 3128),
            ("socks5://127.0.0.1:9050", Kind::Socks5, "127.0.0.1", 9050),
            ("socks5h://[::1]:9050", Kind::Socks5h, "::1", 9050),
            ("socks://p:7891/", Kind::Socks5h, "p", 7891),
        ] {
            let proxy = Proxy::parse(url).unwrap_or_else(|why| panic!("{url}: {why}"));
            assert_eq!(
                (proxy.kind, proxy.host.as_str(), proxy.port, proxy.user),
                (kind, host, port, None),
                "{url}"
            );
        }
    }

    #[test]
    fn user_and_password_are_decoded_and_not_shown() {
        let authorization = |url: &str| {
            let authorization = Proxy::parse(url).unwrap().basic_authorization();
            authorization.map(|value| value.expose().to_owned())
        };
        // RFC 7617, section 2.
        assert_eq!(
            authorization("Aladdin:open%20sesame@p").as_deref(),
            Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")
        );
        assert_eq!(authorization("http://u@p").as_deref(), Some("Basic dTo="));
        assert_eq!(authorization("http://u:a@b%@p").as_deref(), Some("Basic dTphQGIl"));
        assert_eq!(authorization("http://p"), None);
        for url in ["http://u:hunter2@p", "http://hunter2@p"] {
            let debug = format!("{:?}", Proxy::parse(url).unwrap());
            assert!(debug.contains("Some(***)") && !debug.contains("hunter2"), "{debug}");
        }
    }

    #[test]
    fn what_is_no_proxy_is_told_without_repeating_it() {
        for (url, why) in [
            ("https://u:hunter2@p", "not supported"),
            ("socks4://u:hunter2@p", "not supported"),
            ("ftp://u:hunter2@p", "neither http nor socks5"),
            ("http://u:hunter2@", "host is missing"),
            ("http://u:hunter2@p:0", "port"),
            ("u:hunter2%0d%0a@p", "a character that it cannot"),
            ("u:hunter2%ff@p", "percent-encoded UTF-8"),
            ("http://", "host is missing"),
        ] {
            let message = Proxies::always(url).unwrap_err();
            assert!(message.contains(why) && !message.contains("hunter"), "{url}: {message}");
        }
        assert_eq!(from(&[("HTTPS_PROXY", "ftp://p")]).unwrap_err().0, "HTTPS_PROXY");
    }

    #[test]
    fn no_proxy_names_what_is_reached_directly() {
        for (no_proxy, host, direct) in [
            ("*", "anything", true),
            ("example.com", "example.com", true),
            ("example.com", "api.example.com", true),
            ("example.com", "API.Example.COM.", true),
            ("example.com", "nonexample.com", false),
            ("api.example.com", "example.com", false),
            (".example.com", "example.com", true),
            (".example.com", "api.example.com", true),
            ("example.com.", "example.com", true),
            ("foo, 127.0.0.1", "127.0.0.1", true),
            (" foo\texample.com ", "example.com", true),
            (",,example.com,", "example.com", true),
            ("*.example.com", "api.example.com", false),
            ("a,*", "b", false),
            ("127.0.0.1", "127.0.0.10", false),
            ("1", "127.0.0.1", false),
            ("10.0.0.0/8", "10.1.2.3", true),
            ("10.0.0.0/8", "11.1.2.3", false),
            ("10.1.0.0/15", "10.0.255.1", true),
            ("0.0.0.0/0", "8.8.8.8", true),
            ("0.0.0.0/0", "::1", false),
            ("10.0.0.0/33", "10.0.0.0", false),
            ("10.0.0.0/x", "10.0.0.0", false),
            ("10.0.0.0/8", "10.example", false),
            ("::1", "::1", true),
            ("[::1]", "::1", true),
            ("[::1]", "0:0:0:0:0:0:0:1", true),
            ("fe80::/10", "fe80::1", true),
            ("[fe80::]/10", "febf::1", true),
            ("fe80::/10", "fec0::1", false),
            ("", "example.com", false),
        ] {
            assert_eq!(is_direct(no_proxy, host, 443), direct, "{no_proxy:?} {host}");
        }
    }

    #[test]
    fn a_port_in_no_proxy_must_match() {
        for (no_proxy, host, port, direct) in [
            ("example.com:8443", "example.com", 8443, true),
            ("example.com:8443", "api.example.com", 8443, true),
            ("example.com:8443", "example.com", 443, false),
            ("127.0.0.1:8080", "127.0.0.1", 8080, true),
            ("127.0.0.1:8080", "127.0.0.1", 8081, false),
            ("[::1]:8080", "::1", 8080, true),
            ("[::1]:8080", "::1", 80, false),
            ("example.com:x", "example.com", 443, false),
        ] {
            assert_eq!(is_direct(no_proxy, host, port), direct, "{no_proxy:?} {host}:{port}");
        }
    }

    #[test]
    fn a_proxy_of_the_programs_own_is_for_everything() {
        let proxies = Proxies::always("p:1").unwrap();
        assert!(proxies.for_target(true, "localhost", 443).is_some());
        assert!(proxies.for_target(false, "::1", 80).is_some());
        assert!(Proxies::none().for_target(true, "h", 443).is_none());
    }
}
