//! What a KPI measures, read again.

use tradeup_domain::figure::Figure;

use super::overview;
use crate::error::StoreError;
use crate::snapshots::SnapshotId;
use crate::{Connection, TenantId};

/// A measure as of a snapshot, by the name that the overview gives it: of a tier, or of the whole shop. `None` where it
/// can't be told: of nothing, or of too few.
///
/// # Errors
/// As any statement.
pub async fn measure(
    db: &mut Connection,
    tenant: TenantId,
    snapshot: SnapshotId,
    name: &str,
    tier: Option<&str>,
) -> Result<Option<Figure>, StoreError> {
    let answer = overview(db, tenant, snapshot).await?;
    let mut rows = answer.sections.into_iter().flat_map(|section| section.rows);
    let row = rows.find(|row| match tier {
        None => row.labels.is_empty(),
        Some(tier) => row.labels == [("tier", tier.to_owned())],
    });
    Ok(row.and_then(|row| row.figures.into_iter().find(|figure| figure.name == name)))
}
