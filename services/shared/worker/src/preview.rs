//! What a run would come to: its work is done, looked at, and not kept.

use serde_json::{Value, json};
use tradeup_domain::{Class, Classify as _, ErrorCode};
use tradeup_store::runs::Ending;
use tradeup_store::{Pool, Tx};

use crate::execute::Attempted;
use crate::{Applied, TaskError};

/// The end of an attempt of which nothing is to be kept: what it would have come to is its result. What may pass is
/// tried again, as always.
pub(crate) async fn shown(pool: &Pool, attempted: Attempted) -> Attempted {
    let mut result = match attempted {
        Attempted::Applied(applied) => match undone(applied).await {
            Ok(result) => result,
            Err(error) => return Attempted::Failed(error),
        },
        Attempted::Failed(error) if error.class() == Class::Permanent => {
            json!({ "outcome": "would_fail", "code": error.code().as_str(), "error": error.to_string() })
        }
        other => return other,
    };
    result["preview"] = true.into();
    match Tx::of_engine(pool).await {
        Ok(tx) => Attempted::Applied(Applied::done(tx).with_result(result)),
        Err(error) => Attempted::Failed(error.into()),
    }
}

/// The attempt of a task that has effects outside of its transaction: it is not begun.
pub(crate) fn impossible() -> Attempted {
    Attempted::Failed(TaskError::permanent(
        ErrorCode::InvalidInput,
        "the task has effects outside of the database: what it would come to can't be shown",
    ))
}

/// Rolls back what was done. What was to be published is not.
async fn undone(applied: Applied) -> Result<Value, TaskError> {
    let Applied { tx, ending, batch: _, cut: _, messages: _ } = applied;
    tx.rollback().await?;
    let result = match ending {
        Ending::Succeeded { result } => result,
        Ending::Waiting => Some(json!({ "outcome": "would_go_on_in_others" })),
        Ending::Snoozed { .. } => Some(json!({ "outcome": "would_wait" })),
        Ending::Retrying { .. } | Ending::Dead { .. } => None,
    };
    Ok(result.filter(Value::is_object).unwrap_or_else(|| json!({})))
}
