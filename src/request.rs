//! A request as the program builds it, independent of any client: operation, parameters, body or files, options.
#![forbid(unsafe_code)]

use crate::cancel::Cancel;
use crate::config::CallOptions;
use crate::error::{Error, Result, Status};
use crate::json::Value;
use crate::multipart::Multipart;
use crate::operation::{self, Target};
use std::borrow::Cow;
use std::ops::Range;
use std::path::Path;

/// One request, to be sent as often as wanted.
pub struct Request {
    pub(crate) target: Target,
    /// The path with its parameters, percent-encoded.
    pub(crate) path: String,
    /// The query that the parameters make.
    pub(crate) query: String,
    pub(crate) body: Body,
    pub(crate) options: CallOptions,
    pub(crate) cancel: Option<Cancel>,
    save_to: Option<String>,
}

/// What is sent.
pub(crate) enum Body {
    None,
    /// The parameters, or what is left of them, as they were given.
    Json(Vec<u8>),
    /// Given as it is.
    Bytes {
        content_type: Option<String>,
        data: Vec<u8>,
    },
    /// Fields and files.
    Form(Multipart),
}

impl Request {
    /// A request for an operation by its name or as `"METHOD /path"`, with parameters and options as JSON objects.
    ///
    /// # Errors
    /// [`Status::InvalidArgument`]; the message names what is wrong.
    pub fn new(operation: &str, params: Option<&str>, options: Option<&str>) -> Result<Request> {
        let target = operation::find(operation)?;
        Request::to(target, params, CallOptions::parse(options)?)
    }

    /// The same with the target found and the options read.
    pub(crate) fn to(target: Target, params: Option<&str>, options: CallOptions) -> Result<Request> {
        let params = match params.filter(|text| !text.trim().is_empty()) {
            Some(text) => Some(Value::parse(text.as_bytes()).map_err(|fault| Error::argument("params_json", fault))?),
            None => None,
        };
        let parts = operation::split(&target, params)?;
        let body = match (parts.form, parts.body, parts.typed) {
            (Some(form), ..) => Body::Form(form),
            (None, Some(json), _) => Body::Json(json.into_owned()),
            (None, None, Some((content_type, data))) => Body::Bytes {
                content_type: Some(content_type.to_owned()),
                data,
            },
            (None, None, None) => Body::None,
        };
        let save_to = options.save_to.clone();
        let request = Request {
            target,
            path: parts.path,
            query: parts.query,
            body,
            options,
            cancel: None,
            save_to,
        };
        if request.target.is_absolute() && !request.options.bare {
            return Err(Error::argument(
                "operation",
                "an absolute URL needs the option \"bare\": the key goes to its own service only",
            ));
        }
        Ok(request)
    }

    /// Sends these bytes as the body, in place of JSON made of the parameters.
    ///
    /// # Errors
    /// [`Status::InvalidArgument`] when the request has a body or files already.
    pub fn body(&mut self, content_type: Option<&str>, data: Vec<u8>) -> Result<()> {
        match &self.body {
            Body::None | Body::Bytes { .. } => {}
            Body::Json(json) if is_empty_object(json) => {}
            Body::Json(_) => return Err(Error::argument("data", "the parameters make a body already")),
            Body::Form(_) => {
                return Err(Error::argument(
                    "data",
                    "the request sends a form: it cannot have a body beside",
                ));
            }
        }
        if let Some(content_type) = content_type {
            crate::transport::header("content-type", content_type)
                .map_err(|why| Error::argument("content_type", why))?;
        }
        self.body = Body::Bytes {
            content_type: content_type.map(str::to_owned),
            data,
        };
        Ok(())
    }

    /// Adds a file from memory.
    ///
    /// # Errors
    /// [`Status::InvalidArgument`] when the request has a body that is not a form.
    pub fn file(
        &mut self,
        field: &str,
        filename: &str,
        content_type: Option<&str>,
        data: Cow<'static, [u8]>,
    ) -> Result<()> {
        if let Some(content_type) = content_type {
            crate::transport::header("content-type", content_type)
                .map_err(|why| Error::argument("content_type", why))?;
        }
        self.form()?.file(field, filename, content_type, data);
        Ok(())
    }

    /// Adds a file from a path, to be read while it is sent.
    ///
    /// # Errors
    /// [`Status::Io`] when it is no file that can be read; as [`file`](Self::file).
    pub fn file_path(&mut self, field: &str, path: &str) -> Result<()> {
        self.form()?.file_path(field, path, None, None)
    }

    /// Adds these bytes of a file that has `size` of them, to be read while they are sent.
    pub(crate) fn file_part(
        &mut self,
        field: &str,
        filename: &str,
        path: &Path,
        size: u64,
        range: Range<u64>,
    ) -> Result<()> {
        self.form()?.file_part(field, filename, path, size, range);
        Ok(())
    }

    /// Writes the answer's body into a file instead of memory.
    ///
    /// # Errors
    /// [`Status::InvalidArgument`] for an empty path.
    pub fn save_to(&mut self, path: &str) -> Result<()> {
        if path.is_empty() {
            return Err(Error::argument("path", "is empty"));
        }
        self.save_to = Some(path.to_owned());
        Ok(())
    }

    /// Lets a switch end the calls that send this request.
    pub fn cancel_with(&mut self, cancel: &Cancel) {
        self.cancel = Some(cancel.clone());
    }

    pub(crate) fn save_path(&self) -> Option<&str> {
        self.save_to.as_deref()
    }

    /// The form, made of the parameters' members when there was none.
    fn form(&mut self) -> Result<&mut Multipart> {
        let made = match &self.body {
            Body::Form(_) => None,
            Body::None => Some(Multipart::default()),
            Body::Json(json) => {
                let value = Value::parse(json).map_err(|fault| Error::argument("params_json", fault))?;
                Some(Multipart::from_members(value))
            }
            Body::Bytes { .. } => {
                return Err(Error::new(
                    Status::InvalidArgument,
                    "the request has a body: it cannot send files beside",
                ));
            }
        };
        if let Some(form) = made {
            self.body = Body::Form(form);
        }
        match &mut self.body {
            Body::Form(form) => Ok(form),
            _ => Err(Error::internal("the form was just made")),
        }
    }
}

fn is_empty_object(json: &[u8]) -> bool {
    Value::parse(json).is_ok_and(|value| value.members().next().is_none())
}
