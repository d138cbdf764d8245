//! A snapshot's sums as they are read.

use std::collections::BTreeMap;

use crate::error::{Doing, ErrorKind, StoreError};
use crate::snapshots::{self, Snapshot, SnapshotId};
use crate::{Connection, TenantId};

/// Sums of one group by what they measure; what is not there is 0.
#[derive(Clone, Debug, Default)]
pub(super) struct Sums(BTreeMap<String, i64>);

impl Sums {
    pub(super) fn get(&self, measure: &str) -> i64 {
        self.0.get(measure).copied().unwrap_or(0)
    }

    /// One measure of a window, like `orders` of `90d`.
    pub(super) fn of(&self, measure: &str, window: &str) -> i64 {
        self.get(&format!("{measure}_{window}"))
    }
}

/// The sums of some topics of a snapshot.
#[derive(Debug)]
pub(super) struct Cells {
    pub(super) snapshot: Snapshot,
    /// By topic, and by the group's names.
    topics: BTreeMap<String, BTreeMap<(String, String), Sums>>,
    nothing: Sums,
}

impl Cells {
    pub(super) async fn of(
        db: &mut Connection,
        tenant: TenantId,
        id: SnapshotId,
        topics: &[String],
    ) -> Result<Self, StoreError> {
        let Some(snapshot) = snapshots::get(db, tenant, id).await? else {
            return Err(StoreError::of_kind(ErrorKind::Unexpected, "reading a snapshot that is not there"));
        };
        let rows = sqlx::query!(
            "select topic, a, b, measure, value from snapshot_cells
             where tenant_id = $1 and snapshot_id = $2 and topic = any($3)",
            tenant as TenantId,
            id as SnapshotId,
            topics,
        )
        .fetch_all(db)
        .await
        .doing("reading a snapshot's sums")?;
        let mut cells = Self { snapshot, topics: BTreeMap::new(), nothing: Sums::default() };
        for row in rows {
            let groups = cells.topics.entry(row.topic).or_default();
            groups.entry((row.a, row.b)).or_default().0.insert(row.measure, row.value);
        }
        Ok(cells)
    }

    /// One group.
    pub(super) fn group(&self, topic: &str, a: &str, b: &str) -> &Sums {
        let groups = self.topics.get(topic);
        groups.and_then(|groups| groups.get(&(a.to_owned(), b.to_owned()))).unwrap_or(&self.nothing)
    }

    /// The whole shop.
    pub(super) fn shop(&self) -> &Sums {
        self.group("shop", "", "")
    }

    /// A topic's groups by their names, in order.
    pub(super) fn groups(&self, topic: &str) -> impl DoubleEndedIterator<Item = (&str, &str, &Sums)> {
        let groups = self.topics.get(topic).into_iter().flatten();
        groups.map(|((a, b), sums)| (a.as_str(), b.as_str(), sums))
    }

    /// A measure added up over a topic.
    pub(super) fn total(&self, topic: &str, measure: &str) -> i64 {
        self.groups(topic).fold(0, |total, (_, _, sums)| total.saturating_add(sums.get(measure)))
    }
}

/// Topics as they are asked for.
pub(super) fn topics(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

/// The handles of a tenant's tiers, the highest first, and `none` for members without one: what `tier` may be here.
///
/// # Errors
/// As any statement.
pub async fn tier_handles(db: &mut Connection, tenant: TenantId) -> Result<Vec<String>, StoreError> {
    let mut handles = sqlx::query_scalar!(
        "select handle from tiers where tenant_id = $1 order by rank",
        tenant as TenantId
    )
    .fetch_all(db)
    .await
    .doing("listing tiers")?;
    handles.push("none".to_owned());
    Ok(handles)
}
