//! The overview's grid where shops are many, and shops by the beginnings of their names.

use serde_json::Value;
use tradeup_harness::eventually;

use super::{Browser, SOON, console};

/// Six hundred shops of ten days ago, and a fire of an hour ago for all of them: for one it failed, for one it was
/// cancelled, and one was left out.
const MANY: &str = "
    insert into tenants (handle, name, zone, currency, credit_validity, state, shop_domain, created_at)
    select 'wide-' || lpad(n::text, 3, '0'), 'Wide', 'UTC', 'USD', 'never',
        case when n = 600 then 'suspended' else 'active' end, 'domain' || n || '.myshopify.com', now() - interval '10 days'
    from generate_series(1, 600) n;
    insert into schedules (name, task, cron, zone, gap_policy, repeat_policy, missed_policy, missed_window, overlap_policy,
        next_fire_at)
    values ('wide', 'wide', '0 0 1 1 *', 'UTC', 'skip', 'first', 'skip', '1 day', 'skip', now() + interval '1 year');
    insert into runs (id, task, key, trigger, root_id, state, payload, scheduled_for, attempt, result, started_at, finished_at)
    select id, 'wide', 'wide', 'schedule', id, 'succeeded', '', now() - interval '1 hour', 1, '{}', now(), now()
    from (select gen_random_uuid() as id) as root;
    insert into fire_decisions (schedule_id, fire_at, until, fires, decision, run_id, decided_by)
    select s.id, r.scheduled_for, r.scheduled_for, 1, 'fired', r.id, 'test'
    from runs r join schedules s on s.task = r.task where r.task = 'wide';
    insert into runs (id, tenant_id, task, key, trigger, parent_id, root_id, state, payload, scheduled_for, attempt,
        error_code, error, result, started_at, finished_at)
    select (lpad(to_hex((extract(epoch from now()) * 1000)::bigint), 12, '0') || '7000' || '8'
            || lpad(to_hex(t.id), 15, '0'))::uuid, t.id, 'wide-tenant', 'wide', 'parent', r.id, r.id,
        case t.handle when 'wide-003' then 'dead' when 'wide-005' then 'cancelled' else 'succeeded' end, '', now(), 1,
        case when t.handle = 'wide-003' then 'TU0104' end, case when t.handle = 'wide-003' then 'no' end, '{}', now(), now()
    from runs r, tenants t
    where r.task = 'wide' and t.handle like 'wide-%' and t.handle not in ('wide-007', 'wide-600');";

/// How many fires of the week came to this.
fn of_week(grid: &Value, what: &str) -> i64 {
    grid["by_day"].as_array().unwrap().iter().map(|day| day[what].as_i64().unwrap()).sum()
}

/// The grid, once it says so of how many failed, were missed and are under way.
async fn grid(browser: &Browser, failed: i64, missed: i64, running: i64) -> Value {
    let what = format!("the grid has {failed} failed, {missed} missed, {running} under way");
    eventually(&what, SOON, || async {
        let grid = browser.json("/overview").await["grid"].clone();
        let is_so = of_week(&grid, "failed") == failed
            && of_week(&grid, "missed") == missed
            && of_week(&grid, "running") == running;
        is_so.then_some(grid)
    })
    .await
}

#[tokio::test]
async fn of_many_shops_those_that_something_is_wrong_with_are_shown_and_all_are_counted() {
    let console = console().await;
    sqlx::raw_sql(MANY).execute(&console.world.database.admin).await.unwrap();
    let vera = console.as_user("vera").await;
    let grid_now = grid(&vera, 2, 1, 0).await;
    assert_eq!((of_week(&grid_now, "done"), &grid_now["more"]), (596, &596.into()), "{grid_now}");
    assert!(grid_now["as_of"].is_string(), "it was put together beside the page: {grid_now}");
    let rows: Vec<&str> =
        grid_now["rows"].as_array().unwrap().iter().map(|row| row["tenant"].as_str().unwrap()).collect();
    assert_eq!(
        rows,
        ["wide-003", "wide-005", "wide-007"],
        "the worst first; who was suspended was left out by rule"
    );
    let page = vera.get("/").await.1;
    for shown in ["All shops, by day", "2 fires of shops of this week failed.", "wide-007", ">596<"] {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    // What is tried again is counted again, though the fire had ended, and so is its end.
    let again = "update runs set state = 'scheduled', finished_at = null, error_code = null, error = null, result = null,
        next_attempt_at = now() + interval '1 day' where tenant_id = (select id from tenants where handle = 'wide-003')";
    sqlx::raw_sql(again).execute(&console.world.database.admin).await.unwrap();
    grid(&vera, 1, 1, 1).await;
    let ended = "update runs set state = 'succeeded', finished_at = now(), next_attempt_at = null
        where state = 'scheduled' and task = 'wide-tenant'";
    sqlx::raw_sql(ended).execute(&console.world.database.admin).await.unwrap();
    let grid_now = grid(&vera, 1, 1, 0).await;
    assert_eq!(of_week(&grid_now, "done"), 597);
    // A shop's own staff see their own week, and nothing of others.
    let sam = console.as_user("sam").await;
    let week = sam.get("/shops/aurora").await;
    assert!(week.0 == 200 && !week.1.contains("wide-"), "{}", week.1);
}

#[tokio::test]
async fn shops_are_found_by_how_their_handle_or_their_domain_begins() {
    let console = console().await;
    sqlx::raw_sql(MANY).execute(&console.world.database.admin).await.unwrap();
    let vera = console.as_user("vera").await;
    for (query, number, first) in [
        ("begins=wide-05", 10, "wide-050"),
        ("begins=WIDE-059", 1, "wide-059"),
        ("begins=domain59", 11, "wide-059"),
        ("begins=wide-&after=wide-595", 5, "wide-596"),
        ("begins=wide-&state=suspended", 1, "wide-600"),
        ("state=suspended", 1, "wide-600"),
    ] {
        let found = vera.json(&format!("/shops?{query}")).await;
        let found = found.as_array().unwrap();
        assert_eq!((found.len(), found[0]["handle"].as_str()), (number, Some(first)), "{query}: {found:?}");
    }
    for none in ["begins=ide", "begins=%25", "begins=_", "begins=wide~"] {
        assert_eq!(vera.json(&format!("/shops?{none}")).await.as_array().unwrap().len(), 0, "{none}");
    }
    let found = vera.json("/search?q=domain599").await;
    assert!(found.to_string().contains("wide-599"), "{found}");
}
