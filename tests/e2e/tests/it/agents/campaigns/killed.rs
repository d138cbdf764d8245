//! Killed in the middle, at any place: each is credited once all the same, and nobody is written to twice.

use tradeup_harness::{Planting, Process};

use super::{Campaign, Setting, are_untouched, arms, has_outcome};
use crate::blocked::Blocked;

const CREDITED: &str =
    "select count(*) from campaign_members where campaign_id = $1 and outcome = 'credited'";

/// Stops a service in the middle of a transaction, and kills it there.
async fn kill_at(setting: &Setting, table: &str, service: &str, process: Process) {
    let blocked = Blocked::table(setting.world(), table).await;
    blocked.catches(setting.world(), service).await;
    process.kill();
    blocked.release().await;
}

async fn is_once(setting: &Setting, campaign: &Campaign) {
    let drawn = setting.drawn(campaign).await;
    let (treated, held_out) = arms(&drawn);
    let got = setting.got();
    are_untouched(&held_out, &got);
    for drawn in &treated {
        let credit = campaign.credit_minor;
        assert!(has_outcome(drawn, "credited"), "{drawn:?}");
        assert_eq!((drawn.amount_minor, drawn.lots, drawn.given_minor), (credit, 1, credit), "{drawn:?}");
    }
    assert_eq!(setting.spent(campaign).await, campaign.credit_minor * i64::try_from(treated.len()).unwrap());
    // Nobody is written to twice; who may have been and may not is on record as unknown.
    assert!(got.values().all(|mails| *mails == 1), "{got:?}");
    let reachable = treated.iter().filter(|drawn| drawn.accepts).count();
    let of = |state: &'static str| setting.of(campaign, state);
    let sent = of("select count(*) from digests where campaign_id = $1 and state = 'sent'").await;
    let unknown = of("select count(*) from digests where campaign_id = $1 and state = 'unknown'").await;
    assert_eq!(usize::try_from(sent + unknown).unwrap(), reachable);
    let mails = i64::try_from(got.len()).unwrap();
    assert!((sent..=sent + unknown).contains(&mails), "{sent} sent, {unknown} unknown, {mails} mails");
}

#[tokio::test]
async fn credits_killed_in_the_middle_of_a_batch_and_of_its_mails() {
    let setting = Setting::new(Planting::churn_wave("aurora", 1_600)).await;
    let campaign = setting.approved("at_risk", None).await;
    let world = setting.world();
    let _scheduler = world.start("scheduler").await;
    // Before anything is committed.
    let blocked = Blocked::table(world, "accounts").await;
    let credits = world.start("credits").await;
    blocked.catches(world, "credits").await;
    credits.kill();
    blocked.release().await;
    assert_eq!(setting.of(&campaign, CREDITED).await, 0, "nothing of it was committed");

    // While some are written to.
    let credits = world.start("credits").await;
    setting
        .at_least(&campaign, "select count(*) from digests where campaign_id = $1 and state = 'sent'", 1)
        .await;
    credits.kill();
    assert!(setting.of(&campaign, CREDITED).await > 0);
    // And as it begins an attempt.
    let credits = world.start("credits").await;
    kill_at(&setting, "attempts", "credits", credits).await;

    let _credits = world.start("credits").await;
    setting.carried_out(&campaign, "done").await;
    is_once(&setting, &campaign).await;
    assert!(world.number("select count(*) from attempts where outcome = 'lost'").await > 0);
    assert!(
        setting.of(&campaign, "select count(*) from campaign_members where campaign_id = $1").await > 200
    );
}

#[tokio::test]
async fn scheduler_killed_while_members_are_drawn() {
    let setting = Setting::new(Planting::churn_wave("aurora", 1_600)).await;
    let campaign = setting.approved("at_risk", None).await;
    let world = setting.world();
    let blocked = Blocked::table(world, "batches").await;
    let scheduler = world.start("scheduler").await;
    blocked.catches(world, "scheduler").await;
    scheduler.kill();
    blocked.release().await;
    let members = "select count(*) from campaign_members where campaign_id = $1";
    assert_eq!(setting.of(&campaign, members).await, 0, "nobody was drawn");
    assert_eq!(setting.state(&campaign).await, "approved");

    let _services = world.start_both().await;
    setting.carried_out(&campaign, "done").await;
    is_once(&setting, &campaign).await;
}
