//! Campaigns that somebody has approved, in a list: of all shops, or of one.

use chrono::{DateTime, Datelike as _, Utc};
use serde::{Deserialize, Serialize};
use tradeup_domain::amount_text;
use tradeup_store::campaigns::{self, Campaign, CampaignFilter, CampaignId};
use tradeup_store::{Pool, Tx};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::carried::{CarriedOut, limit};
use crate::access::Who;
use crate::failure::Failure;
use crate::views::tenants::Shop;
use crate::views::when::When;
use crate::views::{cut, query, said};

/// Campaigns of a page.
const PAGE: u8 = 50;

/// Every state that a campaign may be in, and how it is said.
pub(crate) const STATES: [(&str, &str); 6] = [
    ("approved", "about to begin"),
    ("running", "being carried out"),
    ("done", "carried out"),
    ("failed", "not carried out in full"),
    ("cancelled", "its run was cancelled"),
    ("stopped", "stopped"),
];

/// What a list of campaigns is narrowed by, as the address has it.
#[derive(Clone, Debug, Default, Deserialize, Serialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(crate) struct CampaignsAsked {
    /// A shop's handle.
    pub(crate) tenant: String,
    /// `approved` (about to begin), `running`, `done`, `failed` (part of it is a dead letter), `cancelled` (its run was) or
    /// `stopped`.
    pub(crate) state: String,
    /// `next` of the page before.
    pub(crate) before: String,
}

impl CampaignsAsked {
    /// Whether it is narrowed, but for the shop.
    pub(crate) fn narrows(&self) -> bool {
        said(&self.state).is_some() || said(&self.before).is_some()
    }

    /// What the address of the page behind this mark asks.
    pub(crate) fn after(&self, before: &str) -> Result<String, Failure> {
        query(&Self { before: before.to_owned(), ..self.clone() })
    }
}

/// Where a page ends: when the last campaign was approved, and its id.
fn mark(at: DateTime<Utc>, id: CampaignId) -> String {
    format!("{}_{id}", When(at).machine())
}

fn place(mark: &str) -> Option<(DateTime<Utc>, CampaignId)> {
    let (at, id) = mark.split_once('_')?;
    let at: DateTime<Utc> = at.parse().ok()?;
    // The database knows fewer years.
    (1970..10_000).contains(&at.year()).then_some(())?;
    Some((at, CampaignId(Uuid::parse_str(id).ok()?)))
}

/// A campaign in one line.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct CampaignLine {
    pub(crate) id: String,
    pub(crate) tenant: String,
    /// The run of the plan that proposed it.
    pub(crate) plan: String,
    pub(crate) name: String,
    /// `bonus_credit`, `extension` or `mail`.
    pub(crate) kind: String,
    /// For whom, as of the plan.
    pub(crate) segment: String,
    /// As in a list's `state`.
    pub(crate) state: String,
    /// What was given, or kept alive.
    pub(crate) spent: String,
    pub(crate) spent_minor: i64,
    /// The most that may be; none for an extension without a limit of its own, which gives nothing anew.
    pub(crate) limit: Option<String>,
    pub(crate) cost_limit_minor: i64,
    pub(crate) currency: String,
    pub(crate) approved_by: String,
    pub(crate) approved: When,
    /// As of when it was measured.
    pub(crate) measured: Option<When>,
}

impl CampaignLine {
    fn of(line: campaigns::CampaignLine) -> Self {
        Self {
            id: line.id.to_string(),
            tenant: line.tenant,
            plan: line.run_id.to_string(),
            spent: amount_text(line.spent_minor, &line.currency),
            spent_minor: line.spent_minor,
            limit: limit(&line.kind, line.cost_limit_minor, &line.currency),
            cost_limit_minor: line.cost_limit_minor,
            name: line.name,
            kind: line.kind,
            segment: line.segment,
            state: line.state,
            currency: line.currency,
            approved_by: line.approved_by,
            approved: When(line.approved_at),
            measured: line.measured_at.map(When),
        }
    }

    /// Its state in words.
    pub(crate) fn state_words(&self) -> &str {
        STATES.iter().find(|(state, _)| *state == self.state).map_or(&self.state, |(_, words)| words)
    }

    /// What it does, and for whom, in words.
    pub(crate) fn words(&self) -> String {
        let does = match self.kind.as_str() {
            "bonus_credit" => "bonus credit",
            "extension" => "credit ends later",
            _ => "a mail",
        };
        format!("{does}, to {}", self.segment.replace('_', " "))
    }
}

/// A page of campaigns, the latest approval first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Campaigns {
    pub(crate) campaigns: Vec<CampaignLine>,
    /// What to give as `before` for the next page.
    pub(crate) next: Option<String>,
}

impl Campaigns {
    /// Those that may be seen.
    pub(crate) async fn read(pool: &Pool, who: &Who, asked: &CampaignsAsked) -> Result<Self, Failure> {
        let tenant = who.narrowed(said(&asked.tenant));
        let state = said(&asked.state);
        let before = said(&asked.before).map(|given| {
            let why = format!("{given:?} is no `next` of a page");
            place(&given).ok_or(Failure::Invalid { field: "before", why })
        });
        let filter = CampaignFilter {
            tenant: tenant.as_deref(),
            state: state.as_deref(),
            before: before.transpose()?,
        };
        let mut found = campaigns::list(pool, &filter, i64::from(PAGE) + 1).await?;
        let more = cut(&mut found, usize::from(PAGE));
        let next = found.last().filter(|_| more).map(|last| mark(last.approved_at, last.id));
        Ok(Self { campaigns: found.into_iter().map(CampaignLine::of).collect(), next })
    }
}

/// A campaign: what was approved, and what became of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OneCampaign {
    pub(crate) tenant: String,
    /// The run of the plan that proposed it.
    pub(crate) plan: String,
    /// Its key there.
    pub(crate) key: String,
    pub(crate) name: String,
    /// `bonus_credit`, `extension` or `mail`.
    pub(crate) kind: String,
    /// For whom, as of the plan.
    pub(crate) segment: String,
    /// In which tier; none: in any.
    pub(crate) tier: Option<String>,
    pub(crate) as_of: When,
    pub(crate) subject: String,
    pub(crate) body: String,
    pub(crate) currency: String,
    /// What each is given; 0 unless it gives bonus credit.
    pub(crate) credit_minor: i64,
    pub(crate) credit_ends_within_days: i32,
    /// By how many days credit ends later; 0 unless it extends.
    pub(crate) extend_days: i32,
    /// Who of ten thousand is left out.
    pub(crate) hold_out_bps: i32,
    pub(crate) cost_limit_minor: i64,
    pub(crate) approved_by: String,
    pub(crate) approved: When,
    #[serde(flatten)]
    pub(crate) carried: CarriedOut,
}

impl OneCampaign {
    pub(crate) async fn read(pool: &Pool, shop: &Shop, given: &str) -> Result<Self, Failure> {
        let id = Uuid::parse_str(given).map(CampaignId).map_err(|_malformed| Failure::NotFound)?;
        let mut tx = Tx::snapshot_of_tenant(pool, shop.id).await?;
        let campaign = campaigns::get(&mut tx, shop.id, id).await?.ok_or(Failure::NotFound)?;
        let carried = CarriedOut::read(&mut tx, shop.id, &campaign).await?;
        tx.rollback().await?;
        Ok(Self::of(shop.handle.clone(), campaign, carried))
    }

    fn of(tenant: String, campaign: Campaign, carried: CarriedOut) -> Self {
        Self {
            tenant,
            plan: campaign.run_id.to_string(),
            cost_limit_minor: campaign.cost_limit_minor,
            key: campaign.key,
            name: campaign.name,
            kind: campaign.kind,
            segment: campaign.segment,
            tier: campaign.tier,
            as_of: When(campaign.as_of),
            subject: campaign.subject,
            body: campaign.body,
            currency: campaign.currency,
            credit_minor: campaign.credit_minor,
            credit_ends_within_days: campaign.credit_ends_within_days,
            extend_days: campaign.extend_days,
            hold_out_bps: campaign.hold_out_bps,
            approved_by: campaign.approved_by,
            approved: When(campaign.approved_at),
            carried,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::allow_attributes, reason = "tests fail loudly")]

    use super::*;

    #[test]
    fn a_page_goes_on_exactly_where_the_one_before_ended() {
        let at: DateTime<Utc> = "2026-11-29T06:10:11.000120Z".parse().unwrap();
        let id = CampaignId(Uuid::from_u128(7));
        assert_eq!(place(&mark(at, id)), Some((at, id)));
        let far = format!("+262000-01-01T00:00:00Z_{id}");
        for nonsense in
            ["", "_", "2026-11-29T06:10:11Z", "yesterday_0197", "2026-11-29T06:10:11Z_c1", far.as_str()]
        {
            assert_eq!(place(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn an_extension_may_have_no_limit_of_its_own() {
        assert_eq!(limit("extension", 0, "USD"), None);
        assert_eq!(limit("extension", 500, "USD").as_deref(), Some("5.00 USD"));
        assert_eq!(limit("mail", 0, "USD").as_deref(), Some("0.00 USD"));
    }
}
