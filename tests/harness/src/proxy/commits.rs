//! Finds COMMIT, and the server's answer to it, in the bytes of a PostgreSQL session.

use std::ops::Range;

/// Of a message, no more than this is looked at: header and text of a COMMIT fit.
const KEPT: usize = 64;

/// Codes that stand where a start-up message has its protocol version.
const ENCRYPTION_REQUESTS: [u32; 2] = [80_877_103, 80_877_104];

/// How the server answered a COMMIT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The transaction is committed.
    Committed,
    /// It is not: an error, or it had failed before.
    Refused,
}

/// What both ends of one link have said so far.
#[derive(Debug)]
pub(super) struct Session {
    client: Framer,
    server: Framer,
    awaits_answer: bool,
    /// Encrypted: nothing can be seen.
    blind: bool,
    /// Requests for encryption, which are answered with one bare byte each.
    bare_answers: usize,
}

impl Session {
    pub(super) fn new() -> Self {
        Self {
            client: Framer::new(false),
            server: Framer::new(true),
            awaits_answer: false,
            blind: false,
            bare_answers: 0,
        }
    }

    /// Where in this piece from the client each COMMIT lies that ends in it. One that began in an
    /// earlier piece begins at 0.
    pub(super) fn client_said(&mut self, piece: &[u8]) -> Vec<Range<usize>> {
        if self.blind {
            return Vec::new();
        }
        let messages = self.client.split(piece);
        self.bare_answers += messages.iter().filter(|message| message.asks_for_encryption()).count();
        messages.into_iter().filter(Message::is_commit).map(|message| message.at).collect()
    }

    /// From now on [`Session::server_said`] looks for the answer to a COMMIT.
    pub(super) fn await_answer(&mut self) {
        self.awaits_answer = true;
    }

    /// Where in this piece from the server the awaited answer begins, and what it says.
    pub(super) fn server_said(&mut self, piece: &[u8]) -> Option<(usize, Answer)> {
        let bare = self.bare_answers.min(piece.len());
        self.bare_answers -= bare;
        self.blind |= piece[..bare].iter().any(|answer| *answer != b'N');
        if self.blind {
            return None;
        }
        let messages = self.server.split(&piece[bare..]);
        if !self.awaits_answer {
            return None;
        }
        messages.iter().find_map(|message| Some((message.at.start + bare, message.answer()?)))
    }
}

/// One message, with the beginning of its body.
#[derive(Debug)]
struct Message {
    kind: Option<u8>,
    body: Vec<u8>,
    at: Range<usize>,
}

impl Message {
    fn is_commit(&self) -> bool {
        let text = String::from_utf8_lossy(&self.body);
        let statement = text.trim_end_matches('\0').trim().trim_end_matches(';');
        self.kind == Some(b'Q') && statement.trim_end().eq_ignore_ascii_case("commit")
    }

    fn asks_for_encryption(&self) -> bool {
        self.kind.is_none() && ENCRYPTION_REQUESTS.contains(&number(&self.body))
    }

    fn answer(&self) -> Option<Answer> {
        match (self.kind, self.body.as_slice()) {
            (Some(b'C'), b"COMMIT\0") => Some(Answer::Committed),
            (Some(b'C'), b"ROLLBACK\0") | (Some(b'E'), _) => Some(Answer::Refused),
            _ => None,
        }
    }
}

/// Cuts a stream of bytes, given in pieces, into messages.
#[derive(Debug)]
struct Framer {
    /// Whether messages begin with a byte for their kind; a client's first ones do not.
    typed: bool,
    /// Header and first bytes of the body of the message that is not complete yet.
    kept: Vec<u8>,
    /// What its body still lacks.
    left: usize,
}

impl Framer {
    fn new(typed: bool) -> Self {
        Self { typed, kept: Vec::new(), left: 0 }
    }

    fn split(&mut self, piece: &[u8]) -> Vec<Message> {
        let mut messages = Vec::new();
        let (mut at, mut start) = (0, 0);
        while at < piece.len() {
            let header = if self.typed { 5 } else { 4 };
            if self.kept.is_empty() {
                start = at;
            }
            if self.kept.len() < header {
                self.kept.push(piece[at]);
                at += 1;
                if self.kept.len() < header {
                    continue;
                }
                // The length counts itself.
                let length = number(&self.kept[header - 4..]);
                self.left = usize::try_from(length.saturating_sub(4)).unwrap();
            } else {
                let taken = self.left.min(piece.len() - at);
                let kept = taken.min(KEPT.saturating_sub(self.kept.len()));
                self.kept.extend_from_slice(&piece[at..at + kept]);
                at += taken;
                self.left -= taken;
            }
            if self.left == 0 {
                let body = self.kept.split_off(header);
                let kind = self.typed.then(|| self.kept[0]);
                self.kept.clear();
                self.typed |= number(&body) >> 16 == 3;
                messages.push(Message { kind, body, at: start..at });
            }
        }
        messages
    }
}

/// The big-endian number at the beginning, 0 if there is none.
fn number(bytes: &[u8]) -> u32 {
    bytes.first_chunk().map_or(0, |first| u32::from_be_bytes(*first))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
        [&[kind][..], &length, body].concat()
    }

    fn untyped(code: u32, rest: &[u8]) -> Vec<u8> {
        message(0, &[&code.to_be_bytes(), rest].concat()).split_off(1)
    }

    /// Everything a client says until its second COMMIT, and where the two begin.
    fn conversation() -> (Vec<u8>, [usize; 2]) {
        let start =
            [untyped(80_877_103, b""), untyped(196_608, b"user\0somebody\0\0"), message(b'p', b"secret\0")];
        let begin = [start.concat(), message(b'Q', b"begin\0"), message(b'X', &[7; 300])].concat();
        let first = begin.len();
        let middle = [message(b'S', b""), message(b'Q', b"select 'COMMIT'\0"), message(b'P', b"COMMIT\0")];
        let until = [begin, message(b'Q', b"COMMIT\0"), middle.concat()].concat();
        let second = until.len();
        ([until, message(b'Q', b"commit;\0")].concat(), [first, second])
    }

    #[test]
    fn commits_are_found_however_the_bytes_are_cut() {
        let (bytes, starts) = conversation();
        for size in 1..=bytes.len() {
            let (mut session, mut ends, mut whole) = (Session::new(), Vec::new(), 0);
            for (index, piece) in bytes.chunks(size).enumerate() {
                for at in session.client_said(piece) {
                    ends.push(index * size + at.end);
                    whole += usize::from(starts.contains(&(index * size + at.start)));
                }
            }
            assert_eq!(ends, [starts[0] + 12, starts[1] + 13], "in pieces of {size}");
            assert!(size < bytes.len() || whole == 2, "in one piece both begin where they begin");
        }
    }

    #[test]
    fn the_answer_is_found_however_the_bytes_are_cut() {
        let before = [b"N".to_vec(), message(b'R', &[0; 4]), message(b'C', b"BEGIN\0"), message(b'Z', b"T")];
        let before = before.concat();
        for (tag, expected) in [(&b"COMMIT\0"[..], Answer::Committed), (b"ROLLBACK\0", Answer::Refused)] {
            let bytes = [before.clone(), message(b'C', tag), message(b'Z', b"I")].concat();
            for size in 1..=bytes.len() {
                let mut session = Session::new();
                session.client_said(&untyped(80_877_103, b""));
                session.await_answer();
                let found: Vec<Answer> = bytes
                    .chunks(size)
                    .filter_map(|piece| session.server_said(piece))
                    .map(|(_, answer)| answer)
                    .collect();
                assert_eq!(found, [expected], "in pieces of {size}");
            }
        }
    }

    #[test]
    fn an_answer_that_is_not_awaited_is_no_matter() {
        let mut session = Session::new();
        assert_eq!(session.server_said(&message(b'C', b"COMMIT\0")), None);
        session.await_answer();
        let piece = [message(b'N', b"a notice\0"), message(b'E', b"an error\0")].concat();
        assert_eq!(session.server_said(&piece), Some((14, Answer::Refused)));
    }

    #[test]
    fn encrypted_sessions_are_left_alone() {
        let mut session = Session::new();
        session.client_said(&untyped(80_877_103, b""));
        assert_eq!(session.server_said(b"S"), None);
        assert!(session.client_said(&message(b'Q', b"COMMIT\0")).is_empty());
    }
}
