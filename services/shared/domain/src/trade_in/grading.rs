//! What came, compared with what was quoted.

use chrono::{DateTime, Utc};

use super::quote::{Quote, QuoteError, QuotedLine, known, offered};
use crate::cashback::BPS_MAX;
use crate::rules::TradeInRule;

/// Pieces of a quoted line that the shop takes, in the condition that it found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GradedLine {
    /// Which line of the quote, from 0.
    pub line: usize,
    /// The condition in the rule.
    pub condition: String,
    /// How many pieces. Pieces of the quote that no graded line has are rejected: they go back.
    pub quantity: u32,
}

/// What grading comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Graded {
    /// Credit or pay by this quote without asking. It is the quoted terms for all pieces that are taken,
    /// until the same instant; where none is rejected, the quote itself.
    Keep(Quote),
    /// Worth too much less: the member has to say yes to this quote first, or have the goods back.
    NeedsYes(Quote),
    /// No piece is taken, or what is taken comes to nothing: there is nothing to credit.
    NothingLeft,
}

/// Why there is no grading. Each names the field and the fix.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GradeError {
    /// A line that the quote does not have.
    #[error("field graded[{graded}].line is no line of the quote; give 0 to {last}")]
    Line {
        /// Which graded line, from 0.
        graded: usize,
        /// The last line of the quote.
        last: usize,
    },
    /// A condition that the rule does not have.
    #[error("field graded[{graded}].condition is no condition of the shop's; it has {known}")]
    Condition {
        /// Which graded line, from 0.
        graded: usize,
        /// The conditions, the first of them if there are many.
        known: String,
    },
    /// More pieces of a line than were quoted.
    #[error(
        "field graded[{graded}].quantity makes more pieces than the {quoted} that were quoted; make another trade-in of the rest"
    )]
    Quantity {
        /// Which graded line, from 0.
        graded: usize,
        /// Pieces of the line in the quote.
        quoted: u32,
    },
    /// The quote and the rule do not fit.
    #[error(transparent)]
    Quote(#[from] QuoteError),
}

/// Compares what came with the quote, by the version of the rule that made it.
///
/// 1. Pieces that are not taken are left out of both sides: rejecting some does not ask the member again, and
///    the rest is credited once.
/// 2. A piece in a better condition than quoted counts as quoted: it neither raises the price nor makes up
///    for another one.
/// 3. If all that is lower takes at most the rule's tolerance off what was quoted for the taken pieces
///    together, the quote stands ([`Graded::Keep`]). Else the member is asked ([`Graded::NeedsYes`]), with
///    each lower piece at its own condition.
///
/// # Errors
/// [`GradeError`], naming the first field that is wrong.
pub fn grade(
    quote: &Quote,
    rule: &TradeInRule,
    graded: &[GradedLine],
    at: DateTime<Utc>,
) -> Result<Graded, GradeError> {
    let taken = taken(quote, rule, graded)?;
    let mut kept = Vec::new();
    for (quoted, taken) in quote.lines.iter().zip(&taken) {
        let quantity = taken.iter().map(|pieces| pieces.line.quantity).sum::<u32>();
        if quantity > 0 {
            kept.push(pieces(quoted, quantity));
        }
    }
    let lower: Vec<QuotedLine> = taken.into_iter().flatten().collect();
    if kept.is_empty() {
        return Ok(Graded::NothingLeft);
    }
    let keep = if kept == quote.lines {
        quote.clone()
    } else {
        Quote { valid_until: quote.valid_until, quoted_at: quote.quoted_at, ..Quote::of(rule, kept, at)? }
    };
    let asked = Quote::of(rule, lower, at)?;
    let off = i128::from(keep.cash_minor - asked.cash_minor) * i128::from(BPS_MAX);
    let within = off <= i128::from(keep.cash_minor) * i128::from(rule.tolerance_bps);
    Ok(match (within, keep.cash_minor, asked.cash_minor) {
        (true, 1.., _) => Graded::Keep(keep),
        (false, _, 1..) => Graded::NeedsYes(asked),
        _ => Graded::NothingLeft,
    })
}

/// What the taken pieces come to in the conditions that were found, whatever the tolerance: for a mistake
/// that is seen after the credit. A better condition counts as quoted here, too. `None` if nothing is taken.
///
/// # Errors
/// [`GradeError`], naming the first field that is wrong.
pub fn regraded(
    quote: &Quote,
    rule: &TradeInRule,
    graded: &[GradedLine],
    at: DateTime<Utc>,
) -> Result<Option<Quote>, GradeError> {
    let lines: Vec<QuotedLine> = taken(quote, rule, graded)?.into_iter().flatten().collect();
    if lines.is_empty() { Ok(None) } else { Ok(Some(Quote::of(rule, lines, at)?)) }
}

/// What has to be booked when a trade-in is graded again after the credit, in minor units: below 0 to take
/// away. Each part is for its own lot alone; what the lot no longer has is the shop's loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Adjustment {
    /// For the paid lot.
    pub paid_minor: i64,
    /// For the promotional lot.
    pub bonus_minor: i64,
}

/// The difference between what was credited and what should have been; `None` for nothing at all.
#[must_use]
pub fn adjustment(before: &Quote, after: Option<&Quote>) -> Adjustment {
    let (credit, bonus) = after.map_or((0, 0), |after| (after.credit_minor(), after.bonus_minor));
    Adjustment { paid_minor: credit - before.credit_minor(), bonus_minor: bonus - before.bonus_minor }
}

/// For each line of the quote the pieces that are taken, by condition, in the order of the graded lines.
fn taken(
    quote: &Quote,
    rule: &TradeInRule,
    graded: &[GradedLine],
) -> Result<Vec<Vec<QuotedLine>>, GradeError> {
    let mut taken: Vec<Vec<QuotedLine>> = vec![Vec::new(); quote.lines.len()];
    for (n, found) in graded.iter().enumerate() {
        let last = quote.lines.len().saturating_sub(1);
        let (Some(quoted), Some(taken)) = (quote.lines.get(found.line), taken.get_mut(found.line)) else {
            return Err(GradeError::Line { graded: n, last });
        };
        let condition = *rule
            .conditions
            .get(&found.condition)
            .ok_or_else(|| GradeError::Condition { graded: n, known: known(rule.conditions.keys()) })?;
        if found.quantity == 0 {
            continue;
        }
        let before = taken.iter().map(|pieces| pieces.line.quantity).sum::<u32>();
        let left = quoted.line.quantity.saturating_sub(before);
        if found.quantity > left {
            return Err(GradeError::Quantity { graded: n, quoted: quoted.line.quantity });
        }
        let one = |condition| offered(&quoted.line, 1, quoted.rate_bps, condition);
        let mut graded = pieces(quoted, found.quantity);
        if one(condition) < one(quoted.condition) {
            graded.line.condition.clone_from(&found.condition);
            graded.condition = condition;
        }
        let same = taken.iter_mut().find(|other| other.line.condition == graded.line.condition);
        if let Some(other) = &same {
            graded.line.quantity += other.line.quantity;
        }
        let graded = QuotedLine::new(graded.line, graded.rate_bps, graded.condition);
        match same {
            Some(other) => *other = graded,
            None => taken.push(graded),
        }
    }
    Ok(taken)
}

/// Some pieces of a quoted line, by its terms.
fn pieces(quoted: &QuotedLine, quantity: u32) -> QuotedLine {
    let mut line = quoted.line.clone();
    line.quantity = quantity;
    QuotedLine::new(line, quoted.rate_bps, quoted.condition)
}
