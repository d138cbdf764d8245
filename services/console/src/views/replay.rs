//! Events of a shop that go through their tasks again: which, and what has come of it.

use chrono::{DateTime, Utc};
use serde::Serialize;
use tradeup_domain::amount_text;
use tradeup_domain::replay::Mode;
use tradeup_proto::job_kind::REPLAY_EVENTS;
use tradeup_proto::{ConvertError, Message as _, convert, v1};
use tradeup_store::events::{self, Replayed};
use tradeup_store::{Pool, RunId, TenantId, Tx, runs, tenants};
use utoipa::ToSchema;
use uuid::Uuid;

use super::run::{id, seen};
use super::runs::Line;
use super::tenants::Shop;
use super::when::When;
use crate::access::Who;
use crate::failure::Failure;

/// Events a second, as the command has it.
const A_SECOND: i32 = 50;

/// Which events of a shop.
pub(crate) struct Which {
    pub(crate) from: DateTime<Utc>,
    pub(crate) until: DateTime<Utc>,
    pub(crate) source: Option<String>,
    pub(crate) topic: Option<String>,
    pub(crate) about: Option<String>,
    /// These; all if there are none.
    pub(crate) ids: Vec<Uuid>,
}

impl Which {
    /// Those of a run, by its input.
    fn of(input: &v1::ReplayEvents) -> Result<Self, ConvertError> {
        Ok(Self {
            from: convert::instant("from", input.from.as_ref())?,
            until: convert::instant("until", input.until.as_ref())?,
            source: convert::optional_text(&input.source),
            topic: convert::optional_text(&input.topic),
            about: convert::optional_text(&input.about),
            ids: input
                .event_ids
                .iter()
                .map(|id| convert::uuid("event_ids", id))
                .collect::<Result<Vec<Uuid>, ConvertError>>()?,
        })
    }

    /// The input of a run that previews or does it.
    pub(crate) fn input(&self, preview: bool) -> v1::ReplayEvents {
        v1::ReplayEvents {
            from: Some(convert::timestamp(self.from)),
            until: Some(convert::timestamp(self.until)),
            source: self.source.clone().unwrap_or_default(),
            topic: self.topic.clone().unwrap_or_default(),
            about: self.about.clone().unwrap_or_default(),
            event_ids: self.ids.iter().map(|id| id.as_bytes().to_vec()).collect(),
            preview,
            a_second: A_SECOND,
            ..v1::ReplayEvents::default()
        }
    }

    /// How many there are to be replayed; repetitions of others are not.
    pub(crate) async fn count(&self, tx: &mut Tx, tenant: TenantId) -> Result<i64, Failure> {
        let which = Replayed {
            from: self.from,
            until: self.until,
            source: self.source.as_deref(),
            topic: self.topic.as_deref(),
            about: self.about.as_deref(),
            ids: &self.ids,
            after: None,
        };
        Ok(events::count_to_replay(tx, tenant, &which).await?)
    }

    /// In words.
    fn words(&self) -> String {
        if let [one] = self.ids.as_slice() {
            return format!("event {one}");
        }
        let mut words = match self.ids.len() {
            0 => "all".to_owned(),
            number => format!("{number} chosen"),
        };
        let said = [("from", &self.source), ("of topic", &self.topic), ("about", &self.about)];
        for (how, what) in said.into_iter().filter_map(|(how, what)| Some((how, what.as_ref()?))) {
            words.push_str(&format!(" {how} {what}"));
        }
        words
    }
}

/// What came of events, by task and outcome.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReplayedLine {
    pub(crate) task: String,
    pub(crate) state: String,
    pub(crate) outcome: Option<String>,
    pub(crate) runs: i64,
    pub(crate) granted: String,
    pub(crate) granted_minor: i64,
    pub(crate) taken_back: String,
    pub(crate) taken_back_minor: i64,
    pub(crate) owed: String,
    pub(crate) owed_minor: i64,
    pub(crate) enrolled: i64,
    pub(crate) tiers: i64,
}

/// A replay or its preview.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Replay {
    pub(crate) run: Line,
    /// Nothing of it is kept.
    pub(crate) preview: bool,
    /// Which events, in words.
    pub(crate) which: String,
    pub(crate) until: When,
    /// How many events that are, as of now.
    pub(crate) events: i64,
    pub(crate) sent: i64,
    pub(crate) erased: i64,
    pub(crate) unfinished: i64,
    pub(crate) dead: i64,
    pub(crate) unhandled: i64,
    pub(crate) unreadable: i64,
    pub(crate) lines: Vec<ReplayedLine>,
}

/// The replay of a shop that has this run, and which events it is about.
pub(crate) async fn begun(
    pool: &Pool,
    who: &Who,
    shop: &Shop,
    given: &str,
) -> Result<(runs::RunView, Mode, Which), Failure> {
    let run = seen(pool, who, id(given)?).await?;
    let is_first = run.task == REPLAY_EVENTS.task && run.root_id == run.run_id;
    if !is_first || run.tenant_id != Some(shop.id) {
        return Err(Failure::NotFound);
    }
    let mode = Mode::of_run(&run.key).ok_or(Failure::NotFound)?;
    let payload = runs::payload(pool, run.run_id).await?.ok_or(Failure::NotFound)?;
    let which = v1::ReplayEvents::decode(payload.as_slice()).ok().and_then(|input| Which::of(&input).ok());
    let which = which.ok_or_else(|| {
        tracing::error!("the input of replay {} can't be read", run.run_id);
        Failure::Internal
    })?;
    Ok((run, mode, which))
}

async fn lines(tx: &mut Tx, shop: &Shop, replay: RunId) -> Result<Vec<ReplayedLine>, Failure> {
    let currency = tenants::by_id(tx, shop.id).await?.ok_or(Failure::NotFound)?.currency;
    let text = |minor| amount_text(minor, &currency);
    let line = |line: events::ReplayLine| ReplayedLine {
        granted: text(line.granted_minor),
        taken_back: text(line.clawed_minor),
        owed: text(line.owed_minor),
        task: line.task,
        state: line.state,
        outcome: line.outcome,
        runs: line.runs,
        granted_minor: line.granted_minor,
        taken_back_minor: line.clawed_minor,
        owed_minor: line.owed_minor,
        enrolled: line.enrolled,
        tiers: line.tiers,
    };
    Ok(events::replay_lines(tx, replay).await?.into_iter().map(line).collect())
}

impl Replay {
    pub(crate) async fn read(pool: &Pool, who: &Who, shop: &Shop, given: &str) -> Result<Self, Failure> {
        let (run, mode, which) = begun(pool, who, shop, given).await?;
        let mut tx = Tx::of_tenant(pool, shop.id).await?;
        let found = which.count(&mut tx, shop.id).await?;
        let counts = events::replay_counts(&mut tx, run.run_id).await?;
        let lines = lines(&mut tx, shop, run.run_id).await?;
        tx.rollback().await?;
        Ok(Self {
            run: Line::of(run),
            preview: mode == Mode::Preview,
            which: which.words(),
            until: When(which.until),
            events: found,
            sent: counts.sent,
            erased: counts.erased,
            unfinished: counts.unfinished,
            dead: counts.dead,
            unhandled: counts.unhandled,
            unreadable: counts.unreadable,
            lines,
        })
    }

    /// What was not sent, and why.
    pub(crate) fn left_out(&self) -> Vec<String> {
        let counts = [
            (self.erased, "whose body was erased"),
            (self.unfinished, "under way"),
            (self.dead, "that are dead letters, which have a replay of their own"),
            (self.unhandled, "of topics that lead nowhere"),
            (self.unreadable, "that can't be read"),
        ];
        counts
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, why)| format!("{count} {why}"))
            .collect()
    }
}
