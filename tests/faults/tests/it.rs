//! A bounded selection of the fault suite, one round of each kind. All of it, for as long as asked:
//! `cargo run --bin faults -- --minutes 60`.
#![expect(clippy::unwrap_used, reason = "tests fail loudly")]

use tradeup_faults::{Scenario, round};

async fn play(name: &str) {
    let scenario = Scenario::all().into_iter().find(|scenario| scenario.to_string() == name).unwrap();
    let report = round(scenario, 7).await;
    assert!(!report.faults.is_empty(), "nothing was injected");
}

macro_rules! rounds {
    ($($test:ident = $name:literal,)+) => {
        $(
            #[tokio::test]
            async fn $test() {
                play($name).await;
            }
        )+
    };
}

rounds! {
    scheduler_killed_before_its_commit = "scheduler-commit.before-kill",
    scheduler_killed_in_its_tick = "scheduler-tick.before-commit-kill",
    scheduler_killed_after_its_tick = "scheduler-tick.after-commit-kill",
    scheduler_killed_in_its_sweep = "scheduler-sweep.published-kill",
    credits_killed_after_its_commit = "credits-commit.after-kill",
    credits_ended_before_its_commit = "credits-commit.before-term",
    credits_frozen_before_its_commit = "credits-commit.before-stop",
    credits_frozen_after_its_commit = "credits-commit.after-stop",
    credits_killed_before_its_claim = "credits-claim.before-kill",
    webhooks_killed_after_its_commit = "webhooks-intake.committed-kill",
    webhooks_frozen_before_it_takes = "webhooks-intake.before-stop",
    storm = "storm",
    nats_wiped = "nats-wiped",
    nats_link = "nats-link",
    postgres_cut = "postgres-cut",
    postgres_link = "postgres-link",
    commit_unknown = "commit-unknown",
    stream_full = "stream-full",
    schedulers = "schedulers",
    duplicates = "duplicates",
    cluster = "cluster",
}
