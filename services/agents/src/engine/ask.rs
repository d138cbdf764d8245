//! Asks the model: money is reserved before the request leaves, and whatever comes back is a row before anything else is
//! done (decision 0021).

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::sleep;
use tradeup_anthropic::{Answer, Billed, Block, CallError, StopReason, Usage};
use tradeup_domain::{Classify as _, ErrorCode};
use tradeup_signals::metrics::outside;
use tradeup_store::agent_runs::{self, Failure, NewAnswer, NewAttempt, NewCall, Reserved, TokenUse};
use tradeup_store::{ErrorKind, StoreError};
use tradeup_worker::{TaskError, faultpoint};

use super::drive::{Halt, Run};
use super::state::{Ask, BROKEN};
use crate::bundle::Role;
use crate::models::of_provider;

/// An answer that is paid is tried to be kept so often while the database is away.
const KEPT_TRIES: u32 = 10;
/// After this wait each.
const KEPT_AGAIN: Duration = Duration::from_secs(1);

impl Run<'_> {
    /// Makes a request. That its model is gone is no failure here: it is a row, and the next look finds another model.
    pub(super) async fn ask(&self, ask: &Ask) -> Result<(), Halt> {
        let written = |error: serde_json::Error| {
            TaskError::permanent(ErrorCode::ModelRefusedRequest, format!("writing a request: {error}"))
        };
        let request = &ask.request;
        let bytes = request.body().map_err(written)?.len();
        let sha256 = request.sha256().map_err(written)?;
        let price = self.provider.price(&request.model, self.now)?;
        // Three bytes are a token at the least.
        let input = u64::try_from(bytes).unwrap_or(u64::MAX).div_ceil(3);
        let mut new = NewAttempt {
            agent: &ask.path,
            seq: ask.seq,
            model: &request.model,
            request_sha256: &sha256,
            request_bytes: i64::try_from(bytes).unwrap_or(i64::MAX),
            reserve_nano: price.dearest(input, request.max_tokens),
        };
        self.provider.pace(&request.model, input, &self.context.cancelled).await;
        self.check()?;
        let attempt = match self.reserve(&new).await {
            // It may cost less than its length allows, which the model itself knows.
            Err(Halt::Over(cap)) => {
                let Some(counted) = self.input_tokens(ask).await.filter(|counted| *counted < input) else {
                    return Err(Halt::Over(cap));
                };
                new.reserve_nano = price.dearest(counted, request.max_tokens);
                self.reserve(&new).await?
            }
            reserved => reserved?,
        };
        let Some(attempt) = attempt else { return Ok(()) };
        faultpoint::reached("agents.reserved").await;
        let asked = self.ask_reserved(ask, attempt).await;
        self.in_flight.send_modify(|count| *count -= 1);
        asked
    }

    /// How many tokens a request has at the most by the model's own count, which costs nothing. The provider calls it an
    /// estimate, so one in fifty is added. `None`: it could not be asked, and what is known without it has to do.
    async fn input_tokens(&self, ask: &Ask) -> Option<u64> {
        let counted = match self.provider.client() {
            Ok(client) => client.count_tokens(&ask.request).await,
            Err(_no_client) => return None,
        };
        match counted {
            Ok(counted) => Some(counted.saturating_add(counted / 50).saturating_add(50)),
            Err(error) => {
                tracing::info!(agent = ask.path, turn = ask.seq, "tokens could not be counted: {error}");
                None
            }
        }
    }

    /// Reserves what the request may cost, from when on it is in flight. `None`: the turn has its answer.
    ///
    /// A limit may be reached only because a specialist's call is under way at its dearest: what that did not cost is
    /// waited for.
    async fn reserve(&self, new: &NewAttempt<'_>) -> Result<Option<i32>, Halt> {
        let mut in_flight = self.in_flight.subscribe();
        loop {
            let alone = self.reserving.lock().await;
            let before = *in_flight.borrow_and_update();
            let mut tx = self.begin().await?;
            match agent_runs::reserve(&mut tx, &self.lease, new, &self.caps).await? {
                Reserved::Granted { attempt } => {
                    tx.commit().await?;
                    self.in_flight.send_modify(|count| *count += 1);
                    return Ok(Some(attempt));
                }
                Reserved::Answered => return Ok(None),
                Reserved::LostTooOften => {
                    return Err(Halt::Task(TaskError::permanent(
                        ErrorCode::AgentSpendUnknown,
                        format!(
                            "turn {} of {}: its answer was lost more often than may be paid for",
                            new.seq, new.agent
                        ),
                    )));
                }
                Reserved::Over(cap) if before == 0 => return Err(Halt::Over(cap)),
                Reserved::Over(_) => tx.rollback().await?,
            }
            drop(alone);
            tokio::select! {
                // The sender lives as long as the run.
                _ = in_flight.changed() => {}
                () = self.context.cancelled.cancelled() => return Err(Halt::Cancelled),
            }
        }
    }

    async fn ask_reserved(&self, ask: &Ask, attempt: i32) -> Result<(), Halt> {
        if self.context.cancelled.is_cancelled() {
            let failure = Failure { code: "TU0701", error: "cancelled before it was sent", request_id: None };
            self.rejected(ask, attempt, &failure).await?;
            return Err(Halt::Cancelled);
        }
        let mut tx = self.begin().await?;
        agent_runs::sent(&mut tx, &self.lease, &ask.path, ask.seq, attempt).await?;
        tx.commit().await?;
        faultpoint::reached("agents.sent").await;
        match self.provider.client()?.ask(&ask.request, &self.context.cancelled).await {
            Ok(answer) => {
                self.provider.learn(&ask.request.model, &answer.limits);
                self.keep(ask, attempt, &answer).await?;
                faultpoint::reached("agents.answered").await;
                Ok(())
            }
            Err(error) => self.failed(ask, attempt, &error).await,
        }
    }

    /// Keeps an answer with its calls. It is paid: while the database is away, it is waited for.
    async fn keep(&self, ask: &Ask, attempt: i32, answer: &Answer) -> Result<(), Halt> {
        let price = self.provider.price(&ask.request.model, self.now)?;
        let (calls, stop_reason) = calls(answer, &ask.known);
        let new_calls: Vec<NewCall<'_>> =
            calls.iter().map(|(id, name, input)| NewCall { tool_use_id: id, name, input }).collect();
        let usage = &answer.usage;
        let tokens = TokenUse {
            input: signed(usage.input_tokens),
            cache_write: signed(usage.cache_creation_input_tokens),
            cache_read: signed(usage.cache_read_input_tokens),
            output: signed(usage.output_tokens),
        };
        let new = NewAnswer {
            content: answer.content.get(),
            stop_reason: &stop_reason,
            model: &answer.model,
            request_id: answer.request_id.as_deref(),
            tokens,
            cost_nano: price.cost(usage),
            calls: &new_calls,
        };
        count(ask, usage, new.cost_nano);
        tracing::info!(
            agent = ask.path,
            turn = ask.seq,
            model = answer.model,
            request_id = answer.request_id,
            stop_reason,
            calls = calls.len(),
            input = tokens.input,
            cache_read = tokens.cache_read,
            output = tokens.output,
            cost_nano = new.cost_nano,
            "{}: turn {} is answered",
            ask.path,
            ask.seq
        );
        let mut tries = 0;
        loop {
            tries += 1;
            match self.keep_once(ask, attempt, &new).await {
                Ok(()) => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Unavailable && tries < KEPT_TRIES => {
                    tracing::warn!(agent = ask.path, turn = ask.seq, "an answer is not kept yet: {error}");
                    sleep(KEPT_AGAIN).await;
                }
                // It was kept the time before, of which nothing was heard; or the run is another's. Its rows know.
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn keep_once(&self, ask: &Ask, attempt: i32, new: &NewAnswer<'_>) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        agent_runs::answered(&mut tx, &self.lease, &ask.path, ask.seq, attempt, new).await?;
        tx.commit().await
    }

    async fn failed(&self, ask: &Ask, attempt: i32, error: &CallError) -> Result<(), Halt> {
        let (code, words) = (error.code(), error.to_string());
        let failure = Failure { code: code.as_str(), error: &words, request_id: error.request_id() };
        tracing::warn!(
            agent = ask.path,
            turn = ask.seq,
            attempt,
            model = ask.request.model,
            request_id = error.request_id(),
            code = code.as_str(),
            "{}: turn {} is not answered: {words}",
            ask.path,
            ask.seq
        );
        self.provider.learn_error(&ask.request.model, error);
        let outcome = if matches!(error.billed(), Billed::No) { "failed" } else { "unknown" };
        outside::MODEL_REQUESTS.one([role(&ask.path), outcome]);
        match error.billed() {
            Billed::No => self.rejected(ask, attempt, &failure).await?,
            Billed::Unknown => {
                let mut tx = self.begin().await?;
                agent_runs::unknown(&mut tx, &self.lease, &ask.path, ask.seq, attempt, &failure).await?;
                tx.commit().await?;
            }
        }
        if self.context.cancelled.is_cancelled() {
            return Err(Halt::Cancelled);
        }
        if code == ErrorCode::ModelGone {
            self.provider.forget(&ask.request.model);
            return Ok(());
        }
        Err(of_provider(error).into())
    }

    async fn rejected(&self, ask: &Ask, attempt: i32, failure: &Failure<'_>) -> Result<(), Halt> {
        let mut tx = self.begin().await?;
        agent_runs::rejected(&mut tx, &self.lease, &ask.path, ask.seq, attempt, failure).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// Who asks, as it is counted: the one that plans, or one that it has asked.
fn role(path: &str) -> &'static str {
    if path.starts_with(Role::Orchestrator.as_str()) { "orchestrator" } else { "specialist" }
}

/// Counts what an answer took.
fn count(ask: &Ask, usage: &Usage, cost_nano: i64) {
    let role = role(&ask.path);
    outside::MODEL_REQUESTS.one([role, "answered"]);
    for (kind, tokens) in [
        ("input", usage.input_tokens),
        ("output", usage.output_tokens),
        ("cache_read", usage.cache_read_input_tokens),
        ("cache_write", usage.cache_creation_input_tokens),
    ] {
        outside::MODEL_TOKENS.add(tokens, [role, kind]);
    }
    let dollars = Duration::from_nanos(u64::try_from(cost_nano).unwrap_or(0)).as_secs_f64();
    outside::MODEL_COST.add_of(dollars, [role]);
}

/// A call: its id, its tool, its arguments.
type Call = (String, String, String);

/// The calls that are to be made, and how the answer ended. None of an answer that did not come to its end, since their
/// arguments may be cut; none, either, of one whose calls can't be told apart from each other or from earlier ones.
fn calls(answer: &Answer, known: &BTreeSet<String>) -> (Vec<Call>, String) {
    let stop_reason = answer.stop_reason.as_str().to_owned();
    if !matches!(answer.stop_reason, StopReason::EndTurn | StopReason::ToolUse | StopReason::PauseTurn) {
        return (Vec::new(), stop_reason);
    }
    let mut ids = known.clone();
    let mut calls: Vec<Call> = Vec::new();
    for block in &answer.blocks {
        let Block::ToolUse { id, name, input } = block else { continue };
        if !ids.insert(id.clone()) {
            return (Vec::new(), BROKEN.to_owned());
        }
        let input = match input {
            Ok(value) => value.to_string(),
            Err(broken) => broken.clone(),
        };
        calls.push((id.clone(), name.clone(), input));
    }
    (calls, stop_reason)
}

fn signed(tokens: u64) -> i64 {
    i64::try_from(tokens).unwrap_or(i64::MAX)
}
