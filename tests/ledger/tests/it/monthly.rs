//! Grants, as their runs give them.

use sqlx::AssertSqlSafe;
use tradeup_domain::{Grant, Period, ValueClass};
use tradeup_store::RunId;
use tradeup_store::credits::{self, MemberBatch as _, MonthlyBatch};
use tradeup_store::runs::BatchRange;
use uuid::Uuid;

use crate::field::{Field, usd};

/// The monthly credits of all members.
pub(crate) async fn issue(field: &Field, period: &str) {
    let (parent, run, tenant) = (RunId::new(), RunId::new(), field.tenant);
    let period: Period = period.parse().unwrap();
    let as_of = period.first_day().and_hms_opt(6, 0, 0).unwrap().and_utc();
    let runs = format!(
        "insert into runs (id, tenant_id, task, key, trigger, root_id, payload, scheduled_for, state, started_at,
            finished_at)
         select id, {tenant}, task, '{period}/{parent}', 'manual', '{parent}', '', '{as_of}', 'succeeded', now(), now()
         from (values ('{parent}'::uuid, 'monthly-credits-tenant'), ('{run}', 'monthly-credits-batch')) as r (id, task)"
    );
    sqlx::raw_sql(AssertSqlSafe(runs)).execute(&field.database.admin).await.unwrap();
    let members = i32::try_from(field.members.len()).unwrap();
    let range = BatchRange { first: Uuid::nil(), last: Uuid::max(), members };
    let batch = MonthlyBatch { tenant, run_id: run, period, as_of, expires_at: None, ends_at: None, range };
    let mut tx = field.begin().await;
    batch.apply(&mut tx, range).await.unwrap();
    tx.commit().await.unwrap();
}

/// Paid value for the first member, as a trade-in gives it.
pub(crate) async fn grant_paid(field: &Field, key: &str, amount_minor: i64) {
    let grant = Grant {
        member_external_id: "1".to_owned(),
        amount: usd(amount_minor),
        reason: "a trade-in".to_owned(),
        expires_at: None,
        value_class: ValueClass::Paid,
        source_key: key.to_owned(),
    };
    let run = RunId::new();
    let mut tx = field.begin().await;
    credits::grant(&mut tx, field.tenant, run, &grant, field.now, None).await.unwrap();
    tx.commit().await.unwrap();
    let done = format!(
        "insert into runs (id, tenant_id, task, key, trigger, root_id, payload, scheduled_for, state, finished_at, result)
         select '{run}', {}, 'grant-credit', '{key}', 'manual', '{run}', '', now(), 'succeeded', now(),
            jsonb_build_object('member_id', '{}', 'amount_minor', {amount_minor}, 'currency', 'USD', 'outcome', 'granted')",
        field.tenant, field.members[0]
    );
    sqlx::raw_sql(AssertSqlSafe(done)).execute(&field.database.admin).await.unwrap();
}
