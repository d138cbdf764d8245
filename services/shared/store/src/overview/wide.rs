//! The grid of shops by day where shops are many: sums by fire, and the cells of some shops alone.

use chrono::{DateTime, NaiveDate, Utc};

use super::Cell;
use crate::error::{Doing, StoreError};
use crate::{Pool, RunId};

/// A fire that is every shop's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WideFire {
    /// The schedule's number.
    pub schedule_id: i64,
    /// The day, in UTC, on which it was due.
    pub day: NaiveDate,
    /// When it was due.
    pub fire_at: DateTime<Utc>,
    /// What was decided of it.
    pub decision: String,
    /// Its run, if there is one.
    pub run_id: Option<RunId>,
    /// Something of it is under way still.
    pub is_open: bool,
}

/// Fires of the last `days` days that are every shop's.
///
/// # Errors
/// As any statement.
pub async fn wide_fires(pool: &Pool, days: i32) -> Result<Vec<WideFire>, StoreError> {
    sqlx::query_file_as!(WideFire, "src/overview/wide_fires.sql", days)
        .fetch_all(pool)
        .await
        .doing("listing fires of all shops")
}

/// Shops whose runs of a fire are in one state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FireSum {
    /// The state; `None` for shops without a run.
    pub state: Option<String>,
    /// How many shops.
    pub shops: i64,
    /// Handles of the first of them, unless they have succeeded.
    pub first: Vec<String>,
}

/// How a fire that is every shop's stands, so many shops of a state named.
///
/// # Errors
/// As any statement.
pub async fn of_fire(
    pool: &Pool,
    fire_at: DateTime<Utc>,
    run: Option<RunId>,
    named: i32,
) -> Result<Vec<FireSum>, StoreError> {
    sqlx::query_file_as!(FireSum, "src/overview/of_fire.sql", fire_at, run as Option<RunId>, named)
        .fetch_all(pool)
        .await
        .doing("counting shops by what became of a fire")
}

/// Shops' own fires of a day that were decided alike and are in one state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnFires {
    /// The day, in UTC, on which they were due.
    pub day: NaiveDate,
    /// What was decided of them.
    pub decision: String,
    /// State of their runs; `None` if they have none.
    pub state: Option<String>,
    /// How many.
    pub shops: i64,
    /// Handles of the first of them, unless they have succeeded.
    pub first: Vec<String>,
}

/// How fires of shops' own schedules stand, of the last `days` days.
///
/// # Errors
/// As any statement.
pub async fn of_own_fires(pool: &Pool, days: i32, named: i32) -> Result<Vec<OwnFires>, StoreError> {
    sqlx::query_file_as!(OwnFires, "src/overview/of_own_fires.sql", days, named)
        .fetch_all(pool)
        .await
        .doing("counting shops by what became of their own fires")
}

/// What became of the fires of the last `days` days, for these shops.
///
/// # Errors
/// As any statement.
pub async fn grid_of(pool: &Pool, days: i32, handles: &[String]) -> Result<Vec<Cell>, StoreError> {
    sqlx::query_file_as!(Cell, "src/overview/grid_of.sql", days, handles)
        .fetch_all(pool)
        .await
        .doing("comparing fires with runs of some shops")
}
