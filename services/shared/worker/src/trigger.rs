//! Runs as they are triggered, by a schedule or by a person: the same either way, so that both mean
//! the same key.

use chrono::{DateTime, Utc};
use tradeup_domain::{Period, monthly};
use tradeup_proto::job_kind::MONTHLY_CREDITS;
use tradeup_proto::{Message as _, convert, v1};
use tradeup_store::runs::{NewRun, RunOptions, Trigger};

/// When monthly credits fire, in UTC.
pub const MONTHLY_CREDITS_CRON: &str = "0 6 1 * *";

/// The instant at which the monthly run of `period` is due: the 1st at 06:00 UTC.
#[must_use]
pub fn monthly_credits_due(period: Period) -> DateTime<Utc> {
    let midnight = period.first_day().and_time(chrono::NaiveTime::MIN).and_utc();
    midnight + chrono::TimeDelta::hours(6)
}

/// The monthly run of the period in which `due` lies, over all active tenants.
///
/// `issued_at` is when it was triggered; it bounds the expiry of a late run from below.
#[must_use]
pub fn monthly_credits(due: DateTime<Utc>, issued_at: DateTime<Utc>, trigger: Trigger) -> NewRun {
    let period = Period::containing(due);
    let input = v1::MonthlyCredits {
        period: period.to_string(),
        as_of: Some(convert::timestamp(due)),
        issued_at: Some(convert::timestamp(issued_at)),
    };
    NewRun {
        task: MONTHLY_CREDITS.task.to_owned(),
        tenant: None,
        key: monthly::run_key(period),
        payload: input.encode_to_vec(),
        scheduled_for: due,
        trigger,
        options: RunOptions::default(),
    }
}
