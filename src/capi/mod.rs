//! libkuai: a blocking client for OpenAI-compatible services
//!
//! JSON goes in, JSON comes out, and everything between (connections, TLS, proxies, retries, time limits,
//! streams) is done here. A whole program:
//!
//! ```c
//! #include <stdio.h>
//! #include <kuai.h>
//!
//! int main(void)
//! {
//!     kuai_client *client = kuai_client_new(NULL);
//!     kuai_result *result = kuai_call(client, "chat.completions.create",
//!         "{\"messages\":[{\"role\":\"user\",\"content\":\"1+100=\"}]}", NULL);
//!     kuai_status status = kuai_result_status(result);
//!     puts(status == KUAI_OK ? kuai_result_text(result, NULL) : kuai_result_json(result));
//!     kuai_result_free(result);
//!     kuai_client_free(client);
//!     return status != KUAI_OK;
//! }
//! ```
//!
//! ```text
//! $ cc hello.c -lkuai -o hello
//! $ KUAI_API_KEY=sk-... ./hello
//! 1+100=101
//! ```
//!
//! The rules on this page (who frees, which thread, what NULL does) hold for every function; what a
//! function's own text says is what is special about it.
//!
//! HANDLES. A kuai_client, kuai_request, kuai_result, kuai_stream, kuai_cancel, kuai_job, kuai_pages or
//! kuai_tools is a pointer to something that you never look into. What you got from a function that returns
//! a pointer to non-const is yours, and the _free function of its kind ends it. Every _free takes NULL.
//! Nothing is to be set up before the first call or torn down after the last one.
//!
//! FAILURES. A function that returns a handle never returns NULL: when something is wrong you get a handle
//! that knows what, and a program may go on with it and look at the end. There is no errno and no "last
//! error". A kuai_status below zero is a failure, whether you know the number or not: later versions add
//! some. The error document is JSON, with everything that OpenAI's own error object has:
//!
//! ```text
//! {"error":{"message":"...","type":"...","code":"...","param":"...","status":"rate_limited",
//!           "http_status":429,"request_id":"...","retry_after_ms":1500,"attempts":3,"body":"..."}}
//! ```
//!
//! message, type, code, param, status, http_status and attempts are always there (type, code and param may
//! be null); body is the start of an answer that was not JSON. The key is never in it.
//!
//! NULL. Every pointer may be NULL. Where something is needed, NULL gives KUAI_INVALID_ARGUMENT (as a
//! status, or as the status of the handle that you get); an accessor of a NULL handle gives an empty value.
//!
//! TEXT IN is UTF-8 that ends with NUL. Anything else is refused with the argument's name and the byte at
//! which it stops being UTF-8. JSON that is wrong is refused with line and column, before anything is sent.
//! Bytes come as (data, size); NULL with size 0 is empty.
//!
//! TEXT OUT is UTF-8 that ends with NUL and is never NULL unless the function says so. A `const char *`
//! belongs to the handle it was asked of and is good until that handle is freed or, with what is taken step by
//! step (a stream, pages, tools, a job), until its next step. A `char *` is yours: kuai_string_free, not free.
//! A size_t pointer beside it takes the size without the NUL, and may be NULL; you need it only where the text
//! itself may hold NUL.
//!
//! THREADS. What takes a `const kuai_x *` may be called by many threads at once on one handle, what takes a
//! `kuai_x *` by one at a time. Make one client and share it: its connections are kept and used again. A
//! handle may be used in another thread than the one that made it. What is taken step by step keeps what it
//! needs of its client, so the client may be freed first. No handle may be freed while another call is using it.
//!
//! THE PROCESS is yours. The library sets no signal handler, starts no thread, writes nothing to stdout or
//! stderr, changes no environment or locale, and never calls exit or abort on account of what it is given.
//! SIGPIPE is never raised. A signal does not end a call or lengthen its time limits; to end a call from a
//! handler, use kuai_cancel_trigger, the one function here that a signal handler may call. After fork()
//! parent and child both go on with the clients they have, also when other threads were in the middle of
//! calls: the child makes connections of its own. A stream, pages, tools or a job that the parent had begun is
//! the parent's to finish; the child may free it. pthread_cancel waits for the end of the call that a thread
//! is in. A thread needs 64 KiB of stack. What the library opens never takes the place of a closed stdin,
//! stdout or stderr.
//!
//! LOOKING UP a host's name is done for new connections only, in the calling thread, and is as bounded and cancellable
//! as everything else. On Linux the library reads /etc/nsswitch.conf, /etc/hosts, /etc/resolv.conf and /etc/gai.conf
//! and asks the name servers itself: the system's look-up (getaddrinfo) can be broken off by nothing. Nothing is kept:
//! each new connection asks anew. getaddrinfo looks up where those files say what only the system understands (sources
//! as ldap or nis, names that end in .local with mdns, an unknown option), on other systems, and always with
//! `"resolver":"system"`; then a limit that passes, or a cancelling that comes, meanwhile ends the call when getaddrinfo
//! returns. How long that can be is set by resolv.conf: "options timeout:N attempts:M" (5 seconds and 2, unless set),
//! for each name server and each search domain that does not answer.
//!
//! ENVIRONMENT, where the configuration is silent:
//!
//! ```text
//! KUAI_API_KEY     with KUAI_BASE_URL    (else https://api.kuaiai.app/v1), or when it is not set
//! OPENAI_API_KEY   with OPENAI_BASE_URL  (else OPENAI_API_BASE or OPENAI_API_BASE_URL,
//!                                         else https://api.openai.com/v1)
//! OPENAI_MODEL, OPENAI_ORG_ID, OPENAI_PROJECT_ID, OPENAI_CUSTOM_HEADERS, SSL_CERT_FILE
//! https_proxy, http_proxy, all_proxy, no_proxy, in small or capital letters, as curl reads them
//! RES_OPTIONS, LOCALDOMAIN, HOSTALIASES, as the system's look-up reads them
//! ```
//!
//! A key never goes to the other one's default host: an api_key in the configuration without a base_url
//! belongs to KUAI_BASE_URL or its default.
//!
//! CONFIGURATION is a JSON object. An unknown key is an error that names the nearest known one. Times are
//! milliseconds; 0 switches off a limit that is off by default.
//!
//! ```text
//! key                    default      meaning
//! api_key                environment  blanks, quotes and a leading "Bearer " are taken off; "" for none
//! base_url               environment  https unless said; a bare host gets /v1; an endpoint's path pasted
//!                                     behind it is dropped; a query is kept
//! base_url_exact         false        true: base_url as it stands
//! default_model          environment  fills in a missing "model"; none is ever invented
//! organization, project  environment  sent with each request
//! headers, query         {}           sent with each request; an object, or [["name","value"],...]
//! user_agent             libkuai/...  the User-Agent header
//! connect_timeout_ms     5000         address look-up (see LOOKING UP), TCP and TLS
//! idle_timeout_ms        600000       the longest gap between bytes
//! content_timeout_ms     off          the longest gap between stream events that carry something
//! timeout_ms             off          one attempt, from its start to the end of its answer
//! deadline_ms            off          the whole call, with every attempt and every wait
//! max_retries            2            how often a call is tried again after the first time
//! max_retry_after_ms     120000       a service that asks for a longer wait is not tried again
//! idempotency_keys       true         a POST that may be retried carries one Idempotency-Key
//! proxy                  environment  http://, socks5:// or socks5h:// URL; "" for none
//! resolver               "auto"       "system": names are looked up by getaddrinfo alone (see LOOKING UP)
//! tls_roots              "bundled"    "bundled": Mozilla's and ca_file; "system"; "file": ca_file alone
//! ca_file                environment  PEM file of further certificate authorities
//! client_cert_file       none         PEM files for services that ask the client for a certificate
//! client_key_file        none
//! max_response_bytes     1 GiB        a larger answer is KUAI_LIMIT
//! max_event_bytes        64 MiB       a larger event of a stream is KUAI_LIMIT
//! incomplete_streams     "error"      "accept": a stream that stops without its end mark counts as whole
//! strict_turns           false        true: the turns of "messages" are checked by the gateway's rule; calls
//!                                     of tools and their results are no turns
//! log                    "off"        "error", "info" or "debug": lines for kuai_client_log
//! azure                  none         {"deployment":"...","api_version":"..."}: Azure's paths and key header
//! ```
//!
//! OPTIONS of one call (`options_json`) are a JSON object too: timeout_ms, deadline_ms, connect_timeout_ms,
//! idle_timeout_ms, content_timeout_ms and max_retries for this call; headers (one of the same name
//! replaces the client's) and query (added to the client's); idempotency_key; save_to (a file that takes
//! the answer's body); and bare. With `"bare":true` the request goes out with exactly the headers given and
//! in one attempt; error statuses and redirects come back as they are, bodies are not decoded, and the
//! operation may name an absolute URL ("GET http://host/path"), so that another program can use the library
//! as its HTTP client.

#![allow(non_camel_case_types)]
// What a caller must see to is said once for all functions: the rules above.
#![allow(clippy::missing_safety_doc)]
#![deny(unsafe_op_in_unsafe_fn)]

mod about;
mod call;
mod cancel;
mod client;
mod fork;
mod guard;
mod handle;
mod job;
mod json;
mod pages;
mod request;
mod result;
mod status;
mod stream;
mod text;
mod tools;

pub use about::*;
pub use call::*;
pub use cancel::*;
pub use client::*;
pub use handle::{kuai_cancel, kuai_client, kuai_job, kuai_pages, kuai_request, kuai_result, kuai_stream, kuai_tools};
pub use job::*;
pub use json::*;
pub use pages::*;
pub use request::*;
pub use result::*;
pub use status::*;
pub use stream::*;
pub use tools::*;
