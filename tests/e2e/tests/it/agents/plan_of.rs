//! A plan and the journal of its run, put into a database as the agents put them there, for whoever looks at it.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tradeup_domain::figure::Figure;
use tradeup_harness::World;
use tradeup_plan::{Document, Fact, Facts, Limits, Meta, Plan, Proposal, Settlement, check, settle};
use uuid::Uuid;

use crate::console::{Browser, Console, header};

/// Text of a stranger's.
pub(crate) const HOSTILE: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>";
/// The instant that all facts are of.
pub(crate) const AS_OF: &str = "2026-11-29T10:00:00Z";

/// Asks for a plan of aurora on its page, and has it there as if the agents had made it: the run.
pub(crate) async fn asked(console: &Console, who: &Browser, offline: bool, says: &str) -> String {
    let fields = [
        ("task", "plan-strategic-goal"),
        ("goal", "reduce churn by a fifth"),
        ("timeline_days", "90"),
        ("key", "spring"),
        ("reason", "the board wants it"),
    ];
    let (status, answer) = who.act("/shops/aurora/agents/start", &fields).await;
    assert_eq!(status, 303, "{answer}");
    let run = header(&answer, "location").unwrap().trim_start_matches("/runs/").to_owned();
    put(&console.world, &run, offline, says).await;
    run
}

/// What tools have told: their name, and the figures of the call.
pub(crate) fn figures() -> Vec<Figure> {
    vec![
        Figure::count("members_total", 1_234),
        Figure::count("at_risk_members", 310),
        Figure::minor("expiring_unused_30d_minor", 43_050, "USD"),
        Figure::count("orders_90d", 2_210).over("90d"),
    ]
}

pub(crate) fn as_of() -> DateTime<Utc> {
    AS_OF.parse().unwrap()
}

/// What a model would have handed in.
fn document(says: &str) -> Value {
    json!({
        "executive_summary": ["Of {{F1}} members {{F2}} are at risk, which is {{C1}} of all."],
        "current_state": ["Members placed {{F4}} orders within 90 days.", "{{F3}} of credit is about to end."],
        "calculations": [{ "id": "C1", "op": "share", "args": ["F2", "F1"], "label": "share of members at risk" }],
        "phases": [
            { "title": "Listen", "weeks": 4, "goal": "Know why {{F2}} members stay away.", "actions": ["Ask them."] },
            { "title": "Win back", "weeks": 4, "goal": "Bring them back.", "actions": ["Send the campaign."] },
            { "title": "Keep", "weeks": 4, "goal": "Keep them.", "actions": ["Look at what has worked."] },
        ],
        "campaigns": [{
            "key": "c1", "name": "Come back", "phase": 2, "kind": "bonus_credit", "segment": "at_risk", "tier": "",
            "message_subject": "We miss you", "message_body": "There is {{credit}} for you, for {{days}}.",
            "credit_minor": 200, "credit_ends_within_days": 30, "extend_days": 0, "audience": "F2",
            "hold_out_bps": 1000, "cost_limit_minor": 70_000, "why": "{{F2}} members are at risk.",
        }, {
            "key": "c2", "name": "Use it in time", "phase": 1, "kind": "mail", "segment": "expiring", "tier": "",
            "message_subject": "Your credit ends soon", "message_body": "Have a look at what is new.",
            "credit_minor": 0, "credit_ends_within_days": 0, "extend_days": 0, "audience": "F2",
            "hold_out_bps": 1000, "cost_limit_minor": 0, "why": "{{F3}} of credit is about to end.",
        }],
        "kpis": [{
            "name": "Members at risk", "measure": "at_risk_members", "baseline": "F2", "target_change_bps": -2000,
            "horizon_days": 90, "how": "Counted again as {{F2}} was.",
        }],
        "risks": [says],
        "assumptions": ["Prices stay as they are."],
        "data_gaps": ["Nothing is known of visits to the shop."],
    })
}

/// The plan of a shop. `says` is one of its risks, whatever it says; what can't be proven of it is marked.
pub(crate) fn plan(tenant: &str, offline: bool, says: &str) -> Plan {
    let mut facts = Facts::default();
    for (at, figure) in figures().into_iter().enumerate() {
        let fact = Fact {
            id: format!("F{}", at + 1),
            figure,
            as_of: as_of(),
            tool: "get_tenant_overview".to_owned(),
            agent: "orchestrator".to_owned(),
            call: "toolu_1".to_owned(),
        };
        facts.insert(fact).unwrap();
    }
    let limits = Limits::of("USD");
    let document = Document::read(&document(says)).unwrap();
    let unproven = check(&document, &facts, &limits);
    let generated_by = if offline { "offline-script-1" } else { "claude-opus-4-5-20251101" };
    settle(Settlement {
        meta: Meta {
            kind: "plan-strategic-goal".to_owned(),
            goal: "reduce churn by a fifth".to_owned(),
            timeline_days: Some(90),
            target_segment: None,
            as_of: as_of(),
            currency: "USD".to_owned(),
            tenant: tenant.to_owned(),
            generated_by: vec![generated_by.to_owned()],
            offline,
            cost_nano_usd: 23_100_000,
        },
        document,
        facts,
        limits: &limits,
        unproven,
        incomplete_because: None,
    })
}

/// The plan of aurora's run, with the journal that led to it: an answered turn, one that was sent and lost, a tool call
/// with its facts.
pub(crate) async fn put(world: &World, run: &str, offline: bool, says: &str) -> Plan {
    let run: Uuid = run.parse().unwrap();
    let plan = plan("aurora", offline, says);
    let admin = &world.database.admin;
    sqlx::query(
        "insert into agent_runs (tenant_id, run_id, kind, goal, as_of, bundle, state, epoch, spent_nano, unknown_nano, \
             outcome, facts, ended_at)
         values (1, $1, $2, $3, $4, '{}', 'done', 1, 30000000, 6900000, 'a plan', 4, now())",
    )
    .bind(run)
    .bind(&plan.meta.kind)
    .bind(&plan.meta.goal)
    .bind(plan.meta.as_of)
    .execute(admin)
    .await
    .unwrap();
    turn(world, run).await;
    for (at, figure) in (1_i32..).zip(figures()) {
        sqlx::query(
            "insert into agent_facts (tenant_id, run_id, id, agent, tool, tool_use_id, figure, as_of)
             values (1, $1, $2, 'orchestrator', 'get_tenant_overview', 'toolu_1', $3, $4)",
        )
        .bind(run)
        .bind(at)
        .bind(serde_json::to_value(figure).unwrap())
        .bind(plan.meta.as_of)
        .execute(admin)
        .await
        .unwrap();
    }
    sqlx::query(
        "insert into plans (tenant_id, run_id, kind, goal, state, document, complete, offline)
         values (1, $1, $2, $3, 'awaiting_approval', $4, $5, $6)",
    )
    .bind(run)
    .bind(&plan.meta.kind)
    .bind(&plan.meta.goal)
    .bind(serde_json::to_value(&plan).unwrap())
    .bind(plan.complete)
    .bind(offline)
    .execute(admin)
    .await
    .unwrap();
    for proposal in &plan.campaigns {
        sqlx::query(
            "insert into plan_items (tenant_id, run_id, key, hash, name, approvable, terms)
             values (1, $1, $2, $3, $4, $5, $6)",
        )
        .bind(run)
        .bind(&proposal.campaign.key)
        .bind(&proposal.hash)
        .bind(&proposal.campaign.name)
        .bind(proposal.approvable)
        .bind(terms(&plan, proposal))
        .execute(admin)
        .await
        .unwrap();
    }
    plan
}

/// What is done if it is approved, as the agents write it down. Of a snapshot that there is not: it draws nobody.
fn terms(plan: &Plan, proposal: &Proposal) -> Value {
    let campaign = &proposal.campaign;
    json!({
        "kind": campaign.kind.as_str(), "segment": campaign.segment, "tier": null, "snapshot": Uuid::nil(),
        "as_of": AS_OF, "subject": proposal.message_subject, "body": proposal.message_body,
        "currency": plan.meta.currency, "credit_minor": campaign.credit_minor,
        "credit_ends_within_days": campaign.credit_ends_within_days, "extend_days": campaign.extend_days,
        "hold_out_bps": campaign.hold_out_bps, "cost_limit_minor": campaign.cost_limit_minor, "horizon_days": 30,
    })
}

async fn turn(world: &World, run: Uuid) {
    let admin = &world.database.admin;
    let content = json!([
        { "type": "text", "text": format!("I look at the shop. {HOSTILE}") },
        { "type": "tool_use", "id": "toolu_1", "name": "get_tenant_overview", "input": { "window": "90d" } },
    ]);
    sqlx::query(
        "insert into agent_turns (tenant_id, run_id, agent, seq, content, stop_reason, model, request_id, \
             input_tokens, cache_write_tokens, cache_read_tokens, output_tokens, cost_nano)
         values (1, $1, 'orchestrator', 1, $2, 'tool_use', 'claude-opus-4-5-20251101', 'req_1', 1200, 3400, 560, 780, \
             23100000)",
    )
    .bind(run)
    .bind(content.to_string())
    .execute(admin)
    .await
    .unwrap();
    for (seq, attempt, state, nano, request, code) in [
        (1, 1, "rejected", 0_i64, Some("req_0"), Some("TU0701")),
        (1, 2, "answered", 30_000_000, Some("req_1"), None),
        (2, 1, "unknown", 6_900_000, None, Some("TU0701")),
    ] {
        sqlx::query(
            "insert into model_attempts (tenant_id, run_id, agent, seq, attempt, epoch, state, model, request_sha256, \
                 request_bytes, reserved_nano, day, request_id, error_code, error, sent_at, ended_at)
             values (1, $1, 'orchestrator', $2, $3, 1, $4, 'claude-opus-4-5-20251101', sha256('x'), 4096, $5, \
                 current_date, $6, $7, case when $7 is not null then 'the answer was cut off' end, now(), now())",
        )
        .bind(run)
        .bind(seq)
        .bind(attempt)
        .bind(state)
        .bind(nano)
        .bind(request)
        .bind(code)
        .execute(admin)
        .await
        .unwrap();
    }
    sqlx::query(
        "insert into tool_calls (tenant_id, run_id, agent, tool_use_id, seq, position, name, input, state, content, \
             done_at)
         values (1, $1, 'orchestrator', 'toolu_1', 1, 0, 'get_tenant_overview', '{\"window\": \"90d\"}', 'done', \
             '{\"figures\": [\"F1\"]}', now())",
    )
    .bind(run)
    .execute(admin)
    .await
    .unwrap();
    sqlx::query(
        "insert into model_spend_days (day, spent_nano) values ((now() at time zone 'utc')::date, 30000000)
         on conflict (day) do update set spent_nano = model_spend_days.spent_nano + excluded.spent_nano",
    )
    .execute(admin)
    .await
    .unwrap();
    sqlx::query(
        "insert into model_spend (tenant_id, period, spent_nano)
         select 1, to_char(now() at time zone 'utc', form), 30000000
         from (values ('YYYY-MM'), ('YYYY-MM-DD')) as forms (form)
         on conflict (tenant_id, period) do update set spent_nano = model_spend.spent_nano + excluded.spent_nano",
    )
    .execute(admin)
    .await
    .unwrap();
}
