//! A member's statement as CSV: the columns and cells of `tradeup statement --csv`.

use chrono::{DateTime, SecondsFormat, Utc};
use tradeup_domain::{Currency, Money};
use tradeup_store::reports::{self, StatementLine};
use tradeup_store::{Pool, TenantId, Tx, members};

use crate::failure::Failure;

const COLUMNS: [&str; 9] =
    ["effective_at", "booked_at", "kind", "currency", "amount", "balance", "reason", "of", "note"];

/// Text that no spreadsheet executes.
fn safe(text: &str) -> String {
    let marked = if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) { "'" } else { "" };
    format!("{marked}{text}")
}

/// An amount without its currency's code.
fn decimal(minor: i64, currency: &str) -> String {
    let Ok(currency) = currency.parse::<Currency>() else { return minor.to_string() };
    let text = Money { amount_minor: minor, currency }.to_string();
    text.rsplit_once(' ').map_or(text.clone(), |(number, _code)| number.to_owned())
}

fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn written(lines: &[StatementLine]) -> Result<String, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(COLUMNS)?;
    for line in lines {
        writer.write_record([
            instant(line.effective_at),
            instant(line.recorded_at),
            safe(&line.kind),
            safe(&line.currency),
            decimal(line.amount_minor, &line.currency),
            decimal(line.balance_minor, &line.currency),
            safe(&line.reason),
            safe(&line.source_key),
            line.note.as_deref().map(safe).unwrap_or_default(),
        ])?;
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
