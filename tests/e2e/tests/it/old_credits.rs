//! What another system has credited is brought over once, and never credited here again.

use serde_json::Value;
use tradeup_harness::World;

const HEADER: &str = "Customer ID,Email,Accepts Email Marketing,Tags";

/// A world with a shop, aurora: members 1 to `members`, the first two gold (10.00 a month), the others silver (5.00).
pub(crate) async fn aurora(members: u64) -> World {
    let world = World::new().await;
    let tiers = ["--tier", "gold=10:gold", "--tier", "silver=5:silver"];
    world.tradeup_ok(&[&["tenant", "add", "aurora", "--currency", "USD"], tiers.as_slice()].concat());
    let row = |n: u64| format!("{n},m{n}@example.com,yes,{}\n", if n <= 2 { "gold" } else { "silver" });
    let rows: String = (1..=members).map(row).collect();
    let file = file(&world, "members.csv", &format!("{HEADER}\n{rows}"));
    world.tradeup_ok(&["import", "members", &file, "--tenant", "aurora", "--since", "2026-01-01"]);
    world
}

/// Writes a file, and says where it is.
pub(crate) fn file(world: &World, name: &str, text: &str) -> String {
    let path = world.dir.path().join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// The arguments of an import of November's.
pub(crate) fn import<'a>(file: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    import_of("2026-11", file, more)
}

/// The arguments of an import of a month's.
pub(crate) fn import_of<'a>(period: &'a str, file: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let fixed = ["--json", "import", "credits", "--tenant", "aurora", "--period", period, "--from", file];
    [fixed.as_slice(), more].concat()
}

fn counts(text: &str) -> (i64, i64, i64) {
    let value: Value = serde_json::from_str(text).unwrap();
    let of = |name: &str| value[name].as_i64().unwrap();
    (of("imported"), of("unchanged"), of("refused"))
}

#[tokio::test]
async fn what_was_credited_before_is_not_credited_again_however_often() {
    let world = aurora(5).await;
    let old = file(
        &world,
        "old.csv",
        "member,amount,external_id,note\n1,10.00,run_1,x\n2,10.00,run_2,x\n3,7.00,run_3,x\n",
    );
    let dry = world.tradeup(&import(&old, &["--dry-run"]));
    assert_eq!((dry.code, counts(&dry.stdout)), (0, (3, 0, 0)), "{}", dry.stderr);
    assert_eq!(world.number("select count(*) from lots").await, 0, "a dry run changes nothing");

    assert_eq!(counts(&world.tradeup(&import(&old, &[])).stdout), (3, 0, 0));
    assert_eq!(counts(&world.tradeup(&import(&old, &[])).stdout), (0, 3, 0), "a second time changes nothing");
    assert_eq!(
        world.number("select sum(balance_minor)::bigint from accounts").await,
        0,
        "the balance is kept elsewhere"
    );

    let _services = world.start_both().await;
    let story = world.ended(&world.trigger("2026-11")).await;
    assert_eq!(
        (&story["state"], &story["progress"]["affected"]),
        (&"succeeded".into(), &2.into()),
        "{story:#}"
    );
    assert_eq!(
        world.number("select count(*) from lots where reason = 'monthly'").await,
        5,
        "one for each, in all"
    );
    assert_eq!(
        world.number("select sum(balance_minor)::bigint from accounts").await,
        1000,
        "of members 4 and 5"
    );
    let told = world.tradeup_json(&["explain", "aurora", "--member", "3", "--period", "2026-11"]);
    assert!(told["conclusion"].as_str().unwrap().contains("by the former system: 7.00 USD"), "{told:#}");
    assert_eq!(world.number("select count(*) from audit_log where act = 'credits.import'").await, 2);
    world.tradeup_ok(&["verify"]);
}

#[tokio::test]
async fn bad_lines_are_named_and_kept_and_the_others_are_brought_over() {
    let world = aurora(4).await;
    let old = file(
        &world,
        "old.jsonl",
        r#"{"member":1,"amount_minor":1000,"external_id":"a"}
{"member":1,"amount_minor":1000,"external_id":"b"}
{"member":99,"amount_minor":1000,"external_id":"c"}
{"member":2,"amount":"ten","external_id":"d"}
{"member":2,"amount":"1","external_id":"a"}
not json
{"member":3,"amount":"5.00","external_id":"e","period":"2026-10"}
{"member":4,"amount":"5.00","external_id":"f"}
"#,
    );
    let rejects = world.dir.path().join("rejects.csv");
    let rejects = rejects.to_str().unwrap();
    let done = world.tradeup(&import(&old, &["--rejects", rejects]));
    assert_eq!((done.code, counts(&done.stdout)), (3, (2, 0, 6)), "{}", done.stderr);
    for named in [
        "line 2: period: line 1 is the same member's credit of this month",
        "line 3: member: the shop has no member",
        "line 4: amount: ",
        "line 5: external_id: line 1 has the same name",
        "line 6: (row): ",
        "line 7: period: is 2026-10",
    ] {
        assert!(done.stderr.contains(named), "{named}: {}", done.stderr);
    }
    let written = std::fs::read_to_string(rejects).unwrap();
    assert!(written.lines().count() == 7 && written.contains("not json"), "nothing is lost: {written}");

    // Half a month can't be told from a whole one: the shop's cut-over asks for an import without refused lines.
    let complete = "select count(*) from credit_imports where ended_at is not null and refused = 0";
    assert_eq!(world.number(complete).await, 0);
    let corrected = file(
        &world,
        "corrected.csv",
        "member,amount,external_id\n1,10.00,a\n2,10.00,d\n3,5.00,e\n4,5.00,f\n",
    );
    let done = world.tradeup(&import(&corrected, &[]));
    assert_eq!((done.code, counts(&done.stdout)), (0, (2, 2, 0)), "{}", done.stderr);
    assert_eq!(world.number(complete).await, 1);
    // The same name with another amount is another credit.
    let other = file(&world, "other.csv", "member,amount,external_id\n1,9.00,a\n");
    assert_eq!(counts(&world.tradeup(&import(&other, &[])).stdout), (0, 0, 1));
    world.tradeup_ok(&["verify"]);
}

#[tokio::test]
async fn what_is_left_comes_along_and_ends_when_it_would_have() {
    let world = aurora(3).await;
    let old = file(
        &world,
        "old.csv",
        "member,amount,left,external_id,reason,expires_at\n\
         1,10.00,2.50,a,monthly,2099-01-01T00:00:00Z\n\
         2,10.00,10.00,b,,\n\
         3,4.00,,c,opening,\n",
    );
    let done = world.tradeup(&import(&old, &["--with-balance"]));
    assert_eq!((done.code, counts(&done.stdout)), (0, (3, 0, 0)), "{}", done.stderr);
    assert_eq!(world.number("select sum(balance_minor)::bigint from accounts").await, 250 + 1000 + 400);
    assert_eq!(
        world
            .number("select count(*) from lots where expires_at = '2099-01-01' and remaining_minor = 250")
            .await,
        1
    );
    // The month's run finds two credits there, and the opening balance is none.
    let _services = world.start_both().await;
    let story = world.ended(&world.trigger("2026-11")).await;
    assert_eq!(story["progress"]["affected"], 1, "{story:#}");
    world.tradeup_ok(&[
        "spend",
        "--tenant",
        "aurora",
        "--member",
        "1",
        "--amount",
        "2.50",
        "--reference",
        "r1",
    ]);
    world.tradeup_ok(&["verify"]);
}

#[tokio::test]
async fn whoever_is_quicker_an_import_or_the_months_run_a_member_has_one_credit() {
    let world = aurora(1_500).await;
    let rows: String = (1..=1_500).map(|n| format!("{n},5.00,old-{n}\n")).collect();
    let old = file(&world, "old.csv", &format!("member,amount,external_id\n{rows}"));
    let _services = world.start_both().await;
    let run = world.trigger("2026-11");
    let done = world.tradeup(&import(&old, &[]));
    let (imported, unchanged, refused) = counts(&done.stdout);
    assert_eq!((imported + refused, unchanged), (1_500, 0), "{}", done.stderr);
    let story = world.ended(&run).await;
    assert_eq!(story["state"], "succeeded", "{story:#}");
    assert_eq!(world.number("select count(*) from lots where reason = 'monthly'").await, 1_500);
    assert_eq!(world.number("select count(*) from imported_credits").await, imported);
    assert_eq!(
        story["progress"]["affected"].as_i64(),
        Some(refused),
        "whoever was refused has got it from here"
    );
    world.tradeup_ok(&["verify"]);
}
