//! How large tables are, and how much of them is live.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool};

/// Smaller ones are not shown.
const SHOWN_FROM: i64 = 512 * 1024;
/// So much more for each live row is growth, and not how pages happen to be filled.
const GROWN: f64 = 1.25;

/// All tables at one time.
pub(super) struct Sizes {
    tables: BTreeMap<String, Table>,
    database_bytes: i64,
    wal_bytes: i64,
    /// Of the oldest row that is not frozen, in transactions.
    xid_age: i32,
}

/// One table. What was counted since the look before is said to be of the day.
struct Table {
    heap_bytes: i64,
    index_bytes: i64,
    live: i64,
    dead: i64,
    updates: i64,
    in_place: i64,
    vacuums: i64,
    updates_of_day: i64,
    in_place_of_day: i64,
    vacuums_of_day: i64,
}

impl Table {
    fn bytes_of_live(&self) -> f64 {
        float(self.heap_bytes + self.index_bytes) / float(self.live.max(1))
    }
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn float(n: i64) -> f64 {
    n as f64
}

impl Sizes {
    /// As they are now; counters against those of the look before.
    pub(super) async fn read(admin: &PgPool, before: Option<&Self>) -> anyhow::Result<Self> {
        let rows: Vec<(String, i64, i64, i64, i64, i64, i64)> = sqlx::query_as(
            "select relname::text, pg_table_size(relid), pg_indexes_size(relid), n_dead_tup, n_tup_upd, n_tup_hot_upd,
                 autovacuum_count
             from pg_stat_user_tables where schemaname = 'public' and pg_total_relation_size(relid) >= $1",
        )
        .bind(SHOWN_FROM)
        .fetch_all(admin)
        .await?;
        let mut tables = BTreeMap::new();
        for (name, heap_bytes, index_bytes, dead, updates, in_place, vacuums) in rows {
            let count = format!("select count(*) from {name}");
            let live: i64 = sqlx::query_scalar(AssertSqlSafe(count)).fetch_one(admin).await?;
            let was = before.and_then(|sizes| sizes.tables.get(&name));
            let of_day = |now: i64, then: fn(&Table) -> i64| now - was.map_or(0, then);
            let table = Table {
                updates_of_day: of_day(updates, |table| table.updates),
                in_place_of_day: of_day(in_place, |table| table.in_place),
                vacuums_of_day: of_day(vacuums, |table| table.vacuums),
                heap_bytes,
                index_bytes,
                live,
                dead,
                updates,
                in_place,
                vacuums,
            };
            tables.insert(name, table);
        }
        let (database_bytes, wal_bytes, xid_age) = sqlx::query_as(
            "select pg_database_size(current_database()), (select wal_bytes::bigint from pg_stat_wal),
                 (select max(age(relfrozenxid)) from pg_class where relkind = 'r')",
        )
        .fetch_one(admin)
        .await?;
        Ok(Self { tables, database_bytes, wal_bytes, xid_age })
    }

    /// Tables whose live rows take more room each than they did, with what they took and take, in bytes.
    pub(super) fn grown_since(&self, first: &Self) -> Value {
        let grown = self.tables.iter().filter_map(|(name, now)| {
            let (was, is) = (first.tables.get(name)?.bytes_of_live(), now.bytes_of_live());
            (is > was * GROWN).then(|| (name.clone(), json!({ "was": was.round(), "is": is.round() })))
        });
        Value::Object(grown.collect())
    }

    /// A line for each table, the largest first.
    pub(super) fn shown(&self) -> String {
        let mib = |bytes: i64| float(bytes) / 1_048_576.0;
        let mut text = format!(
            "  database {:.1} MiB, WAL so far {:.1} MiB, oldest xid {}\n",
            mib(self.database_bytes),
            mib(self.wal_bytes),
            self.xid_age
        );
        let mut tables: Vec<_> = self.tables.iter().collect();
        tables.sort_by_key(|(_, table)| std::cmp::Reverse(table.heap_bytes + table.index_bytes));
        for (name, table) in tables {
            let hot = 100.0 * float(table.in_place_of_day) / float(table.updates_of_day.max(1));
            text += &format!(
                "  {name:<20} table {:>7.1} MiB, indexes {:>7.1} MiB, live {:>8}, dead {:>6}, {:>5.0} bytes a live row, \
                 updates {:>7} ({hot:.0} % in place), vacuums {}\n",
                mib(table.heap_bytes),
                mib(table.index_bytes),
                table.live,
                table.dead,
                table.bytes_of_live(),
                table.updates_of_day,
                table.vacuums_of_day,
            );
        }
        text
    }

    pub(super) fn json(&self) -> Value {
        let tables: serde_json::Map<String, Value> = self
            .tables
            .iter()
            .map(|(name, table)| {
                let Table { heap_bytes, index_bytes, live, dead, .. } = table;
                let value = json!({ "heap_bytes": heap_bytes, "index_bytes": index_bytes, "live": live, "dead": dead,
                    "updates": table.updates_of_day, "updates_in_place": table.in_place_of_day,
                    "vacuums": table.vacuums_of_day });
                (name.clone(), value)
            })
            .collect();
        json!({ "tables": tables, "database_bytes": self.database_bytes, "wal_bytes": self.wal_bytes,
            "xid_age": self.xid_age })
    }
}
