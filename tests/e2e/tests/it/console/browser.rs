//! The console as people use it: in a real browser, with eyes, without a mouse, without script, and on a telephone.

use std::time::Duration;

use tradeup_harness::{Browser, BrowserSetup, World, eventually};

use super::{Console, PASSWORD, console, header, month};
use crate::agents::plan_of::asked;

const TAB: &str = "\u{e004}";
const ENTER: &str = "\u{e007}";
const PLAIN: BrowserSetup = BrowserSetup { script: true, dark: false, width: 1280 };

async fn signed_in(console: &Console, name: &str, setup: BrowserSetup) -> Browser {
    let browser = Browser::start(format!("http://127.0.0.1:{}", console.port), setup).await;
    browser.go("/").await;
    browser.fill("input[name=name]", name).await;
    browser.fill("input[name=password]", PASSWORD).await;
    browser.press("button").await;
    browser.says("Sign out").await;
    browser
}

async fn set(world: &World, statement: &'static str) {
    sqlx::query(statement).execute(&world.database.admin).await.unwrap();
}

/// At 3 a.m.: a shop's credits are missing. Why, and put it right.
#[tokio::test(flavor = "multi_thread")]
async fn missing_credits_are_found_and_a_dead_group_is_replayed() {
    let console = console().await;
    let world = &console.world;
    set(world, "revoke insert on lots from tradeup_credits").await;
    let run = world.trigger("2026-10");
    assert_eq!(world.ended(&run).await["state"], "dead");
    set(world, "grant insert on lots to tradeup_credits").await;

    let browser = signed_in(&console, "olga", PLAIN).await;
    browser.says("dead letters are to be seen to").await;
    browser.press("section[aria-labelledby=dead] td a").await;
    browser.says("TU0104").await;
    browser.says("permission").await;
    let letters = world.number("select count(*) from dead_letters where resolution is null").await;
    // The member who has called.
    let member: String = sqlx::query_scalar(
        "select m.external_id from members m join memberships s on s.tenant_id = m.tenant_id and s.member_id = m.id
         where m.tenant_id = 1 and s.status = 'active' order by m.id limit 1",
    )
    .fetch_one(&world.database.admin)
    .await
    .unwrap();
    browser.go(&format!("/shops/aurora/members/{member}")).await;
    browser.fill("input[name=period]", "2026-10").await;
    browser.press("section[aria-labelledby=why] button").await;
    browser.says("Not granted for 2026-10").await;
    browser.session().back().await.unwrap();
    browser.session().back().await.unwrap();
    browser.says("TU0104").await;
    browser.fill("form[action$='/replay'] input[name=reason]", "the right is back").await;
    browser.fill("form[action$='/replay'] input[name=count]", "1").await;
    browser.press("form[action$='/replay'] button").await;
    browser.says(&format!("count: it is about {letters} now")).await;
    browser.press("a[href^='/dead/']").await;
    browser.fill("form[action$='/replay'] input[name=reason]", "the right is back").await;
    browser.fill("form[action$='/replay'] input[name=count]", &letters.to_string()).await;
    browser.press("form[action$='/replay'] button").await;
    browser.says("None.").await;
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    world.assert_exact(&["2026-10"]);
    browser.go("/audit").await;
    browser.says("the right is back").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_is_paused_and_its_live_run_goes_on_and_ends_on_screen() {
    let console = console().await;
    let browser = signed_in(&console, "olga", PLAIN).await;
    browser.go("/shops/aurora").await;
    browser.fill("form[action$='/pause'] input[name=reason]", "their stock-taking").await;
    browser.press("form[action$='/pause'] button").await;
    browser.says("their stock-taking").await;

    let run = console.world.trigger("2026-10");
    browser.go(&format!("/runs/{run}")).await;
    browser.says("waiting").await;
    console.world.tradeup_ok(&["resume", "--tenant", "aurora", "--reason", "done"]);
    // Nobody loads it again.
    browser.find("h1 .state.succeeded").await;
    assert_eq!(browser.path().await, format!("/runs/{run}"));
    browser.says("by ").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_money_run_is_previewed_and_fired_for_as_many_as_it_says() {
    let console = console().await;
    let world = &console.world;
    let browser = signed_in(&console, "olga", PLAIN).await;
    browser.go("/shops/aurora/ledger?period=2026-10").await;
    let (credits, minor) = world.due["aurora"];
    let total = format!("{}.{:02} USD to {credits} members", minor / 100, minor % 100);
    browser.says(&format!("Would credit {total}")).await;
    for (count, shown) in [("1".to_owned(), "count: it is about"), (credits.to_string(), "succeeded")] {
        browser.go("/shops/aurora/ledger?period=2026-10").await;
        browser.fill("form[action$='/trigger'] input[name=count]", &count).await;
        browser.fill("form[action$='/trigger'] input[name=reason]", "came late").await;
        browser.press("form[action$='/trigger'] button").await;
        browser.says(shown).await;
    }
    browser.go("/shops/aurora/ledger?period=2026-10").await;
    browser.says("Nobody would be credited anything.").await;
    browser.says("have it already").await;
    let sums = world.number("select sum(granted_minor)::bigint from lots").await;
    assert_eq!(sums, minor);
}

/// What a list is narrowed to is cancelled in one act, by number, and tried again in another.
#[tokio::test(flavor = "multi_thread")]
async fn all_that_match_are_cancelled_and_tried_again_together() {
    let console = console().await;
    let world = &console.world;
    world.tradeup_ok(&["pause", "--task", "monthly-credits-batch", "--reason", "wait"]);
    let run = world.trigger("2026-10");
    let batches = "select count(*) from runs where task = 'monthly-credits-batch'";
    eventually("both shops are planned", Duration::from_secs(30), || async {
        (world.number(batches).await == 2).then_some(())
    })
    .await;
    let browser = signed_in(&console, "olga", PLAIN).await;
    for (act, number, shown) in [
        ("cancel", "7", "count: it is about 2 now"),
        ("cancel", "2", "It has come to 2 of 2, and changed 2"),
        ("retry", "2", "It has come to 2 of 2, and changed 2"),
    ] {
        browser.go("/runs?task=monthly-credits-batch").await;
        browser.press("a[href^='/runs/many']").await;
        browser.says("2 runs match").await;
        browser.fill(&format!("form[action*='/runs/{act}'] input[name=count]"), number).await;
        browser.fill(&format!("form[action*='/runs/{act}'] input[name=reason]"), "wrong month").await;
        browser.press(&format!("form[action*='/runs/{act}'] button")).await;
        // Nobody loads it again.
        browser.says(shown).await;
    }
    world.tradeup_ok(&["resume", "--task", "monthly-credits-batch", "--reason", "go"]);
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    world.assert_exact(&["2026-10"]);
    let vera = signed_in(&console, "vera", PLAIN).await;
    vera.go("/runs?task=monthly-credits-batch").await;
    vera.says("succeeded").await;
    assert!(!vera.text().await.contains("all that match"), "a viewer changes nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keyboard_is_enough() {
    let console = console().await;
    let run = month(&console.world).await;
    let browser = Browser::start(format!("http://127.0.0.1:{}", console.port), PLAIN).await;
    browser.go("/runs").await;
    // The first field has the focus.
    browser.find("input[name=name]").await;
    browser.type_keys(&format!("vera{TAB}{PASSWORD}{ENTER}")).await;
    browser.says("Sign out").await;
    // The first stop leads past the navigation.
    browser.type_keys(TAB).await;
    assert_eq!(browser.focused().await.0, "Skip to content");
    browser.type_keys(ENTER).await;
    for _ in 0..40 {
        browser.type_keys(TAB).await;
        let (_, link) = browser.focused().await;
        if link.is_some_and(|link| link == format!("/runs/{run}")) {
            browser.type_keys(ENTER).await;
            browser.says("succeeded").await;
            assert_eq!(browser.path().await, format!("/runs/{run}"));
            return;
        }
    }
    panic!("no run is reached within forty stops");
}

/// A page that writes itself anew takes away nothing that was begun.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_half_written_stays_while_a_live_page_changes() {
    let console = console().await;
    let browser = signed_in(&console, "olga", PLAIN).await;
    browser.go("/holds").await;
    browser.says("Nothing is paused.").await;
    let reason = "form[action='/holds/pause'] input[name=reason]";
    browser.fill(reason, "half a sent").await;
    // Nothing has the focus.
    browser.session().execute("document.activeElement.blur()", vec![]).await.unwrap();
    let pause = ["pause", "--task", "expiration-warning", "--reason", "a new mail server"];
    console.world.tradeup_ok(&pause);
    browser.says("a new mail server").await;
    let written = browser.find(reason).await.prop("value").await.unwrap();
    assert_eq!(written.as_deref(), Some("half a sent"));
}

#[tokio::test(flavor = "multi_thread")]
async fn times_are_in_the_readers_zone_or_in_utc_as_they_like() {
    let console = console().await;
    let browser = signed_in(&console, "vera", PLAIN).await;
    browser.live_in("Asia/Tokyo").await;
    browser.go("/schedules").await;
    browser.says("Times are in your zone, Asia/Tokyo.").await;
    let first = "section.card strong time";
    let title = browser.find(first).await.attr("title").await.unwrap().unwrap();
    assert!(title.ends_with(" UTC"), "{title}");
    browser.press("#zone button").await;
    browser.says("Times are in UTC.").await;
    // Also on the next page.
    browser.go("/schedules").await;
    browser.says("Times are in UTC.").await;
    assert_eq!(browser.find(first).await.text().await.unwrap(), title);
    let title = browser.find(first).await.attr("title").await.unwrap().unwrap();
    assert!(title.ends_with(" Asia/Tokyo"), "{title}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_needs_script() {
    let console = console().await;
    let run = month(&console.world).await;
    let browser = signed_in(&console, "olga", BrowserSetup { script: false, ..PLAIN }).await;
    for (path, said) in [
        ("/", "Under way"),
        ("/alerts", "Rules"),
        ("/runs", "monthly-credits"),
        (&format!("/runs/{run}"), "succeeded"),
        ("/schedules", "monthly-credits"),
        ("/schedules/monthly-credits?from=2026-08", "Would make 1 run"),
        ("/tasks", "Trigger"),
        ("/shops/aurora", "Latest runs"),
        ("/shops/aurora/ledger", "Owed to members"),
        ("/plans", "There are none yet."),
        ("/campaigns", "There are none yet."),
        ("/shops/aurora/agents", "Ask for a plan"),
        ("/agents/spend", "Nothing was spent yet."),
    ] {
        browser.go(path).await;
        browser.says(said).await;
    }
    browser.go(&format!("/runs/{run}")).await;
    browser.says("UTC").await;
    browser.go("/shops/aurora").await;
    browser.fill("form[action$='/pause'] input[name=reason]", "without script").await;
    browser.press("form[action$='/pause'] button").await;
    browser.says("without script").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_can_be_used_by_everybody() {
    used_by_everybody(PLAIN).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_can_be_used_in_the_dark() {
    used_by_everybody(BrowserSetup { dark: true, ..PLAIN }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_can_be_used_on_a_telephone() {
    used_by_everybody(BrowserSetup { width: 390, ..PLAIN }).await;
}

/// Of every page axe-core finds nothing, and none is wider than its window.
async fn used_by_everybody(setup: BrowserSetup) {
    let console = console().await;
    let pages = pages(&console).await;
    let browser = signed_in(&console, "adam", setup).await;
    let mut wrong = Vec::new();
    for page in &pages {
        browser.go(page).await;
        wrong.extend(browser.barriers().await.into_iter().map(|barrier| format!("{page}: {barrier}")));
        let over = browser.overflow().await;
        if over > 0 {
            wrong.push(format!("{page}: {over} px wider than its window"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every page, with something to show on each.
async fn pages(console: &Console) -> Vec<String> {
    let world = &console.world;
    set(world, "revoke insert on lots from tradeup_credits").await;
    let dead = world.trigger("2026-09");
    assert_eq!(world.ended(&dead).await["state"], "dead");
    set(world, "grant insert on lots to tradeup_credits").await;
    let run = month(world).await;
    let group: String = sqlx::query_scalar("select fingerprint from dead_letters limit 1")
        .fetch_one(&world.database.admin)
        .await
        .unwrap();
    let member: String = sqlx::query_scalar("select external_id from members order by id limit 1")
        .fetch_one(&world.database.admin)
        .await
        .unwrap();
    let event: String = sqlx::query_scalar(
        "insert into events (tenant_id, id, source, topic, event_id, occurred_at, content_type, body, state)
         values (1, gen_random_uuid(), 'door', 'opened', '1', now(), 'application/json', '{\"a\": [1]}', 'unhandled')
         returning id::text",
    )
    .fetch_one(&world.database.admin)
    .await
    .unwrap();
    let olga = console.as_user("olga").await;
    let (_, begun) = olga.act("/shops/aurora/replays", &[("event", &event)]).await;
    let replay = header(&begun, "location").unwrap();
    let granting: String = sqlx::query_scalar(
        "select id::text from runs where task = 'monthly-credits-tenant' and tenant_id = 1 order by id desc limit 1",
    )
    .fetch_one(&world.database.admin)
    .await
    .unwrap();
    let plan = asked(console, &olga, true, "Sales rise by 25 % by themselves.").await;
    world.tradeup_ok(&["pause", "--task", "expiration-warning", "--reason", "a new mail server"]);
    world.tradeup_ok(&["limit", "--task", "grant-credit", "--running-max", "5", "--reason", "slowly"]);
    let (_, begun) =
        olga.act("/runs/cancel?task=monthly-credits", &[("count", "2"), ("reason", "both have ended")]).await;
    let bulk_act = header(&begun, "location").unwrap();
    vec![
        "/".to_owned(),
        "/alerts".to_owned(),
        "/runs?all=1".to_owned(),
        format!("/runs/{run}"),
        format!("/runs/{dead}"),
        "/schedules".to_owned(),
        "/schedules/monthly-credits?checked=yes&zone=Europe%2FBerlin&from=2026-07&until=2026-10".to_owned(),
        "/schedules/monthly-credits?tenant=aurora&from=2026-10".to_owned(),
        "/tasks".to_owned(),
        "/dead".to_owned(),
        format!("/dead/{group}"),
        "/errors".to_owned(),
        "/errors/TU0104".to_owned(),
        "/shops".to_owned(),
        "/shops/aurora".to_owned(),
        "/shops/aurora/ledger".to_owned(),
        "/shops/aurora/events".to_owned(),
        "/shops/aurora/events?topic=opened".to_owned(),
        format!("/shops/aurora/events/{event}"),
        format!("/shops/aurora/events/{event}?body=yes"),
        replay.to_owned(),
        format!("/shops/aurora/reversals/{granting}"),
        format!("/shops/aurora/members/{member}"),
        "/audit".to_owned(),
        "/settings".to_owned(),
        "/holds".to_owned(),
        "/tasks/monthly-credits-tenant".to_owned(),
        "/bulk-acts".to_owned(),
        "/runs/many?task=monthly-credits-batch".to_owned(),
        bulk_act.to_owned(),
        "/plans".to_owned(),
        "/shops/aurora/plans".to_owned(),
        "/campaigns".to_owned(),
        "/shops/aurora/campaigns?state=done".to_owned(),
        format!("/shops/aurora/plans/{plan}"),
        format!("/shops/aurora/plans/{plan}/journal"),
        format!("/shops/aurora/plans/{plan}/journal?bodies=yes"),
        format!("/runs/{plan}"),
        "/shops/aurora/agents".to_owned(),
        "/agents/spend".to_owned(),
        "/search?q=2026".to_owned(),
        "/no/such/page".to_owned(),
    ]
}
