//! Runs as they are triggered, by a schedule or by a person: the same either way, so that both mean
//! the same key.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use tradeup_domain::{Period, monthly};
use tradeup_proto::job_kind::{GRANT_CREDIT, MONTHLY_CREDITS, MONTHLY_CREDITS_TENANT};
use tradeup_proto::{JobKind, Message as _, convert, v1};
use tradeup_store::TenantRef;
use tradeup_store::runs::{NewRun, RunOptions, Trigger};

/// The schedule of monthly credits.
pub const MONTHLY_CREDITS_SCHEDULE: &str = "monthly-credits";
/// When monthly credits fire, in UTC.
pub const MONTHLY_CREDITS_CRON: &str = "0 6 1 * *";

/// The instant at which the monthly run of `period` is due: the 1st at 06:00 UTC.
#[must_use]
pub fn monthly_credits_due(period: Period) -> DateTime<Utc> {
    let midnight = period.first_day().and_time(chrono::NaiveTime::MIN).and_utc();
    midnight + TimeDelta::hours(6)
}

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

/// The monthly run of the period in which the fire was due, over all active tenants.
#[must_use]
pub fn monthly_credits(fire: Fire) -> NewRun {
    let period = Period::of(fire.due, fire.zone);
    let input = v1::MonthlyCredits {
        period: period.to_string(),
        as_of: Some(convert::timestamp(fire.due)),
        issued_at: Some(convert::timestamp(fire.issued_at)),
        spread_ms: fire.spread.num_milliseconds(),
    };
    new_run(MONTHLY_CREDITS, None, monthly::run_key(period), input.encode_to_vec(), fire)
}

/// One tenant's monthly run, from a schedule of its own.
#[must_use]
pub fn monthly_credits_of_tenant(tenant: TenantRef, fire: Fire) -> NewRun {
    let period = Period::of(fire.due, fire.zone);
    let input = v1::MonthlyCreditsTenant {
        period: period.to_string(),
        as_of: Some(convert::timestamp(fire.due)),
        issued_at: Some(convert::timestamp(fire.issued_at)),
    };
    new_run(MONTHLY_CREDITS_TENANT, Some(tenant), monthly::run_key(period), input.encode_to_vec(), fire)
}

/// One credit for one member. The key makes it unique for its tenant.
#[must_use]
pub fn grant_credit(
    tenant: TenantRef,
    grant: &v1::GrantCredit,
    due: DateTime<Utc>,
    trigger: Trigger,
) -> NewRun {
    NewRun {
        task: GRANT_CREDIT.task.to_owned(),
        tenant: Some(tenant),
        key: grant.source_key.clone(),
        payload: grant.encode_to_vec(),
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
