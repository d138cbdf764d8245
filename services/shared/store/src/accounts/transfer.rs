//! Lots that go on with another member.

use tradeup_domain::ledger::Part;
use uuid::Uuid;

use super::{NewLot, Origin, value_class};
use crate::error::{Doing, StoreError};
use crate::{Connection, RunId, TenantId};

/// New lots for what moves out of these, as they are: the same end, class, age and words. The key of each is
/// the lot that it goes on from.
pub(crate) async fn continued(
    db: &mut Connection,
    tenant: TenantId,
    parts: &[Part],
) -> Result<Vec<(NewLot, Origin)>, StoreError> {
    let rows = sqlx::query!(
        r#"select p.amount_minor as "amount_minor!", l.id, l.value_class, l.available_at, l.expires_at, l.ends_at,
               l.anchor_on, l.note, l.run_id as "run_id: RunId", l.created_at
           from unnest($2::uuid[], $3::bigint[]) with ordinality as p (lot_id, amount_minor, n)
           join lots l on l.tenant_id = $1 and l.id = p.lot_id
           order by p.n"#,
        tenant as TenantId,
        &parts.iter().map(|part| part.lot_id).collect::<Vec<_>>(),
        &parts.iter().map(|part| part.amount_minor).collect::<Vec<_>>(),
    )
    .fetch_all(db)
    .await
    .doing("reading lots that move")?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let lot_id = Uuid::now_v7();
            let lot = NewLot {
                id: lot_id,
                value_class: value_class(&row.value_class),
                reason: "transferred",
                source_key: row.id.to_string(),
                granted_minor: row.amount_minor,
                available_at: row.available_at,
                expires_at: row.expires_at,
                ends_at: row.ends_at,
                anchor_on: row.anchor_on,
                note: row.note,
            };
            (lot, Origin { lot_id, from: row.id, run_id: row.run_id, created_at: row.created_at })
        })
        .collect())
}
