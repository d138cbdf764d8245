//! What a plan may name and how far an offer may go.

use serde::{Deserialize, Serialize};
use tradeup_domain::figure::{Figure, Unit};

/// The segments that a campaign may be for. The first eight are those of recency, frequency and spend; `expiring` are
/// members whose credit ends soon; `all` is everyone.
pub const SEGMENTS: [&str; 10] = [
    "champions",
    "loyal",
    "promising",
    "new",
    "needs_attention",
    "at_risk",
    "hibernating",
    "lost",
    "expiring",
    "all",
];

/// Which way a measure gets better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// More is better.
    Up,
    /// Less is better.
    Down,
    /// It depends.
    Either,
}

/// Something that can be counted again when a KPI's time is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measure {
    /// Its name, which is that of the fact that is the baseline.
    pub name: &'static str,
    /// Its unit.
    pub unit: Unit,
    /// Which way it gets better.
    pub better: Better,
}

impl Measure {
    const fn new(name: &'static str, unit: Unit, better: Better) -> Self {
        Self { name, unit, better }
    }

    /// The measure with a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        KPI_MEASURES.into_iter().find(|measure| measure.name == name)
    }

    /// Whether it is of one tier, which its baseline names, and not of the whole shop.
    #[must_use]
    pub fn is_of_a_tier(self) -> bool {
        self.name == TIER_MEMBERS
    }

    /// Whether this figure is a baseline of it: what is counted again in time, of the same tier or of the whole shop.
    #[must_use]
    pub fn is_measured_by(self, figure: &Figure) -> bool {
        figure.name == self.name && figure.unit == self.unit && figure.tier.is_some() == self.is_of_a_tier()
    }
}

const TIER_MEMBERS: &str = "tier_members";

/// The measures that a KPI may have.
pub const KPI_MEASURES: [Measure; 9] = [
    Measure::new("active_members_90d", Unit::Count, Better::Up),
    Measure::new("at_risk_members", Unit::Count, Better::Down),
    Measure::new("retention_90d_bps", Unit::Bps, Better::Up),
    Measure::new("orders_90d", Unit::Count, Better::Up),
    Measure::new("revenue_90d_minor", Unit::Minor, Better::Up),
    Measure::new("credit_redemption_90d_bps", Unit::Bps, Better::Up),
    Measure::new("expiring_unused_30d_minor", Unit::Minor, Better::Down),
    Measure::new("members_total", Unit::Count, Better::Up),
    Measure::new(TIER_MEMBERS, Unit::Count, Better::Either),
];

/// The shop's limits and names, which no plan may go beyond.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// The shop's currency, which all amounts of offers are in.
    pub currency: String,
    /// The handles of the shop's tiers.
    pub tiers: Vec<String>,
    /// The largest credit for one member, in minor units.
    pub credit_minor_max: i64,
    /// The most that one campaign may cost, in minor units.
    pub campaign_cost_minor_max: i64,
    /// The most days by which credit may be extended.
    pub extend_days_max: i64,
    /// The smallest share of an audience that is held out, in basis points.
    pub hold_out_bps_min: i64,
    /// The largest share of an audience that is held out, in basis points.
    pub hold_out_bps_max: i64,
    /// The smallest audience: smaller groups would describe persons.
    pub audience_min: i64,
    /// How long the plan may take, in days; none when nobody asked for a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeline_days: Option<i64>,
    /// Whether campaigns are asked for: an analysis may do without.
    pub campaigns_wanted: bool,
}

impl Limits {
    /// The defaults: no tiers, 20.00 for a member and 1,000.00 for a campaign where minor units are cents.
    #[must_use]
    pub fn of(currency: &str) -> Self {
        Self {
            currency: currency.to_owned(),
            tiers: Vec::new(),
            credit_minor_max: 2_000,
            campaign_cost_minor_max: 100_000,
            extend_days_max: 90,
            hold_out_bps_min: 500,
            hold_out_bps_max: 5_000,
            audience_min: 5,
            timeline_days: None,
            campaigns_wanted: true,
        }
    }
}
