//! Answers of requests that are accepted: paid for, whatever becomes of them.

use std::collections::VecDeque;
use std::io;

use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use futures::stream;
use serde_json::Value;

use super::brain::{Asked, Reply};
use super::cache::Costs;
use super::compose::compose;
use super::endpoints::{Call, late, text};
use super::events::{Head, events, plain};
use super::fault::{Fault, Point};
use super::ids::{hex, id};
use super::ledger::{End, Entry};
use super::memory::conversation;
use super::profile::Profile;
use super::refusal::Told;
use super::server::Shared;
use super::wire::{Piece, plan};
use crate::shopify::connection::Scissors;

/// Within a long silence there is a ping after so many milliseconds.
const PING_MS: u64 = 5_000;
const PING: &[u8] = b"event: ping\ndata: {\"type\": \"ping\"}\n\n";

/// A request that is right.
pub(super) struct Accepted {
    pub(super) body: Value,
    pub(super) bytes: Vec<u8>,
    pub(super) profile: Profile,
    pub(super) costs: Costs,
    pub(super) reply: Reply,
    pub(super) faults: Vec<Fault>,
}

/// Books a request and answers it.
pub(super) async fn send(call: &Call, accepted: Accepted) -> Response {
    let Accepted { body, bytes, profile, costs, reply, faults } = accepted;
    let shared = &call.shared;
    let seed = shared.options.seed.to_be_bytes();
    // Ids follow from what is asked and how often, and not from who came first: agents ask side by side.
    let again = shared.inside().memory.occurrence(&bytes).to_be_bytes();
    let parts: [&[u8]; 3] = [&seed, &bytes, &again];
    let message = compose(reply, &faults, &body, &parts, profile.is_modern);
    let message_id = id("msg", &parts);
    let mut usage = costs.usage;
    usage.output_tokens = message.output_tokens;
    let asked = Asked(&body);
    let now = shared.options.clock.now();
    let seq = shared.change(|inside| {
        let seq = inside.ledger.accepted.len() as u64;
        inside.ledger.accepted.push(Entry {
            seq,
            request_id: call.request_id.clone(),
            message_id: message_id.clone(),
            model: profile.id.clone(),
            role: call.role.clone(),
            turn: call.turn,
            tools: asked.tools().into_iter().map(str::to_owned).collect(),
            conversation: hex(&conversation(&body)),
            body_sha256: call.body_sha256.clone(),
            usage,
            stop_reason: message.stop_reason.clone(),
            is_continued: inside.memory.is_continued(&body),
            faults: faults.clone(),
            end: End::Open,
        });
        if let Some(content) = message.content() {
            inside.memory.keep(&body, &profile.id, &content);
        }
        inside.buckets.written(profile.family, message.output_tokens, now);
        seq
    });
    let delivery = Delivery { shared: shared.clone(), seq };
    if let Some(instead) = before_headers(call, &faults, &delivery).await {
        return instead;
    }
    shared.inside().cache.write(&costs, shared.options.clock.now());
    let head = Head { id: &message_id, model: &profile.id, usage };
    if body["stream"] != true {
        delivery.ends(End::Whole);
        return text(StatusCode::OK, "application/json", plain(&message, &head).to_string());
    }
    let events = events(&message, &head, faults.contains(&Fault::Bare));
    let plan = plan(events, &faults, shared.options.think_ms, &call.request_id);
    let sending = Sending {
        pieces: plan.pieces,
        is_whole: plan.is_whole,
        delivery,
        scissors: call.scissors.clone(),
        role: call.role.clone(),
        turn: call.turn,
    };
    let kinds =
        [(header::CONTENT_TYPE, "text/event-stream; charset=utf-8"), (header::CACHE_CONTROL, "no-cache")];
    (kinds, Body::from_stream(stream::unfold(Some(sending), next))).into_response()
}

/// What happens after a request is paid for and before a word is said.
async fn before_headers(call: &Call, faults: &[Fault], delivery: &Delivery) -> Option<Response> {
    for fault in faults {
        match fault {
            Fault::Hold { at: Point::Accepted } => {
                call.shared.hold(Point::Accepted, &call.role, call.turn).await;
            }
            Fault::NeverAnswer => std::future::pending().await,
            Fault::Delay { ms } => late(*ms).await,
            Fault::CutAfter => {
                delivery.ends(End::Broken);
                call.scissors.cut();
                return Some(StatusCode::INTERNAL_SERVER_ERROR.into_response());
            }
            fault => {
                if let Some(told) = Told::billed(fault) {
                    delivery.ends(End::Broken);
                    return Some(told.response(&call.request_id, call.shared.options.clock.now()));
                }
            }
        }
    }
    None
}

/// Knows what becomes of an answer, also when its client goes away.
struct Delivery {
    shared: Shared,
    seq: u64,
}

impl Delivery {
    fn ends(&self, end: End) {
        let seq = self.seq;
        self.shared.change(|inside| {
            let entry = inside.ledger.accepted.iter_mut().find(|entry| entry.seq == seq);
            if let Some(entry) = entry.filter(|entry| entry.end == End::Open) {
                entry.end = end;
            }
        });
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        self.ends(End::Abandoned);
    }
}

struct Sending {
    pieces: VecDeque<Piece>,
    is_whole: bool,
    delivery: Delivery,
    scissors: Scissors,
    role: String,
    turn: usize,
}

/// The next piece of a body.
async fn next(sending: Option<Sending>) -> Option<(io::Result<Vec<u8>>, Option<Sending>)> {
    let mut sending = sending?;
    loop {
        // What was handed over before is sent by itself: else it would be lost when the connection breaks next.
        tokio::task::yield_now().await;
        match sending.pieces.pop_front() {
            Some(Piece::Bytes(bytes)) => {
                // Said before the last word is: whoever has read that may look here.
                if sending.pieces.is_empty() {
                    sending.delivery.ends(if sending.is_whole { End::Whole } else { End::Broken });
                }
                return Some((Ok(bytes), Some(sending)));
            }
            Some(Piece::Wait(ms)) if ms > PING_MS => {
                late(PING_MS).await;
                sending.pieces.push_front(Piece::Wait(ms - PING_MS));
                return Some((Ok(PING.to_vec()), Some(sending)));
            }
            Some(Piece::Wait(ms)) => late(ms).await,
            Some(Piece::Hold(at)) => {
                sending.delivery.shared.hold(at, &sending.role, sending.turn).await;
            }
            Some(Piece::Stall) => std::future::pending().await,
            Some(Piece::Reset) => {
                sending.delivery.ends(End::Broken);
                sending.scissors.cut();
                return Some((Err(io::ErrorKind::ConnectionReset.into()), None));
            }
            None => {
                sending.delivery.ends(End::Broken);
                return None;
            }
        }
    }
}
