//! What taking back a month's credits would do, and whether it was done.

use serde::Serialize;
use tradeup_domain::amount_text;
use tradeup_proto::job_kind::{MONTHLY_CREDITS_TENANT, REVERSAL_TENANT};
use tradeup_store::credits::{ReversalPreview, preview_reversal};
use tradeup_store::runs::{self, RunFilter, RunView};
use tradeup_store::{Pool, Tx};
use utoipa::ToSchema;

use super::run::{id, seen};
use super::runs::Line;
use super::tenants::Shop;
use crate::access::Who;
use crate::failure::Failure;

/// Runs that can be taken back which are shown: the latest.
const MONTHS: i64 = 12;

/// What it would do in one currency; granted is the sum of the others.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReversalLine {
    pub(crate) currency: String,
    pub(crate) members: i64,
    pub(crate) credits: i64,
    pub(crate) granted: String,
    pub(crate) granted_minor: i64,
    pub(crate) to_take_back: String,
    pub(crate) to_take_back_minor: i64,
    /// By checkouts: stays.
    pub(crate) authorised: String,
    pub(crate) authorised_minor: i64,
    pub(crate) used: String,
    pub(crate) used_minor: i64,
    /// Expired, clawed back or adjusted.
    pub(crate) gone_before: String,
    pub(crate) gone_before_minor: i64,
}

/// What taking back a month's credits would do.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Reversal {
    /// The run that has granted them.
    pub(crate) run: Line,
    pub(crate) lines: Vec<ReversalLine>,
    /// Members who got them, counted once in each currency.
    pub(crate) members: i64,
    /// Sums of what would be taken back, by currency.
    pub(crate) totals: Vec<String>,
    /// The run that takes or has taken them back, if there is one: that is done once.
    pub(crate) reversed_by: Option<Line>,
}

fn line(found: ReversalPreview) -> ReversalLine {
    let text = |minor| amount_text(minor, &found.currency);
    ReversalLine {
        members: found.members,
        credits: found.lots,
        granted: text(found.granted_minor),
        granted_minor: found.granted_minor,
        to_take_back: text(found.to_reverse_minor),
        to_take_back_minor: found.to_reverse_minor,
        authorised: text(found.held_minor),
        authorised_minor: found.held_minor,
        used: text(found.used_minor),
        used_minor: found.used_minor,
        gone_before: text(found.gone_minor),
        gone_before_minor: found.gone_minor,
        currency: found.currency,
    }
}

/// The latest runs that gave a shop's members a month's credits, newest first.
pub(super) async fn monthly(pool: &Pool, handle: &str) -> Result<Vec<Line>, Failure> {
    let filter = RunFilter {
        task: Some(MONTHLY_CREDITS_TENANT.task.to_owned()),
        tenant: Some(handle.to_owned()),
        with_children: true,
        ..RunFilter::default()
    };
    Ok(runs::list(pool, &filter, MONTHS).await?.into_iter().map(Line::of).collect())
}

/// The run that takes back what this one has granted.
async fn reversed_by(pool: &Pool, shop: &Shop, granting: &RunView) -> Result<Option<Line>, Failure> {
    let key = granting.run_id.to_string();
    let filter = RunFilter {
        task: Some(REVERSAL_TENANT.task.to_owned()),
        tenant: Some(shop.handle.clone()),
        key_prefix: Some(key.clone()),
        with_children: true,
        ..RunFilter::default()
    };
    let found = runs::list(pool, &filter, 1).await?.pop();
    Ok(found.filter(|run| run.key == key).map(Line::of))
}

impl Reversal {
    pub(crate) async fn read(pool: &Pool, who: &Who, shop: &Shop, given: &str) -> Result<Self, Failure> {
        let run = seen(pool, who, id(given)?).await?;
        if run.task != MONTHLY_CREDITS_TENANT.task || run.tenant_id != Some(shop.id) {
            return Err(Failure::NotFound);
        }
        let mut tx = Tx::snapshot_of_tenant(pool, shop.id).await?;
        let found = preview_reversal(&mut tx, shop.id, run.run_id).await?;
        tx.rollback().await?;
        let reversed_by = reversed_by(pool, shop, &run).await?;
        let lines: Vec<ReversalLine> = found.into_iter().map(line).collect();
        Ok(Self {
            members: lines.iter().map(|line| line.members).sum(),
            totals: lines.iter().map(|line| line.to_take_back.clone()).collect(),
            run: Line::of(run),
            lines,
            reversed_by,
        })
    }

    /// Whether there is anything to be taken back, or, if that is to be owed, was used.
    pub(crate) fn does_something(&self, owe_used: bool) -> bool {
        self.lines.iter().any(|line| line.to_take_back_minor > 0 || (owe_used && line.used_minor > 0))
    }
}
