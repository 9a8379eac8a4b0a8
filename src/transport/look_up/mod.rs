//! From a host's name to its addresses, with every wait bounded and cancellable: the system's files say who is asked, and we ask.
//!
//! The system's own look-up, `getaddrinfo`, can be neither bounded nor broken off. It is used where the files name a source that only it
//! knows, and where the configuration wants it.
#![forbid(unsafe_code)]

mod servers;

use super::connect::Endpoint;
use super::exchange::{Exchange, Timer};
use super::socket::Socket;
use crate::config::Resolver;
use crate::descriptor;
use crate::error::{Error, Result, Status};
use crate::names::message::Name;
use crate::names::nsswitch::{self, Source, Step};
use crate::names::order::Policy;
use crate::names::resolv_conf::{ResolvConf, Surroundings};
use crate::names::{self, hosts};
use servers::{Answer, NoAnswer};
use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::os::fd::OwnedFd;
use std::path::Path;

/// What is longer of a file is not read; `/etc/hosts`, which can be very long, is read line by line.
const MOST_OF_A_FILE: u64 = 64 * 1024;

/// The addresses of a host, in the order in which they are to be tried; never none.
pub(super) fn look_up(
    endpoint: Endpoint<'_>,
    resolver: &Resolver,
    exchange: &Exchange,
    timer: Option<Timer>,
) -> Result<Vec<SocketAddr>> {
    let with_port = |address| SocketAddr::new(address, endpoint.port);
    if let Some(address) = names::numeric(endpoint.host) {
        return Ok(vec![with_port(address)]);
    }
    let failed = |why: &str| {
        let message = format!("the address of {} was not found: {why}", endpoint.host);
        Error::new(Status::Connection, message)
    };
    let found = if resolver.is_own_enough(endpoint.host) {
        let looking = LookUp {
            endpoint,
            resolver,
            exchange,
            timer,
            doing: format!("looking up {}", endpoint.host),
        };
        looking.by_the_files()?
    } else {
        Found::OnlyByTheSystem
    };
    let addresses: Vec<SocketAddr> = match found {
        Found::Addresses(addresses) => addresses.into_iter().map(with_port).collect(),
        Found::Nothing(why) => return Err(failed(&why)),
        Found::OnlyByTheSystem => {
            let found = (endpoint.host, endpoint.port).to_socket_addrs();
            found.map_err(|error| failed(&error.to_string()))?.collect()
        }
    };
    if addresses.is_empty() {
        return Err(failed("no address"));
    }
    Ok(addresses)
}

impl Resolver {
    /// Whether it may be tried without the system's look-up at all.
    fn is_own_enough(&self, host: &str) -> bool {
        // The names and the meaning of the files are Linux's.
        cfg!(target_os = "linux") && !self.system && (!self.host_aliases || host.contains('.'))
    }
}

/// What the search among the sources came to.
enum Found {
    Addresses(Vec<IpAddr>),
    /// And why.
    Nothing(String),
    OnlyByTheSystem,
}

/// One look-up.
struct LookUp<'a> {
    endpoint: Endpoint<'a>,
    resolver: &'a Resolver,
    exchange: &'a Exchange,
    timer: Option<Timer>,
    doing: String,
}

impl LookUp<'_> {
    /// Asks the sources of `/etc/nsswitch.conf`, one after the other.
    fn by_the_files(&self) -> Result<Found> {
        let host = self.endpoint.host;
        let Some(steps) = nsswitch::sources(&self.contents("/etc/nsswitch.conf")?) else {
            return Ok(Found::OnlyByTheSystem);
        };
        let mut said = None;
        for step in steps {
            let status = match self.ask_source(step, &mut said)? {
                Asked::Found(addresses) => return Ok(Found::Addresses(self.in_order(addresses)?)),
                Asked::Status(status) => status,
                Asked::OnlyTheSystem => return Ok(Found::OnlyByTheSystem),
            };
            if step.ends_with(status) {
                break;
            }
        }
        Ok(match said {
            _ if is_localhost(host) => Found::Addresses(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]),
            Some(said) => found(said),
            None => found(Answer::NoSuchName),
        })
    }

    /// `said`: what the name servers have said, which are asked once.
    fn ask_source(&self, step: Step, said: &mut Option<Answer>) -> Result<Asked> {
        let host = self.endpoint.host;
        let without_dot = host.strip_suffix('.').unwrap_or(host);
        let status = match step.source {
            Source::Files => return self.in_hosts(),
            // RFC 6761, section 6.3: what it is, no server needs to tell.
            Source::Dns if is_localhost(host) => nsswitch::Status::NotFound,
            Source::Dns => return self.ask_servers(said),
            Source::Resolve if !Path::new("/run/systemd/resolve/io.systemd.Resolve").exists() => {
                nsswitch::Status::Unavailable
            }
            Source::Resolve => match self.resolv_conf()? {
                // Its stub answers by DNS what it would answer the module, but for what it finds by multicast.
                Some(conf) if conf.is_resolved_stub() && !is_local(without_dot) => return self.ask_servers(said),
                _ => return Ok(Asked::OnlyTheSystem),
            },
            Source::MdnsMinimal | Source::Mdns if is_local(without_dot) => return Ok(Asked::OnlyTheSystem),
            Source::Mdns if Path::new("/etc/mdns.allow").exists() => return Ok(Asked::OnlyTheSystem),
            Source::MdnsMinimal | Source::Mdns => nsswitch::Status::Unavailable,
            Source::MyMachines if Path::new("/run/systemd/machines").join(host).exists() => {
                return Ok(Asked::OnlyTheSystem);
            }
            Source::MyMachines => nsswitch::Status::NotFound,
            Source::MyHostName => {
                let known = ["_gateway", "_outbound", &host_name()];
                if known.iter().any(|name| name.eq_ignore_ascii_case(without_dot)) {
                    return Ok(Asked::OnlyTheSystem);
                }
                if is_localhost(without_dot) || ends_with_label(without_dot, "localhost") {
                    return Ok(Asked::Found(vec![
                        Ipv6Addr::LOCALHOST.into(),
                        Ipv4Addr::LOCALHOST.into(),
                    ]));
                }
                nsswitch::Status::NotFound
            }
        };
        Ok(Asked::Status(status))
    }

    fn in_hosts(&self) -> Result<Asked> {
        const HOSTS: &str = "/etc/hosts";
        let found = open(Path::new(HOSTS)).and_then(|file| {
            let addresses = |file| hosts::addresses(BufReader::new(file), self.endpoint.host);
            file.map(addresses).transpose()
        });
        Ok(match found.map_err(|error| self.unreadable(HOSTS, &error))? {
            None => Asked::Status(nsswitch::Status::Unavailable),
            Some(found) if found.is_empty() => Asked::Status(nsswitch::Status::NotFound),
            Some(found) => Asked::Found(found),
        })
    }

    fn ask_servers(&self, said: &mut Option<Answer>) -> Result<Asked> {
        let answer = match said.take() {
            Some(answer) => answer,
            None => match self.resolv_conf()? {
                Some(conf) => self.by_dns(&conf)?,
                None => return Ok(Asked::OnlyTheSystem),
            },
        };
        if let Answer::Addresses(addresses) = answer {
            return Ok(Asked::Found(addresses));
        }
        let status = status(&answer);
        *said = Some(answer);
        Ok(Asked::Status(status))
    }

    /// `None`: something in it is not understood.
    fn resolv_conf(&self) -> Result<Option<ResolvConf>> {
        let around = Surroundings {
            local_domain: self.resolver.local_domain.as_deref(),
            options: self.resolver.options.as_deref(),
            host_name: &host_name(),
            interface: &interface,
        };
        Ok(ResolvConf::parse(&self.contents("/etc/resolv.conf")?, around))
    }

    /// Asks for the name, completed with the search list, until there is an address. What is said of the name as it stands comes before
    /// what is said of the others.
    fn by_dns(&self, conf: &ResolvConf) -> Result<Answer> {
        let host = self.endpoint.host;
        let mut result: Option<Answer> = None;
        let mut stopped = false;
        for (index, candidate) in conf.candidates(host).into_iter().enumerate() {
            let as_it_stands = candidate == host;
            let Some(name) = Name::parse(&candidate).filter(|_| as_it_stands || !stopped) else {
                continue;
            };
            let answer = servers::ask(self, conf, &name)?;
            match answer {
                Answer::Addresses(_) | Answer::Silent(_) => return Ok(answer),
                // The list is not followed past what cannot be told now.
                Answer::Failed(NoAnswer { serv_fail: false, .. }) if index > 0 || !as_it_stands => stopped = true,
                _ => {}
            }
            match answer {
                _ if as_it_stands => result = Some(answer),
                Answer::NoSuchName => {}
                _ => {
                    result.get_or_insert(answer);
                }
            }
        }
        Ok(result.unwrap_or(Answer::NoSuchName))
    }

    /// Sorted by how well they can be reached from here.
    fn in_order(&self, addresses: Vec<IpAddr>) -> Result<Vec<IpAddr>> {
        if addresses.len() < 2 {
            return Ok(addresses);
        }
        let policy = Policy::parse(&self.contents("/etc/gai.conf")?);
        let with_source = addresses
            .into_iter()
            .map(|address| (address, source(address, self.endpoint.port)));
        Ok(policy.sort(with_source.collect()))
    }

    /// What a file holds; a file that is not there, or not for us, is empty.
    fn contents(&self, path: &str) -> Result<Vec<u8>> {
        let mut contents = Vec::new();
        let read = open(Path::new(path)).and_then(|file| match file {
            Some(file) => file.take(MOST_OF_A_FILE).read_to_end(&mut contents),
            None => Ok(0),
        });
        read.map_err(|error| self.unreadable(path, &error))?;
        Ok(contents)
    }

    fn unreadable(&self, path: &str, error: &io::Error) -> Error {
        let host = self.endpoint.host;
        Error::new(
            Status::Connection,
            format!("the address of {host} was not found: {path}: {error}"),
        )
    }
}

/// What asking a source came to.
enum Asked {
    Found(Vec<IpAddr>),
    Status(nsswitch::Status),
    OnlyTheSystem,
}

fn status(answer: &Answer) -> nsswitch::Status {
    match answer {
        Answer::Addresses(_) => nsswitch::Status::Success,
        Answer::NoSuchName | Answer::NoAddress => nsswitch::Status::NotFound,
        Answer::Failed(_) => nsswitch::Status::TryAgain,
        Answer::Silent(_) => nsswitch::Status::Unavailable,
    }
}

fn found(answer: Answer) -> Found {
    match answer {
        Answer::Addresses(addresses) => Found::Addresses(addresses),
        Answer::NoSuchName => Found::Nothing("there is no such host".to_owned()),
        Answer::NoAddress => Found::Nothing("the name has no address".to_owned()),
        Answer::Failed(answer) => Found::Nothing(format!("no name server could tell: {}", answer.why)),
        Answer::Silent(answer) => Found::Nothing(format!("no name server answered: {}", answer.why)),
    }
}

/// The address that would be sent from: the kernel's choice, for which nothing is sent.
fn source(address: IpAddr, port: u16) -> Option<IpAddr> {
    Socket::datagrams(SocketAddr::new(address, port)).ok()?.own_address()
}

/// Opens one of the system's files; `None` when it is not there, or not for us.
fn open(path: &Path) -> io::Result<Option<File>> {
    match File::open(path) {
        Ok(file) => Ok(Some(descriptor::above_stdio(OwnedFd::from(file))?.into())),
        Err(error) => match error.kind() {
            ErrorKind::NotFound | ErrorKind::PermissionDenied | ErrorKind::NotADirectory => Ok(None),
            _ => Err(error),
        },
    }
}

fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(target_os = "linux")]
fn interface(name: &str) -> Option<u32> {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, netdevice, socket_with};
    let socket = socket_with(AddressFamily::INET6, SocketType::DGRAM, SocketFlags::CLOEXEC, None).ok()?;
    netdevice::name_to_index(socket, name).ok()
}

/// Elsewhere nobody asks.
#[cfg(not(target_os = "linux"))]
fn interface(_: &str) -> Option<u32> {
    None
}

fn is_localhost(name: &str) -> bool {
    name.eq_ignore_ascii_case("localhost")
}

/// Names of the local network, which answer by multicast (RFC 6762, section 3).
fn is_local(name: &str) -> bool {
    name.eq_ignore_ascii_case("local") || ends_with_label(name, "local")
}

fn ends_with_label(name: &str, label: &str) -> bool {
    name.rsplit_once('.')
        .is_some_and(|(_, last)| last.eq_ignore_ascii_case(label))
}

#[cfg(test)]
mod tests;
