//! `tradeup dead replay` and `tradeup dead discard`.

use std::process::ExitCode;

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use serde_json::{Value, json};
use tradeup_proto::{JobKind, json as payload_json};
use tradeup_store::audit::Actor;
use tradeup_store::dead_letters::{self, DeadLetter, DeadOrder};
use tradeup_store::{Pool, Tx};
use uuid::Uuid;

use super::{Which, effect, list};
use crate::Context;
use crate::commands::text_of;
use crate::commands::who::Who;
use crate::output::{count, table};

/// Most dead letters that one command acts on.
const LETTERS_MAX: i64 = 10_000;

/// Try again.
#[derive(Args)]
pub(crate) struct Replay {
    /// Ids of dead letters.
    #[arg(value_name = "ID")]
    ids: Vec<Uuid>,
    #[command(flatten)]
    which: Which,
    /// Say what would take effect and what is done already, and do nothing.
    #[arg(long)]
    dry_run: bool,
    /// A file with the run's input as JSON, as `tradeup dead show` prints it, to take the place of the
    /// old one; - reads standard input. For the letters of one task.
    #[arg(long, value_name = "FILE")]
    payload: Option<String>,
    /// Runs a second, so that what failed together does not come back together.
    #[arg(long, default_value_t = 50.0, value_parser = rate)]
    rate: f64,
    #[command(flatten)]
    who: Who,
}

/// Set dead letters aside for good.
#[derive(Args)]
pub(crate) struct Discard {
    /// Ids of dead letters.
    #[arg(value_name = "ID")]
    ids: Vec<Uuid>,
    #[command(flatten)]
    which: Which,
    /// Say which would be discarded, and do nothing.
    #[arg(long)]
    dry_run: bool,
    /// Why, for the record.
    #[arg(long)]
    reason: String,
    /// Who, for the record.
    #[arg(long, env = "USER", default_value = "tradeup")]
    by: String,
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if (0.01..=10_000.0).contains(&rate) => Ok(rate),
        _ => Err("write runs a second, from 0.01 to 10000".to_owned()),
    }
}

async fn select(tx: &mut Tx, pool: &Pool, which: Which, ids: Vec<Uuid>) -> anyhow::Result<Vec<DeadLetter>> {
    let wanted = ids.clone();
    let filter = which.filter_to_act(pool, ids).await?;
    let letters = dead_letters::select(tx, &filter, DeadOrder::OldestFirst, LETTERS_MAX).await?;
    if let Some(missing) = wanted.iter().find(|id| letters.iter().all(|letter| letter.id != **id)) {
        bail!("there is no dead letter {missing} of that kind");
    }
    Ok(letters)
}

fn more(letters: &[DeadLetter]) -> &'static str {
    let is_full = i64::try_from(letters.len()) == Ok(LETTERS_MAX);
    if is_full { "\nThere may be more: repeat the command." } else { "" }
}

impl Replay {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let mut tx = Tx::of_engine(&pool).await?;
        let letters = select(&mut tx, &pool, self.which, self.ids).await?;
        let payload = self.payload.as_deref().map(|file| read_payload(file, &letters)).transpose()?;
        if self.dry_run {
            tx.rollback().await?;
            return preview(context, &pool, &letters).await;
        }
        let how = dead_letters::Replay { payload, runs_per_second: self.rate };
        let actor = self.who.actor();
        let replayed = dead_letters::replay(&mut tx, &letters, &how, &actor).await?;
        tx.commit().await?;
        let value = json!({ "dead_letters": letters.len(), "runs": replayed.runs, "messages": replayed.messages,
            "settled": replayed.settled });
        context.output().show(&value, || {
            let n = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
            let mut said = format!("Trying {} again", count(n(replayed.runs), "run", "runs"));
            if replayed.messages > 0 {
                said += &format!(", sending {} again", count(n(replayed.messages), "message", "messages"));
            }
            if replayed.settled > 0 {
                said += &format!("; {} needed nothing", count(n(replayed.settled), "letter", "letters"));
            }
            format!("{said}.{}", more(&letters))
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

/// One input for all: they have to be of one task.
fn read_payload(file: &str, letters: &[DeadLetter]) -> anyhow::Result<Vec<u8>> {
    let task =
        letters.first().and_then(|letter| letter.task.clone()).context("there is no run to give it to")?;
    ensure!(
        letters.iter().all(|l| l.run_id.is_some() && l.task.as_ref() == Some(&task)),
        "--payload is for runs of one task; narrow with --task"
    );
    let kind = JobKind::by_task(&task).with_context(|| format!("this build does not know task {task}"))?;
    payload_json::to_bytes(kind.input, &text_of(file)?).context("--payload")
}

async fn preview(context: &Context, pool: &Pool, letters: &[DeadLetter]) -> anyhow::Result<ExitCode> {
    let mut effects = Vec::with_capacity(letters.len());
    for letter in letters {
        effects.push(effect::of(pool, letter).await?);
    }
    let values: Vec<Value> = letters
        .iter()
        .zip(&effects)
        .map(|(letter, effect)| {
            let mut value = list::value(letter);
            value["replay"] = effect.value();
            value
        })
        .collect();
    context.output().show(&json!(values), || {
        let mut shown = table(&["dead letter", "task", "tenant", "key", "a replay would"], &[]);
        for (letter, effect) in letters.iter().zip(&effects) {
            shown.add_row([
                letter.id.to_string(),
                letter.task.clone().unwrap_or_else(|| "-".to_owned()),
                letter.tenant_handle.clone().unwrap_or_else(|| "-".to_owned()),
                letter.run_key.clone().unwrap_or_else(|| "-".to_owned()),
                effect.to_string(),
            ]);
        }
        let acting = effects.iter().filter(|effect| effect.acts()).count();
        format!("{shown}\n{acting} of {} would be tried. Nothing was done.{}", letters.len(), more(letters))
    })?;
    Ok(ExitCode::SUCCESS)
}

impl Discard {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        ensure!(!self.reason.trim().is_empty(), "--reason: say why, for whoever asks later");
        let pool = context.pool().await?;
        let mut tx = Tx::of_engine(&pool).await?;
        let letters = select(&mut tx, &pool, self.which, self.ids).await?;
        let discarded = if self.dry_run {
            tx.rollback().await?;
            u64::try_from(letters.len())?
        } else {
            let actor = Actor { name: self.by, reason: Some(self.reason) };
            let discarded = dead_letters::discard(&mut tx, &letters, &actor).await?;
            tx.commit().await?;
            discarded
        };
        let value = json!({ "discarded": discarded, "dry_run": self.dry_run,
            "dead_letters": letters.iter().map(|l| l.id.to_string()).collect::<Vec<_>>() });
        context.output().show(&value, || {
            let what = count(discarded, "dead letter", "dead letters");
            let said = if self.dry_run {
                format!("Would discard {what}. Nothing was done.")
            } else {
                format!("Discarded {what}; their runs stay dead.")
            };
            format!("{said}{}", more(&letters))
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
