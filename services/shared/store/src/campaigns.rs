//! Campaigns: proposals that a person has approved, carried out by tasks and measured against who was held out.
//!
//! The campaign is made in the transaction of its approval. Its members are drawn once, from the snapshot that the plan
//! was made of; what is done for each is decided by unique keys, and what all of them may cost by one conditional update
//! (decision 0023).

mod audience;
mod carried;
mod lists;
mod measured;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

pub use audience::{Started, start};
pub use carried::{CampaignBatch, tally};
pub use lists::{CampaignFilter, CampaignLine, list, mails, of_plan, outcomes};
pub use measured::{due, measure, results};
pub use tradeup_domain::outcomes::{ArmResult, OutcomeCount};

use crate::audit::{self, Actor};
use crate::error::{Doing, StoreError};
use crate::snapshots::SnapshotId;
use crate::{Connection, RunId, TenantId, Tx};

/// Days from its start until a campaign is measured, if its plan does not say.
pub const HORIZON_DAYS: i32 = 30;

/// A campaign's id: it follows from the plan's run and the proposal's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(transparent)]
pub struct CampaignId(pub Uuid);

impl CampaignId {
    /// The id of what a plan proposes under this key.
    #[must_use]
    pub fn of(run_id: RunId, key: &str) -> Self {
        Self(Uuid::new_v5(&run_id.0, key.as_bytes()))
    }

    /// The id in these 16 bytes; `None` if they are not as many.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Uuid::from_slice(bytes).ok().map(Self)
    }
}

impl std::fmt::Display for CampaignId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// What is done if a proposal is approved: all that its hash is of, with the figures in its texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// `bonus_credit`, `extension` or `mail`.
    pub kind: String,
    /// For whom, as of the snapshot: a segment, `all` or `expiring`.
    pub segment: String,
    /// In which tier, by its handle; `None` for any.
    pub tier: Option<String>,
    /// The snapshot that the plan was made of.
    pub snapshot: Uuid,
    /// The instant that the plan is about.
    pub as_of: DateTime<Utc>,
    /// The message's subject.
    pub subject: String,
    /// The message, as plain text.
    pub body: String,
    /// ISO 4217 code.
    pub currency: String,
    /// What each member is given, in minor units; 0 unless a bonus credit.
    pub credit_minor: i64,
    /// In how many days what was given ends; 0 unless a bonus credit.
    pub credit_ends_within_days: i32,
    /// By how many days credit ends later; 0 unless an extension.
    pub extend_days: i32,
    /// Who of ten thousand gets nothing.
    pub hold_out_bps: i32,
    /// The most that may be given or kept alive, in minor units; 0 is no limit for an extension, which gives nothing anew.
    pub cost_limit_minor: i64,
    /// Days from its start until it is measured.
    pub horizon_days: i32,
}

impl Terms {
    /// As they are stored with the proposal; `approve.sql` reads them.
    pub(crate) fn stored(&self) -> Value {
        json!({
            "kind": self.kind, "segment": self.segment, "tier": self.tier, "snapshot": self.snapshot,
            "as_of": self.as_of.to_rfc3339(), "subject": self.subject, "body": self.body, "currency": self.currency,
            "credit_minor": self.credit_minor, "credit_ends_within_days": self.credit_ends_within_days,
            "extend_days": self.extend_days, "hold_out_bps": self.hold_out_bps,
            "cost_limit_minor": self.cost_limit_minor, "horizon_days": self.horizon_days,
        })
    }
}

/// A campaign.
#[derive(Clone, Debug)]
pub struct Campaign {
    /// Its id.
    pub id: CampaignId,
    /// The run of the plan that proposed it.
    pub run_id: RunId,
    /// Its key in the plan.
    pub key: String,
    /// Its name.
    pub name: String,
    /// `bonus_credit`, `extension` or `mail`.
    pub kind: String,
    /// For whom, as of the snapshot.
    pub segment: String,
    /// In which tier; `None` for any.
    pub tier: Option<String>,
    /// The snapshot that its members are drawn from.
    pub snapshot_id: SnapshotId,
    /// The instant that the plan is about.
    pub as_of: DateTime<Utc>,
    /// The message's subject.
    pub subject: String,
    /// The message.
    pub body: String,
    /// ISO 4217 code.
    pub currency: String,
    /// What each member is given, in minor units.
    pub credit_minor: i64,
    /// In how many days what was given ends.
    pub credit_ends_within_days: i32,
    /// By how many days credit ends later.
    pub extend_days: i32,
    /// Who of ten thousand gets nothing.
    pub hold_out_bps: i32,
    /// The most that may be given or kept alive, in minor units; 0 is no limit for an extension, which gives nothing anew.
    pub cost_limit_minor: i64,
    /// What was given or kept alive, in minor units.
    pub spent_minor: i64,
    /// Days from its start until it is measured.
    pub horizon_days: i32,
    /// `approved`, `running`, `done` or `stopped`; `failed` where its run is dead, or a batch of it that nobody has replayed
    /// yet, and `cancelled` where its run was cancelled.
    pub state: String,
    /// Who approved it.
    pub approved_by: String,
    /// When.
    pub approved_at: DateTime<Utc>,
    /// The run that carries it out.
    pub start_run_id: RunId,
    /// When its members were drawn.
    pub started_at: Option<DateTime<Utc>>,
    /// When nothing was left to do.
    pub ended_at: Option<DateTime<Utc>>,
    /// Who stopped it.
    pub stopped_by: Option<String>,
    /// Why.
    pub stop_reason: Option<String>,
    /// As of when it was measured.
    pub measured_at: Option<DateTime<Utc>>,
}

impl Campaign {
    /// Its limit; `None` where it has none of its own.
    #[must_use]
    pub fn limit_minor(&self) -> Option<i64> {
        (self.kind != "extension" || self.cost_limit_minor > 0).then_some(self.cost_limit_minor)
    }
}

/// Makes the campaign of an approved proposal, once. `start_run` is the run that carries it out.
///
/// # Errors
/// [`ErrorKind::Refused`](crate::ErrorKind::Refused) if the terms are none that can be carried out.
pub async fn approve(
    tx: &mut Tx,
    tenant: TenantId,
    (run_id, key): (RunId, &str),
    start_run: RunId,
    actor: &Actor,
) -> Result<bool, StoreError> {
    let made = sqlx::query_file!(
        "src/campaigns/approve.sql",
        tenant as TenantId,
        CampaignId::of(run_id, key) as CampaignId,
        run_id as RunId,
        key,
        actor.name,
        start_run as RunId,
    )
    .execute(&mut **tx)
    .await
    .doing("making a campaign")?;
    Ok(made.rows_affected() > 0)
}

/// A campaign of a tenant.
///
/// # Errors
/// As any statement.
pub async fn get(
    db: &mut Connection,
    tenant: TenantId,
    id: CampaignId,
) -> Result<Option<Campaign>, StoreError> {
    Ok(lists::read(db, tenant, Some(id), None).await?.pop())
}

/// What came of stopping a campaign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// Nobody whom it has not reached is reached any more. What is done stays done.
    Done,
    /// It was stopped before, by this person.
    Already(String),
    /// Everything was done before.
    Ended,
    /// There is no such campaign.
    NotFound,
}

/// Stops a campaign, on record. Whoever is being seen to at this moment is still seen to.
///
/// # Errors
/// As any statement.
pub async fn stop(
    tx: &mut Tx,
    tenant: TenantId,
    id: CampaignId,
    actor: &Actor,
) -> Result<Stopped, StoreError> {
    let found = sqlx::query!(
        "select state, stopped_by from campaigns where tenant_id = $1 and id = $2 for update",
        tenant as TenantId,
        id as CampaignId,
    )
    .fetch_optional(&mut **tx)
    .await
    .doing("looking at a campaign")?;
    let Some(found) = found else { return Ok(Stopped::NotFound) };
    if let Some(by) = found.stopped_by {
        return Ok(Stopped::Already(by));
    }
    if found.state == "done" {
        return Ok(Stopped::Ended);
    }
    sqlx::query!(
        "update campaigns set state = 'stopped', ended_at = clock_timestamp(), stopped_by = $3, stop_reason = $4
         where tenant_id = $1 and id = $2",
        tenant as TenantId,
        id as CampaignId,
        actor.name,
        actor.reason,
    )
    .execute(&mut **tx)
    .await
    .doing("stopping a campaign")?;
    let subject = json!({ "tenant_id": tenant, "campaign_id": id.0 });
    audit::record(tx, actor, "campaigns.stopped", &subject).await?;
    Ok(Stopped::Done)
}
