//! What an order buys of memberships, by all that is known of it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use tradeup_domain::handle::Handle;
use tradeup_domain::order::{Line, OrderContent};
use tradeup_domain::rules::{Bought, BoughtLine, EnrolmentRule};

use crate::error::{Doing, ErrorKind, StoreError};
use crate::orders::moved_refunds;
use crate::{Connection, TenantId};

/// An order, as far as memberships go.
pub(super) struct Order {
    pub(super) customer: Option<String>,
    content: OrderContent,
    pub(super) paid_at: DateTime<Utc>,
    /// A test, cancelled, or disputed: it buys nothing.
    void: bool,
}

/// A tier by its number.
pub(super) struct Tier {
    pub(super) id: i32,
    rank: i32,
}

impl Order {
    /// What it has bought, less what was refunded; nothing if it counts for nothing.
    pub(super) async fn bought(
        &self,
        db: &mut Connection,
        tenant: TenantId,
        external_id: &str,
        rule: &EnrolmentRule,
        tiers: &BTreeMap<Handle, Tier>,
    ) -> Result<Vec<Bought>, StoreError> {
        let buys = self.content.lines.iter().any(|line| rule.membership_of(&line.bought()).is_some());
        if self.void || !buys {
            return Ok(Vec::new());
        }
        let mut back: Vec<Line> = Vec::new();
        for refund in moved_refunds(db, tenant, external_id).await?.into_values() {
            back.extend(refund.lines);
        }
        let mut lines: Vec<BoughtLine<'_>> = self.content.lines.iter().map(Line::bought).collect();
        for returned in &back {
            // Of whichever line is the same membership.
            let mut pieces = returned.pieces();
            let Some(membership) = rule.membership_of(&returned.bought()) else { continue };
            for line in &mut lines {
                if rule.membership_of(line) == Some(membership) {
                    let taken = pieces.min(line.quantity).max(0);
                    line.quantity -= taken;
                    pieces -= taken;
                }
            }
        }
        Ok(rule.memberships_bought(&lines, |tier| tiers.get(tier).map(|tier| tier.rank)))
    }
}

/// Reads an order; `None` while only something that follows from it is known, and if the shop has never sold
/// memberships: for most shops that is all.
pub(super) async fn load(
    db: &mut Connection,
    tenant: TenantId,
    external_id: &str,
) -> Result<Option<Order>, StoreError> {
    let row = sqlx::query!(
        r#"select member_external_id, facts, paid_at, test or cancelled_at is not null
               or disputed_at is not null and dispute_won_at is null as "void!"
           from orders where tenant_id = $1 and external_id = $2
               and exists (select from rules r where r.tenant_id = $1 and r.kind = 'enrolment'
                   and jsonb_array_length(r.document -> 'memberships') > 0)"#,
        tenant as TenantId,
        external_id,
    )
    .fetch_optional(db)
    .await
    .doing("reading an order")?;
    let Some(row) = row else { return Ok(None) };
    let (Some(facts), Some(paid_at)) = (row.facts, row.paid_at) else { return Ok(None) };
    let content = serde_json::from_value(facts)
        .map_err(|_unreadable| StoreError::of_kind(ErrorKind::Corrupt, "reading what is in an order"))?;
    Ok(Some(Order { customer: row.member_external_id, content, paid_at, void: row.void }))
}

/// A shop's tiers by handle.
pub(super) async fn tiers(
    db: &mut Connection,
    tenant: TenantId,
) -> Result<BTreeMap<Handle, Tier>, StoreError> {
    let rows = sqlx::query!("select id, handle, rank from tiers where tenant_id = $1", tenant as TenantId)
        .fetch_all(db)
        .await
        .doing("reading a shop's tiers")?;
    rows.into_iter()
        .map(|row| {
            let handle = row.handle.parse();
            handle
                .map(|handle| (handle, Tier { id: row.id, rank: row.rank }))
                .map_err(|_invalid| StoreError::of_kind(ErrorKind::Corrupt, "reading a shop's tiers"))
        })
        .collect()
}
