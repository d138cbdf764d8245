//! Whether servers are spoken to by TLS, and until when trust in them holds.

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;
use tradeup_mail::Server;
use tradeup_worker::certificates::{self, Endpoint, Ends};

use super::{Finding, State};
use crate::Context;

/// Whoever renews certificates by themselves has done so by now.
const ENDS_WARNING: TimeDelta = TimeDelta::days(14);
/// There is a weekend left.
const ENDS_PROBLEM: TimeDelta = TimeDelta::days(3);

/// Looks at each server that this process was given. `now` by the database's clock, where it can be had.
pub(super) async fn look(context: &Context, smtp_url: Option<&str>, now: DateTime<Utc>) -> Vec<Finding> {
    let mail = smtp_url
        .filter(|url| !url.trim().is_empty())
        .and_then(|url| Server::parse(&SecretString::from(url.to_owned())).ok());
    let nats = context.broker.endpoints();
    let is_cluster = nats.len() > 1;
    let named = |endpoint: Endpoint| {
        let server =
            if is_cluster { format!("nats {}:{}", endpoint.host, endpoint.port) } else { "nats".to_owned() };
        (server, endpoint)
    };
    let servers = context.store.endpoint().map(|endpoint| ("postgres".to_owned(), endpoint)).into_iter();
    let servers = servers.chain(nats.into_iter().map(named));
    let servers = servers.chain(mail.map(|server| ("mail".to_owned(), server.endpoint())));
    let mut findings = Vec::new();
    for (server, endpoint) in servers {
        if endpoint.is_secured {
            findings.push(match certificates::look(&endpoint).await {
                Ok(ends) => judged(&server, ends, now),
                Err(error) => {
                    let found = format!("it is not known until when it holds: {error}");
                    Finding::new("certificates", State::Warning, found).of(server).fix("tradeup doctor")
                }
            });
        } else if !endpoint.is_local() {
            findings.push(in_the_clear(&server, &endpoint));
        }
    }
    findings
}

/// Whoever is on the way to another machine reads along, or poses as the server.
fn in_the_clear(server: &str, endpoint: &Endpoint) -> Finding {
    let fix = match server {
        "postgres" => "?sslmode=verify-full&sslrootcert=FILE at the end of TRADEUP_DATABASE_URL",
        "mail" => "smtp:// or smtps:// without tls=none in TRADEUP_SMTP_URL",
        _ => "tls://...?ca=FILE in TRADEUP_NATS_URL",
    };
    let found = format!("{} is spoken to without TLS, or whatever certificate it shows", endpoint.host);
    Finding::new("certificates", State::Warning, found).of(server).fix(format!("{fix}: docs/deployment.md"))
}

fn judged(server: &str, ends: Ends, now: DateTime<Utc>) -> Finding {
    let until = |at: DateTime<Utc>| {
        let days = (at - now).num_days();
        if at <= now {
            format!("ended {}", at.date_naive())
        } else {
            format!("holds until {} ({days} days)", at.date_naive())
        }
    };
    let mut found = format!("what it shows {}", until(ends.shown));
    if let Some(authority) = ends.authority {
        found.push_str(&format!("; its authority {}", until(authority)));
    }
    let is_authority = ends.authority.is_some_and(|authority| authority <= ends.shown);
    let first = ends.authority.map_or(ends.shown, |authority| authority.min(ends.shown));
    let left = first - now;
    let state = if left <= ENDS_PROBLEM {
        State::Problem
    } else if left <= ENDS_WARNING {
        State::Warning
    } else {
        State::Ok
    };
    let fix = match server {
        _ if is_authority => "exchange the authority: docs/deployment.md, Certificates",
        "mail" => "whoever runs the mail server renews it",
        _ => {
            "docs/runbooks/CertificateEnds.md; compose: docker compose run --rm certificates, then docker compose kill \
             --signal SIGHUP postgres nats; Kubernetes: kubectl -n tradeup describe certificate"
        }
    };
    Finding::new("certificates", state, found).of(server).fix(fix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_judged_by_how_near_it_is_and_whose_it_is() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let finding = |shown: i64, authority: Option<i64>| {
            let at = |days| now + TimeDelta::days(days);
            judged("nats", Ends { shown: at(shown), authority: authority.map(at) }, now)
        };
        let states = [(15, None), (14, None), (3, None), (-1, None), (90, Some(14)), (90, Some(3650))]
            .map(|(shown, authority)| finding(shown, authority).state);
        let (ok, warning, problem) = (State::Ok, State::Warning, State::Problem);
        assert_eq!(states, [ok, warning, problem, problem, warning, ok]);
        let over = finding(-1, Some(3650));
        assert!(
            over.found.contains("ended 2027-01-14") && over.fix.unwrap().contains("SIGHUP"),
            "{}",
            over.found
        );
        assert!(finding(90, Some(3)).fix.unwrap().contains("authority"));
    }

    #[test]
    fn what_is_on_this_machine_may_be_spoken_to_in_the_clear() {
        let local = |url| tradeup_store::pool::endpoint(url).unwrap().is_local();
        assert!(local("postgres://u:p@127.0.0.1:5432/t") && local("postgres://u:p@localhost/t"));
        assert!(local("postgres:///t?host=/var/run/postgresql"));
        assert!(!local("postgres://u:p@db.example:5432/t"));
    }
}
