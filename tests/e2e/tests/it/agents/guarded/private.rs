//! Who members are is told to nobody: a marker in every column about them is in no request, no log line, no row of a run
//! and no dead letter.

use serde_json::json;
use sqlx::AssertSqlSafe;
use tradeup_fakes::anthropic::planner::Planner;
use tradeup_fakes::anthropic::{Fault, Scheduled};
use tradeup_harness::{Planting, World, eventually};
use tradeup_store::TenantId;

use super::super::asking::{Agents, GOAL, SOON};
use super::super::durable::orchestrators;

/// What every marker begins with.
const MARK: &str = "CANARY";
/// Columns of members that can't hold a marker, and say of nobody who it is: a country of two letters.
const UNMARKED: [&str; 1] = ["country"];

/// Marks every text about a member, with a marker of the column; and what else people write about them.
const MARKED: &str = "
    update orders set member_external_id = 'CANARY-external_id-' || member_external_id,
        facts = jsonb_build_object('note', 'CANARY-order_note', 'email', 'CANARY-order_email',
            'lines', jsonb_build_array(jsonb_build_object('title', 'CANARY-order_title', 'price_minor', 2000, 'quantity', 1)));
    update members set external_id = 'CANARY-external_id-' || external_id,
        email = 'CANARY-email-' || external_id || '@canary.example', first_name = 'CANARY-first_name',
        last_name = 'CANARY-last_name', phone = 'CANARY-phone', locale = 'CANARY-locale', tags = array['CANARY-tags'],
        enrolled_by = 'CANARY-enrolled_by';
    update lots set note = 'CANARY-lot_note'";

/// Where agents and the engine write.
const TABLES: [&str; 17] = [
    "agent_facts",
    "agent_notes",
    "agent_runs",
    "agent_turns",
    "attempts",
    "audit_log",
    "dead_letters",
    "model_attempts",
    "outbox",
    "plan_items",
    "plans",
    "run_checkpoints",
    "run_logs",
    "run_progress",
    "runs",
    "snapshot_cells",
    "tool_calls",
];

#[tokio::test]
async fn who_members_are_is_in_no_request_no_log_and_no_row_of_a_run() {
    let agents = Agents::paid(Planner::new()).await;
    let world = &agents.world;
    let tenant = agents.shop(Planting { expiring: 400, ..Planting::churn_wave("aurora", 90) }).await;
    sqlx::raw_sql(MARKED).execute(&world.database.admin).await.unwrap();
    all_columns_are_marked(world).await;
    let services = [world.start("scheduler").await, world.start("agents").await];

    // One fails, so that there is a dead letter.
    agents.model.fault(Scheduled::from(Fault::Refusal).only(orchestrators(0)));
    let (code, _) = agents.dead(&agents.goal("aurora", "refused", GOAL)).await;
    assert_eq!(code, "TU0707");
    let some = json!({ "filter": { "risk_min": 1 } });
    let runs = [
        agents.goal("aurora", "goal", GOAL),
        agents.ask("analyze-member-insights", "aurora", "all", json!({ "question": "Who are they?" })),
        agents.ask("analyze-segment", "aurora", "some", some),
        agents.ask("plan-campaign", "aurora", "one", json!({ "objective": GOAL })),
        agents.ask("weekly-churn-prevention-scan-tenant", "aurora", "weekly", json!({})),
        agents.ask("daily-expiration-rescue-tenant", "aurora", "daily", json!({})),
        agents.ask("monthly-strategic-review-tenant", "aurora", "monthly", json!({})),
    ];
    for run in &runs {
        agents.planned(run).await;
    }
    let log_is_kept = "select count(*) from run_logs";
    eventually("the log is kept", SOON, || async { (world.number(log_is_kept).await > 0).then_some(()) })
        .await;
    let listed = "select count(*) from agent_aliases";
    assert!(world.number(listed).await > 10, "members were spoken of");

    let bodies = agents.model.bodies();
    assert!(bodies.len() >= 20);
    let ids = members(world, tenant).await;
    for body in &bodies {
        assert!(!body.contains(MARK), "{body}");
        let named = ids.iter().find(|id| body.contains(id.as_str()));
        assert_eq!(named, None, "members go by their aliases: {body}");
    }
    for service in &services {
        assert!(!service.log().contains(MARK), "{}", service.log());
    }
    assert!(marked(world, "members").await > 0, "what is there is found");
    for table in TABLES {
        assert_eq!(marked(world, table).await, 0, "{table}");
    }
    for (subject, body) in world.jobs().await.all().await {
        assert!(!String::from_utf8_lossy(&body).contains(MARK), "{subject}");
    }
    for run in &runs {
        for shown in [&["agents", "run", run.as_str(), "--bodies"][..], &["agents", "plan", run.as_str()]] {
            assert!(!world.tradeup_ok(shown).contains(MARK), "{shown:?}");
        }
    }
    assert!(!world.tradeup_ok(&["--json", "dead", "list"]).contains(MARK));
}

/// A column that is added has to be marked above, or named as one that says nothing.
async fn all_columns_are_marked(world: &World) {
    let columns: Vec<String> = sqlx::query_scalar(
        "select column_name::text from information_schema.columns
         where table_name = 'members' and table_schema = 'public'
             and data_type in ('text', 'ARRAY', 'jsonb', 'character varying', 'bytea')
         order by 1",
    )
    .fetch_all(&world.database.admin)
    .await
    .unwrap();
    let text: String = sqlx::query_scalar("select to_jsonb(m)::text from members m limit 1")
        .fetch_one(&world.database.admin)
        .await
        .unwrap();
    for column in columns.iter().filter(|column| !UNMARKED.contains(&column.as_str())) {
        assert!(text.contains(&format!("{MARK}-{column}")), "{column} has no marker: {text}");
    }
}

async fn members(world: &World, tenant: TenantId) -> Vec<String> {
    sqlx::query_scalar("select id::text from members where tenant_id = $1")
        .bind(tenant.0)
        .fetch_all(&world.database.admin)
        .await
        .unwrap()
}

/// Values of a table with a marker in them; of bytes, too, as far as they are text.
async fn marked(world: &World, table: &str) -> i64 {
    let query = format!(
        "select count(*) from {table} t, jsonb_each_text(to_jsonb(t)) f (name, value)
         where case when left(f.value, 2) = '\\x' then encode(decode(substr(f.value, 3), 'hex'), 'escape')
             else f.value end like '%{MARK}%'"
    );
    sqlx::query_scalar(AssertSqlSafe(query)).fetch_one(&world.database.admin).await.unwrap()
}
