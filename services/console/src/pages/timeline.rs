//! The time line of a run: its attempts with their waits, and the runs below it.

use chrono::{DateTime, Utc};

use crate::charts::Tone;
use crate::charts::timeline::{Part, Row, Timeline};
use crate::views::run::{Attempt, Child, Run};
use crate::views::when::{When, length};

/// Attempts that are drawn: the latest.
const ATTEMPTS_MAX: usize = 12;
/// Runs below that are drawn: those that took longest.
const BELOW_MAX: usize = 24;

/// What became of a run; nothing if there is nothing that a table does not show as well.
pub(super) fn timeline(run: &Run) -> Option<Timeline> {
    if run.attempts.is_empty() || (run.attempts.len() == 1 && run.children.is_empty()) {
        return None;
    }
    let scale = Scale { origin: run.line.created.0, now: run.as_of.0 };
    let first = run.attempts.len().saturating_sub(ATTEMPTS_MAX);
    let mut rows: Vec<Row> = (first..run.attempts.len()).filter_map(|nth| scale.attempt(run, nth)).collect();
    let mut below: Vec<&Child> = run.children.iter().collect();
    below.sort_by_key(|child| std::cmp::Reverse(scale.took(child)));
    below.truncate(BELOW_MAX);
    let longest = below.first().map(|child| (name(run, child), length_of(scale.took(child))));
    below.sort_by_key(|child| child.run.started.unwrap_or(child.run.created).0);
    rows.extend(below.iter().map(|child| scale.child(run, child)));

    let end = scale.ms(run.line.ended.unwrap_or(run.as_of));
    let attempts = run.attempts.iter().skip(first).map(|attempt| match &attempt.took {
        Some(took) => format!("attempt {} {} after {took}", attempt.number, attempt.outcome),
        None => format!("attempt {} {}", attempt.number, attempt.outcome),
    });
    let attempts: Vec<String> = attempts.collect();
    let below_it = longest
        .map(|(name, took)| format!(" Of the runs below it {name} took longest, {took}."))
        .unwrap_or_default();
    let says = format!("Time line of {}: {}.{below_it}", length_of(end), attempts.join(", "));
    let not_all = match run.children.len() > below.len() {
        true => format!("; of the runs below it the {} that took longest", below.len()),
        false => String::new(),
    };
    let note = format!("since it was created at {}{not_all}", run.line.created);
    Some(Timeline { says, note, rows })
}

/// What a run below is called: its shop, or what its key adds to that of the one above.
fn name(run: &Run, child: &Child) -> String {
    match &child.run.tenant {
        Some(tenant) if child.run.tenant != run.line.tenant => tenant.clone(),
        _ => {
            let rest = child.run.key.strip_prefix(&run.line.key).unwrap_or(&child.run.key);
            let rest = rest.trim_start_matches([':', '/']);
            match rest {
                "" => child.run.task.clone(),
                rest if child.run.task.ends_with("-batch") => format!("batch {rest}"),
                rest => rest.to_owned(),
            }
        }
    }
}

fn length_of(ms: i64) -> String {
    length(chrono::TimeDelta::milliseconds(ms))
}

/// How instants become places.
struct Scale {
    /// Where the time line begins.
    origin: DateTime<Utc>,
    /// Where what has not ended does.
    now: DateTime<Utc>,
}

impl Scale {
    fn ms(&self, at: When) -> i64 {
        (at.0 - self.origin).num_milliseconds().max(0)
    }

    /// How long a run below took, with its wait.
    fn took(&self, child: &Child) -> i64 {
        self.ms(child.run.ended.unwrap_or(When(self.now))) - self.ms(child.run.created)
    }

    /// An attempt with the wait before it, and with that for what is below the run, if it ended so.
    fn attempt(&self, run: &Run, nth: usize) -> Option<Row> {
        let attempt: &Attempt = run.attempts.get(nth)?;
        let before = match nth.checked_sub(1).and_then(|before| run.attempts.get(before)) {
            Some(before) => before.ended.unwrap_or(attempt.started),
            // What is due later is not waited for.
            None if run.line.due.0 > run.line.created.0 => run.line.due,
            None => run.line.created,
        };
        let (from, to) = (self.ms(attempt.started), self.ms(attempt.ended.unwrap_or(When(self.now))));
        let mut parts = vec![
            Part { from: self.ms(before).min(from), to: from, tone: None },
            Part { from, to, tone: Some(tone(&attempt.outcome)) },
        ];
        if attempt.outcome == "waiting" && nth + 1 == run.attempts.len() {
            let until = self.ms(run.line.ended.unwrap_or(When(self.now)));
            parts.push(Part { from: to, to: until.max(to), tone: None });
        }
        Some(Row { name: format!("attempt {}", attempt.number), parts })
    }

    fn child(&self, run: &Run, child: &Child) -> Row {
        let created = self.ms(child.run.created);
        let ended = self.ms(child.run.ended.unwrap_or(When(self.now)));
        let started = child.run.started.map(|at| self.ms(at));
        let mut parts = vec![Part { from: created, to: started.unwrap_or(ended), tone: None }];
        parts.extend(started.map(|started| Part {
            from: started,
            to: ended,
            tone: Some(tone(&child.run.state)),
        }));
        Row { name: name(run, child), parts }
    }
}

/// How an attempt or a run looks.
fn tone(state: &str) -> Tone {
    match state {
        "succeeded" => Tone::Good,
        "failed" | "dead" | "lost" => Tone::Bad,
        "cancelled" => Tone::Warn,
        _ => Tone::Busy,
    }
}
