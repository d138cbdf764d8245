//! Marks, by which a database is known again: the broker remembers the latest, and a database that
//! lacks it stands at an earlier moment, or is another one.

use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;

use crate::audit::{self, Actor};
use crate::error::{Doing, ErrorKind, StoreError};
use crate::{Connection, Pool, RunId, Tx};

/// Marks that are kept: more than a day's.
const KEPT: i64 = 10_000;

/// A mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// One more than the one before.
    pub n: i64,
    /// Tells marks of two histories apart.
    pub id: Uuid,
    /// When it was placed, by the database's clock.
    pub at: DateTime<Utc>,
}

/// How far a database is, for people.
#[derive(Clone, Debug)]
pub struct DatabaseState {
    /// The server's identifier, made when its data folder was.
    pub system_identifier: String,
    /// The server's timeline: each recovery to an earlier moment begins a new one.
    pub timeline: i32,
    /// The newest run.
    pub newest_run_id: Option<RunId>,
    /// When it was created.
    pub newest_run_at: Option<DateTime<Utc>>,
    /// When the database was marked last.
    pub marked_at: Option<DateTime<Utc>>,
}

/// Whether the database has this mark, or has had it so long ago that it was cleared away.
///
/// # Errors
/// As any statement.
pub async fn has(pool: &Pool, n: i64, id: Uuid) -> Result<bool, StoreError> {
    sqlx::query_scalar!(
        r#"select exists (select from database_marks where n = $1 and id = $2)
               or coalesce($1 < (select min(n) from database_marks), false) as "has!""#,
        n,
        id
    )
    .fetch_one(pool)
    .await
    .doing("looking for a mark")
}

/// Places a mark above all others. Returns once it can't be lost by a crash; `None` if it would not be
/// above `recorded`, or if somebody else has just placed one.
///
/// # Errors
/// As any statement.
pub async fn place(pool: &Pool, recorded: i64) -> Result<Option<Mark>, StoreError> {
    let mut tx = Tx::of_engine(pool).await?;
    let placed = insert(&mut tx, recorded, false).await?;
    tx.commit().await?;
    Ok(placed)
}

async fn insert(db: &mut Connection, recorded: i64, leap: bool) -> Result<Option<Mark>, StoreError> {
    // Whatever the session says: what the broker remembers may not be lost.
    sqlx::query!(
        "select set_config('synchronous_commit', 'on', true)
         where current_setting('synchronous_commit') = 'off'"
    )
    .fetch_optional(&mut *db)
    .await
    .doing("making a commit wait for the disk")?;
    let id = Uuid::new_v4();
    let placed = sqlx::query_file!("src/marks/place.sql", id, recorded, KEPT, leap)
        .fetch_optional(db)
        .await
        .doing("placing a mark")?;
    Ok(placed.map(|row| Mark { n: row.n, id, at: row.at }))
}

/// What accepting a database has done.
#[derive(Clone, Copy, Debug)]
pub struct Accepted {
    /// The mark, to be recorded now.
    pub mark: Mark,
    /// From when on something may be lost, up to the mark.
    pub lost_from: DateTime<Utc>,
    /// Messages of runs that wait in the outbox, now under new ids.
    pub messages: u64,
}

/// Takes the database as it is for the truth: places a mark above its own and the recorded one, notes which time is lost, and
/// gives all waiting messages of runs new ids, since the broker remembers the old ones. Audited. What is lost begins at `lost_from`,
/// which has to be past; with the database's newest mark if that is not said.
///
/// # Errors
/// As any statement; [`ErrorKind::Conflict`] when somebody places a mark at the same time.
pub async fn accept(
    pool: &Pool,
    recorded: i64,
    lost_from: Option<DateTime<Utc>>,
    actor: &Actor,
    why: &serde_json::Value,
) -> Result<Accepted, StoreError> {
    let mut tx = Tx::of_engine(pool).await?;
    let lost_from = lost_from.or(newest_at(&mut tx).await?);
    let placed = insert(&mut tx, recorded, true).await?;
    let mark =
        placed.ok_or_else(|| StoreError::of_kind(ErrorKind::Conflict, "accepting the database as it is"))?;
    // Where nobody has marked it, nobody knows: as far back as anything is done again.
    let lost_from = sqlx::query_scalar!(
        "insert into restores (mark, lost_from) values ($1, coalesce($2, clock_timestamp() - interval '35 days'))
         returning lost_from",
        mark.n,
        lost_from,
    )
    .fetch_one(&mut *tx)
    .await
    .doing("noting which time a restore has lost")?;
    let messages = sqlx::query!(
        "update outbox set id = gen_random_uuid(), turns = 0,
             next_publish_at = case when held_by is null and turns > 0 then now() else next_publish_at end
         where kind = 'job'"
    )
    .execute(&mut *tx)
    .await
    .doing("giving messages new ids")?
    .rows_affected();
    let subject = json!({ "mark": mark.n, "recorded_mark": recorded, "lost_from": lost_from.to_rfc3339(),
        "messages": messages, "seen": why });
    audit::record(&mut tx, actor, "database.restored", &subject).await?;
    tx.commit().await?;
    Ok(Accepted { mark, lost_from, messages })
}

/// When the database was marked last.
async fn newest_at(db: &mut Connection) -> Result<Option<DateTime<Utc>>, StoreError> {
    sqlx::query_scalar!("select max(at) from database_marks")
        .fetch_one(db)
        .await
        .doing("looking for the newest mark")
}

/// How far the database is.
///
/// # Errors
/// As any statement.
pub async fn state(pool: &Pool) -> Result<DatabaseState, StoreError> {
    sqlx::query_file_as!(DatabaseState, "src/marks/state.sql")
        .fetch_one(pool)
        .await
        .doing("asking how far the database is")
}

/// How many of these runs the database does not know.
///
/// # Errors
/// As any statement.
pub async fn unknown_runs(pool: &Pool, ids: &[Uuid]) -> Result<i64, StoreError> {
    sqlx::query_scalar!(
        r#"select count(*) as "runs!" from unnest($1::uuid[]) as m (id)
           where not exists (select from runs r where r.id = m.id)"#,
        ids
    )
    .fetch_one(pool)
    .await
    .doing("looking for the runs of messages")
}
