//! What is kept of an event beside its body.

use uuid::Uuid;

use crate::error::{Doing, StoreError};
use crate::{Connection, TenantId};

/// What a list of events does not show.
#[derive(Clone, Debug)]
pub struct EventDetail {
    /// Which customer it is about, by the publisher's id.
    pub customer: Option<String>,
    /// The publisher's id of the act that led to it.
    pub action_id: Option<String>,
    /// How long its body is; `None` if it was erased.
    pub body_bytes: Option<i32>,
    /// SHA-256 of the body as it was received, in hexadecimal: it stays when the body goes.
    pub body_sha256: Option<String>,
}

/// More of one of the tenant's events, without its body.
///
/// # Errors
/// As any statement.
pub async fn detail(
    db: &mut Connection,
    tenant: TenantId,
    id: Uuid,
) -> Result<Option<EventDetail>, StoreError> {
    sqlx::query_as!(
        EventDetail,
        r#"select customer, action_id, octet_length(body) as "body_bytes?",
               encode(body_sha256, 'hex') as "body_sha256?"
           from events where tenant_id = $1 and id = $2"#,
        tenant as TenantId,
        id
    )
    .fetch_optional(db)
    .await
    .doing("reading what is kept of an event")
}
