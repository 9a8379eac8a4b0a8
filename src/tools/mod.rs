//! Tools: asking the model, handing out the calls that it wants made, sending their results back, until it has finished.
//!
//! `conversation` is what was said (pure).
#![forbid(unsafe_code)]

mod conversation;

use crate::cancel::Cancel;
use crate::chat;
use crate::client::Client;
use crate::config::ToolsOptions;
use crate::error::{Error, Result, Status};
use crate::headers::Headers;
use crate::operation;
use crate::request::Request;
use crate::result::Answer;
use crate::stream::Stream;
use conversation::{Call, Conversation, Text};
use std::collections::VecDeque;

/// A conversation in which the model calls tools. One thread at a time; keeps what it needs of its client.
///
/// Methods whose names end in `_z` give the bytes with one NUL after them, for C.
pub struct Tools {
    /// `None`: it could not be begun.
    talk: Option<Talk>,
    answer: Answer,
    /// Why the last step failed.
    failure: Option<Box<Answer>>,
    /// What the model said since the last step.
    text: Text,
}

/// Where the conversation is.
struct Talk {
    client: Client,
    cancel: Option<Cancel>,
    options: ToolsOptions,
    conversation: Conversation,
    /// The answers so far.
    turns: u32,
    /// The call whose result is waited for.
    waiting: Option<Call>,
    /// What was wrong with the result that was given.
    refused: Option<Error>,
    /// The calls of the same answer that come after it.
    calls: VecDeque<Call>,
    /// The answer that is coming.
    stream: Option<Stream>,
    finished: bool,
}

/// What a step came to.
enum Step {
    /// A piece of an answer.
    Text(Text),
    /// A whole answer.
    Answer(Box<Answer>),
}

impl Client {
    /// A conversation with tools. The request is one of chat completions or responses; nothing is sent before the first
    /// [`Tools::next`]. Options: those of a call but for what belongs to one alone, `max_turns` and `stream`.
    pub fn tools(&self, request: &str, options: Option<&str>) -> Tools {
        match Talk::begin(self, request, options) {
            Ok(talk) => Tools::of(Some(talk), Answer::binary(0, Headers::default(), Vec::new())),
            Err(error) => Tools::failed(error),
        }
    }
}

impl Tools {
    /// A conversation that could not be begun.
    pub fn failed(error: Error) -> Tools {
        Tools::of(None, Answer::from_error(error))
    }

    fn of(talk: Option<Talk>, answer: Answer) -> Tools {
        Tools {
            talk,
            answer,
            failure: None,
            text: Text::from(""),
        }
    }

    /// Lets a switch end the calls to the service, in place of one given before.
    ///
    /// # Errors
    /// Why the conversation could not be begun.
    pub fn cancel_with(&mut self, cancel: &Cancel) -> Result<()> {
        self.talk()?.cancel = Some(cancel.clone());
        Ok(())
    }

    /// Goes on until there is something for the program to do.
    ///
    /// [`Status::Ok`]: a tool is to be called, or in a stream new text has come, and then [`name`](Self::name) is empty.
    /// [`Status::Done`]: the model has finished. Anything else is a failure, told by [`result`](Self::result); the next call asks for
    /// the same answer again.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Status {
        self.text = Text::from("");
        self.failure = None;
        self.advance()
            .unwrap_or_else(|failure| self.failure.insert(failure).status())
    }

    fn advance(&mut self) -> std::result::Result<Status, Box<Answer>> {
        let Some(talk) = &mut self.talk else {
            return Ok(self.answer.status());
        };
        talk.check_given().map_err(failed)?;
        if talk.finished {
            return Ok(Status::Done);
        }
        if talk.hand_out() {
            return Ok(Status::Ok);
        }
        let answer = match talk.ask()? {
            Step::Answer(answer) => *answer,
            Step::Text(text) => {
                self.text = text;
                return Ok(Status::Ok);
            }
        };
        talk.hear(&answer)?;
        if !talk.options.stream {
            self.text = Text::from(answer.text());
        }
        self.answer = answer;
        talk.finished = !talk.hand_out();
        Ok(if talk.finished { Status::Done } else { Status::Ok })
    }

    /// Takes the result of the call that waits for one: any text.
    ///
    /// # Errors
    /// `InvalidArgument` when none does.
    pub fn give(&mut self, content: &str) -> Result<()> {
        self.give_or_refuse(Ok(content))
    }

    /// The same for a result that may be none. What is wrong with it is told again by [`next`](Self::next), until there is a good one.
    pub(crate) fn give_or_refuse(&mut self, content: Result<&str>) -> Result<()> {
        let talk = self.talk()?;
        if talk.waiting.is_none() {
            return Err(Error::argument("content", "no call waits for a result"));
        }
        talk.refused = content.as_ref().err().cloned();
        let content = content?;
        if let Some(call) = talk.waiting.take() {
            talk.conversation.reply(&call, content);
        }
        Ok(())
    }

    /// The name of the tool to call; empty when none is.
    pub fn name(&self) -> &str {
        self.waiting().map_or("", |call| call.name.as_str())
    }

    /// [`name`](Self::name) for C.
    pub fn name_z(&self) -> &[u8] {
        self.waiting().map_or(b"\0", |call| call.name.as_bytes_z())
    }

    /// What it is to be called with, as the model wrote it: mostly JSON.
    pub fn arguments(&self) -> &str {
        self.waiting().map_or("", |call| call.arguments.as_str())
    }

    /// [`arguments`](Self::arguments) for C.
    pub fn arguments_z(&self) -> &[u8] {
        self.waiting().map_or(b"\0", |call| call.arguments.as_bytes_z())
    }

    /// The service's name for this call.
    pub fn call_id(&self) -> &str {
        self.waiting().map_or("", |call| call.id.as_str())
    }

    /// [`call_id`](Self::call_id) for C.
    pub fn call_id_z(&self) -> &[u8] {
        self.waiting().map_or(b"\0", |call| call.id.as_bytes_z())
    }

    /// What the model has said to the user since the last [`next`](Self::next).
    pub fn text(&self) -> &str {
        self.text.as_str()
    }

    /// [`text`](Self::text) for C.
    pub fn text_z(&self) -> &[u8] {
        self.text.as_bytes_z()
    }

    /// The service's last answer, or the failure; while an answer is coming, what there is of it.
    pub fn result(&mut self) -> &Answer {
        let stream = self.talk.as_mut().and_then(|talk| talk.stream.as_mut());
        match (&self.failure, stream) {
            (Some(failure), _) => failure,
            (None, Some(stream)) => stream.result(),
            (None, None) => &self.answer,
        }
    }

    /// Everything that was said, as JSON: the array `messages`, or `input`, to go on with.
    pub fn messages(&self) -> &str {
        let messages = self.messages_z();
        std::str::from_utf8(&messages[..messages.len() - 1]).unwrap_or_default()
    }

    /// [`messages`](Self::messages) for C.
    pub fn messages_z(&self) -> &[u8] {
        self.talk
            .as_ref()
            .map_or(b"[]\0", |talk| talk.conversation.messages_z())
    }

    fn waiting(&self) -> Option<&Call> {
        self.talk.as_ref()?.waiting.as_ref()
    }

    fn talk(&mut self) -> Result<&mut Talk> {
        match (&mut self.talk, self.answer.error()) {
            (Some(talk), _) => Ok(talk),
            (None, error) => Err(error.cloned().unwrap_or_else(|| Error::internal("a talk of nothing"))),
        }
    }
}

impl Talk {
    fn begin(client: &Client, request: &str, options: Option<&str>) -> Result<Talk> {
        let options = ToolsOptions::parse(options)?;
        let conversation = Conversation::begin(request)?;
        if conversation.is_chat() {
            chat::prepare(request, None, None, client.config().strict_turns)?;
        }
        Ok(Talk {
            client: client.for_long_work(),
            cancel: None,
            options,
            conversation,
            turns: 0,
            waiting: None,
            refused: None,
            calls: VecDeque::new(),
            stream: None,
            finished: false,
        })
    }

    /// Whether the result is there that was waited for.
    fn check_given(&self) -> Result<()> {
        let Some(call) = &self.waiting else { return Ok(()) };
        let missing = || {
            let name = call.name.as_str();
            Error::argument(
                "content",
                format!("the call of {name:?} waits for its result: kuai_tools_give it"),
            )
        };
        Err(self.refused.clone().unwrap_or_else(missing))
    }

    /// Hands out the next call of the last answer; `false`: there is none.
    fn hand_out(&mut self) -> bool {
        self.waiting = self.calls.pop_front();
        self.waiting.is_some()
    }

    /// Asks for the next answer, or for the next piece of the one that is coming.
    fn ask(&mut self) -> std::result::Result<Step, Box<Answer>> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => {
                let request = self.request().map_err(failed)?;
                if !self.options.stream {
                    return good(self.client.send(&request)).map(|answer| Step::Answer(Box::new(answer)));
                }
                self.client.open(&request)
            }
        };
        loop {
            if stream.next() != Status::Ok {
                return good(stream.into_result()).map(|answer| Step::Answer(Box::new(answer)));
            }
            if !stream.text().is_empty() {
                let text = Text::from(stream.text());
                self.stream = Some(stream);
                return Ok(Step::Text(text));
            }
        }
    }

    fn request(&self) -> Result<Request> {
        let ToolsOptions { max_turns, calls, .. } = &self.options;
        if self.turns >= *max_turns {
            let why = format!("max_turns ({max_turns}): the model has answered that often, and still calls tools");
            let mut error = Error::new(Status::Limit, why);
            error.code = Some("max_turns".to_owned());
            return Err(error);
        }
        let target = operation::find(self.conversation.operation())?;
        let mut request = Request::to(target, Some(&self.conversation.request()), calls.clone())?;
        request.cancel.clone_from(&self.cancel);
        Ok(request)
    }

    fn hear(&mut self, answer: &Answer) -> std::result::Result<(), Box<Answer>> {
        let calls = self.conversation.hear(answer.json().as_bytes()).map_err(|why| {
            let mut error = Error::new(Status::Protocol, why);
            error.http_status = answer.http_status();
            Answer::failed(error, answer.headers().clone(), answer.body().to_vec()).with_times(answer.took())
        })?;
        self.turns += 1;
        self.calls = calls.into();
        Ok(())
    }
}

fn good(answer: Answer) -> std::result::Result<Answer, Box<Answer>> {
    match answer.error() {
        None => Ok(answer),
        Some(_) => Err(Box::new(answer)),
    }
}

fn failed(error: Error) -> Box<Answer> {
    Box::new(Answer::from_error(error))
}
