//! What models have cost, by shop, month, model and kind of token, and which budgets are used up.

use chrono::{Datelike as _, Months, NaiveDate};
use serde::{Deserialize, Serialize};
use tradeup_domain::Period;
use tradeup_store::agent_budgets::{self, ShopSpend};
use tradeup_store::{Pool, TenantId, Tx, schedules};
use utoipa::{IntoParams, ToSchema};

use super::usd::Usd;
use crate::access::Who;
use crate::failure::Failure;
use crate::views::{said, tenants};

/// Months that are looked back.
const MONTHS: i32 = 12;

/// What is narrowed by.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(crate) struct SpendAsked {
    /// A shop's handle.
    pub(crate) tenant: String,
    /// Like `2026-11`.
    pub(crate) month: String,
}

impl SpendAsked {
    /// Whether it is narrowed at all.
    pub(crate) fn narrows(&self) -> bool {
        said(&self.tenant).is_some() || said(&self.month).is_some()
    }
}

/// What one model took for a shop in a month.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SpendLine {
    /// Of UTC.
    pub(crate) month: String,
    pub(crate) tenant: String,
    pub(crate) model: String,
    /// Answered ones.
    pub(crate) calls: i64,
    /// Tokens that no cache had.
    pub(crate) input_tokens: i64,
    pub(crate) cache_written_tokens: i64,
    pub(crate) cache_read_tokens: i64,
    pub(crate) output_tokens: i64,
    /// Of answered calls.
    pub(crate) cost: Usd,
    /// Calls whose answer was lost: nobody knows whether they were billed.
    pub(crate) lost_calls: i64,
    /// What those cost at most; it counts as spent.
    pub(crate) unknown: Usd,
}

impl SpendLine {
    fn of(line: ShopSpend) -> Self {
        Self {
            month: line.month,
            tenant: line.tenant_handle,
            model: line.model,
            calls: line.turns,
            input_tokens: line.input_tokens,
            cache_written_tokens: line.cache_write_tokens,
            cache_read_tokens: line.cache_read_tokens,
            output_tokens: line.output_tokens,
            cost: Usd::of(line.cost_nano),
            lost_calls: line.unknown,
            unknown: Usd::of(line.unknown_nano),
        }
    }
}

/// What models took in a month.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct SpendMonth {
    /// Of UTC.
    pub(crate) month: String,
    #[serde(skip)]
    pub(crate) first_day: NaiveDate,
    /// Of answered calls.
    pub(crate) cost: Usd,
    /// What calls whose answer was lost cost at most.
    pub(crate) unknown: Usd,
}

/// Months up to this one, oldest first, those without any spend too.
fn by_month(lines: &[SpendLine], today: NaiveDate) -> Vec<SpendMonth> {
    let this = today.with_day(1).unwrap_or(today);
    let first_days =
        (0..MONTHS.unsigned_abs()).rev().filter_map(|ago| this.checked_sub_months(Months::new(ago)));
    let months = first_days.map(|first_day| {
        let month = first_day.format("%Y-%m").to_string();
        let of_month = |of: fn(&SpendLine) -> i64| {
            let amounts = lines.iter().filter(|line| line.month == month).map(of);
            Usd::of(amounts.fold(0, i64::saturating_add))
        };
        let (cost, unknown) = (of_month(|line| line.cost.nano), of_month(|line| line.unknown.nano));
        SpendMonth { first_day, cost, unknown, month }
    });
    months.collect()
}

/// A budget, and how much of it is used.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Budget {
    /// What it is for, in words.
    pub(crate) name: &'static str,
    /// With what is set aside for calls under way; none of a run, each of which has its own.
    pub(crate) used: Option<Usd>,
    pub(crate) cap: Usd,
}

/// A budget of agents that is used up, or nearly.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct UsedUp {
    /// Whose; of all shops together, if it is none's.
    pub(crate) tenant: Option<String>,
    /// The day or the month of UTC.
    pub(crate) period: String,
    pub(crate) used: Usd,
    pub(crate) cap: Usd,
}

impl UsedUp {
    /// In words.
    pub(crate) fn words(&self) -> String {
        let of = match &self.tenant {
            Some(tenant) => format!("The agents' budget of {tenant} for {}", self.period),
            None => format!("The agents' budget of all shops for {}", self.period),
        };
        let nearly = if self.used.nano < self.cap.nano { "nearly " } else { "" };
        format!("{of} is {nearly}used up: {} of {}.", self.used.text, self.cap.text)
    }

    /// Where it is looked into.
    pub(crate) fn page(&self) -> String {
        self.tenant.as_ref().map_or("/agents/spend".to_owned(), |tenant| format!("/shops/{tenant}/agents"))
    }

    /// That of all shops, and those of the fullest, or of one.
    pub(crate) async fn read(pool: &Pool, shop: Option<TenantId>) -> Result<Vec<Self>, Failure> {
        let found = agent_budgets::used_up(pool, shop).await?.into_iter().map(|found| Self {
            tenant: found.tenant_handle,
            period: found.period,
            used: Usd::of(found.used_nano),
            cap: Usd::of(found.cap_nano),
        });
        Ok(found.collect())
    }
}

/// What models have cost.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Spend {
    /// Newest month first.
    pub(crate) lines: Vec<SpendLine>,
    /// Of these lines, with what is not known.
    pub(crate) total: Usd,
    /// Twelve months, oldest first, of the shop that was asked for, whatever the month.
    pub(crate) by_month: Vec<SpendMonth>,
    /// Of that, what nobody knows whether it was billed.
    pub(crate) unknown: Usd,
    /// Of all shops together.
    pub(crate) today: Budget,
    /// Budgets that are used up, or nearly.
    pub(crate) used_up: Vec<UsedUp>,
}

impl Spend {
    pub(crate) async fn read(pool: &Pool, who: &Who, asked: &SpendAsked) -> Result<Self, Failure> {
        let tenant = match said(&asked.tenant) {
            Some(handle) => Some(tenants::named(pool, who, &handle).await?.handle),
            None => None,
        };
        let month = said(&asked.month).map(|month| {
            let period = month.parse::<Period>();
            period.map_err(|error| Failure::Invalid { field: "month", why: error.to_string() })
        });
        let month = month.transpose()?.map(|period| period.to_string());
        let lines = agent_budgets::by_shop(pool, tenant.as_deref(), MONTHS).await?;
        let mut lines: Vec<SpendLine> = lines.into_iter().map(SpendLine::of).collect();
        let by_month = by_month(&lines, schedules::clock(pool).await?.date_naive());
        lines.retain(|line| month.as_ref().is_none_or(|month| line.month == *month));
        let mut tx = Tx::of_engine(pool).await?;
        let today = agent_budgets::today(&mut tx).await?;
        tx.rollback().await?;
        let sum = |of: fn(&SpendLine) -> i64| lines.iter().map(of).fold(0, i64::saturating_add);
        let unknown = sum(|line| line.unknown.nano);
        Ok(Self {
            total: Usd::of(sum(|line| line.cost.nano).saturating_add(unknown)),
            unknown: Usd::of(unknown),
            by_month,
            today: Budget {
                name: "today, all shops",
                used: Some(Usd::of(today.used_nano)),
                cap: Usd::of(today.cap_nano),
            },
            used_up: UsedUp::read(pool, None).await?,
            lines,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, reason = "tests fail loudly")]

    use super::*;

    #[test]
    fn each_of_twelve_months_has_what_its_lines_come_to() {
        let line = |month: &str, cost_nano, unknown_nano| SpendLine {
            month: month.to_owned(),
            tenant: "aurora".to_owned(),
            model: "m".to_owned(),
            calls: 1,
            input_tokens: 0,
            cache_written_tokens: 0,
            cache_read_tokens: 0,
            output_tokens: 0,
            cost: Usd::of(cost_nano),
            lost_calls: 0,
            unknown: Usd::of(unknown_nano),
        };
        let lines =
            [line("2026-11", 5, 1), line("2026-11", 7, 0), line("2025-12", 3, 2), line("2025-11", 9, 9)];
        let months = by_month(&lines, NaiveDate::from_ymd_opt(2026, 11, 30).unwrap_or_default());
        assert_eq!(
            (months.len(), months[0].month.as_str(), months[11].month.as_str()),
            (12, "2025-12", "2026-11")
        );
        assert_eq!((months[11].cost.nano, months[11].unknown.nano), (12, 1));
        assert_eq!((months[0].cost.nano, months[0].unknown.nano, months[5].cost.nano), (3, 2, 0));
    }
}
