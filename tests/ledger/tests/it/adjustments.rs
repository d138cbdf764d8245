//! What a person puts right, with a reason.

use tradeup_domain::ValueClass;
use tradeup_domain::ledger::Insufficient;
use tradeup_store::credits::{Adjusted, Adjustment, adjust};
use uuid::Uuid;

use crate::field::{Field, usd};

async fn put_right(field: &Field, key: &str, amount_minor: i64, what: Adjustment) -> Adjusted {
    let mut tx = field.begin().await;
    let asked = field.asked(key, None);
    let member = field.members[0];
    let adjusted = adjust(&mut tx, &asked, &field.settings, member, usd(amount_minor), what).await.unwrap();
    if matches!(adjusted, Adjusted::Done { .. }) {
        tx.commit().await.unwrap();
    }
    adjusted
}

#[tokio::test]
async fn an_adjustment_is_done_once_and_says_who_and_why() {
    let field = Field::new(1, 500).await;
    let add = Adjustment::Add { value_class: ValueClass::Promotional, expires_at: None };
    assert_eq!(put_right(&field, "t-1", 500, add).await, Adjusted::Done { is_new: true });
    assert_eq!(put_right(&field, "t-1", 500, add).await, Adjusted::Done { is_new: false });
    assert_eq!(put_right(&field, "t-1", 501, add).await, Adjusted::OtherOperation);
    let take = Adjustment::Take { lot_id: None };
    assert_eq!(put_right(&field, "t-2", 200, take).await, Adjusted::Done { is_new: true });
    let too_much = Insufficient { asked_minor: 301, spendable_minor: 300 };
    assert_eq!(put_right(&field, "t-3", 301, take).await, Adjusted::Insufficient(too_much));
    let no_such = Adjustment::Take { lot_id: Some(Uuid::now_v7()) };
    let nothing = Insufficient { asked_minor: 1, spendable_minor: 0 };
    assert_eq!(put_right(&field, "t-3", 1, no_such).await, Adjusted::Insufficient(nothing));
    assert_eq!(field.number("select sum(balance_minor)::bigint from accounts").await, 300);
    let told = "select count(*) from operations where actor <> '' and reason <> ''";
    assert_eq!(field.number(told).await, 2);
    field.assert_exact().await;
}

/// A wrong grant is void while it is pending, too; ended and unswept value can be taken as well.
#[tokio::test]
async fn what_can_not_be_spent_can_be_taken_back() {
    let field = Field::new(1, 500).await;
    let class = ValueClass::Paid;
    let pending = field.lot_of(field.members[0], "pending", usd(500), class, None, None).await;
    let what = Adjustment::Take { lot_id: Some(pending) };
    assert_eq!(put_right(&field, "void", 500, what).await, Adjusted::Done { is_new: true });
    assert_eq!(field.number("select sum(balance_minor)::bigint from accounts").await, 0);
    field.assert_exact().await;
}
