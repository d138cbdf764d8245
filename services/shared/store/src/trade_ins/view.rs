//! Trade-ins as they are shown.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::error::{Doing, StoreError};
use crate::{Connection, TenantId};

/// A trade-in as it is shown.
#[derive(Clone, Debug)]
pub struct TradeInView {
    /// Its id.
    pub id: Uuid,
    /// The system that it was submitted by.
    pub source: String,
    /// That system's id of it.
    pub submission_id: String,
    /// The customer.
    pub member_external_id: String,
    /// Where it is.
    pub state: String,
    /// `credit` or `cash`.
    pub payout: String,
    /// Currency of its amounts.
    pub currency: String,
    /// The version of the rule.
    pub rule_version: i32,
    /// Item, category, condition, pieces and market price of each line.
    pub lines: Value,
    /// The offer, in minor units.
    pub cash_minor: i64,
    /// On top for those who take credit.
    pub bonus_minor: i64,
    /// The offer was set by hand.
    pub by_hand: bool,
    /// Until when it stands.
    pub valid_until: DateTime<Utc>,
    /// When it was submitted.
    pub submitted_at: DateTime<Utc>,
    /// When it was moved last.
    pub moved_at: DateTime<Utc>,
}

/// A move as it is shown.
#[derive(Clone, Debug)]
pub struct MoveView {
    /// What was done.
    pub wanted: String,
    /// Where it was before.
    pub from_state: Option<String>,
    /// Where it was then.
    pub to_state: String,
    /// The offer then, in minor units.
    pub cash_minor: i64,
    /// On top for those who take credit.
    pub bonus_minor: i64,
    /// Who.
    pub actor: String,
    /// Why.
    pub reason: Option<String>,
    /// When.
    pub moved_at: DateTime<Utc>,
}

impl TradeInView {
    /// What is shown of it, for programs.
    #[must_use]
    pub fn shown(&self, moves: &[MoveView]) -> Value {
        let step = |step: &MoveView| {
            json!({ "move": step.wanted, "from": step.from_state, "to": step.to_state, "cash_minor": step.cash_minor,
                "bonus_minor": step.bonus_minor, "by": step.actor, "reason": step.reason,
                "at": step.moved_at.to_rfc3339() })
        };
        json!({ "trade_in_id": self.id.to_string(), "submission_id": self.submission_id, "source": self.source,
            "member_external_id": self.member_external_id, "state": self.state, "payout": self.payout,
            "currency": self.currency, "rule": format!("trade-in@{}", self.rule_version), "lines": self.lines,
            "cash_minor": self.cash_minor, "bonus_minor": self.bonus_minor, "by_hand": self.by_hand,
            "valid_until": self.valid_until.to_rfc3339(), "submitted_at": self.submitted_at.to_rfc3339(),
            "moved_at": self.moved_at.to_rfc3339(), "moves": moves.iter().map(step).collect::<Vec<_>>() })
    }
}

/// A tenant's trade-ins, those that were moved last first.
///
/// # Errors
/// As any statement.
pub async fn list(
    db: &mut Connection,
    tenant: TenantId,
    state: Option<&str>,
    limit: i64,
) -> Result<Vec<TradeInView>, StoreError> {
    sqlx::query_as!(
        TradeInView,
        "select id, source, submission_id, member_external_id, state, payout, currency, rule_version, lines, cash_minor,
             bonus_minor, by_hand, valid_until, submitted_at, moved_at
         from trade_ins where tenant_id = $1 and ($2::text is null or state = $2)
         order by moved_at desc, id limit $3",
        tenant as TenantId,
        state,
        limit,
    )
    .fetch_all(db)
    .await
    .doing("listing trade-ins")
}

/// One trade-in, by the id that its source gave it, with its moves in order.
///
/// # Errors
/// As any statement.
pub async fn get(
    db: &mut Connection,
    tenant: TenantId,
    source: Option<&str>,
    submission: &str,
) -> Result<Option<(TradeInView, Vec<MoveView>)>, StoreError> {
    let found = sqlx::query_as!(
        TradeInView,
        "select id, source, submission_id, member_external_id, state, payout, currency, rule_version, lines, cash_minor,
             bonus_minor, by_hand, valid_until, submitted_at, moved_at
         from trade_ins where tenant_id = $1 and submission_id = $2 and ($3::text is null or source = $3)
         order by submitted_at desc limit 1",
        tenant as TenantId,
        submission,
        source,
    )
    .fetch_optional(&mut *db)
    .await
    .doing("reading a trade-in")?;
    let Some(found) = found else { return Ok(None) };
    let moves = sqlx::query_as!(
        MoveView,
        "select move as wanted, from_state, to_state, cash_minor, bonus_minor, actor, reason, moved_at
         from trade_in_moves where tenant_id = $1 and trade_in_id = $2 order by seq",
        tenant as TenantId,
        found.id,
    )
    .fetch_all(db)
    .await
    .doing("reading a trade-in's moves")?;
    Ok(Some((found, moves)))
}
