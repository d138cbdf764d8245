//! What goes wrong between us and the mail server costs no member two mails, and nobody else theirs.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use tradeup_harness::{Process, SmtpMode, World, eventually};

use crate::mailing::Mailing;

const SOON: Duration = Duration::from_secs(60);

/// Arms a point at which a service stops, and waits until one is there.
struct Point {
    folder: PathBuf,
    name: &'static str,
}

impl Point {
    fn folder(mailing: &mut Mailing) -> PathBuf {
        let folder = mailing.world.dir.path().join("points");
        std::fs::create_dir_all(&folder).unwrap();
        let value = folder.to_str().unwrap().to_owned();
        mailing.world.environment.insert("TRADEUP_FAULTPOINTS".to_owned(), value);
        folder
    }

    fn arm(folder: PathBuf, name: &'static str) -> Self {
        std::fs::write(folder.join(name), "").unwrap();
        Self { folder, name }
    }

    async fn reached(&self, process: &Process) {
        let taken = self.folder.join(format!("{}.{}", self.name, process.id()));
        eventually(&format!("{} is reached", self.name), SOON, || {
            let there = taken.exists();
            async move { there.then_some(()) }
        })
        .await;
    }
}

fn failures(world: &World, story: &Value) -> Vec<Value> {
    let tenant_run = story["children"][0]["run_id"].as_str().unwrap();
    world.tradeup_json(&["run", tenant_run])["member_failures"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_refused_recipient_fails_alone() {
    let mailing = Mailing::new().await;
    let shop = mailing.shop("aurora", "USD", "UTC", "en").await;
    let addresses = mailing.crowd(shop, 5).await;
    for (id, email) in [
        ("unknown", "unknown.ann@member.example"),
        ("policy", "relay.bert@member.example"),
        ("none", "not an address"),
    ] {
        let member = mailing.member(shop, id, Some(email)).await;
        mailing.lot(shop, member, "a", 500, mailing.ends(shop, 3)).await;
    }
    let _services = mailing.start_both().await;
    let run = mailing.trigger();
    assert_eq!(mailing.succeeded(&run).await, [5, 0, 0, 3]);
    let story = mailing.world.ended(&run).await;
    let mut codes: Vec<_> =
        failures(&mailing.world, &story).iter().map(|f| f["code"].as_str().unwrap().to_owned()).collect();
    codes.sort();
    assert_eq!(codes, ["TU0503", "TU0503", "TU0504"]);
    assert!(!story.to_string().contains("member.example"), "{story:#}");
    assert_eq!(mailing.got().into_keys().collect::<Vec<_>>(), addresses);

    // Who does not exist is not written to again; who was refused by policy is, of what comes.
    let listed = mailing.world.tradeup_json(&["mail", "suppressions", "list", "--tenant", "aurora"]);
    let mut bounced: Vec<_> =
        listed.as_array().unwrap().iter().map(|s| s["customer_id"].as_str().unwrap().to_owned()).collect();
    bounced.sort();
    assert_eq!(bounced, ["none", "unknown"]);
    assert!(
        listed.as_array().unwrap().iter().all(|s| s["reason"] == "bounce" && s["source"] == "mail server")
    );
    mailing.next_day().await;
    for id in ["unknown", "none"] {
        let member = sqlx::query_scalar("select id from members where external_id = $1")
            .bind(id)
            .fetch_one(&mailing.world.database.admin)
            .await
            .unwrap();
        mailing.lot(shop, member, "b", 500, mailing.ends(shop, 3)).await;
    }
    assert_eq!(mailing.warn().await, [0, 0, 2, 0]);

    // The address is put right, and a person sends the refused mail once more.
    mailing.run_sql("update members set email = 'ann@member.example' where external_id = 'unknown'").await;
    let refused = mailing.world.tradeup_json(&["mail", "list", "--state", "refused"]);
    let of_ann =
        refused.as_array().unwrap().iter().find(|d| d["error"].to_string().contains("5.1.1")).unwrap();
    let again = mailing.resolve(of_ann["digest_id"].as_str().unwrap(), "--send-again");
    assert_eq!(again.code, 0, "{}", again.stderr);
    let again: Value = serde_json::from_str(&again.stdout).unwrap();
    let sent = mailing.world.ended(again["run_id"].as_str().unwrap()).await;
    assert_eq!(
        (&sent["state"], &sent["result"]["outcome"]),
        (&"succeeded".into(), &"sent".into()),
        "{sent:#}"
    );
    assert_eq!(mailing.got()["ann@member.example"], 1);
    mailing.assert_exact();
}

#[tokio::test]
async fn a_server_that_is_down_for_a_while_delays_and_doubles_nothing() {
    let mailing = Mailing::new().await;
    let shop = mailing.shop("aurora", "USD", "UTC", "en").await;
    let addresses = mailing.crowd(shop, 120).await;
    mailing.server.set(SmtpMode::Away);
    let _services = mailing.start_both().await;
    let run = mailing.trigger();
    eventually("two attempts have failed", SOON, || async {
        let failed = "select count(*) from attempts where error_code = 'TU0501'";
        (mailing.world.number(failed).await >= 2).then_some(())
    })
    .await;
    assert_eq!(mailing.server.mails().len(), 0);
    let shown = mailing.world.tradeup_json(&["holds"]);
    assert_eq!(shown["breakers"][0]["dependency"], "mail", "{shown:#}");
    mailing.server.set(SmtpMode::Accept);
    assert_eq!(mailing.succeeded(&run).await, [120, 0, 0, 0]);
    let got = mailing.got();
    assert_eq!(got.len(), addresses.len());
    assert!(got.values().all(|mails| *mails == 1), "{got:?}");
}

#[tokio::test]
async fn what_was_spent_before_it_was_sent_is_dropped_and_a_late_no_counts() {
    let mailing = Mailing::new().await;
    let shop = mailing.shop("aurora", "USD", "UTC", "en").await;
    let spender = mailing.member(shop, "spender", Some("spender@member.example")).await;
    let keeper = mailing.member(shop, "keeper", Some("keeper@member.example")).await;
    mailing.member(shop, "leaver", Some("leaver@member.example")).await;
    let leaver = sqlx::query_scalar("select id from members where external_id = 'leaver'")
        .fetch_one(&mailing.world.database.admin)
        .await
        .unwrap();
    for member in [spender, keeper, leaver] {
        mailing.lot(shop, member, "a", 500, mailing.ends(shop, 3)).await;
    }
    mailing.server.set(SmtpMode::Greylist);
    let (_scheduler, credits) = mailing.start_both().await;
    let run = mailing.trigger();
    eventually("an attempt was put off", SOON, || async {
        let put_off = "select count(*) from attempts where error_code = 'TU0502'";
        (mailing.world.number(put_off).await >= 1).then_some(())
    })
    .await;
    // No attempt is half done when they change their minds.
    assert!(credits.terminate(SOON).await.success());
    mailing.spend(shop, spender, 500).await;
    mailing.spend(shop, keeper, 200).await;
    let add = [
        "mail",
        "suppressions",
        "add",
        "--tenant",
        "aurora",
        "--member",
        "leaver",
        "--reason",
        "wrote to us",
    ];
    mailing.world.tradeup_ok(&add);
    mailing.server.set(SmtpMode::Accept);
    let _credits = mailing.world.start("credits").await;
    assert_eq!(mailing.succeeded(&run).await, [1, 0, 2, 0]);
    // The amount is that of the claim: a later try says the same as the first.
    let [text, _html] = crate::mailing::parts(&mailing.only_mail("keeper@member.example"));
    assert!(text.contains("$5.00"), "{text}");
    assert_eq!(mailing.got().len(), 1);
    let dropped = mailing.world.tradeup_json(&["mail", "list", "--state", "dropped"]);
    let mut because: Vec<_> = dropped
        .as_array()
        .unwrap()
        .iter()
        .map(|d| d["dropped_because"].as_str().unwrap().to_owned())
        .collect();
    because.sort();
    assert_eq!(because, ["opt_out", "spent"]);
}

#[tokio::test]
async fn an_answer_that_is_lost_leaves_it_open_for_a_person() {
    for (mode, arrived, how) in [(SmtpMode::Drop, 1, "--sent"), (SmtpMode::Lose, 0, "--send-again")] {
        let mailing = Mailing::new().await;
        let shop = mailing.shop("aurora", "USD", "UTC", "en").await;
        mailing.crowd(shop, 1).await;
        mailing.server.set(mode);
        let _services = mailing.start_both().await;
        let run = mailing.trigger();
        assert_eq!(mailing.succeeded(&run).await, [0, 0, 0, 1]);
        let story = mailing.world.ended(&run).await;
        assert_eq!(failures(&mailing.world, &story)[0]["code"], "TU0506");
        assert_eq!(mailing.server.mails().len(), arrived);
        mailing.server.set(SmtpMode::Accept);
        assert_eq!(mailing.warn().await, [0; 4], "not sent again blindly");

        let unknown = mailing.world.tradeup_json(&["mail", "list", "--state", "unknown"]);
        let digest = unknown[0]["digest_id"].as_str().unwrap();
        let found = mailing.world.tradeup_json_any(&["doctor"]).to_string();
        assert!(found.contains("1 mail perhaps sent"), "{found}");
        let without = mailing.world.tradeup(&["mail", "resolve", digest, how]);
        assert!(without.code == 1 && without.stderr.contains("--reason"), "{}", without.stderr);
        let decided = mailing.resolve(digest, how);
        assert_eq!(decided.code, 0, "{}", decided.stderr);
        mailing.mails_at_least(1).await;
        eventually("it counts as sent", SOON, || async {
            (mailing.states().await.get("sent") == Some(&1)).then_some(())
        })
        .await;
        assert_eq!(mailing.got()["m0@member.example"], 1);
        let twice = mailing.resolve(digest, how);
        assert!(twice.code == 1 && twice.stderr.contains("is sent"), "{}", twice.stderr);
        assert_eq!(mailing.world.number("select count(*) from audit_log where act like 'mail %'").await, 1);
        mailing.assert_exact();
    }
}

#[tokio::test]
async fn credits_killed_while_it_sends_sends_nobody_two() {
    // Before the mail server has heard of it, and after it has taken it: nobody can tell which.
    for (point, how) in [("mail.marked", "--send-again"), ("mail.handed", "--sent")] {
        let mut mailing = Mailing::new().await;
        let folder = Point::folder(&mut mailing);
        mailing.world.environment.insert("TRADEUP_MAIL_RATE".to_owned(), "20".to_owned());
        let shop = mailing.shop("aurora", "USD", "UTC", "en").await;
        let addresses = mailing.crowd(shop, 40).await;
        let _scheduler = mailing.world.start("scheduler").await;
        let credits = mailing.world.start("credits").await;
        let run = mailing.trigger();
        mailing.mails_at_least(5).await;
        let armed = Point::arm(folder, point);
        armed.reached(&credits).await;
        credits.kill();
        let sending = mailing.states().await["sending"];
        assert!(sending >= 1 && mailing.states().await["pending"] > 0, "{:?}", mailing.states().await);

        let _credits = mailing.world.start("credits").await;
        let sums = mailing.succeeded(&run).await;
        assert_eq!(sums, [40 - sending, 0, 0, sending]);
        let got = mailing.got();
        assert!(got.values().all(|mails| *mails == 1), "{got:?}");
        let unknown = mailing.world.tradeup_json(&["mail", "list", "--state", "unknown"]);
        assert_eq!(i64::try_from(unknown.as_array().unwrap().len()).unwrap(), sending);
        for digest in unknown.as_array().unwrap() {
            assert_eq!(digest["error_code"], "TU0506");
            // What the mail server's log would say: whether it has a mail of this id.
            let id = digest["digest_id"].as_str().unwrap();
            let has = |mail: &tradeup_harness::KeptMail| String::from_utf8_lossy(&mail.content).contains(id);
            let arrived = mailing.server.mails().iter().any(has);
            let decided = mailing.resolve(id, if arrived { "--sent" } else { "--send-again" });
            assert_eq!(decided.code, 0, "{how}: {}", decided.stderr);
        }
        eventually("each has theirs", SOON, || async {
            (mailing.states().await.get("sent") == Some(&40)).then_some(())
        })
        .await;
        let got = mailing.got();
        assert!(got.len() == addresses.len() && got.values().all(|mails| *mails == 1), "{got:?}");
        mailing.assert_exact();
    }
}

#[tokio::test]
async fn credits_that_is_told_to_stop_leaves_nothing_open() {
    let mut mailing = Mailing::new().await;
    mailing.world.environment.insert("TRADEUP_MAIL_RATE".to_owned(), "20".to_owned());
    let shop = mailing.shop("aurora", "USD", "UTC", "en").await;
    mailing.crowd(shop, 60).await;
    let _scheduler = mailing.world.start("scheduler").await;
    let credits = mailing.world.start("credits").await;
    let run = mailing.trigger();
    mailing.mails_at_least(5).await;
    assert!(credits.terminate(Duration::from_secs(15)).await.success());
    let states = mailing.states().await;
    assert!(states.contains_key("pending") && !states.contains_key("sending"), "{states:?}");
    let _credits = mailing.world.start("credits").await;
    assert_eq!(mailing.succeeded(&run).await, [60, 0, 0, 0]);
    assert!(mailing.got().len() == 60 && mailing.got().values().all(|mails| *mails == 1));
}

#[tokio::test]
async fn without_a_mail_server_warnings_wait_and_say_so() {
    let mut mailing = Mailing::new().await;
    let shop = mailing.shop("aurora", "USD", "UTC", "en").await;
    mailing.crowd(shop, 3).await;
    let url = mailing.world.environment.remove("TRADEUP_SMTP_URL").unwrap();
    let _scheduler = mailing.world.start("scheduler").await;
    let credits = mailing.world.start("credits").await;
    let run = mailing.trigger();
    eventually("an attempt says why", SOON, || async {
        (mailing.world.number("select count(*) from attempts where error_code = 'TU0508'").await > 0)
            .then_some(())
    })
    .await;
    assert_eq!(mailing.world.number("select count(*) from warnings").await, 0, "nothing is claimed");
    drop(credits);
    mailing.world.environment.insert("TRADEUP_SMTP_URL".to_owned(), url);
    // What is half given is refused at start, without a word of what was given.
    let mut half = mailing.world.environment.clone();
    half.remove("TRADEUP_MAIL_FROM");
    let refused = Process::spawn("credits", &half, mailing.world.dir.path()).ended(SOON).await;
    assert!(refused.code == 1 && refused.stderr.contains("TRADEUP_MAIL_FROM"), "{}", refused.stderr);
    let _credits = mailing.world.start("credits").await;
    assert_eq!(mailing.succeeded(&run).await, [3, 0, 0, 0]);
    assert_eq!(mailing.got().len(), 3);
}
