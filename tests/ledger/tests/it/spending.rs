//! Worked examples C1 to C7 of the loyalty reference, on the ledger.

use tradeup_domain::ValueClass;
use tradeup_domain::ledger::{Insufficient, RevertError};
use tradeup_store::credits::{Reverted, Spent};

use crate::field::{Field, usd};

/// The lots of the examples: A 300, B 500, M 500, N 400; B ends first, N never. In days from now.
async fn four(ends_b: i64) -> Field {
    let field = Field::new(1, 500).await;
    field.lot("A", 300, Some(field.days(10))).await;
    field.lot("B", 500, Some(field.days(ends_b))).await;
    field.lot("M", 500, Some(field.days(60))).await;
    field.lot("N", 400, None).await;
    field
}

fn done(left_minor: i64) -> Spent {
    Spent::Done { is_new: true, left_minor }
}

fn parts(of: &[(&str, i64)]) -> Vec<(String, i64)> {
    of.iter().map(|(lot, amount)| ((*lot).to_owned(), *amount)).collect()
}

#[tokio::test]
async fn c1_what_ends_soonest_is_used_first() {
    let field = four(5).await;
    assert_eq!(field.spend("order 1", 900, None).await, done(800));
    assert_eq!(field.entries_of("spend").await, parts(&[("B", -500), ("A", -300), ("M", -100)]));
    // The same again is the same spend; the key with anything else is refused.
    assert_eq!(field.spend("order 1", 900, None).await, Spent::Done { is_new: false, left_minor: 800 });
    assert_eq!(field.spend("order 1", 901, None).await, Spent::OtherOperation);
    assert_eq!(field.entries_of("spend").await.len(), 3);
    field.assert_exact().await;
}

#[tokio::test]
async fn c2_c3_too_much_takes_nothing_and_all_takes_all() {
    let field = four(5).await;
    let too_much = Insufficient { asked_minor: 1701, spendable_minor: 1700 };
    assert_eq!(field.spend("order 1", 1701, None).await, Spent::Insufficient(too_much));
    assert_eq!(
        (
            field.entries().await.len(),
            field.number("select count(*) from operations where kind = 'spend'").await
        ),
        (0, 0)
    );
    // What was refused may be asked for again, under the same key.
    assert_eq!(field.spend("order 1", 1700, None).await, done(0));
    assert_eq!(field.entries_of("spend").await, parts(&[("B", -500), ("A", -300), ("M", -500), ("N", -400)]));
    field.assert_exact().await;
}

#[tokio::test]
async fn c4_a_cancelled_order_gives_back_in_mirror_order() {
    let field = four(5).await;
    field.spend("order 1", 900, None).await;
    let back = Reverted::Done { is_new: true, amount_minor: 900, reinstated_minor: 0 };
    assert_eq!(field.revert("cancel 1", "order 1", None).await, back);
    assert_eq!(field.entries_of("spend_revert").await, parts(&[("M", 100), ("A", 300), ("B", 500)]));
    let again = Reverted::Done { is_new: false, amount_minor: 900, reinstated_minor: 0 };
    assert_eq!(field.revert("cancel 1", "order 1", None).await, again);
    let nothing_left = RevertError { asked_minor: 1, left_minor: 0 };
    assert_eq!(field.revert("cancel 2", "order 1", Some(1)).await, Reverted::TooMuch(nothing_left));
    assert_eq!(field.revert("cancel 3", "order 9", None).await, Reverted::UnknownSpend);
    field.assert_exact().await;
}

#[tokio::test]
async fn c5_what_goes_back_to_an_ended_lot_goes_on_in_a_new_one() {
    let field = four(-1).await;
    // Used two days ago, while B was live; taken back today.
    assert_eq!(field.spend("order 1", 900, Some(field.days(-2))).await, done(800));
    let back = Reverted::Done { is_new: true, amount_minor: 900, reinstated_minor: 500 };
    assert_eq!(field.revert("cancel 1", "order 1", None).await, back);
    assert_eq!(field.entries_of("spend_revert").await, parts(&[("M", 100), ("A", 300), ("B", 500)]));
    assert_eq!(field.entries_of("expire").await, parts(&[("B", -500)]));
    let days = field
        .number("select extract(day from ends_at - now())::bigint from lots where reason = 'reinstated' and remaining_minor = 500 and value_class = 'promotional'")
        .await;
    assert!((29..=31).contains(&days), "{days} days");
    // All of it can be spent again.
    assert_eq!(field.spend("order 2", 1700, None).await, done(0));
    field.assert_exact().await;
}

#[tokio::test]
async fn c6_a_part_comes_back_from_what_was_used_last() {
    let field = four(5).await;
    field.spend("order 1", 900, None).await;
    field.revert("refund 1", "order 1", Some(250)).await;
    assert_eq!(field.entries_of("spend_revert").await, parts(&[("M", 100), ("A", 150)]));
    field.revert("refund 2", "order 1", None).await;
    assert_eq!(
        field.entries_of("spend_revert").await,
        parts(&[("M", 100), ("A", 150), ("A", 150), ("B", 500)])
    );
    field.assert_exact().await;
}

#[tokio::test]
async fn c7_pending_and_foreign_lots_are_not_there() {
    let field = Field::new(1, 500).await;
    let member = field.members[0];
    let (class, year_ago) = (ValueClass::Promotional, Some(field.days(-365)));
    field.lot_of(member, "pending", usd(500), class, Some(field.days(1)), None).await;
    field.lot_of(member, "unknown", usd(500), class, None, None).await;
    let euro = tradeup_domain::Money { amount_minor: 500, currency: "EUR".parse().unwrap() };
    field.lot_of(member, "euro", euro, class, year_ago, None).await;
    field.lot_of(member, "live", usd(100), class, year_ago, None).await;
    let refused = Spent::Insufficient(Insufficient { asked_minor: 101, spendable_minor: 100 });
    assert_eq!(field.spend("order 1", 101, None).await, refused);
    assert_eq!(field.spend("order 1", 100, None).await, done(0));
    assert_eq!(field.entries_of("spend").await, parts(&[("live", -100)]));
    field.assert_exact().await;
}

/// A revert that is told of late: it goes back as of then, and ends when its lot has.
#[tokio::test]
async fn a_revert_told_of_late_ends_with_its_lot() {
    let field = Field::new(1, 500).await;
    field.lot("B", 500, Some(field.days(-1))).await;
    field.spend("order 1", 500, Some(field.days(-3))).await;
    let mut tx = field.begin().await;
    let (key, of) = ("spend_revert:late", tradeup_store::credits::spend_key("till", "order 1"));
    let asked = field.asked(key, Some(field.days(-2)));
    tradeup_store::credits::revert_spend(&mut tx, &asked, &field.settings, &of, None).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(field.entries_of("expire").await, parts(&[("B", -500)]));
    assert_eq!(field.spend("order 2", 500, None).await, done(0));
    field.assert_exact().await;
}
