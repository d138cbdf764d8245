//! One trace goes from where something began to the commit of what it did: through the stream, over a killed worker, and
//! nobody's data is in it. A collector that is not there costs nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tradeup_fakes::collector::{FakeCollector, Span};
use tradeup_harness::{BATCHES, World, eventually};

use crate::blocked::Blocked;
use crate::metrics::{metrics, value};
use crate::schedules::{due_since, this_month};
use crate::shop_events::{told_in, traced_order};

const SOON: Duration = Duration::from_secs(60);
/// What spans may say. None of it tells whose it is.
const MAY_SAY: [&str; 24] = [
    "db.operation.name",
    "db.system.name",
    "error.type",
    "gen_ai.operation.name",
    "gen_ai.provider.name",
    "gen_ai.request.model",
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.output_tokens",
    "graphql.operation.name",
    "http.request.method",
    "http.response.status_code",
    "http.route",
    "messaging.destination.name",
    "messaging.operation.name",
    "messaging.operation.type",
    "messaging.system",
    "network.protocol.name",
    "tradeup.attempt",
    "tradeup.outcome",
    "tradeup.run_id",
    "tradeup.schedule",
    "tradeup.task",
    "busy_ns",
    "idle_ns",
];

async fn traced_world() -> (FakeCollector, World) {
    let collector = FakeCollector::start().await.unwrap();
    let mut world = World::new().await;
    world.environment.insert("OTEL_EXPORTER_OTLP_ENDPOINT".to_owned(), collector.url());
    (collector, world)
}

/// The spans of the trace that this one belongs to.
fn trace_of(spans: &[Span], one: &Span) -> Vec<Span> {
    spans.iter().filter(|span| span.trace_id == one.trace_id).cloned().collect()
}

fn named<'a>(spans: &'a [Span], service: &str, name: &str) -> Vec<&'a Span> {
    spans.iter().filter(|span| span.service == service && span.name == name).collect()
}

/// Waits until the trace of `first` has spans of all these services and names, and returns it.
pub(crate) async fn whole(
    collector: &FakeCollector,
    first: (&str, &str),
    rest: &[(&str, &str)],
) -> Vec<Span> {
    eventually("the trace is whole", SOON, || async {
        let spans = collector.spans();
        named(&spans, first.0, first.1).into_iter().find_map(|root| {
            let trace = trace_of(&spans, root);
            let is_whole = rest.iter().all(|(service, name)| !named(&trace, service, name).is_empty());
            is_whole.then_some(trace)
        })
    })
    .await
}

/// One span has no parent, and all others one that is there.
fn assert_one_tree(trace: &[Span]) {
    let ids: BTreeSet<&str> = trace.iter().map(|span| span.span_id.as_str()).collect();
    let roots: Vec<_> = trace.iter().filter(|span| span.parent_id.is_empty()).collect();
    assert_eq!(roots.len(), 1, "{roots:#?}");
    let lost: Vec<_> = trace
        .iter()
        .filter(|span| !span.parent_id.is_empty() && !ids.contains(span.parent_id.as_str()))
        .collect();
    assert_eq!(lost, Vec::<&Span>::new(), "spans whose parent is not there");
}

pub(crate) fn assert_says_nothing_of_anybody(spans: &[Span], secrets: &[&str]) {
    for span in spans {
        for (name, value) in &span.attributes {
            assert!(MAY_SAY.contains(&name.as_str()), "{name}={value} of {}", span.name);
            assert!(!secrets.iter().any(|secret| value.contains(secret)), "{name}={value} of {}", span.name);
        }
    }
}

#[tokio::test]
async fn a_webhook_is_one_trace_from_the_request_to_the_ledger() {
    let (collector, world) = traced_world().await;
    let told = told_in(world, "USD").await;
    let customer = traced_order(&told).await;
    let rest = [
        ("webhooks", "send EVENTS"),
        ("webhooks", "process EVENTS"),
        ("webhooks", "process handle-order-paid"),
        ("webhooks", "send JOBS"),
        ("webhooks", "COMMIT"),
    ];
    let trace = whole(&collector, ("webhooks", "POST /webhooks/shopify"), &rest).await;
    assert_one_tree(&trace);
    let kinds: BTreeMap<&str, i32> = trace.iter().map(|span| (span.name.as_str(), span.kind)).collect();
    assert_eq!(kinds["POST /webhooks/shopify"], 2, "server");
    assert_eq!((kinds["send EVENTS"], kinds["process EVENTS"]), (4, 5), "producer and consumer");
    assert_eq!(kinds["COMMIT"], 3, "client");
    let request = &named(&trace, "webhooks", "POST /webhooks/shopify")[0].attributes;
    assert_eq!(
        (request["http.route"].as_str(), request["http.response.status_code"].as_str()),
        ("/webhooks/shopify", "200")
    );
    let handled = &named(&trace, "webhooks", "process handle-order-paid")[0].attributes;
    assert_eq!(
        (handled["tradeup.attempt"].as_str(), handled["tradeup.outcome"].as_str()),
        ("1", "succeeded")
    );
    assert_says_nothing_of_anybody(&collector.spans(), &["harbour", &customer]);
}

#[tokio::test]
async fn a_schedule_s_fire_is_one_trace_to_the_last_batch_also_over_a_killed_worker() {
    let (collector, mut world) = traced_world().await;
    world.add_shop(&tradeup_harness::Shop::new("aurora", 1_000, 71));
    // The first start adds the schedule, from the next month on; due is the last that has come.
    drop(world.start("scheduler").await);
    due_since(&world, &this_month(&world).await).await;
    // Whoever is killed tells nothing of what it has done, so the shop is planned before.
    let jobs = world.jobs().await;
    jobs.hold(BATCHES).await;
    let (_scheduler, planning) = world.start_both().await;
    eventually("its batches are at hand", SOON, || async {
        (world.number("select count(*) from batches where state = 'released'").await > 0).then_some(())
    })
    .await;
    assert!(planning.terminate(Duration::from_secs(25)).await.success());
    let credits = world.start("credits").await;
    let blocked = Blocked::table(&world, "accounts").await;
    jobs.let_go(BATCHES).await;
    blocked.catches(&world, "credits").await;
    credits.kill();
    // What it was at was not claimed; what comes a second time is.
    let credits = world.start("credits").await;
    eventually("a batch is claimed", SOON, || async {
        let claimed = "select count(*) from runs where task = 'monthly-credits-batch' and state = 'running'";
        (world.number(claimed).await > 0).then_some(())
    })
    .await;
    credits.kill();
    blocked.release().await;
    let _credits = world.start("credits").await;
    let rest = [
        ("scheduler", "send JOBS"),
        ("scheduler", "process monthly-credits"),
        ("credits", "process monthly-credits-tenant"),
        ("credits", "process monthly-credits-batch"),
        ("credits", "COMMIT"),
    ];
    whole(&collector, ("scheduler", "fire"), &rest).await;
    let run = "select id::text from runs where task = 'monthly-credits'";
    let run: String = sqlx::query_scalar(run).fetch_one(&world.database.admin).await.unwrap();
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    let batches = usize::try_from(world.number("select count(*) from batches").await).unwrap();
    let trace = eventually("every batch is in the trace", SOON, || async {
        let spans = collector.spans();
        let fire = named(&spans, "scheduler", "fire").into_iter().find(|span| {
            span.attributes.get("tradeup.schedule").is_some_and(|name| name == "monthly-credits")
        })?;
        let trace = trace_of(&spans, fire);
        let done = trace.iter().filter(|span| {
            span.name == "process monthly-credits-batch" && span.attributes["tradeup.outcome"] == "succeeded"
        });
        (done.count() >= batches).then_some(trace)
    })
    .await;
    // Those of the killed worker were never told; its run was tried again in the same trace.
    let second = trace.iter().filter(|span| span.attributes.get("tradeup.attempt").is_some_and(|n| n == "2"));
    assert!(second.count() > 0, "{trace:#?}");
    let traces = world.number(
        "select count(distinct split_part(traceparent, '-', 2)) from runs where task like 'monthly%'",
    );
    assert_eq!(traces.await, 1);
    assert_eq!(
        world.number("select count(*) from runs where task like 'monthly%' and traceparent is null").await,
        0
    );
    assert_says_nothing_of_anybody(&collector.spans(), &["aurora"]);
}

#[tokio::test]
async fn what_a_person_triggers_has_the_trace_of_its_run() {
    let (collector, mut world) = traced_world().await;
    world.add_shop(&tradeup_harness::Shop::new("aurora", 600, 72));
    let _services = world.start_both().await;
    let run = world.trigger("2026-11");
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    let trace_id = run.replace('-', "");
    eventually("its batches are in its trace", SOON, || async {
        let spans = collector.spans();
        let batch = named(&spans, "credits", "process monthly-credits-batch");
        batch.iter().any(|span| span.trace_id == trace_id).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_collector_that_is_not_there_costs_no_work() {
    let mut world = World::with_aurora(1_000, 73).await;
    // Nobody listens there.
    world.environment.insert("OTEL_EXPORTER_OTLP_ENDPOINT".to_owned(), "http://127.0.0.1:9".to_owned());
    world.environment.insert("TRADEUP_HEALTH".to_owned(), "127.0.0.1:0".to_owned());
    let (scheduler, credits) = world.start_both().await;
    let run = world.trigger("2026-11");
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    world.assert_exact(&["2026-11"]);
    eventually("it is said once", SOON, || async {
        (credits.log().matches("traces are lost until the collector takes them").count() == 1).then_some(())
    })
    .await;
    let lost = "tradeup_outbound_duration_seconds_count{peer=\"collector\",outcome=\"unavailable\"}";
    assert!(value(&metrics(&credits).await, lost).is_some_and(|times| times >= 1.0), "each try is counted");
    assert!(credits.terminate(Duration::from_secs(25)).await.success());
    assert!(scheduler.terminate(Duration::from_secs(25)).await.success());
}
