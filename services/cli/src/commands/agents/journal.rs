//! `tradeup agents run`.

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use serde_json::{Value, json};
use tradeup_store::Tx;
use tradeup_store::agent_runs::{self, AgentRunView, AttemptRow, CallRow, Journal, TurnRow};

use super::find;
use super::words::{plain, short, usd};
use crate::Context;
use crate::output::{instant, instant_or_dash, table};

/// Characters of an error in the table.
const ERROR_CHARS: usize = 80;

/// Show the journal of an agents' run: each turn with its tries and what it cost, each tool's call with the figures that it
/// brought.
#[derive(Args)]
pub(crate) struct ShowJournal {
    /// The run; "latest" for that of the newest plan.
    run: String,
    /// What was asked and answered, too, word for word; it is kept for 30 days.
    #[arg(long)]
    bodies: bool,
}

impl ShowJournal {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let found = find(&pool, &self.run).await?;
        let mut tx = Tx::snapshot_of_tenant(&pool, found.tenant).await?;
        let run = agent_runs::show(&mut tx, found.tenant, found.run_id).await?;
        let journal = agent_runs::journal(&mut tx, found.tenant, found.run_id).await?;
        tx.rollback().await?;
        let Some(run) = run else {
            bail!("{0} was no agents' run, or none has begun it; look at it: tradeup run {0}", found.run_id);
        };
        let value = value(&run, &found.handle, &journal);
        context.output().show(&value, || {
            let mut text = head(&run, &found.handle);
            text.push_str(&turns(&journal));
            text.push_str(&lost(&journal));
            text.push_str(&calls(&journal));
            if self.bodies {
                text.push_str(&bodies(&journal));
            }
            text
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

fn value(run: &AgentRunView, handle: &str, journal: &Journal) -> Value {
    let turn = |turn: &TurnRow| {
        json!({ "agent": turn.agent, "turn": turn.seq, "model": turn.model, "stop_reason": turn.stop_reason,
            "input_tokens": turn.input_tokens, "cache_write_tokens": turn.cache_write_tokens,
            "cache_read_tokens": turn.cache_read_tokens, "output_tokens": turn.output_tokens,
            "cost_nano_usd": turn.cost_nano, "request_id": turn.request_id,
            "answered_at": instant(turn.answered_at), "content": turn.content })
    };
    let attempt = |attempt: &AttemptRow| {
        json!({ "agent": attempt.agent, "turn": attempt.seq, "attempt": attempt.attempt, "state": attempt.state,
            "model": attempt.model, "reserved_nano_usd": attempt.reserved_nano, "request_id": attempt.request_id,
            "error_code": attempt.error_code, "error": attempt.error,
            "reserved_at": instant(attempt.reserved_at), "ended_at": attempt.ended_at.map(instant) })
    };
    let call = |call: &CallRow| {
        json!({ "agent": call.agent, "turn": call.seq, "tool": call.name, "id": call.tool_use_id,
            "state": call.state, "is_error": call.is_error, "input": call.input, "content": call.content })
    };
    let facts: Vec<Value> = journal
        .facts
        .iter()
        .map(|fact| {
            json!({ "id": format!("F{}", fact.id), "agent": fact.agent, "tool": fact.tool, "call": fact.tool_use_id,
                "as_of": instant(fact.as_of), "figure": fact.figure, "shown": fact.figure.shown() })
        })
        .collect();
    let notes: Vec<Value> = journal
        .notes
        .iter()
        .map(|note| json!({ "agent": note.agent, "turn": note.seq, "content": note.content }))
        .collect();
    json!({ "run_id": run.run_id.to_string(), "tenant": handle, "task": run.kind, "goal": run.goal,
        "as_of": instant(run.as_of), "state": run.state, "outcome": run.outcome, "has_plan": run.has_plan,
        "spent_nano_usd": run.spent_nano, "reserved_nano_usd": run.reserved_nano,
        "unknown_nano_usd": run.unknown_nano, "taken_up": run.epoch, "began_at": instant(run.began_at),
        "ended_at": run.ended_at.map(instant), "bodies_erased_at": run.erased_at.map(instant),
        "turns": journal.turns.iter().map(turn).collect::<Vec<_>>(),
        "attempts": journal.attempts.iter().map(attempt).collect::<Vec<_>>(),
        "calls": journal.calls.iter().map(call).collect::<Vec<_>>(), "facts": facts, "notes": notes })
}

fn head(run: &AgentRunView, handle: &str) -> String {
    let mut spent = usd(run.spent_nano);
    if run.unknown_nano > 0 {
        spent.push_str(&format!(", of which {} unknown: sent and never answered", usd(run.unknown_nano)));
    }
    if run.reserved_nano > 0 {
        spent.push_str(&format!("; {} reserved for what is under way", usd(run.reserved_nano)));
    }
    let mut text = format!(
        "run {}  {}  {handle}  {}\n{}\nas of {}, began {}, ended {}, taken up {} times\nspent {spent}\n",
        run.run_id,
        run.kind,
        run.state,
        plain(&run.goal),
        instant(run.as_of),
        instant(run.began_at),
        instant_or_dash(run.ended_at),
        run.epoch,
    );
    if let Some(outcome) = &run.outcome {
        text.push_str(&format!("{}\n", plain(outcome)));
    }
    if let Some(erased) = run.erased_at {
        text.push_str(&format!("what was asked and answered was erased {}\n", instant(erased)));
    }
    text
}

fn turns(journal: &Journal) -> String {
    if journal.turns.is_empty() {
        return "\nNo turn was answered.\n".to_owned();
    }
    let headings =
        ["agent", "turn", "tries", "model", "new", "to cache", "from cache", "out", "cost", "ended"];
    let mut shown = table(&headings, &[1, 2, 4, 5, 6, 7, 8]);
    for turn in &journal.turns {
        let of_turn = |it: &&AttemptRow| it.agent == turn.agent && it.seq == turn.seq;
        shown.add_row([
            turn.agent.clone(),
            turn.seq.to_string(),
            journal.attempts.iter().filter(of_turn).count().to_string(),
            turn.model.clone(),
            turn.input_tokens.to_string(),
            turn.cache_write_tokens.to_string(),
            turn.cache_read_tokens.to_string(),
            turn.output_tokens.to_string(),
            usd(turn.cost_nano),
            turn.stop_reason.clone(),
        ]);
    }
    format!("\n{shown}\n")
}

/// Tries that were not answered.
fn lost(journal: &Journal) -> String {
    let unanswered: Vec<&AttemptRow> =
        journal.attempts.iter().filter(|attempt| attempt.state != "answered").collect();
    if unanswered.is_empty() {
        return String::new();
    }
    let mut shown = table(&["agent", "turn", "try", "state", "counts", "request", "error"], &[1, 2, 4]);
    for attempt in unanswered {
        let counts = if attempt.state == "rejected" { 0 } else { attempt.reserved_nano };
        let code = attempt.error_code.as_deref().unwrap_or_default();
        let error = attempt.error.as_deref().unwrap_or_default();
        shown.add_row([
            attempt.agent.clone(),
            attempt.seq.to_string(),
            attempt.attempt.to_string(),
            attempt.state.clone(),
            usd(counts),
            attempt.request_id.clone().unwrap_or_else(|| "-".to_owned()),
            short(&format!("{code} {error}"), ERROR_CHARS),
        ]);
    }
    format!("\nTries without an answer:\n{shown}\n")
}

fn calls(journal: &Journal) -> String {
    if journal.calls.is_empty() {
        return String::new();
    }
    let mut facts: BTreeMap<(&str, &str), (i32, i32)> = BTreeMap::new();
    for fact in &journal.facts {
        let range = facts.entry((&fact.agent, &fact.tool_use_id)).or_insert((fact.id, fact.id));
        range.1 = fact.id;
    }
    let mut shown = table(&["agent", "turn", "tool", "state", "figures"], &[1]);
    for call in &journal.calls {
        let brought = match facts.get(&(call.agent.as_str(), call.tool_use_id.as_str())) {
            None => "-".to_owned(),
            Some((first, last)) if first == last => format!("F{first}"),
            Some((first, last)) => format!("F{first} to F{last}"),
        };
        let state = if call.is_error { "refused".to_owned() } else { call.state.clone() };
        shown.add_row([call.agent.clone(), call.seq.to_string(), short(&call.name, 64), state, brought]);
    }
    format!("\n{shown}\n")
}

fn bodies(journal: &Journal) -> String {
    let erased = || "(erased)".to_owned();
    let text = |body: &Option<String>| body.as_deref().map_or_else(erased, plain);
    let mut all = String::new();
    for turn in &journal.turns {
        all.push_str(&format!("\n== {} turn {}\n", turn.agent, turn.seq));
        let told = journal.notes.iter().filter(|note| note.agent == turn.agent && note.seq == turn.seq);
        for note in told {
            all.push_str(&format!("told: {}\n", plain(&note.content)));
        }
        all.push_str(&format!("{}\n", text(&turn.content)));
        let of_turn = journal.calls.iter().filter(|call| call.agent == turn.agent && call.seq == turn.seq);
        for call in of_turn {
            let result = if call.state == "done" { text(&call.content) } else { "(under way)".to_owned() };
            all.push_str(&format!("-- {} {}\n{result}\n", plain(&call.name), text(&call.input)));
        }
    }
    all
}
