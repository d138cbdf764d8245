//! Server-sent events out of bytes, however they are cut. Decoded as a whole, so that no character is ever split.
//! Format: <https://html.spec.whatwg.org/multipage/server-sent-events.html>.

/// The longest event.
const EVENT_MAX: usize = 1024 * 1024;
/// The longest answer.
const ANSWER_MAX: usize = 8 * 1024 * 1024;

/// Why bytes are no events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Broken {
    /// Longer than is taken.
    #[error("the answer is longer than {ANSWER_MAX} bytes, or one event of it than {EVENT_MAX}")]
    TooLong,
    /// Not UTF-8.
    #[error("the answer is not UTF-8")]
    NotUtf8,
}

/// Cuts bytes into the data of events. Names of events are not looked at: the data repeats them. Events without any data
/// say nothing.
#[derive(Debug, Default)]
pub(crate) struct Events {
    buffer: Vec<u8>,
    /// Up to here there is no end of an event.
    searched: usize,
    taken: usize,
}

impl Events {
    /// Takes bytes as they came.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        self.taken += bytes.len();
        if self.taken > ANSWER_MAX {
            return Err(Broken::TooLong);
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    /// The data of the next whole event that has any.
    pub(crate) fn next(&mut self) -> Result<Option<String>, Broken> {
        loop {
            let Some((event, rest)) = self.end_of_event() else {
                return if self.buffer.len() > EVENT_MAX { Err(Broken::TooLong) } else { Ok(None) };
            };
            if event > EVENT_MAX {
                return Err(Broken::TooLong);
            }
            let text = std::str::from_utf8(&self.buffer[..event]).map_err(|_where| Broken::NotUtf8)?;
            let data = data_of(text);
            self.buffer.drain(..rest);
            self.searched = 0;
            if data.as_ref().is_some_and(|data| !data.is_empty()) {
                return Ok(data);
            }
        }
    }

    /// Where the first event ends, and where the next begins: after an empty line.
    fn end_of_event(&mut self) -> Option<(usize, usize)> {
        // An end of line that stands at the end may be the first of two, or half of one.
        let from = self.searched.saturating_sub(3);
        for at in from..self.buffer.len() {
            let here = &self.buffer[at..];
            let ends = [(b"\n\n".as_slice(), 2), (b"\n\r\n", 3), (b"\r\r", 2)];
            if let Some((_, length)) = ends.into_iter().find(|(end, _)| here.starts_with(end)) {
                return Some((at, at + length));
            }
        }
        self.searched = self.buffer.len();
        None
    }
}

/// The data of an event: its `data` lines, joined. Comments and other fields are left out.
fn data_of(event: &str) -> Option<String> {
    let event = event.trim_start_matches('\u{feff}');
    let mut lines = event.split(['\n', '\r']).filter_map(|line| {
        let value = line.strip_prefix("data")?;
        if value.is_empty() {
            Some(value)
        } else {
            value.strip_prefix(':').map(|v| v.strip_prefix(' ').unwrap_or(v))
        }
    });
    let mut data = lines.next()?.to_owned();
    for line in lines {
        data.push('\n');
        data.push_str(line);
    }
    Some(data)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::allow_attributes, reason = "tests fail loudly")]

    use proptest::prelude::*;

    use super::*;

    fn all(chunks: &[&[u8]]) -> Result<Vec<String>, Broken> {
        let mut events = Events::default();
        let mut found = Vec::new();
        for chunk in chunks {
            events.push(chunk)?;
            while let Some(data) = events.next()? {
                found.push(data);
            }
        }
        Ok(found)
    }

    #[test]
    fn fields_comments_and_ends_of_lines() {
        let text = "\u{feff}event: a\ndata: {\"x\":1}\n\n: comment\n\nevent: b\r\ndata:two\r\ndata: lines\r\n\r\ndata\n\nid: 7\n\ndata: open";
        assert_eq!(all(&[text.as_bytes()]).unwrap(), ["{\"x\":1}", "two\nlines"]);
    }

    #[test]
    fn a_flood_is_refused() {
        let line = vec![b'x'; 400_000];
        assert_eq!(all(&[&line, &line, &line]).unwrap_err(), Broken::TooLong);
        assert_eq!(all(&[b"data: \xff\n\n"]).unwrap_err(), Broken::NotUtf8);
    }

    proptest! {
        #[test]
        fn it_does_not_matter_how_bytes_are_cut(
            events in prop::collection::vec("[a-z äß€🦀]{0,12}", 1..6),
            crlf in any::<bool>(),
            cuts in prop::collection::vec(1_usize..7, 0..40),
        ) {
            let end = if crlf { "\r\n" } else { "\n" };
            let text: String = events.iter().map(|event| format!("event: e{end}data: {event}{end}{end}")).collect();
            let mut rest = text.as_bytes();
            let mut chunks = Vec::new();
            for cut in cuts {
                let (chunk, after) = rest.split_at(cut.min(rest.len()));
                chunks.push(chunk);
                rest = after;
            }
            chunks.push(rest);
            let expected: Vec<String> = events.into_iter().filter(|event| !event.is_empty()).collect();
            prop_assert_eq!(all(&chunks).unwrap(), expected);
        }

        #[test]
        fn any_bytes_are_taken_or_refused(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..20)) {
            let chunks: Vec<&[u8]> = chunks.iter().map(Vec::as_slice).collect();
            let _either = all(&chunks);
        }
    }
}
