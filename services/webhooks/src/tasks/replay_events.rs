//! Sends events of a shop through their tasks again: what was done is found done, what was missed is done.
//!
//! Triggered by `tradeup replay`. Each part takes some events, in the order in which they were received, makes a run for
//! each by today's routes, and a run for the next part a little later, so that what happens meanwhile is not held up.
//! Effect: runs and their messages. What has no body any more, is under way, or is a dead letter is counted and left: a
//! dead letter has a replay of its own.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use tradeup_domain::replay::{Mode, ReplayKey};
use tradeup_domain::{ErrorCode, replay};
use tradeup_proto::job_kind::REPLAY_EVENTS;
use tradeup_proto::{JobKind, convert, v1};
use tradeup_store::events::{self, Replayed, Taken};
use tradeup_store::outbox::JobMessage;
use tradeup_store::runs::{self, Claim, NewRun, RunOptions, Trigger};
use tradeup_store::{RunId, TenantRef, Tx, schedules};
use tradeup_worker::{Applied, RetryPolicy, Task, TaskContext, TaskError, trigger};
use uuid::Uuid;

use crate::routes::{self, Content, Event};

/// Events of one part.
const PART: u8 = 100;
/// Events a second, if it is not said.
const A_SECOND: i32 = 50;

/// The task.
pub(crate) struct ReplayEvents;

/// What became of the events of a part.
#[derive(Default)]
struct Counts {
    sent: i32,
    erased: i32,
    unfinished: i32,
    dead: i32,
    unhandled: i32,
    unreadable: i32,
}

impl Task for ReplayEvents {
    const KIND: JobKind = REPLAY_EVENTS;
    const RETRY: RetryPolicy = RetryPolicy::DATABASE;
    const TIME_LIMIT: Duration = Duration::from_secs(60);
    type Input = v1::ReplayEvents;

    async fn run(&self, context: &TaskContext, input: Self::Input) -> Result<Applied, TaskError> {
        let claim = &context.claim;
        let tenant = context.tenant()?;
        let which = which(&input)?;
        let mut tx = context.begin().await?;
        let root = match input.replay_id.as_slice() {
            [] => claim.run_id,
            id => RunId(convert::uuid("replay_id", id)?),
        };
        let options = RunOptions {
            urgent: claim.urgent,
            tags: vec![format!("replay:{root}")],
            parent: Some((root, claim.root_id)),
            ..RunOptions::default()
        };
        let part = Part { claim, tenant, input: &input, root, options };
        if input.replay_id.is_empty() {
            // Waits for all of them.
            let first = part.next(&mut tx, None, TimeDelta::zero()).await?;
            return Ok(Applied::waiting(tx).publishing(first));
        }
        let taken = events::to_replay(&mut tx, tenant.id, &which.of(&input), PART.into()).await?;
        let mut counts = Counts::default();
        let mut messages = Vec::new();
        for event in &taken {
            if let Some(new) = counts.lead(event, tenant) {
                messages.extend(runs::create(&mut tx, part.again(new)).await?.message);
            }
        }
        if let Some(last) = taken.last().filter(|_| taken.len() == usize::from(PART)) {
            let a_second = if input.a_second > 0 { input.a_second } else { A_SECOND };
            let later = TimeDelta::milliseconds(i64::from(counts.sent) * 1000 / i64::from(a_second));
            messages.extend(part.next(&mut tx, Some(last), later).await?);
        }
        Ok(Applied::done(tx).with_result(counts.shown()).publishing(messages))
    }
}

/// A part of a replay.
struct Part<'a> {
    claim: &'a Claim,
    tenant: &'a TenantRef,
    input: &'a v1::ReplayEvents,
    /// The run that all of it began with.
    root: RunId,
    options: RunOptions,
}

impl Part<'_> {
    /// The run of an event, once more.
    fn again(&self, new: NewRun) -> NewRun {
        let mode = if self.input.preview { Mode::Preview } else { Mode::Replay };
        // Of an event it is the key that makes its run unique; of a replay, the replay is a part of it.
        let key = ReplayKey { mode, replay: self.root.0, of: replay::effect_key(&new.key) }.to_string();
        let trigger = Trigger::Parent(REPLAY_EVENTS.task.to_owned());
        NewRun { key, trigger, options: self.options.clone(), ..new }
    }

    /// Makes the run of what comes after an event.
    async fn next(
        &self,
        tx: &mut Tx,
        after: Option<&Taken>,
        later: TimeDelta,
    ) -> Result<Option<JobMessage>, TaskError> {
        let input = v1::ReplayEvents {
            replay_id: self.root.0.as_bytes().to_vec(),
            after_received: after.map(|event| convert::timestamp(event.received_at)),
            after_event: after.map(|event| event.id.as_bytes().to_vec()).unwrap_or_default(),
            ..self.input.clone()
        };
        let place = after.map_or_else(|| "first".to_owned(), |event| event.id.to_string());
        let not_before = Some(schedules::now(tx).await? + later).filter(|_| later > TimeDelta::zero());
        let options = RunOptions { not_before, ..self.options.clone() };
        let key = format!("{}:{place}", self.root);
        let due = self.claim.scheduled_for;
        let new = trigger::replay_events_part(self.tenant.clone(), key, &input, due, options);
        Ok(runs::create(tx, new).await?.message)
    }
}

/// Which events a message is about, read.
struct Which {
    from: DateTime<Utc>,
    until: DateTime<Utc>,
    ids: Vec<Uuid>,
    after: Option<(DateTime<Utc>, Uuid)>,
}

fn which(input: &v1::ReplayEvents) -> Result<Which, TaskError> {
    let from = convert::instant("from", input.from.as_ref())?;
    let until = convert::instant("until", input.until.as_ref())?;
    if from >= until {
        return Err(TaskError::permanent(
            ErrorCode::InvalidInput,
            "field until is not after field from; give a time between which something was received",
        ));
    }
    let ids = input.event_ids.iter().map(|id| convert::uuid("event_ids", id)).collect::<Result<_, _>>()?;
    let after = convert::optional_instant("after_received", input.after_received.as_ref())?
        .map(|at| Ok::<_, TaskError>((at, convert::uuid("after_event", &input.after_event)?)))
        .transpose()?;
    Ok(Which { from, until, ids, after })
}

impl Which {
    fn of<'a>(&'a self, input: &'a v1::ReplayEvents) -> Replayed<'a> {
        fn given(text: &str) -> Option<&str> {
            Some(text).filter(|text| !text.is_empty())
        }
        Replayed {
            from: self.from,
            until: self.until,
            source: given(&input.source),
            topic: given(&input.topic),
            about: given(&input.about),
            ids: &self.ids,
            after: self.after,
        }
    }
}

impl Counts {
    /// The run that follows from an event by today's routes; `None` if none does, which is counted.
    fn lead(&mut self, event: &Taken, tenant: &TenantRef) -> Option<NewRun> {
        let counted = match (event.run_state.as_deref(), &event.body) {
            (Some("dead"), _) => &mut self.dead,
            (Some("succeeded" | "cancelled") | None, None) => &mut self.erased,
            (Some("succeeded" | "cancelled") | None, Some(body)) => {
                let told = Event {
                    row: event.id,
                    tenant,
                    source: &event.source,
                    topic: &event.topic,
                    id: &event.event_id,
                    due: event.occurred_at.min(event.received_at),
                    content: Content::of(&event.content_type),
                    body,
                };
                match routes::lead(&told) {
                    Ok(lead) if lead.run.is_some() => {
                        self.sent += 1;
                        return lead.run;
                    }
                    Ok(_nothing) => &mut self.unhandled,
                    // It was a dead letter then, or its route asks for more today.
                    Err(_wrong) => &mut self.unreadable,
                }
            }
            (Some(_under_way), _) => &mut self.unfinished,
        };
        *counted += 1;
        None
    }

    fn shown(&self) -> serde_json::Value {
        json!({ "sent": self.sent, "erased": self.erased, "unfinished": self.unfinished, "dead": self.dead,
            "unhandled": self.unhandled, "unreadable": self.unreadable })
    }
}
