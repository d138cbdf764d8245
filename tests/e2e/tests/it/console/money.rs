//! A shop's money in the console, and what moves it by hand.

use super::{console, header, month};

#[tokio::test]
async fn a_members_money_is_shown_and_what_its_shop_told() {
    let console = console().await;
    let world = &console.world;
    month(world).await;
    let (member, granted): (String, i64) = sqlx::query_as(
        "select m.external_id, l.granted_minor from lots l join members m on m.tenant_id = l.tenant_id and m.id = l.member_id
         join tenants t on t.id = l.tenant_id where t.handle = 'aurora' order by l.id limit 1",
    )
    .fetch_one(&world.database.admin)
    .await
    .unwrap();
    let sam = console.as_user("sam").await;
    let shown = sam.json(&format!("/shops/aurora/members/{member}")).await;
    assert_eq!(shown["accounts"][0]["spendable_minor"], granted);
    assert_eq!(shown["movements"][0]["kind"], "grant");
    let (status, answer) = sam.get(&format!("/shops/aurora/members?customer={member}")).await;
    assert_eq!(
        (status, header(&answer, "location")),
        (303, Some(&*format!("/shops/aurora/members/{member}")))
    );
    let page = sam.get(&format!("/shops/aurora/members/{member}")).await.1;
    assert!(page.contains("to spend") && page.contains(&member), "{page}");
    assert_eq!(sam.get(&format!("/shops/borealis/members/{member}")).await.0, 404);
    assert_eq!(sam.get("/shops/aurora/members/0").await.0, 404);
    assert_eq!(sam.json("/shops/aurora/events").await.as_array().unwrap().len(), 0);
    assert!(sam.get("/shops/aurora/events?about=17").await.1.contains("Nothing that matches was told"));
}

#[tokio::test]
async fn a_task_is_triggered_once_for_its_month_and_never_ahead() {
    let console = console().await;
    let world = &console.world;
    let olga = console.as_user("olga").await;
    assert!(olga.get("/tasks").await.1.contains("monthly-credits"));
    let trigger = "/tasks/monthly-credits/trigger";
    for (period, tenant, status) in
        [("2099-01", "", 409), ("yesterday", "", 422), ("2026-10", "nobody", 422), ("2026-10", "aurora", 303)]
    {
        let fields = [("period", period), ("tenant", tenant), ("reason", "came late")];
        let (answered, answer) = olga.act(trigger, &fields).await;
        assert_eq!(answered, status, "{period} {tenant}: {answer}");
    }
    let (_, answer) =
        olga.act(trigger, &[("period", "2026-10"), ("tenant", "aurora"), ("reason", "again")]).await;
    let run = header(&answer, "location").unwrap().trim_start_matches("/runs/").to_owned();
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    assert_eq!(world.number("select count(*) from runs where task = 'monthly-credits-tenant'").await, 1);
    let granted = "select count(distinct l.tenant_id) from lots l";
    assert_eq!(world.number(granted).await, 1, "one shop alone");
    assert_eq!(olga.act("/tasks/nonsense/trigger", &[("reason", "x")]).await.0, 404);
    let vera = console.as_user("vera").await;
    assert_eq!(vera.act(trigger, &[("period", "2026-10"), ("reason", "x")]).await.0, 403);
}

#[tokio::test]
async fn a_shops_ledger_previews_its_next_money_run_and_admins_see_who_may_sign_in() {
    let console = console().await;
    let world = &console.world;
    let sam = console.as_user("sam").await;
    let (credits, minor) = world.due["aurora"];
    let before = sam.json("/shops/aurora/ledger?period=2026-10").await;
    let would: i64 = before["preview"]["lines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|l| l["amount_minor"].as_i64().unwrap())
        .sum();
    assert_eq!(would, minor, "{before}");
    month(world).await;
    let after = sam.json("/shops/aurora/ledger?period=2026-10").await;
    let owed: i64 =
        after["owed"].as_array().unwrap().iter().map(|l| l["amount_minor"].as_i64().unwrap()).sum();
    let lots: i64 = after["owed"].as_array().unwrap().iter().map(|l| l["lots"].as_i64().unwrap()).sum();
    assert_eq!((owed, lots), (minor, credits));
    assert!(sam.get("/shops/aurora/ledger").await.1.contains("Owed to members"));
    assert_eq!(sam.get("/shops/aurora/ledger?period=soon").await.0, 422);
    assert_eq!(sam.get("/shops/borealis/ledger").await.0, 404);

    assert_eq!(console.as_user("olga").await.get("/settings").await.0, 403);
    let page = console.as_user("adam").await.get("/settings").await.1;
    assert!(page.contains("vera") && page.contains("viewer") && !page.contains("argon2"), "{page}");
}

#[tokio::test]
async fn who_became_known_after_the_months_run_is_made_up_for() {
    let console = console().await;
    let world = &console.world;
    month(world).await;
    let lots = world.number("select count(*) from lots").await;
    sqlx::raw_sql(
        "insert into members (tenant_id, id, external_id) values (1, gen_random_uuid(), '4711');
         insert into memberships (tenant_id, member_id, tier_id, status, source, valid_from)
         select 1, m.id, t.id, 'active', 'manual', '2026-01-01' from members m, tiers t
         where m.external_id = '4711' and t.tenant_id = 1 and exists (
             select from tier_amounts a where a.tenant_id = 1 and a.tier_id = t.id and a.amount_minor > 0)
         limit 1",
    )
    .execute(&world.database.admin)
    .await
    .unwrap();
    let olga = console.as_user("olga").await;
    let preview = olga.json("/shops/aurora/ledger?period=2026-10").await["preview"].clone();
    assert_eq!(preview["members"], 1, "{preview}");
    let fire = [("period", "2026-10"), ("tenant", "aurora"), ("count", "1"), ("reason", "came late")];
    let (status, answer) = olga.act("/tasks/monthly-credits/trigger", &fire).await;
    assert_eq!(status, 303, "{answer}");
    let run = header(&answer, "location").unwrap().trim_start_matches("/runs/").to_owned();
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    assert_eq!(world.number("select count(*) from lots").await, lots + 1);
    let explained = console.as_user("sam").await.json("/shops/aurora/members/4711?period=2026-10").await;
    let story = explained["explained"].to_string();
    assert!(story.contains("Granted:") && !story.contains("over all shops"), "{story}");
}
