//! Worked examples E6 to E9 of the loyalty reference, on the ledger.

use tradeup_store::Tx;
use tradeup_store::accounts;
use tradeup_store::credits::Spent;

use crate::field::Field;

#[tokio::test]
async fn e6_only_what_is_left_expires_and_only_once() {
    let field = Field::new(1, 500).await;
    field.lot("a", 1000, Some(field.days(-1))).await;
    field.spend("a", 600, Some(field.days(-2))).await;
    field.lot("c", 200, Some(field.days(-3))).await;
    field.spend("c", 200, Some(field.days(-4))).await;
    field.lot("b", 300, Some(field.days(-2))).await;
    field.lot("live", 70, Some(field.days(1))).await;
    field.lot("never", 30, None).await;
    assert_eq!(field.expire(field.now).await, (1, 700));
    let expired = field.entries_of("expire").await;
    assert_eq!(expired, [("b".to_owned(), -300), ("a".to_owned(), -400)]);
    assert_eq!(field.expire(field.now).await, (0, 0));
    assert_eq!(field.number("select sum(balance_minor)::bigint from accounts").await, 100);
    field.assert_exact().await;
}

#[tokio::test]
async fn e7_e9_each_expires_as_of_its_own_end_however_late_the_sweep() {
    let field = Field::new(1, 500).await;
    for days in 1..=3 {
        field.lot(&format!("{days}"), 100, Some(field.days(-days))).await;
    }
    // Not swept, and not spendable all the same.
    assert!(matches!(field.spend("late", 1, None).await, Spent::Insufficient(_)));
    assert_eq!(field.expire(field.now).await, (1, 300));
    let right = "select count(*) from ledger_entries e join lots l on l.id = e.lot_id
                 where e.kind = 'expire' and e.effective_at = l.ends_at and e.recorded_at > l.ends_at";
    assert_eq!(field.number(right).await, 3);
    field.assert_exact().await;
}

#[tokio::test]
async fn e8_a_spend_under_way_is_waited_for() {
    let field = Field::new(1, 500).await;
    field.lot("ended", 500, Some(field.days(-1))).await;
    // Another transaction holds the account: the sweep neither skips it nor takes what it spends.
    let mut spending = Tx::of_tenant(&field.pool, field.tenant).await.unwrap();
    accounts::lock(&mut spending, field.tenant, field.members[0], "USD").await.unwrap();
    let swept = async { field.expire(field.now).await };
    let spent = async {
        field.somebody_waits().await;
        let key = tradeup_store::credits::spend_key("till", "in time");
        let asked = field.asked(&key, Some(field.days(-2)));
        let amount = crate::field::usd(200);
        let spent =
            tradeup_store::credits::spend(&mut spending, &asked, field.members[0], amount).await.unwrap();
        assert!(matches!(spent, Spent::Done { is_new: true, .. }));
        spending.commit().await.unwrap();
    };
    let (swept, ()) = tokio::join!(swept, spent);
    assert_eq!(swept, (1, 300));
    field.assert_exact().await;
}

/// Grace: the member sees the first date, the lot lasts to the second.
#[tokio::test]
async fn days_of_grace_keep_a_lot_live() {
    let field = Field::new(1, 500).await;
    field.lot("a", 100, Some(field.days(2))).await;
    sqlx::query("update lots set expires_at = ends_at - interval '3 days'")
        .execute(&field.database.admin)
        .await
        .unwrap();
    assert_eq!(field.expire(field.now).await, (0, 0));
    assert!(matches!(field.spend("in grace", 100, None).await, Spent::Done { .. }));
    field.assert_exact().await;
}
