//! Plants the shops that agents are evaluated on into the database of `TRADEUP_DATABASE_URL`, as the superuser of
//! `TRADEUP_ADMIN_DATABASE_URL`: it writes what no service may. What is there already is left alone. For a database that
//! is there to be tried out, never for one with customers.

use std::process::ExitCode;
use std::str::FromStr as _;

use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tradeup_harness::{Database, plant_evaluation};

#[tokio::main]
async fn main() -> ExitCode {
    match plant().await {
        Ok(planted) => {
            println!("planted {}: {}", planted.len(), planted.join(" "));
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("plant: {problem}");
            ExitCode::FAILURE
        }
    }
}

async fn plant() -> Result<Vec<String>, String> {
    let [app_url, owner_url, admin_url] =
        ["TRADEUP_DATABASE_URL", "TRADEUP_OWNER_DATABASE_URL", "TRADEUP_ADMIN_DATABASE_URL"].map(|name| {
            std::env::var(name).map_err(|_missing| format!("set {name}; deploy/local/servers writes it"))
        });
    let (app_url, owner_url, admin_url) = (app_url?, owner_url?, admin_url?);
    let app = options("TRADEUP_DATABASE_URL", &app_url)?;
    let name = app.get_database().unwrap_or("tradeup").to_owned();
    // A superuser's address names the database for keeping house.
    let admin = pool(options("TRADEUP_ADMIN_DATABASE_URL", &admin_url)?.database(&name));
    let members: i64 = sqlx::query_scalar(
        "select count(*) from members m join tenants t on t.id = m.tenant_id where t.shop_domain is not null",
    )
    .fetch_one(&admin)
    .await
    .map_err(|error| format!("{name}: {error}"))?;
    let database = Database { app: pool(app), admin, app_url, owner_url };
    if members > 0 && !std::env::args().any(|argument| argument == "--beside-customers") {
        return Err(format!(
            "{name} has {members} members of shops that are connected; if it is a demonstration, say --beside-customers"
        ));
    }
    Ok(plant_evaluation(&database).await)
}

fn options(name: &str, url: &str) -> Result<PgConnectOptions, String> {
    PgConnectOptions::from_str(url).map_err(|error| format!("{name}: {error}"))
}

fn pool(options: PgConnectOptions) -> PgPool {
    PgPoolOptions::new().max_connections(2).connect_lazy_with(options)
}
