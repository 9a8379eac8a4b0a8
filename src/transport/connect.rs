//! From a host's name to a connected socket, through a proxy if there is one.
#![forbid(unsafe_code)]

use super::exchange::{Exchange, Timer};
use super::look_up::look_up;
use super::socket::{MOST_SOCKETS, Ready, Socket, wait};
use crate::config::Resolver;
use crate::error::{Error, Result, Status};
use crate::proxy::{Kind, Proxy};
use crate::times::{Phase, Times};
use crate::wiped::Wiped;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// How long an address may keep the next one waiting (RFC 8305, section 8: the recommended Connection Attempt Delay).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// A proxy's answer to CONNECT is a handful of lines.
const MOST_CONNECT_ANSWER: usize = 16 * 1024;

/// The code of a failure that is a proxy's own decision: it knows us under another password, or lets nobody through to there.
pub(crate) const PROXY_REFUSED: &str = "proxy_refused";

/// A host and a port, as the request's URL names them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Endpoint<'a> {
    /// Without brackets.
    pub host: &'a str,
    pub port: u16,
}

impl std::fmt::Display for Endpoint<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// Connects to `target`, through `proxy` if there is one; `tunnel`: an HTTP proxy is asked for a tunnel.
pub(crate) fn connect(
    target: Endpoint<'_>,
    proxy: Option<&Proxy>,
    tunnel: bool,
    resolver: &Resolver,
    exchange: &Exchange,
    timer: Option<Timer>,
    times: &mut Times,
) -> Result<Socket> {
    let Some(proxy) = proxy else {
        return dial(target, resolver, exchange, timer, times);
    };
    let socket = dial(
        Endpoint {
            host: &proxy.host,
            port: proxy.port,
        },
        resolver,
        exchange,
        timer,
        times,
    )?;
    let mut talk = Talk {
        socket: &socket,
        resolver,
        exchange,
        timer,
        proxy,
    };
    match proxy.kind {
        Kind::Http if tunnel => talk.http_connect(target)?,
        Kind::Http => {}
        Kind::Socks5 => talk.socks5(target, false)?,
        Kind::Socks5h => talk.socks5(target, true)?,
    }
    Ok(socket)
}

/// The two families in turns, beginning with the resolver's first choice (RFC 8305, section 4).
fn alternate(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) = addresses.into_iter().partition(|a| a.is_ipv6() == first_is_v6);
    let mut out = Vec::with_capacity(first.len() + second.len());
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    loop {
        let before = out.len();
        out.extend(first.next());
        out.extend(second.next());
        if out.len() == before {
            return out;
        }
    }
}

/// Tries the addresses, each next one when the last has failed or is slow, and takes the first that answers.
fn dial(
    endpoint: Endpoint<'_>,
    resolver: &Resolver,
    exchange: &Exchange,
    timer: Option<Timer>,
    times: &mut Times,
) -> Result<Socket> {
    exchange.check_cancelled()?;
    times.enter(Phase::LookUp);
    let mut addresses = alternate(look_up(endpoint, resolver, exchange, timer)?).into_iter();
    times.enter(Phase::Connect);
    let mut pending: Vec<Socket> = Vec::with_capacity(1);
    let mut failure: Option<io::Error> = None;
    let doing = format!("connecting to {endpoint}");
    loop {
        while pending.len() < MOST_SOCKETS {
            let Some(address) = addresses.next() else { break };
            match Socket::start(address) {
                Ok(socket) => {
                    pending.push(socket);
                    break;
                }
                Err(error) => failure = Some(error),
            }
        }
        if pending.is_empty() {
            return Err(refused(endpoint, failure));
        }
        if let Some(socket) = first_connected(&mut pending, &mut failure, addresses.len() > 0, exchange, timer, &doing)?
        {
            return Ok(socket);
        }
    }
}

/// The first of the pending sockets that is connected; failed ones are taken out. `None`: it is time to try another address.
fn first_connected(
    pending: &mut Vec<Socket>,
    failure: &mut Option<io::Error>,
    more: bool,
    exchange: &Exchange,
    timer: Option<Timer>,
    doing: &str,
) -> Result<Option<Socket>> {
    let soon = Timer::starting_now("", ATTEMPT_DELAY);
    let patience = if more && pending.len() < MOST_SOCKETS {
        earlier(timer, soon)
    } else {
        timer
    };
    let sockets: Vec<&Socket> = pending.iter().collect();
    let ready = match wait(&sockets, Ready::WRITABLE, exchange, patience, doing) {
        Ok(ready) => ready,
        // Only the patience with this address is over; the limits are looked at again by the next wait.
        Err(error) if error.status == Status::Timeout && patience.is_some_and(|p| p.end == soon.end) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    for i in (0..pending.len()).rev() {
        if ready[i].writable {
            let socket = pending.swap_remove(i);
            match socket.finish() {
                Ok(()) => return Ok(Some(socket)),
                Err(error) => *failure = Some(error),
            }
        }
    }
    Ok(None)
}

pub(super) fn earlier(timer: Option<Timer>, other: Timer) -> Option<Timer> {
    Some(timer.filter(|timer| timer.end <= other.end).unwrap_or(other))
}

fn refused(endpoint: Endpoint<'_>, failure: Option<io::Error>) -> Error {
    let why = failure.map_or_else(|| "no address".to_owned(), |error| error.to_string());
    Error::new(Status::Connection, format!("no connection to {endpoint}: {why}"))
}

/// The conversation with a proxy before the connection is the target's.
struct Talk<'a> {
    socket: &'a Socket,
    resolver: &'a Resolver,
    exchange: &'a Exchange,
    timer: Option<Timer>,
    proxy: &'a Proxy,
}

impl Talk<'_> {
    /// RFC 9110, section 9.3.6.
    fn http_connect(&mut self, target: Endpoint<'_>) -> Result<()> {
        let mut request = Wiped::new();
        request.push(format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n").as_bytes());
        if let Some(authorization) = self.proxy.basic_authorization() {
            request.push(b"Proxy-Authorization: ");
            request.push(authorization.expose().as_bytes());
            request.push(b"\r\n");
        }
        request.push(b"\r\n");
        self.send(&request)?;
        let answer = self.receive_head()?;
        let line = answer.lines().next().unwrap_or_default();
        match line.split_ascii_whitespace().nth(1) {
            Some(code) if line.starts_with("HTTP/1.") && code.starts_with('2') => Ok(()),
            Some("407") => Err(self.refused("it asks for another user and password (407)")),
            Some(code) if code.starts_with('4') && !matches!(code, "408" | "429") => {
                Err(self.refused(&format!("it refused the tunnel: {line}")))
            }
            _ => Err(self.failed(&format!("it refused the tunnel: {line}"))),
        }
    }

    /// RFC 1928, with RFC 1929 when a user is given. `remote`: the proxy looks the name up.
    fn socks5(&mut self, target: Endpoint<'_>, remote: bool) -> Result<()> {
        const NONE: u8 = 0;
        const PASSWORD: u8 = 2;
        let methods: &[u8] = if self.proxy.user.is_some() {
            &[5, 2, NONE, PASSWORD]
        } else {
            &[5, 1, NONE]
        };
        self.send(methods)?;
        match self.receive::<2>()? {
            [5, NONE] => {}
            [5, PASSWORD] if self.proxy.user.is_some() => self.socks5_password()?,
            [5, _] => return Err(self.refused("it asks for a user and a password")),
            _ => return Err(self.failed("it does not speak SOCKS5")),
        }
        let mut request = vec![5, 1, 0];
        self.socks5_address(target, remote, &mut request)?;
        request.extend(target.port.to_be_bytes());
        self.send(&request)?;
        self.socks5_answer(target)
    }

    fn socks5_password(&mut self) -> Result<()> {
        let Some((user, password)) = &self.proxy.user else {
            return Ok(());
        };
        let mut message = Wiped::new();
        message.push(&[1]);
        for text in [user.as_str(), password.expose()] {
            let length =
                u8::try_from(text.len()).map_err(|_| self.failed("user and password may have 255 bytes each"))?;
            message.push(&[length]);
            message.push(text.as_bytes());
        }
        self.send(&message)?;
        match self.receive::<2>()? {
            [_, 0] => Ok(()),
            _ => Err(self.refused("it refused the user and password")),
        }
    }

    fn socks5_address(&self, target: Endpoint<'_>, remote: bool, out: &mut Vec<u8>) -> Result<()> {
        let address = match target.host.parse::<IpAddr>() {
            Ok(address) => Some(address),
            Err(_) if remote => None,
            Err(_) => {
                let addresses = look_up(target, self.resolver, self.exchange, self.timer)?;
                addresses.first().map(SocketAddr::ip)
            }
        };
        match address {
            Some(IpAddr::V4(address)) => {
                out.push(1);
                out.extend(address.octets());
            }
            Some(IpAddr::V6(address)) => {
                out.push(4);
                out.extend(address.octets());
            }
            None => {
                let length = u8::try_from(target.host.len())
                    .map_err(|_| self.failed("the host's name is longer than 255 bytes"))?;
                out.extend([3, length]);
                out.extend(target.host.as_bytes());
            }
        }
        Ok(())
    }

    fn socks5_answer(&mut self, target: Endpoint<'_>) -> Result<()> {
        let [version, reply, _, kind] = self.receive::<4>()?;
        if version != 5 || reply != 0 {
            let why = format!("no connection to {target}: {}", socks5_reply(reply));
            let forbidden = version == 5 && reply == 2;
            return Err(if forbidden {
                self.refused(&why)
            } else {
                self.failed(&why)
            });
        }
        let address_length = match kind {
            1 => 4,
            4 => 16,
            3 => usize::from(self.receive::<1>()?[0]),
            _ => return Err(self.failed("it does not speak SOCKS5")),
        };
        self.fill(&mut vec![0; address_length + 2])
    }

    fn send(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            match self.socket.write(bytes) {
                Ok(sent) => bytes = &bytes[sent..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.wait(Ready::WRITABLE)?,
                Err(error) => return Err(self.failed(&error.to_string())),
            }
        }
        Ok(())
    }

    fn receive<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    /// Exactly as many bytes as asked for: what follows belongs to the target.
    fn fill(&mut self, bytes: &mut [u8]) -> Result<()> {
        let mut filled = 0;
        while filled < bytes.len() {
            match self.socket.read(&mut bytes[filled..]) {
                Ok(0) => return Err(self.failed("it closed the connection")),
                Ok(more) => filled += more,
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.wait(Ready::READABLE)?,
                Err(error) => return Err(self.failed(&error.to_string())),
            }
        }
        Ok(())
    }

    /// A header block, byte by byte: a proxy that has just connected may already hand on what the target says first.
    fn receive_head(&mut self) -> Result<String> {
        let mut head = Vec::with_capacity(256);
        while !head.ends_with(b"\r\n\r\n") {
            if head.len() == MOST_CONNECT_ANSWER {
                return Err(self.failed("its answer is too long"));
            }
            head.extend(self.receive::<1>()?);
        }
        Ok(String::from_utf8_lossy(&head).into_owned())
    }

    fn wait(&self, wanted: Ready) -> Result<()> {
        let doing = format!("talking to the proxy {}:{}", self.proxy.host, self.proxy.port);
        wait(&[self.socket], wanted, self.exchange, self.timer, &doing).map(|_| ())
    }

    fn failed(&self, why: &str) -> Error {
        Error::new(
            Status::Connection,
            format!("the proxy {}:{}: {why}", self.proxy.host, self.proxy.port),
        )
    }

    /// A failure that asking again does not mend.
    fn refused(&self, why: &str) -> Error {
        let mut error = self.failed(why);
        error.code = Some(PROXY_REFUSED.to_owned());
        error
    }
}

/// RFC 1928, section 6.
fn socks5_reply(reply: u8) -> &'static str {
    match reply {
        1 => "general failure",
        2 => "not allowed by its rules",
        3 => "network unreachable",
        4 => "host unreachable",
        5 => "connection refused",
        6 => "time to live expired",
        7 => "command not supported",
        8 => "address type not supported",
        _ => "an unknown failure",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns_beginning_with_the_resolvers_choice() {
        let parse = |list: &[&str]| {
            list.iter()
                .map(|a| SocketAddr::new(a.parse().unwrap(), 1))
                .collect::<Vec<_>>()
        };
        let found = parse(&["::1", "::2", "::3", "10.0.0.1", "10.0.0.2"]);
        assert_eq!(alternate(found), parse(&["::1", "10.0.0.1", "::2", "10.0.0.2", "::3"]));
        assert_eq!(alternate(parse(&["10.0.0.1"])), parse(&["10.0.0.1"]));
    }
}
