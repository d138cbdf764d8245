//! Shops that are planted by SQL: for millions of members, whom an import would take minutes to bring in.

use sqlx::AssertSqlSafe;
use tradeup_harness::World;

/// Plants so many shops of so many members each, all of them in one tier for long. Their handles begin with `name`.
///
/// # Errors
/// As any statement.
pub(crate) async fn plant(
    world: &World,
    name: &str,
    shops: u64,
    members: u64,
    state: &str,
) -> anyhow::Result<()> {
    let text = include_str!("plant.sql")
        .replace("{name}", name)
        .replace("{state}", state)
        .replace("{shops}", &shops.to_string())
        .replace("{members}", &members.to_string());
    sqlx::raw_sql(AssertSqlSafe(text)).execute(&world.database.admin).await?;
    Ok(())
}
