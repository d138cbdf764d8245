//! `tradeup agents eval`.

mod compare;
mod goals;
mod report;
mod runs;
mod text;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::ensure;
use clap::Args;

use self::compare::Comparison;
use self::goals::Goals;
use self::report::{Minimum, Report};
use super::super::{now, text_of};
use crate::Context;

/// Longest prefix of keys, in bytes.
const PREFIX_MAX: usize = 100;

/// Ask for plans of shops of which it is known what there is to be found, and score them: to compare models, prompts and
/// limits (docs/agents.md). Exit code 1 if a goal has no plan, or one below what is asked for.
#[derive(Args)]
pub(crate) struct Eval {
    /// The file of goals, as JSON; - reads standard input.
    #[arg(long, value_name = "FILE")]
    goals: String,
    /// What tells this evaluation from others: the same again shows the runs that there are, and pays nothing. The day (of
    /// UTC), if it is not said.
    #[arg(long, value_name = "KEY", value_parser = prefix)]
    prefix: Option<String>,
    /// How often each goal is asked for; it is passed if all of its plans are good.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=20))]
    repeat: u32,
    /// How long to wait for all of them. What goes on then is read by the same command given again.
    #[arg(long, value_name = "SECONDS", default_value_t = 1800, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    wait: u64,
    /// Write the report to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    out: Option<String>,
    /// Compare with the report in this file, goal by goal.
    #[arg(long, value_name = "FILE")]
    baseline: Option<String>,
    #[command(flatten)]
    minimum: Minimum,
    /// Who asks, for the record.
    #[arg(long, env = "USER", default_value = "tradeup")]
    by: String,
}

fn prefix(text: &str) -> Result<String, String> {
    let good = (1..=PREFIX_MAX).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    if good {
        Ok(text.to_owned())
    } else {
        Err(format!("give 1 to {PREFIX_MAX} letters, digits, -, _ and ."))
    }
}

impl Eval {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        // Whatever can be wrong is found before anything is paid for.
        ensure!(!self.by.trim().is_empty(), "--by: say who asks, for the record");
        let goals = Goals::read(&text_of(&self.goals)?)?;
        let baseline = self.baseline.as_deref().map(Report::read).transpose()?;
        if let Some(out) = &self.out {
            report::writable(out)?;
        }
        let pool = context.pool().await?;
        let at = now(&pool).await?;
        let prefix = self.prefix.unwrap_or_else(|| at.date_naive().to_string());
        let asking = runs::Asking { prefix: &prefix, repeat: self.repeat, by: &self.by, at };
        let begun = runs::begin(context, &pool, &goals, &asking).await?;
        runs::wait(context, &pool, &begun, &prefix, Duration::from_secs(self.wait)).await?;
        let mut report = Report::new(&prefix, &goals, self.repeat, self.minimum);
        for one in &begun {
            let Some(goal) = goals.goals.get(one.goal) else { continue };
            report.add(one.goal, runs::read(&pool, goal, one).await?);
        }
        report.sum_up();
        let comparison = baseline.map(|baseline| Comparison::of(&baseline, &report));
        if let Some(out) = &self.out {
            report.write(out)?;
        }
        let value = report.value(comparison.as_ref())?;
        context.output().show(&value, || {
            let compared = comparison.as_ref().map(Comparison::text).unwrap_or_default();
            format!("{}{compared}", report.text())
        })?;
        Ok(if report.is_passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_a_word() {
        assert_eq!(prefix("2026-11-29.opus_5"), Ok("2026-11-29.opus_5".to_owned()));
        for wrong in ["", "a:b", "a b", "ä", &"x".repeat(101)] {
            assert!(prefix(wrong).is_err(), "{wrong}");
        }
    }
}
