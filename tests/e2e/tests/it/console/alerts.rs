//! Alerts: what is wrong is told of once, to whoever is to be told, until it is over.

use std::time::Duration;

use serde_json::Value;
use tradeup_domain::signing::Signed;
use tradeup_harness::{KeptMail, Process, Shop, SmtpMode, SmtpServer, SmtpSetup, World, eventually};

use crate::endpoints::Receiver;

pub(super) const SOON: Duration = Duration::from_secs(40);
const SECRET: &str = "whsec_bXktc2lnbmluZy1rZXktb2YtdGhpcnR5LXR3by1ieXRlcw==";

pub(super) struct Watched {
    pub(super) world: World,
    pub(super) services: Vec<Process>,
    pub(super) mails: SmtpServer,
    pub(super) webhook: Receiver,
    pub(super) slack: Receiver,
    pub(super) _kept: tempfile::TempDir,
}

/// A shop, all services, and a console that tells people in three ways.
pub(super) async fn watched() -> Watched {
    watched_in(World::new().await).await
}

pub(super) async fn watched_in(mut world: World) -> Watched {
    let kept = tempfile::tempdir().unwrap();
    let mails = SmtpServer::start(kept.path(), &SmtpSetup::default());
    let (webhook, webhook_url) = Receiver::start(&[500]).await;
    let (slack, slack_url) = Receiver::start(&[]).await;
    world.add_shop(&Shop::new("aurora", 20, 7));
    quicker(&world).await;
    let (scheduler, credits) = world.start_both().await;
    let mut services = vec![scheduler, credits, world.start("webhooks").await];
    for (name, value) in [
        ("TRADEUP_CONSOLE", "127.0.0.1:0"),
        ("TRADEUP_CONSOLE_URL", "https://jobs.example"),
        ("TRADEUP_ALERT_MAIL", "oncall@ops.example"),
        ("TRADEUP_MAIL_FROM", "jobs@ops.example"),
        ("TRADEUP_SMTP_URL", &format!("smtp://127.0.0.1:{}?tls=none", mails.port)),
        ("TRADEUP_ALERT_WEBHOOK_URL", &webhook_url),
        ("TRADEUP_ALERT_WEBHOOK_SECRET", SECRET),
        ("TRADEUP_ALERT_SLACK_URL", &slack_url),
    ] {
        world.environment.insert(name.to_owned(), value.to_owned());
    }
    services.push(world.start("console").await);
    Watched { world, services, mails, webhook, slack, _kept: kept }
}

/// Every rule is looked at ten times a second.
async fn quicker(world: &World) {
    set(world, "update alert_rules set every = interval '100 milliseconds'").await;
}

pub(super) async fn set(world: &World, statement: &'static str) {
    sqlx::query(statement).execute(&world.database.admin).await.unwrap();
}

pub(super) fn said(mail: &KeptMail) -> String {
    String::from_utf8(mail.content.clone()).unwrap().replace("=\r\n", "")
}

/// The alerts of one rule that are open.
pub(super) fn open(world: &World, rule: &str) -> Vec<Value> {
    let all = world.tradeup_json(&["alerts", "list"]);
    all.as_array().unwrap().iter().filter(|alert| alert["rule"] == rule).cloned().collect()
}

pub(super) async fn opened(world: &World, rule: &str) -> Value {
    eventually(rule, SOON, || async { open(world, rule).first().cloned() }).await
}

#[tokio::test]
async fn dead_letters_are_told_of_once_in_each_way_and_are_over_when_somebody_has_seen_to_them() {
    let Watched { world, services: _services, mails, webhook, slack, _kept } = watched().await;
    set(&world, "revoke insert on lots from tradeup_credits").await;
    world.trigger("2026-10");

    let alert = opened(&world, "dead_letters").await;
    let summary = alert["summary"].as_str().unwrap();
    assert!(summary.contains("monthly-credits") && summary.contains("TU0104"), "{summary}");

    let mail = &mails.mails_at_least(1).await[0];
    let text = said(mail);
    assert!(text.contains(summary) && text.contains("https://jobs.example/dead/"), "{text}");
    assert_eq!(mail.facts["to"][0], "oncall@ops.example");
    let posted = &slack.wait_for(1).await[0];
    assert!(posted.value()["text"].as_str().unwrap().contains("TU0104"), "{:?}", posted.value());

    // The first try was refused: the same message comes again, signed.
    let tries = webhook.wait_for(2).await;
    assert_eq!(tries[0].header("webhook-id"), tries[1].header("webhook-id"));
    let (id, timestamp) = (tries[1].header("webhook-id"), tries[1].header("webhook-timestamp"));
    let signed = Signed { id: &id, timestamp: timestamp.parse().unwrap(), body: &tries[1].body };
    assert_eq!(signed.signature(SECRET).unwrap(), tries[1].header("webhook-signature"));
    let told = &tries[1].value()["data"]["alerts"][0];
    assert_eq!((&told["state"], &told["rule"]), (&"opened".into(), &"dead_letters".into()));

    let taken =
        world.tradeup_json(&["alerts", "acknowledge", alert["alert"].as_str().unwrap(), "--by", "olga"]);
    assert_eq!(taken["acknowledged"].as_array().unwrap().len(), 1);
    let again = world.tradeup(&["alerts", "acknowledge", alert["alert"].as_str().unwrap()]);
    assert_eq!(again.code, 1, "somebody has it already");
    assert_eq!(open(&world, "dead_letters")[0]["acknowledged_by"], "olga");

    set(&world, "grant insert on lots to tradeup_credits").await;
    world.tradeup_ok(&["dead", "replay", "--code", "TU0104"]);
    eventually("it is over", SOON, || async {
        // As if it had not been to be seen for longer.
        set(&world, "update alerts set seen_at = seen_at - interval '1 hour'").await;
        open(&world, "dead_letters").is_empty().then_some(())
    })
    .await;
    let all = webhook.wait_for(3).await;
    assert_eq!(all[2].value()["data"]["alerts"][0]["state"], "resolved");
    assert_eq!(mails.mails_at_least(2).await.len(), 2, "one when it began, one when it was over");
    assert_eq!(slack.wait_for(2).await.len(), 2);
}

#[tokio::test]
async fn what_is_gone_late_or_far_off_is_found() {
    let Watched { world, mut services, webhook, slack: _slack, mails: _mails, _kept } = watched().await;
    // A thousand times what was owed a day ago.
    world.ended(&world.trigger("2026-10")).await;
    set(
        &world,
        "insert into liability_marks (tenant_id, currency, at, owed_minor)
         select tenant_id, currency, now() - interval '24 hours', sum(balance_minor) / 1000
         from accounts group by tenant_id, currency",
    )
    .await;
    let jump = opened(&world, "liability_jump").await;
    assert!(jump["summary"].as_str().unwrap().contains("What aurora owes"), "{jump}");

    // Shorter than it takes until the console trusts what it has not seen, longer than services are quiet.
    world.tradeup_ok(&["alerts", "set", "service_down", "--threshold", "20"]);
    let scheduler = services.remove(0);
    scheduler.kill();
    set(&world, "update workers set last_seen_at = now() - interval '1 hour' where service = 'scheduler'")
        .await;
    eventually("the scheduler is missed", SOON, || async {
        let down = open(&world, "service_down");
        down.iter()
            .any(|alert| alert["summary"].as_str().unwrap().contains("No process of scheduler"))
            .then_some(())
    })
    .await;

    set(
        &world,
        "update schedules set next_fire_at = now() - interval '10 minutes' where name = 'tier-review'",
    )
    .await;
    let missed = opened(&world, "missed_schedule").await;
    assert!(missed["summary"].as_str().unwrap().contains("tier-review was due"), "{missed}");

    // What nobody wants to hear of is over at once.
    world.tradeup_ok(&["alerts", "set", "liability_jump", "--disable", "--reason", "a migration"]);
    assert_eq!(open(&world, "liability_jump").len(), 0);
    let rules = webhook
        .wait_for(3)
        .await
        .iter()
        .flat_map(|got| got.value()["data"]["alerts"].as_array().unwrap().clone())
        .map(|alert| alert["rule"].as_str().unwrap().to_owned())
        .collect::<Vec<_>>();
    assert!(rules.contains(&"liability_jump".to_owned()), "{rules:?}");
}

#[tokio::test]
async fn a_channel_that_fails_is_seen_and_a_test_says_that_it_works_again() {
    let Watched { world, services: _services, mails, slack, webhook: _webhook, _kept } = watched().await;
    eventually("channels are known", SOON, || async {
        (world.tradeup_json(&["alerts", "channels"]).as_array().unwrap().len() == 3).then_some(())
    })
    .await;
    mails.set(SmtpMode::Busy);
    world.tradeup_ok(&["alerts", "test"]);
    let failed = eventually("the mail is not sent", SOON, || async {
        let channels = world.tradeup_json(&["alerts", "channels"]);
        let mail = channels.as_array().unwrap().iter().find(|c| c["channel"] == "mail").unwrap().clone();
        (!mail["error"].is_null()).then_some(mail)
    })
    .await;
    assert_eq!(failed["reaches"], "somebody at ops.example", "no address is shown");
    mails.set(SmtpMode::Accept);
    mails.mails_at_least(1).await;
    assert!(slack.wait_for(1).await[0].value()["text"].as_str().unwrap().contains("test"));

    let unknown = world.tradeup(&["alerts", "set", "dead_letter", "--threshold", "5"]);
    assert_ne!(unknown.code, 0);
    assert!(unknown.stderr.contains("there are missed_schedule, dead_letters"), "{}", unknown.stderr);
}
