//! Facts about orders.

use tradeup_domain::order::{
    Fact, Line, OrderContent, PaidOrder, RefundContent, RefundState, check_id, check_member,
};

use super::{ConvertError, instant, optional_text};
use crate::v1;

/// The input of `settle-order` as a checked fact.
///
/// # Errors
/// [`ConvertError`], naming the field.
pub fn fact(value: &v1::SettleOrder) -> Result<Fact, ConvertError> {
    check_id("order_external_id", &value.order_external_id)?;
    let changed = |changed: &v1::OrderChanged| instant("at", changed.at.as_ref());
    Ok(match value.fact.as_ref().ok_or(ConvertError::Missing { field: "fact" })? {
        v1::settle_order::Fact::Paid(order) => Fact::Paid(paid(order)?),
        v1::settle_order::Fact::Refunded(refund) => {
            check_id("refund_external_id", &refund.refund_external_id)?;
            let content = RefundContent { lines: lines(&refund.lines), ..RefundContent::default() };
            content.check()?;
            Fact::Refunded {
                external_id: refund.refund_external_id.clone(),
                content,
                state: RefundState::Moved,
                refunded_at: instant("refunded_at", refund.refunded_at.as_ref())?,
            }
        }
        v1::settle_order::Fact::Fulfilled(at) => Fact::Fulfilled(changed(at)?),
        v1::settle_order::Fact::Cancelled(at) => Fact::Cancelled(changed(at)?),
        v1::settle_order::Fact::Disputed(at) => Fact::Disputed(changed(at)?),
        v1::settle_order::Fact::DisputeWon(at) => Fact::DisputeWon(changed(at)?),
    })
}

fn paid(order: &v1::OrderPaid) -> Result<PaidOrder, ConvertError> {
    let member_external_id = optional_text(&order.member_external_id);
    if let Some(member) = &member_external_id {
        check_member(member)?;
    }
    let content = OrderContent {
        lines: lines(&order.lines),
        paid_by_credit_minor: order.paid_by_credit_minor,
        test: order.test,
        ..OrderContent::default()
    };
    content.check()?;
    let version_at = instant("updated_at", order.updated_at.as_ref())?;
    Ok(PaidOrder {
        member_external_id,
        currency: order.currency.parse().map_err(ConvertError::OrderCurrency)?,
        content,
        created_at: None,
        paid_at: instant("paid_at", order.paid_at.as_ref())?,
        version_at,
        sent_at: version_at,
        needs_fulfilment: order.needs_fulfilment,
    })
}

fn lines(lines: &[v1::OrderLine]) -> Vec<Line> {
    let line = |line: &v1::OrderLine| Line {
        price_minor: line.price_minor,
        quantity: line.quantity,
        discounts_minor: line.discounts_minor,
        tax_included_minor: line.tax_included_minor,
        gift_card: line.gift_card,
        excluded: line.excluded,
        ..Line::default()
    };
    lines.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::convert::timestamp;
    use chrono::DateTime;

    #[test]
    fn an_order_is_read_and_what_is_wrong_is_named() {
        let at = Some(timestamp(DateTime::from_timestamp(1_793_512_800, 0).unwrap()));
        let line = v1::OrderLine { price_minor: 3350, quantity: 1, ..v1::OrderLine::default() };
        let order = v1::OrderPaid {
            member_external_id: "7".to_owned(),
            currency: "USD".to_owned(),
            lines: vec![line],
            paid_by_credit_minor: 350,
            paid_at: at,
            updated_at: at,
            ..v1::OrderPaid::default()
        };
        let settle = |order: v1::OrderPaid| v1::SettleOrder {
            order_external_id: "1001".to_owned(),
            fact: Some(v1::settle_order::Fact::Paid(order)),
        };
        let Fact::Paid(read) = fact(&settle(order.clone())).unwrap() else { panic!("another fact") };
        let content = &read.content;
        assert_eq!((content.lines[0].price_minor, content.paid_by_credit_minor), (3350, 350));
        assert_eq!(read.currency.code(), "USD");
        let guest = v1::OrderPaid { member_external_id: String::new(), ..order.clone() };
        assert!(matches!(
            fact(&settle(guest)).unwrap(),
            Fact::Paid(PaidOrder { member_external_id: None, .. })
        ));
        for (wrong, field) in [
            (v1::OrderPaid { currency: "usd".to_owned(), ..order.clone() }, "currency"),
            (v1::OrderPaid { paid_at: None, ..order.clone() }, "paid_at"),
            (v1::OrderPaid { updated_at: None, ..order.clone() }, "updated_at"),
            (v1::OrderPaid { paid_by_credit_minor: -1, ..order.clone() }, "paid_by_credit_minor"),
            (v1::OrderPaid { member_external_id: "a b".to_owned(), ..order }, "member_external_id"),
        ] {
            let error = fact(&settle(wrong)).unwrap_err().to_string();
            assert!(error.contains(&format!("field {field}")), "{error}");
        }
        let nothing = v1::SettleOrder { order_external_id: "7".to_owned(), fact: None };
        assert!(fact(&nothing).unwrap_err().to_string().contains("field fact is missing"));
    }
}
