//! A body that a stranger has written, as people can read it.

use serde::Serialize;
use serde::de::IgnoredAny;
use utoipa::ToSchema;

/// Bytes of a body that are shown.
const SHOWN_MAX: usize = 64 * 1024;

/// A body.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Body {
    /// JSON with breaks and indents, each token as it was sent; other text as it is; other bytes escaped.
    pub(crate) text: String,
    /// Nothing was cut off.
    pub(crate) is_whole: bool,
}

impl Body {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let (mut text, all_read) = match std::str::from_utf8(bytes) {
            // Numbers stay as they were sent, however long: nothing is parsed and written again.
            Ok(text) if serde_json::from_str::<IgnoredAny>(text).is_ok() => indented(text),
            Ok(text) => (text.to_owned(), true),
            Err(_no_text) => {
                let first = bytes.get(..SHOWN_MAX).unwrap_or(bytes);
                (first.escape_ascii().to_string(), first.len() == bytes.len())
            }
        };
        let mut end = text.len().min(SHOWN_MAX);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let is_whole = all_read && end == text.len();
        text.truncate(end);
        Self { text: text.replace(misleads, "\u{fffd}"), is_whole }
    }
}

/// What would make a text look like another one: controls, and turns of the direction of writing.
fn misleads(c: char) -> bool {
    c.is_control() && !matches!(c, '\n' | '\t')
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn break_line(text: &mut String, depth: usize) {
    text.push('\n');
    for _level in 0..depth {
        text.push_str("  ");
    }
}

/// JSON with breaks and indents, until it is longer than what is shown; and whether that was all of it.
fn indented(json: &str) -> (String, bool) {
    let mut text = String::new();
    let mut depth = 0_usize;
    let (mut in_string, mut is_escaped) = (false, false);
    let mut rest = json.chars().peekable();
    while let Some(c) = rest.next() {
        if text.len() > SHOWN_MAX {
            return (text, false);
        }
        if in_string {
            text.push(c);
            in_string = is_escaped || c != '"';
            is_escaped = !is_escaped && c == '\\';
            continue;
        }
        match c {
            '{' | '[' => {
                text.push(c);
                while rest.next_if(char::is_ascii_whitespace).is_some() {}
                // One that is empty stays on its line.
                if let Some(close) = rest.next_if(|c| matches!(c, '}' | ']')) {
                    text.push(close);
                } else {
                    depth += 1;
                    break_line(&mut text, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                break_line(&mut text, depth);
                text.push(c);
            }
            ',' => {
                text.push(c);
                break_line(&mut text, depth);
            }
            ':' => text.push_str(": "),
            c if c.is_ascii_whitespace() => {}
            c => {
                in_string = c == '"';
                text.push(c);
            }
        }
    }
    (text, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_indented_and_every_token_stays_as_it_was_sent() {
        let sent = r#"{"id":922337203685477580799,"a":[],"b":[1.50, {"c\\\"":"x,y: {z}"}],"a":null}"#;
        let body = Body::of(sent.as_bytes());
        let shown = "{\n  \"id\": 922337203685477580799,\n  \"a\": [],\n  \"b\": [\n    1.50,\n    {\n      \
            \"c\\\\\\\"\": \"x,y: {z}\"\n    }\n  ],\n  \"a\": null\n}";
        assert_eq!((body.text.as_str(), body.is_whole), (shown, true));
    }

    #[test]
    fn what_is_no_json_is_shown_and_nothing_steers_or_fills_the_page() {
        assert_eq!(Body::of(b"a\x1b[2J\xe2\x80\xaeb\n").text, "a\u{fffd}[2J\u{fffd}b\n");
        assert_eq!(Body::of(&[0xff, b'a', 0]).text, "\\xffa\\x00");
        let long = Body::of(format!("[\"{}\"]", "\u{e4}".repeat(SHOWN_MAX)).as_bytes());
        assert!(!long.is_whole && long.text.len() <= SHOWN_MAX && long.text.len() > SHOWN_MAX - 4);
        assert!(!Body::of("[".repeat(5_000_000).as_bytes()).is_whole);
        let deep = ["[".repeat(100_000), "]".repeat(100_000)].concat();
        assert!(!Body::of(deep.as_bytes()).is_whole);
    }
}
