//! What the models of all shops together may cost in a day, set in the console.

use super::{console, header};

#[tokio::test]
async fn admins_set_what_a_day_may_cost_all_shops_on_record_with_what_it_was() {
    let console = console().await;
    let world = &console.world;
    let of_day = "select day_cap_nano from agent_limits";
    assert_eq!(world.number(of_day).await, 200_000_000_000);

    let olga = console.as_user("olga").await;
    let (status, answer) = olga.act("/agents/set", &[("day_cap", "1"), ("reason", "less")]).await;
    assert_eq!(status, 403, "{answer}");
    assert!(olga.get("/agents/spend").await.1.contains("Admins set what a day may cost."));

    let adam = console.as_user("adam").await;
    for wrong in ["", "much", "-1", "1e3", "0.0000000001"] {
        let (status, answer) = adam.act("/agents/set", &[("day_cap", wrong), ("reason", "less")]).await;
        assert_eq!(status, 422, "{wrong:?}: {answer}");
    }
    assert_eq!(adam.act("/agents/set", &[("day_cap", "1")]).await.0, 422, "it asks for a reason");
    assert_eq!(world.number(of_day).await, 200_000_000_000, "nothing was set");

    let (status, answer) =
        adam.act("/agents/set", &[("day_cap", "12.50"), ("reason", "a quiet month")]).await;
    assert_eq!((status, header(&answer, "location")), (303, Some("/agents/spend")), "{answer}");
    assert_eq!(world.number(of_day).await, 12_500_000_000);
    let page = adam.get("/agents/spend").await.1;
    assert!(page.contains("of 12.5000 USD") && page.contains("value=\"12.5\""), "{page}");
    assert!(!page.contains("id=\"months\""), "there is no chart of nothing");
    let on_record = "select count(*) from audit_log where act = 'agents.day_cap' and actor = 'adam'
        and reason = 'a quiet month' and subject #>> '{before,day_cap_nano}' = '200000000000'
        and subject #>> '{after,day_cap_nano}' = '12500000000'";
    assert_eq!(world.number(on_record).await, 1);
}
