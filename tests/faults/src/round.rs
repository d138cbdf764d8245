//! One round: faults, heal, drain, proof.

use std::time::{Duration, Instant};

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use serde_json::json;
use tradeup_harness::{World, eventually};

use crate::Scenario;
use crate::fleet::Fleet;

/// After the faults everything has to be done within this time: a round that does not drain has lost
/// something, even if nobody can say what.
const DRAINS_WITHIN: Duration = Duration::from_secs(150);

/// What a round did and found. It panics when it finds a loss or a double.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Faults injected, by kind.
    pub faults: Vec<(String, u64)>,
    /// Runs that ended.
    pub runs: i64,
    /// Attempts of them.
    pub attempts: i64,
    /// Attempts that ended otherwise than well.
    pub attempts_lost: i64,
    /// How often a person had to replay dead letters.
    pub replays: u64,
    /// Ledger entries, each as the model wants it.
    pub entries: i64,
    /// From the heal until everything had ended.
    pub drained_in: Duration,
}

impl Report {
    pub(crate) fn count(&mut self, fault: &str) {
        match self.faults.iter_mut().find(|(name, _)| name == fault) {
            Some((_, count)) => *count += 1,
            None => self.faults.push((fault.to_owned(), 1)),
        }
    }
}

/// What a scenario works with.
pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) rng: StdRng,
    pub(crate) report: Report,
    /// Periods whose runs have been triggered.
    pub(crate) periods: Vec<&'static str>,
    /// Events that ask for a credit each.
    pub(crate) events: i64,
}

impl Stage {
    /// Triggers the next month.
    pub(crate) fn trigger(&mut self) -> String {
        let period = ["2026-09", "2026-10", "2026-11"][self.periods.len()];
        self.periods.push(period);
        self.world.trigger(period)
    }

    /// Publishes events that ask for a credit each, every one of them twice.
    pub(crate) async fn publish_events(&mut self, count: i64) {
        let members: Vec<String> = sqlx::query_scalar(
            "select m.external_id from members m join tenants t on t.id = m.tenant_id
             where t.handle = 'shop-0' order by m.id limit 50",
        )
        .fetch_all(&self.world.database.admin)
        .await
        .unwrap();
        let jobs = self.world.jobs().await;
        for (n, member) in (0..count).zip(members.iter().cycle()) {
            let body = json!({ "member_external_id": member, "reason": "a fault round",
                "amount": { "amount_minor": 100, "currency": "USD" } })
            .to_string();
            for _ in 0..2 {
                let headers = [("ce-id", format!("event-{n}"))];
                let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
                jobs.publish_event("events.shop-0.till.credit=2Erequested", &headers, body.as_bytes()).await;
            }
        }
        self.events += count;
    }

    /// Waits until some members of the running month have their credit.
    pub(crate) async fn some_are_credited(&self) {
        let before = self.entries().await;
        eventually("some are credited", Duration::from_secs(60), || async {
            (self.entries().await > before).then_some(())
        })
        .await;
    }

    pub(crate) async fn entries(&self) -> i64 {
        self.world.number("select count(*) from ledger_entries").await
    }

    /// Waits until every run has ended, and proves the ledger.
    pub(crate) async fn drain_and_prove(&mut self, fleet: &mut Fleet) {
        let begun = Instant::now();
        loop {
            fleet.supervise().await;
            let taken = self.world.number("select count(*) from events").await;
            // What was rolled back with its process is not there yet.
            let months = self.world.number("select count(*) from runs where task = 'monthly-credits'").await;
            let has_begun = usize::try_from(months) == Ok(self.periods.len());
            let unfinished = self.world.number("select count(*) from runs where finished_at is null").await;
            let failed = self.world.number("select count(*) from runs where state <> 'succeeded'").await;
            if has_begun && unfinished == 0 && failed == 0 && taken == self.events {
                break;
            }
            if self.world.number("select count(*) from runs where state = 'dead'").await > 0 {
                // Faults have used up all attempts: a person gives new ones.
                let replay = ["dead", "replay", "--since", "2000-01-01T00:00:00Z", "--rate", "1000"];
                self.report.replays += u64::from(self.world.tradeup(&replay).code == 0);
            }
            assert!(
                begun.elapsed() < DRAINS_WITHIN,
                "{unfinished} runs have not ended and {failed} have not succeeded after {} s: {}",
                DRAINS_WITHIN.as_secs(),
                self.world.tradeup(&["runs", "--unfinished", "--all"]).stdout
            );
            tradeup_harness::pause(Duration::from_millis(200)).await;
        }
        self.report.drained_in = begun.elapsed();
        let jobs = self.world.jobs().await;
        eventually("nothing is left in the stream", Duration::from_secs(40), || async {
            (jobs.try_count("JOBS").await == Some(0)).then_some(())
        })
        .await;
        let open: Option<String> =
            sqlx::query_scalar(OPEN_ATTEMPTS).fetch_one(&self.world.database.admin).await.unwrap();
        assert_eq!(open, None, "attempts that never ended, with their neighbours");
        if self.events == 0 {
            self.world.assert_exact(&self.periods);
        } else {
            let given = "select coalesce(sum(granted_minor), 0)::bigint from lots where reason <> 'monthly'";
            assert_eq!(self.world.number(given).await, self.events * 100, "each event once");
            let proof = self.world.tradeup(&["verify"]);
            assert_eq!(proof.code, 0, "{}", proof.stdout);
        }
        for (what, query) in CLEAN {
            assert_eq!(self.world.number(query).await, 0, "{what}");
        }
        self.report.runs = self.world.number("select count(*) from runs").await;
        self.report.attempts = self.world.number("select count(*) from attempts_made").await;
        self.report.attempts_lost = self.world.number(LOST).await;
        self.report.entries = self.entries().await;
    }
}

const LOST: &str = "select count(*) from attempts where outcome not in ('succeeded', 'waiting')";

const OPEN_ATTEMPTS: &str =
    "select string_agg(format('%s: attempt %s by %s from %s to %s: %s', r.id, a.attempt,
        a.worker, a.started_at, a.finished_at, coalesce(a.outcome, 'open')), E'\\n' order by r.id, a.attempt)
    from runs r join attempts_made a on a.run_id = r.id
    where exists (select from attempts o where o.run_id = r.id and o.outcome is null)";

/// What has to be empty at the end.
const CLEAN: [(&str, &str); 3] = [
    (
        "messages of ended runs",
        "select count(*) from outbox where kind = 'job' and next_publish_at < now() - interval '5 seconds'",
    ),
    (
        "sessions left in a transaction",
        "select count(*) from pg_stat_activity where datname = current_database()
            and state = 'idle in transaction' and state_change < now() - interval '11 seconds'",
    ),
    (
        "two runs of one fire",
        "select count(*) from (select from runs group by task, tenant_id, key having count(*) > 1) as twice",
    ),
];

/// Plays a scenario with this seed.
///
/// # Panics
/// When a credit is lost or doubled, a run does not end, or anything else is not as it has to be.
pub async fn round(scenario: Scenario, seed: u64) -> Report {
    let world = World::with_own_postgres().await;
    let mut stage = Stage {
        world,
        rng: StdRng::seed_from_u64(seed),
        report: Report::default(),
        periods: Vec::new(),
        events: 0,
    };
    let mut fleet = scenario.play(&mut stage).await;
    stage.drain_and_prove(&mut fleet).await;
    fleet.end();
    stage.report
}
