//! Makes this build a later one: with the feature `later`, which only the tests' binaries have, the migrations in the folder that
//! `TRADEUP_LATER_MIGRATIONS` names count as its own. So a release and the way back from it are rehearsed by two builds of
//! one tree (`tests/restore/rollback`).

use std::path::Path;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AssertSqlSafe, SqlSafeStr as _};

/// The build's migrations, and those of the folder. What can't be read is not there: the rehearsal sees that.
pub(super) fn with(mut migrator: Migrator) -> Migrator {
    if let Some(folder) = std::env::var_os("TRADEUP_LATER_MIGRATIONS") {
        let mut later = read(Path::new(&folder));
        later.sort();
        migrator.migrations.to_mut().extend(later);
    }
    migrator
}

fn read(folder: &Path) -> Vec<Migration> {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    files
        .filter_map(|file| {
            let name = file.file_name().into_string().ok()?;
            let (version, description) = name.strip_suffix(".sql")?.split_once('_')?;
            let sql = AssertSqlSafe(std::fs::read_to_string(file.path()).ok()?).into_sql_str();
            let description = description.to_owned().into();
            Some(Migration::new(version.parse().ok()?, description, MigrationType::Simple, sql, false))
        })
        .collect()
}
