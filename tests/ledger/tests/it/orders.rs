//! Worked examples K and R of the loyalty reference, on the ledger.

use chrono::{DateTime, Utc};
use tradeup_domain::order::{Fact, OrderContent, PaidOrder, RefundContent, RefundState};
use tradeup_store::credits::Spent;
use tradeup_store::orders::{self, Settled};

use crate::field::Field;

/// An order of the first member, paid a year ago, so that its cashback is live.
pub(crate) fn paid(field: &Field, base_minor: i64, version: i64) -> Fact {
    Fact::Paid(PaidOrder {
        member_external_id: Some("1".to_owned()),
        currency: field.settings.currency,
        content: OrderContent::of(base_minor),
        created_at: None,
        paid_at: field.days(-40),
        version_at: field.days(-40) + chrono::TimeDelta::seconds(version),
        sent_at: field.now,
        needs_fulfilment: false,
    })
}

pub(crate) fn refund(field: &Field, id: &str, eligible_minor: i64) -> Fact {
    Fact::Refunded {
        external_id: id.to_owned(),
        content: RefundContent::of(eligible_minor),
        state: RefundState::Moved,
        refunded_at: field.now,
    }
}

/// What a run of `settle-order` does.
pub(crate) async fn tell(field: &Field, order: &str, fact: &Fact) -> Settled {
    let mut tx = field.begin().await;
    orders::record(&mut tx, field.tenant, order, fact).await.unwrap();
    let asked = field.asked("fact", Some(field.now));
    let settled = orders::settle(&mut tx, &asked, &field.settings, order).await.unwrap();
    tx.commit().await.unwrap();
    settled
}

/// Target, granted, clawed, given up, owed.
fn posted(settled: Settled) -> (i64, i64, i64, i64, i64) {
    match settled {
        Settled::Posted { target_minor, granted_minor, clawed_minor, forgone_minor, owed_minor } => {
            (target_minor, granted_minor, clawed_minor, forgone_minor, owed_minor)
        }
        other => panic!("{other:?}"),
    }
}

async fn debt(field: &Field) -> i64 {
    field.number("select coalesce(sum(debt_minor), 0)::bigint from accounts").await
}

#[tokio::test]
async fn r1_r2_steps_add_up_to_the_grant() {
    for (bps, base, granted, refunds, steps) in [
        (500, 3350, 167, vec![1250, 1250, 850], vec![62, 63, 42]),
        (333, 2000, 66, vec![500; 4], vec![17, 16, 17, 16]),
    ] {
        let field = Field::new(1, bps).await;
        assert_eq!(posted(tell(&field, "1", &paid(&field, base, 0)).await).1, granted);
        for (n, (eligible, step)) in refunds.into_iter().zip(steps).enumerate() {
            let fact = refund(&field, &format!("r{n}"), eligible);
            assert_eq!(posted(tell(&field, "1", &fact).await).2, step);
            // R10: the same refund again is the same refund.
            assert!(matches!(tell(&field, "1", &fact).await, Settled::Same { .. }));
        }
        assert_eq!(field.number("select sum(balance_minor)::bigint from accounts").await, 0);
        field.assert_exact().await;
    }
}

#[tokio::test]
async fn r3_a_cancelled_order_earns_nothing_pending_or_live() {
    let field = Field::new(1, 500).await;
    let Fact::Paid(order) = paid(&field, 3350, 0) else { unreachable!() };
    let pending = Fact::Paid(PaidOrder { needs_fulfilment: true, ..order });
    tell(&field, "pending", &pending).await;
    assert_eq!(field.number("select count(*) from lots where available_at is null").await, 1);
    assert_eq!(posted(tell(&field, "pending", &Fact::Cancelled(field.now)).await), (0, 0, 167, 0, 0));
    tell(&field, "live", &paid(&field, 3350, 0)).await;
    assert_eq!(posted(tell(&field, "live", &Fact::Cancelled(field.now)).await), (0, 0, 167, 0, 0));
    field.assert_exact().await;
}

#[tokio::test]
async fn r4_r5_r6_what_was_used_is_owed_and_later_gifts_pay_it() {
    let field = Field::new(1, 500).await;
    tell(&field, "1", &paid(&field, 3350, 0)).await;
    assert!(matches!(field.spend("s", 100, None).await, Spent::Done { .. }));
    assert_eq!(posted(tell(&field, "1", &refund(&field, "all", 3350)).await), (0, 0, 67, 0, 100));
    assert_eq!(debt(&field).await, 100);
    // R6: paid value is not touched.
    crate::monthly::grant_paid(&field, "trade-in", 2000).await;
    assert_eq!(debt(&field).await, 100);
    // R5: the next monthly credit pays.
    crate::monthly::issue(&field, "2026-11").await;
    assert_eq!(debt(&field).await, 0);
    assert_eq!(field.entries_of("debt_recover").await, [("2026-11".to_owned(), -100)]);
    assert_eq!(field.number("select sum(balance_minor)::bigint from accounts").await, 2400);
    field.assert_exact().await;
}

#[tokio::test]
async fn r7_what_ended_unused_is_not_owed() {
    let field = Field::new(1, 500).await;
    tell(&field, "1", &paid(&field, 3350, 0)).await;
    sqlx::query("update lots set expires_at = now() - interval '1 day', ends_at = now() - interval '1 day'")
        .execute(&field.database.admin)
        .await
        .unwrap();
    assert_eq!(field.expire(field.now).await, (1, 167));
    assert_eq!(posted(tell(&field, "1", &refund(&field, "all", 3350)).await), (0, 0, 0, 167, 0));
    assert_eq!(debt(&field).await, 0);
    field.assert_exact().await;
}

#[tokio::test]
async fn r8_a_shop_may_write_off_what_was_used() {
    let mut field = Field::new(1, 500).await;
    field.settings.writes_off = true;
    tell(&field, "1", &paid(&field, 3350, 0)).await;
    field.spend("s", 100, None).await;
    assert_eq!(posted(tell(&field, "1", &refund(&field, "all", 3350)).await), (0, 0, 67, 0, 100));
    assert_eq!(debt(&field).await, 0);
    assert_eq!(field.number("select count(*) from debt_entries where kind = 'debt_write_off'").await, 1);
    field.assert_exact().await;
}

#[tokio::test]
async fn r9_a_refund_may_come_before_its_order() {
    let field = Field::new(1, 500).await;
    assert_eq!(tell(&field, "1", &refund(&field, "r1", 1250)).await, Settled::OrderUnknown);
    assert_eq!(field.entries().await.len(), 0);
    assert_eq!(posted(tell(&field, "1", &paid(&field, 3350, 0)).await), (105, 105, 0, 0, 0));
    field.assert_exact().await;
}

#[tokio::test]
async fn r11_r18_refunds_above_the_order_and_disputes_take_it_once() {
    let field = Field::new(1, 500).await;
    tell(&field, "1", &paid(&field, 3350, 0)).await;
    assert_eq!(posted(tell(&field, "1", &Fact::Disputed(field.now)).await), (0, 0, 167, 0, 0));
    assert!(matches!(
        tell(&field, "1", &refund(&field, "r1", 9999)).await,
        Settled::Same { target_minor: 0 }
    ));
    // The dispute is won; the refund stays.
    assert!(matches!(
        tell(&field, "1", &Fact::DisputeWon(field.now)).await,
        Settled::Same { target_minor: 0 }
    ));
    tell(&field, "2", &paid(&field, 3350, 0)).await;
    tell(&field, "2", &Fact::Disputed(field.now)).await;
    assert_eq!(posted(tell(&field, "2", &Fact::DisputeWon(field.now)).await), (167, 167, 0, 0, 0));
    assert_eq!(field.number("select sum(balance_minor)::bigint from accounts").await, 167);
    field.assert_exact().await;
}

#[tokio::test]
async fn r13_r16_an_edit_earns_more_at_the_frozen_rate() {
    let field = Field::new(1, 500).await;
    tell(&field, "1", &paid(&field, 3350, 1)).await;
    let mut tx = field.begin().await;
    let tier = tradeup_store::tiers::list(&mut tx, field.tenant).await.unwrap()[0].id;
    tradeup_store::tiers::set_rate(&mut tx, field.tenant, tier, 1000).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(posted(tell(&field, "1", &paid(&field, 5350, 2)).await), (267, 100, 0, 0, 0));
    // An older version of it changes nothing.
    assert!(matches!(tell(&field, "1", &paid(&field, 100, 1)).await, Settled::Same { target_minor: 267 }));
    let lots = field.number("select count(*) from lots where source_key in ('order:1', 'order:1:v2')").await;
    assert_eq!(lots, 2);
    assert_eq!(posted(tell(&field, "1", &refund(&field, "r", 5350)).await), (0, 0, 267, 0, 0));
    field.assert_exact().await;
}

/// K5 in currencies without and with three decimals; K7 and K9: nothing is earned, nothing is booked.
#[tokio::test]
async fn k5_k7_k9_minor_units_are_the_currencys_own() {
    for (currency, base, earned) in [("JPY", 1980, 99), ("KWD", 12_345, 617)] {
        let field = Field::of_currency(1, 500, currency).await;
        assert_eq!(posted(tell(&field, "1", &paid(&field, base, 0)).await).1, earned);
        field.assert_exact().await;
    }
    let field = Field::new(1, 500).await;
    assert!(matches!(tell(&field, "small", &paid(&field, 15, 0)).await, Settled::Same { target_minor: 0 }));
    let Fact::Paid(order) = paid(&field, 3350, 0) else { unreachable!() };
    let euro = Fact::Paid(PaidOrder { currency: "EUR".parse().unwrap(), ..order.clone() });
    assert_eq!(tell(&field, "euro", &euro).await, Settled::OtherCurrency);
    let guest = Fact::Paid(PaidOrder { member_external_id: None, ..order.clone() });
    assert_eq!(tell(&field, "guest", &guest).await, Settled::NoMember);
    let test =
        Fact::Paid(PaidOrder { content: OrderContent { test: true, ..order.content.clone() }, ..order });
    assert!(matches!(tell(&field, "test", &test).await, Settled::Same { target_minor: 0 }));
    assert_eq!(field.number("select count(*) from lots").await, 0);
    field.assert_exact().await;
}

#[tokio::test]
async fn cashback_waits_for_the_fulfilment_and_the_return_window() {
    let field = Field::new(1, 500).await;
    let Fact::Paid(order) = paid(&field, 3350, 0) else { unreachable!() };
    let pending = Fact::Paid(PaidOrder { needs_fulfilment: true, ..order });
    tell(&field, "1", &pending).await;
    assert!(matches!(field.spend("early", 1, None).await, Spent::Insufficient(_)));
    let fulfilled: DateTime<Utc> = field.days(-15);
    tell(&field, "1", &Fact::Fulfilled(fulfilled)).await;
    let available = "select extract(epoch from date_trunc('second', available_at))::bigint from lots";
    assert_eq!(field.number(available).await, (fulfilled + chrono::TimeDelta::days(14)).timestamp());
    assert_eq!(field.number("select count(*) from lots where ends_at > now() + interval '80 days'").await, 1);
    assert!(matches!(field.spend("now", 167, None).await, Spent::Done { .. }));
    field.assert_exact().await;
}
