//! Events as bytes, in the pieces in which they are sent, and where the sending goes wrong.

use std::collections::VecDeque;

use super::events::{Event, error_event};
use super::fault::{Fault, Place, Point};

/// Something to do to send an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Send this, by itself.
    Bytes(Vec<u8>),
    /// Wait for so many milliseconds.
    Wait(u64),
    /// Wait until the test lets it go on.
    Hold(Point),
    /// Say nothing any more.
    Stall,
    /// Close the connection in the middle.
    Reset,
}

/// What to do, and whether the answer will be whole.
pub(super) struct Plan {
    pub(super) pieces: VecDeque<Piece>,
    pub(super) is_whole: bool,
}

/// Plans how events are sent. `think_ms`: the model takes so long after it has begun.
pub(super) fn plan(mut events: Vec<Event>, faults: &[Fault], think_ms: u64, request_id: &str) -> Plan {
    let has = |fault: &Fault| faults.contains(fault);
    // Where an event's text is broken comes first: what is left out can't be broken.
    if has(&Fault::BrokenEvent) {
        let at = events.len().min(2);
        let data = r#"{"type":"content_block_delta","index":0,"del"#.to_owned();
        events.insert(at, Event { name: "content_block_delta".to_owned(), data, place: None });
    }
    let (mut stalls, mut ends) = (false, false);
    for fault in faults {
        match fault {
            Fault::ErrorIn { place, kind } => {
                events.truncate(place_of(&events, *place));
                events.push(error_event(kind, request_id));
                ends = true;
            }
            Fault::EndBeforeStop => events.retain(|event| !event.is_stop()),
            Fault::EndAfter { events: count } => events.truncate(*count),
            Fault::StallAfter { events: count } => {
                events.truncate(*count);
                stalls = true;
            }
            _ => {}
        }
    }
    let is_whole = !ends && !stalls && events.last().is_some_and(Event::is_stop);
    let mut pieces = VecDeque::new();
    if has(&Fault::OddLines) {
        pieces.push_back(Piece::Bytes(b"\xEF\xBB\xBF: welcome\n\n".to_vec()));
    }
    let mut may_break = has(&Fault::InvalidUtf8);
    for (at, event) in events.iter().enumerate() {
        for fault in faults {
            match fault {
                Fault::Hold { at: Point::Event(count) } if *count == at => {
                    pieces.push_back(Piece::Hold(Point::Event(at)));
                }
                Fault::Hold { at: Point::BeforeStop } if event.is_stop() => {
                    pieces.push_back(Piece::Hold(Point::BeforeStop));
                }
                _ => {}
            }
        }
        let mut bytes = bytes(event, has(&Fault::Crlf), has(&Fault::OddLines));
        if may_break && event.place.is_some() {
            spoil(&mut bytes);
            may_break = false;
        }
        pieces.push_back(Piece::Bytes(bytes));
        if at == 0 && think_ms > 0 {
            pieces.push_back(Piece::Wait(think_ms));
        }
    }
    if stalls {
        pieces.push_back(Piece::Stall);
    }
    let mut is_reset = false;
    for fault in faults {
        match fault {
            Fault::ResetAfter { bytes } => {
                is_reset = true;
                reset(&mut pieces, *bytes);
            }
            Fault::Chunks { bytes } => rechunk(&mut pieces, |text| ends_every(text, *bytes)),
            Fault::SplitCharacters => rechunk(&mut pieces, ends_within_characters),
            _ => {}
        }
    }
    Plan { pieces, is_whole: is_whole && !is_reset }
}

/// How many events come before an error there.
fn place_of(events: &[Event], place: Place) -> usize {
    let last = events.len().saturating_sub(1);
    match place {
        Place::Start => 0,
        Place::End => last,
        place => events.iter().position(|event| event.place == Some(place)).map_or(last, |at| at + 1),
    }
}

fn bytes(event: &Event, crlf: bool, odd: bool) -> Vec<u8> {
    let end = if crlf { "\r\n" } else { "\n" };
    let data = &event.data;
    let text = match data.strip_prefix('{').filter(|_| odd) {
        // Lines of data are one text with line ends in between, which JSON does not mind here.
        Some(rest) => {
            format!(": {}{end}event: {}{end}data: {{{end}data:{rest}{end}{end}", event.name, event.name)
        }
        None => format!("event: {}{end}data: {data}{end}{end}", event.name),
    };
    text.into_bytes()
}

/// Puts bytes that are no UTF-8 into the text of an event.
fn spoil(bytes: &mut Vec<u8>) {
    let text = String::from_utf8_lossy(bytes);
    let found =
        ["\"text\":\"", "\"partial_json\":\""].iter().find_map(|name| Some(text.find(name)? + name.len()));
    if let Some(at) = found {
        bytes.splice(at..at, [0xF0, 0x9F, 0x8E]);
    }
}

/// Resets after so many bytes.
fn reset(pieces: &mut VecDeque<Piece>, mut left: usize) {
    let mut kept = VecDeque::new();
    for piece in pieces.drain(..) {
        match piece {
            Piece::Bytes(mut bytes) if bytes.len() >= left => {
                bytes.truncate(left);
                kept.push_back(Piece::Bytes(bytes));
                break;
            }
            piece => {
                if let Piece::Bytes(bytes) = &piece {
                    left -= bytes.len();
                }
                kept.push_back(piece);
            }
        }
    }
    kept.push_back(Piece::Reset);
    *pieces = kept;
}

/// Cuts what is sent at other places, over the bounds of events.
fn rechunk(pieces: &mut VecDeque<Piece>, ends: impl Fn(&[u8]) -> Vec<usize>) {
    let mut kept = VecDeque::new();
    let mut run: Vec<u8> = Vec::new();
    for piece in pieces.drain(..).map(Some).chain([None]) {
        if let Some(Piece::Bytes(bytes)) = piece {
            run.extend(bytes);
            continue;
        }
        let mut from = 0;
        for end in ends(&run).into_iter().chain([run.len()]) {
            if end > from {
                kept.push_back(Piece::Bytes(run[from..end].to_vec()));
                from = end;
            }
        }
        run.clear();
        kept.extend(piece);
    }
    *pieces = kept;
}

fn ends_every(bytes: &[u8], size: usize) -> Vec<usize> {
    (0..bytes.len()).step_by(size.max(1)).collect()
}

/// Within each character of several bytes, after its second byte if it has more than two.
fn ends_within_characters(bytes: &[u8]) -> Vec<usize> {
    let is_rest = |at: usize| bytes.get(at).is_some_and(|byte| byte & 0xC0 == 0x80);
    (1..bytes.len())
        .filter(|at| is_rest(*at) && !is_rest(*at - 1))
        .map(|at| if is_rest(at + 1) { at + 1 } else { at })
        .collect()
}
