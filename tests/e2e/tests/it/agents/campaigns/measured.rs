//! What a campaign has brought is told against who was held out, and what a plan wanted beside what came of it; and the next
//! plan knows.

use serde_json::{Value, json};
use tradeup_fakes::anthropic::planner::MODEL;
use tradeup_harness::Planting;
use uuid::Uuid;

use super::{Campaign, Drawn, Setting, arms};

/// What one arm has done, as it is kept: members, who ordered, orders, revenue.
type Arm = (i64, i64, i64, i64);

impl Setting {
    /// As if the campaign had been approved and carried out 31 days ago, and all that it does not know of had not happened:
    /// nobody whom it drew has ordered since.
    async fn was_long_ago(&self, campaign: &Campaign) {
        let id = campaign.id;
        self.tamper(format!(
            "update campaigns set approved_at = approved_at - interval '31 days', started_at = started_at - interval '31 days',
                 ended_at = ended_at - interval '31 days' where id = '{id}';
             delete from order_refunds r using orders o, campaign_members cm, campaigns c
             where c.id = '{id}' and cm.campaign_id = c.id and o.tenant_id = c.tenant_id and o.member_id = cm.member_id
                 and o.paid_at > c.started_at and r.tenant_id = o.tenant_id and r.order_external_id = o.external_id;
             delete from orders o using campaign_members cm, campaigns c
             where c.id = '{id}' and cm.campaign_id = c.id and o.tenant_id = c.tenant_id and o.member_id = cm.member_id
                 and o.paid_at > c.started_at;"
        ))
        .await;
    }

    /// Members order so many days after the campaign began, for so much each.
    async fn order(&self, campaign: &Campaign, name: &str, members: &[Uuid], (days, minor): (i32, i64)) {
        sqlx::query(
            "insert into orders (tenant_id, external_id, member_external_id, currency, base_minor, paid_at, version_at, facts,
                 created_at, member_id, rate_bps)
             select m.tenant_id, $2 || m.external_id, m.external_id, 'USD', $5, at.paid_at, at.paid_at,
                 '{\"lines\":[{\"price_minor\":2000,\"quantity\":1}]}', at.paid_at, m.id, 0
             from campaigns c
             join members m on m.tenant_id = c.tenant_id and m.id = any($3)
             cross join lateral (select c.started_at + make_interval(days => $4) as paid_at) as at
             where c.id = $1",
        )
        .bind(campaign.id)
        .bind(format!("{name}-"))
        .bind(members)
        .bind(days)
        .bind(minor)
        .execute(&self.world().database.admin)
        .await
        .unwrap();
    }

    async fn result(&self, campaign: &Campaign, arm: &str) -> Option<Arm> {
        sqlx::query_as(
            "select members, ordering_members, orders, revenue_minor from campaign_results where campaign_id = $1 and arm = $2",
        )
        .bind(campaign.id)
        .bind(arm)
        .fetch_optional(&self.world().database.admin)
        .await
        .unwrap()
    }

    /// Looks at what has come of everything, as of now.
    async fn followed_up(&self) -> Value {
        let as_of = self.world().instant_in("-1 seconds").await;
        let run = self.world().tradeup_json(&["trigger", "kpi-follow-up", "--as-of", &as_of]);
        self.agents.succeeded(run["run_id"].as_str().unwrap()).await
    }
}

/// Every so-manyth of an arm.
fn some(arm: &[&Drawn], each: usize) -> Vec<Uuid> {
    arm.iter().step_by(each).map(|drawn| drawn.member).collect()
}

fn count(members: &[Uuid]) -> i64 {
    i64::try_from(members.len()).unwrap()
}

#[tokio::test]
async fn the_lift_that_was_planted_is_told_and_the_next_plan_knows_of_it() {
    let setting = Setting::new(Planting::churn_wave("aurora", 600)).await;
    let (run, _plan) = setting.proposed("at_risk", None).await;
    assert!(setting.approve(&run));
    let campaign = setting.campaign(&run).await;
    let _services = setting.world().start_both().await;
    setting.carried_out(&campaign, "done").await;

    // Too early: nothing is known yet, and nothing is kept.
    setting.followed_up().await;
    assert_eq!(setting.result(&campaign, "treated").await, None);

    setting.was_long_ago(&campaign).await;
    let drawn = setting.drawn(&campaign).await;
    let (treated, held_out) = arms(&drawn);
    // Every other of the treated comes back, some of them twice, and every fourth of those who were held out.
    let (back, twice, anyway) = (some(&treated, 2), some(&treated, 6), some(&held_out, 4));
    setting.order(&campaign, "back", &back, (3, 4_000)).await;
    setting.order(&campaign, "twice", &twice, (20, 1_500)).await;
    setting.order(&campaign, "anyway", &anyway, (10, 3_000)).await;
    // What came after its horizon does not count.
    setting.order(&campaign, "late", &some(&treated, 1), (30, 9_000)).await;
    setting
        .tamper(
            "update orders set paid_at = paid_at + interval '1 minute' where external_id like 'late-%'"
                .to_owned(),
        )
        .await;
    setting
        .tamper("update kpi_follow_ups set due_at = date_trunc('day', now()) - interval '1 hour'".to_owned())
        .await;
    setting.followed_up().await;

    let of_treated = (
        i64::try_from(treated.len()).unwrap(),
        count(&back),
        count(&back) + count(&twice),
        count(&back) * 4_000 + count(&twice) * 1_500,
    );
    let of_held_out =
        (i64::try_from(held_out.len()).unwrap(), count(&anyway), count(&anyway), count(&anyway) * 3_000);
    assert_eq!(setting.result(&campaign, "treated").await, Some(of_treated));
    assert_eq!(setting.result(&campaign, "held_out").await, Some(of_held_out));
    let measured =
        "select count(*) from campaigns where id = $1 and measured_at = started_at + interval '30 days'";
    assert_eq!(setting.of(&campaign, measured).await, 1);

    is_followed(&setting, &run).await;
    is_told(&setting, &run, (of_treated, of_held_out));

    // It is measured once, whatever happens later.
    setting.order(&campaign, "more", &some(&held_out, 1), (5, 100)).await;
    let story = setting.followed_up().await;
    assert_eq!(setting.result(&campaign, "held_out").await, Some(of_held_out), "{story:#}");
    setting.is_exact();

    is_known(&setting, &campaign, of_treated, of_held_out).await;
}

/// Each KPI of the plan has come to what is counted in the shop, and is met if that is the target or beyond it.
async fn is_followed(setting: &Setting, run: &str) {
    type Row = (String, i64, i64, Option<i64>, Option<String>);
    let kpis: Vec<Row> = sqlx::query_as(
        "select measure, baseline, target, actual, verdict from kpi_follow_ups where run_id = $1::uuid order by n",
    )
    .bind(run)
    .fetch_all(&setting.world().database.admin)
    .await
    .unwrap();
    assert!(kpis.len() >= 3, "{kpis:?}");
    let active: i64 = sqlx::query_scalar(
        "select count(distinct o.member_id) from orders o, (select min(due_at) as at from kpi_follow_ups) as due
         where o.tenant_id = $1 and o.paid_at <= due.at and o.paid_at > due.at - interval '2160 hours'",
    )
    .bind(setting.tenant.0)
    .fetch_one(&setting.world().database.admin)
    .await
    .unwrap();
    for (measure, baseline, target, actual, verdict) in &kpis {
        let actual = actual.unwrap_or_else(|| panic!("{measure} can be told"));
        if measure == "active_members_90d" {
            assert_eq!(actual, active);
        }
        let is_met = if target < baseline { actual <= *target } else { actual >= *target };
        let expected = if is_met { "met" } else { "missed" };
        assert_eq!(verdict.as_deref(), Some(expected), "{measure}: {baseline} to {target}, {actual}");
    }
    assert!(kpis.iter().any(|(measure, ..)| measure == "active_members_90d"), "{kpis:?}");
}

/// The plan says what became of its campaign, against who was held out, wherever it is handed on.
fn is_told(setting: &Setting, run: &str, (treated, held_out): (Arm, Arm)) {
    let markdown = setting.world().tradeup_ok(&["agents", "plan", run, "--markdown"]);
    let line = |begin: &str| {
        let found = markdown.lines().find(|line| line.starts_with(begin));
        found.unwrap_or_else(|| panic!("{begin}: {markdown}")).to_owned()
    };
    assert!(line("- Decided: approved by ").ends_with(": for the autumn"));
    assert!(line("- Carried out: ").starts_with("- Carried out: done; "));
    assert!(line("- Members: ").contains(&format!("{} were given credit", treated.0)));
    let brought = line("- Brought: ");
    for (members, ordering, orders, _revenue) in [treated, held_out] {
        let part = format!("({ordering} of {members}, {orders} orders, ");
        assert!(brought.contains(&part), "{part}: {brought}");
    }
    assert!(brought.contains("**lift "), "{brought}");
    assert!(markdown.contains("## What it came to") && markdown.contains("you planned "), "{markdown}");
    let outcomes = setting.world().tradeup_json(&["agents", "plan", run])["outcomes"].clone();
    let results = &outcomes["campaigns"][0]["carried_out"]["results"];
    assert_eq!(results[0]["ordering_members"], treated.1, "{outcomes:#}");
    assert_eq!(results[1]["ordering_members"], held_out.1, "{outcomes:#}");
}

/// The next run's agents are told what the campaign has brought, and not what it was called.
async fn is_known(setting: &Setting, campaign: &Campaign, treated: Arm, held_out: Arm) {
    let world = setting.world();
    let _service = world.start("agents").await;
    let asked =
        world.tradeup_json(&["agents", "goal", "aurora", "--goal", "What did the last campaign bring?"]);
    let run = asked["run_id"].as_str().unwrap();
    let plan = setting.agents.planned(run).await;
    assert_eq!(plan.meta.generated_by, [MODEL]);
    let cited = plan.cited.iter().filter_map(|id| plan.facts.get(id));
    assert!(cited.into_iter().any(|fact| fact.figure.name == "campaign_lift_bps"), "{:?}", plan.document);
    let journal = setting.agents.journal(run);
    let told: Vec<&Value> = journal["calls"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|call| call["tool"] == "get_campaign_performance")
        .collect();
    assert_eq!(told.len(), 1, "{journal:#}");
    let told: Value = serde_json::from_str(told[0]["content"].as_str().unwrap()).unwrap();
    let section = |name: &str| {
        let sections = told["sections"].as_array().unwrap();
        sections.iter().find(|section| section["name"] == name).unwrap_or_else(|| panic!("{told:#}")).clone()
    };
    let rows = section("campaigns")["rows"].clone();
    assert_eq!(rows.as_array().unwrap().len(), 1, "{rows:#}");
    let row = &rows[0];
    let short = campaign.id.to_string()[..8].to_owned();
    assert_eq!(row["labels"], json!({ "campaign": short, "kind": "bonus_credit", "segment": "at_risk" }));
    let figure = |name: &str| -> i64 {
        let figures = row["figures"].as_object().unwrap();
        let found = figures.values().find(|figure| figure["name"] == name);
        let value = &found.unwrap_or_else(|| panic!("{name}: {row:#}"))["value"];
        value.as_i64().or_else(|| value.as_str()?.parse().ok()).unwrap()
    };
    let bps = |arm: Arm| arm.1 * 10_000 / arm.0;
    assert_eq!(figure("campaign_treated_members"), treated.0);
    assert_eq!(figure("campaign_held_out_members"), held_out.0);
    let lift = figure("campaign_lift_bps");
    // Shares are rounded.
    assert!((lift - (bps(treated) - bps(held_out))).abs() <= 2, "{lift}: {row:#}");
    assert!(lift > 2_000, "{lift}");
    assert_eq!(figure("campaign_cost_minor"), setting.spent(campaign).await);
    let additional = treated.2 - held_out.2 * treated.0 / held_out.0;
    assert!((figure("campaign_additional_orders") - additional).abs() <= 1, "{additional}: {row:#}");
    assert!(!section("kpis")["rows"].as_array().unwrap().is_empty(), "{told:#}");
    assert!(!told.to_string().contains("Come back"), "a campaign's name is a model's word");
}
