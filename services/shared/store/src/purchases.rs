//! Memberships that are bought as a product: what an order has bought of them, when it runs, and what follows from it
//! for the tier of its member (loyalty reference §1.8, R17).
//!
//! As with all about orders, facts come first: what an order has bought is reckoned anew from all that is known of it,
//! by the rule that was in force when it was paid; the difference to what was written down is what happens.

mod order;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde_json::{Value, json};
use tradeup_domain::rules::{EnrolmentRule, Purchase, RuleKind, RuleRef, running};
use tradeup_domain::{Currency, Money};
use uuid::Uuid;

use crate::credits::{Adjusted, Adjustment, Asked, adjust};
use crate::error::{Doing, ErrorKind, StoreError};
use crate::members::{self, Customer};
use crate::tenants::Settings;
use crate::tier_moves::{self, Bought as Placed};
use crate::{Connection, TenantId, accounts, rules, tenants};
use order::{Order, load, tiers};

/// What came of the memberships of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Memberships {
    /// Nothing of it is a membership, or all of it is as it was.
    Same,
    /// It is a guest's, or of somebody who is to be forgotten: nobody has bought it.
    Nobody,
    /// What was bought, or given back, is written down.
    Changed {
        /// The member has become one by it.
        enrolled: bool,
        /// What became of the tier.
        placed: Placed,
        /// What was left of the current month's credit of a tier that was given back, in minor units.
        taken_minor: i64,
    },
}

impl Memberships {
    /// What the order's run shows of it; `None` for nothing.
    #[must_use]
    pub fn shown(&self) -> Option<Value> {
        let (enrolled, placed, taken_minor) = match self {
            Self::Same => return None,
            Self::Nobody => return Some(json!({ "outcome": "nobody" })),
            Self::Changed { enrolled, placed, taken_minor } => (enrolled, placed, taken_minor),
        };
        let (outcome, tier_id) = match placed {
            Placed::Same => ("noted", None),
            Placed::Began(tier) => ("began", Some(*tier)),
            Placed::Extended(tier) => ("extended", Some(*tier)),
            Placed::Ended(tier) => ("ended", *tier),
        };
        Some(
            json!({ "outcome": outcome, "tier_id": tier_id, "enrolled": enrolled, "taken_minor": taken_minor }),
        )
    }
}

/// A purchase as it is shown.
#[derive(Clone, Debug)]
pub struct PurchaseLine {
    /// The order.
    pub order: String,
    /// Handle of the tier.
    pub tier: String,
    /// How many pieces, less what was refunded.
    pub pieces: i64,
    /// For how many months, all pieces together.
    pub months: i32,
    /// When it was paid.
    pub bought_at: DateTime<Utc>,
    /// From when it runs; `None` if all of it was refunded.
    pub from_at: Option<DateTime<Utc>>,
    /// When it ends.
    pub until_at: Option<DateTime<Utc>>,
}

/// What a member has bought, oldest first.
///
/// # Errors
/// As any statement.
pub async fn of_member(
    db: &mut Connection,
    tenant: TenantId,
    member: Uuid,
) -> Result<Vec<PurchaseLine>, StoreError> {
    sqlx::query_as!(
        PurchaseLine,
        r#"select p.order_external_id as "order", t.handle as tier, p.pieces, p.months, p.bought_at, p.from_at,
               p.until_at
           from membership_purchases p join tiers t on t.tenant_id = p.tenant_id and t.id = p.tier_id
           where p.tenant_id = $1 and p.member_id = $2 order by p.bought_at, p.order_external_id, t.rank"#,
        tenant as TenantId,
        member,
    )
    .fetch_all(db)
    .await
    .doing("listing what a member has bought")
}

/// Writes down what a locked order has bought of memberships by all that is known of it, and lets its member's tier
/// follow. Who is no member becomes one: that is what was paid for.
///
/// # Errors
/// [`ErrorKind::Settings`] if the rule names a tier that the shop does not have; else as any statement.
pub async fn settle(
    db: &mut Connection,
    asked: &Asked<'_>,
    settings: &Settings,
    external_id: &str,
) -> Result<Memberships, StoreError> {
    let tenant = asked.tenant;
    let Some(order) = load(db, tenant, external_id).await? else { return Ok(Memberships::Same) };
    let (rule, version) = rules::enrolment_in_force(db, tenant, order.paid_at).await?;
    let Some(version) = version.filter(|_| !rule.memberships.is_empty()) else {
        return Ok(Memberships::Same);
    };
    let tiers = tiers(db, tenant).await?;
    let bought = order.bought(db, tenant, external_id, &rule, &tiers).await?;
    let mut wanted: BTreeMap<i32, (i64, i32)> = BTreeMap::new();
    for bought in &bought {
        let tier = tiers.get(&bought.tier);
        let tier =
            tier.ok_or_else(|| StoreError::of_kind(ErrorKind::Settings, "looking for a bought tier"))?;
        wanted.insert(tier.id, (bought.quantity, bought.months.into()));
    }
    let written = written(db, tenant, external_id).await?;
    let held = written.iter().filter(|(_, row)| row.what.1 > 0).map(|(tier, row)| (*tier, row.what));
    if held.collect::<BTreeMap<_, _>>() == wanted {
        return Ok(Memberships::Same);
    }
    let before = written.values().next().map(|row| row.member_id);
    let rule_ref = RuleRef { kind: RuleKind::Enrolment, version }.to_string();
    let Some((member, enrolled)) = owner(db, asked, settings, &order, &rule, &rule_ref, before).await? else {
        return Ok(Memberships::Nobody);
    };
    // Accounts before members, as all who take both.
    accounts::open(db, tenant, member, settings.currency.code()).await?;
    let mut lost = Vec::new();
    let concerned: BTreeSet<i32> = written.keys().chain(wanted.keys()).copied().collect();
    for tier in concerned {
        let (pieces, months) = wanted.get(&tier).copied().unwrap_or((0, 0));
        if months == 0 && written.get(&tier).is_some_and(|row| row.what.1 > 0) {
            lost.push(tier);
        }
        write(db, tenant, external_id, tier, member, version, &order, (pieces, months)).await?;
    }
    arrange(db, tenant, member, settings.zone).await?;
    let placed = tier_moves::settle_bought(db, tenant, member).await?;
    let mut taken_minor = 0;
    if !lost.is_empty() && matches!(placed, Placed::Ended(_) | Placed::Began(_)) {
        taken_minor = take_back(db, asked, settings, external_id, member, &lost).await?;
    }
    Ok(Memberships::Changed { enrolled, placed, taken_minor })
}

/// Reckons anew when each of a member's purchases runs.
///
/// # Errors
/// As any statement.
pub async fn arrange(
    db: &mut Connection,
    tenant: TenantId,
    member: Uuid,
    zone: Tz,
) -> Result<(), StoreError> {
    let rows = sqlx::query!(
        "select p.order_external_id, p.tier_id, t.rank, p.bought_at, p.months
         from membership_purchases p join tiers t on t.tenant_id = p.tenant_id and t.id = p.tier_id
         where p.tenant_id = $1 and p.member_id = $2
         order by p.order_external_id, p.tier_id for update of p",
        tenant as TenantId,
        member,
    )
    .fetch_all(&mut *db)
    .await
    .doing("reading what a member has bought")?;
    let purchases: Vec<Purchase<'_>> = rows
        .iter()
        .map(|row| Purchase {
            order: &row.order_external_id,
            tier_id: row.tier_id,
            rank: row.rank,
            bought_at: row.bought_at,
            months: u16::try_from(row.months).unwrap_or(0),
        })
        .collect();
    let runs = running(&purchases, zone);
    let each = |of: fn(&tradeup_domain::rules::Running) -> DateTime<Utc>| -> Vec<Option<DateTime<Utc>>> {
        runs.iter().map(|run| run.as_ref().map(of)).collect()
    };
    sqlx::query!(
        "update membership_purchases p
         set from_at = r.from_at, until_at = r.until_at, unbroken_until_at = r.unbroken_until_at,
             changed_at = clock_timestamp()
         from unnest($2::text[], $3::integer[], $4::timestamptz[], $5::timestamptz[], $6::timestamptz[])
             as r (order_external_id, tier_id, from_at, until_at, unbroken_until_at)
         where p.tenant_id = $1 and p.order_external_id = r.order_external_id and p.tier_id = r.tier_id
             and (p.from_at, p.until_at, p.unbroken_until_at)
                 is distinct from (r.from_at, r.until_at, r.unbroken_until_at)",
        tenant as TenantId,
        &rows.iter().map(|row| row.order_external_id.clone()).collect::<Vec<_>>(),
        &rows.iter().map(|row| row.tier_id).collect::<Vec<_>>(),
        &each(|run| run.from) as &[Option<DateTime<Utc>>],
        &each(|run| run.until) as &[Option<DateTime<Utc>>],
        &each(|run| run.unbroken_until) as &[Option<DateTime<Utc>>],
    )
    .execute(db)
    .await
    .doing("arranging what a member has bought")
    .map(drop)
}

/// What a member has bought who becomes a part of another goes on with that one, whose tier follows.
///
/// # Errors
/// As any statement.
pub(crate) async fn carry(
    db: &mut Connection,
    tenant: TenantId,
    old: Uuid,
    kept: Uuid,
) -> Result<(), StoreError> {
    let moved = sqlx::query!(
        "update membership_purchases set member_id = $3, changed_at = clock_timestamp()
         where tenant_id = $1 and member_id = $2",
        tenant as TenantId,
        old,
        kept,
    )
    .execute(&mut *db)
    .await
    .doing("moving what a member has bought")?;
    if moved.rows_affected() == 0 {
        return Ok(());
    }
    let zone = tenants::zone(db, tenant).await?;
    arrange(db, tenant, kept, zone).await?;
    tier_moves::settle_bought(db, tenant, kept).await.map(drop)
}

/// What is written down of an order.
struct Written {
    member_id: Uuid,
    /// Pieces and months.
    what: (i64, i32),
}

async fn written(
    db: &mut Connection,
    tenant: TenantId,
    external_id: &str,
) -> Result<BTreeMap<i32, Written>, StoreError> {
    let rows = sqlx::query!(
        "select tier_id, member_id, pieces, months from membership_purchases
         where tenant_id = $1 and order_external_id = $2",
        tenant as TenantId,
        external_id,
    )
    .fetch_all(db)
    .await
    .doing("reading what an order has bought")?;
    let row = |row: (i32, Uuid, i64, i32)| (row.0, Written { member_id: row.1, what: (row.2, row.3) });
    Ok(rows.into_iter().map(|r| row((r.tier_id, r.member_id, r.pieces, r.months))).collect())
}

/// Whose it is, and whether that is a member only now. `None` for nobody.
async fn owner(
    db: &mut Connection,
    asked: &Asked<'_>,
    settings: &Settings,
    order: &Order,
    rule: &EnrolmentRule,
    rule_ref: &str,
    before: Option<Uuid>,
) -> Result<Option<(Uuid, bool)>, StoreError> {
    if before.is_some() {
        return Ok(before.map(|member| (member, false)));
    }
    let Some(customer) = &order.customer else { return Ok(None) };
    let find = sqlx::query!(
        r#"select coalesce(merged_into, id) as "id!", redacted_at is not null as "is_redacted!" from members
           where tenant_id = $1 and external_id = $2"#,
        asked.tenant as TenantId,
        customer,
    );
    if let Some(found) = find.fetch_optional(&mut *db).await.doing("looking up a member")? {
        return Ok((!found.is_redacted).then_some((found.id, false)));
    }
    let customer = Customer { external_id: customer.clone(), ..Customer::default() };
    let Some(member) = members::enrol(db, asked.tenant, &customer, rule_ref).await? else {
        // Somebody else has done so just now.
        return Err(StoreError::of_kind(ErrorKind::Conflict, "enrolling who has bought a membership"));
    };
    if let Some(welcome) = &rule.welcome {
        members::welcome(db, asked, settings, member, welcome, order.paid_at, Some(rule_ref)).await?;
    }
    Ok(Some((member, true)))
}

#[expect(clippy::too_many_arguments, reason = "a row's columns")]
async fn write(
    db: &mut Connection,
    tenant: TenantId,
    external_id: &str,
    tier_id: i32,
    member: Uuid,
    version: i32,
    order: &Order,
    (pieces, months): (i64, i32),
) -> Result<(), StoreError> {
    // When it runs is arranged with the member's others.
    sqlx::query_file!(
        "src/purchases/write.sql",
        tenant as TenantId,
        external_id,
        tier_id,
        member,
        version,
        order.paid_at,
        pieces,
        months,
    )
    .execute(db)
    .await
    .doing("recording a bought membership")
    .map(drop)
}

/// Takes back what is left of the current month's credit that a tier had given which was given back. What was used of
/// it is written off (R17).
async fn take_back(
    db: &mut Connection,
    asked: &Asked<'_>,
    settings: &Settings,
    external_id: &str,
    member: Uuid,
    lost: &[i32],
) -> Result<i64, StoreError> {
    let currency: Currency = settings.currency;
    let rows = sqlx::query_file!(
        "src/purchases/month_of_lost_tier.sql",
        asked.tenant as TenantId,
        member,
        lost,
        currency.code(),
    )
    .fetch_all(&mut *db)
    .await
    .doing("looking for a month's credit")?;
    let mut taken_minor = 0;
    for row in rows {
        let key = format!("membership-refund:{external_id}:{}", row.period);
        let asked = Asked { key: &key, reason: Some("membership refunded"), ..*asked };
        let amount = Money { amount_minor: row.free_minor, currency };
        let take = Adjustment::Take { lot_id: Some(row.lot_id) };
        match adjust(db, &asked, settings, member, amount, take).await? {
            Adjusted::Done { is_new: true } => taken_minor += row.free_minor,
            Adjusted::Done { is_new: false } => {}
            Adjusted::Insufficient(_) | Adjusted::Ended | Adjusted::OtherOperation => {
                return Err(StoreError::of_kind(ErrorKind::Conflict, "taking back a month's credit"));
            }
        }
    }
    Ok(taken_minor)
}
