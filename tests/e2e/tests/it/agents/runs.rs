//! What is asked for leads to a plan: through the orchestrator and both specialists, with figures that are the shop's,
//! once for each key, and for each shop by itself.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tradeup_fakes::anthropic::planner::Planner;
use tradeup_harness::{Planting, eventually};
use tradeup_plan::Plan;
use tradeup_store::TenantId;

use super::asking::{Agents, GOAL, SOON, SUBMIT, stand_in, told};

/// A shop in which there is something to plan: many are about to stay away, and much credit is about to end.
fn in_trouble(handle: &str, members: u64) -> Planting {
    Planting { expiring: 400, ..Planting::churn_wave(handle, members) }
}

/// Figures of a whole shop, by the name that tools tell them under: of shop $1, as of $2.
const FIGURES: [(&str, &str); 6] = [
    ("members_total", "select count(*) from members where tenant_id = $1"),
    (
        "orders_90d",
        "select count(*) from orders where tenant_id = $1 and paid_at > $2::timestamptz - interval '2160 hours'",
    ),
    (
        "active_members_90d",
        "select count(distinct member_id) from orders where tenant_id = $1 and paid_at > $2::timestamptz - interval '2160 hours'",
    ),
    (
        "revenue_90d_minor",
        "select sum(o.base_minor - coalesce((select sum(r.eligible_minor) from order_refunds r
             where r.tenant_id = o.tenant_id and r.order_external_id = o.external_id), 0))::bigint
         from orders o where o.tenant_id = $1 and o.paid_at > $2::timestamptz - interval '2160 hours'",
    ),
    (
        "expiring_unused_30d_minor",
        "select sum(remaining_minor)::bigint from lots where tenant_id = $1 and ends_at > $2::timestamptz
             and ends_at <= $2::timestamptz + interval '720 hours'",
    ),
    ("credit_outstanding_minor", "select sum(balance_minor)::bigint from accounts where tenant_id = $1"),
];

/// Every figure of a plan that can be counted is what is counted in the shop.
async fn is_of(agents: &Agents, plan: &Plan, tenant: TenantId) {
    let mut counted = 0;
    for (name, query) in FIGURES {
        let figures: Vec<i64> =
            plan.facts.iter().filter(|fact| fact.figure.name == name).map(|fact| fact.figure.value).collect();
        let value: i64 = sqlx::query_scalar(query)
            .bind(tenant.0)
            .bind(plan.meta.as_of)
            .fetch_one(&agents.world.database.admin)
            .await
            .unwrap();
        assert!(figures.iter().all(|figure| *figure == value), "{name} is {value}: {figures:?}");
        counted += figures.len();
    }
    assert!(counted >= FIGURES.len(), "{counted} figures were counted");
    let of_tiers: Vec<i64> = sqlx::query_scalar(
        "select count(*) from memberships where tenant_id = $1 and valid_to is null group by tier_id",
    )
    .bind(tenant.0)
    .fetch_all(&agents.world.database.admin)
    .await
    .unwrap();
    let tiers = plan.facts.iter().filter(|fact| fact.figure.name == "tier_members");
    for tier in tiers {
        assert!(of_tiers.contains(&tier.figure.value), "{:?} of {of_tiers:?}", tier.figure);
    }
}

/// Nothing in its texts is a number of its own: what is left without placeholders and lengths of time has no digit.
fn is_grounded(plan: &Plan) {
    assert!(plan.complete && plan.unproven.is_empty(), "{:?}", plan.unproven);
    assert_eq!(plan.document.phases.len(), 3);
    assert!(plan.calculations.iter().all(|calculated| calculated.figure.is_some()));
    for text in plan.document.executive_summary.iter().chain(&plan.document.current_state) {
        let mut rest = text.clone();
        while let Some((before, after)) = rest.split_once("{{") {
            let (id, after) = after.split_once("}}").unwrap();
            assert!(plan.figure(id).is_some(), "{id}: {text}");
            rest = format!("{before}{after}");
        }
        for window in ["30 days", "60 days", "90 days", "365 days"] {
            rest = rest.replace(window, "");
        }
        assert!(!rest.chars().any(|char| char.is_numeric()), "{text}");
    }
    for proposal in &plan.campaigns {
        assert!(proposal.approvable && proposal.audience.is_some_and(|members| members >= 5), "{proposal:?}");
        assert!(proposal.cost_minor.is_some_and(|cost| cost <= 100_000), "{proposal:?}");
    }
}

#[tokio::test]
async fn a_goal_leads_to_a_plan_and_so_does_every_kind_of_task() {
    let mut agents = Agents::offline(Planner::new()).await;
    let tenant = agents.shop(in_trouble("aurora", 240)).await;
    let service = agents.world.start("agents").await;
    let asked = agents.world.tradeup_json(&["agents", "goal", "aurora", "--goal", GOAL]);
    let run = asked["run_id"].as_str().unwrap();
    let plan = agents.planned(run).await;
    is_grounded(&plan);
    is_of(&agents, &plan, tenant).await;
    assert!(!plan.campaigns.is_empty() && !plan.kpis.is_empty() && plan.meta.offline);
    assert!(plan.kpis.iter().all(|kpi| kpi.target.is_some() && kpi.due_at.is_some()), "{:?}", plan.kpis);

    // All three have worked on it, and every tool was asked.
    let journal = agents.journal(run);
    let of = |list: &str, field: &str| -> BTreeSet<String> {
        let values = journal[list].as_array().unwrap().iter();
        values.map(|item| item[field].as_str().unwrap().to_owned()).collect()
    };
    let who = ["engagement-1", "insights-1", "orchestrator"].map(str::to_owned);
    assert_eq!(of("turns", "agent"), BTreeSet::from(who));
    for tool in [
        "get_tenant_overview",
        "get_historical_trends",
        "delegate_insights",
        "delegate_engagement",
        "get_purchase_history",
        "get_credit_activity",
        "get_tier_analysis",
        "get_engagement_metrics",
        "get_at_risk_members",
        "get_expiring_credits",
        "get_campaign_performance",
        "submit_findings",
        SUBMIT,
    ] {
        assert!(of("calls", "tool").contains(tool), "{tool}: {journal:#}");
    }
    let calls = journal["calls"].as_array().unwrap();
    assert!(calls.iter().all(|call| call["is_error"] == false && call["state"] == "done"), "{calls:#?}");
    assert_eq!(journal["facts"].as_array().unwrap().len(), plan.facts.len());
    assert_eq!(journal["turns"].as_array().unwrap().len(), agents.model.ledger().billed());

    every_kind(&agents, tenant).await;
    same_key(&agents).await;
    agents.is_paid_once().await;
    service.kill();
    mended(&mut agents).await;
}

/// Each kind of task ends with a plan; those that only ask propose nothing.
async fn every_kind(agents: &Agents, tenant: TenantId) {
    let campaign = json!({ "objective": "Have members use what ends", "budget_minor": 20_000 });
    let some =
        json!({ "filter": { "tiers": ["bronze"], "inactive_days_min": 30 }, "question": "Who are they?" });
    let asked: Vec<(&str, bool, String)> = [
        (
            "plan-strategic-goal",
            true,
            json!({ "goal": GOAL, "timeline_days": 60, "target_segment": "at_risk" }),
        ),
        ("plan-campaign", true, campaign),
        ("analyze-member-insights", false, json!({})),
        ("analyze-segment", false, some),
        ("weekly-churn-prevention-scan-tenant", true, json!({})),
        ("daily-expiration-rescue-tenant", true, json!({})),
        ("monthly-strategic-review-tenant", true, json!({})),
    ]
    .into_iter()
    .map(|(task, proposes, input)| (task, proposes, agents.ask(task, "aurora", "each", input)))
    .collect();
    for (task, proposes, run) in asked {
        let plan = agents.planned(&run).await;
        assert_eq!(plan.meta.kind, task);
        is_grounded(&plan);
        is_of(agents, &plan, tenant).await;
        assert_eq!(!plan.campaigns.is_empty(), proposes, "{task}: {:?}", plan.campaigns);
        match task {
            "plan-campaign" => {
                assert_eq!(plan.campaigns.len(), 1);
                assert!(plan.campaigns[0].cost_minor.is_some_and(|cost| cost <= 20_000), "{plan:?}");
            }
            "plan-strategic-goal" => {
                assert!(plan.campaigns.iter().any(|proposal| proposal.campaign.segment == "at_risk"));
            }
            "daily-expiration-rescue-tenant" => {
                assert!(plan.campaigns.iter().all(|proposal| proposal.campaign.segment == "expiring"));
            }
            _ => {}
        }
    }
}

/// A key is one run, however often it is given.
async fn same_key(agents: &Agents) {
    let ask = ["agents", "goal", "aurora", "--goal", "Grow by a tenth", "--key", "grow"];
    let first = agents.world.tradeup_json(&ask);
    let again = agents.world.tradeup_json(&ask);
    assert_eq!((&again["run_id"], &again["new"]), (&first["run_id"], &json!(false)));
    let run = first["run_id"].as_str().unwrap();
    agents.planned(run).await;
    let billed = agents.model.ledger().billed();
    let later = agents.world.tradeup_json(&ask);
    assert_eq!((&later["run_id"], &later["state"]), (&first["run_id"], &json!("succeeded")));
    let twice = "select count(*) from plans where goal = 'Grow by a tenth'";
    assert_eq!(agents.world.number(twice).await, 1);
    assert_eq!(agents.model.ledger().billed(), billed);
}

/// A figure that no tool answered is refused, told, and gone from the plan.
async fn mended(agents: &mut Agents) {
    agents.model = stand_in(Planner::ungrounded_once()).await;
    agents.world.environment.insert("TRADEUP_ANTHROPIC_URL".to_owned(), agents.model.base());
    let _service = agents.world.start("agents").await;
    let run = agents.goal("aurora", "ungrounded", GOAL);
    let plan = agents.planned(&run).await;
    is_grounded(&plan);
    assert!(!told(&plan).contains("37 %"));
    let journal = agents.journal(&run);
    let calls = journal["calls"].as_array().unwrap().iter();
    let submitted: Vec<&Value> = calls.filter(|call| call["tool"] == SUBMIT).collect();
    assert_eq!(submitted.len(), 2, "{submitted:#?}");
    assert_eq!((&submitted[0]["is_error"], &submitted[1]["is_error"]), (&json!(true), &json!(false)));
    assert!(submitted[0]["input"].as_str().unwrap().contains("37 %"), "{submitted:#?}");
    let findings: Value = serde_json::from_str(submitted[0]["content"].as_str().unwrap()).unwrap();
    let findings = findings["findings"].as_array().unwrap();
    assert!(!findings.is_empty(), "{submitted:#?}");
    for finding in findings {
        assert!(finding["path"].as_str().unwrap().starts_with("executive_summary["), "{findings:#?}");
        assert!(["digits", "sign"].contains(&finding["code"].as_str().unwrap()), "{findings:#?}");
    }
    assert_eq!(agents.model.ledger().trouble(), None);
}

#[tokio::test]
async fn scans_plan_for_each_shop_by_itself() {
    let agents = Agents::offline(Planner::new()).await;
    let shops = [("aurora", 90), ("borealis", 120)];
    let mut tenants = Vec::new();
    for (handle, members) in shops {
        tenants.push(agents.shop(in_trouble(handle, members)).await);
    }
    let _services = (agents.world.start("scheduler").await, agents.world.start("agents").await);
    let seen = "select count(*) from workers where service = 'agents'";
    eventually("agents are seen", SOON, || async { (agents.world.number(seen).await > 0).then_some(()) })
        .await;
    let scan = |name: &str| {
        let scan = agents.world.tradeup_json(&["trigger", name, "--as-of", &agents.as_of]);
        (scan["run_id"].as_str().unwrap().to_owned(), scan["new"] == true)
    };
    let names = ["weekly-churn-prevention-scan", "daily-expiration-rescue"];
    let scans = names.map(scan);
    for (run, is_new) in &scans {
        assert!(is_new);
        agents.succeeded(run).await;
    }
    let plans: Vec<(i64, String, Value)> =
        sqlx::query_as("select tenant_id, kind, document from plans order by tenant_id, kind")
            .fetch_all(&agents.world.database.admin)
            .await
            .unwrap();
    let made: Vec<(i64, &str)> = plans.iter().map(|(tenant, kind, _)| (*tenant, kind.as_str())).collect();
    let kinds = ["daily-expiration-rescue-tenant", "weekly-churn-prevention-scan-tenant"];
    let wanted: Vec<(i64, &str)> =
        tenants.iter().flat_map(|tenant| kinds.map(|kind| (tenant.0, kind))).collect();
    assert_eq!(made, wanted, "one plan for each shop and scan");
    for ((tenant, _, document), (handle, _)) in plans.iter().zip(shops.iter().flat_map(|shop| [shop; 2])) {
        let plan: Plan = serde_json::from_value(document.clone()).unwrap();
        assert_eq!(plan.meta.tenant, *handle);
        is_grounded(&plan);
        is_of(&agents, &plan, TenantId(*tenant)).await;
    }
    // Members that agents spoke of are the shop's own.
    let strangers = "select count(*) from agent_aliases a where not exists (
        select from members m where m.tenant_id = a.tenant_id and m.id = a.member_id)";
    assert_eq!(agents.world.number(strangers).await, 0);
    // Asked again about the same instant, they are the same runs.
    let billed = agents.model.ledger().billed();
    for (name, (run, _)) in names.into_iter().zip(&scans) {
        assert_eq!(scan(name), (run.clone(), false));
    }
    assert_eq!(agents.world.number("select count(*) from plans").await, 4);
    assert_eq!(agents.model.ledger().billed(), billed);
    agents.is_paid_once().await;
}
