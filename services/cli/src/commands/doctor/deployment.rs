//! What holds the deployment together: room for connections, who may see what, one release, and what a restore needs.

use std::collections::BTreeSet;

use tradeup_store::doctor::{self, Deployment};
use tradeup_store::pool::schema_of_build;
use tradeup_store::workers::Worker;
use tradeup_store::{Pool, StoreError};
use tradeup_worker::BUILD;

use super::transport::bytes;
use super::work::is_alive;
use super::{Finding, State, length, unanswered};
use crate::output::count;

/// Archiving may lag behind so long, in seconds, or thrice the time after which a segment is archived at the latest.
const ARCHIVE_LAG_MAX: f64 = 900.0;
/// From here on autovacuum is late with freezing; at 2,000 million the server stops.
const XID_AGE: (i64, i64) = (1_000_000_000, 1_600_000_000);

pub(super) async fn look(pool: &Pool, listed: &Result<Vec<Worker>, StoreError>) -> Vec<Finding> {
    let (deployment, listed) = match (doctor::deployment(pool).await, listed) {
        (Ok(deployment), Ok(listed)) => (deployment, listed),
        (Err(error), _) => return vec![unanswered("deployment", &error)],
        (_, Err(error)) => return vec![unanswered("deployment", error)],
    };
    let alive: Vec<&Worker> = listed.iter().filter(|worker| is_alive(worker)).collect();
    let schema = doctor::server(pool).await.map(|server| server.schema);
    let mut findings = vec![
        release(&alive, schema, deployment.floor),
        connections(&alive, &deployment),
        rights(&deployment),
        isolation(&deployment),
        archive(&deployment),
    ];
    findings.extend(disk(&deployment));
    findings
}

/// Whether all that runs is of one build, which the schema is for.
fn release(alive: &[&Worker], schema: Result<i64, StoreError>, floor: i64) -> Finding {
    let schema = match schema {
        Ok(schema) => schema,
        Err(error) => return unanswered("release", &error),
    };
    let others: BTreeSet<&str> =
        alive.iter().map(|worker| worker.build.as_str()).filter(|build| *build != BUILD).collect();
    let finding = |state, found: String| Finding::new("release", state, found);
    if schema > schema_of_build() {
        let found = format!(
            "schema {schema} is newer than this build's {}; it works with builds from {floor} on",
            schema_of_build()
        );
        return finding(State::Warning, found).fix("go on with the release, or back: docs/upgrading.md");
    }
    if others.is_empty() {
        return finding(State::Ok, format!("all that runs is of build {BUILD}, schema {schema}"));
    }
    let builds = others.into_iter().collect::<Vec<_>>().join(", ");
    finding(State::Warning, format!("builds {builds} run beside {BUILD}"))
        .fix("go on with the release, or back: docs/upgrading.md")
}

/// Whether there is room for all connections that processes may take together.
fn connections(alive: &[&Worker], deployment: &Deployment) -> Finding {
    let needed: i64 = alive.iter().filter_map(|worker| worker.connections_max).map(i64::from).sum();
    let unknown = alive.iter().filter(|worker| worker.connections_max.is_none()).count();
    let max = i64::from(deployment.connections_max);
    let state = if deployment.connections * 100 >= max * 90 {
        State::Problem
    } else if needed > max {
        State::Warning
    } else {
        State::Ok
    };
    let mut found =
        format!("{} in use of {max}; processes may take {needed} together", deployment.connections);
    if unknown > 0 {
        found.push_str(&format!(" ({unknown} not counted)"));
    }
    Finding::new("connections", state, found).fix(format!(
        "alter system set max_connections = {} and restart PostgreSQL; or a lower TRADEUP_CONCURRENCY",
        needed.max(max) + 50
    ))
}

fn rights(deployment: &Deployment) -> Finding {
    let role = &deployment.role;
    let finding =
        |state, found: String| Finding::new("rights", state, found).fix("psql -f deploy/postgres/roles.sql");
    if deployment.bypasses {
        let found = format!("{role} is a superuser or passes row level security by");
        return finding(State::Problem, found);
    }
    if !deployment.wide_roles.is_empty() {
        let found = format!("superuser, or past row level security: {}", deployment.wide_roles.join(", "));
        return finding(State::Problem, found);
    }
    finding(State::Ok, format!("{role} is held to row level security, as all roles of ours"))
}

fn isolation(deployment: &Deployment) -> Finding {
    if deployment.unprotected.is_empty() {
        return Finding::ok(
            "isolation",
            format!("policies of {} tables hold for everybody", deployment.protected),
        );
    }
    let tables = &deployment.unprotected;
    let alter: Vec<String> = tables
        .iter()
        .map(|table| format!("alter table {table} enable row level security, force row level security;"))
        .collect();
    Finding::new("isolation", State::Problem, format!("not held to its policy: {}", tables.join(", ")))
        .fix(format!("as tradeup_owner: {}", alter.join(" ")))
}

/// Whether what was committed could be restored to a moment.
fn archive(deployment: &Deployment) -> Finding {
    let finding = |state, found: String| Finding::new("backup", state, found);
    if !deployment.archives {
        return finding(
            State::Warning,
            "WAL is not archived: a restore would lose all since the last backup".to_owned(),
        )
        .fix("archive_mode = on and archive_command: docs/backup.md");
    }
    let ago =
        |seconds: Option<f64>| seconds.map_or_else(|| "never".to_owned(), |s| format!("{} ago", length(s)));
    if deployment.archive_fails {
        let found = format!(
            "archiving WAL fails, last {}; what was archived last was {}",
            ago(deployment.failed_seconds),
            ago(deployment.archived_seconds)
        );
        return finding(State::Problem, found)
            .fix("PostgreSQL's log says why; until then WAL fills the disk");
    }
    let lag_max = ARCHIVE_LAG_MAX.max(3.0 * deployment.archive_timeout);
    let found =
        format!("{} segments archived, the last {}", deployment.archived, ago(deployment.archived_seconds));
    if deployment.archive_timeout <= 0.0 {
        return finding(
            State::Warning,
            format!("{found}; archive_timeout is 0: a quiet day is archived late"),
        )
        .fix("alter system set archive_timeout = '60s'; select pg_reload_conf()");
    }
    let state = match deployment.archived_seconds {
        Some(seconds) if seconds > lag_max => State::Warning,
        _ => State::Ok,
    };
    finding(state, found).fix("select pg_switch_wal(); then look at pg_stat_archiver")
}

/// What fills the disk, or stops the server, although nobody writes more.
fn disk(deployment: &Deployment) -> Vec<Finding> {
    let size = u64::try_from(deployment.bytes).unwrap_or(0);
    let mut findings = vec![Finding::ok("disk", format!("the database has {}", bytes(size)))];
    for slot in &deployment.idle_slots {
        let found =
            format!("replication slot {slot} is read by nobody, and more than 1 GiB of WAL is kept for it");
        findings.push(
            Finding::new("disk", State::Warning, found)
                .of(slot.as_str())
                .fix(format!("bring its reader back, or select pg_drop_replication_slot('{slot}')")),
        );
    }
    let age = State::by(&deployment.xid_age, &XID_AGE.0, &XID_AGE.1);
    if age != State::Ok {
        let found = format!(
            "{} million transactions since the oldest row was frozen",
            deployment.xid_age / 1_000_000
        );
        findings
            .push(Finding::new("disk", age, found).of("transactions").fix("vacuum (freeze) as a superuser"));
    }
    if deployment.is_standby {
        let found = "this server follows another one: nothing can be written".to_owned();
        findings.push(
            Finding::new("disk", State::Problem, found)
                .of("standby")
                .fix("TRADEUP_DATABASE_URL of the primary; or promote this one: pg_ctl promote"),
        );
    }
    findings
}

/// How many of something there are, of a signed count.
pub(super) fn counted(n: i64, one: &str, many: &str) -> String {
    count(n.unsigned_abs(), one, many)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deployment() -> Deployment {
        Deployment {
            connections_max: 100,
            connections: 10,
            role: "tradeup_app".to_owned(),
            bypasses: false,
            wide_roles: Vec::new(),
            unprotected: Vec::new(),
            protected: 70,
            floor: 1,
            is_standby: false,
            bytes: 1,
            xid_age: 1,
            idle_slots: Vec::new(),
            archives: true,
            archived: 5,
            archive_fails: false,
            archived_seconds: Some(10.0),
            failed_seconds: None,
            archive_timeout: 60.0,
        }
    }

    #[test]
    fn an_archive_is_judged_by_its_last_segment() {
        let state = |change: fn(&mut Deployment)| {
            let mut given = deployment();
            change(&mut given);
            archive(&given).state
        };
        assert_eq!(state(|_| {}), State::Ok);
        assert_eq!(state(|d| d.archives = false), State::Warning);
        assert_eq!(state(|d| d.archive_fails = true), State::Problem);
        assert_eq!(state(|d| d.archived_seconds = Some(901.0)), State::Warning);
        assert_eq!(state(|d| d.archive_timeout = 0.0), State::Warning);
        assert_eq!(state(|d| (d.archive_timeout, d.archived_seconds) = (600.0, Some(1700.0))), State::Ok);
    }

    #[test]
    fn what_stops_the_server_is_found() {
        let states = |change: fn(&mut Deployment)| {
            let mut given = deployment();
            change(&mut given);
            disk(&given).iter().map(|finding| finding.state).max()
        };
        assert_eq!(states(|_| {}), Some(State::Ok));
        assert_eq!(states(|d| d.xid_age = 1_600_000_000), Some(State::Problem));
        assert_eq!(states(|d| d.is_standby = true), Some(State::Problem));
        assert_eq!(states(|d| d.idle_slots = vec!["old".to_owned()]), Some(State::Warning));
    }
}
