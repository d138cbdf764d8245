//! A campaign of which part is a dead letter says so, until that is replayed.

use tradeup_harness::Planting;

use super::{Setting, arms, has_outcome};

/// The database refuses what one batch does, for everybody, at once and for good.
const HURT: &str = "
    create function hurt() returns trigger language plpgsql as $$
    begin
        if new.member_id = (select min(member_id::text)::uuid from campaign_members
                where campaign_id = new.campaign_id and arm = 'treated') then
            raise exception 'hurt' using errcode = '42501';
        end if;
        return new;
    end $$;
    create trigger hurt before update on campaign_members for each row execute function hurt();";

#[tokio::test]
async fn a_dead_batch_fails_the_campaign_until_it_is_replayed() {
    let setting = Setting::new(Planting::churn_wave("aurora", 600)).await;
    let campaign = setting.approved("at_risk", None).await;
    setting.tamper(HURT.to_owned()).await;
    let world = setting.world();
    let _services = world.start_both().await;
    let story = world.ended(&campaign.start_run).await;
    assert_eq!(story["state"], "dead", "{story:#}");

    let id = campaign.id.to_string();
    let shown = || world.tradeup_json(&["campaigns", "show", "aurora", &id]);
    let listed = |state: &str| {
        let listed = world.tradeup_json(&["campaigns", "list", "aurora", "--state", state]);
        listed.as_array().unwrap().len()
    };
    let failed = shown();
    assert_eq!(
        (&failed["state"], &failed["ended_at"]),
        (&"failed".into(), &serde_json::Value::Null),
        "{failed:#}"
    );
    assert_eq!((listed("failed"), listed("running"), listed("done")), (1, 0, 0));
    let words = world.tradeup_ok(&["campaigns", "show", "aurora", &id]);
    assert!(words.contains("failed: ") && words.contains("part of it is a dead letter"), "{words}");
    let drawn = setting.drawn(&campaign).await;
    let (treated, _held_out) = arms(&drawn);
    let open = treated.iter().filter(|drawn| drawn.outcome.is_none()).count();
    assert!(open > 0 && open < treated.len(), "one batch of several: {open} of {}", treated.len());

    // What it has not done for them is done once what was wrong is put right.
    setting.tamper("drop trigger hurt on campaign_members; drop function hurt()".to_owned()).await;
    let replayed = world.tradeup_json(&["dead", "replay", "--task", "campaign-batch"]);
    assert_eq!(replayed["runs"], 1, "{replayed:#}");
    setting.carried_out(&campaign, "done").await;
    assert_eq!(shown()["state"], "done");
    assert_eq!((listed("failed"), listed("done")), (0, 1));
    let drawn = setting.drawn(&campaign).await;
    let (treated, _held_out) = arms(&drawn);
    for drawn in &treated {
        assert!(has_outcome(drawn, "credited") && drawn.lots == 1, "{drawn:?}");
    }
}

#[tokio::test]
async fn a_campaign_that_can_not_begin_has_failed_and_may_be_stopped() {
    let setting = Setting::new(Planting::churn_wave("aurora", 120)).await;
    let campaign = setting.approved("at_risk", None).await;
    // Another currency by now: it can't be carried out, whoever replays it.
    setting.tamper("update tenants set currency = 'CAD' where handle = 'aurora'".to_owned()).await;
    let world = setting.world();
    let _services = world.start_both().await;
    assert_eq!(world.ended(&campaign.start_run).await["state"], "dead");
    let id = campaign.id.to_string();
    let state = || world.tradeup_json(&["campaigns", "show", "aurora", &id])["state"].clone();
    assert_eq!(state(), "failed");
    world.tradeup_ok(&["campaigns", "stop", "aurora", &id, "--reason", "asked for again"]);
    assert_eq!(state(), "stopped");
}
