//! PostgreSQL: is it there, can it lose commits, and do clocks agree with it?

use chrono::TimeDelta;
use tradeup_store::pool::ConnectError;
use tradeup_store::{Pool, doctor};
use tradeup_worker::{ServiceError, presence};

use super::{Finding, State, unanswered};
use crate::Context;

/// A clock that is off by more than this makes times hard to compare.
const SKEW_WARNING: TimeDelta = TimeDelta::seconds(1);
/// A clock that is off by more than this is wrong.
const SKEW_PROBLEM: TimeDelta = TimeDelta::seconds(30);

/// Connects, or says why not.
pub(super) async fn connect(context: &Context) -> Result<Pool, Finding> {
    context.store.connect_to_look("tradeup doctor").await.map_err(|error| {
        let fix = match &error {
            ServiceError::Database(ConnectError::Schema { .. }) => "tradeup setup",
            ServiceError::Database(ConnectError::BuildTooOld { .. }) => "start the newer build",
            ServiceError::Unset(_) => "export TRADEUP_DATABASE_URL=...",
            _ => "start PostgreSQL (locally: deploy/local/servers up)",
        };
        Finding::new("postgres", State::Problem, error.to_string()).fix(fix)
    })
}

/// Looks at the server.
pub(super) async fn look(pool: &Pool) -> Vec<Finding> {
    let mut findings = match doctor::server(pool).await {
        Ok(server) => {
            let durability = if server.unsafe_settings.is_empty() {
                Finding::ok("durability", "a commit is on disk when it is confirmed")
            } else {
                let found = format!(
                    "{}: commits can be lost when the power fails",
                    server.unsafe_settings.join(", ")
                );
                let names = server.unsafe_settings.iter().filter_map(|setting| setting.split(' ').next());
                let reset: Vec<String> = names.map(|name| format!("alter system set {name} = on;")).collect();
                Finding::new("durability", State::Problem, found)
                    .fix(format!("psql -c '{}' -c 'select pg_reload_conf()'", reset.join(" ")))
            };
            let found = format!("PostgreSQL {}, schema {}", server.version, server.schema);
            vec![Finding::ok("postgres", found), durability]
        }
        Err(error) => vec![unanswered("postgres", &error)],
    };
    findings.push(match presence::clock_skew(pool).await {
        Ok(skew) => clock("this machine", skew),
        Err(error) => unanswered("clock", &error),
    });
    findings
}

/// A clock, compared with the database's.
pub(super) fn clock(whose: &str, skew: TimeDelta) -> Finding {
    let off = skew.abs();
    let state = if off > SKEW_PROBLEM {
        State::Problem
    } else if off > SKEW_WARNING {
        State::Warning
    } else {
        State::Ok
    };
    let found = format!(
        "{} ms {} the database's",
        off.num_milliseconds(),
        if skew < TimeDelta::zero() { "behind" } else { "ahead of" }
    );
    Finding::new("clock", state, found)
        .of(whose)
        .fix("timedatectl set-ntp true, there and on the database's machine")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_are_judged_in_both_directions() {
        let state = |ms| clock("x", TimeDelta::milliseconds(ms)).state;
        assert_eq!(
            [0, 1_000, -1_000, 1_001, -30_000, 30_001, -30_001].map(state),
            [State::Ok, State::Ok, State::Ok, State::Warning, State::Warning, State::Problem, State::Problem]
        );
    }
}
