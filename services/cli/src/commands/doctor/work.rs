//! What should go on by itself: messages, runs, schedules, services; and what waits for a person.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::TimeDelta;
use tradeup_domain::ErrorCode;
use tradeup_proto::JobKind;
use tradeup_store::doctor::{self, StuckMessage, StuckMessages, StuckRun, StuckRuns};
use tradeup_store::workers::Worker;
use tradeup_store::{Pool, StoreError, Tx, breakers, digests, outbox, pauses, schedules, tenants};

use super::super::schedules::ABSENT_AFTER;
use super::database::clock;
use super::{Finding, State, length, unanswered};
use crate::Context;
use crate::output::{count, instant, instant_or_dash};

/// The engine sees to everything within this long, unless deliveries take longer to come again.
const PATIENCE: Duration = Duration::from_secs(60);
/// A message that is due may wait so long, in seconds.
const MESSAGE_WARNING: f64 = 30.0;
/// A message that is due for so long does not go by itself, in seconds.
const MESSAGE_PROBLEM: f64 = 300.0;
/// A service that an installation may do without. Where its runs wait, their consumer says so.
const OPTIONAL: &str = "agents";
/// A service notes every 10 s that it is there; one that was not seen for so long is not, in seconds.
const UNSEEN_MAX: f64 = 30.0;

/// Looks at all that is in the database.
pub(super) async fn look(
    context: &Context,
    pool: &Pool,
    listed: &Result<Vec<Worker>, StoreError>,
) -> Vec<Finding> {
    let mut findings = match listed {
        Ok(listed) => services(listed),
        Err(error) => vec![unanswered("service", error)],
    };
    let mut add = |check, found: Result<Vec<Finding>, StoreError>| match found {
        Ok(found) => findings.extend(found),
        Err(error) => findings.push(unanswered(check, &error)),
    };
    add("outbox", doctor::stuck_messages(pool).await.map(|stuck| messages(&stuck)));
    add("held", held(pool).await);
    let patience = PATIENCE.max(4 * context.broker.ack_wait());
    add("runs", doctor::stuck_runs(pool, patience, patience).await.map(|stuck| runs(&stuck)));
    add("schedule", schedules_on(pool).await);
    add("breaker", breakers_of(pool).await);
    add("pause", pauses_of(pool).await);
    add("dead letters", dead_letters(pool).await);
    add("mails", mails(pool).await);
    add("wallets", super::wallets::look(pool).await);
    add("endpoints", super::endpoints::look(pool).await);
    add("gaps", super::gaps::look(pool).await);
    add("privacy", super::privacy::look(pool).await);
    findings
}

pub(super) fn is_alive(worker: &Worker) -> bool {
    worker.stopped_at.is_none() && worker.unseen_seconds <= UNSEEN_MAX
}

fn services(listed: &[Worker]) -> Vec<Finding> {
    let mut alive: BTreeMap<&str, u64> = JobKind::ALL.iter().map(|kind| (kind.service, 0)).collect();
    let is_missed = |service: &str| {
        // One that was never run, or was stopped in order, is not missed.
        service != OPTIONAL || listed.iter().any(|w| w.service == service && w.stopped_at.is_none())
    };
    let needed: BTreeSet<&str> = alive.keys().copied().filter(|service| is_missed(service)).collect();
    for worker in listed.iter().filter(|worker| is_alive(worker)) {
        *alive.entry(&worker.service).or_default() += 1;
    }
    let mut findings: Vec<Finding> = alive
        .iter()
        .map(|(service, workers)| {
            let is_missing = *workers == 0 && needed.contains(service);
            let state = if is_missing { State::Problem } else { State::Ok };
            let last =
                listed.iter().filter(|w| w.service == *service).map(|w| w.unseen_seconds).reduce(f64::min);
            let found = match (is_missing, last) {
                (false, _) if *workers == 0 => "none is run here; nothing needs one".to_owned(),
                (false, _) => format!("{} at work", count(*workers, "process", "processes")),
                (true, None) => "none is running, none ever was".to_owned(),
                (true, Some(seconds)) => {
                    format!("none is running; the last was seen {} ago", length(seconds))
                }
            };
            Finding::new("service", state, found).of(*service).fix(format!("start {service}"))
        })
        .collect();
    let clocks = listed
        .iter()
        .filter(|worker| is_alive(worker))
        .map(|worker| clock(&worker.name, TimeDelta::milliseconds(worker.clock_skew_ms)));
    findings.extend(clocks);
    findings
}

fn messages(stuck: &[StuckMessages]) -> Vec<Finding> {
    let of = |what: StuckMessage| stuck.iter().find(|stuck| stuck.what == what);
    let judge = |stuck: &StuckMessages, what: &str, fix: &str| {
        let n = u64::try_from(stuck.messages).unwrap_or(0);
        let found =
            format!("{} {what}; the oldest for {}", count(n, "message", "messages"), length(stuck.seconds));
        let state = match stuck.what {
            // They are on the stream; the workers have more to do than they can.
            StuckMessage::Unclaimed => State::by(&stuck.seconds, &MESSAGE_PROBLEM, &f64::INFINITY),
            StuckMessage::Untaken | StuckMessage::Refused => {
                State::by(&stuck.seconds, &MESSAGE_WARNING, &MESSAGE_PROBLEM)
            }
        };
        Finding::new("outbox", state, found).fix(fix)
    };
    let mut findings = Vec::new();
    if let Some(stuck) = of(StuckMessage::Untaken) {
        findings.push(judge(stuck, "due that no sweep takes", "start scheduler, or look at its log"));
    }
    if let Some(stuck) = of(StuckMessage::Refused) {
        findings.push(judge(stuck, "that NATS does not take", "tradeup setup; the scheduler's log says why"));
    }
    if let Some(stuck) = of(StuckMessage::Unclaimed) {
        findings.push(judge(
            stuck,
            "published, of runs that nobody claims",
            "start more workers: tradeup runs --state queued",
        ));
    }
    if findings.is_empty() {
        findings.push(Finding::ok("outbox", "nothing is overdue"));
    }
    findings
}

async fn held(pool: &Pool) -> Result<Vec<Finding>, StoreError> {
    let is_paused = !pauses::list(pool).await?.is_empty();
    let mut by = BTreeMap::new();
    for group in outbox::held(pool).await? {
        *by.entry(group.held_by).or_insert(0) += u64::try_from(group.runs).unwrap_or(0);
    }
    Ok(by
        .into_iter()
        .map(|(by, runs)| {
            let found = format!("{} held back; tradeup holds", count(runs, "run", "runs"));
            // Held back while the pause was being lifted: nobody lets go of it any more.
            let state = if by == "pause" && !is_paused { State::Problem } else { State::Ok };
            Finding::new("held", state, found)
                .of(format!("by {by}"))
                .fix("tradeup pause --everything --reason ..., then tradeup resume --everything")
        })
        .collect())
}

fn runs(stuck: &[StuckRuns]) -> Vec<Finding> {
    if stuck.is_empty() {
        return vec![Finding::ok("runs", "every unfinished run can go on")];
    }
    stuck
        .iter()
        .map(|stuck| {
            let (name, state, what, fix) = match stuck.what {
                StuckRun::LeaseOver => (
                    "lease over",
                    State::Problem,
                    "of dead workers, which nobody took over",
                    "start the service of its task",
                ),
                StuckRun::AttemptOverdue => {
                    ("attempt overdue", State::Warning, "whose next attempt is overdue", "tradeup retry")
                }
                StuckRun::QueuedWithoutMessage => (
                    "queued without message",
                    State::Problem,
                    "queued, about which there is no message",
                    "start scheduler",
                ),
                StuckRun::WaitingForNothing => (
                    "waiting for nothing",
                    State::Problem,
                    "whose children have all ended",
                    "start scheduler",
                ),
                StuckRun::BelowEnded => {
                    ("below ended", State::Problem, "unfinished below a run that has ended", "tradeup cancel")
                }
            };
            let n = u64::try_from(stuck.runs).unwrap_or(0);
            let found = format!(
                "{} {what}, the first for {}: {}",
                count(n, "run", "runs"),
                length(stuck.seconds),
                stuck.first
            );
            let fix = match stuck.what {
                StuckRun::AttemptOverdue | StuckRun::BelowEnded => format!("{fix} {}", stuck.first),
                _ => format!("{fix}; tradeup run {}", stuck.first),
            };
            Finding::new("runs", state, found).of(name).fix(fix)
        })
        .collect()
}

async fn schedules_on(pool: &Pool) -> Result<Vec<Finding>, StoreError> {
    let listed = schedules::list(pool).await?;
    let late: Vec<Finding> = listed
        .iter()
        .filter(|schedule| schedule.paused_by.is_none())
        .filter_map(|schedule| {
            let found = if schedule.is_absent(ABSENT_AFTER) {
                format!("due for {}, and nobody decides about it", length(schedule.overdue_seconds))
            } else if schedule.next_fire_at.is_none() {
                "has no next fire; a scheduler gives it one".to_owned()
            } else {
                return None;
            };
            let label = match &schedule.tenant_handle {
                Some(tenant) => format!("{} of {tenant}", schedule.name),
                None => schedule.name.clone(),
            };
            Some(
                Finding::new("schedule", State::Problem, found)
                    .of(label)
                    .fix("start scheduler, or look at its log"),
            )
        })
        .collect();
    let paused: Vec<Finding> = listed
        .iter()
        .filter_map(|schedule| {
            let by = schedule.paused_by.as_ref()?;
            let why = schedule.paused_because.as_deref().unwrap_or("no reason given");
            Some(
                Finding::new("schedule", State::Warning, format!("paused by {by}: {why}"))
                    .of(&schedule.name)
                    .fix(format!("tradeup schedule resume {}", schedule.name)),
            )
        })
        .collect();
    let late: Vec<Finding> = late.into_iter().chain(paused).collect();
    if late.is_empty() {
        let next = listed.iter().filter_map(|schedule| schedule.next_fire_at).min();
        let n = u64::try_from(listed.len()).unwrap_or(u64::MAX);
        let found = format!("{}, next fire {}", count(n, "schedule", "schedules"), instant_or_dash(next));
        return Ok(vec![Finding::ok("schedule", found)]);
    }
    Ok(late)
}

async fn breakers_of(pool: &Pool) -> Result<Vec<Finding>, StoreError> {
    let listed = breakers::list(pool).await?;
    let open = listed.iter().filter(|breaker| breaker.open_until.is_some());
    Ok(open
        .map(|breaker| {
            let found = format!(
                "open until {} after {} failures: {}",
                instant_or_dash(breaker.open_until),
                breaker.failures,
                breaker.error_code
            );
            let of = breaker.tenant_handle.as_ref().map(|tenant| format!(" of {tenant}")).unwrap_or_default();
            Finding::new("breaker", State::Warning, found)
                .of(format!("{}{of}", breaker.dependency))
                .fix("tradeup holds; it closes by itself when what failed is back")
        })
        .collect())
}

async fn pauses_of(pool: &Pool) -> Result<Vec<Finding>, StoreError> {
    let pauses = pauses::list(pool).await?;
    Ok(pauses
        .iter()
        .map(|pause| {
            let of: Vec<String> = [
                pause.tenant_handle.as_ref().map(|tenant| format!("--tenant {tenant}")),
                pause.task.as_ref().map(|task| format!("--task {task}")),
                pause.dependency.as_ref().map(|dependency| format!("--needing {dependency}")),
            ]
            .into_iter()
            .flatten()
            .collect();
            let of = if of.is_empty() { "--everything".to_owned() } else { of.join(" ") };
            let found = format!("since {} by {}", instant(pause.placed_at), pause.placed_by);
            Finding::new("pause", State::Warning, found).fix(format!("tradeup resume {of}")).of(of)
        })
        .collect())
}

async fn dead_letters(pool: &Pool) -> Result<Vec<Finding>, StoreError> {
    let groups = doctor::dead_groups(pool).await?;
    let unknown = ErrorCode::UnknownRun.as_str();
    let mut findings: Vec<Finding> = groups
        .iter()
        .filter(|group| group.code != unknown)
        .map(|group| {
            let n = u64::try_from(group.letters).unwrap_or(0);
            let found = format!(
                "{} {} of {}, the last {}",
                count(n, "letter", "letters"),
                group.code,
                group.task.as_deref().unwrap_or("no task"),
                instant(group.latest)
            );
            Finding::new("dead letters", State::Warning, found)
                .of(&group.fingerprint)
                .fix(format!("tradeup dead list --group {}", group.fingerprint))
        })
        .collect();
    let of_unknown: i64 =
        groups.iter().filter(|group| group.code == unknown).map(|group| group.letters).sum();
    if of_unknown > 0 {
        let n = u64::try_from(of_unknown).unwrap_or(0);
        let found = format!(
            "{} of runs that the database does not know: it was restored, or two installations share one NATS",
            count(n, "message", "messages")
        );
        findings.push(Finding::new("unknown runs", State::Warning, found).fix(format!(
            "tradeup dead list --code {unknown}; trigger again what is missing, then tradeup dead discard --code {unknown}"
        )));
    }
    if findings.is_empty() {
        findings.push(Finding::ok("dead letters", "none waits for anybody"));
    }
    Ok(findings)
}

/// Mails of which nobody knows whether they were sent, and those that nobody will send.
async fn mails(pool: &Pool) -> Result<Vec<Finding>, StoreError> {
    let mut findings = Vec::new();
    // Rows of a tenant are seen in its own transaction only.
    for tenant in tenants::list(pool).await? {
        let mut tx = Tx::of_tenant(pool, tenant.id).await?;
        let undecided = digests::count_undecided(&mut tx, tenant.id).await?;
        tx.rollback().await?;
        if let Some(n) = u64::try_from(undecided).ok().filter(|n| *n > 0) {
            let found = format!("{} perhaps sent, or sent by nobody any more", count(n, "mail", "mails"));
            findings.push(Finding::new("mails", State::Warning, found).of(&tenant.handle).fix(format!(
                "tradeup mail list --tenant {} --state unknown (then pending, sending); tradeup mail resolve",
                tenant.handle
            )));
        }
    }
    if findings.is_empty() {
        findings.push(Finding::ok("mails", "none waits for a person"));
    }
    Ok(findings)
}
