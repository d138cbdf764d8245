//! The floor: the same statement in a plain loop, on the same number of connections.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use sqlx::PgPool;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tradeup_domain::Period;
use tradeup_store::credits::{MemberBatch as _, MonthlyBatch};
use tradeup_store::runs::BatchRange;
use tradeup_store::{RunId, TenantId, Tx};

/// One batch, planned beforehand.
pub(crate) struct Planned {
    tenant: TenantId,
    range: BatchRange,
}

/// Reads the batches that the system planned for a period: the floor does the very same ones. Those that shops' runs did
/// themselves it does by hundreds, as they would have been planned.
pub(crate) async fn planned(admin: &PgPool, root_run: &str) -> anyhow::Result<Vec<Planned>> {
    let rows: Vec<(i64, String, String, i32)> = sqlx::query_as(
        "with planned as (
            select b.seq, b.tenant_id, b.first_member_id, b.last_member_id, b.members, b.run_id = b.parent_run_id as is_own
            from batches b join runs p on p.id = b.parent_run_id where p.root_id = $1::uuid)
         select tenant_id, first_member_id::text, last_member_id::text, members from (
            select seq, tenant_id, first_member_id, last_member_id, members from planned where not is_own
            union all
            select part, tenant_id, (array_agg(member_id order by member_id))[1], (array_agg(member_id order by member_id))[count(*)],
                count(*)::int
            from (
                select p.tenant_id, h.member_id,
                    ((row_number() over (partition by p.tenant_id order by h.member_id) - 1) / 100)::int as part
                from planned p
                join tiers_held h on h.tenant_id = p.tenant_id and h.member_id between p.first_member_id and p.last_member_id
                where p.is_own and h.status = 'active' and h.valid_to is null) as numbered
            group by tenant_id, part) as all_of_them
         order by seq, tenant_id",
    )
    .bind(root_run)
    .fetch_all(admin)
    .await?;
    rows.into_iter()
        .map(|(tenant, first, last, members)| {
            let range = BatchRange { first: first.parse()?, last: last.parse()?, members };
            Ok(Planned { tenant: TenantId(tenant), range })
        })
        .collect()
}

/// Credits a period; how long it took and how many members were credited.
pub(crate) async fn credit(
    pool: &PgPool,
    planned: Vec<Planned>,
    period: Period,
    connections: usize,
) -> anyhow::Result<(Duration, i64)> {
    // Connected and warm before the clock starts.
    let mut warm = Vec::new();
    for _ in 0..connections {
        warm.push(pool.acquire().await?);
    }
    drop(warm);
    let as_of = period.first_day().and_hms_opt(6, 0, 0).context("six o'clock")?.and_utc();
    let queue = Arc::new(Mutex::new(planned.into_iter()));
    let begun = Instant::now();
    let mut loops = JoinSet::new();
    for _ in 0..connections {
        let (pool, queue) = (pool.clone(), Arc::clone(&queue));
        loops.spawn(async move {
            let mut granted = 0_i64;
            loop {
                let Some(next) = queue.lock().await.next() else { return anyhow::Ok(granted) };
                let batch = MonthlyBatch {
                    tenant: next.tenant,
                    run_id: RunId::new(),
                    period,
                    as_of,
                    expires_at: None,
                    ends_at: None,
                    range: next.range,
                };
                let mut tx = Tx::of_tenant(&pool, next.tenant).await?;
                granted += i64::from(batch.apply(&mut tx, batch.range).await?.affected);
                tx.commit().await?;
            }
        });
    }
    let mut granted = 0;
    while let Some(done) = loops.join_next().await {
        granted += done??;
    }
    Ok((begun.elapsed(), granted))
}
