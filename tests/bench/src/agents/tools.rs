//! Each tool that agents may call, over a large shop: asked as they ask, in a transaction of its own.

use std::collections::BTreeMap;
use std::time::Instant;

use clap::Args;
use serde_json::{Map, json};
use tradeup_store::insights::{self, Answered, Ending, Filter, Group, Window};
use tradeup_store::snapshots::{self, SnapshotId};
use tradeup_store::{StoreError, Tx};

use super::percentiles;
use super::shop::LargeShop;
use super::snapshot::made;

/// The raw sum takes long: it is looked at once in so many rounds.
const SUM_EVERY: usize = 10;

/// Each tool over a large shop.
#[derive(Args)]
pub(crate) struct Tools {
    /// Members.
    #[arg(long, default_value_t = 1_000_000)]
    members: u64,
    /// How often each is asked.
    #[arg(long, default_value_t = 300)]
    times: usize,
}

/// A tool with arguments: those that make it look at the most, where they matter.
#[derive(Clone)]
enum Question {
    Overview,
    Trends,
    Purchases,
    Credit,
    Tiers,
    Engagement,
    Campaigns,
    AtRisk(Option<&'static str>),
    Expiring(Ending, Option<&'static str>),
    Group(Filter),
}

/// As many rows as a model may ask for.
const ROWS_MAX: i64 = 50;

impl Question {
    fn all() -> Vec<(&'static str, Self)> {
        let named = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let group = |filter| Self::Group(filter);
        let nobody = Filter::default();
        vec![
            ("get_tenant_overview", Self::Overview),
            ("get_historical_trends", Self::Trends),
            ("get_purchase_history", Self::Purchases),
            ("get_credit_activity", Self::Credit),
            ("get_tier_analysis", Self::Tiers),
            ("get_engagement_metrics", Self::Engagement),
            ("get_campaign_performance", Self::Campaigns),
            ("get_at_risk_members", Self::AtRisk(None)),
            ("get_at_risk_members, gold", Self::AtRisk(Some("gold"))),
            ("get_expiring_credits, 7 days", Self::Expiring(Ending::Days7, None)),
            ("get_expiring_credits, 30 days", Self::Expiring(Ending::Days30, None)),
            ("get_expiring_credits, 30 days, gold", Self::Expiring(Ending::Days30, Some("gold"))),
            (
                "get_member_group, tiers and segments",
                group(Filter {
                    tiers: named(&["gold", "silver"]),
                    segments: named(&["champions", "loyal"]),
                    ..nobody.clone()
                }),
            ),
            (
                "get_member_group, whose credit ends",
                group(Filter { segments: named(&["expiring"]), ..nobody.clone() }),
            ),
            ("get_member_group, any risk", group(Filter { risk_min: Some(0), ..nobody.clone() })),
            ("get_member_group, high risk", group(Filter { risk_min: Some(60), ..nobody.clone() })),
            (
                "get_member_group, a day without an order",
                group(Filter { inactive_days_min: Some(1), ..nobody.clone() }),
            ),
            ("get_member_group, any credit", group(Filter { balance_min_minor: Some(0), ..nobody.clone() })),
            (
                "get_member_group, by everything",
                group(Filter {
                    tiers: named(&["gold", "silver", "bronze", "none"]),
                    segments: named(&["all"]),
                    risk_min: Some(0),
                    inactive_days_min: Some(0),
                    balance_min_minor: Some(0),
                    spent_365d_min_minor: Some(1),
                    expiring_within_days: None,
                }),
            ),
            // Within a step of spend (store::insights): members are looked at one by one.
            (
                "get_member_group, 600 spent",
                group(Filter { spent_365d_min_minor: Some(60_001), ..nobody.clone() }),
            ),
            ("get_member_group, any spend", group(Filter { spent_365d_min_minor: Some(1), ..nobody })),
        ]
    }

    async fn ask(&self, tx: &mut Tx, shop: &LargeShop, snapshot: SnapshotId) -> Answered {
        let (tenant, window) = (shop.tenant, Window::Days90);
        match self {
            Self::Overview => insights::overview(tx, tenant, snapshot).await,
            Self::Trends => insights::trends(tx, tenant, snapshot).await,
            Self::Purchases => insights::purchases(tx, tenant, snapshot, window, Group::default()).await,
            Self::Credit => insights::credit_activity(tx, tenant, snapshot, window).await,
            Self::Tiers => insights::tiers(tx, tenant, snapshot, window).await,
            Self::Engagement => insights::engagement(tx, tenant, snapshot, window).await,
            Self::Campaigns => insights::campaigns(tx, tenant, snapshot).await,
            Self::AtRisk(tier) => insights::at_risk(tx, tenant, snapshot, *tier, ROWS_MAX).await,
            Self::Expiring(within, tier) => {
                insights::expiring(tx, tenant, snapshot, *within, *tier, ROWS_MAX).await
            }
            Self::Group(filter) => insights::audience(tx, tenant, snapshot, filter).await,
        }
    }
}

impl Tools {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let shop = LargeShop::plant(self.members).await?;
        let as_of = LargeShop::as_of()?;
        let snapshot_made = made(&shop, as_of).await?;
        let snapshot = snapshots::ensure(&shop.pool, shop.tenant, as_of).await?;
        // As autovacuum does soon after: a snapshot's rows are most of its table.
        sqlx::query("vacuum analyze").execute(&shop.world.database.admin).await?;
        let questions = Question::all();
        let mut times: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        let (mut trips, mut sums) = (Vec::new(), Vec::new());
        // All of them in turn, so that a drift of the machine falls on each.
        for round in 0..self.times {
            trips.push(self.trip(&shop).await?);
            if round % SUM_EVERY == 0 {
                sums.push(self.sum(&shop, snapshot).await?);
            }
            for (name, question) in &questions {
                times.entry(name).or_default().push(asked(question, &shop, snapshot).await?);
            }
        }
        let mut tools = Map::new();
        let mut slowest: f64 = 0.0;
        for (name, times) in times {
            let seen = percentiles(&times);
            slowest = slowest.max(seen["p99_ms"].as_f64().unwrap_or(f64::MAX));
            tools.insert(name.to_owned(), seen);
        }
        let figures = json!({ "members": self.members, "rows": shop.rows().await?, "snapshot": snapshot_made,
            "floor_round_trip": percentiles(&trips), "floor_raw_sum": percentiles(&sums), "tools": tools,
            "slowest_p99_ms": slowest });
        println!("{}", serde_json::to_string_pretty(&figures)?);
        Ok(())
    }

    /// Milliseconds of a `select 1` on the connection that all is asked on.
    async fn trip(&self, shop: &LargeShop) -> anyhow::Result<f64> {
        let begun = Instant::now();
        sqlx::query("select 1").fetch_one(&shop.pool).await?;
        Ok(ms(begun))
    }

    /// Milliseconds of what no question about any member can do without: one sum over all of them.
    async fn sum(&self, shop: &LargeShop, snapshot: SnapshotId) -> anyhow::Result<f64> {
        let mut tx = Tx::snapshot_of_tenant(&shop.pool, shop.tenant).await?;
        sqlx::query("set local enable_seqscan = on").execute(&mut *tx).await?;
        let begun = Instant::now();
        sqlx::query("select sum(risk) from member_snapshots where tenant_id = $1 and snapshot_id = $2")
            .bind(shop.tenant.0)
            .bind(snapshot.0)
            .fetch_one(&mut *tx)
            .await?;
        let took = ms(begun);
        tx.rollback().await?;
        Ok(took)
    }
}

/// Milliseconds of a question as agents ask it: its tiers are looked up, and it sees one instant.
async fn asked(question: &Question, shop: &LargeShop, snapshot: SnapshotId) -> Result<f64, StoreError> {
    let begun = Instant::now();
    let mut tx = Tx::snapshot_of_tenant(&shop.pool, shop.tenant).await?;
    insights::tier_handles(&mut tx, shop.tenant).await?;
    question.ask(&mut tx, shop, snapshot).await?;
    tx.rollback().await?;
    Ok(ms(begun))
}

fn ms(begun: Instant) -> f64 {
    begun.elapsed().as_secs_f64() * 1000.0
}
