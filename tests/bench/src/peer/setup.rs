//! The product beside the schema of the comparison, in one database.

use std::time::Duration;

use sqlx::{AssertSqlSafe, PgPool};
use tradeup_broker::{Broker, Topology};

use super::{ROLE, Slot};

/// Roles, as whoever installs the product makes them.
const ROLES: &str = include_str!("../../../../deploy/postgres/roles.sql");
/// Default of the services.
const ACK_WAIT: Duration = Duration::from_secs(15);

pub(super) async fn run(slot: &Slot) -> anyhow::Result<()> {
    let database = PgPool::connect(slot.superuser()?.as_str()).await?;
    sqlx::raw_sql(ROLES).execute(&database).await?;
    tradeup_store::migrate(&slot.database_as("tradeup_owner")?).await?;
    sqlx::raw_sql(AssertSqlSafe(rights())).execute(&database).await?;
    // The shops of the comparison are tenants of the product, by the same numbers.
    sqlx::query(include_str!("tenants.sql")).execute(&database).await?;
    sqlx::raw_sql("analyze tenants").execute(&database).await?;
    database.close().await;

    let broker = Broker::connect(&slot.nats(), "bench").await?;
    Topology { replicas: 1, ack_wait: ACK_WAIT }.apply(&broker).await?;
    broker.close().await;
    Ok(())
}

/// A role that is subject to row security as the services are, and may do what the comparison's statement does.
fn rights() -> String {
    format!(
        "do $$ begin
             if to_regrole('{ROLE}') is null then create role {ROLE} login; end if;
             execute format('grant connect on database %I to {ROLE}', current_database());
         end $$;
         grant tradeup_scheduler, tradeup_credits to {ROLE};
         grant usage on schema loyalty to {ROLE};
         grant select on loyalty.tenants to {ROLE};
         grant select, update on loyalty.members to {ROLE};
         grant select, insert on loyalty.ledger_entries to {ROLE};"
    )
}
