//! Asking the name servers of `/etc/resolv.conf` for one name: for IPv4 and IPv6 at once, over UDP, and over TCP where an answer is too large.
#![forbid(unsafe_code)]

use super::super::connect::earlier;
use super::super::exchange::Timer;
use super::super::socket::{MOST_SOCKETS, Ready, Socket, wait};
use super::{LookUp, source};
use crate::error::{Error, Result, Status};
use crate::names::message::{self, Family, LARGEST_DATAGRAM, Name, Query, Reply};
use crate::names::resolv_conf::ResolvConf;
use ring::rand::{SecureRandom, SystemRandom};
use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

/// How long IPv6 addresses are waited for when there are IPv4 addresses that can be reached: some name servers never answer when they are
/// asked for IPv6 (RFC 8305, section 3, has 50 ms, which is less than some good ones take).
const GRACE: Duration = Duration::from_millis(250);

/// What the name servers said.
pub(super) enum Answer {
    Addresses(Vec<IpAddr>),
    NoSuchName,
    NoAddress,
    /// They answered that they cannot say.
    Failed(NoAnswer),
    /// None answered.
    Silent(NoAnswer),
}

/// Which server did not answer, and why.
pub(super) struct NoAnswer {
    pub why: String,
    /// Each server said SERVFAIL, which may be this name's own misfortune.
    pub serv_fail: bool,
}

/// Asks for one name, as it is given.
pub(super) fn ask(look_up: &LookUp<'_>, conf: &ResolvConf, name: &Name) -> Result<Answer> {
    Asking { look_up, conf }.addresses(name)
}

struct Asking<'a> {
    look_up: &'a LookUp<'a>,
    conf: &'a ResolvConf,
}

/// A question, and what became of it.
struct Question {
    query: Query,
    message: Vec<u8>,
    reply: Option<Reply>,
    /// Why each server, in the order in which they are asked, will not be asked again.
    failures: Vec<Option<Failure>>,
}

/// Why a server is not asked any more.
#[derive(Debug)]
enum Failure {
    /// It says so.
    Said(message::Failure),
    /// There is no way to it.
    Unreachable(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Said(failure) => failure.fmt(f),
            Failure::Unreachable(why) => f.write_str(why),
        }
    }
}

impl Question {
    fn is_settled(&self) -> bool {
        self.reply.is_some() || self.failures.iter().all(Option::is_some)
    }

    fn is_for(&self, server: usize) -> bool {
        self.reply.is_none() && self.failures[server].is_none()
    }
}

/// A name server, and the socket that its answers come to.
struct Server {
    address: SocketAddr,
    socket: Option<Socket>,
}

impl Asking<'_> {
    fn addresses(&self, name: &Name) -> Result<Answer> {
        let families: &[Family] = if self.conf.no_aaaa {
            &[Family::V4]
        } else {
            &[Family::V4, Family::V6]
        };
        let mut random = [0; 5];
        SystemRandom::new()
            .fill(&mut random)
            .map_err(|_| Error::internal("the system gives no random numbers"))?;
        let ids = [[random[0], random[1]], [random[2], random[3]]].map(u16::from_ne_bytes);
        let mut servers = self.conf.servers.clone();
        if self.conf.rotate {
            let first = usize::from(random[4]) % servers.len();
            servers.rotate_left(first);
        }
        let questions = families.iter().zip(ids).map(|(&family, id)| {
            let query = Query {
                id,
                name: name.clone(),
                family,
                edns0: self.conf.edns0,
                trust_ad: self.conf.trust_ad,
            };
            Question {
                message: query.to_bytes(),
                query,
                reply: None,
                failures: servers.iter().map(|_| None).collect(),
            }
        });
        let mut questions: Vec<Question> = questions.collect();
        if self.conf.single_request {
            for present in 0..questions.len() {
                let (earlier, rest) = questions.split_at_mut(present);
                self.ask(&servers, earlier, &mut rest[..1])?;
            }
        } else {
            self.ask(&servers, &[], &mut questions)?;
        }
        Ok(self.judged(&servers, questions))
    }

    /// Asks the servers in turns, until each question has its answer. Sockets stay open from turn to turn: a late answer is an answer.
    /// `earlier`: what has been asked already.
    fn ask(&self, addresses: &[SocketAddr], earlier: &[Question], questions: &mut [Question]) -> Result<()> {
        let server = |&address| Server { address, socket: None };
        let mut servers: Vec<Server> = addresses.iter().map(server).collect();
        let turns = self.conf.attempts * servers.len();
        let begin_grace = |questions: &[Question]| self.may_go_on(questions).then(|| Instant::now() + GRACE);
        let mut grace = begin_grace(earlier);
        for turn in 0..turns {
            let present = turn % servers.len();
            let asked_in = |turn: &usize| questions.iter().any(|question| question.is_for(turn % servers.len()));
            if !asked_in(&turn) {
                continue;
            }
            let patience = self.patience((turn..turns).filter(asked_in).count());
            self.send(&mut servers[present], present, questions, patience)?;
            let end = Instant::now() + patience;
            while questions.iter().any(|question| question.is_for(present)) {
                if !self.listen(&servers, questions, patience, grace.map_or(end, |grace| end.min(grace)))? {
                    break;
                }
                if !questions.iter().all(Question::is_settled) {
                    grace = grace.or_else(|| begin_grace(questions));
                }
            }
            let over = grace.is_some_and(|grace| grace <= Instant::now());
            if over || questions.iter().all(Question::is_settled) {
                break;
            }
        }
        Ok(())
    }

    /// How long a server's answer is waited for before the next turn: as long as `resolv.conf` says, or, when the call's limits allow less,
    /// an equal share of that, so that a server that is gone does not take the time of those that are there.
    fn patience(&self, turns_left: usize) -> Duration {
        let timeout = self.conf.timeout;
        let first = self.look_up.exchange.limits.first(self.look_up.timer);
        match first {
            Some(limit) if turns_left > 1 => {
                let left = limit.end.saturating_duration_since(Instant::now());
                timeout.min(left / (turns_left as u32 + 1))
            }
            _ => timeout,
        }
    }

    /// Sends a server what it has not answered yet.
    fn send(&self, server: &mut Server, present: usize, questions: &mut [Question], patience: Duration) -> Result<()> {
        let mut failed = None;
        for question in questions.iter_mut().filter(|question| question.is_for(present)) {
            if self.conf.use_vc {
                self.ask_by_tcp(server.address, present, question, patience)?;
                continue;
            }
            let sent = match &server.socket {
                Some(socket) => socket.write(&question.message),
                None => Socket::datagrams(server.address)
                    .and_then(|socket| server.socket.insert(socket).write(&question.message)),
            };
            match sent {
                Ok(_) => {}
                // A datagram that finds no room is as one that is lost on its way.
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                // That of an earlier datagram's, too: this one was not sent.
                Err(error) => failed = Some(error),
            }
        }
        if let Some(error) = failed {
            give_up(questions, present, &error);
        }
        Ok(())
    }

    /// Waits for one more message until `end`; whether the turn goes on.
    fn listen(&self, servers: &[Server], questions: &mut [Question], patience: Duration, end: Instant) -> Result<bool> {
        let open = |(index, server): (usize, &Server)| server.socket.is_some().then_some(index);
        let open: Vec<usize> = servers.iter().enumerate().filter_map(open).collect();
        let sockets: Vec<&Socket> = servers.iter().filter_map(|server| server.socket.as_ref()).collect();
        if sockets.is_empty() {
            return Ok(false);
        }
        let Some(ready) = self.wait(&sockets, Ready::READABLE, end)? else {
            return Ok(false);
        };
        let mut buffer = vec![0; usize::from(LARGEST_DATAGRAM.max(4096))];
        for ((index, socket), ready) in open.into_iter().zip(sockets).zip(ready) {
            if !ready.readable {
                continue;
            }
            match socket.read(&mut buffer) {
                Ok(size) => self.take(&buffer[..size], servers[index].address, index, questions, patience)?,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => give_up(questions, index, &error),
            }
        }
        Ok(true)
    }

    /// Takes a message of a server's, if it answers one of the questions.
    fn take(
        &self,
        message: &[u8],
        address: SocketAddr,
        server: usize,
        questions: &mut [Question],
        patience: Duration,
    ) -> Result<()> {
        for question in questions.iter_mut().filter(|question| question.is_for(server)) {
            match question.query.read(message) {
                None => {}
                Some(Reply::Truncated) => {
                    return self.ask_by_tcp(address, server, question, patience);
                }
                Some(Reply::Failed(why)) => question.failures[server] = Some(Failure::Said(why)),
                reply => question.reply = reply,
            }
        }
        Ok(())
    }

    /// Asks one question over a connection of its own (RFC 7766).
    fn ask_by_tcp(
        &self,
        address: SocketAddr,
        server: usize,
        question: &mut Question,
        patience: Duration,
    ) -> Result<()> {
        let end = Instant::now() + patience;
        let answer = match self.over_tcp(address, &question.message, end)? {
            Ok(answer) => answer,
            Err(error) => {
                // Who is late is asked again in the next turn.
                if error.kind() != ErrorKind::TimedOut {
                    question.failures[server] = Some(Failure::Unreachable(error.to_string()));
                }
                return Ok(());
            }
        };
        match question.query.read(&answer) {
            Some(Reply::Failed(why)) => question.failures[server] = Some(Failure::Said(why)),
            None | Some(Reply::Truncated) => {
                question.failures[server] = Some(Failure::Said(message::Failure::Malformed));
            }
            reply => question.reply = reply,
        }
        Ok(())
    }

    /// The inner result tells why this server gave no answer, the outer one why the call ends.
    fn over_tcp(&self, address: SocketAddr, message: &[u8], end: Instant) -> Result<io::Result<Vec<u8>>> {
        let late = || Ok(Err(io::Error::from(ErrorKind::TimedOut)));
        let socket = match Socket::start(address) {
            Ok(socket) => socket,
            Err(error) => return Ok(Err(error)),
        };
        if self.wait(&[&socket], Ready::WRITABLE, end)?.is_none() {
            return late();
        }
        // A few dozen bytes always have room in a new connection.
        let length = (message.len() as u16).to_be_bytes();
        if let Err(error) = socket
            .finish()
            .and_then(|()| socket.write(&[&length, message].concat()))
        {
            return Ok(Err(error));
        }
        let mut answer = vec![0; 2];
        let mut filled = 0;
        while filled < answer.len() {
            match socket.read(&mut answer[filled..]) {
                Ok(0) => return Ok(Err(ErrorKind::UnexpectedEof.into())),
                Ok(amount) => filled += amount,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if self.wait(&[&socket], Ready::READABLE, end)?.is_none() {
                        return late();
                    }
                }
                Err(error) => return Ok(Err(error)),
            }
            if filled == 2 && answer.len() == 2 {
                let length = u16::from_be_bytes([answer[0], answer[1]]);
                answer.resize(2 + usize::from(length), 0);
            }
        }
        answer.drain(..2);
        Ok(Ok(answer))
    }

    /// Waits for the sockets until `end`, which is no limit of the call: `None` when it has passed.
    fn wait(&self, sockets: &[&Socket], wanted: Ready, end: Instant) -> Result<Option<[Ready; MOST_SOCKETS]>> {
        let LookUp {
            exchange, timer, doing, ..
        } = self.look_up;
        let patience = earlier(*timer, Timer::until(end));
        match wait(sockets, wanted, exchange, patience, doing) {
            Ok(ready) => Ok(Some(ready)),
            Err(error) if error.status == Status::Timeout => match exchange.limits.first(*timer) {
                Some(limit) if limit.end <= Instant::now() => Err(limit.passed(doing)),
                _ => Ok(None),
            },
            Err(error) => Err(error),
        }
    }

    /// Whether what is there is enough to connect to, should the rest not come.
    fn may_go_on(&self, questions: &[Question]) -> bool {
        questions.iter().any(|question| match &question.reply {
            Some(Reply::Addresses(addresses)) if question.query.family == Family::V4 => {
                let reachable = |&address: &IpAddr| source(address, self.look_up.endpoint.port).is_some();
                addresses.first().is_some_and(reachable)
            }
            _ => false,
        })
    }

    fn judged(&self, servers: &[SocketAddr], questions: Vec<Question>) -> Answer {
        let mut addresses = Vec::new();
        let mut no_such_name = false;
        let mut unanswered = None;
        for question in questions {
            match question.reply {
                Some(Reply::Addresses(found)) => addresses.extend(found),
                Some(Reply::NoSuchName) => no_such_name = true,
                Some(_) => {}
                None => unanswered = Some(question.failures),
            }
        }
        match unanswered {
            _ if !addresses.is_empty() => Answer::Addresses(addresses),
            Some(failures) => no_answer(servers, &failures),
            None if no_such_name => Answer::NoSuchName,
            None => Answer::NoAddress,
        }
    }
}

/// There is no way to this server.
fn give_up(questions: &mut [Question], server: usize, error: &io::Error) {
    for question in questions.iter_mut().filter(|question| question.is_for(server)) {
        question.failures[server] = Some(Failure::Unreachable(error.to_string()));
    }
}

fn no_answer(servers: &[SocketAddr], failures: &[Option<Failure>]) -> Answer {
    let why = |(server, failure): (&SocketAddr, &Option<Failure>)| match failure {
        Some(failure) => format!("{}: {failure}", server.ip()),
        None => format!("{} is silent", server.ip()),
    };
    let whys: Vec<String> = servers.iter().zip(failures).map(why).collect();
    let said = |wanted: fn(message::Failure) -> bool| move |failure: &Option<Failure>| matches!(failure, Some(Failure::Said(why)) if wanted(*why));
    let answer = NoAnswer {
        why: whys.join("; "),
        serv_fail: failures.iter().all(said(|why| why == message::Failure::ServFail)),
    };
    if failures.iter().any(said(|_| true)) {
        Answer::Failed(answer)
    } else {
        Answer::Silent(answer)
    }
}
