//! A member's statement as CSV: the columns and cells of `tradeup statement --csv`.

use std::borrow::Cow;

use chrono::{DateTime, SecondsFormat, Utc};
use tradeup_domain::decimal_text;
use tradeup_domain::spreadsheet::inert;
use tradeup_store::reports::{self, StatementLine};
use tradeup_store::{Pool, TenantId, Tx, members};

use crate::failure::Failure;

const COLUMNS: [&str; 9] =
    ["effective_at", "booked_at", "kind", "currency", "amount", "balance", "reason", "of", "note"];

fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn written(lines: &[StatementLine]) -> Result<String, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(COLUMNS)?;
    for line in lines {
        let row: [Cow<'_, str>; 9] = [
            instant(line.effective_at).into(),
            instant(line.recorded_at).into(),
            inert(&line.kind),
            inert(&line.currency),
            decimal_text(line.amount_minor, &line.currency).into(),
            decimal_text(line.balance_minor, &line.currency).into(),
            inert(&line.reason),
            inert(&line.source_key),
            line.note.as_deref().map(inert).unwrap_or_default(),
        ];
        writer.write_record(row.iter().map(|cell| cell.as_bytes()))?;
    }
    let bytes = writer.into_inner().map_err(csv::IntoInnerError::into_error)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Every movement of a member, oldest first, with the balance after it.
pub(crate) async fn of_member(pool: &Pool, tenant: TenantId, customer: &str) -> Result<String, Failure> {
    let mut tx = Tx::snapshot_of_tenant(pool, tenant).await?;
    let member = members::by_external_id(&mut tx, tenant, customer).await?.ok_or(Failure::NotFound)?;
    let lines = reports::statement(&mut tx, tenant, member).await?;
    tx.rollback().await?;
    written(&lines).map_err(|error| {
        tracing::error!("a statement can't be written: {error}");
        Failure::Internal
    })
}
