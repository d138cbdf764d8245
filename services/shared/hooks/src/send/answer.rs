//! What a refusal says.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::Response;
use reqwest::header::{HeaderName, LOCATION, RETRY_AFTER};

use super::error::SendError;

/// Most bytes of an answer that are read and kept.
pub const ANSWER_LEN_MAX: usize = 500;
/// Longest address of a redirect that is kept, in bytes.
const LOCATION_LEN_MAX: usize = 300;

/// The failure that an answer other than 2xx is.
pub(super) async fn refusal(mut response: Response, now: DateTime<Utc>) -> SendError {
    let status = response.status();
    let header = |name: HeaderName| {
        Some(String::from_utf8_lossy(response.headers().get(name)?.as_bytes()).into_owned())
    };
    if status.is_redirection() {
        let location = header(LOCATION).map(|text| one_line(&text, LOCATION_LEN_MAX));
        return SendError::Redirected { status: status.as_u16(), location };
    }
    let retry_after = header(RETRY_AFTER).and_then(|text| retry_after(&text, now));
    let answer = beginning(&mut response).await;
    match status.as_u16() {
        410 => SendError::Gone { answer },
        status => SendError::Refused { status, retry_after, answer },
    }
}

/// How the body begins. One that breaks off, or does not come in time, was still a refusal.
async fn beginning(response: &mut Response) -> String {
    let mut bytes = Vec::new();
    while bytes.len() < ANSWER_LEN_MAX
        && let Ok(Some(chunk)) = response.chunk().await
    {
        bytes.extend(chunk.iter().take(ANSWER_LEN_MAX - bytes.len()));
    }
    // A character may have been cut.
    let text = String::from_utf8_lossy(&bytes);
    let text = if bytes.len() < ANSWER_LEN_MAX { &text } else { text.trim_end_matches('\u{fffd}') };
    one_line(text, ANSWER_LEN_MAX)
}

/// `text` as one line of at most so many bytes: without control characters and those that turn the direction of
/// writing. So it can't make a terminal or a log say something else, and a database takes it.
pub(super) fn one_line(text: &str, len_max: usize) -> String {
    let stray = |c: char| {
        c.is_whitespace()
            || c.is_control()
            || matches!(c, '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    let words: Vec<&str> = text.split(stray).filter(|word| !word.is_empty()).collect();
    let mut line = words.join(" ");
    line.truncate(line.floor_char_boundary(len_max));
    line
}

/// `Retry-After`: seconds, or the date of RFC 9110 in its current form. What has passed asks for nothing.
fn retry_after(text: &str, now: DateTime<Utc>) -> Option<Duration> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        // More than any number that can be read is asked for, too.
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let until = DateTime::parse_from_rfc2822(text).ok()?;
    Some((until.with_timezone(&Utc) - now).to_std().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_in_seconds_or_until_a_date() {
        let now = "2026-11-28T04:30:00Z".parse().unwrap();
        for (text, seconds) in [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("99999999999999999999999", Some(u64::MAX)),
            ("Sat, 28 Nov 2026 04:32:00 GMT", Some(120)),
            ("Sat, 28 Nov 2026 04:00:00 GMT", Some(0)),
            ("", None),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
            ("Sat, 28 Nov 2026", None),
        ] {
            assert_eq!(retry_after(text, now), seconds.map(Duration::from_secs), "{text}");
        }
    }

    #[test]
    fn a_line_has_nothing_that_steers() {
        assert_eq!(one_line("a\r\n\tb\0c\u{1b}[31md\u{202e}e\u{2028}f\u{9b}g", 100), "a b c [31md e f g");
        assert_eq!(one_line(" \n ", 100), "");
        assert_eq!(one_line("ääää", 5), "ää");
    }
}
