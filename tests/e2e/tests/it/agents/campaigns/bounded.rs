//! A campaign costs no more than was approved, and goes no further once somebody has stopped it.

use tradeup_harness::{Planting, eventually};
use tradeup_store::audit::Actor;
use tradeup_store::campaigns::{self, CampaignId, Stopped};
use tradeup_store::{StoreError, Tx};

use super::{Campaign, SOON, Setting, are_untouched, arms, has_outcome};
use crate::blocked::Blocked;

#[tokio::test]
async fn the_cost_that_was_approved_holds_for_all_batches_together() {
    let setting = Setting::new(Planting::churn_wave("aurora", 1_600)).await;
    let campaign = setting.approved("at_risk", None).await;
    let world = setting.world();
    // As if less had been approved: what all would get, in several batches at once, is more.
    let most = 150;
    let limit = campaign.credit_minor * most + campaign.credit_minor - 1;
    setting.tamper(format!("update campaigns set cost_limit_minor = {limit}")).await;
    let (_scheduler, _one) = world.start_both().await;
    let _two = world.start("credits").await;
    setting.carried_out(&campaign, "done").await;

    let drawn = setting.drawn(&campaign).await;
    let (treated, held_out) = arms(&drawn);
    let got = setting.got();
    are_untouched(&held_out, &got);
    let credited: Vec<_> = treated.iter().filter(|drawn| has_outcome(drawn, "credited")).collect();
    assert_eq!(i64::try_from(credited.len()).unwrap(), most, "as many as it reaches, and no fewer");
    assert_eq!(setting.spent(&campaign).await, campaign.credit_minor * most);
    for drawn in &treated {
        let is_credited = has_outcome(drawn, "credited");
        assert!(is_credited || has_outcome(drawn, "skipped_cap"), "{drawn:?}");
        assert_eq!(drawn.lots, i64::from(is_credited), "{drawn:?}");
        // Nobody is promised what they do not get.
        let mails = got.get(&drawn.address.to_lowercase()).copied().unwrap_or(0);
        assert_eq!(mails, usize::from(is_credited && drawn.accepts), "{drawn:?}");
    }
}

async fn stop(setting: &Setting, campaign: &Campaign) -> Result<Stopped, StoreError> {
    let mut tx = Tx::of_tenant(&setting.world().database.app, setting.tenant).await?;
    let actor = Actor { name: "olga".to_owned(), reason: Some("too many complaints".to_owned()) };
    let stopped = campaigns::stop(&mut tx, setting.tenant, CampaignId(campaign.id), &actor).await?;
    tx.commit().await?;
    Ok(stopped)
}

#[tokio::test]
async fn what_is_stopped_reaches_nobody_else() {
    let setting = Setting::new(Planting::churn_wave("aurora", 1_600)).await;
    let campaign = setting.approved("at_risk", None).await;
    let world = setting.world();
    world.tradeup_ok(&["limit", "--task", "campaign-batch", "--running-max", "1"]);
    let _scheduler = world.start("scheduler").await;
    let blocked = Blocked::table(world, "accounts").await;
    let _credits = world.start("credits").await;
    // One batch is in the middle of it: whoever stops waits for that one.
    blocked.catches(world, "credits").await;
    let release = async {
        eventually("somebody waits to stop it", SOON, || async {
            let waiting = "select count(*) from pg_stat_activity
                where datname = current_database() and wait_event_type = 'Lock'";
            (world.number(waiting).await >= 2).then_some(())
        })
        .await;
        blocked.release().await;
    };
    let (stopped, ()) = tokio::join!(stop(&setting, &campaign), release);
    assert_eq!(stopped.unwrap(), Stopped::Done);
    setting.carried_out(&campaign, "stopped").await;

    let drawn = setting.drawn(&campaign).await;
    let (treated, held_out) = arms(&drawn);
    are_untouched(&held_out, &setting.got());
    let credited = treated.iter().filter(|drawn| has_outcome(drawn, "credited")).count();
    let left = treated.iter().filter(|drawn| has_outcome(drawn, "skipped_stopped")).count();
    assert_eq!(credited + left, treated.len(), "{treated:?}");
    assert!(credited == 100 && left > 100, "{credited} credited, {left} left");
    assert!(treated.iter().all(|drawn| drawn.lots == i64::from(has_outcome(drawn, "credited"))));
    assert_eq!(setting.spent(&campaign).await, campaign.credit_minor * 100);
    assert_eq!(stop(&setting, &campaign).await.unwrap(), Stopped::Already("olga".to_owned()));
}

#[tokio::test]
async fn what_is_stopped_before_it_began_draws_nobody() {
    let setting = Setting::new(Planting::churn_wave("aurora", 120)).await;
    let campaign = setting.approved("at_risk", None).await;
    assert_eq!(stop(&setting, &campaign).await.unwrap(), Stopped::Done);
    let entries = setting.world().number("select count(*) from ledger_entries").await;
    let _services = setting.world().start_both().await;
    let story = setting.carried_out(&campaign, "stopped").await;
    assert_eq!(story["result"]["outcome"], "stopped", "{story:#}");
    assert_eq!(setting.drawn(&campaign).await, []);
    assert_eq!(setting.world().number("select count(*) from ledger_entries").await, entries);
    assert!(setting.got().is_empty());
}

#[tokio::test]
async fn what_is_beyond_a_limit_that_was_lowered_since_is_not_approved() {
    let setting = Setting::new(Planting::churn_wave("aurora", 300)).await;
    let (run, _plan) = setting.proposed("at_risk", None).await;
    let world = setting.world();
    let approve = ["agents", "approve", &run, "--campaign", "c1", "--reason", "for the autumn"];
    for (option, words) in [("--credit-limit", "to each member"), ("--campaign-limit", "to all together")] {
        world.tradeup_ok(&["agents", "settings", "aurora", option, "0.01", "--reason", "a bad month"]);
        let refused = world.tradeup(&approve);
        assert!(refused.code != 0 && refused.stderr.contains(words), "{}{}", refused.stdout, refused.stderr);
        assert!(refused.stderr.contains("0.01 USD") && refused.stderr.contains("nothing was changed"));
        world.tradeup_ok(&["agents", "settings", "aurora", option, "10000.00", "--reason", "a good month"]);
    }
    assert_eq!(world.number("select count(*) from campaigns").await, 0);
    assert_eq!(world.number("select count(*) from runs where task = 'start-campaign'").await, 0);
    assert!(setting.approve(&run), "within the limits it is");
}
