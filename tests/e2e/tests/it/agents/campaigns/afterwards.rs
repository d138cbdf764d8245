//! What can be done about a campaign that was carried out: look at it by the API, hear no more of its kind, take it back.

use serde_json::{Value, json};
use tradeup_harness::Planting;

use super::super::api::Program;
use super::{Setting, arms};
use crate::console::add_user;
use crate::http::{form, port};
use crate::mailing::link;

#[tokio::test]
async fn it_is_read_by_the_api_unsubscribed_from_and_taken_back() {
    let mut setting = Setting::new(Planting::churn_wave("aurora", 300)).await;
    let other = setting.agents.shop(Planting::churn_wave("borealis", 30)).await;
    for name in ["TRADEUP_HTTP", "TRADEUP_CONSOLE"] {
        setting.agents.world.environment.insert(name.to_owned(), "127.0.0.1:0".to_owned());
    }
    let webhooks = setting.world().start("webhooks").await;
    let public = format!("http://127.0.0.1:{}", port(&webhooks).await);
    setting.agents.world.environment.insert("TRADEUP_PUBLIC_URL".to_owned(), public.clone());
    add_user(setting.world(), &["olga", "--role", "operator"]);
    add_user(setting.world(), &["sam", "--role", "shop", "--tenant", "borealis"]);
    let console = setting.world().start("console").await;
    let campaign = setting.approved("at_risk", None).await;

    // Before anything is done it can be read, by whom it concerns.
    let port = port(&console).await;
    let olga = Program::of(setting.world(), port, "olga");
    let sam = Program::of(setting.world(), port, "sam");
    let path = format!("/shops/aurora/campaigns/{}", campaign.id);
    assert_eq!(olga.get(&path).await["state"], "approved");
    assert_eq!(sam.ask("GET", &path, "application/json", &Value::Null).await.0, 404);
    assert_eq!(sam.get("/campaigns").await["campaigns"], json!([]));

    let _services = setting.world().start_both().await;
    setting.carried_out(&campaign, "done").await;
    let drawn = setting.drawn(&campaign).await;
    let treated = i64::try_from(arms(&drawn).0.len()).unwrap();
    let spent = setting.spent(&campaign).await;

    let listed = olga.get("/campaigns?tenant=aurora").await;
    let listed = listed["campaigns"].as_array().unwrap();
    assert_eq!((listed.len(), &listed[0]["id"]), (1, &campaign.id.to_string().into()), "{listed:?}");
    let one = olga.get(&path).await;
    assert_eq!((&one["state"], &one["spent_minor"]), (&"done".into(), &spent.into()), "{one:#}");
    let stop = json!({ "reason": "too late" });
    let (status, problem) = olga.post(&format!("{path}/stop"), &stop).await;
    assert_eq!(status, 409, "{problem}");
    assert!(
        problem["detail"].as_str().is_some_and(|detail| detail.contains("reached everybody")),
        "{problem}"
    );
    assert_eq!(sam.post(&format!("{path}/stop"), &stop).await.0, 403);

    // The link in its mail: a scanner that follows it ends nothing; a person ends mails of this kind and of no other.
    let mail = setting.server.mails().swap_remove(0);
    let link = link(&mail);
    let link = link.strip_prefix(&public).unwrap();
    let suppressed =
        "select count(*) from suppressions where kind = 'campaign' and source = 'unsubscribe link'";
    let web = public.rsplit(':').next().unwrap().parse().unwrap();
    let (status, page) = form(web, "GET", link, "").await;
    assert!(status == 200 && page.contains("<form method=\"post\">"), "{page}");
    assert_eq!(setting.world().number(suppressed).await, 0);
    for _ in 0..2 {
        assert_eq!(form(web, "POST", link, "List-Unsubscribe=One-Click").await.0, 200);
    }
    assert_eq!(setting.world().number(suppressed).await, 1);
    assert_eq!(setting.world().number("select count(*) from suppressions").await, 1);

    // All that it gave is taken back by what the page calls its run, once, and nothing else is.
    let untouched = setting.holdings(other).await;
    let balance = "select sum(balance_minor)::bigint from accounts";
    let before = setting.world().number(balance).await;
    let preview = setting.world().tradeup_json(&["reverse", &campaign.start_run]);
    assert_eq!(preview["totals"][0]["amount_minor"].as_i64(), Some(spent), "{preview:#}");
    let total = format!("{}.{:02}", spent / 100, spent % 100);
    let reverse =
        ["reverse", &campaign.start_run, "--confirm", &total, "--reason", "the wrong season", "--follow"];
    setting.world().tradeup_ok(&reverse);
    assert_eq!(setting.world().number(balance).await, before - spent);
    let left = "select count(*) from lots where reason = 'campaign' and remaining_minor = 0";
    assert_eq!(setting.world().number(left).await, treated);
    assert_eq!(setting.holdings(other).await, untouched);
    setting.is_exact();
    // What was spent within the limit stays on record: the campaign gave it.
    assert_eq!(setting.spent(&campaign).await, spent);
}
