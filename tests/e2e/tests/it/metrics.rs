//! What services count is what happened, and nobody's name is in it.

use std::collections::BTreeSet;
use std::time::Duration;

use tradeup_harness::{Process, Shop, World, eventually};

use crate::http::{ask, port};

const SOON: Duration = Duration::from_secs(40);

/// What a service tells at /metrics.
pub(crate) async fn metrics(service: &Process) -> String {
    let (status, answer) = ask(port(service).await, "GET", "/metrics", &[], "").await;
    assert_eq!(status, 200);
    assert!(answer.contains("application/openmetrics-text"), "{answer}");
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

/// The value of a series; `None` if it is not there.
pub(crate) fn value(text: &str, series: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok())
}

#[tokio::test]
async fn a_month_is_counted_as_it_was() {
    let mut world = World::new().await;
    world.environment.insert("TRADEUP_HEALTH".to_owned(), "127.0.0.1:0".to_owned());
    world.add_shop(&Shop::new("aurora-cards", 1_000, 81));
    let (scheduler, credits) = world.start_both().await;
    let run = world.trigger("2026-11");
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    let (due, minor) = world.due["aurora-cards"];
    let batches = world.number("select count(*) from batches").await;

    let told = metrics(&credits).await;
    let counted = |series: &str| value(&told, series).unwrap_or_else(|| panic!("{series}: {told}"));
    let exactly = |number: i64| f64::from(i32::try_from(number).unwrap());
    let batch = "task=\"monthly-credits-batch\"";
    assert_eq!(counted(&format!("tradeup_runs_claimed_total{{{batch}}}")), exactly(batches));
    assert_eq!(
        counted(&format!("tradeup_attempts_ended_total{{{batch},outcome=\"succeeded\"}}")),
        exactly(batches)
    );
    assert_eq!(
        counted(&format!("tradeup_attempts_ended_total{{{batch},outcome=\"dead\"}}")),
        0.0,
        "known from the start"
    );
    assert_eq!(counted(&format!("tradeup_attempt_duration_seconds_count{{{batch}}}")), exactly(batches));
    assert_eq!(counted("tradeup_credits_total{kind=\"grant\",currency=\"USD\"}"), exactly(due));
    assert_eq!(counted("tradeup_credits_minor_total{kind=\"grant\",currency=\"USD\"}"), exactly(minor));
    assert_eq!(counted("tradeup_nats_connected"), 1.0);
    assert!(counted("process_resident_memory_bytes") > 1e6 && counted("process_open_fds") > 3.0);
    assert!(told.contains("tradeup_build_info{service=\"credits\","), "{told}");

    // What no single process knows, the scheduler reads.
    let told = eventually("the scheduler has looked", SOON, || async {
        let told = metrics(&scheduler).await;
        (value(&told, "tradeup_services_seen{service=\"credits\"}") == Some(1.0)).then_some(told)
    })
    .await;
    for zero in [
        "tradeup_dead_letters_open",
        "tradeup_outbox_oldest_seconds",
        "tradeup_schedules_late_seconds",
        "tradeup_breakers_open{dependency=\"shopify\"}",
        "tradeup_alerts_open{rule=\"missed_schedule\"}",
        "tradeup_consumer_pending_messages{stream=\"JOBS\",task=\"monthly-credits-batch\"}",
    ] {
        assert_eq!(value(&told, zero), Some(0.0), "{zero}: {told}");
    }
    assert!(value(&told, "tradeup_stream_bytes_max{stream=\"JOBS\"}").unwrap() > 1e6);

    // Each is in the reference, and none is about anybody.
    let reference = include_str!("../../../../docs/metrics.md");
    let both = [metrics(&credits).await, told].concat();
    let names: BTreeSet<&str> =
        both.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    assert!(names.len() > 30, "{names:?}");
    for name in names {
        assert!(reference.contains(&format!("`{name}")), "docs/metrics.md does not know {name}");
    }
    assert!(!both.contains("aurora"), "a shop's name");
}
