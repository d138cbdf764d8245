//! What a person can do about money: see before, say why, give what lacks, take back what should not be.

use serde_json::Value;
use sqlx::AssertSqlSafe;
use tradeup_harness::{Shop, World};

async fn text(world: &World, query: &'static str) -> String {
    sqlx::query_scalar(query).fetch_one(&world.database.admin).await.unwrap()
}

async fn member_in_a_tier(world: &World) -> String {
    text(
        world,
        "select m.external_id from members m join memberships s on s.member_id = m.id order by m.id limit 1",
    )
    .await
}

fn total<'a>(preview: &'a Value, outcome: &str) -> &'a Value {
    let totals = preview["totals"].as_array().unwrap();
    totals.iter().find(|total| total["outcome"] == outcome).unwrap_or(&Value::Null)
}

fn explain(world: &World, tenant: &str, member: &str, period: &str) -> Value {
    world.tradeup_json(&["explain", tenant, "--member", member, "--period", period])
}

fn said(explanation: &Value) -> &str {
    explanation["conclusion"].as_str().unwrap()
}

#[tokio::test]
async fn a_preview_says_what_then_happens() {
    let world = World::with_aurora(300, 221).await;
    let _services = world.start_both().await;
    let (members, minor) = world.due["aurora"];
    let coming = world.tradeup_json(&["preview", "monthly-credits", "--period", "2026-12"]);
    let to_grant = total(&coming, "to_grant");
    assert_eq!(
        (to_grant["members"].as_i64(), to_grant["amount_minor"].as_i64()),
        (Some(members), Some(minor))
    );
    let past = ["preview", "monthly-credits", "--period", "2026-11", "--diff"];
    assert_eq!(world.tradeup(&past).code, 1, "nothing has happened yet");
    let run = world.trigger("2026-11");
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    let then = world.tradeup_json(&past);
    assert_eq!(then["as_promised"], true);
    assert_eq!(total(&then, "as_promised")["amount_minor"].as_i64(), Some(minor));

    // A credit that is gone from the ledger's view, and one that nobody promised, are named.
    let member = member_in_a_tier(&world).await;
    let not_promised = format!(
        "update memberships set status = 'paused' where member_id = (select id from members where external_id = '{member}')"
    );
    sqlx::raw_sql(AssertSqlSafe(not_promised)).execute(&world.database.admin).await.unwrap();
    let diff = world.tradeup(&["--json", "preview", "monthly-credits", "--period", "2026-11", "--diff"]);
    let value: Value = serde_json::from_str(&diff.stdout).unwrap();
    assert_eq!((diff.code, total(&value, "unexpected")["members"].as_i64()), (1, Some(1)));
    let named = world.tradeup_json(&[
        "preview",
        "monthly-credits",
        "--period",
        "2026-11",
        "--diff",
        "--members",
        "unexpected",
    ]);
    assert_eq!(named[0]["customer"], member.as_str());
}

#[tokio::test]
async fn explain_goes_from_the_clock_to_the_entry_or_the_rule_that_said_no() {
    let mut world = World::with_aurora(60, 222).await;
    let _services = world.start_both().await;
    let run = world.trigger("2026-11");
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    let member = member_in_a_tier(&world).await;
    let granted = explain(&world, "aurora", &member, "2026-11");
    assert_eq!(granted["granted"], true);
    assert!(said(&granted).starts_with("Granted: "), "{granted:#}");
    assert!(granted["steps"].to_string().contains("batch"), "{granted:#}");

    let coming = explain(&world, "aurora", &member, "2999-01");
    assert!(said(&coming).contains("has not come"), "{coming:#}");
    let no_tier = text(&world, "select m.external_id from members m where not exists (select from memberships s where s.member_id = m.id) limit 1").await;
    let none = explain(&world, "aurora", &no_tier, "2026-11");
    assert!(said(&none).contains("in no tier"), "{none:#}");

    // A shop that came after the run: nobody has decided about it.
    world.add_shop(&Shop::new("late", 20, 223));
    let late = text(&world, "select m.external_id from members m join memberships s on s.member_id = m.id join tenants t on t.id = m.tenant_id where t.handle = 'late' limit 1").await;
    let lacks = explain(&world, "late", &late, "2026-11");
    assert!(said(&lacks).contains("has no run for it"), "{lacks:#}");
    assert!(lacks["next"].as_str().unwrap().starts_with("tradeup backfill late --period 2026-11"));
    world.tradeup_ok(&["backfill", "late", "--period", "2026-11", "--reason", "came late", "--follow"]);
    assert_eq!(explain(&world, "late", &late, "2026-11")["granted"], true);
    world.assert_exact(&["2026-11"]);
}

#[tokio::test]
async fn a_backfill_gives_what_lacks_and_nothing_twice() {
    let world = World::with_aurora(120, 224).await;
    let _services = world.start_both().await;
    let run = world.trigger("2026-11");
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    let before = world.number("select count(*) from lots").await;
    // A member whose tier became known after the run had planned.
    let learnt = "insert into memberships (tenant_id, member_id, tier_id, status, source, valid_from)
        select m.tenant_id, m.id, (select min(id) from tiers), 'active', 'manual', '2026-01-01'
        from members m where not exists (select from memberships s where s.member_id = m.id) limit 1";
    sqlx::query(learnt).execute(&world.database.admin).await.unwrap();
    let member = text(&world, "select m.external_id from members m join memberships s on s.member_id = m.id and s.source = 'manual'").await;
    let lacks = explain(&world, "aurora", &member, "2026-11");
    assert!(said(&lacks).contains("became known after"), "{lacks:#}");
    for _ in 0..2 {
        world.tradeup_ok(&[
            "backfill",
            "aurora",
            "--period",
            "2026-11",
            "--reason",
            "learnt late",
            "--follow",
        ]);
    }
    assert_eq!(world.number("select count(*) from lots").await, before + 1);
    assert_eq!(explain(&world, "aurora", &member, "2026-11")["granted"], true);
    assert!(world.number("select count(*) from audit_log where act = 'backfill'").await == 2);
    // Late as it is, it is valid for a month at least.
    let valid = "select count(*) from lots where expires_at >= now() + interval '29 days'";
    assert_eq!(world.number(valid).await, before + 1);
    world.tradeup_ok(&["verify"]);
    let ahead = world.tradeup(&["backfill", "aurora", "--period", "2999-01", "--reason", "x"]);
    assert!(ahead.code == 1 && ahead.stderr.contains("has not come"), "{}", ahead.stderr);
}

#[tokio::test]
async fn a_reversal_takes_back_what_is_left_and_asks_for_the_total() {
    let world = World::with_aurora(150, 225).await;
    let _services = world.start_both().await;
    let run = world.trigger("2026-10");
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    let kept = world.trigger("2026-11");
    assert_eq!(world.ended(&kept).await["state"], "succeeded");
    let member = member_in_a_tier(&world).await;
    let spend =
        ["spend", "--tenant", "aurora", "--member", &member, "--amount", "1.00", "--reference", "1001"];
    world.tradeup_ok(&spend);
    world.tradeup_ok(&spend);

    let preview = world.tradeup_json(&["reverse", &run]);
    let (_, minor) = world.due["aurora"];
    assert_eq!(preview["lines"][0]["used_minor"], 100, "what ends soonest was spent: October's");
    assert_eq!(preview["totals"][0]["amount_minor"].as_i64(), Some(minor - 100));
    assert_eq!(world.number("select count(*) from ledger_entries where kind = 'adjust'").await, 0);
    let wrong = world.tradeup(&["reverse", &run, "--confirm", "1.00", "--reason", "wrong month"]);
    assert!(wrong.code == 1 && wrong.stderr.contains("nothing was done"), "{}", wrong.stderr);
    let total = format!("{}.{:02}", (minor - 100) / 100, (minor - 100) % 100);
    let no_reason = world.tradeup(&["reverse", &run, "--confirm", &total]);
    assert!(no_reason.code == 1 && no_reason.stderr.contains("--reason"), "{}", no_reason.stderr);
    let reverse = ["reverse", &run, "--confirm", &total, "--reason", "wrong month", "--owe-used", "--follow"];
    world.tradeup_ok(&reverse);

    let taken = "select -sum(amount_minor)::bigint from ledger_entries where kind = 'adjust'";
    assert_eq!(world.number(taken).await, minor - 100);
    assert_eq!(world.number("select sum(balance_minor)::bigint from accounts").await, minor);
    assert_eq!(world.number("select sum(debt_minor)::bigint from accounts").await, 100);
    assert_eq!(world.number("select count(*) from audit_log where act = 'reverse'").await, 1);
    // Nothing is deleted, and triggering the month again gives nothing.
    assert_eq!(world.trigger("2026-10"), run);
    world.tradeup_ok(&["verify"]);
    let twice = world.tradeup(&["reverse", &run, "--confirm", "0.00", "--reason", "again", "--owe-used"]);
    assert!(twice.stdout.contains("Exists already"), "{}{}", twice.stdout, twice.stderr);
}

#[tokio::test]
async fn spends_and_adjustments_by_hand_say_what_they_did_or_why_not() {
    let world = World::with_aurora(40, 226).await;
    let _services = world.start_both().await;
    let run = world.trigger("2026-11");
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    let member = member_in_a_tier(&world).await;
    let of = ["--tenant", "aurora", "--member", member.as_str()];
    let with = |command: &str, more: &[&str]| {
        let mut all = vec![command];
        all.extend(of);
        all.extend(more);
        world.tradeup(&all)
    };
    let refused = with("spend", &["--amount", "999.00", "--reference", "a"]);
    assert!(refused.code == 1 && refused.stderr.contains("nothing was taken"), "{}", refused.stderr);
    assert_eq!(with("spend", &["--amount", "1.00", "--reference", "a"]).code, 0);
    let back = ["unspend", "--tenant", "aurora", "--reference", "a", "--key", "r1"];
    assert!(world.tradeup_ok(&back).contains("Given back: 1.00 USD"));
    assert!(world.tradeup_ok(&back).contains("Given back before"));
    let added = with("adjust", &["--add", "3.00", "--key", "t1", "--reason", "goodwill"]);
    assert!(added.stdout.contains("Added: 3.00 USD"), "{}{}", added.stdout, added.stderr);
    assert_eq!(with("adjust", &["--take", "1.50", "--key", "t2", "--reason", "too much"]).code, 0);
    let other = with("adjust", &["--take", "1.51", "--key", "t2", "--reason", "too much"]);
    assert!(other.code == 1 && other.stderr.contains("another key"), "{}", other.stderr);
    let neither = with("adjust", &["--key", "t3", "--reason", "x"]);
    assert_eq!(neither.code, 2, "{}", neither.stderr);

    let statement = world.tradeup_json(&["statement", "aurora", "--member", &member]);
    let account = &statement["accounts"][0];
    let last = statement["entries"].as_array().unwrap().last().unwrap();
    assert_eq!(account["balance_minor"], last["balance_minor"], "{statement:#}");
    assert_eq!(account["spendable_minor"], account["balance_minor"]);
    let csv = world.tradeup_ok(&["statement", "aurora", "--member", &member, "--csv"]);
    assert_eq!(csv.lines().count(), 1 + statement["entries"].as_array().unwrap().len());
    world.tradeup_ok(&["verify"]);
}
