//! Connecting, migrating, and what is checked before a service moves money.

#[cfg(feature = "later")]
mod later;

use std::cmp::Ordering;
use std::io::ErrorKind;
use std::str::FromStr;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use sqlx::ConnectOptions;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgSslMode};
use tradeup_tls::{Begins, Endpoint};

use crate::error::{Doing, StoreError};

/// A service that says nothing in the middle of a transaction for this long is frozen, and must not
/// hold its locks against the others: PostgreSQL ends the session and rolls back.
const IDLE_IN_TRANSACTION_MAX: &str = "10s";

/// For a simple question, a connection included.
const ASKED_WITHIN: Duration = Duration::from_secs(6);

/// A connection that was used within this time is taken for alive. What has gone since fails its next statement, as when it goes
/// in the middle of one, and a server is not back so soon.
const TRUSTED_FOR: Duration = Duration::from_secs(1);

/// A pool of connections.
pub type Pool = sqlx::PgPool;

#[cfg(not(feature = "later"))]
static MIGRATOR: Migrator = sqlx::migrate!("./migrations");
#[cfg(feature = "later")]
static MIGRATOR: std::sync::LazyLock<Migrator> =
    std::sync::LazyLock::new(|| later::with(sqlx::migrate!("./migrations")));

/// Who may what, said anew after each migration.
const GRANTS: &str = include_str!("pool/grants.sql");

/// Oldest PostgreSQL this schema is tested with.
const SERVER_VERSION_MIN: i32 = 160_000;

/// Why no usable database was found. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The URL can't be read.
    #[error(
        "the database URL can't be read ({reason}); it has the form postgres://user:password@host:port/database"
    )]
    Url {
        /// What is wrong with it. Never holds the password.
        reason: String,
    },
    /// Nobody answers, or refuses us.
    #[error(
        "PostgreSQL at {address} can't be used: {reason}; check that it runs (locally: deploy/local/servers up) and that the URL is right"
    )]
    Connect {
        /// Host and port.
        address: String,
        /// What the driver says.
        reason: String,
    },
    /// The URL demands TLS, and it did not come about.
    #[error(
        "PostgreSQL at {address} can't be used by TLS as its URL demands: {reason}; the server has to offer TLS (ssl = on) with \
         a certificate for the host that TRADEUP_DATABASE_URL names, by an authority of this machine or of the file that \
         sslrootcert= in the URL names"
    )]
    Tls {
        /// Host and port.
        address: String,
        /// What is wrong.
        reason: String,
    },
    /// Too old.
    #[error("PostgreSQL {found} is too old; version 16 or newer is needed")]
    TooOld {
        /// The server's version.
        found: String,
    },
    /// The schema is older than this build.
    #[error(
        "the database's schema is at version {found}, this build needs {wanted}; run `tradeup setup` with the build you want to use"
    )]
    Schema {
        /// What the database has; 0 when it was never set up.
        found: i64,
        /// What this build embeds.
        wanted: i64,
    },
    /// The schema is newer, and has lost something that this build needs.
    #[error(
        "the database's schema is at version {found} and works with builds from {floor} on, this build is of {wanted}; \
         use a newer build"
    )]
    BuildTooOld {
        /// What the database has.
        found: i64,
        /// The oldest that works with it.
        floor: i64,
        /// What this build embeds.
        wanted: i64,
    },
    /// A commit could be lost in a power cut.
    #[error(
        "PostgreSQL runs with {setting} = {value}: a committed credit could be lost when the power fails; set it back, or start with --allow-unsafe-durability for throw-away data"
    )]
    Unsafe {
        /// The setting.
        setting: String,
        /// Its value.
        value: String,
    },
    /// A check could not be made.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A migration failed.
    #[error(
        "the schema can't be migrated: {0}; use the owner's URL (role tradeup_owner) for `tradeup setup`"
    )]
    Migrate(#[source] MigrateError),
    /// Somebody's long transaction has a lock that a migration needs.
    #[error(
        "the schema is not migrated yet: a long transaction holds a table that migration {migration} needs to itself; nothing of it was \
         done, run `tradeup setup` again"
    )]
    Busy {
        /// Its version.
        migration: i64,
    },
    /// What each role may could not be said.
    #[error(
        "the rights of the services' roles can't be set: {0}; run deploy/postgres/roles.sql of this build as a superuser, \
         then `tradeup setup` again"
    )]
    Grants(String),
}

/// What connections are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Short statements, all day, each by an index. Whole tables are never scanned: a plan made while
    /// a table was small (that of a foreign key's check, say) is kept by its session, and would go
    /// on scanning when the table has grown to millions.
    Service,
    /// A person's question, or a proof over everything.
    Command,
}

/// Whether settings that can lose a commit are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Refused. The default.
    Required,
    /// Accepted: for throw-away data.
    UnsafeAllowed,
}

fn options(url: &str, name: &str) -> Result<PgConnectOptions, ConnectError> {
    PgConnectOptions::from_str(url)
        .map(|options| options.application_name(name).disable_statement_logging())
        .map_err(|error| ConnectError::Url { reason: error.to_string() })
}

/// The server that a URL names, and how it is to be trusted; none if the URL can't be read.
#[must_use]
pub fn endpoint(url: &str) -> Option<Endpoint> {
    let options = PgConnectOptions::from_str(url).ok()?;
    let socket = options.get_socket().map(|folder| folder.display().to_string());
    // The driver tells all of its options but this one.
    let asked = url.split_once('?').map(|(_, asked)| asked).unwrap_or_default();
    let file =
        asked.split('&').filter_map(|one| one.split_once('=')).find(|(name, _)| *name == "sslrootcert");
    let file = file.map(|(_, file)| percent_decode_str(file).decode_utf8_lossy().into_owned());
    Some(Endpoint {
        begins: Begins::Postgres,
        host: socket.unwrap_or_else(|| options.get_host().to_owned()),
        port: options.get_port(),
        authorities: file.map(Into::into),
        is_secured: matches!(options.get_ssl_mode(), PgSslMode::VerifyFull),
    })
}

/// Opens a pool and checks server version, schema version and durability settings.
///
/// `name` shows in `pg_stat_activity`.
///
/// # Errors
/// [`ConnectError`], one clear line each.
pub async fn connect(
    url: &str,
    name: &str,
    connections_max: u32,
    purpose: Purpose,
    durability: Durability,
) -> Result<Pool, ConnectError> {
    let pool = open(url, name, connections_max, purpose).await?;
    check_schema(&pool).await?;
    if durability == Durability::Required {
        check_durability(&pool).await?;
    }
    Ok(pool)
}

async fn open(url: &str, name: &str, connections_max: u32, purpose: Purpose) -> Result<Pool, ConnectError> {
    let options = match purpose {
        Purpose::Service => options(url, name)?.options([
            ("enable_seqscan", "off"),
            ("idle_in_transaction_session_timeout", IDLE_IN_TRANSACTION_MAX),
        ]),
        Purpose::Command => options(url, name)?,
    };
    let address = format!("{}:{}", options.get_host(), options.get_port());
    // One try with a real error, before a pool that would only say "timed out".
    let first = tokio::time::timeout(Duration::from_secs(5), options.connect()).await;
    let refused = match first {
        Ok(Ok(connection)) => sqlx::Connection::close(connection).await.err(),
        Ok(Err(error)) => Some(error),
        Err(_elapsed) => Some(sqlx::Error::PoolTimedOut),
    };
    if let Some(source) = refused {
        return Err(refused_by(address, &source));
    }
    Ok(PgPoolOptions::new()
        .max_connections(connections_max)
        .acquire_timeout(Duration::from_secs(5))
        .idle_timeout(Duration::from_secs(300))
        // A round trip for each use of a busy connection is a tenth of what a small run takes.
        .test_before_acquire(false)
        .before_acquire(|connection, usage| {
            Box::pin(async move {
                let is_there =
                    usage.idle_for < TRUSTED_FOR || sqlx::Connection::ping(connection).await.is_ok();
                Ok(is_there)
            })
        })
        .connect_lazy_with(options))
}

fn not_migrated(error: MigrateError) -> ConnectError {
    match error {
        MigrateError::ExecuteMigration(sqlx::Error::Database(reason), migration)
            // Waited too long for a lock, or for one that somebody has who waits for ours.
            if matches!(reason.code().as_deref(), Some("55P03" | "40P01")) =>
        {
            ConnectError::Busy { migration }
        }
        other => ConnectError::Migrate(other),
    }
}

fn refused_by(address: String, source: &sqlx::Error) -> ConnectError {
    let reason = source.to_string();
    let is_of_tls = match source {
        sqlx::Error::Tls(_) => true,
        // Of what the handshake finds wrong only the text is left.
        // By TCP, what is not found is the file of authorities.
        sqlx::Error::Io(error) => reason.contains("certificate") || error.kind() == ErrorKind::NotFound,
        _ => false,
    };
    if is_of_tls { ConnectError::Tls { address, reason } } else { ConnectError::Connect { address, reason } }
}

async fn check_schema(pool: &Pool) -> Result<(), ConnectError> {
    let version = sqlx::query_scalar!("select current_setting('server_version_num')::int as \"version!\"")
        .fetch_one(pool)
        .await
        .doing("reading the server's version")?;
    if version < SERVER_VERSION_MIN {
        return Err(ConnectError::TooOld { found: (version / 10_000).to_string() });
    }
    check_version(pool).await
}

/// The version of the schema that this build embeds.
#[must_use]
pub fn schema_of_build() -> i64 {
    MIGRATOR.iter().map(|m| m.version).max().unwrap_or(0)
}

/// Whether this build may work with the schema that is there: with its own, and with newer ones that still have all that
/// it needs.
async fn check_version(pool: &Pool) -> Result<(), ConnectError> {
    let wanted = schema_of_build();
    let found = version_found(pool).await?;
    match found.cmp(&wanted) {
        Ordering::Less => Err(ConnectError::Schema { found, wanted }),
        Ordering::Equal => Ok(()),
        Ordering::Greater => {
            let floor = sqlx::query_scalar!("select version from schema_floor")
                .fetch_one(pool)
                .await
                .doing("reading which builds the schema is for")?;
            if floor <= wanted { Ok(()) } else { Err(ConnectError::BuildTooOld { found, floor, wanted }) }
        }
    }
}

/// The version of the schema that is there; 0 if none is.
async fn version_found(pool: &Pool) -> Result<i64, ConnectError> {
    let known = sqlx::query_scalar!("select to_regclass('_sqlx_migrations') is not null as \"known!\"")
        .fetch_one(pool)
        .await
        .doing("looking for the schema")?;
    if !known {
        return Ok(0);
    }
    Ok(sqlx::query_scalar!(
        "select coalesce(max(version), 0) as \"version!\" from _sqlx_migrations where success"
    )
    .fetch_one(pool)
    .await
    .doing("reading the schema's version")?)
}

async fn check_durability(pool: &Pool) -> Result<(), ConnectError> {
    let off = sqlx::query!(
        "select name as \"name!\", setting as \"setting!\" from pg_settings
         where name in ('fsync', 'synchronous_commit', 'full_page_writes') and setting = 'off' limit 1"
    )
    .fetch_optional(pool)
    .await
    .doing("reading the durability settings")?;
    match off {
        None => Ok(()),
        Some(row) => Err(ConnectError::Unsafe { setting: row.name, value: row.setting }),
    }
}

/// Whether the pool gives no connection although the server answers a new one: its connections hang, as
/// they do when something between has forgotten them. `false` when the server does not answer either.
pub async fn is_wedged(pool: &Pool) -> bool {
    let asked = async { sqlx::Connection::ping(&mut *pool.acquire().await?).await };
    if matches!(tokio::time::timeout(ASKED_WITHIN, asked).await, Ok(Ok(()))) {
        return false;
    }
    let options = pool.connect_options();
    let fresh = async { sqlx::Connection::close(options.connect().await?).await };
    matches!(tokio::time::timeout(ASKED_WITHIN, fresh).await, Ok(Ok(())))
}

/// All of it or nothing: until the commit, everybody may what they might before.
async fn grant(pool: &Pool) -> sqlx::Result<()> {
    let mut tx = pool.begin().await?;
    sqlx::raw_sql(GRANTS).execute(&mut *tx).await?;
    tx.commit().await
}

/// Brings the schema up to this build's version, and the rights of the services' roles. Needs the owner's role; safe to run at any time
/// and by several at once.
///
/// # Errors
/// [`ConnectError`].
pub async fn migrate(owner_url: &str) -> Result<(), ConnectError> {
    let pool = open(owner_url, "tradeup setup", 1, Purpose::Command).await?;
    if version_found(&pool).await? > schema_of_build() {
        // A build that was rolled back to: the newer schema stays, if it may work with it.
        check_version(&pool).await?;
    } else {
        MIGRATOR.run(&pool).await.map_err(not_migrated)?;
        grant(&pool).await.map_err(|error| ConnectError::Grants(error.to_string()))?;
    }
    pool.close().await;
    Ok(())
}
