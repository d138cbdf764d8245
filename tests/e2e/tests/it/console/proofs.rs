//! Proofs of a shop's ledger in the console: what it says before there is one, and one by hand.

use super::{console, header, month};

#[tokio::test]
async fn a_shops_ledger_shows_its_proofs_and_an_operator_makes_one() {
    let console = console().await;
    let world = &console.world;
    month(world).await;
    let sam = console.as_user("sam").await;
    assert_eq!(sam.json("/shops/aurora/ledger").await["proofs"].as_array().unwrap().len(), 0);
    let page = sam.get("/shops/aurora/ledger").await.1;
    assert!(page.contains("never proved") && page.contains("04:00 UTC"), "{page}");
    assert!(!page.contains("Prove it now"), "{page}");

    let olga = console.as_user("olga").await;
    let page = olga.get("/shops/aurora/ledger").await.1;
    assert!(page.contains("Prove it now") && page.contains("need not wait"), "{page}");
    assert!(olga.get("/tasks").await.1.contains("/tasks/ledger-verification/trigger"));
    let trigger = "/tasks/ledger-verification/trigger";
    let fields = [("tenant", "aurora"), ("reason", "before the audit")];
    assert_eq!(console.as_user("vera").await.act(trigger, &fields).await.0, 403);
    let (status, answer) = olga.act(trigger, &fields).await;
    assert_eq!(status, 303, "{answer}");
    let run = header(&answer, "location").unwrap().trim_start_matches("/runs/").to_owned();
    let ended = world.ended(&run).await;
    assert_eq!(
        (&ended["state"], &ended["task"]),
        (&"succeeded".into(), &"ledger-verification-tenant".into())
    );

    let (credits, minor) = world.due["aurora"];
    let proofs = sam.json("/shops/aurora/ledger").await["proofs"].clone();
    assert_eq!(proofs.as_array().unwrap().len(), 1, "{proofs:#}");
    let proof = &proofs[0];
    assert_eq!((&proof["run"], &proof["state"]), (&run.as_str().into(), &"succeeded".into()));
    assert_eq!((&proof["figures"]["lots"], &proof["figures"]["violations"]), (&credits.into(), &0.into()));
    let balance = format!("{}.{:02} USD", minor / 100, minor % 100);
    assert_eq!(proof["figures"]["balances"][0], balance.as_str(), "{proofs:#}");
    let page = sam.get("/shops/aurora/ledger").await.1;
    assert!(page.contains(&format!("/runs/{run}")) && page.contains("checks hold"), "{page}");
    assert_eq!(sam.get(&format!("/runs/{run}")).await.0, 200);
    assert_eq!(olga.json("/shops/borealis/ledger").await["proofs"].as_array().unwrap().len(), 0);
}
