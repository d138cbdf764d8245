//! All settings of all binaries, so that each can tell another's from a slip of the pen.
//!
//! The list is made from the binaries' own options (`tests/configuration`); a test holds it
//! against them. Nothing is written there by hand.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// The prefix of our variables.
const PREFIX: &str = "TRADEUP_";
/// From this likeness on, a name is taken for a slip of another; 1 is the same.
const LIKENESS_MIN: f64 = 0.65;

/// Variables that only scripts, compose and tests read. They may stand in an environment that services share with them.
pub(super) const DEPLOYMENT: [(&str, &str); 27] = [
    ("TRADEUP_ADMIN_DATABASE_URL", "tests and deploy/local: PostgreSQL's superuser"),
    ("TRADEUP_ALERTMANAGER_PORT", "compose: Alertmanager's port on this machine"),
    ("TRADEUP_AUTHORITY", "compose: exchange or forget the authority of certificates"),
    ("TRADEUP_AXE", "tests: where axe-core is"),
    ("TRADEUP_CACHE_DIR", "deploy/local: where downloaded programs are kept"),
    ("TRADEUP_CHROMEDRIVER", "tests: the browser's driver"),
    ("TRADEUP_CHROMIUM", "tests: the browser"),
    ("TRADEUP_CONSOLE_PORT", "compose: the console's port on this machine"),
    ("TRADEUP_DEBUG", "deploy/local: say what goes on"),
    ("TRADEUP_DEPLOY_TOOLS", "tests/deploy: where its tools are"),
    ("TRADEUP_DOCS_TOOLS", "docs: where the tools of the site are"),
    ("TRADEUP_FAULTPOINTS", "tests: where a process stops"),
    ("TRADEUP_GRAFANA_PORT", "compose: Grafana's port on this machine"),
    ("TRADEUP_HTTP_PORT", "compose: the port of webhooks on this machine"),
    ("TRADEUP_LATER_MIGRATIONS", "tests: migrations that make a build a later one"),
    ("TRADEUP_LOCAL_DIR", "deploy/local: where data are kept"),
    ("TRADEUP_MAIL_PORT", "compose: the mail catcher's port on this machine"),
    ("TRADEUP_NATS_MONITORED", "compose: whose metrics are read"),
    ("TRADEUP_NATS_MONITOR_PORT", "compose: the port of NATS's monitoring on this machine"),
    ("TRADEUP_NATS_MONITOR_URL", "deploy/local: where NATS is asked how it is"),
    ("TRADEUP_NATS_PORT", "compose: the port of NATS on this machine"),
    ("TRADEUP_NATS_SECRET", "compose: which secret holds the address of NATS"),
    ("TRADEUP_NATS_SERVER", "deploy/local: the nats-server to start"),
    ("TRADEUP_POSTGRES_BIN", "deploy/local: where PostgreSQL's programs are"),
    ("TRADEUP_POSTGRES_PORT", "compose: the port of PostgreSQL on this machine"),
    ("TRADEUP_PROMETHEUS_PORT", "compose: Prometheus's port on this machine"),
    ("TRADEUP_SECRETS", "compose: where the scripts of PostgreSQL's container find secrets"),
];

/// A setting, and who reads it.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// Its name in the file.
    pub key: String,
    /// Its name in the environment.
    pub variable: String,
    /// Its flag, with the dashes.
    pub flag: String,
    /// What its value is counted in, or looks like.
    pub unit: String,
    /// The least and the most, if there are such.
    pub bounds: Option<String>,
    /// What is taken if nothing is given.
    pub default: Option<String>,
    /// Its value is shown nowhere, and may be in a file of its own.
    pub secret: bool,
    /// What it is about, as help groups it.
    pub heading: String,
    /// What it is for.
    pub help: String,
    /// The binaries that read it.
    pub read_by: BTreeSet<String>,
}

static ALL: LazyLock<Vec<Known>> = LazyLock::new(|| {
    // A test reads it; a binary that can't knows its own settings.
    serde_json::from_str(include_str!("known.json")).unwrap_or_default()
});

/// All settings of all binaries of this build.
#[must_use]
pub fn all() -> &'static [Known] {
    &ALL
}

/// Variables that services leave alone, and who reads them.
#[must_use]
pub fn deployment() -> &'static [(&'static str, &'static str)] {
    &DEPLOYMENT
}

/// Which names there are: of all binaries, and the given ones of this one.
pub(super) struct Names<'a> {
    own: &'a [Known],
}

impl<'a> Names<'a> {
    pub(super) fn new(own: &'a [Known]) -> Self {
        Self { own }
    }

    fn each(&self) -> impl Iterator<Item = &Known> {
        self.own.iter().chain(all())
    }

    /// The setting of this name in a file.
    pub(super) fn of_key(&self, key: &str) -> Option<&Known> {
        self.each().find(|known| known.key == key)
    }

    /// Whether there is a binary of this name.
    pub(super) fn is_binary(&self, name: &str) -> bool {
        self.each().any(|known| known.read_by.contains(name))
    }

    /// Who reads it, for people.
    pub(super) fn readers(&self, key: &str) -> String {
        let readers: BTreeSet<&str> = self
            .each()
            .filter(|known| known.key == key)
            .flat_map(|known| &known.read_by)
            .map(String::as_str)
            .collect();
        readers.into_iter().collect::<Vec<_>>().join(", ")
    }

    /// What is wrong with the name of a variable, if it is one of ours or seems to be.
    pub(super) fn wrong_variable(&self, name: &str) -> Option<String> {
        if !name.starts_with(PREFIX)
            || self.each().any(|known| known.variable == name)
            || DEPLOYMENT.iter().any(|(known, _)| *known == name)
        {
            return None;
        }
        if let Some(base) = name.strip_suffix("_FILE")
            && let Some(known) = self.each().find(|known| known.variable == base)
        {
            return (!known.secret)
                .then(|| format!("{name}: only what is secret has a file of its own; set {base}"));
        }
        let files = self.each().filter(|known| known.secret).map(|known| format!("{}_FILE", known.variable));
        let names: BTreeSet<String> = self.each().map(|known| known.variable.clone()).chain(files).collect();
        Some(format!(
            "{name} is no variable of TradeUp Jobs{}",
            meant(name, names.iter().map(String::as_str))
        ))
    }

    /// Which key was meant.
    pub(super) fn key_meant(&self, key: &str) -> String {
        meant(key, self.each().map(|known| known.key.as_str()))
    }

    /// Which binary was meant.
    pub(super) fn binary_meant(&self, name: &str) -> String {
        meant(name, self.each().flat_map(|known| &known.read_by).map(String::as_str))
    }
}

/// "; did you mean …?", if a name is near enough; else where names are listed.
fn meant<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> String {
    // By what differs from one another: the prefix is the same in all.
    let bare = |name: &str| name.trim_start_matches(PREFIX).to_lowercase();
    let likeness = |other: &str| strsim::normalized_damerau_levenshtein(&bare(name), &bare(other));
    let likest = names.map(|other| (likeness(other), other)).max_by(|a, b| a.0.total_cmp(&b.0));
    match likest {
        Some((likeness, other)) if likeness >= LIKENESS_MIN => format!("; did you mean {other}?"),
        _ => "; docs/configuration.md lists all there are".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::allow_attributes, reason = "tests fail loudly")]

    use super::*;

    #[test]
    fn the_list_can_be_read_and_each_name_is_there_once() {
        let read: Vec<Known> = serde_json::from_str(include_str!("known.json")).unwrap();
        let keys: BTreeSet<&str> = read.iter().map(|known| known.key.as_str()).collect();
        assert_eq!(keys.len(), read.len());
        assert!(read.iter().all(|known| !known.read_by.is_empty()));
        assert!(DEPLOYMENT.is_sorted());
        let doubled: Vec<&str> = DEPLOYMENT
            .iter()
            .map(|d| d.0)
            .filter(|d| read.iter().any(|known| known.variable == *d))
            .collect();
        assert_eq!(doubled, Vec::<&str>::new());
    }

    #[test]
    fn what_is_far_from_everything_is_not_guessed() {
        assert_eq!(
            meant("TRADEUP_CONCURENCY", ["TRADEUP_CONCURRENCY", "TRADEUP_LOG"].into_iter()),
            "; did you mean TRADEUP_CONCURRENCY?"
        );
        assert_eq!(
            meant("TRADEUP_SMPT_URL", ["TRADEUP_SMTP_URL", "TRADEUP_NATS_URL"].into_iter()),
            "; did you mean TRADEUP_SMTP_URL?"
        );
        assert!(meant("TRADEUP_X", ["TRADEUP_CONCURRENCY"].into_iter()).contains("docs/configuration.md"));
    }
}
