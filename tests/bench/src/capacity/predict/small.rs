//! Months on the machine that was measured, and on clusters that grow.

use serde_json::{Value, json};

use super::Base;
use crate::capacity::cluster::Cluster;
use crate::capacity::float;
use crate::capacity::month::simulate;
use crate::capacity::shops::Sizes;
use crate::capacity::table::{self, count, percent, time};

/// Shops and members of one month on one machine.
const GROWS: [(u32, u64); 4] = [(10, 100_000), (100, 1_000_000), (1_000, 10_000_000), (10_000, 100_000_000)];
/// Processors of PostgreSQL, and processes `credits`, of clusters that grow.
const POSTGRES: [f64; 5] = [4.0, 8.0, 16.0, 32.0, 64.0];
const CREDITS: [usize; 5] = [1, 2, 4, 8, 16];
/// Of a month that tells how quick a cluster is.
const SAMPLE: (u32, u64) = (400, 4_000_000);

/// The measured machine with all processes on it.
pub(super) fn one_machine(base: &Base, flush: f64) -> anyhow::Result<Value> {
    let mut costs = base.costs;
    costs.flush = flush;
    let cluster =
        Cluster { credits: 1, schedulers: 1, round_trip: 0.0, wal_bytes_per_s: 0.0, ..base.cluster };
    let (mut rows, mut kept) = (Vec::new(), Vec::new());
    for (shops, members) in GROWS {
        let mut setting = cluster.setting(costs, Sizes::Equal.shops(shops, members, base.seed), base.seed);
        setting.machines = vec![f64::from(base.figures.cores)];
        (setting.postgres, setting.nats) = (0, 0);
        (setting.schedulers, setting.credits) = (vec![0], vec![0]);
        let outcome = simulate(&setting)?;
        let rate = float(members) / outcome.seconds;
        let busy = outcome.used.iter().sum::<f64>() / outcome.seconds / f64::from(base.figures.cores);
        rows.push(vec![
            count(f64::from(shops)),
            count(float(members)),
            time(outcome.seconds),
            count(rate),
            percent(busy),
            count(rate * 3600.0),
        ]);
        kept.push(
            json!({ "shops": shops, "members": members, "seconds": outcome.seconds, "credits_per_s": rate,
            "busy": busy }),
        );
    }
    table::show(
        &format!("One machine of {} processors, with all of it, as it was measured", base.figures.cores),
        &["shops", "members", "month takes", "credits/s", "busy", "credits an hour"],
        &rows,
    );
    Ok(Value::Array(kept))
}

/// Credits a second by processors of PostgreSQL and processes of `credits`.
pub(super) fn clusters(base: &Base) -> anyhow::Result<Value> {
    let (mut rows, mut kept) = (Vec::new(), Vec::new());
    for postgres in POSTGRES {
        let mut row = vec![count(postgres)];
        for credits in CREDITS {
            let cluster = Cluster { postgres, credits, ..base.cluster };
            let shops = Sizes::Equal.shops(SAMPLE.0, SAMPLE.1, base.seed);
            let outcome = simulate(&cluster.setting(base.costs, shops, base.seed))?;
            let rate = float(SAMPLE.1) / outcome.seconds;
            let busy = outcome.used.first().copied().unwrap_or(0.0) / outcome.seconds / postgres;
            row.push(format!("{} ({})", count(rate), percent(busy)));
            kept.push(json!({ "postgres_cores": postgres, "credits": credits, "credits_per_s": rate,
                "postgres_busy": busy }));
        }
        rows.push(row);
    }
    let mut heads = vec!["PostgreSQL's processors".to_owned()];
    heads.extend(CREDITS.iter().map(|n| format!("{n} credits")));
    table::show(
        "Credits a second of a cluster, and how busy PostgreSQL is; processors as quick as those measured",
        &heads.iter().map(String::as_str).collect::<Vec<_>>(),
        &rows,
    );
    Ok(Value::Array(kept))
}

/// What bounds the cluster of the large month, each resource alone.
pub(super) fn bounds(base: &Base) -> Value {
    let bounds = base.cluster.bounds(&base.costs);
    let rows: Vec<Vec<String>> = bounds
        .iter()
        .map(|bound| vec![bound.what.to_owned(), count(bound.credits_per_s), bound.lever.to_owned()])
        .collect();
    let title = format!(
        "What each resource of a cluster allows by itself ({} processors for PostgreSQL, {} credits of {} places); the \
         first gives way first",
        base.cluster.postgres, base.cluster.credits, base.cluster.concurrency
    );
    table::show(&title, &["resource", "credits/s", "what moves it"], &rows);
    bounds.iter().map(|bound| json!({ "what": bound.what, "credits_per_s": bound.credits_per_s })).collect()
}
