//! Statuses: what became of it
//!
//! The numbers never change. Failures are below zero; from -400 on they are the HTTP status of the answer.

/// What became of it: one of the constants above. A number below zero that you do not know is a failure
/// too.
pub type kuai_status = i32;

/// The values of a kuai_status.
#[repr(C)]
pub enum kuai_status_code {
    /// It worked.
    KUAI_OK = 0,
    /// It is at its end: a stream whose answer is whole, a finished job, a list, a conversation.
    KUAI_DONE = 1,

    /// NULL, not UTF-8, not JSON, an unknown operation, a missing path parameter.
    KUAI_INVALID_ARGUMENT = -1,
    /// The client's configuration is wrong.
    KUAI_CONFIG = -2,
    /// A local file could not be read or written.
    KUAI_IO = -3,

    /// No connection, or it broke before the answer was whole.
    KUAI_CONNECTION = -10,
    /// One of the time limits passed.
    KUAI_TIMEOUT = -11,
    /// The certificate or the handshake.
    KUAI_TLS = -12,
    /// Cancelled by the program.
    KUAI_CANCELLED = -13,
    /// The answer is not what the API promises: not HTTP, not JSON, an HTML page.
    KUAI_PROTOCOL = -14,
    /// A size limit of the client's passed, or max_turns.
    KUAI_LIMIT = -15,

    /// A defect of the library, with its text. The program goes on.
    KUAI_INTERNAL = -99,

    /// HTTP 400, and every 4xx that is not below.
    KUAI_BAD_REQUEST = -400,
    /// HTTP 401: the key is missing or wrong.
    KUAI_AUTHENTICATION = -401,
    /// HTTP 403.
    KUAI_PERMISSION = -403,
    /// HTTP 404.
    KUAI_NOT_FOUND = -404,
    /// HTTP 409.
    KUAI_CONFLICT = -409,
    /// HTTP 422.
    KUAI_UNPROCESSABLE = -422,
    /// HTTP 429: too fast, or the quota is used up.
    KUAI_RATE_LIMITED = -429,
    /// HTTP 5xx.
    KUAI_SERVER = -500,

    /// A failure that the service reported inside HTTP 200.
    KUAI_SERVICE = -600,
}

#[cfg(test)]
mod tests {
    use super::kuai_status_code::*;
    use crate::error::Status;

    #[test]
    fn the_constants_are_the_statuses_of_the_library() {
        let constants = [
            KUAI_OK,
            KUAI_DONE,
            KUAI_INVALID_ARGUMENT,
            KUAI_CONFIG,
            KUAI_IO,
            KUAI_CONNECTION,
            KUAI_TIMEOUT,
            KUAI_TLS,
            KUAI_CANCELLED,
            KUAI_PROTOCOL,
            KUAI_LIMIT,
            KUAI_INTERNAL,
            KUAI_BAD_REQUEST,
            KUAI_AUTHENTICATION,
            KUAI_PERMISSION,
            KUAI_NOT_FOUND,
            KUAI_CONFLICT,
            KUAI_UNPROCESSABLE,
            KUAI_RATE_LIMITED,
            KUAI_SERVER,
            KUAI_SERVICE,
        ];
        assert_eq!(constants.map(|constant| constant as i32), Status::ALL.map(Status::code));
    }
}
