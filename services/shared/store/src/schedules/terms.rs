//! The terms of a schedule: all of it that people may change.

use std::str::FromStr as _;
use std::time::Duration;

use chrono::TimeDelta;
use serde_json::{Value, json};
use tradeup_domain::schedule::{CronSchedule, MissedPolicy, OverlapPolicy, check_policies};
use tradeup_domain::zone::parse_zone;

use super::{Rule, RuleError};

/// What a schedule is decided by, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Five-field cron expression.
    pub cron: String,
    /// IANA zone in which it is read.
    pub zone: String,
    /// `skip` or `after`.
    pub gap_policy: String,
    /// `first` or `both`.
    pub repeat_policy: String,
    /// `skip`, `latest`, `all` or `all:N`.
    pub missed_policy: String,
    /// How late a missed fire may be made up for.
    pub missed_window: TimeDelta,
    /// `skip`, `queue_one` or `allow`.
    pub overlap_policy: String,
    /// Tenants' runs are spread over this long.
    pub spread: TimeDelta,
}

/// What to change; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Cron expression. With it the policies for skipped and repeated times fit the expression again,
    /// unless they are given too.
    pub cron: Option<String>,
    /// IANA zone.
    pub zone: Option<String>,
    /// `skip` or `after`.
    pub gap_policy: Option<String>,
    /// `first` or `both`.
    pub repeat_policy: Option<String>,
    /// `skip`, `latest`, `all` or `all:N`.
    pub missed_policy: Option<String>,
    /// How late a missed fire may be made up for.
    pub missed_window: Option<Duration>,
    /// `skip`, `queue_one` or `allow`.
    pub overlap_policy: Option<String>,
    /// Over how long tenants' runs are spread.
    pub spread: Option<Duration>,
}

impl Terms {
    /// The rules, as they are decided by.
    ///
    /// # Errors
    /// [`RuleError`] naming what can't be read.
    pub fn rule(&self) -> Result<Rule, RuleError> {
        let cron = CronSchedule::parse(&self.cron, parse_zone(&self.zone)?)?
            .with_dst(self.gap_policy.parse()?, self.repeat_policy.parse()?);
        let missed = MissedPolicy::from_str(&self.missed_policy)?;
        let overlap = OverlapPolicy::from_str(&self.overlap_policy)?;
        check_policies(missed, overlap)?;
        Ok(Rule { cron, missed, window: self.missed_window, overlap })
    }

    /// These terms with a change, and the rules that they come to.
    ///
    /// # Errors
    /// [`RuleError`] naming what can't be decided by.
    pub fn changed(&self, change: &Change) -> Result<(Self, Rule), RuleError> {
        let mut terms = self.clone();
        let set = |field: &mut String, to: &Option<String>| {
            if let Some(to) = to {
                field.clone_from(to);
            }
        };
        // The new one counts: an expression may be given with it.
        set(&mut terms.zone, &change.zone);
        if let Some(cron) = &change.cron {
            let fitting = CronSchedule::parse(cron, parse_zone(&terms.zone)?)?;
            fitting.expression().clone_into(&mut terms.cron);
            fitting.gap().as_str().clone_into(&mut terms.gap_policy);
            fitting.repeat().as_str().clone_into(&mut terms.repeat_policy);
        }
        set(&mut terms.gap_policy, &change.gap_policy);
        set(&mut terms.repeat_policy, &change.repeat_policy);
        set(&mut terms.missed_policy, &change.missed_policy);
        set(&mut terms.overlap_policy, &change.overlap_policy);
        let length = |given: Duration| TimeDelta::from_std(given).unwrap_or(TimeDelta::MAX);
        terms.missed_window = change.missed_window.map_or(terms.missed_window, length);
        terms.spread = change.spread.map_or(terms.spread, length);
        if terms.missed_window <= TimeDelta::zero() {
            return Err(RuleError::Window);
        }
        let rule = terms.rule()?;
        Ok((terms, rule))
    }

    /// For the record.
    pub(super) fn value(&self) -> Value {
        json!({ "cron": self.cron, "zone": self.zone, "gap_policy": self.gap_policy,
            "repeat_policy": self.repeat_policy, "missed_policy": self.missed_policy,
            "missed_window_s": self.missed_window.num_seconds(), "overlap_policy": self.overlap_policy,
            "spread_s": self.spread.num_seconds() })
    }
}
