//! `tradeup tiers preview`.

use std::process::ExitCode;

use chrono::{DateTime, Utc};
use clap::Args;
use serde_json::json;
use tradeup_domain::amount_text as money;
use tradeup_store::tier_moves::{self, PreviewKind, PreviewMove};
use tradeup_store::{Tx, schedules, tiers};

use super::tenant_by_handle;
use crate::Context;
use crate::output::instant;
use crate::sheet::{Cell, Sheet};

/// Say who would move up or down, how many of each, and why. Ups come at once, by a review or the next order;
/// downs on the member's yearly date, unless enough is spent before.
#[derive(Args)]
pub(crate) struct Preview {
    /// The shop's handle.
    tenant: String,
    /// As of this instant, like 2027-01-01T00:00:00Z; now, if it is not said. Of what comes, no more is known
    /// than what is there now.
    #[arg(long, value_name = "INSTANT")]
    as_of: Option<DateTime<Utc>>,
    /// Print CSV, safe to open in a spreadsheet.
    #[arg(long, conflicts_with = "json")]
    csv: bool,
}

fn kind(kind: PreviewKind) -> &'static str {
    match kind {
        PreviewKind::Up => "up",
        PreviewKind::Down => "down",
        PreviewKind::Kept => "kept",
    }
}

fn words(kind: PreviewKind) -> &'static str {
    match kind {
        PreviewKind::Up => "would be raised at once",
        PreviewKind::Down => "would be lowered on the yearly date",
        PreviewKind::Kept => "are below, and stay: there is no time for notice before the yearly date",
    }
}

/// Why, in words.
fn why(line: &PreviewMove, currency: &str) -> String {
    let since = line.counts_from.map_or_else(|| "ever".to_owned(), |at| format!("since {}", instant(at)));
    let spent = format!(
        "spent {} of {} {since}",
        money(line.spend_minor, currency),
        money(line.threshold_minor, currency)
    );
    match (line.kind, line.noticed_at) {
        (PreviewKind::Up, _) => spent,
        (_, Some(at)) => format!("{spent}; notice given {}", instant(at)),
        (PreviewKind::Down, None) => format!("{spent}; no notice yet"),
        (PreviewKind::Kept, None) => format!("{spent}; too late for notice"),
    }
}

impl Preview {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let tenant = tenant_by_handle(&pool, &self.tenant).await?;
        let mut tx = Tx::snapshot_of_tenant(&pool, tenant.id).await?;
        let as_of = match self.as_of {
            Some(as_of) => as_of,
            None => schedules::now(&mut tx).await?,
        };
        let listed = tiers::list(&mut tx, tenant.id).await?;
        let moves = tier_moves::preview(&mut tx, tenant.id, as_of).await?;
        tx.rollback().await?;

        let name = |id: Option<i32>| {
            let tier = id.and_then(|id| listed.iter().find(|tier| tier.id == id));
            Cell::optional(tier.map(|tier| tier.handle.as_str()))
        };
        let mut sheet = Sheet::new(&[
            "customer",
            "move",
            "from_tier",
            "to_tier",
            "on",
            "spent_minor",
            "threshold_minor",
            "why",
        ]);
        for line in &moves {
            sheet.push([
                Cell::text(&line.external_id),
                Cell::text(kind(line.kind)),
                name(line.from_tier),
                name(line.tier),
                Cell::optional(line.review_on.map(|on| on.to_string())),
                Cell::Money(line.spend_minor, tenant.currency.clone()),
                Cell::Money(line.threshold_minor, tenant.currency.clone()),
                Cell::Text(why(line, &tenant.currency)),
            ]);
        }
        if self.csv {
            sheet.show(context.output(), true, "")?;
            return Ok(ExitCode::SUCCESS);
        }
        let totals: Vec<(PreviewKind, usize)> = [PreviewKind::Up, PreviewKind::Down, PreviewKind::Kept]
            .into_iter()
            .map(|of| (of, moves.iter().filter(|line| line.kind == of).count()))
            .collect();
        let value = json!({
            "tenant": tenant.handle, "as_of": instant(as_of), "moves": sheet.value(),
            "totals": totals.iter().map(|(of, members)| json!({ "move": kind(*of), "members": members }))
                .collect::<Vec<_>>(),
        });
        context.output().show(&value, || {
            if moves.is_empty() {
                return format!("As of {} nobody of {} would move.", instant(as_of), tenant.handle);
            }
            let mut text = format!("As of {}:\n\n{}\n\nTogether:\n", instant(as_of), sheet.text());
            for (of, members) in totals.iter().filter(|(_, members)| *members > 0) {
                text.push_str(&format!("  {members} {}\n", words(*of)));
            }
            text
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
