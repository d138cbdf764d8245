//! A shop's money: what is owed to members, how months moved it, what the next month would give, and whether it was
//! proved.

mod figures;

use chrono::NaiveDate;
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use tradeup_domain::{InvalidPeriod, Period, amount_text};
use tradeup_store::{Pool, TenantId, Tx, previews, reports, schedules};
use tradeup_worker::trigger::monthly_credits_due;
use utoipa::{IntoParams, ToSchema};

use super::proofs::LedgerProof;
use super::runs::Line;
use super::tenants::Shop;
use super::when::When;
use super::{reversal, said};
use crate::failure::Failure;
use figures::Figures;
pub(crate) use figures::Reckoned;

/// The outcome of members who would be credited.
const TO_GRANT: &str = "to_grant";
/// Months that are shown of each currency: the latest.
const MONTHS: usize = 13;

#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Owed {
    pub(crate) currency: String,
    pub(crate) class: String,
    pub(crate) state: String,
    /// The month in which it ends; none for never, or not yet known.
    pub(crate) ends: Option<String>,
    pub(crate) lots: i64,
    pub(crate) amount_minor: i64,
    pub(crate) amount: String,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Month {
    pub(crate) month: String,
    #[serde(skip)]
    pub(crate) first_day: NaiveDate,
    pub(crate) currency: String,
    pub(crate) opening: String,
    pub(crate) granted: String,
    /// Signed, as it moves what is owed; so are those below.
    pub(crate) granted_minor: i64,
    pub(crate) spent: String,
    pub(crate) spent_minor: i64,
    pub(crate) expired: String,
    pub(crate) expired_minor: i64,
    /// Given back, clawed back, adjusted, moved and taken for debts, in one.
    pub(crate) other: String,
    pub(crate) closing: String,
    pub(crate) closing_minor: i64,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Outcome {
    pub(crate) outcome: String,
    pub(crate) tier: Option<String>,
    pub(crate) members: i64,
    pub(crate) amount_minor: i64,
    pub(crate) amount: String,
}

impl Outcome {
    /// For people.
    pub(crate) fn words(&self) -> &'static str {
        previews::in_words(&self.outcome)
    }
}

/// What a month's run would do.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Preview {
    pub(crate) period: String,
    pub(crate) lines: Vec<Outcome>,
    /// Members who would be credited.
    pub(crate) members: i64,
    /// Sums of what would be credited, by currency.
    pub(crate) totals: Vec<String>,
}

/// A shop's ledger.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Ledger {
    /// Of when is what is owed and what months moved; none while a page has to wait for it.
    pub(crate) as_of: Option<When>,
    pub(crate) owed: Vec<Owed>,
    pub(crate) debts: Vec<String>,
    /// By currency, newest first.
    pub(crate) months: Vec<Month>,
    /// The latest runs that gave a month's credits, newest first: 12 at most.
    pub(crate) runs: Vec<Line>,
    /// What the month that was asked for would give.
    pub(crate) preview: Option<Preview>,
    /// The month that it is.
    pub(crate) this_month: String,
    /// The latest proofs of every row, newest first: 10 at most.
    pub(crate) proofs: Vec<LedgerProof>,
}

/// Which month is asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct OfPeriod {
    #[serde(default)]
    period: String,
}

impl OfPeriod {
    /// The month, if one is asked for.
    pub(crate) fn period(&self) -> Result<Option<Period>, Failure> {
        let wrong = |error: InvalidPeriod| Failure::Invalid { field: "period", why: error.to_string() };
        said(&self.period).map(|said| said.parse().map_err(wrong)).transpose()
    }
}

/// How many members a month's run would credit now.
pub(crate) async fn to_grant(pool: &Pool, tenant: TenantId, period: Period) -> Result<i64, Failure> {
    Ok(Preview::of(pool, tenant, period).await?.members)
}

impl Ledger {
    /// As it is now.
    pub(crate) async fn of(pool: &Pool, shop: &Shop, asked: &OfPeriod) -> Result<Self, Failure> {
        let figures = Figures::read(pool, shop.id).await?;
        Self::with(pool, shop, asked, Some(&figures)).await
    }

    /// As a page shows it: of a large shop, as it was a moment ago.
    pub(crate) async fn shown(
        pool: &Pool,
        reckoned: &Reckoned,
        shop: &Shop,
        asked: &OfPeriod,
    ) -> Result<Self, Failure> {
        let figures = reckoned.of(pool, shop.id).await?;
        Self::with(pool, shop, asked, figures.as_deref()).await
    }

    async fn with(
        pool: &Pool,
        shop: &Shop,
        asked: &OfPeriod,
        figures: Option<&Figures>,
    ) -> Result<Self, Failure> {
        let now = schedules::clock(pool).await?;
        // It looks at every member: of a large shop that takes its time.
        let preview = match asked.period()? {
            None => None,
            Some(period) => Some(Preview::of(pool, shop.id, period).await?),
        };
        Ok(Self {
            preview,
            proofs: LedgerProof::latest(pool, &shop.handle).await?,
            runs: reversal::monthly(pool, &shop.handle).await?,
            this_month: Period::of(now, Tz::UTC).to_string(),
            as_of: figures.map(|figures| figures.as_of),
            owed: figures.map(|figures| figures.owed.clone()).unwrap_or_default(),
            debts: figures.map(|figures| figures.debts.clone()).unwrap_or_default(),
            months: figures.map(|figures| figures.months.clone()).unwrap_or_default(),
        })
    }
}

fn of_owed(line: reports::LiabilityLine) -> Owed {
    Owed {
        amount: amount_text(line.amount_minor, &line.currency),
        class: line.value_class,
        state: line.state,
        ends: line.expiry_month.map(|month| month.format("%Y-%m").to_string()),
        lots: line.lots,
        amount_minor: line.amount_minor,
        currency: line.currency,
    }
}

/// Of lines by currency, oldest first.
fn latest(lines: &[reports::ActivityLine]) -> Vec<Month> {
    let currencies = lines.chunk_by(|a, b| a.currency == b.currency);
    currencies.flat_map(|lines| lines.iter().rev().take(MONTHS)).map(of_month).collect()
}

fn of_month(line: &reports::ActivityLine) -> Month {
    let text = |minor| amount_text(minor, &line.currency);
    let other = line.reverted_minor
        + line.clawed_minor
        + line.adjusted_minor
        + line.transferred_minor
        + line.recovered_minor;
    Month {
        month: line.month.format("%Y-%m").to_string(),
        first_day: line.month,
        opening: text(line.opening_minor),
        granted: text(line.granted_minor),
        granted_minor: line.granted_minor,
        spent: text(line.spent_minor),
        spent_minor: line.spent_minor,
        expired: text(line.expired_minor),
        expired_minor: line.expired_minor,
        other: text(other),
        closing: text(line.closing_minor),
        closing_minor: line.closing_minor,
        currency: line.currency.clone(),
    }
}

impl Preview {
    async fn of(pool: &Pool, tenant: TenantId, period: Period) -> Result<Self, Failure> {
        let mut tx = Tx::snapshot_of_tenant(pool, tenant).await?;
        let lines = previews::monthly(&mut tx, tenant, period, monthly_credits_due(period), false).await?;
        tx.rollback().await?;
        Ok(preview(period, lines))
    }
}

fn preview(period: Period, lines: Vec<previews::PreviewLine>) -> Preview {
    let mut totals: std::collections::BTreeMap<String, i64> = std::collections::BTreeMap::new();
    let mut members = 0;
    let mut shown = Vec::with_capacity(lines.len());
    for line in lines {
        let currency = line.currency.unwrap_or_default();
        if line.outcome == TO_GRANT {
            members += line.members;
            *totals.entry(currency.clone()).or_default() += line.amount_minor;
        }
        shown.push(Outcome {
            amount: if line.amount_minor == 0 {
                String::new()
            } else {
                amount_text(line.amount_minor, &currency)
            },
            outcome: line.outcome,
            tier: line.tier,
            members: line.members,
            amount_minor: line.amount_minor,
        });
    }
    let totals = totals.into_iter().map(|(currency, minor)| amount_text(minor, &currency)).collect();
    Preview { period: period.to_string(), lines: shown, members, totals }
}
