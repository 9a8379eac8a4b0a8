//! When to try again, and how long to wait before: the rules of the official SDKs, as a decision without a clock or a die.
#![forbid(unsafe_code)]

use crate::headers::Headers;
use std::time::{Duration, SystemTime};

/// How much patience there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// How many attempts there may be after the first.
    pub max_retries: u32,
    /// A service that asks for a longer wait is not tried again.
    pub max_retry_after: Duration,
}

/// How an attempt failed.
#[derive(Clone, Copy, Debug)]
pub enum Failure<'a> {
    /// No connection, or it broke.
    Connection,
    /// One of the attempt's time limits passed.
    Timeout,
    /// The service said so.
    Http {
        /// 400 or more.
        status: u16,
        /// They may say when to try again, or not to.
        headers: &'a Headers,
        /// Quota or money is used up: no wait helps.
        billing: bool,
    },
}

/// How long to wait before the next attempt; `None`: the failure stands. `random` is from [0, 1).
pub fn next_wait(
    policy: &Policy,
    retries_done: u32,
    failure: &Failure<'_>,
    now: SystemTime,
    random: f64,
) -> Option<Duration> {
    if retries_done >= policy.max_retries {
        return None;
    }
    let backoff = backoff(retries_done, random);
    let Failure::Http {
        status,
        headers,
        billing,
    } = *failure
    else {
        return Some(backoff);
    };
    let asked_for = retry_after(headers, now);
    if billing || asked_for.is_some_and(|wait| wait > policy.max_retry_after) {
        return None;
    }
    is_worth_a_retry(status, headers).then(|| asked_for.unwrap_or(backoff))
}

/// The wait that the service asked for, however long; `None` when it did not, or in vain.
pub fn retry_after(headers: &Headers, now: SystemTime) -> Option<Duration> {
    in_figures(headers).unwrap_or_else(|| {
        let date = httpdate::parse_http_date(headers.get("retry-after")?.trim()).ok()?;
        date.duration_since(now).ok().filter(|wait| !wait.is_zero())
    })
}

/// [`retry_after`] by the service's own clock, its header `Date`: for a caller who has no other.
pub fn retry_after_in_answer(headers: &Headers) -> Option<Duration> {
    let date = headers
        .get("date")
        .and_then(|date| httpdate::parse_http_date(date.trim()).ok());
    match date {
        Some(date) => retry_after(headers, date),
        None => in_figures(headers).flatten(),
    }
}

/// The wait that is told as a number. `None`: there is no number. `Some(None)`: it is none that can be obeyed, and no date is looked for.
fn in_figures(headers: &Headers) -> Option<Option<Duration>> {
    let number = |name| {
        headers
            .get(name)
            .and_then(|value| value.trim().parse::<f64>().ok().map(|number| (value, number)))
    };
    let (text, seconds) = match number("retry-after-ms") {
        Some((text, ms)) => (text, ms / 1000.0),
        None => number("retry-after")?,
    };
    // The word "inf" is garbage; figures that overflow are a long time.
    let is_figure = text.contains(|c: char| c.is_ascii_digit());
    let obeyed = seconds > 0.0 && (seconds.is_finite() || is_figure);
    let wait = || Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
    Some(obeyed.then(wait).filter(|wait| !wait.is_zero()))
}

fn is_worth_a_retry(status: u16, headers: &Headers) -> bool {
    match headers.get("x-should-retry").map(str::trim) {
        Some(word) if word.eq_ignore_ascii_case("true") => status >= 400,
        Some(word) if word.eq_ignore_ascii_case("false") => false,
        _ => matches!(status, 408 | 409 | 429 | 500..),
    }
}

/// Half a second, doubled with each retry up to 8 s, less up to a quarter by chance, so that clients do not come back together.
fn backoff(retries_done: u32, random: f64) -> Duration {
    let longest = f64::from(1 << retries_done.min(4)) * 0.5;
    Duration::from_secs_f64(longest * (1.0 - 0.25 * random.clamp(0.0, 1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: Policy = Policy {
        max_retries: 2,
        max_retry_after: Duration::from_secs(120),
    };
    /// Wed, 21 Oct 2015 07:28:00 GMT.
    const NOW: u64 = 1_445_412_480;

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(NOW)
    }

    /// The wait after a first attempt, with no luck in the draw.
    fn wait(status: u16, headers: &[(&str, &str)]) -> Option<f64> {
        let headers = Headers::from_pairs(headers);
        let failure = Failure::Http {
            status,
            headers: &headers,
            billing: false,
        };
        next_wait(&POLICY, 0, &failure, now(), 0.0).map(|wait| wait.as_secs_f64())
    }

    const BACKOFF: Option<f64> = Some(0.5);

    #[test]
    fn these_statuses_are_retried_and_no_others() {
        for status in [408, 409, 429, 500, 501, 502, 503, 504, 529, 599] {
            assert_eq!(wait(status, &[]), BACKOFF, "{status}");
        }
        for status in [302, 400, 401, 402, 403, 404, 413, 422, 425] {
            assert_eq!(wait(status, &[]), None, "{status}");
        }
    }

    #[test]
    fn broken_connections_and_timeouts_are_retried() {
        for failure in [Failure::Connection, Failure::Timeout] {
            assert_eq!(
                next_wait(&POLICY, 0, &failure, now(), 0.0),
                Some(Duration::from_millis(500))
            );
            assert_eq!(
                next_wait(&POLICY, 1, &failure, now(), 0.0),
                Some(Duration::from_secs(1))
            );
            assert_eq!(next_wait(&POLICY, 2, &failure, now(), 0.0), None);
            let never = Policy {
                max_retries: 0,
                ..POLICY
            };
            assert_eq!(next_wait(&never, 0, &failure, now(), 0.0), None);
        }
    }

    #[test]
    fn the_service_can_overrule_the_status() {
        for (status, headers, expected) in [
            (400, &[("x-should-retry", "true")][..], BACKOFF),
            (404, &[("X-Should-Retry", "TRUE")], BACKOFF),
            (429, &[("x-should-retry", "false")], None),
            (500, &[("x-should-retry", "False")], None),
            (500, &[("x-should-retry", "maybe")], BACKOFF),
            (400, &[("x-should-retry", "1")], None),
            (302, &[("x-should-retry", "true")], None),
            (400, &[("x-should-retry", "true"), ("retry-after", "7")], Some(7.0)),
            // The longest wait comes first.
            (400, &[("x-should-retry", "true"), ("retry-after", "300")], None),
        ] {
            assert_eq!(wait(status, headers), expected, "{status} {headers:?}");
        }
    }

    #[test]
    fn what_the_service_asks_for_is_obeyed_to_the_letter_or_not_at_all() {
        for (headers, expected) in [
            (&[("retry-after", "7")][..], Some(7.0)),
            (&[("retry-after", "0.25")], Some(0.25)),
            (&[("retry-after", " 7 ")], Some(7.0)),
            (&[("retry-after", "120")], Some(120.0)),
            (&[("retry-after", "120.5")], None),
            (&[("retry-after", "1e999")], None),
            (&[("retry-after", "1e300")], None),
            (&[("retry-after-ms", "1500")], Some(1.5)),
            (&[("retry-after-ms", "1500"), ("retry-after", "9")], Some(1.5)),
            (&[("retry-after-ms", "120001")], None),
            (&[("retry-after-ms", "soon"), ("retry-after", "9")], Some(9.0)),
            (&[("retry-after-ms", "-1"), ("retry-after", "9")], BACKOFF),
            (&[("retry-after-ms", "0"), ("retry-after", "9")], BACKOFF),
            (&[("retry-after", "0")], BACKOFF),
            (&[("retry-after", "-5")], BACKOFF),
            (&[("retry-after", "nan")], BACKOFF),
            (&[("retry-after", "inf")], BACKOFF),
            (&[("retry-after", "")], BACKOFF),
            (&[("retry-after", "soon")], BACKOFF),
            (&[("retry-after", "Wed, 21 Oct 2015 07:28:30 GMT")], Some(30.0)),
            (&[("retry-after", "Wednesday, 21-Oct-15 07:28:30 GMT")], Some(30.0)),
            (&[("retry-after", "Wed Oct 21 07:28:30 2015")], Some(30.0)),
            (&[("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT")], BACKOFF),
            (&[("retry-after", "Wed, 21 Oct 2015 07:27:00 GMT")], BACKOFF),
            (&[("retry-after", "Wed, 21 Oct 2015 07:30:01 GMT")], None),
            (&[("retry-after", "Wed, 21 Oct 2015 25:61:00 GMT")], BACKOFF),
        ] {
            assert_eq!(wait(429, headers), expected, "{headers:?}");
        }
    }

    #[test]
    fn the_longest_wait_can_be_set() {
        let headers = Headers::from_pairs(&[("retry-after", "300")]);
        let failure = Failure::Http {
            status: 429,
            headers: &headers,
            billing: false,
        };
        let patient = Policy {
            max_retry_after: Duration::from_secs(300),
            ..POLICY
        };
        assert_eq!(
            next_wait(&patient, 0, &failure, now(), 0.9),
            Some(Duration::from_secs(300))
        );
        assert_eq!(retry_after(&headers, now()), Some(Duration::from_secs(300)));
    }

    #[test]
    fn the_backoff_doubles_up_to_eight_seconds_less_a_quarter_by_chance() {
        let policy = Policy {
            max_retries: 100,
            ..POLICY
        };
        for (retries, longest) in [(0, 0.5), (1, 1.0), (2, 2.0), (3, 4.0), (4, 8.0), (5, 8.0), (99, 8.0)] {
            let wait = |random| {
                next_wait(&policy, retries, &Failure::Connection, now(), random)
                    .unwrap()
                    .as_secs_f64()
            };
            assert_eq!(wait(0.0), longest);
            assert!((wait(0.999_999) - longest * 0.75).abs() < 1e-5, "{retries}");
        }
    }

    #[test]
    fn what_costs_money_is_not_tried_again() {
        let headers = Headers::from_pairs(&[("retry-after", "1"), ("x-should-retry", "true")]);
        let failure = Failure::Http {
            status: 429,
            headers: &headers,
            billing: true,
        };
        assert_eq!(next_wait(&POLICY, 0, &failure, now(), 0.0), None);
    }

    #[test]
    fn the_services_own_clock_tells_how_long_a_date_is_away() {
        let date = ("date", "Wed, 21 Oct 2015 07:27:30 GMT");
        let until = ("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT");
        let told =
            |headers: &[(&str, &str)]| retry_after_in_answer(&Headers::from_pairs(headers)).map(|wait| wait.as_secs());
        assert_eq!(told(&[date, until]), Some(30));
        assert_eq!(told(&[until]), None);
        assert_eq!(told(&[("retry-after", "5")]), Some(5));
        assert_eq!(told(&[date, ("retry-after", "5")]), Some(5));
        assert_eq!(told(&[]), None);
    }
}
