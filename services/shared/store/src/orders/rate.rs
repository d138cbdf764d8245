//! Rating: what of an order earns, and what of its refunds had earned, by the shop's rules as of its payment.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use tradeup_domain::Currency;
use tradeup_domain::cashback::OrderLine;
use tradeup_domain::money::AMOUNT_MINOR_MAX;
use tradeup_domain::order::{Line, OrderContent, RefundContent};
use tradeup_domain::rules::{CashbackRule, EnrolmentRule, OrderFacts, PaidPart, RuleLine, refund_share};

use crate::error::{Doing, ErrorKind, StoreError};
use crate::tenants::Settings;
use crate::{Connection, TenantId, rules};

/// What an order is rated by.
#[derive(Clone, Debug, Default)]
pub struct Rated {
    /// The cashback rule in force when it was paid.
    pub rule: CashbackRule,
    /// Its version; `None` for the product's own.
    pub version: Option<i32>,
    /// Nothing can be said yet: it was paid with credit, and how much of it is not known.
    pub awaits_payments: bool,
}

/// How Shopify names a payment with its own store credit, and one with a gift card.
const STORE_CREDIT: &str = "shopify_store_credit";
const GIFT_CARD: &str = "gift_card";

/// An order as it is kept, with all that was told of it.
pub(super) struct Kept {
    pub(super) content: OrderContent,
    pub(super) currency: Currency,
    pub(super) created_at: DateTime<Utc>,
    pub(super) refunds: BTreeMap<String, RefundContent>,
    pub(super) payments: BTreeMap<String, i64>,
}

/// Reckons an order's base and its refunds' parts of it anew, by the rules in force when it was paid, and keeps them
/// with it. `None` if the order itself is not known. The order is locked.
///
/// # Errors
/// As any statement.
pub async fn rate(
    db: &mut Connection,
    tenant: TenantId,
    external_id: &str,
    settings: &Settings,
) -> Result<Option<Rated>, StoreError> {
    let Some(row) = sqlx::query!(
        "select currency, facts, created_at, paid_at, rule_version from orders
         where tenant_id = $1 and external_id = $2",
        tenant as TenantId,
        external_id
    )
    .fetch_optional(&mut *db)
    .await
    .doing("reading an order")?
    else {
        return Ok(None);
    };
    let Some(paid_at) = row.paid_at else { return Ok(None) };
    let rules = rules::in_force(db, tenant, paid_at).await?;
    let (rule, version) = rules.cashback;
    let rated = Rated { rule, version, awaits_payments: false };
    // Of a time before rules: what it was rated then, it is.
    let (Some(facts), Some(currency)) = (row.facts, row.currency) else { return Ok(Some(rated)) };
    let corrupt = || StoreError::of_kind(ErrorKind::Corrupt, "reading what is in an order");
    let kept = Kept {
        content: serde_json::from_value(facts).map_err(|_unreadable| corrupt())?,
        currency: currency.parse().map_err(|_unknown| corrupt())?,
        created_at: row.created_at.unwrap_or(paid_at),
        refunds: moved_refunds(db, tenant, external_id).await?,
        payments: payments_of(db, tenant, &[external_id.to_owned()])
            .await?
            .remove(external_id)
            .unwrap_or_default(),
    };
    let awaits_payments = kept.awaits_payments(&rated.rule);
    let (base_minor, eligible) = kept.reckon(&rated.rule, &rules.enrolment.0, settings.currency);
    let (ids, amounts): (Vec<String>, Vec<i64>) = eligible.into_iter().unzip();
    sqlx::query_file!(
        "src/orders/rate.sql",
        tenant as TenantId,
        external_id,
        base_minor,
        version,
        awaits_payments,
        &ids,
        &amounts,
    )
    .execute(db)
    .await
    .doing("rating an order")?;
    Ok(Some(Rated { awaits_payments, ..rated }))
}

/// The refunds of an order whose money has moved, by id.
///
/// # Errors
/// As any statement.
pub(crate) async fn moved_refunds(
    db: &mut Connection,
    tenant: TenantId,
    external_id: &str,
) -> Result<BTreeMap<String, RefundContent>, StoreError> {
    let mut all = refunds_of(db, tenant, &[external_id.to_owned()]).await?;
    Ok(all.remove(external_id).unwrap_or_default())
}

/// The refunds of orders whose money has moved, by order and id.
pub(super) async fn refunds_of(
    db: &mut Connection,
    tenant: TenantId,
    orders: &[String],
) -> Result<HashMap<String, BTreeMap<String, RefundContent>>, StoreError> {
    let rows = sqlx::query!(
        r#"select order_external_id, external_id, facts as "facts!" from order_refunds
           where tenant_id = $1 and order_external_id = any($2) and state = 'moved' and facts is not null
           order by refunded_at, external_id"#,
        tenant as TenantId,
        orders,
    )
    .fetch_all(db)
    .await
    .doing("reading an order's refunds")?;
    let mut refunds: HashMap<String, BTreeMap<String, RefundContent>> = HashMap::new();
    for row in rows {
        let content = serde_json::from_value(row.facts)
            .map_err(|_unreadable| StoreError::of_kind(ErrorKind::Corrupt, "reading an order's refunds"))?;
        refunds.entry(row.order_external_id).or_default().insert(row.external_id, content);
    }
    Ok(refunds)
}

/// What was paid how of orders, in minor units of each one's currency, by order and gateway.
pub(super) async fn payments_of(
    db: &mut Connection,
    tenant: TenantId,
    orders: &[String],
) -> Result<HashMap<String, BTreeMap<String, i64>>, StoreError> {
    let rows = sqlx::query!(
        r#"select p.order_external_id, p.gateway, sum(p.amount_minor)::bigint as "amount_minor!"
           from order_payments p
           join orders o on o.tenant_id = p.tenant_id and o.external_id = p.order_external_id
               and o.currency = p.currency
           where p.tenant_id = $1 and p.order_external_id = any($2)
           group by p.order_external_id, p.gateway"#,
        tenant as TenantId,
        orders,
    )
    .fetch_all(db)
    .await
    .doing("reading how an order was paid")?;
    let mut payments: HashMap<String, BTreeMap<String, i64>> = HashMap::new();
    for row in rows {
        payments.entry(row.order_external_id).or_default().insert(row.gateway, row.amount_minor);
    }
    Ok(payments)
}

/// A line as rules look at it; one that is a membership earns nothing.
fn rule_line<'a>(line: &'a Line, enrolment: &EnrolmentRule) -> RuleLine<'a> {
    RuleLine {
        amounts: OrderLine {
            price_minor: line.price_minor,
            quantity: line.quantity,
            discounts_minor: line.discounts_minor,
            tax_included_minor: line.tax_included_minor,
            gift_card: line.gift_card,
            excluded: line.excluded || enrolment.membership_of(&line.bought()).is_some(),
        },
        product_id: line.product_id.as_deref(),
        sku: line.sku.as_deref(),
        vendor: line.vendor.as_deref(),
    }
}

impl Kept {
    fn paid_with(&self, gateway: &str) -> Option<i64> {
        self.payments.get(gateway).copied()
    }

    /// Whether it was paid with something that earns otherwise, and how much of it is not known.
    pub(super) fn awaits_payments(&self, rule: &CashbackRule) -> bool {
        let unknown = |gateway: &str, how: PaidPart| {
            how != PaidPart::Ignore
                && self.content.gateways.iter().any(|used| used == gateway)
                && self.paid_with(gateway).is_none()
        };
        unknown(STORE_CREDIT, rule.credit_paid) || unknown(GIFT_CARD, rule.gift_card_paid)
    }

    /// What of the order earns, and what of each refund had earned.
    pub(super) fn reckon(
        &self,
        rule: &CashbackRule,
        enrolment: &EnrolmentRule,
        shop_currency: Currency,
    ) -> (i64, Vec<(String, i64)>) {
        let content = &self.content;
        let lines: Vec<RuleLine<'_>> = content.lines.iter().map(|line| rule_line(line, enrolment)).collect();
        let tags: Vec<&str> = content.tags.iter().map(String::as_str).collect();
        let credit_minor =
            self.paid_with(STORE_CREDIT).unwrap_or(0).saturating_add(content.paid_by_credit_minor);
        let order = OrderFacts {
            lines: &lines,
            tags: &tags,
            source: content.source.as_deref(),
            currency: self.currency,
            shop_currency,
            total_minor: content.total_minor,
            paid_by_store_credit_minor: credit_minor,
            paid_by_gift_card_minor: self.paid_with(GIFT_CARD).unwrap_or(0),
            test: content.test,
            created_at: self.created_at,
        };
        let base_minor = rule.base(&order).base_minor;
        // Money for no line takes its share of what earns; all of it together, so that no floor is lost.
        let (mut money_minor, mut share_minor) = (0_i64, 0_i64);
        let mut eligible = Vec::new();
        for (id, refund) in &self.refunds {
            let tax_is_inside = content.taxes_included || !refund.tax_as_order;
            let back = |line| {
                let mut line = rule_line(line, enrolment);
                line.amounts.tax_included_minor *= i64::from(tax_is_inside);
                line
            };
            let back: Vec<RuleLine<'_>> = refund.lines.iter().map(back).collect();
            money_minor = money_minor.saturating_add(refund.money_minor);
            let share = refund_share(money_minor, content.total_minor, base_minor);
            let minor = rule.refund_base(&order, &back).saturating_add(share - share_minor);
            share_minor = share;
            eligible.push((id.clone(), minor.clamp(0, AMOUNT_MINOR_MAX)));
        }
        (base_minor, eligible)
    }
}
