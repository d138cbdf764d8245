//! The states of a trade-in, and the moves between them.

use std::fmt;
use std::str::FromStr;

macro_rules! named {
    ($(#[doc = $about:literal])+ $name:ident, $unknown:ident = $error:literal, {
        $($(#[doc = $doc:literal])+ $variant:ident = $text:literal,)+
    }) => {
        $(#[doc = $about])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl $name {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The name that is stored.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        /// A text that names none of them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
        #[error($error)]
        pub struct $unknown;

        impl FromStr for $name {
            type Err = $unknown;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied().find(|known| known.as_str() == text).ok_or($unknown)
            }
        }
    };
}

named! {
    /// Where a trade-in is. A price may be agreed before the goods come and again after they were graded;
    /// what follows from a yes differs, so `accepted` and `requoted` have a second form with the goods here.
    State, UnknownState = "it names no state of a trade-in", {
        /// The member has said what there is.
        Submitted = "submitted",
        /// A person at the shop decides on the price.
        Review = "review",
        /// The shop has named a price.
        Quoted = "quoted",
        /// The member has said yes; the goods are on their way.
        Accepted = "accepted",
        /// The goods are here.
        Received = "received",
        /// The shop has looked at them, and the price stands: credit or money may be given.
        Graded = "graded",
        /// Another price is named, by the member or the shop; the goods are not here.
        Requoted = "requoted",
        /// Another price is named; the goods are here and graded.
        RequotedHere = "requoted_here",
        /// The member has said yes to another price; the goods are here: credit or money may be given.
        AcceptedHere = "accepted_here",
        /// Ended: credit was given.
        Credited = "credited",
        /// Ended: money was given.
        PaidCash = "paid_cash",
        /// Ended: the shop does not take it. What of it is here does not go back: it may be counterfeit.
        Rejected = "rejected",
        /// Ended before the goods came, by either side.
        Cancelled = "cancelled",
        /// Ended: the goods go back to the member.
        Returned = "returned",
        /// Ended: nobody said yes in time.
        QuoteExpired = "quote_expired",
    }
}

named! {
    /// What may be done with a trade-in.
    Move, UnknownMove = "it names no move of a trade-in", {
        /// The shop names a price.
        Quote = "quote",
        /// The price is too high for a rule alone.
        SendToReview = "send_to_review",
        /// The other side agrees to the price.
        Accept = "accept",
        /// The other side does not.
        Decline = "decline",
        /// Either side names another price.
        CounterOffer = "counter_offer",
        /// The goods have come.
        Receive = "receive",
        /// The shop has looked at the goods.
        Grade = "grade",
        /// The shop names another price for what it found.
        Requote = "requote",
        /// Credit is given.
        Credit = "credit",
        /// Money is given.
        PayCash = "pay_cash",
        /// The shop does not take it.
        Reject = "reject",
        /// Either side calls it off.
        Cancel = "cancel",
        /// The goods go back.
        Return = "return",
        /// The time of the quote is over.
        ExpireQuote = "expire_quote",
    }
}

/// Every legal move. Nothing leads out of an end, so that credit or money is given once at most.
const TABLE: &[(State, Move, State)] = {
    use Move as M;
    use State as S;
    &[
        (S::Submitted, M::Quote, S::Quoted),
        (S::Submitted, M::SendToReview, S::Review),
        (S::Submitted, M::Reject, S::Rejected),
        (S::Submitted, M::Cancel, S::Cancelled),
        (S::Review, M::Quote, S::Quoted),
        (S::Review, M::Reject, S::Rejected),
        (S::Review, M::Cancel, S::Cancelled),
        (S::Quoted, M::Accept, S::Accepted),
        (S::Quoted, M::Decline, S::Cancelled),
        (S::Quoted, M::CounterOffer, S::Requoted),
        (S::Quoted, M::Cancel, S::Cancelled),
        (S::Quoted, M::ExpireQuote, S::QuoteExpired),
        (S::Requoted, M::Accept, S::Accepted),
        (S::Requoted, M::Decline, S::Cancelled),
        (S::Requoted, M::CounterOffer, S::Requoted),
        (S::Requoted, M::Cancel, S::Cancelled),
        (S::Requoted, M::ExpireQuote, S::QuoteExpired),
        (S::Accepted, M::Receive, S::Received),
        (S::Accepted, M::Cancel, S::Cancelled),
        (S::Received, M::Grade, S::Graded),
        (S::Received, M::Reject, S::Rejected),
        (S::Received, M::Return, S::Returned),
        (S::Graded, M::Requote, S::RequotedHere),
        (S::Graded, M::Credit, S::Credited),
        (S::Graded, M::PayCash, S::PaidCash),
        (S::Graded, M::Reject, S::Rejected),
        (S::Graded, M::Return, S::Returned),
        (S::RequotedHere, M::Accept, S::AcceptedHere),
        (S::RequotedHere, M::Decline, S::Returned),
        (S::RequotedHere, M::CounterOffer, S::RequotedHere),
        (S::RequotedHere, M::Reject, S::Rejected),
        (S::RequotedHere, M::Return, S::Returned),
        (S::AcceptedHere, M::Credit, S::Credited),
        (S::AcceptedHere, M::PayCash, S::PaidCash),
        (S::AcceptedHere, M::Return, S::Returned),
    ]
};

impl State {
    /// Whether nothing more may be done.
    #[must_use]
    pub fn has_ended(self) -> bool {
        allowed(self).next().is_none()
    }
}

/// What may be done in a state; nothing in an end.
pub fn allowed(state: State) -> impl Iterator<Item = Move> {
    TABLE.iter().filter(move |(from, ..)| *from == state).map(|(_, wanted, _)| *wanted)
}

/// A move that may not be made. It says which may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub struct IllegalMove {
    /// Where the trade-in is.
    pub state: State,
    /// What was to be done.
    pub wanted: Move,
}

impl fmt::Display for IllegalMove {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { state, wanted } = self;
        write!(f, "a trade-in that is {state} allows no {wanted}")?;
        let instead: Vec<&str> = allowed(*state).map(Move::as_str).collect();
        match instead.split_last() {
            None => f.write_str("; it has ended, so submit another"),
            Some((one, [])) => write!(f, "; it allows {one}"),
            Some((last, others)) => write!(f, "; it allows {} and {last}", others.join(", ")),
        }
    }
}

/// Where a move leads.
///
/// | from | moves |
/// |---|---|
/// | submitted | quote → quoted, send_to_review → review, reject → rejected, cancel → cancelled |
/// | review | quote → quoted, reject → rejected, cancel → cancelled |
/// | quoted, requoted | accept → accepted, decline or cancel → cancelled, counter_offer → requoted, expire_quote → quote_expired |
/// | accepted | receive → received, cancel → cancelled |
/// | received | grade → graded, reject → rejected, return → returned |
/// | graded | credit → credited, pay_cash → paid_cash, requote → requoted_here, reject → rejected, return → returned |
/// | requoted_here | accept → accepted_here, decline or return → returned, counter_offer → requoted_here, reject → rejected |
/// | accepted_here | credit → credited, pay_cash → paid_cash, return → returned |
///
/// An accepted quote does not expire, as the goods may be on their way: goods that come after its time are
/// received and graded, and the caller requotes. While goods are here nothing expires or is cancelled: they
/// go back. Whoever grades requotes, and does not credit, what [`Graded::NeedsYes`](super::Graded) says.
///
/// # Errors
/// [`IllegalMove`] for all else.
pub fn next(state: State, wanted: Move) -> Result<State, IllegalMove> {
    let found = TABLE.iter().find(|(from, by, _)| (*from, *by) == (state, wanted));
    found.map(|(.., to)| *to).ok_or(IllegalMove { state, wanted })
}
