//! What an order earns, and what of it remains when parts are refunded (loyalty reference §1.6, §1.7).
//!
//! An order's facts and its refunds arrive in any order and more than once. So nothing here adds or takes
//! step by step: [`Earning::target_minor`] says what should have been earned by all that is known, and
//! whoever keeps the ledger posts the difference to what has been posted. That sums exactly over any
//! sequence of refunds.

/// Most a cashback rate may be, in basis points: the whole of it.
pub const BPS_MAX: i32 = 10_000;

/// A line of an order. Amounts are minor units of the order's currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OrderLine {
    /// Price of one, before discounts.
    pub price_minor: i64,
    /// How many.
    pub quantity: i64,
    /// Discounts of the line and its share of the order's, together.
    pub discounts_minor: i64,
    /// Tax that is inside the price.
    pub tax_included_minor: i64,
    /// Gift cards earn nothing: one bought with another would earn for ever.
    pub gift_card: bool,
    /// Left out for another reason: the membership itself, or a tag of the shop's.
    pub excluded: bool,
}

impl OrderLine {
    /// What of the line earns, in minor units, at least 0.
    #[must_use]
    pub fn eligible_minor(&self) -> i64 {
        if self.gift_card || self.excluded {
            return 0;
        }
        let gross = self.price_minor.saturating_mul(self.quantity);
        gross.saturating_sub(self.discounts_minor).saturating_sub(self.tax_included_minor).max(0)
    }
}

/// What of an order earns, in minor units: its lines less what was paid with credit or a gift card, which
/// has earned once already. Shipping, duties, tips and tax are no lines.
#[must_use]
pub fn eligible_base_minor(lines: &[OrderLine], paid_by_credit_minor: i64) -> i64 {
    let lines = lines.iter().fold(0_i64, |sum, line| sum.saturating_add(line.eligible_minor()));
    lines.saturating_sub(paid_by_credit_minor.max(0)).max(0)
}

/// What an order earns, by the rate that is frozen on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Earning {
    /// What of it earns, in minor units.
    pub base_minor: i64,
    /// The eligible part of all refunded lines, in minor units; more than the base counts as the base.
    pub refunded_minor: i64,
    /// The rate in basis points as it was when the order was paid: a later rate changes nothing.
    pub rate_bps: i32,
    /// Cancelled as a whole, or its payment disputed: it earns nothing.
    pub void: bool,
}

impl Earning {
    /// What the order should have earned by all that is known of it, in minor units: one floor for the
    /// whole order, never for a line or a refund.
    #[must_use]
    pub fn target_minor(&self) -> i64 {
        let left =
            if self.void { 0 } else { self.base_minor - self.refunded_minor.clamp(0, self.base_minor) };
        let earned = i128::from(left) * i128::from(self.rate_bps.clamp(0, BPS_MAX)) / i128::from(BPS_MAX);
        i64::try_from(earned).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn goods(price_minor: i64) -> OrderLine {
        OrderLine { price_minor, quantity: 1, ..OrderLine::default() }
    }

    fn cashback(base_minor: i64, rate_bps: i32) -> i64 {
        Earning { base_minor, refunded_minor: 0, rate_bps, void: false }.target_minor()
    }

    /// Worked examples K1 to K3.
    #[test]
    fn the_base_is_what_was_paid_for_goods() {
        // Shipping 900, tax 800 and tip 200 are no lines.
        let lines = [OrderLine { discounts_minor: 1500, ..goods(10_000) }];
        let base = eligible_base_minor(&lines, 0);
        assert_eq!((base, cashback(base, 500)), (8500, 425));
        let base = eligible_base_minor(&lines, 5000);
        assert_eq!((base, cashback(base, 500)), (3500, 175));
        let with_card = [goods(4000), OrderLine { gift_card: true, ..goods(5000) }];
        let base = eligible_base_minor(&with_card, 0);
        assert_eq!((base, cashback(base, 500)), (4000, 200));
        let membership = [goods(4000), OrderLine { excluded: true, ..goods(9900) }];
        assert_eq!(eligible_base_minor(&membership, 0), 4000);
        let taxed = [OrderLine { tax_included_minor: 190, quantity: 2, ..goods(595) }];
        assert_eq!(eligible_base_minor(&taxed, 0), 1000);
        assert_eq!(eligible_base_minor(&lines, 9000), 0);
    }

    /// K4, K5, K7: one floor, in the currency's own minor units.
    #[test]
    fn what_is_earned_is_rounded_down_once() {
        for (base, bps, earned) in [
            (3350, 500, 167),
            (2350, 500, 117),
            (50, 500, 2),
            (1980, 500, 99),
            (12_345, 500, 617),
            (15, 500, 0),
        ] {
            assert_eq!(cashback(base, bps), earned, "{base}");
        }
        assert_eq!(cashback(i64::MAX, BPS_MAX), i64::MAX);
    }

    /// R1 and R2: the steps of refunds add up to the grant.
    #[test]
    fn refunds_take_back_exactly_what_was_granted() {
        for (base, bps, granted, refunds, steps) in [
            (3350, 500, 167, vec![1250, 1250, 850], vec![-62, -63, -42]),
            (2000, 333, 66, vec![500; 4], vec![-17, -16, -17, -16]),
        ] {
            let mut earning = Earning { base_minor: base, refunded_minor: 0, rate_bps: bps, void: false };
            let mut posted = earning.target_minor();
            assert_eq!(posted, granted);
            let mut seen = Vec::new();
            for refund in refunds {
                earning.refunded_minor += refund;
                seen.push(earning.target_minor() - posted);
                posted = earning.target_minor();
            }
            assert_eq!((seen, posted), (steps, 0));
        }
    }

    proptest! {
        /// R11, R13, R18: whatever is refunded, edited or disputed, a target is never below 0 or above what
        /// the whole base earns, and a refund never raises it.
        #[test]
        fn targets_stay_within_what_the_order_earns(
            base in 0..1_000_000_000_000_i64, refunds in prop::collection::vec(0..1_000_000_000_000_i64, 0..13), rate_bps in 0..=BPS_MAX,
        ) {
            let mut earning = Earning { base_minor: base, refunded_minor: 0, rate_bps, void: false };
            let whole = earning.target_minor();
            let mut before = whole;
            for refund in refunds {
                earning.refunded_minor = earning.refunded_minor.saturating_add(refund);
                let target = earning.target_minor();
                prop_assert!((0..=before).contains(&target));
                before = target;
            }
            prop_assert_eq!(Earning { refunded_minor: base, ..earning }.target_minor(), 0);
            prop_assert_eq!(Earning { void: true, ..earning }.target_minor(), 0);
            prop_assert!(whole <= base);
        }
    }
}
