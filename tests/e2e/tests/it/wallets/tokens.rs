//! Tokens: sealed, renewed in time and once, and told of when they are not taken any more.

use serde_json::json;
use tradeup_fakes::shopify::{Fault, Kind, Scheduled};
use tradeup_harness::{Shop, World, eventually};

use super::{SHOP, SOON, Wallets};

/// Secrets that may stand nowhere.
const SECRETS: [&str; 4] = ["shpat_", "shprt_", "hush-hush", "MDEyMzQ1Njc4OWFi"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ended_token_is_renewed_once_and_nothing_shows_it() {
    let wallets = Wallets::new(40, 321, "shopify").await;
    let (scheduler, credits) = wallets.world.start_both().await;
    wallets.shop(|shop| shop.token_expires_at = Some(chrono::DateTime::UNIX_EPOCH));
    // The answer with the new pair is lost; the refresh token is taken once more.
    assert!(wallets.fake.fault(SHOP, Scheduled { ..Fault::RefreshLost.into() }));
    wallets.month("2026-11").await;
    wallets.all_told().await;
    wallets.agrees().await;
    assert!(wallets.world.number("select generation::bigint from shops").await >= 2);
    let dump: String = sqlx::query_scalar("select string_agg(encode(access_token, 'escape'), '') from shops")
        .fetch_one(&wallets.world.database.admin)
        .await
        .unwrap();
    let shown = wallets.world.tradeup_ok(&["--json", "wallet", "show", "aurora"]);
    for secret in SECRETS {
        for text in [&dump, &shown, &scheduler.log(), &credits.log()] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shop_whose_tokens_are_refused_is_disconnected_and_goes_on_when_connected_again() {
    let wallets = Wallets::new(20, 322, "shopify").await;
    let _services = wallets.world.start_both().await;
    wallets.shop(|shop| {
        shop.token = "shpat_another".to_owned();
        shop.refresh_token = "shprt_another".to_owned();
    });
    wallets.month("2026-11").await;
    eventually("it is disconnected", SOON, || async {
        let disconnected = "select count(*) from shops where state = 'disconnected'";
        (wallets.world.number(disconnected).await == 1).then_some(())
    })
    .await;
    let shown = wallets.world.tradeup_ok(&["wallet", "show", "aurora"]);
    assert!(shown.contains("DISCONNECTED") && shown.contains("TU0411"), "{shown}");
    let doctor = wallets.world.tradeup(&["doctor"]);
    assert!(doctor.code == 1 && doctor.stdout.contains("wallet connect"), "{}", doctor.stdout);
    assert_eq!(wallets.bookings(Kind::Credit), 0);

    wallets.connect("shprt_another");
    wallets.all_told().await;
    wallets.agrees().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_token_a_wrong_shop_and_no_json_are_refused_before_they_are_stored() {
    let wallets = Wallets::new(3, 323, "none").await;
    let connect = |input: &str, arguments: &[&str]| {
        let finished = wallets.world.tradeup_fed(arguments, input);
        assert_ne!(finished.code, 0, "{}", finished.stdout);
        finished.stderr
    };
    let shop = ["wallet", "connect", "aurora", "--shop", SHOP];
    let refused = connect("{\"access_token\":\"shpat_wrong\"}", &shop);
    assert!(refused.contains("not accepted") && !refused.contains("shpat_wrong"), "{refused}");
    let refused = connect("shpat_0123", &shop);
    assert!(refused.contains("access_token") && !refused.contains("shpat_0123"), "{refused}");
    let refused = connect("{}", &["wallet", "connect", "aurora", "--shop", "shop.example"]);
    assert!(refused.contains("my-shop.myshopify.com"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_rotate() {
    let mut wallets = Wallets::new(5, 324, "shopify").await;
    let both = format!("k2:{},{}", "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=", super::KEYS);
    wallets.world.environment.insert("TRADEUP_TOKEN_KEYS".to_owned(), both.clone());
    // Of another shop the tokens were erased: no key opens what is not there.
    let gone = Shop::new("borealis", 3, 1);
    wallets.world.add_shop(&gone);
    // Its members have nothing to come that a wallet could be held against.
    sqlx::query("update memberships set status = 'paused' where tenant_id = (select id from tenants where handle = 'borealis')")
        .execute(&wallets.world.database.admin)
        .await
        .unwrap();
    sqlx::query(
        "insert into shops (tenant_id, domain, shop_gid, access_key_id, access_token)
         select id, 'gone.myshopify.com', 'gid://shopify/Shop/9', 'k1', '' from tenants where handle = 'borealis'",
    )
    .execute(&wallets.world.database.admin)
    .await
    .unwrap();
    let old = wallets.world.tradeup_json(&["wallet", "reseal", "--dry-run"]);
    assert_eq!((&old["under_old_keys"], &old["shops_by_key"]["k1"]), (&json!(1), &json!(1)), "{old}");
    let of_keys = |world: &World| world.tradeup_json_any(&["doctor"]).to_string();
    let needed = of_keys(&wallets.world);
    assert!(needed.contains("still sealed with the old key"), "{needed}");
    assert_eq!(wallets.world.tradeup_json(&["wallet", "reseal"])["resealed"], 1);
    let free = of_keys(&wallets.world);
    assert!(free.contains("seals nothing any more"), "{free}");
    assert_eq!(wallets.world.tradeup_json(&["wallet", "reseal"])["current"], 2);
    let new_alone = both.split(',').next().unwrap().to_owned();
    wallets.world.environment.insert("TRADEUP_TOKEN_KEYS".to_owned(), new_alone);
    let _services = wallets.world.start_both().await;
    wallets.month("2026-11").await;
    wallets.all_told().await;
    wallets.agrees().await;
}
