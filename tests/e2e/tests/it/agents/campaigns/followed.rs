//! A KPI about one tier is looked at again as any other is: "you planned so many, you got so many".

use serde_json::Value;
use tradeup_harness::Planting;

use super::super::api::Program;
use super::Setting;
use crate::console::add_user;
use crate::http::port;

/// How many have been in a tier at an instant, counted from what memberships say.
const IN_TIER: &str = "
    select count(distinct m.member_id) from memberships m join tiers t on t.tenant_id = m.tenant_id and t.id = m.tier_id
    where t.handle = $1 and m.valid_from <= $2 and (m.valid_to is null or m.valid_to > $2)";

async fn in_tier(setting: &Setting, handle: &str, at: chrono::DateTime<chrono::Utc>) -> i64 {
    sqlx::query_scalar(IN_TIER)
        .bind(handle)
        .bind(at)
        .fetch_one(&setting.world().database.admin)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_tier_is_counted_again_when_its_time_has_come() {
    let mut setting = Setting::new(Planting::healthy("aurora", 300)).await;
    let agents = setting.world().start("agents").await;
    let run = setting.agents.goal("aurora", "tiers", "Get more people into the higher tiers");
    let plan = setting.agents.planned(&run).await;
    agents.terminate(super::SOON).await;
    let kpi = plan.kpis.iter().find(|kpi| kpi.measure == "tier_members").unwrap();
    let tier = kpi.tier().unwrap().to_owned();
    let (baseline, target) = (kpi.baseline_figure.as_ref().unwrap().value, kpi.target.unwrap());
    assert_eq!(in_tier(&setting, &tier, plan.meta.as_of).await, baseline);
    assert!(target > baseline, "{kpi:?}");

    // Some come up to it, fewer than were planned; then its time has come.
    let came = (target - baseline) / 2;
    assert!(came > 0, "{kpi:?}");
    setting
        .tamper(format!(
            "update memberships m set tier_id = t.id from tiers t
             where t.tenant_id = m.tenant_id and t.handle = '{tier}' and (m.tenant_id, m.member_id) in (
                 select o.tenant_id, o.member_id from memberships o join tiers ot on ot.tenant_id = o.tenant_id
                     and ot.id = o.tier_id and ot.handle <> '{tier}'
                 where o.valid_to is null
                     and not exists (select from memberships p where p.tenant_id = o.tenant_id
                         and p.member_id = o.member_id and p.valid_to is not null)
                     and o.valid_from < now() - interval '10 days'
                 order by o.member_id limit {came})"
        ))
        .await;
    setting
        .tamper("update kpi_follow_ups set due_at = date_trunc('day', now()) - interval '1 hour'".to_owned())
        .await;
    let services = setting.world().start_both().await;
    let as_of = setting.world().instant_in("-1 seconds").await;
    let follow = setting.world().tradeup_json(&["trigger", "kpi-follow-up", "--as-of", &as_of]);
    setting.agents.succeeded(follow["run_id"].as_str().unwrap()).await;
    drop(services);

    let due: chrono::DateTime<chrono::Utc> =
        sqlx::query_scalar("select due_at from kpi_follow_ups where run_id = $1::uuid limit 1")
            .bind(&run)
            .fetch_one(&setting.world().database.admin)
            .await
            .unwrap();
    let got = in_tier(&setting, &tier, due).await;
    assert!(got > baseline && got < target, "{baseline} {got} {target}");
    is_read(&mut setting, &run, &tier, (target, got)).await;
    let open = "select count(*) from kpi_follow_ups where verdict is null";
    assert_eq!(setting.world().number(open).await, 0, "each KPI of the plan is followed up");
    assert_eq!(
        setting.world().number("select count(*) from kpi_follow_ups").await,
        i64::try_from(plan.kpis.len()).unwrap()
    );
}

/// The owner of the shop reads it on the plan's page, in its files, and by command.
async fn is_read(setting: &mut Setting, run: &str, tier: &str, (planned, got): (i64, i64)) {
    let words = format!("you planned {planned}, you got {got}");
    let markdown = setting.world().tradeup_ok(&["agents", "plan", run, "--markdown"]);
    let line = markdown.lines().find(|line| line.contains(&words)).unwrap_or_else(|| panic!("{markdown}"));
    assert!(
        line.starts_with("- **Missed** ") && line.contains(&format!("tier\\_members of {tier}")),
        "{line}"
    );
    let json = setting.world().tradeup_json(&["agents", "plan", run]);
    let kpis = json["outcomes"]["kpis"].as_array().unwrap();
    let of_tier = kpis.iter().find(|kpi| kpi["tier"] == *tier).unwrap_or_else(|| panic!("{json:#}"));
    assert_eq!((&of_tier["target"], &of_tier["actual"]), (&planned.into(), &got.into()), "{of_tier:#}");

    setting.agents.world.environment.insert("TRADEUP_CONSOLE".to_owned(), "127.0.0.1:0".to_owned());
    add_user(setting.world(), &["sam", "--role", "shop", "--tenant", "aurora"]);
    let console = setting.world().start("console").await;
    let sam = Program::of(setting.world(), port(&console).await, "sam");
    let path = format!("/shops/aurora/plans/{run}");
    let read: Value = sam.get(&path).await;
    let followed = read["followed"].as_array().unwrap();
    let of_tier = followed.iter().find(|kpi| kpi["tier"] == *tier).unwrap_or_else(|| panic!("{read:#}"));
    assert_eq!(
        (&of_tier["planned"], &of_tier["actual"], &of_tier["verdict"]),
        (&planned.to_string().into(), &got.to_string().into(), &"missed".into()),
        "{of_tier:#}"
    );
    let (status, text, _value) = sam.ask("GET", &format!("{path}.md"), "text/markdown", &Value::Null).await;
    assert!(status == 200 && text.contains(&words), "{text}");
}
