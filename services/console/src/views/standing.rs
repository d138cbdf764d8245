//! How a shop stands: the rules in force, its wallet, and what is set for it alone.

use std::collections::BTreeSet;

use serde::Serialize;
use tradeup_domain::amount_text;
use tradeup_proto::job_kind::WALLET_RECONCILIATION_TENANT;
use tradeup_store::rules::{self, RuleVersion};
use tradeup_store::runs::{self, RunFilter};
use tradeup_store::{Pool, Tx, limits, pushes, schedules, shops, tenants, wallets};
use utoipa::ToSchema;

use super::holds::Limit;
use super::runs::Line;
use super::tenants::Shop;
use super::when::When;
use crate::failure::Failure;

/// A version of a shop's rules that is in force, or is to be.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ShopRule {
    pub(crate) kind: String,
    pub(crate) version: i32,
    pub(crate) since: When,
    pub(crate) set_by: String,
    pub(crate) reason: Option<String>,
    /// It is in force now, and not from an instant to come.
    pub(crate) in_force: bool,
}

/// What the shop is to be told of credit, by state.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PushState {
    pub(crate) state: String,
    pub(crate) currency: String,
    pub(crate) pushes: i64,
    pub(crate) credits: String,
    pub(crate) credits_minor: i64,
    pub(crate) debits: String,
    pub(crate) debits_minor: i64,
    pub(crate) oldest: When,
}

/// Where its shop is, and whether it lets us in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Connection {
    pub(crate) domain: String,
    pub(crate) connected: bool,
    pub(crate) error_code: Option<String>,
    pub(crate) error: Option<String>,
    pub(crate) access_expires: Option<When>,
    /// The token is renewed by itself.
    pub(crate) renews: bool,
}

/// What its shop knows of credit.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WalletState {
    /// `none`, `ledger` or `shopify`: who decides what can be spent.
    pub(crate) authority: String,
    /// None if it was never connected.
    pub(crate) connection: Option<Connection>,
    pub(crate) pushes: Vec<PushState>,
    /// Members of whom shop and ledger say different things.
    pub(crate) differences: i64,
    /// The latest run that has compared the two.
    pub(crate) compared: Option<Line>,
}

/// A schedule of the shop's own.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ShopSchedule {
    pub(crate) name: String,
    pub(crate) task: String,
    pub(crate) cron: String,
    pub(crate) zone: String,
    pub(crate) next: Option<When>,
    pub(crate) paused_by: Option<String>,
}

/// How a shop stands.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Standing {
    pub(crate) suspended: Option<When>,
    pub(crate) uninstalled: Option<When>,
    /// By kind; without one, the product's own is in force.
    pub(crate) rules: Vec<ShopRule>,
    pub(crate) wallet: WalletState,
    /// Most runs of a task that it may have, where that is set for it alone.
    pub(crate) limits: Vec<Limit>,
    pub(crate) schedules: Vec<ShopSchedule>,
}

/// Of each kind the version in force, and those that are to come.
fn in_force(mut versions: Vec<RuleVersion>, now: When) -> Vec<ShopRule> {
    versions.sort_by(|a, b| {
        a.kind.cmp(&b.kind).then_with(|| (b.valid_from, b.version).cmp(&(a.valid_from, a.version)))
    });
    let mut found = BTreeSet::new();
    let mut shown = Vec::new();
    for version in versions {
        let in_force = version.valid_from <= now.0;
        // The latest that has begun; those before it are history.
        if in_force && !found.insert(version.kind.clone()) {
            continue;
        }
        shown.push(ShopRule {
            kind: version.kind,
            version: version.version,
            since: When(version.valid_from),
            set_by: version.set_by,
            reason: version.reason,
            in_force,
        });
    }
    shown
}

fn push(sum: pushes::PushSum) -> PushState {
    PushState {
        credits: amount_text(sum.credit_minor, &sum.currency),
        debits: amount_text(sum.debit_minor, &sum.currency),
        state: sum.state,
        pushes: sum.pushes,
        credits_minor: sum.credit_minor,
        debits_minor: sum.debit_minor,
        oldest: When(sum.oldest_at),
        currency: sum.currency,
    }
}

impl Standing {
    pub(crate) async fn read(pool: &Pool, shop: &Shop) -> Result<Self, Failure> {
        let mut tx = Tx::snapshot_of_tenant(pool, shop.id).await?;
        let now = When(schedules::now(&mut tx).await?);
        let stopped = tenants::stopped(&mut tx, shop.id).await?;
        let versions = rules::versions(&mut tx, shop.id, None).await?;
        let connection = shops::get(&mut tx, shop.id).await?;
        let sums = pushes::sums(&mut tx, shop.id, None).await?;
        let differences = wallets::count_differences(&mut tx, shop.id).await?;
        let limits = limits::of_tenant(&mut tx, shop.id).await?;
        let own = tenants::own_schedules(&mut tx, shop.id).await?;
        tx.rollback().await?;
        let comparing = RunFilter {
            task: Some(WALLET_RECONCILIATION_TENANT.task.to_owned()),
            tenant: Some(shop.handle.clone()),
            with_children: true,
            ..RunFilter::default()
        };
        let compared = runs::list(pool, &comparing, 1).await?.pop();
        let connection = connection.map(|found| Connection {
            domain: found.domain,
            connected: found.is_connected,
            error_code: found.error_code,
            error: found.error,
            access_expires: found.pair.access_expires_at.map(When),
            renews: found.pair.refresh.is_some(),
        });
        let schedule = |own: tenants::OwnSchedule| ShopSchedule {
            name: own.name,
            task: own.task,
            cron: own.cron,
            zone: own.zone,
            next: own.next_fire_at.map(When),
            paused_by: own.paused_by,
        };
        Ok(Self {
            suspended: stopped.suspended_at.map(When),
            uninstalled: stopped.uninstalled_at.map(When),
            rules: in_force(versions, now),
            wallet: WalletState {
                authority: shop.wallet.clone(),
                connection,
                pushes: sums.into_iter().map(push).collect(),
                differences,
                compared: compared.map(Line::of),
            },
            limits: limits.into_iter().map(Limit::of).collect(),
            schedules: own.into_iter().map(schedule).collect(),
        })
    }
}
