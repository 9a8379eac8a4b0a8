//! NULL in each pointer position of every C function, and wrong text in each text position: a defined result, nothing else.
//!
//! Which functions and positions there are is read from `include/kuai_ffi.h`, so that none can be forgotten.

mod support;

use kuai::capi::*;
use std::collections::BTreeMap;
use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr;
use std::sync::LazyLock;
use support::http::Server;
use support::openai::{KEY, Service};

const INVALID_ARGUMENT: i32 = kuai_status_code::KUAI_INVALID_ARGUMENT as i32;
const CONFIG: i32 = kuai_status_code::KUAI_CONFIG as i32;
const INTERNAL: i32 = kuai_status_code::KUAI_INTERNAL as i32;

const NOT_UTF8: [&[u8]; 6] = [
    b"\xFF",
    b"{\"a\":\"\x80\"}",
    b"a\xC3",
    b"\xED\xA0\x80",
    b"\xC0\x80",
    b"{\"content\":\"\xC4\xE3\xBA\xC3\"}", // GBK
];
const NOT_JSON: [&[u8]; 7] = [
    b"{",
    b"nonsense",
    b"{\"a\":}",
    b"[1,",
    b"{} {}",
    b"{\"a\":1,}",
    b"{\"a\":\"\\uZZZZ\"}",
];
const NOT_AN_OBJECT: [&[u8]; 3] = [b"1", b"\"text\"", b"true"];

/// Texts that may be absent.
const OPTIONAL: [&str; 4] = ["config_json", "params_json", "options_json", "content_type"];
/// Functions that take any bytes.
const NO_TEXT_CHECK: [&str; 4] = [
    "kuai_string_free",
    "kuai_json_quote",
    "kuai_text_size",
    "kuai_text_copy",
];

#[test]
fn null_gives_a_defined_result_in_every_position() {
    let mut tried = 0;
    for function in functions() {
        assert_ne!(
            function.run(&[]).status,
            Some(INVALID_ARGUMENT),
            "{}: the good arguments are not good",
            function.name
        );
        let pointers: Vec<usize> = (0..function.parameters.len())
            .filter(|&i| function.parameters[i].kind.is_pointer())
            .collect();
        for &position in &pointers {
            let outcome = function.run(&[(position, Replacement::Null)]);
            let parameter = &function.parameters[position];
            if parameter.is_optional() {
                assert_ne!(
                    outcome.status,
                    Some(INVALID_ARGUMENT),
                    "{}({})",
                    function.name,
                    parameter.name
                );
            } else {
                function.expect_refusal(&outcome, parameter, INVALID_ARGUMENT);
            }
            tried += 1;
        }
        // All at once, too.
        let all: Vec<_> = pointers.iter().map(|&position| (position, Replacement::Null)).collect();
        assert_ne!(function.run(&all).status, Some(INTERNAL), "{}", function.name);
    }
    println!("{tried} pointer positions");
    assert!(tried >= 115, "{tried}");
}

#[test]
fn text_that_is_not_utf8_is_refused_in_every_position() {
    let mut tried = 0;
    for (function, position) in text_positions() {
        for text in NOT_UTF8 {
            let outcome = function.run(&[(position, Replacement::Text(text))]);
            let parameter = &function.parameters[position];
            function.expect_refusal(&outcome, parameter, INVALID_ARGUMENT);
            if let Some(document) = outcome.document {
                assert!(
                    document.contains("UTF-8"),
                    "{}({}): {document}",
                    function.name,
                    parameter.name
                );
            }
            tried += 1;
        }
    }
    println!("{tried} wrong texts");
    assert!(tried >= 222, "{tried}");
}

#[test]
fn text_that_is_not_json_is_refused_where_json_is_wanted() {
    let mut tried = 0;
    for (function, position) in text_positions() {
        let parameter = &function.parameters[position];
        let status = if parameter.name == "config_json" {
            CONFIG
        } else {
            INVALID_ARGUMENT
        };
        if parameter.kind != Kind::Json {
            continue;
        }
        for text in NOT_JSON {
            function.expect_refusal(&function.run(&[(position, Replacement::Text(text))]), parameter, status);
            tried += 1;
        }
        for text in NOT_AN_OBJECT.into_iter().filter(|_| parameter.name != "json") {
            function.expect_refusal(&function.run(&[(position, Replacement::Text(text))]), parameter, status);
            tried += 1;
        }
    }
    println!("{tried} texts that are not JSON");
    assert!(tried > 60, "{tried}");
}

#[test]
fn a_request_keeps_its_first_error() {
    let handles = Handles::new();
    // SAFETY: good handles and NULL.
    unsafe {
        assert_eq!(kuai_request_save_to(handles.request, ptr::null()), INVALID_ARGUMENT);
        assert_eq!(
            kuai_request_file_path(handles.request, c"f".as_ptr(), c"/nonexistent".as_ptr()),
            INVALID_ARGUMENT
        );
        let outcome = Outcome::of_result(kuai_send(handles.client, handles.request));
        assert!(outcome.document.unwrap().contains("path: is NULL"));
    }
}

#[test]
fn a_small_buffer_gets_what_fits_and_the_size_it_would_need() {
    let text = c"kuai \xE5\xBF\xAB";
    for (size, copied) in [
        (0, None),
        (1, Some("")),
        (6, Some("kuai ")),
        (8, Some("kuai ")),
        (9, Some("kuai 快")),
        (16, Some("kuai 快")),
    ] {
        let mut buffer = [b'x'; 16];
        // SAFETY: the buffer has at least that size.
        assert_eq!(
            unsafe { kuai_text_copy(text.as_ptr(), buffer.as_mut_ptr().cast(), size) },
            9
        );
        let found = CStr::from_bytes_until_nul(&buffer)
            .ok()
            .map(|text| text.to_str().unwrap());
        assert_eq!(found, copied, "{size}");
        assert!(buffer[size..].iter().all(|&byte| byte == b'x'), "{size}");
    }
}

#[test]
fn any_text_becomes_a_json_string() {
    for (text, literal) in [
        (&b""[..], &b"\"\""[..]),
        ("a\"\\\n\u{1}快".as_bytes(), "\"a\\\"\\\\\\n\\u0001快\"".as_bytes()),
        // Not UTF-8: as it is, so that whoever gets the request says where.
        (b"\"\xC4\xE3\"", b"\"\\\"\xC4\xE3\\\"\""),
    ] {
        let text = CString::new(text).unwrap();
        // SAFETY: a NUL-terminated text.
        assert_eq!(unsafe { owned(kuai_json_quote(text.as_ptr())) }.unwrap(), literal);
    }
}

#[test]
fn values_are_found_by_their_pointer() {
    let json = c"{\"a\":[1.10,{\"b/~\":\"\\u5feb \\\"x\\\"\"},null,[ 1 , 2 ]]}";
    for (pointer, value) in [
        (c"/a/0", Some("1.10")),
        (c"/a/1/b~1~0", Some("快 \"x\"")),
        (c"/a/2", Some("null")),
        (c"/a/3", Some("[ 1 , 2 ]")),
        (c"/a/4", None),
        (c"/b", None),
        (c"a", None),
    ] {
        // SAFETY: NUL-terminated texts.
        let found = unsafe { owned(kuai_json_get(json.as_ptr(), pointer.as_ptr())) };
        assert_eq!(
            found.map(|bytes| String::from_utf8(bytes).unwrap()).as_deref(),
            value,
            "{pointer:?}"
        );
    }
}

#[test]
fn statuses_have_names() {
    for (status, name) in [
        (0, "ok"),
        (1, "done"),
        (-429, "rate_limited"),
        (-99, "internal"),
        (-7, "unknown"),
        (7, "unknown"),
    ] {
        // SAFETY: a NUL-terminated text that is never freed.
        assert_eq!(unsafe { CStr::from_ptr(kuai_status_name(status)) }.to_str(), Ok(name));
    }
}

/// A function of the header, and how to call it.
struct Function {
    name: String,
    parameters: Vec<Parameter>,
    call: Call,
}

struct Parameter {
    name: String,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Client,
    Request,
    Result,
    Stream,
    Cancel,
    Job,
    Pages,
    Tools,
    Text,
    Json,
    Bytes,
    Buffer,
    Out,
    Number,
}

enum Replacement {
    Null,
    Text(&'static [u8]),
}

type Call = unsafe fn(&Arguments) -> Outcome;

/// What a call came to, as far as C can see it.
#[derive(Debug, Default)]
struct Outcome {
    status: Option<i32>,
    /// The error document.
    document: Option<String>,
    /// For functions that have no status: whether what they gave is what they give for nothing.
    empty: bool,
}

impl Function {
    /// Calls it with good arguments, but for those replaced.
    fn run(&self, replaced: &[(usize, Replacement)]) -> Outcome {
        let mut arguments = Arguments::new(self);
        for (position, replacement) in replaced {
            arguments.replace(self, *position, replacement);
        }
        // SAFETY: handles that live, NUL-terminated texts, buffers of the size that is said, or NULL.
        let mut outcome = unsafe { (self.call)(&arguments) };
        if self.name.starts_with("kuai_request_") && outcome.status.is_some_and(|status| status < 0) {
            // What went wrong while a request was put together is told when it is sent.
            let Handles { client, request, .. } = arguments.handles;
            if !arguments.is_null(request.cast()) {
                // SAFETY: handles that live.
                outcome.document = unsafe { Outcome::of_result(kuai_send(client, request)) }.document;
            }
        }
        arguments.handles.forget_if_freed(self, &arguments.values);
        outcome
    }

    fn expect_refusal(&self, outcome: &Outcome, parameter: &Parameter, status: i32) {
        let place = format!("{}({}): {outcome:?}", self.name, parameter.name);
        match outcome.status {
            Some(found) => assert_eq!(found, status, "{place}"),
            None => assert!(outcome.empty, "{place}"),
        }
        if let Some(document) = outcome.document.as_ref().filter(|_| status == INVALID_ARGUMENT) {
            let argument = parameter.name.trim_end_matches("_json");
            assert!(document.contains(&format!("\"param\":\"{argument}")), "{place}");
            assert!(document.contains(&format!("\"message\":\"{argument}")), "{place}");
        }
    }
}

impl Parameter {
    fn is_optional(&self) -> bool {
        self.kind == Kind::Out || OPTIONAL.contains(&self.name.as_str())
    }
}

impl Kind {
    /// By the parameter's type and name.
    fn of(kind: &str, name: &str) -> Kind {
        match kind {
            "const char *" if name.ends_with("json") => Kind::Json,
            "const char *" => Kind::Text,
            "const void *" => Kind::Bytes,
            "void *" => Kind::Buffer,
            "char *" if name == "buffer" => Kind::Buffer,
            "char *" => Kind::Text,
            "size_t *" | "kuai_status *" => Kind::Out,
            "size_t" | "int64_t" | "kuai_status" => Kind::Number,
            handle => match handle.trim_start_matches("const ") {
                "kuai_client *" => Kind::Client,
                "kuai_request *" => Kind::Request,
                "kuai_result *" => Kind::Result,
                "kuai_stream *" => Kind::Stream,
                "kuai_cancel *" => Kind::Cancel,
                "kuai_job *" => Kind::Job,
                "kuai_pages *" => Kind::Pages,
                "kuai_tools *" => Kind::Tools,
                other => panic!("this test knows no parameter of type {other}"),
            },
        }
    }

    fn is_pointer(self) -> bool {
        self != Kind::Number
    }
}

impl Outcome {
    fn status(status: i32) -> Outcome {
        Outcome {
            status: Some(status),
            ..Outcome::default()
        }
    }

    /// Of a function that gives nothing: it came back.
    fn nothing() -> Outcome {
        Outcome::empty(true)
    }

    fn empty(empty: bool) -> Outcome {
        Outcome {
            empty,
            ..Outcome::default()
        }
    }

    /// Of borrowed text that is empty when there is nothing.
    unsafe fn of_text(text: *const c_char) -> Outcome {
        assert!(!text.is_null());
        // SAFETY: a NUL-terminated text of the library's.
        let text = unsafe { CStr::from_ptr(text) };
        Outcome::empty(matches!(text.to_bytes(), b"" | b"[]" | b"{}"))
    }

    unsafe fn of_result(result: *mut kuai_result) -> Outcome {
        assert!(!result.is_null());
        // SAFETY: a result that was just made.
        unsafe {
            let status = kuai_result_status(result);
            let document = CStr::from_ptr(kuai_result_json(result)).to_str().unwrap().to_owned();
            kuai_result_free(result);
            Outcome {
                status: Some(status),
                document: Some(document).filter(|_| status < 0),
                empty: false,
            }
        }
    }

    unsafe fn of_stream(stream: *mut kuai_stream) -> Outcome {
        assert!(!stream.is_null());
        // SAFETY: a stream that was just made.
        unsafe {
            let status = kuai_stream_next(stream);
            let document = CStr::from_ptr(kuai_result_json(kuai_stream_result(stream)))
                .to_str()
                .unwrap()
                .to_owned();
            kuai_stream_free(stream);
            Outcome {
                status: Some(status),
                document: Some(document),
                empty: false,
            }
        }
    }

    unsafe fn of_job(job: *mut kuai_job) -> Outcome {
        assert!(!job.is_null());
        // SAFETY: a job that was just made.
        unsafe {
            let status = kuai_job_next(job);
            let document = CStr::from_ptr(kuai_result_json(kuai_job_result(job)));
            let document = document.to_str().unwrap().to_owned();
            kuai_job_free(job);
            Outcome {
                status: Some(status),
                document: Some(document),
                empty: false,
            }
        }
    }

    unsafe fn of_pages(pages: *mut kuai_pages) -> Outcome {
        assert!(!pages.is_null());
        // SAFETY: pages that were just made.
        unsafe {
            let status = kuai_pages_next(pages);
            let document = CStr::from_ptr(kuai_result_json(kuai_pages_result(pages)));
            let document = document.to_str().unwrap().to_owned();
            kuai_pages_free(pages);
            Outcome {
                status: Some(status),
                document: Some(document),
                empty: false,
            }
        }
    }

    unsafe fn of_tools(tools: *mut kuai_tools) -> Outcome {
        assert!(!tools.is_null());
        // SAFETY: tools that were just made.
        unsafe {
            let status = kuai_tools_next(tools);
            let document = CStr::from_ptr(kuai_result_json(kuai_tools_result(tools)));
            let document = document.to_str().unwrap().to_owned();
            kuai_tools_free(tools);
            Outcome {
                status: Some(status),
                document: Some(document),
                empty: false,
            }
        }
    }

    unsafe fn of_client(client: *mut kuai_client) -> Outcome {
        assert!(!client.is_null());
        // SAFETY: a client that was just made; the call fails before anything is sent when the client did.
        unsafe {
            let error = kuai_client_error(client);
            let outcome = match error.is_null() {
                true => Outcome::status(0),
                false => Outcome::of_result(kuai_call(client, c"models.list".as_ptr(), ptr::null(), ptr::null())),
            };
            kuai_client_free(client);
            outcome
        }
    }

    unsafe fn of_request(request: *mut kuai_request) -> Outcome {
        assert!(!request.is_null());
        let handles = Handles::new();
        // SAFETY: handles that live.
        unsafe {
            let outcome = Outcome::of_result(kuai_send(handles.client, request));
            kuai_request_free(request);
            outcome
        }
    }
}

/// One good object of each kind. The client's service refuses connections.
struct Handles {
    client: *mut kuai_client,
    request: *mut kuai_request,
    result: *mut kuai_result,
    stream: *mut kuai_stream,
    cancel: *mut kuai_cancel,
    job: *mut kuai_job,
    pages: *mut kuai_pages,
    /// A call waits for its result.
    tools: *mut kuai_tools,
}

impl Handles {
    fn new() -> Handles {
        let config = c"{\"base_url\":\"http://127.0.0.1:1/v1\",\"api_key\":\"k\",\"max_retries\":0,\"proxy\":\"\"}";
        let operation = c"POST /files".as_ptr();
        // SAFETY: NUL-terminated texts, NULL where it is allowed.
        unsafe {
            let client = kuai_client_new(config.as_ptr());
            assert!(kuai_client_error(client).is_null());
            Handles {
                client,
                request: kuai_request_new(operation, ptr::null(), ptr::null()),
                result: kuai_call(client, operation, ptr::null(), ptr::null()),
                stream: kuai_chat_stream(client, REQUEST.as_ptr()),
                cancel: kuai_cancel_new(),
                job: kuai_job_wait(client, c"GET /files".as_ptr(), ptr::null(), ptr::null()),
                pages: kuai_pages_open(client, operation, ptr::null(), ptr::null()),
                tools: waiting_tools(),
            }
        }
    }

    /// What a `_free` function got is not to be freed again.
    fn forget_if_freed(&mut self, function: &Function, given: &[*mut c_void]) {
        if !function.name.ends_with("_free") || given[0].is_null() {
            return;
        }
        match function.parameters[0].kind {
            Kind::Client => self.client = ptr::null_mut(),
            Kind::Request => self.request = ptr::null_mut(),
            Kind::Result => self.result = ptr::null_mut(),
            Kind::Stream => self.stream = ptr::null_mut(),
            Kind::Cancel => self.cancel = ptr::null_mut(),
            Kind::Job => self.job = ptr::null_mut(),
            Kind::Pages => self.pages = ptr::null_mut(),
            Kind::Tools => self.tools = ptr::null_mut(),
            _ => {}
        }
    }
}

impl Drop for Handles {
    fn drop(&mut self) {
        // SAFETY: NULL, or made by the library and not freed yet.
        unsafe {
            kuai_tools_free(self.tools);
            kuai_pages_free(self.pages);
            kuai_job_free(self.job);
            kuai_stream_free(self.stream);
            kuai_result_free(self.result);
            kuai_request_free(self.request);
            kuai_cancel_free(self.cancel);
            kuai_client_free(self.client);
        }
    }
}

/// A conversation in which a call waits for its result.
fn waiting_tools() -> *mut kuai_tools {
    static SERVICE: LazyLock<(Server, Handle<kuai_client>)> = LazyLock::new(|| {
        let server = Service::start();
        let config = format!(
            "{{\"base_url\":\"{}\",\"api_key\":\"{KEY}\",\"proxy\":\"\"}}",
            server.url("/v1")
        );
        let config = CString::new(config).unwrap();
        // SAFETY: a NUL-terminated text.
        (server, Handle(unsafe { kuai_client_new(config.as_ptr()) }))
    });
    let request = c"{\"messages\":[{\"role\":\"user\",\"content\":\"weather?\"}],\"functions\":[{\"name\":\"f\"}]}";
    // SAFETY: a NUL-terminated text, and handles that live.
    unsafe {
        let tools = kuai_tools_new(SERVICE.1.0, request.as_ptr(), ptr::null());
        assert_eq!(kuai_tools_next(tools), 0);
        tools
    }
}

/// For threads to share what the header says they may.
struct Handle<T>(*const T);
// SAFETY: only functions that take a const handle are called with it.
unsafe impl<T> Send for Handle<T> {}
// SAFETY: as before.
unsafe impl<T> Sync for Handle<T> {}

const REQUEST: &CStr = c"{\"messages\":[{\"role\":\"user\",\"content\":\"1+100=\"}]}";
/// What sizes say.
const SIZE: usize = 4;

/// The arguments of one call, and what they point to.
struct Arguments {
    handles: Handles,
    values: Vec<*mut c_void>,
    texts: Vec<CString>,
    buffers: Vec<Vec<u64>>,
}

impl Arguments {
    fn new(function: &Function) -> Arguments {
        let mut arguments = Arguments {
            handles: Handles::new(),
            values: Vec::new(),
            texts: Vec::new(),
            buffers: Vec::new(),
        };
        for parameter in &function.parameters {
            let value = arguments.good(function, parameter);
            arguments.values.push(value);
        }
        arguments
    }

    fn good(&mut self, function: &Function, parameter: &Parameter) -> *mut c_void {
        match parameter.kind {
            Kind::Client => self.handles.client.cast(),
            Kind::Request => self.handles.request.cast(),
            Kind::Result => self.handles.result.cast(),
            Kind::Stream => self.handles.stream.cast(),
            Kind::Cancel => self.handles.cancel.cast(),
            Kind::Job => self.handles.job.cast(),
            Kind::Pages => self.handles.pages.cast(),
            Kind::Tools => self.handles.tools.cast(),
            // SAFETY: a NUL-terminated text. This one must be the library's own.
            Kind::Text if function.name == "kuai_string_free" => unsafe { kuai_json_quote(c"text".as_ptr()).cast() },
            // Nobody can wait with a POST.
            Kind::Text if function.name == "kuai_job_wait" => self.text(b"GET /files"),
            Kind::Text | Kind::Json => self.text(good_text(&parameter.name).as_bytes()),
            Kind::Bytes | Kind::Buffer | Kind::Out => {
                self.buffers.push(vec![0x2020_2020_2020_2020; 8]);
                self.buffers.last_mut().unwrap().as_mut_ptr().cast()
            }
            Kind::Number => ptr::null_mut(),
        }
    }

    fn text(&mut self, text: &[u8]) -> *mut c_void {
        self.texts.push(CString::new(text).unwrap());
        self.texts.last().unwrap().as_ptr().cast_mut().cast()
    }

    fn replace(&mut self, function: &Function, position: usize, replacement: &Replacement) {
        if function.name == "kuai_string_free" {
            // SAFETY: the library's own text, which is not given back otherwise.
            unsafe { kuai_string_free(self.at(position)) };
        }
        self.values[position] = match replacement {
            Replacement::Null => ptr::null_mut(),
            Replacement::Text(text) => self.text(text),
        };
    }

    /// Whether a handle was left out of the call.
    fn is_null(&self, handle: *mut c_void) -> bool {
        !self.values.contains(&handle)
    }

    fn at<T>(&self, position: usize) -> *mut T {
        self.values[position].cast()
    }
}

fn good_text(parameter: &str) -> String {
    match parameter {
        "config_json" => "{\"api_key\":\"k\"}",
        "request_json" => REQUEST.to_str().unwrap(),
        "params_json" | "options_json" | "headers_json" | "json" => "{}",
        "requests_json" => "[{}]",
        "operation" => "POST /files",
        "pointer" => "",
        "content_type" => "text/plain",
        "path" => concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"),
        _ => "text",
    }
    .to_owned()
}

fn text_positions() -> Vec<(Function, usize)> {
    let mut positions = Vec::new();
    for round in 0.. {
        let mut any = false;
        for function in functions() {
            let texts = |i: &usize| matches!(function.parameters[*i].kind, Kind::Text | Kind::Json);
            let position = (0..function.parameters.len()).filter(texts).nth(round);
            if let Some(position) = position.filter(|_| !NO_TEXT_CHECK.contains(&function.name.as_str())) {
                positions.push((function, position));
                any = true;
            }
        }
        if !any {
            break;
        }
    }
    positions
}

/// Every function of the header.
fn functions() -> Vec<Function> {
    let header = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/include/kuai_ffi.h")).unwrap();
    let mut calls = calls();
    let mut functions = Vec::new();
    for declaration in header.split(';') {
        let Some((start, parameters)) = declaration.split_once('(') else {
            continue;
        };
        let name = start.rsplit([' ', '*']).next().unwrap().to_owned();
        let call = calls
            .remove(name.as_str())
            .unwrap_or_else(|| panic!("this test does not call {name}"));
        let parameters = parameters
            .trim_end_matches(')')
            .split(',')
            .filter(|text| *text != "void");
        functions.push(Function {
            name,
            parameters: parameters.map(parameter).collect(),
            call,
        });
    }
    assert!(calls.is_empty(), "not in the header: {:?}", calls.keys());
    functions
}

fn parameter(text: &str) -> Parameter {
    let text = text.trim();
    let at = text.rfind([' ', '*']).unwrap() + 1;
    let (kind, name) = (text[..at].trim(), &text[at..]);
    Parameter {
        name: name.to_owned(),
        kind: Kind::of(kind, name),
    }
}

/// The text of a `char *`, freed.
unsafe fn owned(text: *mut c_char) -> Option<Vec<u8>> {
    if text.is_null() {
        return None;
    }
    // SAFETY: a NUL-terminated text of the library's, not freed yet.
    let bytes = unsafe { CStr::from_ptr(text) }.to_bytes().to_vec();
    // SAFETY: as before.
    unsafe { kuai_string_free(text) };
    Some(bytes)
}

fn calls() -> BTreeMap<&'static str, Call> {
    // SAFETY, for all of them: what Function::run gives them.
    let calls: [(&'static str, Call); 72] = [
        ("kuai_client_new", |a| unsafe {
            Outcome::of_client(kuai_client_new(a.at(0)))
        }),
        ("kuai_client_error", |a| unsafe {
            let error = kuai_client_error(a.at(0));
            let document = (!error.is_null()).then(|| CStr::from_ptr(error).to_str().unwrap().to_owned());
            Outcome {
                status: Some(if document.is_some() { INVALID_ARGUMENT } else { 0 }),
                document,
                empty: false,
            }
        }),
        ("kuai_client_cancel", |a| unsafe {
            kuai_client_cancel(a.at(0));
            Outcome::nothing()
        }),
        ("kuai_client_log", |a| unsafe {
            let lines = owned(kuai_client_log(a.at(0))).expect("never NULL");
            Outcome::empty(lines.is_empty())
        }),
        ("kuai_client_free", |a| unsafe {
            kuai_client_free(a.at(0));
            Outcome::nothing()
        }),
        ("kuai_chat_complete", |a| unsafe {
            let mut status = 77;
            let out = if a.at::<i32>(2).is_null() {
                ptr::null_mut()
            } else {
                &mut status
            };
            let answer = owned(kuai_chat_complete(a.at(0), a.at(1), out)).unwrap();
            let status = (!out.is_null()).then_some(status);
            Outcome {
                status,
                document: Some(String::from_utf8(answer).unwrap()),
                empty: false,
            }
        }),
        ("kuai_chat_stream", |a| unsafe {
            Outcome::of_stream(kuai_chat_stream(a.at(0), a.at(1)))
        }),
        ("kuai_string_free", |a| unsafe {
            kuai_string_free(a.at(0));
            Outcome::nothing()
        }),
        ("kuai_call", |a| unsafe {
            Outcome::of_result(kuai_call(a.at(0), a.at(1), a.at(2), a.at(3)))
        }),
        ("kuai_request_new", |a| unsafe {
            Outcome::of_request(kuai_request_new(a.at(0), a.at(1), a.at(2)))
        }),
        ("kuai_request_body", |a| unsafe {
            Outcome::status(kuai_request_body(a.at(0), a.at(1), a.at(2), SIZE))
        }),
        ("kuai_request_file", |a| unsafe {
            Outcome::status(kuai_request_file(a.at(0), a.at(1), a.at(2), a.at(3), a.at(4), SIZE))
        }),
        ("kuai_request_file_path", |a| unsafe {
            Outcome::status(kuai_request_file_path(a.at(0), a.at(1), a.at(2)))
        }),
        ("kuai_request_save_to", |a| unsafe {
            Outcome::status(kuai_request_save_to(a.at(0), a.at(1)))
        }),
        ("kuai_request_cancel_with", |a| unsafe {
            Outcome::status(kuai_request_cancel_with(a.at(0), a.at(1)))
        }),
        ("kuai_send", |a| unsafe {
            Outcome::of_result(kuai_send(a.at(0), a.at(1)))
        }),
        ("kuai_open", |a| unsafe {
            Outcome::of_stream(kuai_open(a.at(0), a.at(1)))
        }),
        ("kuai_request_free", |a| unsafe {
            kuai_request_free(a.at(0));
            Outcome::nothing()
        }),
        ("kuai_result_status", |a| unsafe {
            Outcome::status(kuai_result_status(a.at(0)))
        }),
        ("kuai_result_http_status", |a| unsafe {
            Outcome::empty(kuai_result_http_status(a.at(0)) == 0)
        }),
        ("kuai_result_json", |a| unsafe {
            Outcome::of_text(kuai_result_json(a.at(0)))
        }),
        ("kuai_result_text", |a| unsafe {
            Outcome::of_text(kuai_result_text(a.at(0), a.at(1)))
        }),
        ("kuai_result_body", |a| unsafe {
            Outcome::of_text(kuai_result_body(a.at(0), a.at(1)).cast())
        }),
        ("kuai_result_body_size", |a| unsafe {
            Outcome::empty(kuai_result_body_size(a.at(0)) == 0)
        }),
        ("kuai_result_header", |a| unsafe {
            Outcome::empty(kuai_result_header(a.at(0), a.at(1)).is_null())
        }),
        ("kuai_result_times", |a| unsafe {
            Outcome::of_text(kuai_result_times(a.at(0)))
        }),
        ("kuai_result_headers", |a| unsafe {
            Outcome::of_text(kuai_result_headers(a.at(0)))
        }),
        ("kuai_result_free", |a| unsafe {
            kuai_result_free(a.at(0));
            Outcome::nothing()
        }),
        ("kuai_stream_next", |a| unsafe {
            Outcome::status(kuai_stream_next(a.at(0)))
        }),
        ("kuai_stream_json", |a| unsafe {
            Outcome::of_text(kuai_stream_json(a.at(0)))
        }),
        ("kuai_stream_text", |a| unsafe {
            Outcome::of_text(kuai_stream_text(a.at(0), a.at(1)))
        }),
        ("kuai_stream_event", |a| unsafe {
            Outcome::of_text(kuai_stream_event(a.at(0)))
        }),
        ("kuai_stream_read", |a| unsafe {
            Outcome::status(kuai_stream_read(a.at(0), a.at(1), SIZE, a.at(3)))
        }),
        ("kuai_stream_result", |a| unsafe {
            let result = kuai_stream_result(a.at(0));
            assert!(!result.is_null());
            Outcome::status(kuai_result_status(result))
        }),
        ("kuai_stream_free", |a| unsafe {
            kuai_stream_free(a.at(0));
            Outcome::nothing()
        }),
        ("kuai_cancel_new", |_| unsafe {
            kuai_cancel_free(kuai_cancel_new());
            Outcome::nothing()
        }),
        ("kuai_cancel_trigger", |a| unsafe {
            kuai_cancel_trigger(a.at(0));
            Outcome::nothing()
        }),
        ("kuai_cancel_free", |a| unsafe {
            kuai_cancel_free(a.at(0));
            Outcome::nothing()
        }),
        ("kuai_pages_open", |a| unsafe {
            Outcome::of_pages(kuai_pages_open(a.at(0), a.at(1), a.at(2), a.at(3)))
        }),
        ("kuai_pages_cancel_with", |a| unsafe {
            Outcome::status(kuai_pages_cancel_with(a.at(0), a.at(1)))
        }),
        ("kuai_pages_next", |a| unsafe {
            Outcome::status(kuai_pages_next(a.at(0)))
        }),
        ("kuai_pages_json", |a| unsafe {
            Outcome::of_text(kuai_pages_json(a.at(0)))
        }),
        ("kuai_pages_result", |a| unsafe {
            let result = kuai_pages_result(a.at(0));
            assert!(!result.is_null());
            Outcome::status(kuai_result_status(result))
        }),
        ("kuai_pages_free", |a| unsafe {
            kuai_pages_free(a.at(0));
            Outcome::nothing()
        }),
        ("kuai_tools_new", |a| unsafe {
            Outcome::of_tools(kuai_tools_new(a.at(0), a.at(1), a.at(2)))
        }),
        ("kuai_tools_cancel_with", |a| unsafe {
            Outcome::status(kuai_tools_cancel_with(a.at(0), a.at(1)))
        }),
        ("kuai_tools_next", |a| unsafe {
            if !a.at::<kuai_tools>(0).is_null() {
                kuai_tools_give(a.at(0), c"result".as_ptr());
            }
            Outcome::status(kuai_tools_next(a.at(0)))
        }),
        ("kuai_tools_name", |a| unsafe {
            Outcome::of_text(kuai_tools_name(a.at(0)))
        }),
        ("kuai_tools_arguments", |a| unsafe {
            Outcome::of_text(kuai_tools_arguments(a.at(0)))
        }),
        ("kuai_tools_call_id", |a| unsafe {
            Outcome::of_text(kuai_tools_call_id(a.at(0)))
        }),
        ("kuai_tools_text", |a| unsafe {
            Outcome::of_text(kuai_tools_text(a.at(0), a.at(1)))
        }),
        ("kuai_tools_give", |a| unsafe {
            Outcome::status(kuai_tools_give(a.at(0), a.at(1)))
        }),
        ("kuai_tools_result", |a| unsafe {
            let result = kuai_tools_result(a.at(0));
            assert!(!result.is_null());
            Outcome::status(kuai_result_status(result))
        }),
        ("kuai_tools_messages", |a| unsafe {
            Outcome::of_text(kuai_tools_messages(a.at(0)))
        }),
        ("kuai_tools_free", |a| unsafe {
            kuai_tools_free(a.at(0));
            Outcome::nothing()
        }),
        ("kuai_job_wait", |a| unsafe {
            Outcome::of_job(kuai_job_wait(a.at(0), a.at(1), a.at(2), a.at(3)))
        }),
        ("kuai_job_upload", |a| unsafe {
            Outcome::of_job(kuai_job_upload(a.at(0), a.at(1), a.at(2), a.at(3)))
        }),
        ("kuai_job_batch", |a| unsafe {
            Outcome::of_job(kuai_job_batch(a.at(0), a.at(1), a.at(2), a.at(3)))
        }),
        ("kuai_job_cancel_with", |a| unsafe {
            Outcome::status(kuai_job_cancel_with(a.at(0), a.at(1)))
        }),
        ("kuai_job_next", |a| unsafe { Outcome::status(kuai_job_next(a.at(0))) }),
        ("kuai_job_json", |a| unsafe { Outcome::of_text(kuai_job_json(a.at(0))) }),
        ("kuai_job_result", |a| unsafe {
            let result = kuai_job_result(a.at(0));
            assert!(!result.is_null());
            Outcome::status(kuai_result_status(result))
        }),
        ("kuai_job_free", |a| unsafe {
            kuai_job_free(a.at(0));
            Outcome::nothing()
        }),
        ("kuai_json_get", |a| unsafe {
            Outcome::empty(owned(kuai_json_get(a.at(0), a.at(1))).is_none())
        }),
        ("kuai_json_quote", |a| unsafe {
            Outcome::empty(owned(kuai_json_quote(a.at(0))).unwrap() == b"\"\"")
        }),
        ("kuai_version", |_| unsafe { Outcome::of_text(kuai_version()) }),
        ("kuai_status_name", |_| unsafe {
            Outcome::of_text(kuai_status_name(-429))
        }),
        ("kuai_operations", |_| unsafe { Outcome::of_text(kuai_operations()) }),
        ("kuai_text_size", |a| unsafe {
            Outcome::empty(kuai_text_size(a.at(0)) == 0)
        }),
        ("kuai_text_copy", |a| unsafe {
            let needs = kuai_text_copy(a.at(0), a.at(1), SIZE);
            Outcome::empty(needs == 1 || a.at::<c_void>(1).is_null())
        }),
        ("kuai_estimate_tokens", |a| unsafe {
            Outcome::status(i32::try_from(kuai_estimate_tokens(a.at(0))).unwrap())
        }),
        ("kuai_webhook_verify", |a| unsafe {
            Outcome::status(kuai_webhook_verify(a.at(0), a.at(1), a.at(2), SIZE, 300))
        }),
    ];
    BTreeMap::from(calls)
}
