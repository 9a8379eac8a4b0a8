//! Jobs: what takes long
//!
//! Waiting for the end of something that the service works on, uploading a large file, having many requests
//! answered as a batch. The program takes a job step by step, so that it can show how far it is, and stop:
//!
//! ```c
//! kuai_job *job = kuai_job_wait(client, "batches.retrieve", "{\"batch_id\":\"batch_1\"}", NULL);
//! while ((status = kuai_job_next(job)) == KUAI_OK)
//!     printf("%s\n", kuai_job_json(job));
//! puts(kuai_result_json(kuai_job_result(job)));
//! kuai_job_free(job);
//! ```
//!
//! What the service works on goes on when the job is freed, is cancelled or fails, and another job can be made
//! for it. `options_json` are the options of each call that the job makes (deadline_ms is one call's too),
//! without idempotency_key, save_to and bare, and two more:
//!
//! ```text
//! interval_ms      1000           the pause between two looks; when the service names one (in the header
//!                  (files 5000)   openai-poll-after-ms), that is taken
//! longest_wait_ms  off            how long is waited for the end, from the first kuai_job_next on; then
//!                  (files 30 min) KUAI_TIMEOUT, and the next kuai_job_next waits for as long again; 0: off
//! ```

use super::client::usable;
use super::guard::{dropped, guard, status};
use super::handle::{self, kuai_cancel, kuai_client, kuai_job, kuai_result};
use super::status::kuai_status;
use super::text;
use crate::error::{Error, Result, Status};
use crate::jobs::Job;
use crate::result::Answer;
use std::ffi::c_char;
use std::sync::LazyLock;

/// Waits until what an operation tells of has come to its end.
///
/// `operation` is any GET whose answer has a "status": "batches.retrieve", "fine_tuning.jobs.retrieve",
/// "beta.threads.runs.retrieve", "responses.retrieve", "vector_stores.files.retrieve",
/// "vector_stores.file_batches.retrieve", "videos.retrieve", "files.retrieve" and the like;
/// `params_json` are its parameters. Never NULL; free with kuai_job_free.
///
/// Each kuai_job_next pauses and looks once; the first one looks at once. The end is every status but
/// queued, pending, validating, validating_files, uploaded, in_progress, processing, running, finalizing and
/// cancelling, also one that tells of a failure, or that it is the program's turn (requires_action): then
/// kuai_job_next gives KUAI_DONE, the result is the object, and the program reads its status.
///
/// ```c
/// kuai_job *job = kuai_job_wait(client, "fine_tuning.jobs.retrieve", "{\"fine_tuning_job_id\":\"ftjob-1\"}",
///     "{\"longest_wait_ms\":3600000}");
/// while ((status = kuai_job_next(job)) == KUAI_OK)
///     putchar('.');
/// if (status == KUAI_DONE) {
///     char *state = kuai_json_get(kuai_job_json(job), "/status");
///     puts(state ? state : "?");
///     kuai_string_free(state);
/// }
/// kuai_job_free(job);
/// ```
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_job_wait(
    client: *const kuai_client,
    operation: *const c_char,
    params_json: *const c_char,
    options_json: *const c_char,
) -> *mut kuai_job {
    begun(|| {
        // SAFETY: the caller's handle and texts, by the header's rules.
        let (client, operation, params, options) = unsafe {
            (
                usable(client)?,
                text::required("operation", operation)?,
                text::optional("params_json", params_json)?,
                text::optional("options_json", options_json)?,
            )
        };
        Ok(client.wait_for(operation, params, options))
    })
}

/// Uploads a file in parts (uploads.create, uploads.parts.create, uploads.complete), for files that are too
/// large for files.create or for one attempt.
///
/// `path` (UTF-8) is read as it is sent and never held in memory; a file that changes before the upload is
/// complete is KUAI_IO. `params_json` are those of uploads.create: purpose, and where they are not as the
/// path has it filename and mime_type, expires_after; beside them part_bytes (64 MiB, the most that the API
/// takes), md5 (of the whole file, for the service to check), resume and share. Never NULL; free with
/// kuai_job_free.
///
/// The first kuai_job_next begins the upload, each further one sends a part, the last one completes it:
/// the result is the file, as files.create would have given it. kuai_job_json is
///
/// ```text
/// {"upload_id":"upload_1","sent":67108864,"size":150000000,"part_bytes":67108864,"modified_ms":1700000000000,
///  "parts":["part_1",null,null]}
/// ```
///
/// and all that another job needs, in this process or a later one, to send what is missing: that is what
/// `"resume"` takes. An upload that is not complete after an hour is gone (OpenAI); uploads.cancel ends it
/// before.
///
/// To send several parts at once, let one job begin the upload, give its kuai_job_json to as many threads
/// or processes as you like, each with a job of its own with `"resume":<that>,"share":[i,n]` (share i of n,
/// counted from 0; kuai_job_next is KUAI_DONE when it is sent), and then a last job with `"resume":[...]` of
/// all their kuai_job_json. That one sends what they did not, and completes the upload.
///
/// ```c
/// kuai_job *job = kuai_job_upload(client, "training.jsonl", "{\"purpose\":\"fine-tune\"}", NULL);
/// while ((status = kuai_job_next(job)) == KUAI_OK)
///     puts(kuai_job_json(job));
/// puts(kuai_result_json(kuai_job_result(job)));
/// kuai_job_free(job);
/// ```
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_job_upload(
    client: *const kuai_client,
    path: *const c_char,
    params_json: *const c_char,
    options_json: *const c_char,
) -> *mut kuai_job {
    begun(|| {
        // SAFETY: the caller's handle and texts, by the header's rules.
        let (client, path, params, options) = unsafe {
            (
                usable(client)?,
                text::required("path", path)?,
                text::optional("params_json", params_json)?,
                text::optional("options_json", options_json)?,
            )
        };
        Ok(client.upload(path, params, options))
    })
}

/// Has many requests answered as one batch: uploads them, waits for the batch, and fetches and sorts its
/// results.
///
/// `requests_json` is an array. Each item is a request of the endpoint as kuai_call would take it, or
/// `{"custom_id":"...","method":"POST","url":"/v1/...","body":{...}}` of which all but body may be missing.
/// A request without a custom_id gets "request-0", "request-1" and so on, by its place in the array.
/// `params_json` are those of batches.create, none of which is needed: endpoint (else the url of the first
/// request, else "/v1/chat/completions"), completion_window (else "24h"), metadata and so on; and resume:
/// what kuai_job_json of another job said, or `{"batch_id":"..."}`. With a batch that is there already
/// `requests_json` may be NULL. Never NULL; free with kuai_job_free.
///
/// kuai_job_json is `{"input_file_id":"...","batch_id":"...","batch":{...}}`. At the end the result is
///
/// ```text
/// {"batch":{...},                        as batches.retrieve gives it: read its status
///  "results":{"request-0":{...},...},    each answer as kuai_call would have given it
///  "errors":{"request-7":{"error":{...}},...},      each failure, as an error document
///  "broken":[{"file_id":"...","line":3,"why":"...","text":"..."}],   lines that could not be read
///  "missing":["request-9"]}              requests of which nothing came; only where they were given
/// ```
///
/// A batch that failed, expired or was cancelled is KUAI_DONE too, with the results that there are. Requests
/// and results are held in memory. The files stay with the service.
///
/// ```c
/// kuai_job *job = kuai_job_batch(client,
///     "[{\"model\":\"gpt-4o-mini\",\"messages\":[{\"role\":\"user\",\"content\":\"1+100=\"}]}]", NULL, NULL);
/// while ((status = kuai_job_next(job)) == KUAI_OK)
///     puts(kuai_job_json(job));
/// if (status == KUAI_DONE) {
///     char *text = kuai_json_get(kuai_result_json(kuai_job_result(job)),
///         "/results/request-0/choices/0/message/content");
///     puts(text ? text : "no answer");
///     kuai_string_free(text);
/// }
/// kuai_job_free(job);
/// ```
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_job_batch(
    client: *const kuai_client,
    requests_json: *const c_char,
    params_json: *const c_char,
    options_json: *const c_char,
) -> *mut kuai_job {
    begun(|| {
        // SAFETY: the caller's handle and texts, by the header's rules.
        let (client, requests, params, options) = unsafe {
            (
                usable(client)?,
                text::optional("requests_json", requests_json)?,
                text::optional("params_json", params_json)?,
                text::optional("options_json", options_json)?,
            )
        };
        Ok(client.batch(requests, params, options))
    })
}

/// Gives the job a switch that ends its pauses and calls at once, in place of one given before:
/// kuai_job_next is KUAI_CANCELLED. The switch may be freed before the job is.
///
/// What the service works on goes on; batches.cancel, fine_tuning.jobs.cancel and the like end that.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_job_cancel_with(job: *mut kuai_job, cancel: *const kuai_cancel) -> kuai_status {
    // SAFETY: the caller's handles, by the header's rules.
    status(|| unsafe { handle::get_mut(job)?.cancel_with(handle::get(cancel)?) })
}

/// Takes the job's next step.
///
/// KUAI_OK: it is a step further, and there is more to do. KUAI_DONE: it is finished, and stays so. Anything
/// else is a failure, and kuai_job_result has its document; another kuai_job_next goes on where the job
/// was. A job that could not be begun, or was cancelled, fails with the same each time.
///
/// ```c
/// int tries = 0;
/// do
///     status = kuai_job_next(job);
/// while (status == KUAI_OK || (status == KUAI_CONNECTION && ++tries < 10));
/// ```
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_job_next(job: *mut kuai_job) -> kuai_status {
    // SAFETY: the caller's handle, by the header's rules.
    let job = match unsafe { handle::get_mut(job) } {
        Ok(job) => job,
        Err(error) => return error.status.code(),
    };
    guard(|| Ok(job.next())).map_or_else(|defect| given_up(job, defect), Status::code)
}

/// How far the job is, as JSON; which, the function that made it says. "" before the first step. Good until
/// the next kuai_job_next or kuai_job_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_job_json(job: *const kuai_job) -> *const c_char {
    // SAFETY: the caller's handle, by the header's rules.
    let json: Result<&[u8]> = guard(|| Ok(unsafe { handle::get(job) }?.json_z()));
    text::borrowed(json.unwrap_or(b"\0"))
}

/// What came of the job: after KUAI_DONE its result, after a failure the error document, before that the
/// service's last answer.
///
/// It belongs to the job and is good until the next kuai_job_next or kuai_job_free: do not free it. Never
/// NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_job_result(job: *mut kuai_job) -> *const kuai_result {
    static NO_JOB: LazyLock<Answer> = LazyLock::new(|| Answer::from_error(Error::argument("job", "is NULL")));
    // SAFETY: the caller's handle, by the header's rules.
    let answer: Result<&Answer> = guard(|| Ok(unsafe { handle::get_mut(job) }?.result()));
    handle::lend(answer.unwrap_or(&NO_JOB))
}

/// Frees the job and everything borrowed from it. What the service works on goes on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_job_free(job: *mut kuai_job) {
    // SAFETY: the caller's handle, by the header's rules.
    unsafe { handle::free(job) }
}

/// The job that `body` begins; what goes wrong on the way is told by the job.
fn begun(body: impl FnOnce() -> Result<Job>) -> *mut kuai_job {
    handle::give(guard(body).unwrap_or_else(Job::failed))
}

/// After a defect the job is one that failed with the defect's text.
fn given_up(job: &mut Job, defect: Error) -> kuai_status {
    let status = defect.status.code();
    dropped(std::mem::replace(job, Job::failed(defect)));
    status
}
