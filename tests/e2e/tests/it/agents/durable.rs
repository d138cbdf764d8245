//! Whatever dies, comes twice or is down: a run ends with the plan that it would have had, and no answer is paid twice but
//! one that was lost on its way, which is said.

use std::path::PathBuf;

use serde_json::json;
use tradeup_fakes::anthropic::planner::Planner;
use tradeup_fakes::anthropic::{Fault, Fits, Point, Scheduled};
use tradeup_harness::{Planting, Process, eventually};

use super::asking::{Agents, GOAL, SONNET, SOON, SUBMIT, told};

/// Where the engine can be stopped: before a request is said to be sent, before it leaves, after its answer is kept, after a
/// tool's result is kept, and before the plan is committed.
const POINTS: [&str; 5] = ["agents.reserved", "agents.sent", "agents.answered", "agents.tool", "agents.plan"];
const UNKNOWN: &str = "select count(*) from model_attempts where state = 'unknown'";
const TURNS: &str = "select count(*) from agent_turns";

/// A shop in which there is something to plan, with agents that cost money.
struct Durable {
    agents: Agents,
    points: PathBuf,
}

impl Durable {
    async fn new() -> Self {
        let mut agents = Agents::paid(Planner::new()).await;
        let points = agents.world.dir.path().join("faultpoints");
        std::fs::create_dir(&points).unwrap();
        let folder = points.to_str().unwrap().to_owned();
        agents.world.environment.insert("TRADEUP_FAULTPOINTS".to_owned(), folder);
        agents.shop(Planting { expiring: 400, ..Planting::churn_wave("aurora", 90) }).await;
        Self { agents, points }
    }

    async fn start(&self) -> Process {
        self.agents.world.start("agents").await
    }

    /// Asks the same under another key.
    fn goal(&self, key: &str) -> String {
        self.agents.goal("aurora", key, GOAL)
    }

    /// What the plan says that an undisturbed run ends with.
    async fn quiet(&self) -> String {
        told(&self.agents.planned(&self.goal("quiet")).await)
    }

    /// Whoever comes by first stays there.
    fn arm(&self, points: &[&str]) {
        for point in points {
            std::fs::write(self.points.join(point), "").unwrap();
        }
    }

    /// Kills the process as soon as somebody stays at each of these points; then nobody does any more.
    async fn killed_at(&self, points: &[&str], service: Process) {
        let taken = |point: &&str| self.points.join(format!("{point}.{}", service.id()));
        for point in points {
            let what =
                format!("a run stays at {point} (were the binaries built with the feature faultpoints?)");
            eventually(&what, SOON, || async { taken(point).exists().then_some(()) }).await;
        }
        let paths: Vec<PathBuf> = points.iter().map(taken).collect();
        service.kill();
        for path in paths {
            std::fs::remove_file(path).unwrap();
        }
    }

    async fn held(&self, requests: usize) {
        let held = self.agents.model.until(SOON, |ledger| ledger.held.len() == requests).await;
        assert!(held.is_ok(), "{held:?}");
    }

    async fn end_as(&self, runs: &[String], quiet: &str) {
        for run in runs {
            assert_eq!(told(&self.agents.planned(run).await), quiet, "{run}");
        }
    }

    /// Requests that were billed, answers that were kept, and tries of which nobody knows.
    async fn billed(&self) -> (i64, i64, i64) {
        let billed = i64::try_from(self.agents.model.ledger().billed()).unwrap();
        (billed, self.agents.world.number(TURNS).await, self.agents.world.number(UNKNOWN).await)
    }
}

/// Requests for this answer of an orchestrator's.
pub(super) fn orchestrators(turn: usize) -> Fits {
    Fits::default().tool(SUBMIT).turn(turn)
}

#[tokio::test]
async fn killed_at_each_point_a_run_ends_as_an_undisturbed_one() {
    let durable = Durable::new().await;
    let service = durable.start().await;
    let quiet = durable.quiet().await;

    // One run stays at each point, whichever it is: none has a request under way.
    durable.arm(&POINTS);
    let runs: Vec<String> = (0..POINTS.len()).map(|n| durable.goal(&format!("first-{n}"))).collect();
    durable.killed_at(&POINTS, service).await;
    let service = durable.start().await;
    durable.end_as(&runs, &quiet).await;
    let (billed, turns, unknown) = durable.billed().await;
    assert_eq!((billed, unknown), (turns, 1), "what was about to leave can't be told from what had left");
    let forsaken = "select count(*) from model_attempts where state = 'rejected' and error_code = 'TU0706'";
    assert_eq!(durable.agents.world.number(forsaken).await, 1, "what had not left is free again");
    durable.agents.is_paid_once().await;

    // The same while specialists work side by side.
    let specialists = &POINTS[..4];
    let hold = Scheduled::from(Fault::Hold { at: Point::Arrived }).times(4).only(orchestrators(1));
    durable.agents.model.fault(hold);
    let runs: Vec<String> = (0..4).map(|n| durable.goal(&format!("second-{n}"))).collect();
    durable.held(4).await;
    durable.arm(specialists);
    assert_eq!(durable.agents.model.release(), 4);
    durable.killed_at(specialists, service).await;
    let _service = durable.start().await;
    durable.end_as(&runs, &quiet).await;
    durable.agents.is_paid_once().await;
    let twice =
        "select count(*) from (select from agent_facts group by tenant_id, run_id, id having count(*) > 1) f";
    assert_eq!(durable.agents.world.number(twice).await, 0);
    let gaps = "select count(*) from agent_runs r
        where facts <> (select count(*) from agent_facts f where f.tenant_id = r.tenant_id and f.run_id = r.run_id)";
    assert_eq!(durable.agents.world.number(gaps).await, 0, "each fact is minted once, and none is left out");
}

#[tokio::test]
async fn of_two_processes_one_pays() {
    let durable = Durable::new().await;
    let (model, world) = (&durable.agents.model, &durable.agents.world);
    let one = durable.start().await;
    let quiet = durable.quiet().await;
    let (before, ..) = durable.billed().await;

    // Killed while its request is paid for and not answered: it is asked again, and said.
    model.hold(Point::Accepted, orchestrators(0));
    let killed = durable.goal("killed");
    durable.held(1).await;
    one.kill();
    let one = durable.start().await;
    durable.end_as(std::slice::from_ref(&killed), &quiet).await;
    let unknown = "select count(*) from model_attempts where run_id = $1::uuid and state = 'unknown'";
    let turns = "select count(*) from agent_turns where run_id = $1::uuid";
    assert_eq!(durable.agents.of_run(unknown, &killed).await, 1);
    let (after, ..) = durable.billed().await;
    assert_eq!(after - before, durable.agents.of_run(turns, &killed).await + 1);

    // Frozen at the same place, its run is another's; what it hears when it wakes up counts for nothing.
    model.hold(Point::Accepted, orchestrators(0));
    let frozen = durable.goal("frozen");
    durable.held(1).await;
    one.signal("STOP");
    let two = durable.start().await;
    durable.end_as(std::slice::from_ref(&frozen), &quiet).await;
    assert_eq!(model.release(), 1, "its answer is on its way only now");
    one.signal("CONT");
    assert!(one.terminate(SOON).await.success());
    assert_eq!(durable.agents.of_run(unknown, &frozen).await, 1);
    let (later, ..) = durable.billed().await;
    assert_eq!(later - after, durable.agents.of_run(turns, &frozen).await + 1);
    let epoch = "select epoch from agent_runs where run_id = $1::uuid";
    assert_eq!(durable.agents.of_run(epoch, &frozen).await, 2, "taken up once by each");
    durable.end_as(std::slice::from_ref(&frozen), &quiet).await;

    // Two are well, and the job comes three times while one of them has it.
    let three = durable.start().await;
    model.hold(Point::Accepted, orchestrators(0));
    let often = durable.goal("often");
    durable.held(1).await;
    let jobs = world.jobs().await;
    let messages = jobs.all().await;
    assert!(!messages.is_empty());
    for (subject, body) in messages.iter().chain(&messages) {
        jobs.publish(subject, body.clone()).await;
    }
    assert_eq!(model.release(), 1);
    durable.end_as(std::slice::from_ref(&often), &quiet).await;
    eventually("all of them are answered for", SOON, || async {
        (jobs.count("JOBS").await == 0).then_some(())
    })
    .await;
    let (last, ..) = durable.billed().await;
    assert_eq!(last - later, durable.agents.of_run(turns, &often).await);
    assert_eq!(durable.agents.of_run(unknown, &often).await, 0);
    assert_eq!(durable.agents.of_run(epoch, &often).await, 1);
    assert_eq!(world.number("select count(*) from plans").await, 4);
    durable.agents.is_paid_once().await;
    drop((two, three));
}

/// The provider is overloaded, and says so before anything is paid for.
fn overloaded() -> Fault {
    let (code, should_retry) = (529, Some(false));
    Fault::Status { code, kind: None, retry_after: None, should_retry, html: false, billed: false }
}

#[tokio::test]
async fn runs_wait_while_the_provider_is_down_and_pay_nothing_twice() {
    let durable = Durable::new().await;
    let (model, world) = (&durable.agents.model, &durable.agents.world);
    let _services = (world.start("scheduler").await, durable.start().await);
    let quiet = durable.quiet().await;

    model.fault(Scheduled::from(overloaded()).times(u64::MAX).only(orchestrators(1)));
    let before = durable.billed().await;
    let runs: Vec<String> = (0..5).map(|n| durable.goal(&format!("down-{n}"))).collect();
    eventually("all of them wait for the provider", SOON, || async {
        let held = "select count(*) from outbox where held_by = 'breaker'";
        (world.number(held).await == 5).then_some(())
    })
    .await;
    let holds = world.tradeup_json(&["holds"]);
    assert_eq!(holds["breakers"][0]["dependency"], "anthropic", "{holds:#}");
    let (billed, turns, unknown) = durable.billed().await;
    assert_eq!((billed - before.0, turns - before.1, unknown), (5, 5, 0), "a turn each, and nothing more");
    let ended = "select count(*) from agent_runs where state <> 'running'";
    assert_eq!(world.number(ended).await, 1, "they go on later");

    // It is back, and the time is over for which it was to be left alone.
    model.clear_faults();
    for statement in [
        "update breakers set open_until = now() - interval '1 second', trial_until = null",
        "update outbox set next_publish_at = now() where held_by = 'breaker'",
    ] {
        sqlx::query(statement).execute(&world.database.admin).await.unwrap();
    }
    durable.end_as(&runs, &quiet).await;
    let (billed, turns, unknown) = durable.billed().await;
    assert_eq!((billed, unknown), (turns, 0), "what was answered before stands");
    assert_eq!(world.number("select count(*) from breakers where open_until is not null").await, 0);
    durable.agents.is_paid_once().await;
}

#[tokio::test]
async fn a_turn_whose_answers_are_lost_is_given_up_before_it_costs_more() {
    let durable = Durable::new().await;
    let (model, world) = (&durable.agents.model, &durable.agents.world);
    let _service = durable.start().await;
    // One that is lost once is asked again; one that is lost for ever is not.
    model.fault(Scheduled::from(Fault::CutAfter).only(Fits::default().model(SONNET[0])));
    let once = durable.goal("once");
    durable.agents.planned(&once).await;
    let lost = "select count(*) from model_attempts where run_id = $1::uuid and state = 'unknown'";
    assert_eq!(durable.agents.of_run(lost, &once).await, 1);
    let (before, ..) = durable.billed().await;
    model.fault(Scheduled::from(Fault::CutAfter).times(100).only(orchestrators(0)));
    let run = durable.goal("ever");
    let (code, why) = durable.agents.dead(&run).await;
    assert_eq!(code, "TU0706", "{why}");
    assert!(why.contains("turn 1 of orchestrator"), "{why}");
    assert_eq!(durable.billed().await.0 - before, 3);
    assert_eq!(durable.agents.of_run(lost, &run).await, 3);
    let all_unknown = "select count(*) from agent_runs where run_id = $1::uuid and state = 'failed'
        and spent_nano > 0 and spent_nano = unknown_nano and reserved_nano = 0";
    assert_eq!(durable.agents.of_run(all_unknown, &run).await, 1);
    let spend = world.tradeup_json(&["agents", "spend", "--tenant", "aurora"]);
    let journal = durable.agents.journal(&run);
    assert!(journal["unknown_nano_usd"].as_i64().is_some_and(|nano| nano > 0), "{journal:#}");
    assert_ne!(spend, json!([]));
    let listed = world.tradeup_json(&["dead", "list", "--code", "TU0706"]);
    assert_eq!(listed[0]["run_id"], run.as_str(), "{listed:#}");
    durable.agents.is_paid_once().await;
}
