//! The tasks of the comparison: schedule, shop, batch, and one credit.
//!
//! They stand in the places of the product's own tasks of that shape, with their subjects, consumers and inputs, and
//! do what `credits` and `scheduler` do around the effect; the effect is the comparison's function.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use chrono::TimeDelta;
use tradeup_domain::ErrorCode;
use tradeup_proto::job_kind::{GRANT_CREDIT, MONTHLY_CREDITS, MONTHLY_CREDITS_BATCH, MONTHLY_CREDITS_TENANT};
use tradeup_proto::{JobKind, Message as _, v1};
use tradeup_store::batches::{BatchCounts, BatchPlan, Cut};
use tradeup_store::outbox::JobMessage;
use tradeup_store::runs::{self, BatchRange, Spawn};
use tradeup_store::{RunId, TenantId, TenantRef, Tx};
use tradeup_worker::{
    Applied, Each, GroupTask, Registry, RegistryError, RetryPolicy, RunGroup, Task, TaskContext, TaskError,
};
use uuid::Uuid;

/// As the product's own tasks have it.
const RELEASE_WINDOW: i32 = 64;
const WITHIN: Duration = Duration::from_secs(120);

pub(super) fn registry() -> Result<Registry, RegistryError> {
    Registry::new().register(Schedule)?.register(Shop)?.register_group(Batch)?.register_group(Credit)
}

/// What is asked for. It travels where the product has the month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    /// The day that makes a credit unique for its member.
    pub(super) period: String,
    /// Whether each member is a run of its own.
    pub(super) each: bool,
    /// Members of each shop, by their number.
    pub(super) members: i64,
}

impl Asked {
    pub(super) fn text(&self) -> String {
        format!("{} {} {}", self.period, if self.each { "each" } else { "batch" }, self.members)
    }

    pub(super) fn of(text: &str) -> anyhow::Result<Self> {
        let words: Vec<&str> = text.split(' ').collect();
        let [period, mode, members] = words.as_slice() else {
            anyhow::bail!("{text:?} is not a period, a mode and a count");
        };
        ensure!(["each", "batch"].contains(mode), "the mode is {mode:?}; it is batch or each");
        let members = members.parse().with_context(|| format!("{members:?} is no count"))?;
        Ok(Self { period: (*period).to_owned(), each: *mode == "each", members })
    }

    fn read(text: &str) -> Result<Self, TaskError> {
        Self::of(text).map_err(|error| TaskError::permanent(ErrorCode::InvalidInput, error.to_string()))
    }
}

/// The run over all shops: one child for each that is active.
struct Schedule;

impl Task for Schedule {
    const KIND: JobKind = MONTHLY_CREDITS;
    const RETRY: RetryPolicy = RetryPolicy::DATABASE;
    const TIME_LIMIT: Duration = WITHIN;
    type Input = v1::MonthlyCredits;

    async fn run(&self, context: &TaskContext, input: Self::Input) -> Result<Applied, TaskError> {
        let payload =
            v1::MonthlyCreditsTenant { period: input.period, ..v1::MonthlyCreditsTenant::default() };
        let spawn = Spawn {
            task: MONTHLY_CREDITS_TENANT.task,
            key: &context.claim.key,
            payload: &payload.encode_to_vec(),
            states: &["active"],
            schedule: "peer",
            spread: TimeDelta::zero(),
        };
        let mut tx = context.begin().await?;
        let (_shops, due) = runs::spawn_for_tenants(&mut tx, &context.claim, &spawn).await?;
        Ok(Applied::waiting(tx).publishing(due))
    }
}

/// One shop: its batches as rows, a window of them released.
struct Shop;

impl Task for Shop {
    const KIND: JobKind = MONTHLY_CREDITS_TENANT;
    const RETRY: RetryPolicy = RetryPolicy::DATABASE;
    const TIME_LIMIT: Duration = WITHIN;
    type Input = v1::MonthlyCreditsTenant;

    async fn run(&self, context: &TaskContext, input: Self::Input) -> Result<Applied, TaskError> {
        let asked = Asked::read(&input.period)?;
        let (tenant, run_id) = (context.tenant()?.id, context.claim.run_id);
        let payload = v1::MonthlyCreditsBatch { period: input.period, ..v1::MonthlyCreditsBatch::default() };
        let mut tx = context.begin().await?;
        let cut = sqlx::query(include_str!("plan.sql"))
            .bind(tenant.0)
            .bind(run_id.0)
            .bind(asked.members)
            .execute(&mut *tx)
            .await
            .map_err(refused)?;
        let plan = BatchPlan {
            tenant,
            task: MONTHLY_CREDITS_BATCH.task,
            payload: payload.encode_to_vec(),
            release_window: RELEASE_WINDOW,
        };
        Ok(Applied::in_batches(tx, Cut { plan, batches: cut.rows_affected() }))
    }
}

/// One batch: its credits, or a run for each of its members.
struct Batch;

impl Task for Batch {
    const KIND: JobKind = MONTHLY_CREDITS_BATCH;
    const RETRY: RetryPolicy = RetryPolicy::DATABASE;
    const TIME_LIMIT: Duration = WITHIN;
    type Input = v1::MonthlyCreditsBatch;

    async fn run(&self, context: &TaskContext, input: Self::Input) -> Result<Applied, TaskError> {
        let asked = Asked::read(&input.period)?;
        let range = context.claim.batch.ok_or_else(|| {
            TaskError::permanent(ErrorCode::InvalidInput, "the run has no batch to execute")
        })?;
        let mut tx = context.begin().await?;
        if !asked.each {
            let counts = credit_batch(&mut tx, context.tenant()?.id, &asked, range).await?;
            return Ok(Applied::batch(tx, counts));
        }
        let members = number(range.first)?..=number(range.last)?;
        let messages = singles(&mut tx, context, &asked, members).await?;
        let counts = BatchCounts::of_affected(range.members, range.members, 0, None);
        Ok(Applied::batch(tx, counts).publishing(messages))
    }
}

impl GroupTask for Batch {
    const RUNS_MAX: usize = 8;

    async fn run_together(&self, tx: &mut Tx, group: &RunGroup<Self::Input>) -> Result<Vec<Each>, TaskError> {
        let mut each = Vec::with_capacity(group.runs.len());
        for (claim, input) in &group.runs {
            each.push(match (Asked::read(&input.period)?, claim.batch) {
                (asked, Some(range)) if !asked.each => {
                    Each::Batch(credit_batch(tx, group.tenant.id, &asked, range).await?)
                }
                _ => Each::Alone,
            });
        }
        Ok(each)
    }
}

/// The credits of one batch, in one statement.
async fn credit_batch(
    tx: &mut Tx,
    tenant: TenantId,
    asked: &Asked,
    range: BatchRange,
) -> Result<BatchCounts, TaskError> {
    let credited: i64 = sqlx::query_scalar(include_str!("batch.sql"))
        .bind(tenant.0)
        .bind(&asked.period)
        .bind(number(range.first)?)
        .bind(number(range.last)?)
        .fetch_one(&mut **tx)
        .await
        .map_err(refused)?;
    let credited = i32::try_from(credited).unwrap_or(range.members);
    Ok(BatchCounts::of_affected(range.members, credited, 0, None))
}

/// A run for each member, in one statement.
async fn singles(
    tx: &mut Tx,
    context: &TaskContext,
    asked: &Asked,
    members: impl Iterator<Item = i64>,
) -> Result<Vec<JobMessage>, TaskError> {
    let tenant = context.tenant()?;
    let scheduled_for = context.claim.scheduled_for;
    let messages: Vec<JobMessage> = members
        .map(|member| {
            let grant = credit(&asked.period, member);
            JobMessage {
                outbox_id: Uuid::now_v7(),
                run_id: RunId::new(),
                task: GRANT_CREDIT.task.to_owned(),
                tenant: Some(TenantRef { id: tenant.id, handle: tenant.handle.clone() }),
                key: grant.source_key.clone(),
                scheduled_for,
                payload: grant.encode_to_vec(),
                urgent: false,
                traceparent: None,
                self_contained: true,
            }
        })
        .collect();
    let column = |of: fn(&JobMessage) -> Uuid| messages.iter().map(of).collect::<Vec<_>>();
    let made: Vec<Uuid> = sqlx::query_scalar(include_str!("singles.sql"))
        .bind(column(|message| message.run_id.0))
        .bind(column(|message| message.outbox_id))
        .bind(messages.iter().map(|message| message.key.as_str()).collect::<Vec<_>>())
        .bind(messages.iter().map(|message| message.payload.as_slice()).collect::<Vec<_>>())
        .bind(tenant.id.0)
        .bind(GRANT_CREDIT.task)
        .bind(scheduled_for)
        .fetch_all(&mut **tx)
        .await
        .map_err(refused)?;
    Ok(messages.into_iter().filter(|message| made.contains(&message.run_id.0)).collect())
}

/// One member's credit of a period.
pub(super) fn credit(period: &str, member: i64) -> v1::GrantCredit {
    v1::GrantCredit {
        member_external_id: member.to_string(),
        reason: period.to_owned(),
        source_key: format!("{period}/{member}"),
        ..v1::GrantCredit::default()
    }
}

/// One credit for one member.
struct Credit;

impl Task for Credit {
    const KIND: JobKind = GRANT_CREDIT;
    const RETRY: RetryPolicy = RetryPolicy::DATABASE;
    const TIME_LIMIT: Duration = WITHIN;
    type Input = v1::GrantCredit;

    async fn run(&self, context: &TaskContext, input: Self::Input) -> Result<Applied, TaskError> {
        let mut tx = context.begin().await?;
        issue(&mut tx, context.tenant()?.id, &input.reason, &[member(&input)?]).await?;
        Ok(Applied::done(tx))
    }
}

impl GroupTask for Credit {
    const RUNS_MAX: usize = 100;
    const BY_MESSAGE: bool = true;

    async fn run_together(&self, tx: &mut Tx, group: &RunGroup<Self::Input>) -> Result<Vec<Each>, TaskError> {
        let mut periods: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
        for (_claim, input) in &group.runs {
            periods.entry(&input.reason).or_default().push(member(input)?);
        }
        for (period, members) in periods {
            issue(tx, group.tenant.id, period, &members).await?;
        }
        Ok(group.runs.iter().map(|_| Each::Done(serde_json::Value::Null)).collect())
    }
}

fn member(input: &v1::GrantCredit) -> Result<i64, TaskError> {
    input.member_external_id.parse().map_err(|_not_one| {
        TaskError::permanent(ErrorCode::InvalidInput, "field member_external_id is no number")
    })
}

/// The comparison's own function.
async fn issue(tx: &mut Tx, tenant: TenantId, period: &str, members: &[i64]) -> Result<(), TaskError> {
    sqlx::query("select loyalty.issue_credits($1, $2::date, $3)")
        .bind(tenant.0)
        .bind(period)
        .bind(members)
        .execute(&mut **tx)
        .await
        .map_err(refused)
        .map(drop)
}

/// A member's number, of a bound of a batch.
fn number(bound: Uuid) -> Result<i64, TaskError> {
    i64::try_from(bound.as_u128()).map_err(|_larger| {
        TaskError::permanent(ErrorCode::InvalidInput, format!("{bound} is no member's number"))
    })
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn refused(error: sqlx::Error) -> TaskError {
    TaskError::transient(ErrorCode::DatabaseUnexpected, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_travels_whole() {
        for asked in [
            Asked { period: "2026-11-01".to_owned(), each: false, members: 2000 },
            Asked { period: "2026-12-01".to_owned(), each: true, members: 200 },
        ] {
            assert_eq!(Asked::of(&asked.text()).unwrap(), asked);
        }
        for wrong in ["", "2026-11-01 batch", "2026-11-01 half 5", "2026-11-01 each many"] {
            assert!(Asked::of(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn bounds_are_numbers() {
        assert_eq!(number(Uuid::from_u128(200)).unwrap(), 200);
        assert!(number(Uuid::max()).is_err());
    }

    #[test]
    fn a_credit_is_one_for_its_member_and_period() {
        let credit = credit("2027-01-01", 7);
        assert_eq!((credit.member_external_id.as_str(), credit.source_key.as_str()), ("7", "2027-01-01/7"));
    }
}
