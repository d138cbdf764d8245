//! Calls come to their results: tools are asked, specialists are driven, what is handed in is judged.

use std::collections::BTreeMap;

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tradeup_store::agent_runs::{self, Journal};
use tradeup_store::insights::Answer;
use tradeup_store::{StoreError, Tx};
use tradeup_worker::faultpoint;
use uuid::Uuid;

use super::act::Act;
use super::drive::{Halt, Run};
use super::results;
use super::state::{Agent, Ended};
use super::submit;
use crate::bundle::Role;
use crate::prompt;
use crate::tools::{self, ToolFailure};

/// What a tool said.
enum Said {
    Answer(Answer),
    /// The arguments are wrong: one line for the model.
    No(String),
}

impl Run<'_> {
    /// Asks a tool, and keeps its answer together with the facts that it brings. What failed for a moment is no result.
    pub(super) async fn tool(&self, act: &Act, name: &str, arguments: &Value) -> Result<(), Halt> {
        self.check()?;
        let answer = match self.look(name, arguments).await? {
            Said::Answer(answer) => answer,
            Said::No(words) => return self.keep_result(act, &words, true).await,
        };
        let mut tx = self.begin().await?;
        let told = self.minted(&mut tx, &act.path, name, &act.tool_use_id, &answer).await?;
        let done =
            agent_runs::call_done(&mut tx, &self.lease, &act.path, &act.tool_use_id, &told, false).await?;
        if done {
            tx.commit().await?;
        } else {
            tx.rollback().await?;
        }
        faultpoint::reached("agents.tool").await;
        Ok(())
    }

    async fn look(&self, name: &str, arguments: &Value) -> Result<Said, Halt> {
        let mut tx = Tx::snapshot_of_tenant(&self.context.pool, self.tenant()).await?;
        let said = match tools::ask(name, arguments, &mut tx, self.tenant(), self.snapshot).await {
            Ok(answer) => Said::Answer(results::fitted(answer, self.bundle.bounds.result_bytes)),
            Err(ToolFailure::BadArguments(words)) => Said::No(words),
            Err(ToolFailure::Store(error)) => return Err(error.into()),
        };
        tx.rollback().await?;
        Ok(said)
    }

    /// The answer with ids for its figures and other names for its members.
    async fn minted(
        &self,
        tx: &mut Tx,
        path: &str,
        tool: &str,
        call: &str,
        answer: &Answer,
    ) -> Result<String, StoreError> {
        let figures = results::figures(answer);
        let ids = agent_runs::mint(tx, &self.lease, path, tool, call, answer.as_of, &figures).await?;
        let members = self.shuffled(results::members(answer));
        let aliases = if members.is_empty() {
            Vec::new()
        } else {
            agent_runs::aliases(tx, &self.lease, &members).await?
        };
        let aliases: BTreeMap<Uuid, String> = members.into_iter().zip(aliases).collect();
        Ok(results::told(answer, &ids, &aliases))
    }

    /// In an order that says nothing about them, the same whenever this run asks.
    fn shuffled(&self, mut members: Vec<Uuid>) -> Vec<Uuid> {
        members.sort_by_cached_key(|member| {
            let run = self.lease.run_id.0;
            <[u8; 32]>::from(Sha256::new().chain_update(run).chain_update(member).finalize())
        });
        members
    }

    /// Asks what an agent is told at its beginning, and keeps it with the facts that it brings, all in one.
    pub(super) async fn ask_first(&self, path: &str) -> Result<(), Halt> {
        self.check()?;
        let mut answers = Vec::new();
        for first in &self.bundle.first {
            match self.look(&first.tool, &first.arguments).await? {
                Said::Answer(answer) => answers.push((first.tool.as_str(), Ok(answer))),
                Said::No(words) => answers.push((first.tool.as_str(), Err(words))),
            }
        }
        let mut tx = self.begin().await?;
        let mut text = String::new();
        for (at, (tool, answer)) in answers.iter().enumerate() {
            let call = format!("first-{}", at + 1);
            let told = match answer {
                Ok(answer) => self.minted(&mut tx, path, tool, &call, answer).await?,
                Err(words) => serde_json::json!({ "error": words }).to_string(),
            };
            text.push_str(&prompt::result_block(tool, &told));
        }
        agent_runs::note(&mut tx, &self.lease, path, 1, &text).await?;
        tx.commit().await?;
        faultpoint::reached("agents.tool").await;
        Ok(())
    }

    /// Drives a specialist to its end; what it found is the result of the call that asked it.
    pub(super) async fn delegate(&self, act: &Act, specialist: &Agent) -> Result<(), Halt> {
        let ended = self.drive(specialist).await?;
        let journal = self.journal().await?;
        let bytes = self.bundle.bounds.result_bytes;
        let (content, is_error) = match &ended {
            Ended::Submitted { path, tool_use_id } => {
                let input = handed_in(&journal, path, tool_use_id);
                (submit::handed_up(input, &journal.facts, bytes), false)
            }
            Ended::Failed(failure) => {
                let words = failure.words();
                tracing::warn!(
                    agent = specialist.base,
                    "{} ended without findings: {words}",
                    specialist.base
                );
                (submit::without_findings(&words, specialist, &journal.facts, bytes), true)
            }
        };
        self.keep_result(act, &content, is_error).await
    }

    /// Judges what is handed in by the facts that there are now.
    pub(super) async fn judge(
        &self,
        act: &Act,
        role: Role,
        input: &str,
        last: bool,
        journal: &Journal,
    ) -> Result<(), Halt> {
        let verdict = match role {
            Role::Orchestrator => submit::judge_plan(input, &journal.facts, &self.bundle.task.limits, last),
            Role::Insights | Role::Engagement => submit::judge_findings(input, &journal.facts, last),
        };
        self.keep_result(act, &verdict.content, verdict.is_error).await
    }
}

/// The arguments of the call by which something was handed in.
pub(crate) fn handed_in<'j>(journal: &'j Journal, path: &str, tool_use_id: &str) -> &'j str {
    let is_it = |call: &&agent_runs::CallRow| call.agent == path && call.tool_use_id == tool_use_id;
    journal.calls.iter().find(is_it).and_then(|call| call.input.as_deref()).unwrap_or_default()
}
