//! Credit that is about to end is given more time: each lot once, and no other lot.

use std::collections::BTreeMap;

use tradeup_harness::{Planting, eventually};
use uuid::Uuid;

use super::{SOON, Setting, are_untouched, arms, has_outcome};

/// A lot: whose it is, what is left of it, and when it ends by the shop's clock.
type Lot = (Uuid, i64, String);

impl Setting {
    async fn lots(&self) -> BTreeMap<Uuid, Lot> {
        let rows: Vec<(Uuid, Uuid, i64, String)> = sqlx::query_as(
            "select id, member_id, remaining_minor, to_char(ends_at at time zone 'America/New_York', 'YYYY-MM-DD HH24:MI:SS.US')
             from lots where tenant_id = $1",
        )
        .bind(self.tenant.0)
        .fetch_all(&self.world().database.admin)
        .await
        .unwrap();
        rows.into_iter().map(|(id, member, left, ends)| (id, (member, left, ends))).collect()
    }

    /// Lots that end within 30 days of the plan's instant, each with its end a number of days later.
    async fn moved(&self, days: i32) -> BTreeMap<Uuid, String> {
        let rows: Vec<(Uuid, String)> = sqlx::query_as(
            "select id, to_char((ends_at at time zone 'America/New_York') + make_interval(days => $3), 'YYYY-MM-DD HH24:MI:SS.US')
             from lots where tenant_id = $1 and remaining_minor > 0 and value_class = 'promotional'
                 and ends_at > $2::timestamptz and ends_at <= $2::timestamptz + interval '720 hours'",
        )
        .bind(self.tenant.0)
        .bind(self.agents.as_of.as_str())
        .bind(days)
        .fetch_all(&self.world().database.admin)
        .await
        .unwrap();
        rows.into_iter().collect()
    }
}

#[tokio::test]
async fn each_lot_is_moved_once_and_no_other() {
    let setting = Setting::new(Planting::mass_expiry("aurora", 90)).await;
    let (run, plan) = setting.proposed("expiring", None).await;
    let proposal = &plan.campaigns[0].campaign;
    assert_eq!(proposal.kind.as_str(), "extension");
    let days = i32::try_from(proposal.extend_days).unwrap();
    let (before, moved) = (setting.lots().await, setting.moved(days).await);
    assert!(setting.approve(&run) && !setting.approve(&run));
    let campaign = setting.campaign(&run).await;
    let world = setting.world();
    let entries = world.number("select count(*) from ledger_entries").await;

    // Each message of it comes thrice, those of its batches as well.
    let jobs = world.jobs().await;
    let scheduler = world.start("scheduler").await;
    let batches =
        "select count(*) from runs r join campaigns c on r.parent_id = c.start_run_id where c.id = $1";
    setting.at_least(&campaign, batches, 1).await;
    let messages = eventually("the batch is in the stream", SOON, || async {
        let messages = jobs.all().await;
        messages.iter().any(|(subject, _)| subject.contains("campaign-batch")).then_some(messages)
    })
    .await;
    for (subject, body) in messages.iter().chain(&messages) {
        jobs.publish(subject, body.clone()).await;
    }
    let _credits = world.start("credits").await;
    setting.carried_out(&campaign, "done").await;

    let drawn = setting.drawn(&campaign).await;
    let (treated, held_out) = arms(&drawn);
    assert!(!held_out.is_empty() && treated.len() > held_out.len());
    let got = setting.got();
    are_untouched(&held_out, &got);
    let is_treated = |member: &Uuid| treated.iter().any(|drawn| drawn.member == *member);
    let after = setting.lots().await;
    assert_eq!(after.len(), before.len(), "nothing is given anew");
    let (mut kept_minor, mut kept_lots) = (0, 0);
    for (id, (member, left, ends)) in &before {
        let expected = moved.get(id).filter(|_| is_treated(member));
        if expected.is_some() {
            kept_minor += left;
            kept_lots += 1;
        }
        let now = &after[id];
        assert_eq!((&now.0, &now.1, &now.2), (member, left, expected.unwrap_or(ends)), "lot {id}");
    }
    assert!(kept_lots >= 20, "{kept_lots}");
    assert_eq!(setting.spent(&campaign).await, kept_minor);
    assert_eq!(world.number("select count(*) from campaign_lots").await, kept_lots);
    for drawn in &treated {
        assert!(has_outcome(drawn, "extended") && drawn.amount_minor > 0 && drawn.lots == 0, "{drawn:?}");
        let mails = got.get(&drawn.address.to_lowercase()).copied().unwrap_or(0);
        assert_eq!(mails, usize::from(drawn.accepts), "{drawn:?}");
    }
    assert_eq!(world.number("select count(*) from ledger_entries").await, entries);
    drop(scheduler);
}
