//! Lists that come in pages, handed out item by item: the next page is asked for when the last one is used up.
//!
//! `page` reads one page and says what the next one is asked for with (pure).
#![forbid(unsafe_code)]

mod page;

use crate::cancel::Cancel;
use crate::chat::{Edit, edit};
use crate::client::Client;
use crate::config::CallOptions;
use crate::error::{Error, Result, Status};
use crate::headers::Headers;
use crate::json::Value;
use crate::operation::{self, Target};
use crate::request::Request;
use crate::result::Answer;
use page::{Next, Page, Way};
use std::collections::HashSet;
use std::ops::Range;

/// A walk over a list. One thread at a time; keeps what it needs of its client.
pub struct Pages {
    /// `None`: it could not be begun.
    walk: Option<Walk>,
    status: Status,
    answer: Answer,
    /// Where the items that are left stand in the answer.
    items: std::vec::IntoIter<Range<usize>>,
    /// This item and a NUL.
    json: Vec<u8>,
}

/// Where a walk is.
struct Walk {
    client: Client,
    cancel: Option<Cancel>,
    target: Target,
    /// An object: what the program gave.
    params: String,
    way: Way,
    /// For the next page; `None`: there is none.
    request: Option<Request>,
    /// Every cursor so far, as JSON.
    seen: HashSet<String>,
}

impl Client {
    /// Walks over the items of a list, such as `files.list`. Nothing is sent before the first [`Pages::next`]. Options: those of a call
    /// but for what belongs to one alone.
    pub fn pages(&self, operation: &str, params: Option<&str>, options: Option<&str>) -> Pages {
        match Walk::begin(self, operation, params, options) {
            Ok(walk) => Pages::of(Some(walk), Answer::binary(0, Headers::default(), Vec::new())),
            Err(error) => Pages::failed(error),
        }
    }
}

impl Pages {
    /// A walk that could not be begun.
    pub fn failed(error: Error) -> Pages {
        Pages::of(None, Answer::from_error(error))
    }

    fn of(walk: Option<Walk>, answer: Answer) -> Pages {
        Pages {
            walk,
            status: answer.status(),
            answer,
            items: Vec::new().into_iter(),
            json: vec![0],
        }
    }

    /// Lets a switch end the calls, in place of one given before.
    ///
    /// # Errors
    /// Why the walk could not be begun.
    pub fn cancel_with(&mut self, cancel: &Cancel) -> Result<()> {
        let Some(walk) = &mut self.walk else {
            let error = self.answer.error().cloned();
            return Err(error.unwrap_or_else(|| Error::internal("a walk over nothing")));
        };
        walk.cancel = Some(cancel.clone());
        Ok(())
    }

    /// Goes to the next item.
    ///
    /// [`Status::Ok`]: there is one. [`Status::Done`]: the list is at its end. Anything else is a failure, told by
    /// [`result`](Self::result); where a page could not be had, the next call asks for it again.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Status {
        self.json.clear();
        while self.items.as_slice().is_empty() {
            let Some(request) = self.walk.as_mut().and_then(Walk::take_request) else {
                if self.status == Status::Ok {
                    self.status = Status::Done;
                }
                break;
            };
            if !self.turn_over(request) {
                break;
            }
        }
        if let Some(item) = self.items.next() {
            self.json.extend_from_slice(&self.answer.json_z()[item]);
        }
        self.json.push(0);
        self.status
    }

    /// Fetches a page; whether that worked.
    fn turn_over(&mut self, request: Request) -> bool {
        let Some(walk) = &mut self.walk else { return false };
        self.answer = walk.client.send(&request);
        self.status = self.answer.status();
        if self.answer.error().is_some() {
            walk.request = Some(request);
            return false;
        }
        let json = self.answer.json_z();
        match walk.read(&json[..json.len() - 1], &request.options) {
            Ok(items) => self.items = items.into_iter(),
            Err(mut error) => {
                error.http_status = self.answer.http_status();
                let (headers, body) = (self.answer.headers().clone(), self.answer.body().to_vec());
                self.status = error.status;
                self.answer = Answer::failed(error, headers, body);
            }
        }
        self.answer.error().is_none()
    }

    /// This item; empty when there is none.
    pub fn json(&self) -> &str {
        std::str::from_utf8(&self.json[..self.json.len() - 1]).unwrap_or_default()
    }

    /// [`json`](Self::json) for C, with one NUL behind it.
    pub fn json_z(&self) -> &[u8] {
        &self.json
    }

    /// The page that the item is on, or the failure.
    pub fn result(&self) -> &Answer {
        &self.answer
    }
}

impl Walk {
    fn begin(client: &Client, operation: &str, params: Option<&str>, options: Option<&str>) -> Result<Walk> {
        let options = CallOptions::of_each_call(options)?;
        let target = operation::find(operation)?;
        let params = params.filter(|text| !text.trim().is_empty()).unwrap_or("{}");
        let request = Request::to(target.clone(), Some(params), options)?;
        let given = Value::parse(params.as_bytes()).map_err(|fault| Error::argument("params_json", fault))?;
        let way = Way::of(&target, given);
        let start = ["after", "before", "page"].iter().filter_map(|name| given.get(name));
        let seen = start.map(|cursor| String::from_utf8_lossy(cursor.raw()).into_owned());
        Ok(Walk {
            client: client.for_long_work(),
            cancel: None,
            way,
            seen: seen.collect(),
            params: params.to_owned(),
            request: Some(request),
            target,
        })
    }

    fn take_request(&mut self) -> Option<Request> {
        let mut request = self.request.take()?;
        request.cancel.clone_from(&self.cancel);
        Some(request)
    }

    /// Where a page's items are; makes the request for the page behind it.
    fn read(&mut self, answer: &[u8], options: &CallOptions) -> Result<Vec<Range<usize>>> {
        let wrong = |why: String| Error::new(Status::Protocol, why);
        let page = Page::read(answer, self.way).map_err(wrong)?;
        if let Some(next) = page.next {
            let Next { param, cursor } = &next;
            if self.seen.contains(cursor) {
                let shown: String = cursor.chars().take(80).collect();
                return Err(wrong(format!(
                    "the list goes round in circles: {shown} has been the end of a page already; it may be that the service takes no \"{param}\""
                )));
            }
            let params = self.params_with(&next);
            self.request = Some(Request::to(self.target.clone(), Some(&params), options.clone())?);
            self.seen.insert(next.cursor);
        }
        Ok(page.items)
    }

    /// What the program gave, with the place of the next page.
    fn params_with(&self, next: &Next) -> String {
        // They were parsed before.
        let Ok(given) = Value::parse(self.params.as_bytes()) else {
            return self.params.clone();
        };
        let without = |key: &crate::json::Key<'_>, _: Value<'_>| {
            if key.is(next.param) { Edit::Remove } else { Edit::Keep }
        };
        let params = edit(given, without, [(next.param, next.cursor.as_str())].into_iter());
        String::from_utf8_lossy(&params).into_owned()
    }
}
