//! `tradeup doctor`.

mod certificates;
mod database;
mod deployment;
mod endpoints;
mod gaps;
mod given;
pub(crate) mod keys;
mod privacy;
mod transport;
mod wallets;
mod why;
mod work;

use std::collections::BTreeSet;
use std::process::ExitCode;

use chrono::TimeDelta;
use clap::Args;
use serde_json::{Value, json};
use tradeup_store::workers;
use tradeup_worker::presence;
use tradeup_worker::restore::{self, RestoreError, Standing};

use crate::Context;
use crate::output::{instant, table, took};

/// Look over everything at once: both servers, their certificates, streams, consumers, clocks, services and their settings,
/// rights, backups, and all that should go on by itself and does not. Exit code 1 if there is a problem. What can't be reached is one, and
/// the rest is shown all the same.
#[derive(Args)]
#[command(next_help_heading = "Mail")]
pub(crate) struct Doctor {
    /// URL of the mail server, like smtp://USER:PASSWORD@HOST:587; without it, it is not asked.
    #[arg(long, env = "TRADEUP_SMTP_URL", hide_env_values = true, value_name = "URL")]
    smtp_url: Option<String>,
    /// Address that mails come from.
    #[arg(long, env = "TRADEUP_MAIL_FROM", value_name = "ADDRESS")]
    mail_from: Option<String>,
    /// Keys that seal the shops' tokens, the current one first, like 2:KEY,1:KEY; those of the service `credits`.
    #[arg(
        long,
        env = "TRADEUP_TOKEN_KEYS",
        hide_env_values = true,
        value_name = "KEYS",
        help_heading = "Shops"
    )]
    token_keys: Option<String>,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    /// As it should be.
    Ok,
    /// Somebody should know.
    Warning,
    /// Somebody should act.
    Problem,
}

impl State {
    fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }

    /// By how much there is of something.
    fn by<T: PartialOrd>(found: &T, warning: &T, problem: &T) -> Self {
        if found >= problem {
            Self::Problem
        } else if found >= warning {
            Self::Warning
        } else {
            Self::Ok
        }
    }
}

/// What one check found.
#[derive(Debug)]
struct Finding {
    check: &'static str,
    /// What of it, where there are several.
    subject: Option<String>,
    state: State,
    found: String,
    /// What puts it right.
    fix: Option<String>,
}

impl Finding {
    fn new(check: &'static str, state: State, found: impl Into<String>) -> Self {
        Self { check, subject: None, state, found: found.into(), fix: None }
    }

    fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self::new(check, State::Ok, found)
    }

    fn of(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// What puts it right, if there is anything to put right.
    fn fix(mut self, fix: impl Into<String>) -> Self {
        if self.state != State::Ok {
            self.fix = Some(fix.into());
        }
        self
    }

    fn value(&self) -> Value {
        json!({ "check": self.check, "subject": self.subject, "state": self.state.as_str(), "found": self.found,
            "fix": self.fix, "why": why::of(self.check) })
    }
}

/// A statement that failed is a finding, too.
fn unanswered(check: &'static str, error: &impl std::fmt::Display) -> Finding {
    Finding::new(check, State::Problem, format!("can't be looked at: {error}")).fix("tradeup doctor")
}

impl Doctor {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let (database, transport) = tokio::join!(database::connect(context), transport::connect(context));
        let mut findings = given::own();
        let pool = database.map_err(|finding| findings.push(finding)).ok();
        let broker = transport.map_err(|finding| findings.push(finding)).ok();
        // Several look at the same: what one of them says of a process has to fit the others.
        let mut listed = Ok(Vec::new());
        if let Some(pool) = &pool {
            listed = workers::list(pool).await;
            findings.extend(database::look(pool).await);
            findings.extend(deployment::look(pool, &listed).await);
        }
        if let Some(broker) = &broker {
            findings.extend(transport::look(context, broker).await);
        }
        if let (Some(pool), Some(broker)) = (&pool, &broker) {
            findings.push(stands(restore::standing(pool, broker).await));
            findings.extend(broker_clock(restore::broker_skew(broker).await));
        }
        if let Some(pool) = &pool {
            findings.extend(
                keys::look(pool, self.token_keys)
                    .await
                    .unwrap_or_else(|error| vec![unanswered("token keys", &error)]),
            );
            findings.extend(work::look(context, pool, &listed).await);
            findings.extend(match &listed {
                Ok(listed) => given::services(pool, listed)
                    .await
                    .unwrap_or_else(|error| vec![unanswered("settings", &error)]),
                Err(error) => vec![unanswered("settings", error)],
            });
        }
        let now = match &pool {
            Some(pool) => {
                tradeup_store::schedules::clock(pool).await.unwrap_or_else(|_gone| presence::own_clock())
            }
            None => presence::own_clock(),
        };
        findings.extend(certificates::look(context, self.smtp_url.as_deref(), now).await);
        findings.extend(given::mail_server(self.smtp_url.as_deref(), self.mail_from.as_deref()).await);
        let worst = findings.iter().map(|finding| finding.state).max().unwrap_or(State::Ok);
        let value = json!({ "state": worst.as_str(),
            "checks": findings.iter().map(Finding::value).collect::<Vec<_>>() });
        context.output().show(&value, || text(&findings))?;
        Ok(if worst == State::Problem { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

/// Whether the database stands where NATS has seen it.
fn stands(standing: Result<Standing, RestoreError>) -> Finding {
    match standing {
        Ok(Standing::Unrecorded) => {
            Finding::ok("restore", "NATS remembers no mark of a database yet; a scheduler records one")
        }
        Ok(Standing::InPlace(recorded)) => Finding::ok(
            "restore",
            format!("the database has mark {} of {}, as NATS does", recorded.n, instant(recorded.at)),
        ),
        Ok(Standing::WentBack(recorded)) => {
            let lacks = format!(
                "the database stands at an earlier moment than NATS has seen, or is another one: it lacks mark {} of {}",
                recorded.n,
                instant(recorded.at)
            );
            Finding::new("restore", State::Problem, lacks).fix("tradeup restored --dry-run")
        }
        Err(error) => {
            Finding::new("restore", State::Problem, error.to_string()).fix("tradeup restored --dry-run")
        }
    }
}

/// The clock of NATS, compared with the database's by the latest mark. A mark takes a moment from the one to the other.
fn broker_clock(skew: Result<Option<TimeDelta>, RestoreError>) -> Option<Finding> {
    const UNDER_WAY: TimeDelta = TimeDelta::seconds(10);
    let skew = skew.ok()??;
    let off = if skew > UNDER_WAY { skew } else { skew.min(TimeDelta::zero()) };
    Some(database::clock("NATS", off))
}

fn text(findings: &[Finding]) -> String {
    let mut shown = table(&["check", "state", "found", "what puts it right"], &[]);
    for finding in findings {
        let subject = finding.subject.as_ref().map(|subject| format!(" {subject}")).unwrap_or_default();
        shown.add_row([
            &format!("{}{subject}", finding.check),
            finding.state.as_str(),
            finding.found.as_str(),
            finding.fix.as_deref().unwrap_or_default(),
        ]);
    }
    let count = |state: State| findings.iter().filter(|finding| finding.state == state).count();
    let checks: BTreeSet<&str> =
        findings.iter().filter(|finding| finding.state != State::Ok).map(|finding| finding.check).collect();
    let whys: String =
        checks.iter().filter_map(|check| Some(format!("{check}: {}\n", why::of(check)?))).collect();
    let whys = if whys.is_empty() { whys } else { format!("\nWhy it matters:\n{whys}") };
    format!("{shown}\n{whys}\nProblems: {}. Warnings: {}.", count(State::Problem), count(State::Warning))
}

/// A length of time for people.
fn length(seconds: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "for people")]
    let length = TimeDelta::milliseconds((seconds * 1000.0) as i64);
    took(length)
}
