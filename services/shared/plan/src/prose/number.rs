//! The numbers that prose may hold: phases, weeks of the plan, and lengths of time.

use super::scan::{Shape, Token};
use super::{Forms, WEEKS_MAX};

/// Whether the number at `at` is one that may stand in prose.
pub(super) fn is_allowed(tokens: &[Token<'_>], at: usize, forms: &Forms) -> bool {
    let Some(number) = tokens.get(at).and_then(|token| plain(token.text)) else { return false };
    if !stands_free(tokens, at) {
        return false;
    }
    let by_position = position(tokens, at).is_some_and(|position| match position {
        Position::Phase => (1..=3).contains(&number),
        Position::Week => (1..=forms.weeks).contains(&number),
    });
    by_position
        || length(tokens, at).is_some_and(|length| match length {
            Length::Days => forms.days.contains(&number),
            Length::Weeks => (1..=WEEKS_MAX).contains(&number),
            Length::Months => in_months(number, forms),
        })
}

/// One to three ASCII digits without leading zeros.
fn plain(text: &str) -> Option<i64> {
    let digits = (1..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    (digits && !text.starts_with('0')).then(|| text.parse().ok()).flatten()
}

/// Months whose days are a length of the plan's.
fn in_months(number: i64, forms: &Forms) -> bool {
    let longer = number.saturating_mul(365) / 12;
    (1..=24).contains(&number)
        && (forms.days.contains(&number.saturating_mul(30))
            || (longer..=longer + 1).any(|days| forms.days.contains(&days)))
}

/// Whether nothing is stuck to it that makes another number of it.
fn stands_free(tokens: &[Token<'_>], at: usize) -> bool {
    let shape = |index: Option<usize>| index.and_then(|index| tokens.get(index)).map(|token| token.shape);
    let before = match shape(at.checked_sub(1)) {
        None => true,
        // A dash belongs to the word or the number before it; with nothing before it, it is a minus.
        Some(Shape::Other(char)) if is_dash(char) => {
            matches!(shape(at.checked_sub(2)), Some(Shape::Word | Shape::Number | Shape::Other(' ')))
                && !(shape(at.checked_sub(2)) == Some(Shape::Other(' ')) && char == '-')
        }
        Some(Shape::Other(char)) => char.is_whitespace() || "([\"'\u{201c}\u{2018}\u{ab}".contains(char),
        Some(Shape::Word | Shape::Number | Shape::Markup) => false,
    };
    let after = match shape(Some(at + 1)) {
        None => true,
        Some(Shape::Other(char)) => {
            char.is_whitespace() || is_dash(char) || ".,;:!?)]\"'\u{201d}\u{2019}\u{bb}".contains(char)
        }
        Some(Shape::Word | Shape::Number | Shape::Markup) => false,
    };
    before && after
}

enum Position {
    Phase,
    Week,
}

/// How many numbers a range may join.
const JOINED_MAX: usize = 4;

/// What the number counts off: `phase 2`, `week 3`, or the end of `weeks 1-4`.
fn position(tokens: &[Token<'_>], mut at: usize) -> Option<Position> {
    for _ in 0..JOINED_MAX {
        let before = at.checked_sub(1)?;
        let word = before.checked_sub(1).and_then(|index| tokens.get(index));
        if is_gap(tokens.get(before)?) && word.is_some_and(|word| word.shape == Shape::Word) {
            match word.map(|word| word.text.to_lowercase()).as_deref() {
                Some("phase" | "phases") => return Some(Position::Phase),
                Some("week" | "weeks") => return Some(Position::Week),
                _ => {}
            }
        }
        at = joined_before(tokens, at)?;
    }
    None
}

enum Length {
    Days,
    Weeks,
    Months,
}

/// What the number is a length of: `90 days`, or the beginning of `30-60 days`.
fn length(tokens: &[Token<'_>], mut at: usize) -> Option<Length> {
    for _ in 0..JOINED_MAX {
        if is_gap(tokens.get(at + 1)?) {
            match tokens.get(at + 2).map(|token| token.text.to_lowercase()).as_deref() {
                Some("day" | "days") => return Some(Length::Days),
                Some("week" | "weeks") => return Some(Length::Weeks),
                Some("month" | "months") => return Some(Length::Months),
                _ => {}
            }
        }
        at = joined_after(tokens, at)?;
    }
    None
}

fn is_gap(token: &Token<'_>) -> bool {
    matches!(token.shape, Shape::Other(' ' | '\u{a0}' | '\u{202f}' | '-' | '\u{2010}' | '\u{2011}'))
}

fn is_dash(char: char) -> bool {
    matches!(char, '-' | '\u{2010}'..='\u{2014}')
}

/// What may stand between two numbers of a range: a dash, or `to`, `and`, `or` between spaces.
fn joins(between: &[Token<'_>]) -> bool {
    let space = |token: &Token<'_>| matches!(token.shape, Shape::Other(' ' | '\u{a0}'));
    match between {
        [dash] => matches!(dash.shape, Shape::Other(char) if is_dash(char)),
        [before, middle, after] => {
            let dash = matches!(middle.shape, Shape::Other(char) if is_dash(char) && char != '-');
            space(before) && space(after) && (dash || matches!(middle.text, "to" | "and" | "or"))
        }
        _ => false,
    }
}

fn is_number(tokens: &[Token<'_>], at: usize) -> bool {
    tokens.get(at).is_some_and(|token| token.shape == Shape::Number)
}

fn joined_before(tokens: &[Token<'_>], at: usize) -> Option<usize> {
    [2, 4]
        .into_iter()
        .filter_map(|distance| at.checked_sub(distance))
        .find(|earlier| is_number(tokens, *earlier) && tokens.get(earlier + 1..at).is_some_and(joins))
}

fn joined_after(tokens: &[Token<'_>], at: usize) -> Option<usize> {
    [2, 4]
        .into_iter()
        .map(|distance| at + distance)
        .find(|later| is_number(tokens, *later) && tokens.get(at + 1..*later).is_some_and(joins))
}
