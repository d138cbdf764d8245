//! A customer export becomes members, exactly, again and again.

use std::process::{Command, Stdio};

use tradeup_harness::{World, binary};

const HEADER: &str = "Customer ID,First Name,Last Name,Email,Accepts Email Marketing,Default Address Company,Default Address Address1,Default Address Address2,Default Address City,Default Address Province Code,Default Address Country Code,Default Address Zip,Default Address Phone,Phone,Accepts SMS Marketing,Total Spent,Total Orders,Note,Tax Exempt,Tags";

fn row(id: &str, email: &str, tags: &str) -> String {
    format!("'{id},Ada,Eze,{email},yes,,,,,,,,,,no,0.00,0,\"two\nlines, \"\"quoted\"\"\",no,\"{tags}\"")
}

fn write(world: &World, name: &str, rows: &[String]) -> String {
    let path = world.dir.path().join(name);
    std::fs::write(&path, format!("\u{feff}{HEADER}\r\n{}\r\n", rows.join("\r\n"))).unwrap();
    path.to_str().unwrap().to_owned()
}

/// A world with a shop, aurora, that has two tiers and no members.
async fn world_with_tiers() -> World {
    let world = World::new().await;
    let tiers = ["--tier", "gold=10:vip-gold", "--tier", "silver=5:vip"];
    world.tradeup_ok(&[&["tenant", "add", "aurora", "--currency", "USD"], tiers.as_slice()].concat());
    world
}

#[tokio::test]
async fn good_rows_are_imported_bad_ones_named_and_a_second_import_changes_nothing() {
    let world = world_with_tiers().await;
    let file = write(
        &world,
        "a.csv",
        &[
            row("1001", "ada@example.com", "vip"),
            row("1002", "not an address", "vip"),
            row("1003", "eve@example.com", "newsletter, VIP-Gold , vip"),
            row("1001", "again@example.com", "vip-gold"),
            row("1004", "", "newsletter"),
        ],
    );
    let rejects = world.dir.path().join("rejects.csv");
    let rejects = rejects.to_str().unwrap();
    let import = ["--json", "import", "members", &file, "--tenant", "aurora", "--rejects", rejects];
    let first = world.tradeup(&import);
    assert_eq!(first.code, 3, "some rows were rejected: {}", first.stderr);
    let counts: serde_json::Value = serde_json::from_str(&first.stdout).unwrap();
    assert_eq!(
        (&counts["rows"], &counts["added"], &counts["rejected"], &counts["without_tier"]),
        (&5.into(), &3.into(), &2.into(), &1.into())
    );
    // Each row takes two lines, the header one.
    assert!(first.stderr.contains("line 4: Email: is no e-mail address"), "{}", first.stderr);
    assert!(first.stderr.contains("line 8: Customer ID: repeats that of line 2"), "{}", first.stderr);
    let written = std::fs::read_to_string(rejects).unwrap();
    assert_eq!(written.lines().count(), 3, "{written}");
    assert!(
        !first.stderr.contains("not an address") && !written.contains("not an address"),
        "personal data is not echoed"
    );
    assert_eq!(
        world
            .number(
                "select count(*) from memberships m join tiers t on t.id = m.tier_id where t.handle = 'gold'"
            )
            .await,
        1
    );

    let before = world.number("select sum(hashtext(m::text)) from members m").await;
    let second: serde_json::Value = serde_json::from_str(&world.tradeup(&import).stdout).unwrap();
    assert_eq!(
        (&second["added"], &second["updated"], &second["unchanged"]),
        (&0.into(), &0.into(), &3.into())
    );
    assert_eq!((&second["memberships_begun"], &second["memberships_ended"]), (&0.into(), &0.into()));
    assert_eq!(
        world.number("select sum(hashtext(m::text)) from members m").await,
        before,
        "not one byte of a member changed"
    );
}

#[tokio::test]
async fn a_changed_tag_moves_the_member_from_now_on_and_keeps_the_history() {
    let world = world_with_tiers().await;
    let import = |rows: &[String]| {
        let file = write(&world, "a.csv", rows);
        world.tradeup_json(&["import", "members", &file, "--tenant", "aurora", "--since", "2026-01-01"])
    };
    import(&[
        row("1", "a@example.com", "vip"),
        row("2", "b@example.com", "vip"),
        row("3", "c@example.com", ""),
    ]);
    let changed = import(&[
        row("1", "a@example.com", "vip-gold"),
        row("2", "b@example.com", ""),
        row("3", "new@example.com", "vip"),
    ]);
    assert_eq!(
        (&changed["updated"], &changed["memberships_ended"], &changed["memberships_begun"]),
        (&1.into(), &2.into(), &2.into())
    );

    // As of November all three facts are as they were: two silver members, one without a tier
    // until today... who has never had one, and so counts from the day that was given.
    let _services = world.start_both().await;
    let run = world.trigger("2026-11");
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    let ledger = world.tradeup_json(&["ledger", "aurora"]);
    assert_eq!(
        (&ledger["totals"][0]["lots"], &ledger["totals"][0]["granted_minor"]),
        (&3.into(), &1500.into())
    );
    world.tradeup_ok(&["verify"]);
}

#[tokio::test]
async fn a_wrong_file_is_refused_in_one_line_and_nothing_is_imported() {
    let world = World::new().await;
    world.tradeup_ok(&["tenant", "add", "aurora", "--currency", "USD", "--tier", "gold=10"]);
    let wrong = world.dir.path().join("wrong.csv");
    for (text, says) in [
        ("Handle,Title,Vendor\nx,y,z\n", "\"Customer ID\" is missing"),
        ("", "\"Customer ID\" is missing"),
        (&format!("{}\n1;2\n", HEADER.replace(',', ";")), "separator"),
    ] {
        std::fs::write(&wrong, text).unwrap();
        let refused = world.tradeup(&["import", "members", wrong.to_str().unwrap(), "--tenant", "aurora"]);
        assert_eq!(refused.code, 1);
        assert_eq!(refused.stderr.lines().count(), 1, "{}", refused.stderr);
        assert!(refused.stderr.contains(says) && refused.stderr.contains("wrong.csv"), "{}", refused.stderr);
    }
    let missing = world.tradeup(&["import", "members", "no-such.csv", "--tenant", "aurora"]);
    assert!(
        missing.code == 1 && missing.stderr.contains("no-such.csv can't be opened"),
        "{}",
        missing.stderr
    );
    assert_eq!(world.number("select count(*) from members").await, 0);
}

#[tokio::test]
async fn an_import_killed_halfway_has_changed_nothing() {
    let world = World::new().await;
    world.tradeup_ok(&["tenant", "add", "aurora", "--currency", "USD", "--tier", "gold=10:vip-gold"]);
    // Standard input that never ends: the import is under way for as long as we like.
    let mut import = Command::new(binary("tradeup"))
        .env_clear()
        .envs(&world.environment)
        .args(["import", "members", "-", "--tenant", "aurora"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = import.stdin.take().unwrap();
    let rows: Vec<String> = (1..=5_000).map(|id| row(&id.to_string(), "", "vip-gold")).collect();
    std::io::Write::write_all(&mut input, format!("{HEADER}\n{}\n", rows.join("\n")).as_bytes()).unwrap();
    tradeup_harness::eventually("rows are staged", std::time::Duration::from_secs(30), || async {
        let under_way = "select count(*) from pg_stat_activity where datname = current_database()
            and application_name = 'tradeup' and backend_xid is not null and state = 'idle in transaction'";
        (world.number(under_way).await > 0).then_some(())
    })
    .await;
    import.kill().unwrap();
    import.wait().unwrap();
    assert_eq!(world.number("select count(*) from members").await, 0);
    // And the whole file after that is no worse off.
    drop(input);
    let file = write(&world, "whole.csv", &rows);
    assert_eq!(world.tradeup_json(&["import", "members", &file, "--tenant", "aurora"])["added"], 5_000);
}

#[tokio::test]
async fn the_generator_gives_the_same_file_for_the_same_seed() {
    let world = World::new().await;
    let make = |seed: &str| world.tradeup_ok(&["generate", "members", "--count", "500", "--seed", seed]);
    assert_eq!(make("7"), make("7"));
    assert_ne!(make("7"), make("8"));
    assert!(make("7").starts_with(HEADER));
}
