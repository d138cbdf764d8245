//! Events of shops that no tenant has: kept for a while, since a shop's events may come before its tokens.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::Connection;
use crate::error::{Doing, StoreError};

/// An event to be kept until its shop is known.
#[derive(Clone, Debug)]
pub struct NewUnclaimed<'a> {
    /// The shop's domain.
    pub shop_domain: &'a str,
    /// The subject that it came on.
    pub subject: &'a str,
    /// The publisher's id: with the domain it makes the event unique.
    pub event_id: &'a str,
    /// Names and values of its headers.
    pub headers: &'a [(String, String)],
    /// The body as received.
    pub body: &'a [u8],
    /// When it was received.
    pub stored_at: DateTime<Utc>,
}

/// An event whose shop has come to be known, or for which it has taken too long.
#[derive(Clone, Debug)]
pub struct Unclaimed {
    /// Our id of it.
    pub id: Uuid,
    /// The subject that it came on.
    pub subject: String,
    /// Names and values of its headers.
    pub headers: Vec<(String, String)>,
    /// The body as received.
    pub body: Vec<u8>,
    /// When it was received.
    pub stored_at: DateTime<Utc>,
    /// A tenant has its shop now.
    pub is_claimed: bool,
}

/// Keeps an event; one that is known already changes nothing.
///
/// # Errors
/// As any statement.
pub async fn keep_unclaimed(db: &mut Connection, new: &NewUnclaimed<'_>) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into unclaimed_events (id, shop_domain, subject, event_id, headers, body, stored_at)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (shop_domain, event_id) do nothing",
        Uuid::now_v7(),
        new.shop_domain,
        new.subject,
        new.event_id,
        serde_json::json!(new.headers),
        new.body,
        new.stored_at,
    )
    .execute(db)
    .await
    .doing("keeping an event whose shop is not known yet")
    .map(drop)
}

/// The next event whose shop is known by now, or that has waited for longer than `minutes`; it stays locked until
/// the transaction ends.
///
/// # Errors
/// As any statement.
pub async fn next_unclaimed(db: &mut Connection, minutes: i32) -> Result<Option<Unclaimed>, StoreError> {
    let row = sqlx::query_file!("src/events/next_unclaimed.sql", minutes)
        .fetch_optional(db)
        .await
        .doing("looking for events whose shop is known by now")?;
    Ok(row.map(|row| Unclaimed {
        id: row.id,
        subject: row.subject,
        headers: serde_json::from_value(row.headers).unwrap_or_default(),
        body: row.body,
        stored_at: row.stored_at,
        is_claimed: row.is_claimed,
    }))
}

/// Removes an event that was taken or set aside.
///
/// # Errors
/// As any statement.
pub async fn remove_unclaimed(db: &mut Connection, id: Uuid) -> Result<(), StoreError> {
    sqlx::query!("delete from unclaimed_events where id = $1", id)
        .execute(db)
        .await
        .doing("removing an event whose shop is known by now")
        .map(drop)
}
