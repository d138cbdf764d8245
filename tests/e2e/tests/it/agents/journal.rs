//! The journal of agents' runs: money is reserved before it is spent and settled once, however many write at once, and
//! nobody writes who has lost the run.

mod decisions;
mod erasure;
mod leases;
mod money;
mod purses;
mod texts;

use serde_json::json;
use sqlx::AssertSqlSafe;
use tradeup_harness::{Database, Servers};
use tradeup_store::agent_runs::{
    self, Caps, Failure, Lease, NewAgentRun, NewAnswer, NewAttempt, NewCall, Reserved, TokenUse,
};
use tradeup_store::retention::Keep;
use tradeup_store::runs::Sender;
use tradeup_store::{Durability, ErrorKind, Pool, Purpose, RunId, StoreError, TenantId, Tx};

const A: TenantId = TenantId(1);
const B: TenantId = TenantId(2);
/// Ten US cents.
const CALL: i64 = 100_000_000;
const PLENTY: Caps = Caps {
    run_nano: i64::MAX / 4,
    day_nano: i64::MAX / 4,
    month_nano: i64::MAX / 4,
    all_day_nano: i64::MAX / 4,
};
const LOST: Failure<'static> = Failure { code: "TU0701", error: "the answer was cut", request_id: None };
const KEEP: Keep = Keep { log_days: 30, run_days: 400, body_days: 30 };

/// Two shops with forty members each, and as many connections as a service with many runs has.
struct Books {
    database: Database,
    pool: Pool,
}

impl Books {
    async fn new() -> Self {
        let database = Database::create(&Servers::shared().environment()).await;
        let plant = "
            insert into tenants (handle, name, zone, currency, credit_validity)
            select handle, handle, 'UTC', 'USD', 'P60D' from unnest(array['aurora', 'borealis']) handle;
            insert into members (tenant_id, id, external_id, email)
            select t.id, gen_random_uuid(), n::text, n || '@' || t.handle || '.example'
            from tenants t, generate_series(1, 40) n";
        sqlx::raw_sql(plant).execute(&database.admin).await.unwrap();
        let pool = tradeup_store::connect(
            &database.app_url,
            "journal-test",
            20,
            Purpose::Service,
            Durability::UnsafeAllowed,
        )
        .await
        .unwrap();
        Self { database, pool }
    }

    async fn tx(&self, tenant: TenantId) -> Tx {
        Tx::of_tenant(&self.pool, tenant).await.unwrap()
    }

    /// A run that was begun and taken up.
    async fn run(&self, tenant: TenantId) -> Lease {
        let run = RunId::new();
        let mut tx = self.tx(tenant).await;
        let new = NewAgentRun {
            kind: "plan-strategic-goal",
            goal: "reduce churn",
            as_of: "2026-11-29T10:00:00Z".parse().unwrap(),
            bundle: &json!({ "model": "m" }),
        };
        agent_runs::open(&mut tx, tenant, run, &new).await.unwrap();
        let lease = agent_runs::lease(&mut tx, sender(tenant, run), "worker-1").await.unwrap();
        tx.commit().await.unwrap();
        lease
    }

    async fn take_up(&self, lease: &Lease) -> Lease {
        let mut tx = self.tx(lease.tenant).await;
        let taken = agent_runs::lease(&mut tx, sender(lease.tenant, lease.run_id), "worker-2").await.unwrap();
        tx.commit().await.unwrap();
        taken
    }

    async fn reserve(&self, lease: &Lease, agent: &str, seq: i32, caps: &Caps) -> Reserved {
        let mut tx = self.tx(lease.tenant).await;
        let reserved = agent_runs::reserve(&mut tx, lease, &attempt(agent, seq), caps).await.unwrap();
        tx.commit().await.unwrap();
        reserved
    }

    /// A try that has left.
    async fn send(&self, lease: &Lease, agent: &str, seq: i32) -> i32 {
        let Reserved::Granted { attempt } = self.reserve(lease, agent, seq, &PLENTY).await else {
            panic!("{agent} {seq} is not granted");
        };
        let mut tx = self.tx(lease.tenant).await;
        agent_runs::sent(&mut tx, lease, agent, seq, attempt).await.unwrap();
        tx.commit().await.unwrap();
        attempt
    }

    /// An answered turn with these calls.
    async fn answer(&self, lease: &Lease, agent: &str, seq: i32, content: &str, calls: &[NewCall<'_>]) {
        let attempt = self.send(lease, agent, seq).await;
        let mut tx = self.tx(lease.tenant).await;
        let answer = NewAnswer { content, calls, ..answer() };
        agent_runs::answered(&mut tx, lease, agent, seq, attempt, &answer).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn number(&self, statement: &str) -> i64 {
        sqlx::query_scalar(AssertSqlSafe(statement.to_owned())).fetch_one(&self.database.admin).await.unwrap()
    }

    async fn execute(&self, statement: &str) {
        sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&self.database.admin).await.unwrap();
    }

    /// Every purse holds what the tries say, for each run, each shop's day and month, and the day of all.
    async fn balance(&self) {
        let said = "select tenant_id, run_id, day,
                sum(reserved_nano) filter (where state in ('reserved', 'sent')) as reserved,
                sum(reserved_nano) filter (where state = 'unknown') as unknown,
                sum((select t.cost_nano from agent_turns t where t.tenant_id = a.tenant_id and t.run_id = a.run_id
                    and t.agent = a.agent and t.seq = a.seq)) filter (where state = 'answered') as answered
            from model_attempts a group by 1, 2, 3";
        for (purses, key, of_tries, of_purse) in [
            ("agent_runs", "tenant_id, run_id", "tenant_id, run_id", "tenant_id, run_id"),
            (
                "model_spend",
                "tenant_id, period",
                "tenant_id, to_char(day, 'YYYY-MM-DD')",
                "tenant_id, period",
            ),
            ("model_spend", "tenant_id, period", "tenant_id, to_char(day, 'YYYY-MM')", "tenant_id, period"),
            ("model_spend_days", "day", "day", "day"),
        ] {
            let width = if key.contains("period") && of_tries.ends_with("'YYYY-MM')") { 7 } else { 10 };
            let only = if key.contains("period") {
                format!("where length(period) = {width}")
            } else {
                String::new()
            };
            let wrong = self
                .number(&format!(
                    "with said as ({said}), tries as (
                        select {of_tries}, coalesce(sum(reserved), 0) as r,
                            coalesce(sum(unknown), 0) + coalesce(sum(answered), 0) as s
                        from said group by {of_tries}
                    ), purses as (
                        select {of_purse}, reserved_nano as r, spent_nano as s from {purses} {only}
                    )
                    select count(*) from (
                        (select * from tries where r + s > 0 except select * from purses)
                        union all (select * from purses where r + s > 0 except select * from tries)) d"
                ))
                .await;
            assert_eq!(wrong, 0, "{purses} by {of_tries}");
        }
    }
}

/// Whoever works on a run of which nothing else is known.
fn sender(tenant: TenantId, run_id: RunId) -> Sender {
    Sender { tenant, run_id, attempt: 1 }
}

fn attempt(agent: &str, seq: i32) -> NewAttempt<'_> {
    NewAttempt { agent, seq, model: "m", request_sha256: &[7; 32], request_bytes: 1_000, reserve_nano: CALL }
}

fn answer() -> NewAnswer<'static> {
    NewAnswer {
        content: "[]",
        stop_reason: "end_turn",
        model: "m",
        request_id: Some("req_1"),
        tokens: TokenUse { input: 10, cache_write: 0, cache_read: 0, output: 5 },
        cost_nano: CALL / 4,
        calls: &[],
    }
}

fn call<'a>(tool_use_id: &'a str, input: &'a str) -> NewCall<'a> {
    NewCall { tool_use_id, name: "get_tenant_overview", input }
}

fn is_superseded<T>(result: &Result<T, StoreError>) -> bool {
    result.as_ref().is_err_and(|error| error.kind() == ErrorKind::Superseded)
}

fn granted(outcomes: &[Reserved]) -> i64 {
    let granted = outcomes.iter().filter(|outcome| matches!(outcome, Reserved::Granted { .. })).count();
    i64::try_from(granted).unwrap()
}
