//! What people see of agents: plans whose figures lead to where they come from, how each was made, and what it has cost.

use serde_json::Value;

use super::plan_of::{HOSTILE, asked};
use crate::console::{Browser, add_user, console, header};

/// What is between a mark and the next quote.
fn after<'a>(page: &'a str, mark: &str) -> Vec<&'a str> {
    page.split(mark).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

#[tokio::test]
async fn every_figure_of_a_plan_leads_to_where_it_comes_from() {
    let console = console().await;
    let olga = console.as_user("olga").await;
    let run = asked(&console, &olga, false, "Sales rise by 25 % by themselves.").await;
    let page = olga.get(&format!("/shops/aurora/plans/{run}")).await.1;
    let figures = after(&page, "class=\"figure\" href=\"#");
    assert!(figures.len() >= 8, "{page}");
    for id in figures {
        assert!(page.contains(&format!("id=\"{id}\"")), "{id} leads nowhere: {page}");
    }
    for shown in ["1,234", "310", "25.1 %", "430.50 USD", "members_total", "2,210", "248"] {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    assert!(
        page.contains("get_tenant_overview") && page.contains("journal#call-orchestrator-toolu_1"),
        "{page}"
    );
    // What no tool has told is marked, and named.
    let marked = page.split("<mark").nth(1).unwrap_or_default();
    assert!(marked.contains("25 %") && marked.contains("(not proven)"), "{page}");
    assert!(page.contains("id=\"unproven\"") && page.contains("risks[0]"), "{page}");
    assert!(!page.contains("style=\"") && !page.contains("Made offline"), "{page}");

    for (path, what) in [
        ("/plans", "reduce churn by a fifth"),
        ("/plans?state=awaiting_approval&tenant=aurora", "reduce churn by a fifth"),
        ("/plans?state=rejected", "No plan matches."),
        ("/shops/aurora/plans", "reduce churn by a fifth"),
        ("/shops/borealis/plans", "There are none yet."),
        ("/shops/aurora", "/shops/aurora/plans"),
        ("/shops/aurora", "/shops/aurora/campaigns"),
        ("/campaigns?state=running", "No campaign matches."),
        ("/shops/borealis/campaigns", "There are none yet."),
    ] {
        let page = olga.get(path).await.1;
        assert!(page.contains(what), "{path}: {page}");
    }
    let page = olga.get(&format!("/runs/{run}")).await.1;
    assert!(page.contains(&format!("/shops/aurora/plans/{run}\"")), "{page}");
    assert!(page.contains(&format!("/shops/aurora/plans/{run}/journal\"")), "{page}");
}

#[tokio::test]
async fn a_plan_is_handed_on_as_markdown_and_json() {
    let console = console().await;
    let olga = console.as_user("olga").await;
    let run = asked(&console, &olga, false, HOSTILE).await;
    let (status, answer) = olga.get(&format!("/shops/aurora/plans/{run}.md")).await;
    assert_eq!((status, header(&answer, "content-type")), (200, Some("text/markdown; charset=utf-8")));
    let file = header(&answer, "content-disposition").unwrap();
    assert_eq!(file, format!("attachment; filename=\"plan-aurora-{run}.md\""));
    assert!(answer.contains("\\[F2\\]") && !answer.contains("<script>"), "{answer}");
    let (status, answer) = olga.get(&format!("/shops/aurora/plans/{run}.json")).await;
    assert_eq!((status, header(&answer, "content-type")), (200, Some("application/json")));
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    let plan: Value =
        serde_json::from_str(&body[body.find('{').unwrap()..=body.rfind('}').unwrap()]).unwrap();
    assert_eq!(plan["plan"]["meta"]["goal"], "reduce churn by a fifth", "{plan}");
    assert_eq!(olga.get("/shops/aurora/plans/nonsense").await.0, 404);
    assert_eq!(olga.get(&format!("/shops/borealis/plans/{run}")).await.0, 404);
    assert_eq!(olga.get(&format!("/shops/borealis/plans/{run}/journal")).await.0, 404);
}

#[tokio::test]
async fn a_campaign_is_decided_on_by_operators_once_and_for_what_was_shown() {
    let console = console().await;
    let world = &console.world;
    let olga = console.as_user("olga").await;
    let run = asked(&console, &olga, false, "Members may not answer.").await;
    let path = format!("/shops/aurora/plans/{run}");
    let decide = format!("{path}/decide");
    let page = olga.get(&path).await.1;
    let hashes: Vec<String> = after(&page, "name=\"hash\" value=\"").into_iter().map(str::to_owned).collect();
    assert_eq!(hashes.len(), 2, "{page}");
    let fields = |campaign: &'static str, hash: &str, verdict: &'static str| {
        vec![
            ("campaign".to_owned(), campaign.to_owned()),
            ("hash".to_owned(), hash.to_owned()),
            ("verdict".to_owned(), verdict.to_owned()),
            ("reason".to_owned(), "worth it".to_owned()),
        ]
    };
    let sent = async |who: &Browser, fields: Vec<(String, String)>| {
        let fields: Vec<(&str, &str)> =
            fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        who.act(&decide, &fields).await
    };
    let vera = console.as_user("vera").await;
    assert!(!vera.get(&path).await.1.contains("/decide"), "a viewer decides nothing");
    assert_eq!(sent(&vera, fields("c1", &hashes[0], "approve")).await.0, 403);
    assert_eq!(sent(&console.as_user("sam").await, fields("c1", &hashes[0], "approve")).await.0, 403);
    let decided = "select count(*) from plan_items where state <> 'proposed'";
    let (status, answer) = sent(&olga, fields("c1", &"0".repeat(64), "approve")).await;
    assert!(status == 409 && answer.contains("it has changed"), "{answer}");
    let mut unsaid = fields("c1", &hashes[0], "approve");
    unsaid.pop();
    assert_eq!(sent(&olga, unsaid).await.0, 422, "it asks for a reason");
    assert_eq!(sent(&olga, fields("c9", &hashes[0], "approve")).await.0, 404);
    assert_eq!(sent(&olga, fields("c1", &hashes[0], "perhaps")).await.0, 422);
    assert_eq!(world.number(decided).await, 0);

    let (status, answer) = sent(&olga, fields("c1", &hashes[0], "approve")).await;
    assert_eq!((status, header(&answer, "location")), (303, Some(path.as_str())), "{answer}");
    assert_eq!(sent(&olga, fields("c1", &hashes[0], "reject")).await.0, 409, "it is decided");
    assert_eq!(sent(&olga, fields("c2", &hashes[1], "reject")).await.0, 303);
    let states =
        world.number("select count(*) from plan_items where state in ('approved', 'rejected')").await;
    assert_eq!(states, 2);
    let page = olga.get(&path).await.1;
    assert!(page.contains("by olga") && page.contains("worth it") && !page.contains("/decide"), "{page}");
    let audit = olga.get("/audit?actor=olga&act=plans.").await.1;
    assert!(audit.contains("worth it") && audit.contains(&hashes[0]), "{audit}");
}

#[tokio::test]
async fn what_a_script_has_made_says_so_and_is_not_approved() {
    let console = console().await;
    let olga = console.as_user("olga").await;
    let run = asked(&console, &olga, true, "Members may not answer.").await;
    let path = format!("/shops/aurora/plans/{run}");
    let page = olga.get(&path).await.1;
    assert!(page.contains("Made offline.") && page.contains("can't be approved"), "{page}");
    assert!(!page.contains("value=\"approve\"") && page.contains("value=\"reject\""), "{page}");
    let hash = after(&page, "name=\"hash\" value=\"")[0].to_owned();
    let fields =
        [("campaign", "c1"), ("hash", hash.as_str()), ("verdict", "approve"), ("reason", "a demonstration")];
    assert_eq!(olga.act(&format!("{path}/decide"), &fields).await.0, 409);
    let set = "/shops/aurora/agents/set";
    let allow = [("offline_approvals", "yes"), ("reason", "a demonstration")];
    assert_eq!(olga.act(set, &allow).await.0, 403, "admins set it");
    let adam = console.as_user("adam").await;
    assert_eq!(adam.act(set, &allow).await.0, 303);
    let (status, answer) = olga.act(&format!("{path}/decide"), &fields).await;
    assert_eq!(status, 303, "{answer}");
    assert_eq!(console.world.number("select count(*) from plan_items where state = 'approved'").await, 1);
}

#[tokio::test]
async fn a_journal_shows_what_was_spent_and_bodies_to_those_who_may() {
    let console = console().await;
    let world = &console.world;
    let olga = console.as_user("olga").await;
    let run = asked(&console, &olga, false, "Members may not answer.").await;
    let path = format!("/shops/aurora/plans/{run}/journal");
    let page = olga.get(&path).await.1;
    for shown in [
        "orchestrator",
        "Turn 1 of orchestrator",
        "Turn 2 of orchestrator",
        "not answered",
        "req_1",
        "TU0701",
        "0.0069 USD",
        "0.0231 USD",
        "nobody knows whether",
        "get_tenant_overview",
        "F1",
        "id=\"call-orchestrator-toolu_1\"",
        "word for word",
    ] {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    let read = "select count(*) from audit_log where act = 'agents.read'";
    assert!(!page.contains("I look at the shop") && world.number(read).await == 0, "{page}");
    let page = olga.get(&format!("{path}?bodies=yes")).await.1;
    assert!(page.contains("I look at the shop") && page.contains("alert(1)"), "{page}");
    assert!(!page.contains("<script>alert") && !page.contains("<img src=x"), "{page}");
    assert_eq!(world.number(read).await, 1);

    let vera = console.as_user("vera").await;
    assert!(vera.get(&path).await.1.contains("is not shown to viewers"));
    assert_eq!(vera.get(&format!("{path}?bodies=yes")).await.0, 403);
    let sam = console.as_user("sam").await;
    assert!(sam.get(&format!("{path}?bodies=yes")).await.1.contains("I look at the shop"));
    assert_eq!(world.number(read).await, 2);
    add_user(world, &["bo", "--role", "shop", "--tenant", "borealis"]);
    let bo = console.as_user("bo").await;
    for path in [&path, &format!("/shops/aurora/plans/{run}"), "/shops/aurora/plans", "/shops/aurora/agents"]
    {
        assert_eq!(bo.get(path).await.0, 404, "{path}");
    }
    assert!(!bo.get("/plans").await.1.contains("aurora"), "nothing of others");
    assert_eq!(bo.get("/agents/spend").await.0, 403);
}

#[tokio::test]
async fn budgets_are_set_by_admins_and_their_end_is_on_the_overview() {
    let console = console().await;
    let olga = console.as_user("olga").await;
    asked(&console, &olga, false, "Members may not answer.").await;
    let spend = olga.get("/agents/spend").await.1;
    for shown in ["aurora", "claude-opus-4-5-20251101", "1200", "3400", "560", "780", "0.0069 USD"] {
        assert!(spend.contains(shown), "{shown}: {spend}");
    }
    assert!(olga.get("/agents/spend?tenant=borealis").await.1.contains("Nothing that matches was spent."));
    assert!(!olga.get("/").await.1.contains("/agents/spend"), "there is room");

    let adam = console.as_user("adam").await;
    let set = "/shops/aurora/agents/set";
    for wrong in [("month_cap", "much"), ("month_cap", "-1"), ("credit_max", "5.001"), ("enabled", "perhaps")]
    {
        let (status, answer) = adam.act(set, &[wrong, ("reason", "less")]).await;
        assert_eq!(status, 422, "{wrong:?}: {answer}");
    }
    assert_eq!(adam.act(set, &[("month_cap", "0.02")]).await.0, 422, "it asks for a reason");
    let (status, answer) =
        adam.act(set, &[("month_cap", "0.02"), ("credit_max", "7.50"), ("reason", "less")]).await;
    assert_eq!((status, header(&answer, "location")), (303, Some("/shops/aurora/agents")), "{answer}");
    let page = adam.get("/shops/aurora/agents").await.1;
    assert!(page.contains("7.50 USD") && page.contains("0.0200 USD") && page.contains("used up"), "{page}");
    let overview = olga.get("/").await.1;
    assert!(overview.contains("used up") && overview.contains("/shops/aurora/agents"), "{overview}");
    let audit = olga.get("/audit?actor=adam").await.1;
    assert!(audit.contains("agents.settings") && audit.contains("less"), "{audit}");
    assert_eq!(olga.get("/shops/aurora/agents").await.1.matches("Admins change them.").count(), 1);
}
