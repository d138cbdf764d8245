//! Monthly credits: on the 1st at 06:00 UTC, the month that then begins.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tradeup_store::runs::{NewRun, Trigger};
use tradeup_store::schedules::NewSchedule;
use tradeup_worker::trigger;

use super::Declared;

const NAME: &str = "monthly-credits";

/// A month that was missed is caught up for five weeks; after that a person decides.
const MISSED_HORIZON: Duration = Duration::from_secs(35 * 24 * 3600);

pub(crate) const SCHEDULE: Declared = Declared {
    row: NewSchedule {
        name: NAME,
        task: tradeup_proto::job_kind::MONTHLY_CREDITS.task,
        cron: trigger::MONTHLY_CREDITS_CRON,
        zone: "UTC",
        missed_policy: "all",
        missed_horizon: MISSED_HORIZON,
    },
    run,
};

fn run(fire_at: DateTime<Utc>, decided_at: DateTime<Utc>) -> NewRun {
    trigger::monthly_credits(fire_at, decided_at, Trigger::Schedule(NAME.to_owned()))
}
