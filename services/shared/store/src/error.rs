//! What can go wrong with the database, by kind.

use std::fmt;
use std::time::Duration;

use tradeup_domain::{Class, Classify, ErrorCode};
use tradeup_signals::metrics::store::ERRORS;

/// A failed statement or a check that did not hold.
#[derive(Debug)]
pub struct StoreError {
    kind: ErrorKind,
    doing: &'static str,
    source: Option<sqlx::Error>,
}

/// The kinds, each with one answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// Not reachable, connection lost, server starting or stopping, no free connection in time.
    Unavailable,
    /// Serialization failure, deadlock or lock time-out; or a member has become a part of another meanwhile.
    Conflict,
    /// A constraint refused the data.
    Refused,
    /// A stored value that should be impossible.
    Corrupt,
    /// What a shop has set contradicts itself: a person puts it right, then it is tried again.
    Settings,
    /// Another attempt of this run has taken over; nothing of this one may be committed.
    Superseded,
    /// The shop is in shadow: nothing is booked, mailed or told.
    Shadow,
    /// Anything else.
    Unexpected,
}

impl ErrorKind {
    /// Its name, as it is counted.
    fn as_str(self) -> &'static str {
        match self {
            Self::Unavailable => "unavailable",
            Self::Conflict => "conflict",
            Self::Refused => "refused",
            Self::Corrupt => "corrupt",
            Self::Settings => "settings",
            Self::Superseded => "superseded",
            Self::Shadow => "shadow",
            Self::Unexpected => "unexpected",
        }
    }
}

impl StoreError {
    /// Wraps a database error in what was being done.
    pub(crate) fn new(doing: &'static str, source: sqlx::Error) -> Self {
        let kind = kind_of(&source);
        ERRORS.one([kind.as_str()]);
        Self { kind, doing, source: Some(source) }
    }

    pub(crate) fn of_kind(kind: ErrorKind, doing: &'static str) -> Self {
        ERRORS.one([kind.as_str()]);
        Self { kind, doing, source: None }
    }

    /// What kind of error it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

/// Gives up waiting for the database after `limit`, as [`ErrorKind::Unavailable`]: a connection through
/// which nothing comes any more is else waited for until TCP gives up, a quarter of an hour later.
/// Whether the statement took effect is unknown.
///
/// # Errors
/// As `work`, and when the time is over.
pub async fn within<T>(
    doing: &'static str,
    limit: Duration,
    work: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    match tokio::time::timeout(limit, work).await {
        Ok(done) => done,
        Err(_elapsed) => Err(StoreError::new(doing, sqlx::Error::PoolTimedOut)),
    }
}

fn kind_of(error: &sqlx::Error) -> ErrorKind {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::BeginFailed => ErrorKind::Unavailable,
        sqlx::Error::Database(database) => kind_of_state(&database.code().unwrap_or_default()),
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => ErrorKind::Corrupt,
        _ => ErrorKind::Unexpected,
    }
}

/// By SQLSTATE (PostgreSQL manual, appendix A).
fn kind_of_state(code: &str) -> ErrorKind {
    match code {
        "40001" | "40P01" | "55P03" => ErrorKind::Conflict,
        // Raised by our own triggers, see the migration of shadow.
        "TU310" => ErrorKind::Shadow,
        // The session was ended because we were silent in a transaction: frozen, for a while.
        "25P03" | "25P04" => ErrorKind::Unavailable,
        // Connection exceptions, insufficient resources, operator intervention, system errors.
        _ if ["08", "53", "57", "58"].iter().any(|class| code.starts_with(class)) => ErrorKind::Unavailable,
        // Data exceptions, integrity violations, and what our own triggers raise.
        _ if ["22", "23", "P0"].iter().any(|class| code.starts_with(class)) => ErrorKind::Refused,
        _ => ErrorKind::Unexpected,
    }
}

impl Classify for StoreError {
    fn class(&self) -> Class {
        match self.kind {
            ErrorKind::Unavailable | ErrorKind::Conflict => Class::TRANSIENT,
            // Unclassified means permanent where money is concerned: a person looks first.
            ErrorKind::Refused
            | ErrorKind::Corrupt
            | ErrorKind::Settings
            | ErrorKind::Superseded
            | ErrorKind::Shadow
            | ErrorKind::Unexpected => Class::Permanent,
        }
    }

    fn code(&self) -> ErrorCode {
        match self.kind {
            ErrorKind::Unavailable => ErrorCode::DatabaseUnavailable,
            ErrorKind::Conflict => ErrorCode::DatabaseConflict,
            ErrorKind::Refused => ErrorCode::DatabaseRefused,
            ErrorKind::Settings => ErrorCode::TenantSettings,
            ErrorKind::Superseded => ErrorCode::Superseded,
            ErrorKind::Shadow => ErrorCode::TenantInShadow,
            ErrorKind::Corrupt | ErrorKind::Unexpected => ErrorCode::DatabaseUnexpected,
        }
    }
}

impl fmt::Display for StoreError {
    /// Server messages are shown with SQLSTATE and constraint, but without their detail line, which
    /// may hold a row's personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.doing)?;
        match &self.source {
            Some(sqlx::Error::Database(error)) => {
                write!(f, ": {} (SQLSTATE {})", error.message(), error.code().unwrap_or_default())
            }
            Some(error) => write!(f, ": {error}"),
            None if self.kind == ErrorKind::Superseded => f.write_str(": another attempt has taken over"),
            None if self.kind == ErrorKind::Settings => f.write_str(
                ": a rule of the shop names a tier that it does not have; add the tier, then replay",
            ),
            None if self.kind == ErrorKind::Conflict => {
                f.write_str(": the member has become a part of another meanwhile")
            }
            None => f.write_str(": stored value out of range"),
        }
    }
}

impl std::error::Error for StoreError {}

/// Names what was being done when a statement failed.
pub(crate) trait Doing<T> {
    /// Turns the driver's error into ours.
    fn doing(self, what: &'static str) -> Result<T, StoreError>;
}

impl<T> Doing<T> for Result<T, sqlx::Error> {
    fn doing(self, what: &'static str) -> Result<T, StoreError> {
        self.map_err(|source| StoreError::new(what, source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_classed() {
        for (code, kind) in [
            ("40001", ErrorKind::Conflict),
            ("40P01", ErrorKind::Conflict),
            ("55P03", ErrorKind::Conflict),
            ("25P03", ErrorKind::Unavailable),
            ("57P01", ErrorKind::Unavailable),
            ("57P03", ErrorKind::Unavailable),
            ("53300", ErrorKind::Unavailable),
            ("08006", ErrorKind::Unavailable),
            ("23514", ErrorKind::Refused),
            ("22003", ErrorKind::Refused),
            // A missing privilege is a fault of the installation, never of a member's data.
            ("42501", ErrorKind::Unexpected),
            ("P0001", ErrorKind::Refused),
            ("TU310", ErrorKind::Shadow),
            ("42P01", ErrorKind::Unexpected),
            ("XX000", ErrorKind::Unexpected),
        ] {
            assert_eq!(kind_of_state(code), kind, "{code}");
        }
        assert_eq!(kind_of(&sqlx::Error::PoolTimedOut), ErrorKind::Unavailable);
    }
}
