//! Which states are no end, how long to wait for one, and when to look again. Pure.
#![forbid(unsafe_code)]

use crate::headers::Headers;
use crate::json::Value;
use crate::operation::Operation;
use std::time::Duration;

/// In which the service is at work and will go on by itself. Every other state is an end of the wait: those that the thing stays in,
/// `requires_action` and `paused`, in which it is somebody else's turn, and those that are newer than this list. Who is told can look,
/// and wait again; who waits for ever for a state that was misunderstood cannot.
const AT_WORK: [&str; 11] = [
    "queued",
    "pending",
    "validating",
    "validating_files",
    // A file that was taken in and is not processed yet.
    "uploaded",
    "in_progress",
    "processing",
    "running",
    "finalizing",
    "cancelling",
    "canceling",
];

/// A server that asks for a longer pause than an hour is not taken at its word.
const LONGEST_PAUSE_MS: u64 = 60 * 60 * 1000;

/// Whether what an object tells of has not come to an end yet. Something without a status is what it is.
pub fn is_at_work(object: Value<'_>) -> bool {
    let status = object.get("status").and_then(Value::as_str);
    status.is_some_and(|status| AT_WORK.contains(&&*status))
}

/// How things of a kind are waited for, where the program does not say.
#[derive(Debug, PartialEq)]
pub struct Habit {
    pub interval: Duration,
    /// `None`: for ever.
    pub longest_wait: Option<Duration>,
}

impl Habit {
    pub fn of(operation: Option<&Operation>) -> Habit {
        match operation {
            // Files stay "uploaded" for good with services that do not process them.
            Some(operation) if operation.name == "files.retrieve" => Habit {
                interval: Duration::from_secs(5),
                longest_wait: Some(Duration::from_secs(30 * 60)),
            },
            _ => Habit {
                interval: Duration::from_secs(1),
                longest_wait: None,
            },
        }
    }
}

/// The pause before the next look: what the service asks for, else `interval`.
pub fn pause(headers: &Headers, interval: Duration) -> Duration {
    let asked = headers
        .get("openai-poll-after-ms")
        .and_then(|ms| ms.trim().parse().ok());
    asked
        .filter(|ms| (1..=LONGEST_PAUSE_MS).contains(ms))
        .map_or(interval, Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::find;

    #[test]
    fn each_kind_ends_in_its_own_states() {
        // By the API's reference: the states of each thing, those in which it is at work first.
        let kinds: [(&str, &[&str], &[&str]); 9] = [
            (
                "batches.retrieve",
                &["validating", "in_progress", "finalizing", "cancelling"],
                &["failed", "completed", "expired", "cancelled"],
            ),
            (
                "fine_tuning.jobs.retrieve",
                &["validating_files", "queued", "running"],
                &["succeeded", "failed", "cancelled", "paused"],
            ),
            (
                "beta.threads.runs.retrieve",
                &["queued", "in_progress", "cancelling"],
                &[
                    "requires_action",
                    "cancelled",
                    "failed",
                    "completed",
                    "incomplete",
                    "expired",
                ],
            ),
            ("vector_stores.retrieve", &["in_progress"], &["completed", "expired"]),
            (
                "vector_stores.files.retrieve",
                &["in_progress"],
                &["completed", "cancelled", "failed"],
            ),
            (
                "responses.retrieve",
                &["queued", "in_progress"],
                &["completed", "failed", "cancelled", "incomplete"],
            ),
            ("videos.retrieve", &["queued", "in_progress"], &["completed", "failed"]),
            (
                "files.retrieve",
                &["uploaded", "pending"],
                &["processed", "error", "deleted"],
            ),
            (
                "evals.runs.retrieve",
                &["queued", "in_progress"],
                &["completed", "canceled", "failed"],
            ),
        ];
        for (operation, at_work, ends) in kinds {
            assert!(find(operation).is_ok(), "{operation}");
            for (states, expected) in [(at_work, true), (ends, false)] {
                for state in states {
                    let object = format!("{{\"id\":\"x\",\"status\":\"{state}\"}}");
                    assert_eq!(
                        is_at_work(Value::parse(object.as_bytes()).unwrap()),
                        expected,
                        "{operation} {state}"
                    );
                }
            }
        }
    }

    #[test]
    fn what_is_not_understood_ends_a_wait() {
        for object in [
            "{}",
            "[]",
            "1",
            r#"{"status":null}"#,
            r#"{"status":2}"#,
            r#"{"status":"new_to_us"}"#,
        ] {
            assert!(!is_at_work(Value::parse(object.as_bytes()).unwrap()), "{object}");
        }
    }

    #[test]
    fn the_service_chooses_the_pause_if_it_makes_sense() {
        let second = Duration::from_secs(1);
        for (asked, ms) in [
            ("250", 250),
            (" 250 ", 250),
            ("3600000", 3_600_000),
            ("3600001", 1000),
            ("0", 1000),
            ("-1", 1000),
            ("1.5", 1000),
            ("soon", 1000),
            ("99999999999999999999", 1000),
        ] {
            let headers = Headers::from_pairs(&[("OpenAI-Poll-After-Ms", asked)]);
            assert_eq!(pause(&headers, second), Duration::from_millis(ms), "{asked}");
        }
        assert_eq!(pause(&Headers::default(), second), second);
    }

    #[test]
    fn files_are_looked_at_every_five_seconds_for_half_an_hour() {
        let habit = |operation| Habit::of(find(operation).unwrap().entry);
        assert_eq!(habit("files.retrieve").interval.as_secs(), 5);
        assert_eq!(habit("GET /files/{file_id}").longest_wait.unwrap().as_secs(), 1800);
        assert_eq!(habit("batches.retrieve").interval.as_secs(), 1);
        assert_eq!(Habit::of(None).longest_wait, None);
    }
}
