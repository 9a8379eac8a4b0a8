//! The `hosts:` line of `/etc/nsswitch.conf`: which sources are asked for a host's name, and in which order (nsswitch.conf(5)).
#![forbid(unsafe_code)]

use super::{without_comment, words};

/// Who can be asked. What else there is (LDAP, NIS, modules of one's own) is the system's to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// `/etc/hosts`.
    Files,
    /// The name servers of `/etc/resolv.conf`.
    Dns,
    /// `nss-myhostname`: the machine's own names.
    MyHostName,
    /// `nss-mymachines`: the containers that run here.
    MyMachines,
    /// `nss-mdns`, for names that end in `.local` alone.
    MdnsMinimal,
    /// `nss-mdns`, which `/etc/mdns.allow` opens to other names.
    Mdns,
    /// `nss-resolve`: systemd-resolved.
    Resolve,
}

/// What came of asking a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Success,
    NotFound,
    Unavailable,
    TryAgain,
}

/// A source, and after what the next one is not asked any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    pub source: Source,
    returns: [bool; 4],
}

impl Step {
    /// A source that ends the search when it has found something.
    const fn of(source: Source) -> Step {
        Step {
            source,
            returns: [true, false, false, false],
        }
    }

    /// Whether this ends the search.
    pub fn ends_with(self, status: Status) -> bool {
        self.returns[status as usize]
    }
}

/// What holds where nothing is said.
const DEFAULT: [Step; 2] = [Step::of(Source::Files), Step::of(Source::Dns)];

/// The sources in their order; `None` when there is something among them that is not understood.
pub fn sources(text: &[u8]) -> Option<Vec<Step>> {
    let mut lines = text.split(|&byte| byte == b'\n').filter_map(hosts_line);
    let Some(line) = lines.next() else {
        return Some(DEFAULT.to_vec());
    };
    match lines.next() {
        Some(_) => None,
        None => steps(line),
    }
}

fn hosts_line(line: &[u8]) -> Option<&[u8]> {
    let line = without_comment(line).trim_ascii_start();
    line.strip_prefix(b"hosts")?.trim_ascii_start().strip_prefix(b":")
}

fn steps(line: &[u8]) -> Option<Vec<Step>> {
    let mut steps: Vec<Step> = Vec::new();
    let mut rest = line.trim_ascii_start();
    while let Some(&first) = rest.first() {
        if first == b'[' {
            let end = rest.iter().position(|&byte| byte == b']')?;
            let step = steps.last_mut()?;
            for action in words(&rest[1..end]) {
                act(step, action)?;
            }
            rest = &rest[end + 1..];
        } else {
            let ends = |byte: &u8| byte.is_ascii_whitespace() || *byte == b'[';
            let end = rest.iter().position(ends).unwrap_or(rest.len());
            steps.push(Step::of(source(&rest[..end])?));
            rest = &rest[end..];
        }
        rest = rest.trim_ascii_start();
    }
    Some(steps)
}

fn source(word: &[u8]) -> Option<Source> {
    Some(match word {
        b"files" => Source::Files,
        b"dns" => Source::Dns,
        b"myhostname" => Source::MyHostName,
        b"mymachines" => Source::MyMachines,
        b"mdns_minimal" | b"mdns4_minimal" | b"mdns6_minimal" => Source::MdnsMinimal,
        b"mdns" | b"mdns4" | b"mdns6" => Source::Mdns,
        b"resolve" => Source::Resolve,
        _ => return None,
    })
}

/// `STATUS=ACTION` or `!STATUS=ACTION`, which is for all the others. Going on after a success, and merging, are not understood.
fn act(step: &mut Step, action: &[u8]) -> Option<()> {
    let action = action.to_ascii_lowercase();
    let (others, action) = match action.strip_prefix(b"!") {
        Some(action) => (true, action),
        None => (false, &action[..]),
    };
    let equals = action.iter().position(|&byte| byte == b'=')?;
    let status = match &action[..equals] {
        b"success" => Status::Success,
        b"notfound" => Status::NotFound,
        b"unavail" => Status::Unavailable,
        b"tryagain" => Status::TryAgain,
        _ => return None,
    };
    let returns = match &action[equals + 1..] {
        b"return" => true,
        b"continue" => false,
        _ => return None,
    };
    for (index, entry) in step.returns.iter_mut().enumerate() {
        if (index == status as usize) != others {
            *entry = returns;
        }
    }
    step.returns[Status::Success as usize].then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<Vec<(Source, [bool; 4])>> {
        let steps = sources(format!("passwd: files\n{line}\n").as_bytes())?;
        Some(steps.iter().map(|step| (step.source, step.returns)).collect())
    }

    #[test]
    fn sources_and_what_ends_the_search_are_read() {
        let plain = [true, false, false, false];
        let (files, dns) = ((Source::Files, plain), (Source::Dns, plain));
        assert_eq!(read(""), Some(vec![files, dns]));
        assert_eq!(read("#hosts: ldap"), Some(vec![files, dns]));
        assert_eq!(read("hosts:\t\tfiles dns # ldap"), Some(vec![files, dns]));
        assert_eq!(
            read(" hosts : files mdns4_minimal [NOTFOUND=return] dns mymachines"),
            Some(vec![
                files,
                (Source::MdnsMinimal, [true, true, false, false]),
                dns,
                (Source::MyMachines, plain)
            ])
        );
        assert_eq!(
            read("hosts: mdns resolve[!UNAVAIL=return]files myhostname [ tryagain=RETURN notfound=return ] dns"),
            Some(vec![
                (Source::Mdns, plain),
                (Source::Resolve, [true, true, false, true]),
                files,
                (Source::MyHostName, [true, true, false, true]),
                dns
            ])
        );
        assert_eq!(read("hosts:"), Some(vec![]));
    }

    #[test]
    fn what_is_not_understood_is_the_systems() {
        for line in [
            "hosts: files ldap",
            "hosts: files nis dns",
            "hosts: files [SUCCESS=continue] dns",
            "hosts: files [SUCCESS=merge] dns",
            "hosts: files [!NOTFOUND=continue] dns",
            "hosts: [NOTFOUND=return] files",
            "hosts: files [NOTFOUND=return dns",
            "hosts: files [NOTFOUND] dns",
            "hosts: files [FOUND=return] dns",
            "hosts: files\nhosts: dns",
        ] {
            assert_eq!(read(line), None, "{line}");
        }
    }
}
