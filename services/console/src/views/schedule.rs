//! One schedule: its terms, what is to come, what was decided, and what a change would come to.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use tradeup_domain::schedule::{Fire, ScheduleError, length_text, parse_length};
use tradeup_store::schedules::{self, Change, Rule, RuleError, ScheduleView, Terms};
use tradeup_store::{Pool, TenantRef};
use utoipa::{IntoParams, ToSchema};

use super::make_up::{MakeUp, caught_up};
use super::schedules::{DECISIONS, Decision, overdue};
use super::when::When;
use super::{said, tenants};
use crate::access::Who;
use crate::failure::Failure;

/// Next fires that are shown.
const NEXT: usize = 10;

/// Which schedule of a name.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(crate) struct OfShop {
    /// The shop whose own it is, or would be; that for all shops, if it is not said.
    pub(crate) tenant: String,
}

/// The schedule that counts for a shop, or for all.
pub(crate) struct Found {
    pub(crate) view: ScheduleView,
    pub(crate) shop: Option<TenantRef>,
    /// Not so for a shop that has none of its own: then it is that for all shops.
    pub(crate) is_its_own: bool,
}

/// The shop that a field `tenant` names, if it names one.
pub(crate) async fn shop(pool: &Pool, who: &Who, given: &str) -> Result<Option<TenantRef>, Failure> {
    let Some(handle) = said(given) else { return Ok(None) };
    let shop = tenants::named(pool, who, &handle).await?;
    Ok(Some(TenantRef { id: shop.id, handle: shop.handle }))
}

impl Found {
    pub(crate) async fn of(pool: &Pool, who: &Who, name: &str, tenant: &str) -> Result<Self, Failure> {
        let shop = shop(pool, who, tenant).await?;
        let handle = shop.as_ref().map(|shop| shop.handle.as_str());
        let (view, is_its_own) = match schedules::one(pool, name, handle).await? {
            Some(view) => (view, true),
            None if handle.is_some() => {
                (schedules::one(pool, name, None).await?.ok_or(Failure::NotFound)?, false)
            }
            None => return Err(Failure::NotFound),
        };
        Ok(Self { view, shop, is_its_own })
    }

    /// Where it is shown.
    pub(crate) fn address(&self) -> String {
        address(&self.view.name, self.shop.as_ref())
    }

    pub(crate) fn handle(&self) -> Option<&str> {
        self.shop.as_ref().map(|shop| shop.handle.as_str())
    }
}

/// Where a schedule is shown.
pub(crate) fn address(name: &str, shop: Option<&TenantRef>) -> String {
    match shop {
        None => format!("/schedules/{name}"),
        Some(shop) => format!("/schedules/{name}?tenant={}", shop.handle),
    }
}

/// What is wrong with the terms of a schedule: in which field, and what to write.
pub(crate) fn wrong(error: &RuleError) -> Failure {
    let field = match error {
        RuleError::Zone(_) => "zone",
        RuleError::Window => "window",
        RuleError::Schedule(ScheduleError::Cron { .. } | ScheduleError::NeverFires { .. }) => "cron",
        RuleError::Schedule(ScheduleError::Contradiction { .. }) => "overlap",
        RuleError::Schedule(ScheduleError::Policy { kind, .. }) => match *kind {
            "gap policy" => "gap",
            "repeat policy" => "repeat",
            "missed-fire policy" => "missed",
            _ => "overlap",
        },
    };
    Failure::Invalid { field, why: error.to_string() }
}

/// What a schedule is decided by, each as it is set.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct ScheduleTerms {
    /// Minute, hour, day of month, month, day of week.
    pub(crate) cron: String,
    /// In which the expression is read.
    pub(crate) zone: String,
    /// A time that the clocks skip: `skip`, or `after`.
    pub(crate) gap: String,
    /// A time that the clocks show twice: `first`, or `both`.
    pub(crate) repeat: String,
    /// Fires missed while no scheduler ran: `skip`, `latest`, `all`, or `all:N`.
    pub(crate) missed: String,
    /// How late a missed fire may be made up for, like `35d`.
    pub(crate) window: String,
    /// While an earlier run is under way: `skip`, `queue_one`, or `allow`.
    pub(crate) overlap: String,
    /// Shops' runs start spread over this long, like `10m`.
    pub(crate) spread: String,
}

impl ScheduleTerms {
    pub(crate) fn of(terms: &Terms) -> Self {
        let text = |length: TimeDelta| length_text(length.to_std().unwrap_or_default());
        Self {
            window: text(terms.missed_window),
            spread: text(terms.spread),
            cron: terms.cron.clone(),
            zone: terms.zone.clone(),
            gap: terms.gap_policy.clone(),
            repeat: terms.repeat_policy.clone(),
            missed: terms.missed_policy.clone(),
            overlap: terms.overlap_policy.clone(),
        }
    }
}

/// A fire that is to come.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NextFire {
    pub(crate) at: When,
    /// What the clocks of the schedule's zone show then.
    pub(crate) local: String,
    /// What a change of the clocks does to it.
    pub(crate) clock_change: Option<String>,
}

impl NextFire {
    fn of(fire: &Fire) -> Self {
        Self {
            at: When(fire.at),
            local: fire.local.format("%a %Y-%m-%d %H:%M").to_string(),
            clock_change: fire.note.map(|note| note.to_string()),
        }
    }

    fn after(rule: &Rule, now: DateTime<Utc>) -> Result<Vec<Self>, Failure> {
        let fires = rule.cron.upcoming(now, NEXT).map_err(|error| wrong(&error.into()))?;
        Ok(fires.iter().map(Self::of).collect())
    }
}

/// How a schedule is to be. What is not said, or is as it is, stays.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct ScheduleSetting {
    /// The shop whose own is set; it is given one if it has none. That for all shops, if it is not said.
    #[serde(default)]
    pub(crate) tenant: String,
    /// Minute, hour, day of month, month, day of week; names and `L` are allowed.
    #[serde(default)]
    pub(crate) cron: String,
    /// IANA zone in which the expression is read, like `Europe/Berlin`.
    #[serde(default)]
    pub(crate) zone: String,
    /// A time that the clocks skip: `skip`, or `after`. With a new expression, what fits it, if it is not said.
    #[serde(default)]
    pub(crate) gap: String,
    /// A time that the clocks show twice: `first`, or `both`. With a new expression, what fits it, if it is not said.
    #[serde(default)]
    pub(crate) repeat: String,
    /// Fires missed while no scheduler ran: `skip`, `latest`, `all`, or `all:N`.
    #[serde(default)]
    pub(crate) missed: String,
    /// How late a missed fire may be made up for, like `35d`, `12h` or `30m`.
    #[serde(default)]
    pub(crate) window: String,
    /// While an earlier run is under way: `skip`, `queue_one`, or `allow`.
    #[serde(default)]
    pub(crate) overlap: String,
    /// Shops' runs start spread over this long, like `10m`; `0s` for all at once.
    #[serde(default)]
    pub(crate) spread: String,
    /// `yes` to be told what it would come to, with nothing done.
    #[serde(default)]
    pub(crate) dry_run: String,
}

impl ScheduleSetting {
    /// What differs from the terms as they are: a form sends all its fields, and a new expression does more than the one
    /// that there is.
    pub(crate) fn change(&self, of: &Found) -> Result<Change, Failure> {
        let terms = of.view.terms();
        let differs = |given: &str, is: &str| said(given).filter(|given| given != is);
        let length = |field: &'static str, given: &str, is: TimeDelta| -> Result<_, Failure> {
            let Some(given) = said(given) else { return Ok(None) };
            let length: Duration =
                parse_length(&given).map_err(|error| Failure::Invalid { field, why: error.to_string() })?;
            Ok(Some(length).filter(|length| TimeDelta::from_std(*length).ok() != Some(is)))
        };
        let change = Change {
            cron: differs(&self.cron, &terms.cron),
            zone: differs(&self.zone, &terms.zone),
            gap_policy: differs(&self.gap, &terms.gap_policy),
            repeat_policy: differs(&self.repeat, &terms.repeat_policy),
            missed_policy: differs(&self.missed, &terms.missed_policy),
            missed_window: length("window", &self.window, terms.missed_window)?,
            overlap_policy: differs(&self.overlap, &terms.overlap_policy),
            spread: length("spread", &self.spread, terms.spread)?,
        };
        if change == Change::default() && of.is_its_own {
            let why = "nothing would change; say what is to be different".to_owned();
            return Err(Failure::Invalid { field: "cron", why });
        }
        Ok(change)
    }
}

/// What a change would come to.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Proposed {
    /// The shop would get a schedule of its own.
    pub(crate) is_new: bool,
    pub(crate) before: ScheduleTerms,
    pub(crate) after: ScheduleTerms,
    /// The expression as a sentence, where there is a true one.
    pub(crate) words: Option<String>,
    /// The next ten fires that there would be.
    pub(crate) next: Vec<NextFire>,
}

impl Proposed {
    pub(crate) fn of(found: &Found, change: &Change, now: DateTime<Utc>) -> Result<Self, Failure> {
        let before = found.view.terms();
        let (after, rule) = before.changed(change).map_err(|error| wrong(&error))?;
        Ok(Self {
            is_new: !found.is_its_own,
            before: ScheduleTerms::of(&before),
            after: ScheduleTerms::of(&after),
            words: rule.cron.words(),
            next: NextFire::after(&rule, now)?,
        })
    }
}

/// A shop's own schedule, in the page of the one for all.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OwnSchedule {
    pub(crate) tenant: String,
    pub(crate) cron: String,
    pub(crate) zone: String,
    pub(crate) next: Option<When>,
    pub(crate) paused: bool,
}

/// A schedule: that for all shops, or that which counts for one.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OneSchedule {
    pub(crate) name: String,
    /// The shop that was asked for.
    pub(crate) tenant: Option<String>,
    /// That shop has a schedule of its own, and this is it.
    pub(crate) is_its_own: bool,
    pub(crate) task: String,
    pub(crate) terms: ScheduleTerms,
    /// The expression as a sentence, where there is a true one.
    pub(crate) words: Option<String>,
    /// What keeps it from firing: its row can't be read.
    pub(crate) error: Option<String>,
    pub(crate) paused_by: Option<String>,
    pub(crate) paused_because: Option<String>,
    pub(crate) overdue: Option<String>,
    /// The next ten fires.
    pub(crate) next: Vec<NextFire>,
    /// What was decided of late, newest first: 50 at most. Of that for all shops: of shops' own, too.
    pub(crate) decisions: Vec<Decision>,
    /// Shops that have one of their own.
    pub(crate) own: Vec<OwnSchedule>,
    /// What could be caught up: fires that were missed, skipped for being late, or fell into a pause.
    pub(crate) catch_up: MakeUp,
}

impl OneSchedule {
    pub(crate) async fn read(pool: &Pool, who: &Who, found: Found) -> Result<Self, Failure> {
        let now = schedules::clock(pool).await?;
        let rule = found.view.rule();
        let (words, next, catch_up) = match &rule {
            Ok(rule) => (
                rule.cron.words(),
                NextFire::after(rule, now).unwrap_or_default(),
                MakeUp::of(&caught_up(pool, &found, None, &who.name).await?),
            ),
            Err(_unreadable) => (None, Vec::new(), MakeUp::default()),
        };
        let name = found.view.name.as_str();
        let own = schedules::list(pool).await?.into_iter().filter(|other| other.name == name);
        let own = own.filter_map(|other| {
            Some(OwnSchedule {
                tenant: other.tenant_handle?,
                cron: other.cron,
                zone: other.zone,
                next: other.next_fire_at.map(When),
                paused: other.paused_by.is_some(),
            })
        });
        let own = own.collect();
        let decided = schedules::decisions(pool, Some(name), found.handle(), DECISIONS).await?;
        Ok(Self {
            tenant: found.handle().map(str::to_owned),
            is_its_own: found.shop.is_some() && found.is_its_own,
            terms: ScheduleTerms::of(&found.view.terms()),
            words,
            error: rule.err().map(|error| error.to_string()),
            overdue: overdue(&found.view),
            next,
            decisions: decided.into_iter().map(Decision::of).collect(),
            own,
            catch_up,
            name: found.view.name,
            task: found.view.task,
            paused_by: found.view.paused_by,
            paused_because: found.view.paused_because,
        })
    }
}
