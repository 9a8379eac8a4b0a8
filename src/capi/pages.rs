//! Pages: a list, item by item
//!
//! Services hand out long lists page by page. The program takes the items, and the pages are fetched as they
//! are needed:
//!
//! ```c
//! kuai_pages *pages = kuai_pages_open(client, "files.list", "{\"purpose\":\"batch\"}", NULL);
//! while ((status = kuai_pages_next(pages)) == KUAI_OK)
//!     puts(kuai_pages_json(pages));
//! if (status != KUAI_DONE)
//!     fprintf(stderr, "%s\n", kuai_result_json(kuai_pages_result(pages)));
//! kuai_pages_free(pages);
//! ```
//!
//! The end of a list is where its service says it is (has_more, the next page's token), or else an empty page
//! or one whose items have no id. A list that is cut off is never taken for a whole one: a page that leads
//! back to where the list has been already, one that has more but not where, and an answer that is no list are
//! KUAI_PROTOCOL.

use super::client::usable;
use super::guard::{dropped, guard, status};
use super::handle::{self, kuai_cancel, kuai_client, kuai_pages, kuai_result};
use super::status::kuai_status;
use super::text;
use crate::error::{Error, Result, Status};
use crate::pages::Pages;
use crate::result::Answer;
use std::ffi::c_char;
use std::sync::LazyLock;

/// Begins a walk over a list. Nothing is sent before the first kuai_pages_next.
///
/// `operation` is any list of the API ("files.list", "fine_tuning.jobs.list_events",
/// "admin.organization.usage.costs"), with or without pages ("models.list"), also as a method and a path.
/// `params_json` is an object of its parameters, NULL for none; they go with every page. "limit" is the size
/// of a page, not of the list; "after" (or "page") is where the walk begins; with "before" and no "after" it
/// goes backwards, page before page. `options_json` are the options of each call that fetches a page, without
/// idempotency_key, save_to and bare. Never NULL; free with kuai_pages_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_pages_open(
    client: *const kuai_client,
    operation: *const c_char,
    params_json: *const c_char,
    options_json: *const c_char,
) -> *mut kuai_pages {
    let pages = guard(|| {
        // SAFETY: the caller's handle and texts, by the header's rules.
        let (client, operation, params, options) = unsafe {
            (
                usable(client)?,
                text::required("operation", operation)?,
                text::optional("params_json", params_json)?,
                text::optional("options_json", options_json)?,
            )
        };
        Ok(client.pages(operation, params, options))
    });
    handle::give(pages.unwrap_or_else(Pages::failed))
}

/// Gives the walk a switch that ends its calls at once, in place of one given before: kuai_pages_next is
/// KUAI_CANCELLED. The switch may be freed before the walk is.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_pages_cancel_with(pages: *mut kuai_pages, cancel: *const kuai_cancel) -> kuai_status {
    // SAFETY: the caller's handles, by the header's rules.
    status(|| unsafe { handle::get_mut(pages)?.cancel_with(handle::get(cancel)?) })
}

/// Goes to the next item, and fetches the next page when that is due.
///
/// KUAI_OK: there is an item. KUAI_DONE: there are no more, and it stays so. Anything else is a failure, and
/// kuai_pages_result has its document; the items that came before it are good. Where a page could not be had
/// (KUAI_CONNECTION, KUAI_RATE_LIMITED), another kuai_pages_next asks for that page again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_pages_next(pages: *mut kuai_pages) -> kuai_status {
    // SAFETY: the caller's handle, by the header's rules.
    let pages = match unsafe { handle::get_mut(pages) } {
        Ok(pages) => pages,
        Err(error) => return error.status.code(),
    };
    guard(|| Ok(pages.next())).map_or_else(|defect| given_up(pages, defect), Status::code)
}

/// This item, byte for byte as it came. "" when there is none. Good until the next kuai_pages_next or
/// kuai_pages_free.
///
/// ```c
/// char *id = kuai_json_get(kuai_pages_json(pages), "/id");
/// puts(id ? id : "no id");
/// kuai_string_free(id);
/// ```
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_pages_json(pages: *const kuai_pages) -> *const c_char {
    // SAFETY: the caller's handle, by the header's rules.
    let json: Result<&[u8]> = guard(|| Ok(unsafe { handle::get(pages) }?.json_z()));
    text::borrowed(json.unwrap_or(b"\0"))
}

/// The page that the item is on, as it came, with its headers; after KUAI_DONE the last page, after a failure
/// the error document.
///
/// It belongs to the walk and is good until the next kuai_pages_next or kuai_pages_free: do not free it.
/// Never NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_pages_result(pages: *mut kuai_pages) -> *const kuai_result {
    static NO_PAGES: LazyLock<Answer> = LazyLock::new(|| Answer::from_error(Error::argument("pages", "is NULL")));
    // SAFETY: the caller's handle, by the header's rules.
    let answer: Result<&Answer> = guard(|| Ok(unsafe { handle::get_mut(pages) }?.result()));
    handle::lend(answer.unwrap_or(&NO_PAGES))
}

/// Ends the walk, and frees it and everything borrowed from it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_pages_free(pages: *mut kuai_pages) {
    // SAFETY: the caller's handle, by the header's rules.
    unsafe { handle::free(pages) }
}

/// After a defect the walk is one that failed with the defect's text.
fn given_up(pages: &mut Pages, defect: Error) -> kuai_status {
    let status = defect.status.code();
    dropped(std::mem::replace(pages, Pages::failed(defect)));
    status
}
