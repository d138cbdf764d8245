//! What a shop's orders earn: the rule, and the base by it (loyalty reference §1.6, §1.7).
//!
//! The rule decides what of an order earns and by which rate. Both are frozen on the order when it is paid;
//! [`Earning`](crate::cashback::Earning) says what that comes to, with one floor for the whole order.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, Serializer};

use super::read::{self, Object, Problems, Table};
use super::{RuleError, same_text};
use crate::cashback::{BPS_MAX, OrderLine};
use crate::handle::Handle;
use crate::money::Currency;

/// Longest wait of cashback, in days.
const DAYS_PENDING_MAX: u16 = 365;

/// What becomes of the part of an order that was paid with store credit, or with gift cards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PaidPart {
    /// All of it is taken off the base: it has earned once already.
    #[default]
    Subtract,
    /// The base has the share that was paid otherwise: shipping and tax take their part of the credit.
    Proportional,
    /// An order that is paid so, even in part, earns nothing.
    NothingIfAny,
    /// It earns like money.
    Ignore,
}

/// Whether tax that is inside a price earns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TaxIncluded {
    /// It does not.
    #[default]
    Exclude,
    /// It does.
    Count,
}

/// What earns nothing. Product ids are compared as they are, all else without regard to case and
/// surrounding space.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Excluded {
    /// Lines of these products.
    pub product_ids: BTreeSet<String>,
    /// Lines with these SKUs.
    pub skus: BTreeSet<String>,
    /// Lines of these vendors.
    pub vendors: BTreeSet<String>,
    /// Orders with one of these tags.
    pub order_tags: BTreeSet<String>,
    /// Orders from these sources, as Shopify names them: `web`, `pos`, `draft_orders`.
    pub order_sources: BTreeSet<String>,
}

/// What a shop's orders earn. Read with [`CashbackRule::parse`], written by its `Serialize`; the default is
/// what a shop without a document has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CashbackRule {
    /// Rates in basis points by tier. A tier that is not named keeps its own rate, so 0 has to be said.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", serialize_with = "by_handle")]
    pub rates: BTreeMap<Handle, i32>,
    /// What earns nothing.
    pub excluded: Excluded,
    /// The part that was paid with store credit.
    pub credit_paid: PaidPart,
    /// The part that was paid with gift cards.
    pub gift_card_paid: PaidPart,
    /// Tax that is inside the prices.
    pub tax_included: TaxIncluded,
    /// Orders made before this instant earn nothing.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_instant")]
    pub orders_from: Option<DateTime<Utc>>,
    /// An order with a smaller base earns nothing, in minor units. Judged when the order is paid: a refund
    /// that leaves less takes its own part and no more.
    pub minimum_base_minor: i64,
    /// How many days cashback waits; `None` for what the shop has set otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days_pending: Option<u16>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Document {
    rates: Table<i64>,
    excluded: Object<ExcludedDocument>,
    credit_paid: PaidPart,
    gift_card_paid: PaidPart,
    tax_included: TaxIncluded,
    orders_from: Option<String>,
    minimum_base_minor: i64,
    days_pending: Option<i64>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ExcludedDocument {
    product_ids: Vec<String>,
    skus: Vec<String>,
    vendors: Vec<String>,
    order_tags: Vec<String>,
    order_sources: Vec<String>,
}

/// A line of an order, as far as the rule looks at it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RuleLine<'a> {
    /// Its amounts, and whether it is left out for reasons outside of this rule.
    pub amounts: OrderLine,
    /// The product's id, if the line has one.
    pub product_id: Option<&'a str>,
    /// The SKU, if it has one.
    pub sku: Option<&'a str>,
    /// The vendor, if it has one.
    pub vendor: Option<&'a str>,
}

/// An order, as far as the rule looks at it. Amounts are minor units of its currency. Whether it is a
/// guest's does not matter here: who ordered may be known later.
#[derive(Clone, Copy, Debug)]
pub struct OrderFacts<'a> {
    /// Its lines.
    pub lines: &'a [RuleLine<'a>],
    /// Its tags.
    pub tags: &'a [&'a str],
    /// Where it came from, if that is known.
    pub source: Option<&'a str>,
    /// Currency of its amounts.
    pub currency: Currency,
    /// Currency of the shop's ledger.
    pub shop_currency: Currency,
    /// All that was to be paid, with shipping and tax.
    pub total_minor: i64,
    /// What of it was paid with store credit.
    pub paid_by_store_credit_minor: i64,
    /// What of it was paid with gift cards.
    pub paid_by_gift_card_minor: i64,
    /// A test order.
    pub test: bool,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// What of an order earns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Base {
    /// In minor units, at least 0.
    pub base_minor: i64,
    /// Why nothing does; `None` exactly if something does.
    pub why_not: Option<WhyNoCashback>,
}

/// Why an order earns nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhyNoCashback {
    /// A test order.
    Test,
    /// In another currency than the shop's ledger.
    OtherCurrency,
    /// Made before the rule begins.
    TooEarly,
    /// It has a tag that is left out.
    Tag,
    /// It comes from a source that is left out.
    Source,
    /// None of its lines earns: gift cards, excluded goods, or all of it discounted.
    NoLines,
    /// Paid with store credit, even if in part.
    StoreCredit,
    /// Paid with gift cards, even if in part.
    GiftCard,
    /// What earns was paid with credit or gift cards altogether.
    AllPaid,
    /// Less than the rule asks for, in minor units.
    BelowMinimum(i64),
}

impl fmt::Display for WhyNoCashback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Test => "it is a test order",
            Self::OtherCurrency => "it is in another currency than the shop's ledger",
            Self::TooEarly => "it was made before the rule begins",
            Self::Tag => "it has a tag that earns nothing",
            Self::Source => "it comes from a source that earns nothing",
            Self::NoLines => {
                "none of its lines earns: gift cards, goods that are left out, or discounted to nothing"
            }
            Self::StoreCredit => "store credit was used, and an order that uses any earns nothing",
            Self::GiftCard => "a gift card was used, and an order that uses any earns nothing",
            Self::AllPaid => "all that would earn was paid with store credit or gift cards",
            Self::BelowMinimum(least) => {
                return write!(f, "what would earn is below the least of {least} minor units");
            }
        })
    }
}

impl CashbackRule {
    /// Reads a document.
    ///
    /// # Errors
    /// At least one [`RuleError`]: all that is wrong, once its shape is right.
    pub fn parse(text: &str) -> Result<Self, Vec<RuleError>> {
        let given: Document = read::shape(text)?;
        let mut problems = Problems::default();
        problems.entries("rates", given.rates.0.len());
        let mut rates = BTreeMap::new();
        for (tier, bps) in given.rates.0 {
            let path = read::entry("rates", &tier);
            let bps = problems.bps(&path, bps);
            if let Some(tier) = problems.handle(&path, &tier) {
                rates.insert(tier, bps);
            }
        }
        let Object(excluded) = given.excluded;
        let excluded = Excluded {
            product_ids: problems.texts("excluded.product_ids", excluded.product_ids),
            skus: problems.texts("excluded.skus", excluded.skus),
            vendors: problems.texts("excluded.vendors", excluded.vendors),
            order_tags: problems.texts("excluded.order_tags", excluded.order_tags),
            order_sources: problems.texts("excluded.order_sources", excluded.order_sources),
        };
        let rule = Self {
            rates,
            excluded,
            credit_paid: given.credit_paid,
            gift_card_paid: given.gift_card_paid,
            tax_included: given.tax_included,
            orders_from: given.orders_from.and_then(|at| problems.instant("orders_from", &at)),
            minimum_base_minor: problems.amount("minimum_base_minor", given.minimum_base_minor, 0),
            days_pending: given
                .days_pending
                .map(|days| problems.count("days_pending", days, 0, DAYS_PENDING_MAX, "days")),
        };
        problems.finish(rule)
    }

    /// The rate of a member in basis points: what the rule says of the tier, else the tier's `own`, else 0.
    #[must_use]
    pub fn rate_bps(&self, tier_handle: Option<&str>, own: Option<i32>) -> i32 {
        let named = tier_handle.and_then(|tier| self.rates.iter().find(|(name, _)| name.as_str() == tier));
        named.map(|(_, bps)| *bps).or(own).unwrap_or(0).clamp(0, BPS_MAX)
    }

    /// What of a line earns, in minor units, at least 0, before anything is taken off for how it was paid.
    #[must_use]
    pub fn line_minor(&self, line: &RuleLine<'_>) -> i64 {
        let listed = |set: &BTreeSet<String>, text: Option<&str>| {
            text.is_some_and(|text| set.iter().any(|entry| same_text(entry, text)))
        };
        let excluded = line.product_id.is_some_and(|id| self.excluded.product_ids.contains(id))
            || listed(&self.excluded.skus, line.sku)
            || listed(&self.excluded.vendors, line.vendor);
        if excluded {
            return 0;
        }
        let tax_included_minor = match self.tax_included {
            TaxIncluded::Exclude => line.amounts.tax_included_minor,
            TaxIncluded::Count => 0,
        };
        OrderLine { tax_included_minor, ..line.amounts }.eligible_minor()
    }

    /// The sum of [`Self::line_minor`].
    #[must_use]
    pub fn lines_minor(&self, lines: &[RuleLine<'_>]) -> i64 {
        lines.iter().fold(0_i64, |sum, line| sum.saturating_add(self.line_minor(line)))
    }

    /// What of an order earns, and if nothing does, why.
    ///
    /// Where store credit and gift cards are treated differently, the proportional share comes first, with
    /// one floor, and then what is subtracted.
    #[must_use]
    pub fn base(&self, order: &OrderFacts<'_>) -> Base {
        match self.base_or_why_not(order) {
            Ok(base_minor) => Base { base_minor, why_not: None },
            Err(why_not) => Base { base_minor: 0, why_not: Some(why_not) },
        }
    }

    fn base_or_why_not(&self, order: &OrderFacts<'_>) -> Result<i64, WhyNoCashback> {
        let listed = |set: &BTreeSet<String>, text: &str| set.iter().any(|entry| same_text(entry, text));
        let refuse = |if_so: bool, why: WhyNoCashback| if if_so { Err(why) } else { Ok(()) };
        refuse(order.test, WhyNoCashback::Test)?;
        refuse(order.currency != order.shop_currency, WhyNoCashback::OtherCurrency)?;
        let too_early = self.orders_from.is_some_and(|from| order.created_at < from);
        refuse(too_early, WhyNoCashback::TooEarly)?;
        let tagged = order.tags.iter().any(|tag| listed(&self.excluded.order_tags, tag));
        refuse(tagged, WhyNoCashback::Tag)?;
        let source = order.source.is_some_and(|source| listed(&self.excluded.order_sources, source));
        refuse(source, WhyNoCashback::Source)?;
        let lines_minor = self.lines_minor(order.lines);
        refuse(lines_minor == 0, WhyNoCashback::NoLines)?;
        let any = |how: PaidPart, paid: i64| how == PaidPart::NothingIfAny && paid > 0;
        refuse(any(self.credit_paid, order.paid_by_store_credit_minor), WhyNoCashback::StoreCredit)?;
        refuse(any(self.gift_card_paid, order.paid_by_gift_card_minor), WhyNoCashback::GiftCard)?;
        let (numerator, total) = self.share(order, lines_minor);
        let base = i64::try_from(numerator / total).unwrap_or(i64::MAX);
        let base = base.saturating_sub(self.paid_by(order, PaidPart::Subtract)).max(0);
        refuse(base == 0, WhyNoCashback::AllPaid)?;
        refuse(base < self.minimum_base_minor, WhyNoCashback::BelowMinimum(self.minimum_base_minor))?;
        Ok(base)
    }

    /// What of refunded lines had earned, in minor units: what
    /// [`Earning::refunded_minor`](crate::cashback::Earning::refunded_minor) sums up over an order's refunds.
    ///
    /// It counts in full, as a refund gives back money first; where the rule is proportional it is the same
    /// share as of the order, rounded up. Both ways the refunds of all lines together are at least the base,
    /// however they are split, and more than the base counts as the base. So nothing is left of the cashback
    /// of an order that is refunded in full.
    #[must_use]
    pub fn refund_base(&self, order: &OrderFacts<'_>, refunded: &[RuleLine<'_>]) -> i64 {
        let (numerator, total) = self.share(order, self.lines_minor(refunded));
        i64::try_from((numerator + total - 1) / total).unwrap_or(i64::MAX)
    }

    /// `minor` times the share that was not paid in a proportional way, as a fraction.
    fn share(&self, order: &OrderFacts<'_>, minor: i64) -> (i128, i128) {
        let paid = self.paid_by(order, PaidPart::Proportional);
        if paid == 0 {
            return (i128::from(minor), 1);
        }
        let total = order.total_minor.max(1);
        (i128::from(minor) * i128::from(total - paid.min(total)), i128::from(total))
    }

    /// What of an order was paid with credit and gift cards that are treated so.
    fn paid_by(&self, order: &OrderFacts<'_>, how: PaidPart) -> i64 {
        let of = |treated: PaidPart, paid: i64| if treated == how { paid.max(0) } else { 0 };
        of(self.credit_paid, order.paid_by_store_credit_minor)
            .saturating_add(of(self.gift_card_paid, order.paid_by_gift_card_minor))
    }
}

/// What of the base counts as refunded when money alone was given back, for no line: its share of the total,
/// rounded down, 0 to the base. All amounts are minor units. Give the sum of what was refunded so far, not
/// each refund: then the whole total takes the whole base, however it is split.
#[must_use]
pub fn refund_share(refunded_minor: i64, total_minor: i64, base_minor: i64) -> i64 {
    let (total, base) = (i128::from(total_minor.max(1)), i128::from(base_minor.max(0)));
    let refunded = i128::from(refunded_minor.max(0)).min(total);
    i64::try_from(base * refunded / total).unwrap_or(i64::MAX)
}

fn by_handle<S: Serializer>(rates: &BTreeMap<Handle, i32>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(rates.iter().map(|(tier, bps)| (tier.as_str(), bps)))
}

fn as_instant<S: Serializer>(at: &Option<DateTime<Utc>>, serializer: S) -> Result<S::Ok, S::Error> {
    at.map(read::instant_text).serialize(serializer)
}
