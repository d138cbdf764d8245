//! What it costs that something goes down in the middle of a month.

use serde_json::{Value, json};

use super::Base;
use crate::capacity::float;
use crate::capacity::month::simulate;
use crate::capacity::setting::Fault;
use crate::capacity::shops::Sizes;
use crate::capacity::table::{self, count, time};

/// Of the month in which it happens.
const SAMPLE: (u32, u64) = (400, 8_000_000);

/// Each of them at a third of the month.
pub(super) fn faults(base: &Base) -> anyhow::Result<Value> {
    let shops = Sizes::Zipf.shops(SAMPLE.0, SAMPLE.1, base.seed);
    let calm = simulate(&base.cluster.setting(base.costs, shops.clone(), base.seed))?;
    let at = calm.seconds / 3.0;
    let cases: [(&str, Vec<Fault>); 5] = [
        ("one credits, back after 30 s", vec![Fault::Credits { process: 0, at, lasts: 30.0 }]),
        ("one credits, for good", vec![Fault::Credits { process: 0, at, lasts: f64::MAX }]),
        (
            "each credits but one, for good",
            (1..base.cluster.credits)
                .map(|process| Fault::Credits { process, at, lasts: f64::MAX })
                .collect(),
        ),
        ("PostgreSQL, 30 s", vec![Fault::Postgres { at, lasts: 30.0 }]),
        ("NATS, 10 s", vec![Fault::Nats { at, lasts: 10.0 }]),
    ];
    let (mut rows, mut kept) = (Vec::new(), Vec::new());
    for (name, faults) in cases {
        let mut setting = base.cluster.setting(base.costs, shops.clone(), base.seed);
        setting.faults = faults;
        let outcome = simulate(&setting)?;
        let (later, again) = (outcome.seconds - calm.seconds, outcome.executed - outcome.batches);
        rows.push(vec![name.to_owned(), time(outcome.seconds), time(later.max(0.0)), count(float(again))]);
        kept.push(
            json!({ "what": name, "seconds": outcome.seconds, "later_s": later, "batches_again": again }),
        );
    }
    let title = format!(
        "What goes down after a third of a month of {} members that takes {}",
        count(float(SAMPLE.1)),
        time(calm.seconds)
    );
    table::show(&title, &["what", "month takes", "later by", "batches executed again"], &rows);
    Ok(Value::Array(kept))
}
