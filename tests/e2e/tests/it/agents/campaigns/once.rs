//! What is approved happens once: for each who is treated, for nobody who is held out, and in no other shop.

use std::collections::BTreeMap;

use tradeup_harness::{Planting, eventually};
use tradeup_store::Tx;
use tradeup_store::suppressions::{self, Kind, Unwanted};
use uuid::Uuid;

use super::{SOON, Setting, are_untouched, arms, has_outcome};
use crate::mailing::{link, parts, to};

#[tokio::test]
async fn each_is_credited_and_written_to_once_and_who_is_held_out_is_not() {
    let setting = Setting::new(Planting::churn_wave("aurora", 400)).await;
    let other = setting.agents.shop(Planting::churn_wave("borealis", 60)).await;
    let untouched = setting.holdings(other).await;
    let (run, plan) = setting.proposed("at_risk", None).await;
    let audience = plan.campaigns[0].audience.unwrap();
    assert!(audience >= 60, "{audience}");

    assert!(setting.approve(&run), "it is new");
    assert!(!setting.approve(&run), "it is not, the second time");
    let world = setting.world();
    assert_eq!(world.number("select count(*) from campaigns").await, 1);
    assert_eq!(world.number("select count(*) from runs where task = 'start-campaign'").await, 1);
    let campaign = setting.campaign(&run).await;
    assert_eq!((setting.state(&campaign).await, setting.spent(&campaign).await), ("approved".to_owned(), 0));

    // Two who would take the mail, and do not want it: one of this kind, one of any.
    let members: Vec<Uuid> = sqlx::query_scalar(
        "select m.id from member_snapshots s join members m on m.tenant_id = s.tenant_id and m.id = s.member_id
         where s.tenant_id = $1 and s.segment = 'at_risk' and m.accepts_email_marketing order by m.id limit 2",
    )
    .bind(setting.tenant.0)
    .fetch_all(&world.database.admin)
    .await
    .unwrap();
    let mut tx = Tx::of_tenant(&world.database.app, setting.tenant).await.unwrap();
    for (member, why) in
        members.iter().zip([(Kind::Campaign, Unwanted::OptOut), (Kind::CreditExpiry, Unwanted::Complaint)])
    {
        suppressions::add(&mut tx, setting.tenant, *member, why, "tests").await.unwrap();
    }
    tx.commit().await.unwrap();

    // The message that begins it comes thrice.
    let jobs = world.jobs().await;
    let messages = jobs.all().await;
    assert_eq!(messages.len(), 1, "it is published after the commit");
    for (subject, body) in messages.iter().chain(&messages) {
        jobs.publish(subject, body.clone()).await;
    }
    let _services = world.start_both().await;
    setting.carried_out(&campaign, "done").await;

    let drawn = setting.drawn(&campaign).await;
    let (treated, held_out) = arms(&drawn);
    assert_eq!(i64::try_from(drawn.len()).unwrap(), audience, "whom the plan counted");
    assert!(treated.len() > held_out.len() && held_out.len() >= 5, "{} {}", treated.len(), held_out.len());
    let got = setting.got();
    are_untouched(&held_out, &got);
    let mut expected = BTreeMap::new();
    for drawn in &treated {
        assert!(has_outcome(drawn, "credited"), "{drawn:?}");
        let credit = campaign.credit_minor;
        assert_eq!((drawn.amount_minor, drawn.lots, drawn.given_minor), (credit, 1, credit), "{drawn:?}");
        if drawn.accepts && !members.contains(&drawn.member) {
            expected.insert(drawn.address.to_lowercase(), 1);
        }
    }
    assert_eq!(got, expected, "whoever may be written to is written to once");
    let spent = campaign.credit_minor * i64::try_from(treated.len()).unwrap();
    assert_eq!(setting.spent(&campaign).await, spent);
    assert!(spent <= campaign.cost_limit_minor);
    let ends = "select count(*) from lots where reason = 'campaign' and (ends_at < now() + interval '29 days'
        or ends_at > now() + interval '32 days')";
    assert_eq!(world.number(ends).await, 0, "it ends when members are told");

    // The message says what is given, and how to hear no more.
    let mails = setting.server.mails();
    let mail = mails.first().unwrap();
    let [text, html] = parts(mail);
    assert!(text.contains("5.00") && html.contains("5.00"), "{text}");
    assert!(!text.contains("{{") && !html.contains("{{"), "{text}");
    assert!(link(mail).starts_with("https://app.example/unsubscribe?"), "{}", link(mail));
    assert!(text.contains("https://app.example/unsubscribe?"), "{text}");

    assert_eq!(setting.holdings(other).await, untouched, "another shop has nothing of it");
    let strangers =
        mails.iter().map(to).filter(|address| !expected.contains_key(&address.to_lowercase())).count();
    assert_eq!(strangers, 0);

    // Long after, the approval and the message once more.
    assert!(!setting.approve(&run));
    let entries = world.number("select count(*) from ledger_entries").await;
    for (subject, body) in &messages {
        jobs.publish(subject, body.clone()).await;
    }
    eventually("the late message is acknowledged", SOON, || async {
        (jobs.count("JOBS").await == 0).then_some(())
    })
    .await;
    assert_eq!(world.number("select count(*) from ledger_entries").await, entries);
    assert_eq!(setting.got(), expected);
    setting.is_exact();
}

#[tokio::test]
async fn a_message_alone_goes_only_to_those_who_want_it() {
    let setting = Setting::new(Planting::churn_wave("aurora", 300)).await;
    let (run, plan) = setting.proposed("at_risk", Some(500)).await;
    assert_eq!(plan.campaigns[0].campaign.kind.as_str(), "mail");
    assert!(setting.approve(&run));
    let campaign = setting.campaign(&run).await;
    let before = setting.world().number("select count(*) from ledger_entries").await;
    let _services = setting.world().start_both().await;
    setting.carried_out(&campaign, "done").await;

    let drawn = setting.drawn(&campaign).await;
    let (treated, held_out) = arms(&drawn);
    let got = setting.got();
    are_untouched(&held_out, &got);
    let mut expected = BTreeMap::new();
    for drawn in treated {
        let outcome = if drawn.accepts { "written" } else { "skipped_unreachable" };
        assert!(has_outcome(drawn, outcome) && drawn.lots == 0, "{drawn:?}");
        if drawn.accepts {
            expected.insert(drawn.address.to_lowercase(), 1);
        }
    }
    assert!(expected.len() > 10);
    assert_eq!(got, expected);
    assert_eq!(setting.spent(&campaign).await, 0);
    assert_eq!(setting.world().number("select count(*) from ledger_entries").await, before);
}
