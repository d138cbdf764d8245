//! What is known of a member, for the member.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::error::{Doing, StoreError};
use crate::{Connection, TenantId};

/// All that is kept of a member: the profile, memberships, credit with each movement, orders, mails, campaigns, the bodies
/// of events that are still there, and in which runs agents looked at it. Amounts are minor units with their currency.
///
/// # Errors
/// As any statement.
pub async fn data_of(db: &mut Connection, tenant: TenantId, member: Uuid) -> Result<Value, StoreError> {
    let row = sqlx::query_file!("src/privacy/data_of.sql", tenant as TenantId, member)
        .fetch_one(db)
        .await
        .doing("reading what is known of a member")?;
    Ok(
        json!({ "profile": row.profile, "memberships": row.memberships, "purchases": row.purchases, "credits": row.credits,
        "movements": row.movements, "orders": row.orders, "mails": row.mails, "campaigns": row.campaigns,
        "events": row.events, "agents": row.agents }),
    )
}
