//! Where a customer's tags place a member: as an import of one row would.

use tradeup_domain::tier_rules::Source;
use uuid::Uuid;

use super::bought::place_bought;
use super::place::{Next, replace};
use super::{lock, standings};
use crate::error::{Doing, StoreError};
use crate::{Connection, TenantId, schedules};

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tagged {
    /// The member's tier is another one from now on, or none.
    Moved,
    /// What the tags say is less than what the member has, and is noted under it.
    Noted,
    /// Nothing changes: it is so already, or a person has decided otherwise.
    Same,
}

/// Places a member where its tags say, from now on: what an import decided before ends, what spend has raised stays if
/// it is higher, what a person decided stays.
///
/// # Errors
/// As any statement.
pub async fn place_by_tags(
    db: &mut Connection,
    tenant: TenantId,
    member: Uuid,
    tier: Option<i32>,
) -> Result<Tagged, StoreError> {
    lock(db, tenant, &[member]).await?;
    let now = schedules::now(db).await?;
    let Some(standing) = standings(db, tenant, &[member], now).await?.pop() else { return Ok(Tagged::Same) };
    if standing.left_alone {
        return Ok(Tagged::Same);
    }
    let terms = sqlx::query!(
        r#"select t.tier_reviews_imports, (select rank from tiers where tenant_id = $1 and id = $2) as "rank?"
           from tenants t where t.id = $1"#,
        tenant as TenantId,
        tier,
    )
    .fetch_one(&mut *db)
    .await
    .doing("reading what tags decide")?;
    if let Some(held) = &standing.held {
        let higher = terms.rank.is_some_and(|rank| rank < held.place.rank);
        let moves = match held.place.source {
            Source::Manual => return Ok(Tagged::Same),
            Source::Import => Some(held.place.tier_id) != tier,
            Source::Spend => held.active && !terms.tier_reviews_imports && higher,
            Source::Purchase => held.active && higher,
        };
        if !moves {
            if held.place.source == Source::Import || terms.tier_reviews_imports {
                return Ok(Tagged::Same);
            }
            let noted = sqlx::query!(
                "update memberships set under_tier_id = $3, under_source = case when $3::integer is not null then 'import' end
                 where tenant_id = $1 and member_id = $2 and valid_to is null and source in ('spend', 'purchase')
                     and coalesce(under_source, 'import') = 'import' and under_tier_id is distinct from $3",
                tenant as TenantId,
                member,
                tier,
            )
            .execute(db)
            .await
            .doing("noting what is under a membership")?;
            return Ok(if noted.rows_affected() == 1 { Tagged::Noted } else { Tagged::Same });
        }
    } else if tier.is_none() {
        return Ok(Tagged::Same);
    }
    let next = tier.map(|tier_id| Next::of(tier_id, Source::Import));
    replace(db, tenant, member, next, standing.changes_at(now)).await?;
    // What was bought and runs is no matter of tags.
    if standing.bought.is_some()
        && let Some(standing) = standings(db, tenant, &[member], now).await?.pop()
    {
        place_bought(db, tenant, &standing, now).await?;
    }
    Ok(Tagged::Moved)
}
