//! What a replay of a dead letter would do, said before it is done.

use std::fmt;

use serde_json::{Value, json};
use tradeup_domain::Period;
use tradeup_domain::amount_text as money;
use tradeup_proto::job_kind::MONTHLY_CREDITS_BATCH;
use tradeup_proto::{Message as _, convert, v1};
use tradeup_store::credits::{self, MonthlyPreview};
use tradeup_store::dead_letters::DeadLetter;
use tradeup_store::runs::BatchRange;
use tradeup_store::{Pool, Tx};

use crate::output::count;

/// What a replay would do.
pub(crate) enum Effect {
    /// Try the run again; for credits it is known what that brings.
    TryAgain(Option<MonthlyPreview>),
    /// Nothing: the run is in this state now.
    Settled(String),
    /// Send a message again that no run stands behind.
    SendAgain,
}

/// Works it out. Reads only.
pub(crate) async fn of(pool: &Pool, letter: &DeadLetter) -> anyhow::Result<Effect> {
    Ok(match (letter.run_id, letter.run_state.as_deref()) {
        (Some(_), Some("dead")) => Effect::TryAgain(preview(pool, letter).await?),
        (Some(_), Some(state)) => Effect::Settled(state.to_owned()),
        _ => Effect::SendAgain,
    })
}

async fn preview(pool: &Pool, letter: &DeadLetter) -> anyhow::Result<Option<MonthlyPreview>> {
    let is_batch = letter.task.as_deref() == Some(MONTHLY_CREDITS_BATCH.task);
    let (true, Some(tenant), Some(first), Some(last), Some(payload)) =
        (is_batch, letter.tenant_id, letter.batch_first, letter.batch_last, &letter.run_payload)
    else {
        return Ok(None);
    };
    // Input that can't be read is what the letter died of.
    let Ok(input) = v1::MonthlyCreditsBatch::decode(payload.as_slice()) else { return Ok(None) };
    let (Ok(period), Ok(as_of)) =
        (input.period.parse::<Period>(), convert::instant("as_of", input.as_of.as_ref()))
    else {
        return Ok(None);
    };
    let range = BatchRange { first, last, members: letter.batch_members.unwrap_or(0) };
    let mut tx = Tx::snapshot_of_tenant(pool, tenant).await?;
    let preview = credits::preview_monthly(&mut tx, tenant, range, period, as_of).await?;
    tx.rollback().await?;
    Ok(Some(preview))
}

impl Effect {
    pub(crate) fn acts(&self) -> bool {
        !matches!(self, Self::Settled(_))
    }

    pub(crate) fn value(&self) -> Value {
        match self {
            Self::TryAgain(None) => json!({ "action": "try_again" }),
            Self::TryAgain(Some(p)) => json!({ "action": "try_again", "members": p.members,
                "already_granted": p.already_granted, "to_grant": p.to_grant, "to_grant_minor": p.to_grant_minor,
                "currency": p.currency, "without_amount": p.without_amount }),
            Self::Settled(state) => json!({ "action": "nothing", "run_state": state }),
            Self::SendAgain => json!({ "action": "send_again" }),
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TryAgain(None) => write!(f, "try the run again"),
            Self::TryAgain(Some(p)) => {
                let members = |n: i32| count(u64::try_from(n).unwrap_or(0), "member", "members");
                write!(f, "credit {} with {}", members(p.to_grant), money(p.to_grant_minor, &p.currency))?;
                write!(f, "; {} of {} had it already", p.already_granted, p.members)?;
                if p.without_amount > 0 {
                    write!(f, "; {} still without an amount", members(p.without_amount))?;
                }
                Ok(())
            }
            Self::Settled(state) => write!(f, "do nothing, the run is {state}"),
            Self::SendAgain => write!(f, "send the message again as it was received"),
        }
    }
}
