//! Runs as they are triggered, by a schedule or by a person: the same either way, so that both mean
//! the same key.

mod agents;
mod campaigns;
mod fires;
pub mod make_up;
mod manual_grant;
mod scheduled;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use chrono_tz::Tz;
use tradeup_domain::replay::Mode;
use tradeup_domain::{Period, monthly};
use tradeup_proto::job_kind::{
    GRANT_CREDIT, HANDLE_TRADE_IN_SUBMITTED, MERGE_MEMBERS, MONTHLY_CREDITS_TENANT, PUSH_STORE_CREDIT,
    REPLAY_EVENTS, REVERSAL, REVERSAL_TENANT, REVERT_SPEND, SEND_DIGEST, SETTLE_ORDER, SPEND_CREDIT,
};
use tradeup_proto::{JobKind, Message as _, convert, v1};
use tradeup_store::runs::{NewRun, RunOptions, Trigger};
use tradeup_store::{RunId, TenantRef};
use uuid::Uuid;

pub use agents::{AgentScan, Asked, CHURN_SCAN, EXPIRATION_RESCUE, STRATEGIC_REVIEW};
pub use campaigns::decide_campaign;
pub use fires::*;
pub use manual_grant::{ManualGrant, ManualGrantError};
pub use scheduled::{NotYet, Scheduled, When};

/// A fire, or what a person asks for in its place.
#[derive(Clone, Debug)]
pub struct Fire {
    /// When it was due.
    pub due: DateTime<Utc>,
    /// Zone in which the due time is a date.
    pub zone: Tz,
    /// When it was triggered; it bounds the expiry of a late run from below.
    pub issued_at: DateTime<Utc>,
    /// Tenants' runs are spread over this long.
    pub spread: TimeDelta,
    /// Who.
    pub trigger: Trigger,
}

impl Fire {
    /// What a person asks for.
    #[must_use]
    pub fn by_hand(due: DateTime<Utc>, now: DateTime<Utc>, by: &str) -> Self {
        let trigger = Trigger::Manual(by.to_owned());
        Self { due, zone: Tz::UTC, issued_at: now, spread: TimeDelta::zero(), trigger }
    }
}

/// The key of a run that is about an instant and no period.
fn instant_key(due: DateTime<Utc>) -> String {
    due.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// Tells a tenant's shop what it has not been told, for a wake of this number.
#[must_use]
pub fn push_store_credit(tenant: TenantRef, wake: i64, due: DateTime<Utc>) -> NewRun {
    let input = v1::PushStoreCredit {};
    // The scheduler starts it, by what it finds and not by the clock.
    let trigger = Trigger::Schedule(PUSH_STORE_CREDIT.task.to_owned());
    told(PUSH_STORE_CREDIT, tenant, format!("wake-{wake}"), input.encode_to_vec(), due, trigger)
}

/// A mail that is sent once more, after so many tries.
#[must_use]
pub fn send_digest(
    tenant: TenantRef,
    digest: &str,
    tries: i32,
    due: DateTime<Utc>,
    trigger: Trigger,
) -> NewRun {
    let input = v1::SendDigest { digest_id: digest.to_owned() };
    told(SEND_DIGEST, tenant, format!("{digest}/{tries}"), input.encode_to_vec(), due, trigger)
}

/// One credit for one member. The key makes it unique for its tenant.
#[must_use]
pub fn grant_credit(
    tenant: TenantRef,
    grant: &v1::GrantCredit,
    due: DateTime<Utc>,
    trigger: Trigger,
) -> NewRun {
    told(GRANT_CREDIT, tenant, grant.source_key.clone(), grant.encode_to_vec(), due, trigger)
}

/// The monthly credits of a period for one tenant once more: whoever has the credit keeps it, whoever
/// lacks it gets it.
#[must_use]
pub fn monthly_backfill(
    tenant: TenantRef,
    period: Period,
    issued_at: DateTime<Utc>,
    trigger: Trigger,
) -> NewRun {
    let due = monthly_credits_due(period);
    let input = v1::MonthlyCreditsTenant {
        period: period.to_string(),
        as_of: Some(convert::timestamp(due)),
        issued_at: Some(convert::timestamp(issued_at)),
    };
    let key = format!("{}/backfill:{}", monthly::run_key(period), instant_key(issued_at));
    told(MONTHLY_CREDITS_TENANT, tenant, key, input.encode_to_vec(), due, trigger)
}

/// Takes back what a run has granted: of one tenant, or of all. A run is reversed once.
#[must_use]
pub fn reversal(
    tenant: Option<TenantRef>,
    granting: RunId,
    owe_used: bool,
    now: DateTime<Utc>,
    trigger: Trigger,
) -> NewRun {
    let input = v1::Reversal { run_id: granting.0.as_bytes().to_vec(), owe_used };
    NewRun {
        task: if tenant.is_some() { REVERSAL_TENANT.task } else { REVERSAL.task }.to_owned(),
        tenant,
        key: granting.to_string(),
        payload: input.encode_to_vec(),
        scheduled_for: now,
        trigger,
        options: RunOptions::default(),
    }
}

/// A use of credit that another system tells of.
#[must_use]
pub fn spend_credit(
    tenant: TenantRef,
    key: String,
    input: &v1::SpendCredit,
    due: DateTime<Utc>,
    trigger: Trigger,
) -> NewRun {
    told(SPEND_CREDIT, tenant, key, input.encode_to_vec(), due, trigger)
}

/// A spend that is taken back.
#[must_use]
pub fn revert_spend(
    tenant: TenantRef,
    key: String,
    input: &v1::RevertSpend,
    due: DateTime<Utc>,
    trigger: Trigger,
) -> NewRun {
    told(REVERT_SPEND, tenant, key, input.encode_to_vec(), due, trigger)
}

/// Two members who are one.
#[must_use]
pub fn merge_members(
    tenant: TenantRef,
    key: String,
    input: &v1::MergeMembers,
    due: DateTime<Utc>,
    trigger: Trigger,
) -> NewRun {
    told(MERGE_MEMBERS, tenant, key, input.encode_to_vec(), due, trigger)
}

/// What follows from an event of a shop, whose body stays in the event's row.
#[must_use]
pub fn handle_event(
    kind: JobKind,
    tenant: TenantRef,
    event: Uuid,
    key: String,
    due: DateTime<Utc>,
    trigger: Trigger,
) -> NewRun {
    let input = v1::HandleEvent { event_id: event.as_bytes().to_vec() };
    told(kind, tenant, key, input.encode_to_vec(), due, trigger)
}

/// Events of a shop that go through their tasks again. Each replay is one of its own.
#[must_use]
pub fn replay_events(
    tenant: TenantRef,
    input: &v1::ReplayEvents,
    now: DateTime<Utc>,
    trigger: Trigger,
) -> NewRun {
    let mode = if input.preview { Mode::Preview } else { Mode::Replay };
    let key = format!("{}:{}", mode.as_str(), Uuid::now_v7());
    told(REPLAY_EVENTS, tenant, key, input.encode_to_vec(), now, trigger)
}

/// The next part of a replay.
#[must_use]
pub fn replay_events_part(
    tenant: TenantRef,
    key: String,
    input: &v1::ReplayEvents,
    due: DateTime<Utc>,
    options: RunOptions,
) -> NewRun {
    let by = Trigger::Parent(REPLAY_EVENTS.task.to_owned());
    NewRun { options, ..told(REPLAY_EVENTS, tenant, key, input.encode_to_vec(), due, by) }
}

/// Something to be traded in.
#[must_use]
pub fn trade_in_submitted(
    tenant: TenantRef,
    key: String,
    input: &v1::TradeInSubmitted,
    due: DateTime<Utc>,
    trigger: Trigger,
) -> NewRun {
    told(HANDLE_TRADE_IN_SUBMITTED, tenant, key, input.encode_to_vec(), due, trigger)
}

/// A fact about an order.
#[must_use]
pub fn settle_order(
    tenant: TenantRef,
    key: String,
    input: &v1::SettleOrder,
    due: DateTime<Utc>,
    trigger: Trigger,
) -> NewRun {
    told(SETTLE_ORDER, tenant, key, input.encode_to_vec(), due, trigger)
}

/// A run about something that was told, at the instant at which it happened.
fn told(
    kind: JobKind,
    tenant: TenantRef,
    key: String,
    payload: Vec<u8>,
    due: DateTime<Utc>,
    trigger: Trigger,
) -> NewRun {
    NewRun {
        task: kind.task.to_owned(),
        tenant: Some(tenant),
        key,
        payload,
        scheduled_for: due,
        trigger,
        options: RunOptions::default(),
    }
}

/// Longest key that a person gives, in bytes.
const KEY_LEN_MAX: usize = 255;

/// Whether a run of this task may be started with an input of one's own.
///
/// # Errors
/// What to do instead, in words.
pub fn startable(kind: JobKind) -> Result<(), String> {
    match Scheduled::ALL.iter().any(|task| task.kind() == kind) {
        // What it is about and its key belong together.
        true => Err(format!("{} is a schedule's: trigger it instead, for a month or an instant", kind.task)),
        false => Ok(()),
    }
}

/// The key of a run that a person starts, by what they give; it is no schedule's and no event's.
///
/// # Errors
/// What is wrong with it, in words.
pub fn checked_key(given: &str) -> Result<String, String> {
    let key = given.trim();
    let key = key.strip_prefix("manual:").unwrap_or(key);
    if key.is_empty() || key.len() > KEY_LEN_MAX || key.chars().any(char::is_control) {
        return Err(format!(
            "say what makes it unique, in 1 to {KEY_LEN_MAX} characters without line breaks"
        ));
    }
    Ok(format!("manual:{key}"))
}

/// Any task, with an input that a person has written.
#[must_use]
pub fn by_kind(
    kind: JobKind,
    tenant: Option<TenantRef>,
    key: String,
    payload: Vec<u8>,
    due: DateTime<Utc>,
    by: &str,
) -> NewRun {
    let trigger = Trigger::Manual(by.to_owned());
    NewRun {
        task: kind.task.to_owned(),
        tenant,
        key,
        payload,
        scheduled_for: due,
        trigger,
        options: RunOptions::default(),
    }
}

fn new_run(kind: JobKind, tenant: Option<TenantRef>, key: String, payload: Vec<u8>, fire: Fire) -> NewRun {
    NewRun {
        task: kind.task.to_owned(),
        tenant,
        key,
        payload,
        scheduled_for: fire.due,
        trigger: fire.trigger,
        options: RunOptions::default(),
    }
}
