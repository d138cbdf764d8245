//! From what was measured to what a shop, a batch and a credit cost.

use std::array::from_fn;

use super::figures::{Figures, Month};
use super::float;
use super::validate::{BATCH, TOGETHER};

/// What something costs for each shop, each batch and each credit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Cost {
    pub(super) shop: f64,
    pub(super) batch: f64,
    pub(super) credit: f64,
}

impl Cost {
    pub(super) fn of(&self, shops: f64, batches: f64, credits: f64) -> f64 {
        self.shop * shops + self.batch * batches + self.credit * credits
    }
}

/// What the model knows of the system: seconds of a processor, unless said otherwise.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Costs {
    /// PostgreSQL, to create a shop's run.
    pub(super) spawn: f64,
    /// PostgreSQL, to plan a shop: `shop` and `credit`.
    pub(super) plan: Cost,
    /// PostgreSQL, to execute a batch: `batch` and `credit`.
    pub(super) batch: Cost,
    /// Standard deviation of a batch's demand over its mean.
    pub(super) batch_deviation: f64,
    /// The process `credits`, for a batch: `batch` and `credit`.
    pub(super) credits: Cost,
    /// The process `scheduler`, for a shop.
    pub(super) scheduler: f64,
    /// How much more a processor gives while its sibling rests.
    pub(super) boost: f64,
    /// Seconds that a batch keeps its place beyond what it asks of processors and log: on its way to and from NATS.
    pub(super) hop: f64,
    /// NATS, for a message.
    pub(super) message: f64,
    /// NATS stores one message after the other: seconds each.
    pub(super) message_stored: f64,
    /// Bytes of a message in the stream.
    pub(super) message_bytes: f64,
    /// The sweep, for a waiting run that it looks at.
    pub(super) sweep_run: f64,
    /// Seconds of a flush of the log.
    pub(super) flush: f64,
    /// Bytes of log.
    pub(super) wal: Cost,
    /// Bytes on disk.
    pub(super) disk: Cost,
}

/// The costs that come closest to what was measured.
pub(super) fn costs(figures: &Figures, months: &[Month]) -> Costs {
    let boost = boost(months);
    let all = months;
    // Whoever is alone has a core to himself, and his seconds of it are worth more: what things cost is said by the others.
    let loaded: Vec<Month> = months.iter().filter(|month| month.concurrency > 1).cloned().collect();
    let months: &[Month] = if loaded.len() < 3 { months } else { &loaded };
    let of = |value: fn(&Month) -> f64| least(months, value, [true, true, true]);
    let postgres = of(|month| month.cpu_s.postgres);
    let plan_credit = plan(months);
    let spawn =
        months.iter().map(|month| month.spawn_s / f64::from(month.shops)).fold(f64::INFINITY, f64::min);
    let spawn = if spawn.is_finite() { spawn } else { 0.0 };
    // What a plan takes by its attempts is shared with others on a busy machine, so no more than half of what the fit has, which
    // may say it of a batch or of its credits.
    let full = float(BATCH);
    let credit = plan_credit.min((postgres.credit + postgres.batch / full) / 2.0);
    // Shops share a transaction, so that the fit may say all that they cost of their batches.
    let plan = Cost { shop: (postgres.shop - spawn).max(0.0), batch: 0.0, credit };
    let nats = least(months, |month| month.cpu_s.nats, [false, true, false]);
    let scheduler = least(months, |month| month.cpu_s.scheduler, [true, false, false]);
    let credits = least(months, |month| month.cpu_s.credits, [false, true, true]);
    let batch = Cost {
        shop: 0.0,
        batch: postgres.batch - (plan.credit - postgres.credit).max(0.0) * full,
        credit: (postgres.credit - plan.credit).max(0.0),
    };
    let calm = all.iter().min_by_key(|month| month.concurrency);
    Costs {
        spawn,
        plan,
        batch,
        batch_deviation: calm.map_or(0.0, |month| (month.batch_s_deviation / month.batch_s).clamp(0.0, 2.0)),
        credits,
        scheduler: scheduler.shop,
        boost,
        hop: hop(all, batch, credits, figures.flush_s, boost),
        message: nats.batch,
        message_stored: figures.messages_per_s.recip(),
        message_bytes: figures.message_bytes,
        sweep_run: figures.sweep_run_s,
        flush: figures.flush_s,
        wal: of(|month| month.wal_bytes),
        disk: Cost {
            credit: least(months, |month| month.disk_credits_bytes, [false, false, true]).credit,
            ..least(months, |month| month.disk_runs_bytes, [true, true, false])
        },
    }
}

/// What is left of a batch's time where one is executed after the other, and nobody else is in its way.
fn hop(months: &[Month], batch: Cost, credits: Cost, flush: f64, boost: f64) -> f64 {
    let alone = months.iter().filter(|month| month.concurrency == 1);
    let left: Vec<f64> = alone
        .map(|month| {
            let (batches, members) = (float(month.batches), float(month.credits));
            let asked = batch.of(0.0, batches, members) + credits.of(0.0, batches, members);
            // Whoever is alone gets a processor at most, and no more of it than others left.
            let together = batches.min(float(TOGETHER as u64));
            (month.seconds - asked / (1.0 + boost) / month.cores_left.min(1.0)) / batches - flush / together
        })
        .collect();
    if left.is_empty() { 0.0 } else { (left.iter().sum::<f64>() / float(left.len() as u64)).max(0.0) }
}

/// How much less the months that were executed one after the other took of PostgreSQL's processors than the others would have it.
/// Siblings share a core, so that it is at most twice as much that one gives alone.
fn boost(months: &[Month]) -> f64 {
    let (alone, loaded): (Vec<Month>, Vec<Month>) =
        months.iter().cloned().partition(|month| month.concurrency == 1);
    let cost = least(&loaded, |month| month.cpu_s.postgres, [true, true, true]);
    let more: Vec<f64> = alone
        .iter()
        .map(|month| {
            let loaded = cost.of(f64::from(month.shops), float(month.batches), float(month.credits));
            loaded / month.cpu_s.postgres - 1.0
        })
        .filter(|more| more.is_finite())
        .collect();
    if more.is_empty() { 0.0 } else { (more.iter().sum::<f64>() / float(more.len() as u64)).clamp(0.0, 1.0) }
}

/// Seconds of planning a credit of a shop: a line through the months' attempts.
fn plan(months: &[Month]) -> f64 {
    let rows: Vec<[f64; 3]> = months.iter().map(|month| [1.0, 0.0, float(month.members_each)]).collect();
    let seen: Vec<f64> = months.iter().map(|month| month.plan_s).collect();
    let [_, _, credit] = solve(&rows, &seen, [true, false, true]);
    credit
}

fn least(months: &[Month], value: fn(&Month) -> f64, used: [bool; 3]) -> Cost {
    let rows: Vec<[f64; 3]> = months
        .iter()
        .map(|month| [f64::from(month.shops), float(month.batches), float(month.credits)])
        .collect();
    let seen: Vec<f64> = months.iter().map(value).collect();
    let [shop, batch, credit] = solve(&rows, &seen, used);
    Cost { shop, batch, credit }
}

/// The factors, none below zero, for which the relative errors have the least sum of squares. With three unknowns each set
/// of those that are not zero is tried.
fn solve(rows: &[[f64; 3]], seen: &[f64], used: [bool; 3]) -> [f64; 3] {
    // Relative: a month of a second counts as much as one of a minute.
    let scaled: Vec<[f64; 3]> = rows
        .iter()
        .zip(seen)
        .filter(|(_, seen)| **seen > 0.0)
        .map(|(row, seen)| row.map(|x| x / seen))
        .collect();
    let mut best = ([0.0; 3], f64::INFINITY);
    for set in 1..8_u8 {
        let chosen: [bool; 3] = from_fn(|n| set >> n & 1 == 1);
        if chosen.iter().zip(used).any(|(chosen, used)| *chosen && !used) {
            continue;
        }
        let Some(found) = normal(&scaled, chosen) else { continue };
        if found.iter().any(|x| *x < 0.0) {
            continue;
        }
        let error: f64 = scaled
            .iter()
            .map(|row| {
                let sum: f64 = row.iter().zip(found).map(|(x, factor)| x * factor).sum();
                (sum - 1.0).powi(2)
            })
            .sum();
        if error < best.1 {
            best = (found, error);
        }
    }
    best.0
}

/// Least squares for the chosen columns, the others being zero: the normal equations, by Cramer's rule.
fn normal(rows: &[[f64; 3]], chosen: [bool; 3]) -> Option<[f64; 3]> {
    // Each column by its largest, so that none vanishes beside another.
    let largest = |c: usize| rows.iter().map(|row| row[c].abs()).fold(0.0, f64::max);
    let size: [f64; 3] = from_fn(|c| if chosen[c] { largest(c) } else { 1.0 });
    if size.iter().any(|size| *size <= 0.0) {
        return None;
    }
    let at = |row: &[f64; 3], c: usize| if chosen[c] { row[c] / size[c] } else { 0.0 };
    let right: [f64; 3] = from_fn(|i| rows.iter().map(|row| at(row, i)).sum());
    let left: [[f64; 3]; 3] = from_fn(|i| {
        from_fn(|j| {
            let sum: f64 = rows.iter().map(|row| at(row, i) * at(row, j)).sum();
            // What is not chosen stands alone, and is zero.
            if i == j && !chosen[i] { 1.0 } else { sum }
        })
    });
    let whole = determinant(&left);
    (whole.abs() > 1e-12).then(|| {
        from_fn(|c| {
            let with: [[f64; 3]; 3] = from_fn(|i| from_fn(|j| if j == c { right[i] } else { left[i][j] }));
            if chosen[c] { determinant(&with) / whole / size[c] } else { 0.0 }
        })
    })
}

fn determinant(a: &[[f64; 3]; 3]) -> f64 {
    let [[a, b, c], [d, e, f], [g, h, i]] = a;
    a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPES: [[f64; 3]; 4] = [
        [50.0, 900.0, 90_000.0],
        [1.0, 1800.0, 180_000.0],
        [500.0, 500.0, 9_000.0],
        [100.0, 500.0, 45_000.0],
    ];

    #[test]
    fn what_was_put_in_is_found() {
        let known = [0.004, 0.0015, 0.00004];
        let seen: Vec<f64> =
            SHAPES.iter().map(|row| row.iter().zip(known).map(|(x, factor)| x * factor).sum()).collect();
        let found = solve(&SHAPES, &seen, [true, true, true]);
        for (found, known) in found.iter().zip(known) {
            assert!((found / known - 1.0).abs() < 1e-6, "{found} for {known}");
        }
    }

    #[test]
    fn nothing_costs_less_than_nothing() {
        // More shops, less time: no factor is made negative for it.
        let found = solve(&SHAPES, &[8.0, 17.0, 0.1, 4.0], [true, true, true]);
        assert!(found.iter().all(|factor| *factor >= 0.0), "{found:?}");
        assert!(solve(&SHAPES, &[8.0, 17.0, 0.1, 4.0], [false, true, false])[1] > 0.0);
    }
}
