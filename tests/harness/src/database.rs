//! A database for each test, cloned from a migrated template.

use std::collections::HashMap;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, PgPool};

use crate::repository;

/// Serializes the making of the template.
const TEMPLATE_LOCK: i64 = 0x7472_6164;

/// A database of a test's own. Gone with the last handle on it, unless the test fails: then it can be looked into.
#[derive(Clone, Debug)]
pub struct Database {
    /// URL with the role that services use.
    pub app_url: String,
    /// URL with the role that owns the schema.
    pub owner_url: String,
    /// A superuser's connections: sees everything, may change anything. For looking and breaking.
    pub admin: PgPool,
    /// Connections with the role that services use.
    pub app: PgPool,
    ends: Option<Arc<Ends>>,
}

/// A thousand databases of 16 MB fill the disk of a small machine.
#[derive(Debug)]
struct Ends {
    server_url: String,
    name: String,
}

impl Drop for Ends {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return eprintln!("the test's database is kept: {}", self.name);
        }
        let (url, name) = (self.server_url.clone(), self.name.clone());
        // Within the runtime of a test nothing can be waited for.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let mut admin = PgConnection::connect(&url).await.map_err(std::io::Error::other)?;
                let statement = format!("drop database {name} with (force)");
                sqlx::raw_sql(AssertSqlSafe(statement))
                    .execute(&mut admin)
                    .await
                    .map_err(std::io::Error::other)
            })
        });
        // A test that has stopped its server is none the worse for it.
        if let Ok(Err(error)) = dropped.join() {
            eprintln!("database {} is left behind: {error}", self.name);
        }
    }
}

impl Database {
    /// Makes one on these servers.
    pub async fn create(environment: &HashMap<String, String>) -> Self {
        let admin_url = &environment["TRADEUP_ADMIN_DATABASE_URL"];
        let mut admin = PgConnection::connect(admin_url).await.expect("the test server answers");
        let template = ensure_template(&mut admin, environment).await;
        Self::clone_of(admin, &template, environment).await
    }

    /// A copy of this database as it is now. Whoever is connected to it is cut off.
    pub async fn copy(&self, environment: &HashMap<String, String>) -> Self {
        let admin_url = &environment["TRADEUP_ADMIN_DATABASE_URL"];
        let mut admin = PgConnection::connect(admin_url).await.expect("the test server answers");
        let name = self.app_url.rsplit_once('/').unwrap().1.to_owned();
        // Nobody may come back between the cut and the copy.
        run(&mut admin, format!("alter database {name} with allow_connections false")).await;
        let cut = format!("select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'");
        run(&mut admin, cut).await;
        let copy = Self::clone_of(admin, &name, environment).await;
        let mut admin = PgConnection::connect(admin_url).await.unwrap();
        run(&mut admin, format!("alter database {name} with allow_connections true")).await;
        copy
    }

    async fn clone_of(
        mut admin: PgConnection,
        template: &str,
        environment: &HashMap<String, String>,
    ) -> Self {
        let admin_url = &environment["TRADEUP_ADMIN_DATABASE_URL"];
        let name = format!("t_{}", uuid::Uuid::now_v7().simple());
        run(&mut admin, format!("create database {name} template {template} owner tradeup_owner")).await;
        admin.close().await.unwrap();

        let app_url = with_database(&environment["TRADEUP_DATABASE_URL"], &name);
        let owner_url = with_database(&environment["TRADEUP_OWNER_DATABASE_URL"], &name);
        let pool = |url: &str| {
            let options = PgConnectOptions::from_str(url).unwrap().disable_statement_logging();
            PgPoolOptions::new().max_connections(4).connect_lazy_with(options)
        };
        let admin = pool(&with_database(admin_url, &name));
        let ends = Some(Arc::new(Ends { server_url: admin_url.clone(), name }));
        Self { app: pool(&app_url), admin, app_url, owner_url, ends }
    }

    /// One that is there already, and stays.
    #[must_use]
    pub fn existing(app_url: String, owner_url: String, admin: PgPool, app: PgPool) -> Self {
        Self { app_url, owner_url, admin, app, ends: None }
    }

    /// Leaves the database when the last handle is gone, to whoever is told its URL.
    pub fn keep(&self) {
        std::mem::forget(self.ends.clone());
    }
}

/// The template holds the schema of the migrations as they are; its name changes with them.
async fn ensure_template(admin: &mut PgConnection, environment: &HashMap<String, String>) -> String {
    let template = format!("template_{}", migrations_digest());
    sqlx::query("select pg_advisory_lock($1)").bind(TEMPLATE_LOCK).execute(&mut *admin).await.unwrap();
    let exists: bool =
        sqlx::query_scalar("select exists (select from pg_database where datname = $1 and datistemplate)")
            .bind(&template)
            .fetch_one(&mut *admin)
            .await
            .unwrap();
    if !exists {
        run(admin, format!("drop database if exists {template}")).await;
        run(admin, format!("create database {template}")).await;
        let roles = std::fs::read_to_string(roles()).unwrap();
        let url = with_database(&environment["TRADEUP_ADMIN_DATABASE_URL"], &template);
        let mut inside = PgConnection::connect(&url).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(roles)).execute(&mut inside).await.unwrap();
        inside.close().await.unwrap();
        // The files themselves and not the store crate, which can't be compiled before its queries
        // were checked against them.
        let owner = with_database(&environment["TRADEUP_OWNER_DATABASE_URL"], &template);
        let mut owner = PgConnection::connect(&owner).await.unwrap();
        Migrator::new(migrations()).await.unwrap().run(&mut owner).await.unwrap();
        let grants = std::fs::read_to_string(grants()).unwrap();
        sqlx::raw_sql(AssertSqlSafe(grants)).execute(&mut owner).await.unwrap();
        owner.close().await.unwrap();
        run(admin, format!("alter database {template} is_template true")).await;
    }
    sqlx::query("select pg_advisory_unlock($1)").bind(TEMPLATE_LOCK).execute(admin).await.unwrap();
    template
}

fn migrations() -> PathBuf {
    repository().join("services/shared/store/migrations")
}

fn grants() -> PathBuf {
    repository().join("services/shared/store/src/pool/grants.sql")
}

fn roles() -> PathBuf {
    repository().join("deploy/postgres/roles.sql")
}

fn migrations_digest() -> String {
    let mut files: Vec<_> =
        std::fs::read_dir(migrations()).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files.extend([roles(), grants()]);
    let text: Vec<String> = files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
    uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, text.concat().as_bytes()).simple().to_string()
}

async fn run(admin: &mut PgConnection, statement: String) {
    sqlx::raw_sql(AssertSqlSafe(statement.clone()))
        .execute(admin)
        .await
        .unwrap_or_else(|error| panic!("{statement}: {error}"));
}

fn with_database(url: &str, database: &str) -> String {
    let (server, _) = url.rsplit_once('/').unwrap();
    format!("{server}/{database}")
}
