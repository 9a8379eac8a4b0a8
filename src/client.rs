//! One call from request to answer: building what goes out, trying, trying again, judging what comes.
#![forbid(unsafe_code)]

use crate::answer;
use crate::cancel::Cancel;
use crate::chat;
use crate::config::{CallOptions, Config};
use crate::error::{Error, Result, Status};
use crate::fork::Process;
use crate::headers::Headers;
use crate::idempotency::Keys;
use crate::log::{About, Attempt, Level, Log};
use crate::outgoing::{Defaults, Outgoing};
use crate::request::Request;
use crate::result::Answer;
use crate::retry;
use crate::save;
use crate::stream::Stream;
use crate::times::Took;
use crate::transport::exchange::{Exchange, Limits};
use crate::transport::{PROXY_REFUSED, Response, Transport, sleep};
use once_cell::race::OnceBox;
use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// How many redirects within the origin are followed.
const MOST_REDIRECTS: u32 = 5;
/// How much of a failure's body is read. What it tells stands at its start, and its connection is worth less than the wait for the rest.
const MOST_OF_FAILURE: u64 = 1024 * 1024;

/// A service, its key and the connections to it. Immutable; meant to be shared by all threads. Clones are the same client.
#[derive(Clone)]
pub struct Client(
    Arc<Inner>,
    /// The switch that every call of this clone is under; else the one of its time.
    Option<Cancel>,
);

struct Inner {
    config: Arc<Config>,
    defaults: Defaults,
    first: Local,
}

/// What a client has in one process. A fork may catch other threads in the middle of changing it, with locks that nobody opens in the
/// child: there it is not used any more, and the child makes its own.
struct Local {
    process: Process,
    shared: Arc<Shared>,
    after_fork: OnceBox<Local>,
}

/// What threads change together.
struct Shared {
    transport: Transport,
    keys: Keys,
    /// `None`: nobody wants to know.
    log: Option<Log>,
    /// The switch of the calls in flight. Each cancelling puts a new one in its place.
    cancel: Mutex<Cancel>,
}

impl Inner {
    fn shared(&self) -> &Shared {
        let here = Process::current();
        let mut local = &self.first;
        while local.process != here {
            let before = local;
            local = local
                .after_fork
                .get_or_init(|| Box::new(Local::new(before.shared.transport.for_child(), self.config.log)));
        }
        &local.shared
    }
}

impl Local {
    fn new(transport: Transport, log: Option<Level>) -> Local {
        Local {
            process: Process::current(),
            shared: Arc::new(Shared {
                transport,
                keys: Keys::new(),
                log: log.map(Log::new),
                cancel: Mutex::new(Cancel::new()),
            }),
            after_fork: OnceBox::new(),
        }
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        if !self.process.left_whole() {
            // Half changed: better never dropped than dropped wrongly. Its sockets go with the process.
            std::mem::forget(self.shared.clone());
        }
    }
}

/// A failure with what the service sent along.
pub(crate) struct Refused {
    pub error: Error,
    pub headers: Headers,
    pub body: Vec<u8>,
}

impl From<Error> for Refused {
    fn from(error: Error) -> Refused {
        Refused {
            error,
            headers: Headers::default(),
            body: Vec::new(),
        }
    }
}

impl Refused {
    fn answer(self) -> Answer {
        Answer::failed(self.error, self.headers, self.body)
    }
}

impl Client {
    /// A client by a configuration in JSON; what it leaves open comes from the environment.
    ///
    /// # Errors
    /// [`Status::Config`]; the message names the key.
    pub fn new(config_json: Option<&str>) -> Result<Client> {
        // Variables that are not Unicode could only be wrong values.
        let config = Arc::new(Config::load(config_json, &|name| std::env::var(name).ok())?);
        let inner = Inner {
            first: Local::new(Transport::new(&config)?, config.log),
            defaults: Defaults::new(&config)?,
            config,
        };
        Ok(Client(Arc::new(inner), None))
    }

    /// Ends every call that is in flight, from any thread. Later calls work.
    pub fn cancel(&self) {
        let running = std::mem::take(&mut *self.0.shared().cancel.lock().unwrap_or_else(PoisonError::into_inner));
        running.trigger();
    }

    /// The log's lines since the last time this was asked, each a JSON object with a line feed behind it; empty when nothing is logged.
    pub fn log(&self) -> String {
        self.log_kept().map(Log::take).unwrap_or_default()
    }

    /// A chat completion: the request's JSON in, the answer's JSON out.
    pub fn chat_complete(&self, request_json: &str) -> Answer {
        match self.chat(request_json, false) {
            Ok(outgoing) => self.receive_whole(&outgoing, &CallOptions::default(), None, None),
            Err(error) => Answer::from_error(error),
        }
    }

    /// A chat completion that comes piece by piece.
    pub fn chat_stream(&self, request_json: &str) -> Stream {
        match self.chat(request_json, true) {
            Ok(outgoing) => self.receive_stream(&outgoing, &CallOptions::default(), None),
            Err(error) => Stream::failed(error),
        }
    }

    /// Any operation, by its name or as `"METHOD /path"`.
    pub fn call(&self, operation: &str, params: Option<&str>, options: Option<&str>) -> Answer {
        match Request::new(operation, params, options) {
            Ok(request) => self.send(&request),
            Err(error) => Answer::from_error(error),
        }
    }

    /// Sends a request and receives the whole answer.
    pub fn send(&self, request: &Request) -> Answer {
        match self.0.defaults.outgoing(&self.0.config, request, false) {
            Ok(outgoing) => self.receive_whole(
                &outgoing,
                &request.options,
                request.cancel.as_ref(),
                request.save_path(),
            ),
            Err(error) => Answer::from_error(error),
        }
    }

    /// Sends a request and opens its answer as a stream, which the program reads: it is not saved.
    pub fn open(&self, request: &Request) -> Stream {
        if request.save_path().is_some() {
            return Stream::failed(Error::argument(
                "save_to",
                "a stream is read by the program; sending saves",
            ));
        }
        match self.0.defaults.outgoing(&self.0.config, request, true) {
            Ok(outgoing) => self.receive_stream(&outgoing, &request.options, request.cancel.as_ref()),
            Err(error) => Stream::failed(error),
        }
    }

    /// A clone for work of many calls: cancelling the client from now on ends the next one too, when none is in flight just then.
    pub(crate) fn for_long_work(&self) -> Client {
        let [ours, _] = self.cancels(None);
        Client(self.0.clone(), ours)
    }

    /// Waits as a call does: whoever may end a call ends this at once.
    pub(crate) fn sleep(&self, length: Duration, cancel: Option<&Cancel>) -> Result<()> {
        let exchange = Exchange {
            cancels: self.cancels(cancel),
            ..Exchange::default()
        };
        sleep(length, &exchange)
    }

    pub(crate) fn config(&self) -> &Config {
        &self.0.config
    }

    /// Some services repeat the key that they refuse.
    pub(crate) fn hide_key(&self, error: &mut Error) {
        if let Some(key) = &self.0.config.api_key {
            error.redact(key.expose());
        }
    }

    fn chat<'a>(&'a self, request_json: &'a str, stream: bool) -> Result<Outgoing<'a>> {
        let config = &self.0.config;
        let body = chat::prepare(
            request_json,
            config.default_model.as_deref(),
            Some(stream),
            config.strict_turns,
        )?;
        let body = match body {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        };
        Ok(self.0.defaults.chat(body, stream))
    }

    /// The log; asked for without looking into shared state when there is none.
    fn log_kept(&self) -> Option<&Log> {
        self.0.config.log.and_then(|_| self.0.shared().log.as_ref())
    }

    /// What the log says that a call is about; `None`: there is no log.
    fn about(&self, outgoing: &Outgoing<'_>) -> Option<About> {
        self.0.config.log?;
        let key = self.0.config.api_key.as_ref().map(|key| key.expose());
        Some(About::new(outgoing.method.as_str(), outgoing.uri.path(), key))
    }

    /// Logs an attempt that has ended.
    pub(crate) fn note(&self, about: Option<&About>, took: Took, status: Status, http_status: u16, id: Option<&str>) {
        if let (Some(log), Some(about)) = (self.log_kept(), about) {
            let key = self.0.config.api_key.as_ref().map(|key| key.expose());
            log.attempt(&Attempt {
                about,
                status,
                http_status,
                request_id: id.filter(|id| key.is_none_or(|key| key.is_empty() || !id.contains(key))),
                took,
            });
        }
    }

    fn receive_whole(
        &self,
        outgoing: &Outgoing<'_>,
        options: &CallOptions,
        cancel: Option<&Cancel>,
        save_to: Option<&str>,
    ) -> Answer {
        if let Some(Err(error)) = save_to.map(save::check) {
            return Answer::from_error(error);
        }
        let mut exchange = self.exchange(outgoing, options, cancel);
        let about = self.about(outgoing);
        let received = self.attempts(
            outgoing,
            options,
            &mut exchange,
            about.as_ref(),
            |exchange, mut response| {
                if let Some(path) = save_to.filter(|_| save::is_for_file(response.http_status, &response.headers)) {
                    if let Err(error) = save::to_file(path, exchange, &mut response) {
                        return Err(after_head(error, response.http_status, response.headers));
                    }
                    return Ok(Answer::binary(response.http_status, response.headers, Vec::new()));
                }
                let (http_status, body, headers) = read_whole(exchange, response, outgoing.bare)?;
                let answer = judged(http_status, headers, body, outgoing)?;
                if let Some(path) = save_to {
                    save::bytes(path, answer.body())
                        .map_err(|error| after_head(error, answer.http_status(), answer.headers().clone()))?;
                }
                Ok(answer)
            },
        );
        let took = (exchange.attempts > 0).then(|| exchange.took());
        match received {
            Ok(answer) => {
                if let (Some(about), Some(took)) = (&about, took) {
                    let id = answer::request_id(answer.headers());
                    self.note(Some(about), took, answer.status(), answer.http_status(), id.as_deref());
                }
                answer.with_times(took)
            }
            Err(refused) => refused.answer().with_times(took),
        }
    }

    fn receive_stream(&self, outgoing: &Outgoing<'_>, options: &CallOptions, cancel: Option<&Cancel>) -> Stream {
        let mut exchange = self.exchange(outgoing, options, cancel);
        let about = self.about(outgoing);
        let opened = self.attempts(
            outgoing,
            options,
            &mut exchange,
            about.as_ref(),
            |exchange, response| {
                if outgoing.bare || response.http_status < 300 {
                    return Ok(response);
                }
                let (http_status, body, headers) = read_whole(exchange, response, outgoing.bare)?;
                match judged(http_status, headers, body, outgoing) {
                    Ok(answer) => {
                        Err(Error::internal(format!("HTTP {} was taken for an answer", answer.http_status())).into())
                    }
                    Err(refused) => Err(refused),
                }
            },
        );
        let content_timeout = options.content_timeout.or(self.0.config.limits.content);
        match opened {
            Ok(response) => Stream::opened(
                self.clone(),
                exchange,
                response,
                outgoing.expect,
                content_timeout,
                about,
            ),
            Err(refused) => Stream::refused(refused, (exchange.attempts > 0).then(|| exchange.took())),
        }
    }

    fn exchange(&self, outgoing: &Outgoing<'_>, options: &CallOptions, cancel: Option<&Cancel>) -> Exchange {
        let config = &self.0.config.limits;
        let deadline = options.deadline.or(config.deadline);
        Exchange {
            cancels: self.cancels(cancel),
            limits: Limits {
                connect: Some(options.connect_timeout.unwrap_or(config.connect)),
                idle: Some(options.idle_timeout.unwrap_or(config.idle)),
                deadline: deadline.map(|length| (length, Instant::now() + length)),
                ..Limits::default()
            },
            raw_body: outgoing.bare,
            ..Exchange::default()
        }
    }

    /// Whoever may end a call: the client's switch and the call's own.
    fn cancels(&self, cancel: Option<&Cancel>) -> [Option<Cancel>; 2] {
        let now = || {
            self.0
                .shared()
                .cancel
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone()
        };
        let ours = self.1.clone().unwrap_or_else(now);
        [Some(ours), cancel.cloned()]
    }

    /// Tries until `receive` is content, the rules say stop, or time is over.
    fn attempts<T>(
        &self,
        outgoing: &Outgoing<'_>,
        options: &CallOptions,
        exchange: &mut Exchange,
        about: Option<&About>,
        mut receive: impl FnMut(&mut Exchange, Response) -> std::result::Result<T, Refused>,
    ) -> std::result::Result<T, Refused> {
        let config = &self.0.config;
        let max_retries = if outgoing.bare {
            0
        } else {
            options.max_retries.unwrap_or(config.max_retries)
        };
        let policy = retry::Policy {
            max_retries,
            max_retry_after: config.max_retry_after,
        };
        let attempt_length = options.timeout.or(config.limits.attempt);
        let headers = outgoing.headers(max_retries, options, config, &self.0.shared().keys)?;
        let mut retries = 0;
        let mut replaced = false;
        loop {
            exchange.attempts += 1;
            let began = *exchange.began.get_or_insert_with(Instant::now);
            exchange.times.begin_attempt(began);
            if let (Some(log), Some(about)) = (self.log_kept(), about) {
                log.start(about, exchange.attempts);
            }
            exchange.limits.attempt = attempt_length.map(|length| (length, Instant::now() + length));
            let received = loop {
                let sent = self.follow(outgoing, &headers, exchange).map_err(Refused::from);
                let received = sent.and_then(|response| receive(exchange, response));
                // Else nothing was sent, and the pool has one such connection less.
                if !std::mem::take(&mut exchange.closed_at_rest) {
                    break received;
                }
            };
            let mut refused = match received {
                Ok(received) => return Ok(received),
                Err(refused) => refused,
            };
            refused.error.attempts = exchange.attempts;
            self.hide_key(&mut refused.error);
            if about.is_some() {
                let error = &refused.error;
                let id = error.request_id.as_deref();
                self.note(about, exchange.took(), error.status, error.http_status, id);
            }
            // The service closed a connection at rest while we were taking it: nothing was answered, and it counts as no failure. Once.
            let stale = refused.error.status == Status::Connection && exchange.reused && exchange.received == 0;
            exchange.fresh_only = stale && !replaced;
            if exchange.fresh_only {
                replaced = true;
                continue;
            }
            let Some(wait) = self.next_wait(&policy, retries, &refused, exchange) else {
                return Err(refused);
            };
            // What a router has forgotten is silent, and the connections that rested beside this one are likely to be forgotten as well.
            exchange.fresh_only = exchange.reused && exchange.received == 0;
            exchange.limits.attempt = None;
            if let (Some(log), Some(about)) = (self.log_kept(), about) {
                log.wait(about, exchange.attempts, wait);
            }
            if let Err(mut error) = sleep(wait, exchange) {
                error.attempts = exchange.attempts;
                return Err(error.into());
            }
            retries += 1;
        }
    }

    /// How long to wait before another attempt; `None`: the failure stands.
    fn next_wait(
        &self,
        policy: &retry::Policy,
        retries: u32,
        refused: &Refused,
        exchange: &Exchange,
    ) -> Option<Duration> {
        let error = &refused.error;
        let failure = match error.status {
            // Asking on and on with a wrong password is how accounts get locked.
            Status::Connection if error.code.as_deref() == Some(PROXY_REFUSED) => return None,
            Status::Connection => retry::Failure::Connection,
            Status::Timeout if exchange.limits.deadline_passed() => return None,
            Status::Timeout => retry::Failure::Timeout,
            status if error.http_status != 0 => {
                // A failure inside HTTP 200 can have a status of its own.
                let inner = u16::try_from(-status.code()).ok().filter(|_| error.http_status < 300);
                let http = inner.unwrap_or(error.http_status);
                if !(400..600).contains(&http) {
                    return None;
                }
                retry::Failure::Http {
                    status: http,
                    headers: &refused.headers,
                    billing: answer::is_billing(error),
                }
            }
            _ => return None,
        };
        let wait = retry::next_wait(
            policy,
            retries,
            &failure,
            SystemTime::now(),
            self.0.shared().keys.random(),
        )?;
        // A wait that outlasts the deadline would only hide the failure behind a timeout.
        let in_time = exchange
            .limits
            .deadline
            .is_none_or(|(_, end)| Instant::now() + wait < end);
        in_time.then_some(wait)
    }

    /// One attempt up to the answer's head, over the redirects that keep the origin, the method and the body (RFC 9110, 15.4.8 and 15.4.9).
    fn follow(
        &self,
        outgoing: &Outgoing<'_>,
        headers: &ureq::http::HeaderMap,
        exchange: &mut Exchange,
    ) -> Result<Response> {
        let mut uri = Cow::Borrowed(&outgoing.uri);
        for _ in 0..MOST_REDIRECTS {
            let response =
                self.0
                    .shared()
                    .transport
                    .send(exchange, &outgoing.method, &uri, headers, outgoing.body.open()?)?;
            if outgoing.bare || !matches!(response.http_status, 307 | 308) {
                return Ok(response);
            }
            let Some(next) = response
                .headers
                .get("location")
                .and_then(|location| same_origin(&uri, location))
            else {
                return Ok(response);
            };
            uri = Cow::Owned(next);
        }
        Err(Error::new(
            Status::Protocol,
            format!("the service redirected more than {MOST_REDIRECTS} times"),
        ))
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("config", &self.0.config)
            .finish_non_exhaustive()
    }
}

/// The whole body, or enough of it to tell what failed; a failure while reading keeps the answer's status and headers.
fn read_whole(
    exchange: &mut Exchange,
    mut response: Response,
    bare: bool,
) -> std::result::Result<(u16, Vec<u8>, Headers), Refused> {
    let is_answer = bare || (200..300).contains(&response.http_status);
    let read = if is_answer {
        response.read_all(exchange)
    } else {
        response.read_start(exchange, MOST_OF_FAILURE).map(|(start, _)| start)
    };
    match read {
        Ok(body) => Ok((response.http_status, body, response.headers)),
        Err(error) => Err(after_head(error, response.http_status, response.headers)),
    }
}

/// A failure of ours once the answer's head has come.
fn after_head(mut error: Error, http_status: u16, headers: Headers) -> Refused {
    error.http_status = http_status;
    error.request_id = answer::request_id(&headers);
    Refused {
        error,
        headers,
        body: Vec::new(),
    }
}

/// The answer in what came, or the failure.
fn judged(
    http_status: u16,
    headers: Headers,
    body: Vec<u8>,
    outgoing: &Outgoing<'_>,
) -> std::result::Result<Answer, Refused> {
    if outgoing.bare {
        return Ok(Answer::binary(http_status, headers, body));
    }
    match answer::judge(http_status, &headers, &body, outgoing.expect) {
        Ok(Cow::Borrowed([])) => Ok(Answer::binary(http_status, headers, body)),
        Ok(Cow::Borrowed(json)) => {
            let start = json.as_ptr() as usize - body.as_ptr() as usize;
            Ok(Answer::in_body(http_status, headers, body, start))
        }
        Ok(Cow::Owned(json)) => Ok(Answer::mended(http_status, headers, body, json)),
        Err(error) => Err(Refused { error, headers, body }),
    }
}

/// Where a redirect leads, when that is the same scheme, host and port.
fn same_origin(from: &ureq::http::Uri, location: &str) -> Option<ureq::http::Uri> {
    let location = location.split('#').next().unwrap_or_default();
    let origin = format!("{}://{}", from.scheme_str()?, from.authority()?);
    let absolute = if location.starts_with('/') && !location.starts_with("//") {
        format!("{origin}{location}")
    } else if location.contains("://") {
        location.to_owned()
    } else {
        return None;
    };
    let to: ureq::http::Uri = absolute.parse().ok()?;
    let port = |uri: &ureq::http::Uri| {
        uri.port_u16()
            .unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 })
    };
    let same = to.scheme() == from.scheme() && to.host()?.eq_ignore_ascii_case(from.host()?) && port(&to) == port(from);
    same.then_some(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_redirects_within_the_origin_are_followed() {
        let from: ureq::http::Uri = "https://api.example/v1/a?b=c".parse().unwrap();
        let to = |location| same_origin(&from, location).map(|uri| uri.to_string());
        assert_eq!(to("/v2/a"), Some("https://api.example/v2/a".into()));
        assert_eq!(
            to("https://API.example:443/x#part"),
            Some("https://API.example:443/x".into())
        );
        for elsewhere in [
            "//other.example/a",
            "http://api.example/a",
            "https://api.example:8443/a",
            "https://other.example/",
            "a",
            "",
        ] {
            assert_eq!(to(elsewhere), None, "{elsewhere}");
        }
    }
}
