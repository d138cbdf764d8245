//! `tradeup restored`.

use std::process::ExitCode;

use anyhow::ensure;
use chrono::{DateTime, Utc};
use clap::Args;
use serde_json::{Value, json};
use tradeup_store::audit::Actor;
use tradeup_store::marks::{self, Accepted, DatabaseState};
use tradeup_store::schedules;
use tradeup_worker::JobsLook;
use tradeup_worker::restore::{self, Recorded, RestoreError, Standing};

use crate::Context;
use crate::output::{count, instant, instant_or_dash, table};

/// Most messages whose runs are looked for.
const MESSAGES_MAX: u64 = 100_000;

/// Accept a database that stands at an earlier moment than NATS has seen: from now on it is the truth.
/// Services refuse to work on it before. Unfinished runs are then published again from its rows; messages
/// of runs that it does not know become dead letters. What shops at Shopify are to be told is looked for there first, among what
/// they booked in the time that is lost. If it is the wrong database, restore again instead.
#[derive(Args)]
pub(crate) struct Restored {
    /// Show what is known of both sides, and do nothing.
    #[arg(long)]
    dry_run: bool,
    /// From when on what happened is lost, like 2026-11-29T02:40:00Z. For a database that was restored while NATS remembers
    /// nothing of it, since that was lost as well: then nobody can notice, and this accepts it all the same.
    #[arg(long, value_name = "INSTANT", conflicts_with = "dry_run")]
    lost_from: Option<DateTime<Utc>>,
    /// Why, for the record.
    #[arg(long, required_unless_present = "dry_run")]
    reason: Option<String>,
    /// Who, for the record.
    #[arg(long, env = "USER", default_value = "tradeup")]
    by: String,
}

/// Both sides.
struct Sides {
    /// What NATS remembers, or why that can't be read.
    recorded: Result<Option<Recorded>, String>,
    went_back: bool,
    database: DatabaseState,
    jobs: JobsLook,
    unknown: i64,
}

impl Restored {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let has_reason = self.reason.as_ref().is_some_and(|reason| !reason.trim().is_empty());
        ensure!(self.dry_run || has_reason, "--reason: say why, for whoever looks at this day later");
        let pool = context.pool().await?;
        if let Some(lost_from) = self.lost_from {
            let now = schedules::clock(&pool).await?;
            ensure!(
                lost_from < now,
                "--lost-from: that is yet to come; by the database's clock it is {}",
                instant(now)
            );
        }
        let broker = context.broker.connect("tradeup restored").await?;
        let standing = restore::standing(&pool, &broker).await;
        let (recorded, went_back) = match standing {
            Ok(Standing::Unrecorded) => (Ok(None), false),
            Ok(Standing::InPlace(recorded)) => (Ok(Some(recorded)), false),
            Ok(Standing::WentBack(recorded)) => (Ok(Some(recorded)), true),
            Err(RestoreError::Unreadable(reason)) => (Err(reason), true),
            Err(error) => return Err(error.into()),
        };
        let jobs = broker.look_at_jobs(MESSAGES_MAX).await?;
        let unknown = marks::unknown_runs(&pool, &jobs.run_ids).await?;
        let sides = Sides { recorded, went_back, database: marks::state(&pool).await?, jobs, unknown };
        let accepted = if (went_back || self.lost_from.is_some()) && !self.dry_run {
            let actor = Actor { name: self.by, reason: self.reason };
            Some(restore::accept(&pool, &broker, self.lost_from, &actor).await?)
        } else {
            None
        };
        context.output().show(&value(&sides, accepted), || text(&sides, accepted, self.dry_run))?;
        Ok(ExitCode::SUCCESS)
    }
}

fn value(sides: &Sides, accepted: Option<Accepted>) -> Value {
    let recorded = sides.recorded.as_ref().ok().and_then(Option::as_ref).map(|r| {
        json!({ "mark": r.n, "at": instant(r.at), "newest_run": r.newest_run_id.map(|id| id.to_string()),
            "newest_run_at": r.newest_run_at.map(instant), "system_identifier": r.system_identifier,
            "timeline": r.timeline, "recorded_by": r.recorded_by })
    });
    let d = &sides.database;
    json!({
        "went_back": sides.went_back, "recorded": recorded, "unreadable": sides.recorded.as_ref().err(),
        "database": { "marked_at": d.marked_at.map(instant), "newest_run": d.newest_run_id.map(|id| id.to_string()),
            "newest_run_at": d.newest_run_at.map(instant), "system_identifier": d.system_identifier,
            "timeline": d.timeline },
        "jobs": { "messages": messages(sides), "of_unknown_runs": sides.unknown,
            "without_run": sides.jobs.nameless, "not_looked_at": sides.jobs.not_looked_at },
        "accepted": accepted.map(|a| json!({ "mark": a.mark.n, "messages": a.messages,
            "lost_from": instant(a.lost_from), "lost_until": instant(a.mark.at) })),
    })
}

fn messages(sides: &Sides) -> u64 {
    let looked_at = u64::try_from(sides.jobs.run_ids.len()).unwrap_or(u64::MAX);
    looked_at.saturating_add(sides.jobs.nameless).saturating_add(sides.jobs.not_looked_at)
}

fn text(sides: &Sides, accepted: Option<Accepted>, dry_run: bool) -> String {
    let mut shown = table(&["", "what nats has seen", "this database"], &[]);
    let dash = || "-".to_owned();
    let seen = sides.recorded.as_ref().ok().and_then(Option::as_ref);
    let (d, of_seen) = (&sides.database, |get: fn(&Recorded) -> String| seen.map_or_else(dash, get));
    shown.add_row(["marked last".to_owned(), of_seen(|r| instant(r.at)), instant_or_dash(d.marked_at)]);
    shown.add_row([
        "newest run".to_owned(),
        of_seen(|r| r.newest_run_id.map_or_else(|| "-".to_owned(), |id| id.to_string())),
        d.newest_run_id.map_or_else(dash, |id| id.to_string()),
    ]);
    shown.add_row([
        "created".to_owned(),
        of_seen(|r| instant_or_dash(r.newest_run_at)),
        instant_or_dash(d.newest_run_at),
    ]);
    let server = |identifier: &str, timeline: i32| format!("{identifier}, timeline {timeline}");
    shown.add_row([
        "server".to_owned(),
        of_seen(|r| format!("{}, timeline {}", r.system_identifier, r.timeline)),
        server(&d.system_identifier, d.timeline),
    ]);
    let mut text = format!("{shown}\n\n");
    text.push_str(&format!(
        "On JOBS: {}; {} of runs that this database does not know",
        count(messages(sides), "message", "messages"),
        sides.unknown
    ));
    if sides.jobs.not_looked_at > 0 {
        text.push_str(&format!(" ({} not looked at)", sides.jobs.not_looked_at));
    }
    text.push_str(".\n\n");
    text.push_str(&match (&sides.recorded, accepted) {
        (_, Some(accepted)) => format!(
            "This database is the truth from now on. Start the services: {} will be published again, and messages of \
             unknown runs become dead letters TU0002 (tradeup doctor counts them). What shops are to be told is looked for \
             first among what they booked from {} to {}. Do again what was lost before anybody compares the wallets.",
            count(accepted.messages, "waiting message", "waiting messages"),
            instant(accepted.lost_from),
            instant(accepted.mark.at),
        ),
        (Ok(None), None) => "NATS remembers no database: nothing has to be accepted. If it was lost with a database that was \
                             restored, say so: --lost-from."
            .to_owned(),
        (Err(reason), None) => format!("What NATS remembers can't be read: {reason}."),
        (Ok(Some(_)), None) if !sides.went_back => {
            "The database has all that NATS has seen: nothing has to be accepted.".to_owned()
        }
        (Ok(Some(_)), None) => {
            "The database stands at an earlier moment than NATS has seen, or is another one. Services refuse to work on it."
                .to_owned()
        }
    });
    if dry_run && sides.went_back {
        text.push_str("\nTo accept it: tradeup restored --reason ... Otherwise restore again.");
    }
    text
}
