//! The ledger's rules: which lots a movement touches and by how much.
//!
//! A *lot* is one grant with its own end; an *entry* is one signed, immutable movement on one lot. What
//! is left of a lot is the sum of its entries. Functions here are given lots as they are under the lock
//! of their member's account and say which entries follow; nothing here knows where they are kept. The
//! rules and the worked examples in the tests are those of the loyalty reference (§1.1 life of a lot,
//! §1.2 consumption, §1.7 claw-back, §2.6 what always holds).

mod clawback;
mod entry;
mod hold;
mod lot;
mod revert;
mod spend;

pub use clawback::{ClawLot, Clawed, claw_back, recover};
pub use entry::EntryKind;
pub use hold::{CaptureError, HOLD_SECONDS, HOLD_SECONDS_MAX, LATE_CAPTURE_HOURS, capture, capture_until};
pub use lot::{Lot, LotState, order_of_use};
pub use revert::{RevertError, RevertedPart, SpentPart, revert};
pub use spend::{Insufficient, Part, allocate, spendable_minor};
