//! What moves in ledgers. Committed movements only; the ledger is the truth, these say how fast it grows.

use crate::{Counters, Describe};

/// What may come of telling a shop of a movement.
const PUSHED: [&str; 6] = ["booked", "found", "void", "refused", "unknown", "undecided"];
/// What may come of comparing a wallet.
const COMPARED_ENDS: [&str; 4] = ["agrees", "differs", "busy", "failed"];

/// Movements.
pub static COUNT: Counters<2> = Counters::new(
    "tradeup_credits_total",
    "Movements of credit that this process has committed, by kind and currency",
    ["kind", "currency"],
);
/// Their amounts.
pub static MINOR: Counters<2> = Counters::new(
    "tradeup_credits_minor_total",
    "Their amounts in minor units of the currency (cents)",
    ["kind", "currency"],
);

/// What shops were told.
pub static PUSHES: Counters<1> = Counters::new(
    "tradeup_pushes_total",
    "Movements of credit that a shop was told of, by what came of it: booked, found (the answer was lost, or a restore has lost it), void (nothing left to tell or to take), refused (a person corrects the cause), unknown (no clear answer; it is looked for), undecided (several bookings could be it: a person has to say)",
    ["outcome"],
);
/// Wallets that were compared.
pub static COMPARED: Counters<1> = Counters::new(
    "tradeup_wallets_compared_total",
    "Wallets of members compared with what their shop says, by outcome: agrees, differs, busy (it was being told of something), failed",
    ["outcome"],
);

/// Has all of what shops are told be there from the start.
pub(super) fn shops_at_zero() {
    PUSHED.iter().for_each(|outcome| PUSHES.add(0, [outcome]));
    COMPARED_ENDS.iter().for_each(|outcome| COMPARED.add(0, [outcome]));
}

/// All of them.
pub static ALL: &[&dyn Describe] = &[&COUNT, &MINOR, &PUSHES, &COMPARED];
