//! Tests of schedules: expressions, changes of the clocks in all zones, ticks and policies.
#![allow(clippy::unwrap_used, clippy::panic, clippy::allow_attributes, reason = "tests fail loudly")]

mod clocks;
mod expressions;
mod oracle;
mod policies;
mod spread;
mod ticks;
mod zones;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use tradeup_domain::schedule::CronSchedule;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn cron(expression: &str, zone: Tz) -> CronSchedule {
    CronSchedule::parse(expression, zone).unwrap()
}
