//! Shops in the console: many of them, what they told, what is told again, and what is taken back.

use serde_json::{Value, json};
use tradeup_harness::{Process, eventually};

use super::{Console, SOON, add_user, console, header, month};

/// Text of a stranger's.
const HOSTILE: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>";

/// What is between the first and the last of these in an answer.
fn list(answer: &str) -> Vec<Value> {
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    serde_json::from_str(&body[body.find('[').unwrap()..=body.rfind(']').unwrap()]).unwrap()
}

/// One event of aurora, which gave a credit: its id, and the service that took it.
async fn told(console: &Console) -> (String, Process) {
    let world = &console.world;
    let webhooks = world.start("webhooks").await;
    let member: String =
        sqlx::query_scalar("select external_id from members where tenant_id = 1 order by id limit 1")
            .fetch_one(&world.database.admin)
            .await
            .unwrap();
    let body = json!({ "member_external_id": member, "amount": { "amount_minor": 725, "currency": "USD" },
        "reason": HOSTILE });
    let jobs = world.jobs().await;
    let subject = "events.aurora.till.credit=2Erequested";
    jobs.publish_event(subject, &[("ce-id", "receipt-17")], body.to_string().as_bytes()).await;
    eventually("the credit is given", SOON, || async {
        (world
            .number("select count(*) from runs where task = 'grant-credit' and finished_at is not null")
            .await
            == 1)
            .then_some(())
    })
    .await;
    let events = console.as_user("olga").await.json("/shops/aurora/events").await;
    assert_eq!(events[0]["run_state"], "succeeded", "{events}");
    (events[0]["id"].as_str().unwrap().to_owned(), webhooks)
}

#[tokio::test]
async fn every_page_of_many_shops_is_reached_and_each_shop_is_on_one() {
    let console = console().await;
    sqlx::query(
        "insert into tenants (handle, name, zone, currency, credit_validity, state)
         select 'many-' || lpad(n::text, 3, '0'), 'Many', 'UTC', 'USD', 'never',
             case when n <= 3 then 'suspended' else 'active' end
         from generate_series(1, 250) n",
    )
    .execute(&console.world.database.admin)
    .await
    .unwrap();
    let vera = console.as_user("vera").await;
    let mut handles = Vec::new();
    let mut next = Some("/api/v1/shops".to_owned());
    while let Some(path) = next {
        let (status, answer) = vera.get(&path).await;
        assert_eq!(status, 200, "{answer}");
        let shops = list(&answer);
        assert!(shops.len() <= 100);
        handles.extend(shops.iter().map(|shop| shop["handle"].as_str().unwrap().to_owned()));
        let link = header(&answer, "link").map(str::to_owned);
        next = link.map(|link| {
            let path = link.strip_suffix(">; rel=\"next\"").and_then(|link| link.strip_prefix('<'));
            path.unwrap().to_owned()
        });
    }
    assert_eq!(handles.len(), 252);
    handles.sort();
    handles.dedup();
    assert_eq!(handles.len(), 252, "each once");

    for (query, number) in
        [("begins=MANY-00", 9), ("begins=aur", 1), ("state=suspended", 3), ("state=uninstalled", 0)]
    {
        let found = vera.json(&format!("/shops?{query}")).await;
        assert_eq!(found.as_array().unwrap().len(), number, "{query}: {found}");
    }
    let page = vera.get("/shops?begins=many").await.1;
    assert!(page.contains("More shops") && !page.contains("/shops/aurora"), "{page}");
    assert!(vera.get("/shops?begins=nobody").await.1.contains("No shop matches."));
    let sam = console.as_user("sam").await;
    assert_eq!(sam.json("/shops?begins=many").await.as_array().unwrap().len(), 0);
    assert_eq!(sam.json("/shops").await.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_body_is_shown_to_those_who_may_and_each_look_is_on_record() {
    let console = console().await;
    let world = &console.world;
    let (event, _webhooks) = told(&console).await;
    let path = format!("/shops/aurora/events/{event}");
    let read = "select count(*) from audit_log where act = 'events.read'";

    let olga = console.as_user("olga").await;
    let page = olga.get(&path).await.1;
    assert!(page.contains("Show it") && page.contains("receipt-17"), "{page}");
    assert_eq!(world.number(read).await, 0, "nobody has looked");
    let page = olga.get(&format!("{path}?body=yes")).await.1;
    assert!(page.contains("alert(1)") && page.contains("on record"), "{page}");
    assert!(!page.contains("<script>alert") && !page.contains("<img src=x"), "{page}");
    assert_eq!(world.number(read).await, 1);
    let shown = olga.json(&format!("{path}?body=yes")).await;
    let body: Value = serde_json::from_str(shown["body"]["text"].as_str().unwrap()).unwrap();
    assert_eq!((&body["reason"], &shown["task"]), (&HOSTILE.into(), &"grant-credit".into()), "{shown}");
    assert_eq!(world.number(read).await, 2);

    let vera = console.as_user("vera").await;
    let page = vera.get(&path).await.1;
    assert!(page.contains("viewers are not shown it"), "{page}");
    assert_eq!(vera.get(&format!("{path}?body=yes")).await.0, 403);
    let shown = vera.json(&path).await;
    assert_eq!((&shown["may_read"], &shown["body"]), (&false.into(), &Value::Null));
    assert_eq!(world.number(read).await, 2);

    let sam = console.as_user("sam").await;
    assert!(sam.get(&format!("{path}?body=yes")).await.1.contains("alert(1)"), "their own shop's");
    assert_eq!(world.number(read).await, 3);
    add_user(world, &["bo", "--role", "shop", "--tenant", "borealis"]);
    let bo = console.as_user("bo").await;
    assert_eq!(bo.get(&path).await.0, 404);
    assert_eq!(bo.get(&format!("/shops/borealis/events/{event}?body=yes")).await.0, 404);
    assert_eq!(olga.get("/shops/aurora/events/nonsense").await.0, 404);
    assert_eq!(world.number(read).await, 3);
}

#[tokio::test]
async fn a_replay_is_previewed_without_effect_and_begun_by_number() {
    let console = console().await;
    let world = &console.world;
    let (event, _webhooks) = told(&console).await;
    let entries = "select count(*) from ledger_entries";
    let before = world.number(entries).await;
    let replays = "/shops/aurora/replays";
    let vera = console.as_user("vera").await;
    assert_eq!(vera.act(replays, &[("event", &event)]).await.0, 403);
    let olga = console.as_user("olga").await;
    assert_eq!(olga.act(replays, &[]).await.0, 422, "it has to be said which");
    assert_eq!(olga.act(replays, &[("topic", "orders/paid")]).await.0, 409, "there is none");
    assert_eq!(olga.act("/shops/borealis/replays", &[("event", &event)]).await.0, 409, "of another shop");

    let narrowed = olga.get("/shops/aurora/events?topic=credit.requested").await.1;
    assert!(narrowed.contains("Preview a replay of all that match"), "{narrowed}");
    let (status, answer) = olga.act(replays, &[("event", &event)]).await;
    assert_eq!(status, 303, "{answer}");
    let preview = header(&answer, "location").unwrap().to_owned();
    let run = preview.rsplit('/').next().unwrap().to_owned();
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    let shown = olga.json(&preview).await;
    assert_eq!((&shown["preview"], &shown["events"], &shown["sent"]), (&true.into(), &1.into(), &1.into()));
    let told = world.tradeup_json(&["replay", "show", &run]);
    assert_eq!(told["events"]["sent"], shown["sent"], "as the command has it");
    assert_eq!(world.number(entries).await, before, "nothing of it was kept");
    assert!(olga.get(&preview).await.1.contains("Nothing of it is kept"));
    assert!(olga.get(&format!("/runs/{run}")).await.1.contains(&preview));

    let start = format!("{preview}/start");
    assert_eq!(olga.act(&start, &[("count", "1")]).await.0, 422, "it asks for a reason");
    let (status, answer) = olga.act(&start, &[("count", "2"), ("reason", "missed")]).await;
    assert!(status == 422 && answer.contains("it is about 1 now"), "{answer}");
    let (status, answer) = olga.act(&start, &[("count", "1"), ("reason", "missed")]).await;
    assert_eq!(status, 303, "{answer}");
    let replay = header(&answer, "location").unwrap().to_owned();
    assert_ne!(replay, preview);
    assert_eq!(world.ended(replay.rsplit('/').next().unwrap()).await["state"], "succeeded");
    assert_eq!(olga.json(&replay).await["preview"], false);
    assert_eq!(world.number(entries).await, before, "what was done is found done");
    assert_eq!(world.number("select count(*) from audit_log where act = 'replay'").await, 1);
    let again = olga.act(&format!("{replay}/start"), &[("count", "1"), ("reason", "x")]).await;
    assert_eq!(again.0, 409, "it is no preview");
}

#[tokio::test]
async fn a_months_credits_are_taken_back_once_by_number_and_by_admins() {
    let console = console().await;
    let world = &console.world;
    month(world).await;
    let runs =
        world.tradeup_json(&["runs", "--task", "monthly-credits-tenant", "--tenant", "aurora", "--all"]);
    let run = runs[0]["run_id"].as_str().unwrap().to_owned();
    let path = format!("/shops/aurora/reversals/{run}");
    let (credits, minor) = world.due["aurora"];
    let adam = console.as_user("adam").await;
    assert!(adam.get("/shops/aurora/ledger").await.1.contains(&path));
    let shown = adam.json(&path).await;
    assert_eq!(shown["members"], credits, "{shown}");
    assert_eq!(shown["lines"][0]["to_take_back_minor"], minor, "{shown}");
    assert_eq!(adam.get(&format!("/shops/borealis/reversals/{run}")).await.0, 404);
    let number = credits.to_string();
    let right = [("count", number.as_str()), ("reason", "wrong month")];
    let olga = console.as_user("olga").await;
    assert_eq!(olga.act(&path, &right).await.0, 403, "an operator moves no money by hand");
    let (status, answer) = adam.act(&path, &[("count", "1"), ("reason", "wrong month")]).await;
    assert!(status == 422 && answer.contains(&format!("it is about {credits} now")), "{answer}");
    let taken = "select coalesce(-sum(amount_minor), 0)::bigint from ledger_entries where kind = 'adjust'";
    assert_eq!(world.number(taken).await, 0);

    let (status, answer) = adam.act(&path, &right).await;
    assert_eq!(status, 303, "{answer}");
    let reversal = header(&answer, "location").unwrap().trim_start_matches("/runs/").to_owned();
    assert_eq!(world.ended(&reversal).await["state"], "succeeded");
    assert_eq!(world.number(taken).await, minor);
    assert_eq!(adam.act(&path, &right).await.0, 409, "nothing is left");
    assert_eq!(world.number(taken).await, minor);
    assert_eq!(world.number("select count(*) from audit_log where act = 'reverse'").await, 1);
    let page = adam.get(&path).await.1;
    assert!(page.contains("A run is taken back once.") && page.contains(&reversal), "{page}");
    world.tradeup_ok(&["verify"]);
}

#[tokio::test]
async fn a_statement_is_the_commands_and_a_shop_says_how_it_stands() {
    let console = console().await;
    let world = &console.world;
    month(world).await;
    let member: String = sqlx::query_scalar(
        "select m.external_id from lots l join members m on m.tenant_id = l.tenant_id and m.id = l.member_id
         where l.tenant_id = 1 order by l.id limit 1",
    )
    .fetch_one(&world.database.admin)
    .await
    .unwrap();
    let sam = console.as_user("sam").await;
    let path = format!("/shops/aurora/members/{member}");
    let page = sam.get(&path).await.1;
    assert!(page.contains("statement.csv") && page.contains("Members are mailed when"), "{page}");
    let (status, answer) = sam.get(&format!("{path}/statement.csv")).await;
    assert_eq!((status, header(&answer, "content-type")), (200, Some("text/csv; charset=utf-8")));
    let told = world.tradeup_ok(&["statement", "aurora", "--member", &member, "--csv"]);
    assert_eq!(answer.split_once("\r\n\r\n").unwrap().1.trim(), told.trim());
    assert_eq!(sam.get(&format!("/shops/borealis/members/{member}/statement.csv")).await.0, 404);

    let standing = sam.json("/shops/aurora/standing").await;
    assert_eq!((&standing["rules"], &standing["suspended"]), (&json!([]), &Value::Null), "{standing}");
    assert_eq!(standing["wallet"]["authority"], "none");
    world.tradeup_ok(&["tenant", "suspend", "aurora", "--reason", "unpaid"]);
    let page = sam.get("/shops/aurora").await.1;
    assert!(page.contains("It is suspended") && page.contains("Connected to no shop"), "{page}");
    assert!(!page.contains("tradeup tenant resume"), "a shop's staff have no commands");
}
