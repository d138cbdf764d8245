//! Kinds of movement.

use std::fmt;

/// Why an amount moved on a lot (loyalty reference §1.1). The sign of an entry follows from its kind,
/// but for [`EntryKind::Adjust`], which may have either.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EntryKind {
    /// The first entry of a lot: its whole amount.
    Grant,
    /// Used, at a checkout for instance.
    Spend,
    /// A use that was taken back, on the same lot.
    SpendRevert,
    /// What was left when the lot ended.
    Expire,
    /// What an order no longer earns, because it was refunded, cancelled or disputed.
    Clawback,
    /// Put right by a person, with a reason.
    Adjust,
    /// Moved to another member, when two become one.
    TransferOut,
    /// The first entry of a lot that came from another member.
    TransferIn,
    /// Taken from a new promotional lot for what the member owes.
    DebtRecover,
}

impl EntryKind {
    /// The name that is stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Grant => "grant",
            Self::Spend => "spend",
            Self::SpendRevert => "spend_revert",
            Self::Expire => "expire",
            Self::Clawback => "clawback",
            Self::Adjust => "adjust",
            Self::TransferOut => "transfer_out",
            Self::TransferIn => "transfer_in",
            Self::DebtRecover => "debt_recover",
        }
    }
}

impl fmt::Display for EntryKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
