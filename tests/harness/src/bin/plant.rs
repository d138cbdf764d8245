//! Plants shops of which it is known what is to be found in them, into the database of `TRADEUP_DATABASE_URL`, as the superuser
//! of `TRADEUP_ADMIN_DATABASE_URL`: it writes what no service may. Those that agents are evaluated on, or with `--shop
//! HANDLE` one whose members have ordered for years until now, some of whom are about to leave. What is there already is
//! left alone. For a database that is there to be tried out, never for one with customers.

use std::process::ExitCode;
use std::str::FromStr as _;

use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tradeup_harness::{Database, Planting, plant_evaluation};

/// Members of a shop that is asked for by its handle.
const MEMBERS: u64 = 900;

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
    let database = Database::existing(app_url, owner_url, admin, pool(app));
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if members > 0 && !arguments.iter().any(|argument| argument == "--beside-customers") {
        return Err(format!(
            "{name} has {members} members of shops that are connected; if it is a demonstration, say --beside-customers"
        ));
    }
    match arguments.iter().position(|argument| argument == "--shop") {
        None => Ok(plant_evaluation(&database).await),
        Some(at) => {
            let handle = arguments.get(at + 1).ok_or("--shop wants a handle, like --shop harbor-records")?;
            Ok(plant_one(&database, handle).await?.into_iter().collect())
        }
    }
}

/// A shop as of now, if there is none of this handle: a quarter of its regular members have just stopped, and a third have
/// credit that is about to end.
async fn plant_one(database: &Database, handle: &str) -> Result<Option<String>, String> {
    let (is_there, as_of): (bool, String) = sqlx::query_as(
        "select exists (select from tenants where handle = $1),
             to_char(now() at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')",
    )
    .bind(handle)
    .fetch_one(&database.admin)
    .await
    .map_err(|error| error.to_string())?;
    if is_there {
        return Ok(None);
    }
    Planting { as_of, expiring: 330, ..Planting::churn_wave(handle, MEMBERS) }.plant(database).await;
    Ok(Some(handle.to_owned()))
}

fn options(name: &str, url: &str) -> Result<PgConnectOptions, String> {
    PgConnectOptions::from_str(url).map_err(|error| format!("{name}: {error}"))
}

fn pool(options: PgConnectOptions) -> PgPool {
    PgPoolOptions::new().max_connections(2).connect_lazy_with(options)
}
