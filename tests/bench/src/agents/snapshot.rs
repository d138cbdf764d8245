//! How long a snapshot of a large shop takes, beside reading the same tables once and writing as many rows.

use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use serde_json::{Value, json};
use tradeup_store::snapshots;

use super::round;
use super::shop::LargeShop;

/// The snapshot of a large shop, of a few instants one after the other.
#[derive(Args)]
pub(crate) struct Snapshot {
    /// Members.
    #[arg(long, default_value_t = 1_000_000)]
    members: u64,
    /// How many are made.
    #[arg(long, default_value_t = 3)]
    rounds: i32,
}

impl Snapshot {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let shop = LargeShop::plant(self.members).await?;
        let mut rounds = Vec::new();
        for round in 0..self.rounds {
            // Another instant, or it is there already.
            let as_of = LargeShop::as_of()? + TimeDelta::hours(round.into());
            rounds.push(made(&shop, as_of).await?);
        }
        let figures = json!({ "members": self.members, "rows": shop.rows().await?, "rounds": rounds });
        println!("{}", serde_json::to_string_pretty(&figures)?);
        Ok(())
    }
}

/// Makes a snapshot: its seconds, and those of its floor, which is all that it has to read and to write, once each.
pub(super) async fn made(shop: &LargeShop, as_of: DateTime<Utc>) -> anyhow::Result<Value> {
    let reading = read(shop).await?;
    let begun = Instant::now();
    snapshots::ensure(&shop.pool, shop.tenant, as_of).await?;
    let seconds = begun.elapsed().as_secs_f64();
    let writing = written(shop).await?;
    Ok(json!({ "seconds": round(seconds), "floor_seconds": round(reading + writing),
        "of_which_reading": round(reading), "ratio": round(seconds / (reading + writing)) }))
}

/// Each table that a snapshot is of, from end to end.
async fn read(shop: &LargeShop) -> anyhow::Result<f64> {
    let begun = Instant::now();
    let statement = "select (select sum(base_minor) from orders)::text, (select sum(eligible_minor) from order_refunds)::text,
            (select sum(remaining_minor) from lots)::text, (select sum(amount_minor) from ledger_entries)::text,
            (select max(valid_from) from memberships)::text, (select max(created_at) from members)::text";
    sqlx::query(statement).fetch_one(&shop.world.database.admin).await?;
    Ok(begun.elapsed().as_secs_f64())
}

/// The members of the newest snapshot, into a table with the same indexes.
async fn written(shop: &LargeShop) -> anyhow::Result<f64> {
    let admin = &shop.world.database.admin;
    sqlx::query("create table written (like member_snapshots including all)").execute(admin).await?;
    let begun = Instant::now();
    sqlx::query(
        "insert into written select m.* from member_snapshots m
         where (m.tenant_id, m.snapshot_id) = (select tenant_id, id from snapshots order by made_at desc limit 1)",
    )
    .execute(admin)
    .await?;
    let seconds = begun.elapsed().as_secs_f64();
    sqlx::query("drop table written").execute(admin).await?;
    Ok(seconds)
}
