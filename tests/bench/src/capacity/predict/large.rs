//! The large month: how long, who waits how long, how full the stream is; and what stays of it.

use serde_json::{Value, json};
use tradeup_proto::JobKind;

use super::{Base, STREAM_BYTES};
use crate::capacity::float;
use crate::capacity::month::simulate;
use crate::capacity::setting::{Outcome, Setting};
use crate::capacity::shops::Sizes;
use crate::capacity::table::{self, bytes, count, percent, time};
use crate::figures::percentile;

/// Of shops, as docs/configuration.md has it; and what a year is then.
const KEEP_RUNS_DAYS: f64 = 400.0;
const MONTHS: f64 = 12.0;
/// A task that plans a shop, or creates all shops' runs, may take so long.
const TIME_LIMIT: f64 = 600.0;

/// Several ways in which members are spread over shops.
pub(super) fn months(base: &Base) -> anyhow::Result<Value> {
    let (mut rows, mut kept) = (Vec::new(), Vec::new());
    for sizes in Sizes::ALL {
        let shops = sizes.shops(base.shops, base.members, base.seed);
        let setting = base.cluster.setting(base.costs, shops, base.seed);
        let outcome = simulate(&setting)?;
        let (row, json) = told(sizes.name(), &setting, &outcome);
        rows.push(row);
        kept.push(json);
    }
    let title = format!(
        "{} shops, {} members: {} processors for PostgreSQL, {} credits; small shops are those of at most the median size",
        count(f64::from(base.shops)),
        count(float(base.members)),
        base.cluster.postgres,
        base.cluster.credits
    );
    table::show(&title, &HEADS, &rows);
    Ok(Value::Array(kept))
}

/// The window, and starts that are spread: what they do for the shop that comes last.
pub(super) fn windows(base: &Base) -> anyhow::Result<Value> {
    let (mut rows, mut kept) = (Vec::new(), Vec::new());
    // A tenth: the shape of it is the same.
    let (shops, members) = ((base.shops / 10).max(1), base.members / 10);
    let sizes = Sizes::Zipf.shops(shops, members, base.seed);
    let mut seconds = 0.0;
    for (window, spread) in [(64, 0.0), (16, 0.0), (4, 0.0), (64, 0.5), (64, 0.9), (64, 1.2)] {
        let mut setting = base.cluster.setting(base.costs, sizes.clone(), base.seed);
        setting.window = window;
        if spread > 0.0 {
            // Evenly over a part of what the month takes at once.
            let each = seconds * spread / f64::from(shops);
            setting.starts = (0..shops).map(|n| f64::from(n) * each).collect();
        }
        let outcome = simulate(&setting)?;
        if seconds == 0.0 {
            seconds = outcome.seconds;
        }
        let name = if spread == 0.0 {
            format!("window {window}")
        } else {
            format!("window {window}, spread over {}", time(seconds * spread))
        };
        let (row, json) = told(&name, &setting, &outcome);
        rows.push(row);
        kept.push(json);
    }
    let title = format!(
        "The same by the window and the spread of starts, zipf, {} shops, {} members; first and last count from each \
         shop's own start",
        count(f64::from(shops)),
        count(float(members))
    );
    table::show(&title, &HEADS, &rows);
    Ok(Value::Array(kept))
}

const HEADS: [&str; 10] = [
    "",
    "month takes",
    "credits/s",
    "first credit of a small shop: half",
    "99 %",
    "last credit of one: half",
    "99 %",
    "PostgreSQL busy",
    "most in the stream",
    "refused by it",
];

fn told(name: &str, setting: &Setting, outcome: &Outcome) -> (Vec<String>, Value) {
    let mut sizes: Vec<u64> = setting.shops.clone();
    sizes.sort_unstable();
    let median = sizes.get(sizes.len() / 2).copied().unwrap_or(0);
    let since = |at: &[f64]| -> Vec<f64> {
        let started = |n: usize| setting.starts.get(n).copied().unwrap_or(0.0);
        at.iter()
            .enumerate()
            .filter(|(n, _)| setting.shops[*n] <= median)
            .map(|(n, at)| at - started(n))
            .collect()
    };
    let (first, last) = (since(&outcome.first), since(&outcome.done));
    let waits =
        [percentile(&first, 50), percentile(&first, 99), percentile(&last, 50), percentile(&last, 99)];
    let rate = float(outcome.credits) / outcome.seconds;
    let busy = outcome.used[setting.postgres] / outcome.seconds / setting.machines[setting.postgres];
    let in_stream = float(outcome.stream_most as u64);
    let mut row = vec![name.to_owned(), time(outcome.seconds), count(rate)];
    row.extend(waits.map(time));
    row.extend([
        percent(busy),
        format!("{} ({})", count(in_stream), bytes(in_stream * setting.costs.message_bytes)),
        count(float(outcome.unpublished_most as u64)),
    ]);
    let json = json!({ "name": name, "seconds": outcome.seconds, "credits_per_s": rate,
        "small_first_s": { "p50": waits[0], "p99": waits[1] }, "small_last_s": { "p50": waits[2], "p99": waits[3] },
        "postgres_busy": busy, "stream_most": outcome.stream_most, "refused_most": outcome.unpublished_most,
        "log_busy": outcome.log_used / outcome.seconds, "nats_store_busy": outcome.store_used / outcome.seconds,
        "flushes": outcome.flushes });
    (row, json)
}

/// What stays on disk, what limits a single step, connections and memory.
pub(super) fn kept(base: &Base) -> Value {
    let (costs, members, shops) = (&base.costs, float(base.members), f64::from(base.shops));
    let batches = (members / 100.0).max(shops);
    // Money is kept for ever, runs for as long as they are kept.
    let month_runs = costs.disk.shop * shops + costs.disk.batch * batches;
    let runs = month_runs * MONTHS * KEEP_RUNS_DAYS / 365.0;
    let money = costs.disk.credit * members * MONTHS;
    let log = costs.wal.of(shops, batches, members);
    let kinds = |service: &str| JobKind::ALL.iter().filter(|kind| kind.service == service).count();
    let places = base.cluster.concurrency + base.cluster.concurrency.div_ceil(4);
    let allowed = |service: &str| u64::from(places) * kinds(service) as u64 + 2;
    let credits = base.cluster.credits as u64;
    let most = credits * allowed("credits") + base.cluster.schedulers as u64 * allowed("scheduler");
    let used = credits * u64::from(base.cluster.concurrency + 3);
    let largest = TIME_LIMIT / costs.plan.credit;
    let shops_most = TIME_LIMIT / costs.spawn;
    let rows = [
        ("on disk, credits of a year", bytes(money)),
        ("on disk, runs and batches, kept 400 days", bytes(runs)),
        ("log of a month", bytes(log)),
        ("the largest shop that can be planned within 600 s, members", count(largest)),
        ("most shops whose runs can be made within 600 s", count(shops_most)),
        ("connections that the processes may open", count(float(most))),
        ("of these a month uses about", count(float(used))),
        (
            "MiB of all processes at most",
            count(
                float(credits) * base.figures.peak_mib.credits
                    + float(base.cluster.schedulers as u64) * base.figures.peak_mib.scheduler,
            ),
        ),
        (
            "messages of one window for each shop",
            format!(
                "{} ({} of {})",
                count(shops * 32.0),
                bytes(shops * 32.0 * costs.message_bytes),
                bytes(STREAM_BYTES)
            ),
        ),
    ];
    let shown: Vec<Vec<String>> =
        rows.iter().map(|(what, value)| vec![(*what).to_owned(), value.clone()]).collect();
    table::show("What stays, and what limits a single step", &["", ""], &shown);
    json!({ "disk_credits_a_year_bytes": money, "disk_runs_bytes": runs, "log_a_month_bytes": log,
        "largest_shop_members": largest, "most_shops": shops_most, "connections_most": most,
        "connections_used": used })
}
