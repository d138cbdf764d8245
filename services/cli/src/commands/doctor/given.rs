//! What processes were given: settings of this one, and by their notes those of services; files of secrets; mail servers.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use secrecy::SecretString;
use tradeup_mail::{Address, InvalidAddress, Mailer, Server};
use tradeup_store::doctor::{self, Needs};
use tradeup_store::workers::Worker;
use tradeup_store::{Pool, StoreError};
use tradeup_worker::settings::{self, Origin, Setting};

use super::deployment::counted;
use super::work::is_alive;
use super::{Finding, State};
use crate::output::count;

/// Where containers have their secrets, which nobody else shares.
const OF_CONTAINERS: [&str; 2] = ["/run/secrets/", "/var/run/secrets/"];

/// Settings of this process.
pub(super) fn own() -> Vec<Finding> {
    let settings = settings::current();
    let set: Vec<&Setting> = settings.iter().filter(|setting| setting.origin != Origin::Default).collect();
    let by = |is: fn(&Origin) -> bool| set.iter().filter(|setting| is(&setting.origin)).count();
    let flags = by(|origin| matches!(origin, Origin::Flag(_)));
    let file = by(|origin| matches!(origin, Origin::File { .. }));
    let n = u64::try_from(set.len()).unwrap_or(u64::MAX);
    let found = format!(
        "{} given: {flags} by flags, {} by variables, {file} by a file; none unknown",
        count(n, "setting", "settings"),
        set.len() - flags - file
    );
    let mut findings = vec![Finding::ok("configuration", found)];
    findings.extend(set.iter().filter_map(|setting| secret_file(setting)));
    findings
}

/// A secret's file that others may read or write.
fn secret_file(setting: &Setting) -> Option<Finding> {
    let path = match &setting.origin {
        Origin::SecretFile { path, .. } | Origin::File { secret: Some(path), .. } => path.clone(),
        // The file of settings itself holds the secret.
        Origin::File { name, .. } if setting.known.secret => name.into(),
        _ => return None,
    };
    let mode = std::fs::metadata(&path).ok()?.permissions().mode();
    let what = exposed(&path, mode)?;
    Some(
        Finding::new(
            "secret files",
            State::Warning,
            format!("{} holds {} and {what}", path.display(), setting.known.key),
        )
        .of(setting.known.key.as_str())
        .fix(format!("chmod o= {}", path.display())),
    )
}

fn exposed(path: &Path, mode: u32) -> Option<&'static str> {
    let is_of_container = OF_CONTAINERS.iter().any(|folder| path.starts_with(folder));
    match mode & 0o006 {
        0 => None,
        4 if is_of_container => None,
        4 => Some("everybody on this machine can read it"),
        _ => Some("everybody on this machine can change it"),
    }
}

/// Settings of services that are at work.
pub(super) async fn services(pool: &Pool, listed: &[Worker]) -> Result<Vec<Finding>, StoreError> {
    let needs = doctor::needs(pool).await?;
    let alive: Vec<&Worker> = listed.iter().filter(|worker| is_alive(worker)).collect();
    let mut findings = lacking(&alive, &needs);
    findings.extend(different(&alive));
    if findings.is_empty() {
        findings.push(Finding::ok("settings", "services were given what shops need, and the same each"));
    }
    Ok(findings)
}

/// What shops need that a service was not given.
fn lacking(alive: &[&Worker], needs: &Needs) -> Vec<Finding> {
    let shops = |n: i64| counted(n, "shop", "shops");
    let needed = [
        (
            "credits",
            "token_keys",
            needs.wallets > 0,
            format!("nothing is told to {} at Shopify", shops(needs.wallets)),
        ),
        (
            "webhooks",
            "shopify_webhook_secrets",
            needs.at_shopify > 0,
            format!("what Shopify tells of {} is refused", shops(needs.at_shopify)),
        ),
        (
            "webhooks",
            "http",
            needs.at_shopify > 0,
            format!("nothing listens for {}", shops(needs.at_shopify)),
        ),
        ("agents", "anthropic_api_key", true, "runs that ask models wait".to_owned()),
    ];
    let mut findings = Vec::new();
    for (service, key, is_needed, what) in needed {
        let lacks = |worker: &&&Worker| {
            worker.service == service
                && worker.given.as_ref().is_some_and(|given| {
                    // A stand-in for the model needs no key.
                    !given.iter().any(|has| has == key || (service == "agents" && has == "anthropic_url"))
                })
        };
        let without = alive.iter().filter(lacks).count();
        if !is_needed || without == 0 {
            continue;
        }
        let variable =
            settings::all().iter().find(|known| known.key == key).map_or(key, |known| &known.variable);
        let n = u64::try_from(without).unwrap_or(u64::MAX);
        let found = format!("{} of {service} without {key}: {what}", count(n, "process", "processes"));
        findings.push(
            Finding::new("settings", State::Warning, found)
                .of(format!("{service} {key}"))
                .fix(format!("start {service} with {variable}")),
        );
    }
    findings
}

/// Processes of one service that were given different settings: one of them is from before a change.
fn different(alive: &[&Worker]) -> Vec<Finding> {
    let services: BTreeSet<&str> = alive.iter().map(|worker| worker.service.as_str()).collect();
    services
        .into_iter()
        .filter_map(|service| {
            let of: Vec<BTreeSet<&String>> = alive
                .iter()
                .filter(|worker| worker.service == service)
                .filter_map(|worker| Some(worker.given.as_ref()?.iter().collect()))
                .collect();
            let (first, others) = of.split_first()?;
            let differ: BTreeSet<&String> =
                others.iter().flat_map(|other| first.symmetric_difference(other).copied()).collect();
            if differ.is_empty() {
                return None;
            }
            let keys: Vec<&str> = differ.into_iter().map(String::as_str).collect();
            let found = format!("given to some processes and not to others: {}", keys.join(", "));
            Some(
                Finding::new("settings", State::Warning, found)
                    .of(service)
                    .fix(format!("start all of {service} anew, with the same settings")),
            )
        })
        .collect()
}

/// Whether the mail server would have us, if its address was given to this process.
pub(super) async fn mail_server(url: Option<&str>, from: Option<&str>) -> Option<Finding> {
    let url = url.filter(|url| !url.trim().is_empty())?;
    let finding = |state, found: String| Finding::new("mail server", state, found);
    let fix = "TRADEUP_SMTP_URL as docs/mail.md has it; tradeup mail list --state pending shows what waits";
    let from = from.filter(|from| !from.trim().is_empty()).unwrap_or("doctor@tradeup.invalid");
    let mailer = Server::parse(&SecretString::from(url.to_owned()))
        .map_err(|error| error.to_string())
        .and_then(|server| {
            let from: Address = from.parse().map_err(|error: InvalidAddress| error.to_string())?;
            Mailer::new(server, from).map_err(|error| error.to_string())
        });
    let mailer = match mailer {
        Ok(mailer) => mailer,
        Err(error) => return Some(finding(State::Problem, error).fix(fix)),
    };
    let checked = mailer.check().await;
    mailer.close().await;
    Some(match checked {
        Ok(()) => finding(State::Ok, "it answers, and would have us".to_owned()),
        Err(error) => finding(State::Problem, error.to_string()).fix(fix),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_everybody_can_read_is_named_unless_it_is_a_containers() {
        let exposed = |path: &str, mode| exposed(Path::new(path), mode).is_some();
        assert!(!exposed("/etc/tradeup/key", 0o100_640) && !exposed("/run/secrets/key", 0o100_444));
        assert!(exposed("/etc/tradeup/key", 0o100_644) && exposed("/run/secrets/key", 0o100_666));
    }
}
