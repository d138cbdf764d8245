//! What campaigns have brought.

use super::Answered;
use super::cells::{Cells, topics};
use super::told::Told;
use crate::snapshots::SnapshotId;
use crate::{Connection, TenantId};

/// Campaigns that have been measured, each against those who were held out.
///
/// # Errors
/// As any statement.
pub async fn campaigns(db: &mut Connection, tenant: TenantId, snapshot: SnapshotId) -> Answered {
    let cells = Cells::of(db, tenant, snapshot, &topics(&["shop"])).await?;
    let mut told = Told::of(&cells);
    told.rows("campaigns", Vec::new(), 0);
    told.note("No campaign of this shop has been measured yet. This is final: asking again brings nothing.");
    Ok(told.answer())
}
