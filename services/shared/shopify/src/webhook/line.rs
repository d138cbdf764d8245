//! A line of an order, and what of it earns (Shopify reference §4.1, loyalty reference §1.6).

use serde::Deserialize;
use tradeup_domain::Currency;
use tradeup_domain::cashback::OrderLine;

use super::WebhookError;
use super::wire::{AMOUNT, Amount, Count, Flag, Id, Leaf as _, MoneySet, Obj, Text, list, shop_minor};

/// A line of an order. Amounts are minor units of the shop's currency, for the whole `quantity`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its id.
    pub id: String,
    /// The product; none for what was sold without one.
    pub product_id: Option<String>,
    /// The variant.
    pub variant_id: Option<String>,
    /// The variant's article number.
    pub sku: Option<String>,
    /// The vendor.
    pub vendor: Option<String>,
    /// How many were ever ordered, those included that an edit or a refund took out.
    pub quantity: i64,
    /// How many are left after edits and refunds.
    pub current_quantity: Option<i64>,
    /// How many the refunds inside the order's body took out.
    pub refunded_quantity: i64,
    /// Price of one before discounts.
    pub price_minor: i64,
    /// Discounts of the line and its share of the order's, together.
    pub discounts_minor: i64,
    /// Tax that is inside the price; 0 where it comes on top.
    pub tax_included_minor: i64,
    /// Gift cards earn nothing.
    pub gift_card: bool,
    /// Whether it is sent to the customer.
    pub requires_shipping: bool,
}

impl Line {
    /// How many count for what the order earns: what is left and what was refunded.
    ///
    /// So what an edit took out earns nothing, while what a refund took out still counts here and is taken
    /// back by the refund itself. Never more than were ordered.
    #[must_use]
    pub fn effective_quantity(&self) -> i64 {
        let current = self.current_quantity.unwrap_or(self.quantity);
        current.saturating_add(self.refunded_quantity).clamp(0, self.quantity)
    }

    /// What the domain computes cashback with.
    ///
    /// An edit leaves a line's discounts and taxes as they were ordered, so for a smaller quantity each
    /// counts in proportion: `amount * effective_quantity / quantity`, rounded down, in exact integers.
    /// `excluded` is false: whether the shop leaves the line out is for the caller to say.
    #[must_use]
    pub fn earning(&self) -> OrderLine {
        let quantity = self.effective_quantity();
        OrderLine {
            price_minor: self.price_minor,
            quantity,
            discounts_minor: share(self.discounts_minor, quantity, self.quantity),
            tax_included_minor: share(self.tax_included_minor, quantity, self.quantity),
            gift_card: self.gift_card,
            excluded: false,
        }
    }
}

/// `amount * part / whole`, rounded down; 0 of nothing, never negative.
fn share(amount: i64, part: i64, whole: i64) -> i64 {
    if whole <= 0 {
        return 0;
    }
    let share = i128::from(amount.max(0)) * i128::from(part.clamp(0, whole)) / i128::from(whole);
    i64::try_from(share).unwrap_or(i64::MAX)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct LineWire {
    id: Id,
    product_id: Id,
    variant_id: Id,
    sku: Text,
    vendor: Text,
    quantity: Count,
    current_quantity: Count,
    price: Amount,
    price_set: Obj<MoneySet>,
    gift_card: Flag,
    requires_shipping: Flag,
    #[serde(deserialize_with = "list")]
    discount_allocations: Vec<Obj<DiscountWire>>,
    #[serde(deserialize_with = "list")]
    tax_lines: Vec<Obj<TaxWire>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct DiscountWire {
    amount: Amount,
    amount_set: Obj<MoneySet>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct TaxWire {
    price: Amount,
    price_set: Obj<MoneySet>,
}

impl LineWire {
    /// A line of an order in this currency; what was refunded is not known yet.
    pub(super) fn into_line(self, currency: Currency, taxes_included: bool) -> Result<Line, WebhookError> {
        let mut discounts_minor = 0_i64;
        for (allocation, at) in self.discount_allocations.iter().zip(0_usize..) {
            let Some(DiscountWire { amount, amount_set }) = &allocation.0 else { continue };
            let amount = shop_minor(amount_set, amount, currency, "amount")
                .map_err(|e| e.within(&format!("discount_allocations[{at}]")))?;
            discounts_minor = discounts_minor.saturating_add(amount.unwrap_or_default());
        }
        let mut tax_minor = 0_i64;
        for (tax, at) in self.tax_lines.iter().zip(0_usize..) {
            let Some(TaxWire { price, price_set }) = &tax.0 else { continue };
            let tax = shop_minor(price_set, price, currency, "price")
                .map_err(|e| e.within(&format!("tax_lines[{at}]")))?;
            tax_minor = tax_minor.saturating_add(tax.unwrap_or_default());
        }
        let price_minor = shop_minor(&self.price_set, &self.price, currency, "price")?;
        // A line can't earn less than nothing; a negative price is nothing that we understand.
        let price_minor = price_minor.filter(|price| *price >= 0);
        Ok(Line {
            id: self.id.needed("id")?,
            product_id: self.product_id.0,
            variant_id: self.variant_id.0,
            sku: self.sku.0,
            vendor: self.vendor.0,
            quantity: self.quantity.needed("quantity")?,
            current_quantity: self.current_quantity.0,
            refunded_quantity: 0,
            price_minor: price_minor.ok_or_else(|| WebhookError::field("price", AMOUNT))?,
            discounts_minor: discounts_minor.max(0),
            tax_included_minor: if taxes_included { tax_minor.max(0) } else { 0 },
            gift_card: self.gift_card.0.unwrap_or_default(),
            requires_shipping: self.requires_shipping.0.unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line(quantity: i64, current: Option<i64>, refunded: i64) -> Line {
        Line {
            id: "1".to_owned(),
            product_id: None,
            variant_id: None,
            sku: None,
            vendor: None,
            quantity,
            current_quantity: current,
            refunded_quantity: refunded,
            price_minor: 1_000,
            discounts_minor: 100,
            tax_included_minor: 50,
            gift_card: false,
            requires_shipping: true,
        }
    }

    #[test]
    fn what_an_edit_took_out_does_not_count_and_what_was_refunded_does() {
        for (quantity, current, refunded, counts) in [
            (3, None, 0, 3),
            (3, Some(3), 0, 3),
            (3, Some(2), 0, 2),
            (3, Some(2), 1, 3),
            (3, Some(0), 1, 1),
            (3, Some(0), 0, 0),
            // The refunds and the line may be told at different moments.
            (3, Some(3), 1, 3),
            (3, None, 2, 3),
            (0, Some(0), 0, 0),
        ] {
            assert_eq!(line(quantity, current, refunded).effective_quantity(), counts);
        }
        let third = line(3, Some(1), 0).earning();
        assert_eq!((third.discounts_minor, third.tax_included_minor), (33, 16));
        assert_eq!(third.eligible_minor(), 1_000 - 33 - 16);
        assert_eq!(line(3, Some(0), 0).earning().eligible_minor(), 0);
        assert_eq!(line(0, Some(0), 0).earning().eligible_minor(), 0);
    }

    proptest! {
        /// Whole lines keep their amounts, and no share is negative or above its whole.
        #[test]
        fn shares_stay_within_their_whole(amount in 0..=1_000_000_000_000_i64, part in -5..2_000_000_000_i64, whole in 0..1_000_000_000_i64) {
            prop_assert!((0..=amount).contains(&share(amount, part, whole)));
            prop_assert_eq!(share(amount, whole, whole), if whole == 0 { 0 } else { amount });
        }
    }
}
