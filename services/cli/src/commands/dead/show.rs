//! `tradeup dead show`.

use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use serde_json::{Value, json};
use tradeup_proto::{JobKind, Message as _, json as payload_json, v1};
use tradeup_store::Tx;
use tradeup_store::dead_letters::{self, DeadFilter, DeadLetter, DeadOrder};
use tradeup_store::runs::{self, AttemptView};
use uuid::Uuid;

use super::{effect, list};
use crate::Context;
use crate::output::{instant, instant_or_dash, table};

/// Show a dead letter with its whole story.
#[derive(Args)]
pub(crate) struct Show {
    /// The dead letter's id, from the list.
    #[arg(value_name = "ID")]
    id: Uuid,
}

impl Show {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let mut tx = Tx::of_engine(&pool).await?;
        let filter = DeadFilter { ids: Some(vec![self.id]), resolved: true, ..DeadFilter::default() };
        let Some(letter) = dead_letters::select(&mut tx, &filter, DeadOrder::OldestFirst, 1).await?.pop()
        else {
            bail!("there is no dead letter {}", self.id);
        };
        let attempts = match letter.run_id {
            Some(run_id) => runs::attempts(&mut tx, run_id).await?,
            None => Vec::new(),
        };
        tx.rollback().await?;
        let payload = payload(&letter);
        let effect = effect::of(&pool, &letter).await?;
        let mut value = list::value(&letter);
        value["payload"] = payload.clone().unwrap_or(Value::Null);
        value["headers"] = json!(letter.headers.as_ref().map(|headers| &headers.0));
        value["message"] = json!(letter.message.escape_ascii().to_string());
        value["attempts"] = attempts.iter().map(attempt_value).collect();
        value["replay"] = effect.value();
        context.output().show(&value, || {
            let mut shown = format!(
                "dead letter {}  {}  {}\ndead since {}, given up by build {}, group {}\n",
                letter.id,
                letter.code,
                letter.errors.join(": "),
                instant(letter.dead_at),
                letter.build,
                letter.fingerprint,
            );
            if let Some(run_id) = letter.run_id {
                let of = letter.tenant_handle.as_deref().map(|t| format!(" of {t}")).unwrap_or_default();
                shown += &format!(
                    "run {run_id}  {} {}{of}, now {}\n",
                    letter.task.as_deref().unwrap_or("-"),
                    letter.run_key.as_deref().unwrap_or("-"),
                    letter.run_state.as_deref().unwrap_or("unknown"),
                );
            }
            if let (Some(resolution), Some(by)) = (&letter.resolution, &letter.resolved_by) {
                shown += &format!("{resolution} by {by} at {}\n", instant_or_dash(letter.resolved_at));
            }
            shown += &format!("message on {}, {} bytes\n", letter.subject, letter.message.len());
            for (name, value) in letter.headers.iter().flat_map(|headers| &headers.0) {
                shown += &format!("header {name}: {}\n", value.escape_debug());
            }
            match &payload {
                Some(payload) => shown += &format!("payload {payload}\n"),
                None => shown += &format!("as received: {}\n", letter.message.escape_ascii()),
            }
            if !attempts.is_empty() {
                let mut rows =
                    table(&["attempt", "worker", "build", "started", "ended", "outcome", "error"], &[0]);
                for a in &attempts {
                    rows.add_row([
                        a.attempt.to_string(),
                        a.worker.clone(),
                        a.build.clone(),
                        instant(a.started_at),
                        instant_or_dash(a.finished_at),
                        a.outcome.clone().unwrap_or_else(|| "-".to_owned()),
                        a.error.clone().unwrap_or_default(),
                    ]);
                }
                shown += &format!("\n{rows}\n");
            }
            format!(
                "{shown}\nA replay would: {effect}\nWhat {} means and what to do: docs/errors/{}.md",
                letter.code, letter.code
            )
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

/// The input of the letter's run, for people; from the message where there is no run.
fn payload(letter: &DeadLetter) -> Option<Value> {
    let kind = JobKind::by_task(letter.task.as_deref()?)?;
    let encoded = match &letter.run_payload {
        Some(payload) => payload.clone(),
        None => v1::Job::decode(letter.message.as_slice()).ok()?.payload,
    };
    payload_json::from_bytes(kind.input, &encoded).ok()
}

fn attempt_value(a: &AttemptView) -> Value {
    json!({ "attempt": a.attempt, "worker": a.worker, "build": a.build, "started_at": instant(a.started_at),
        "finished_at": a.finished_at.map(instant), "outcome": a.outcome, "code": a.error_code, "error": a.error })
}
