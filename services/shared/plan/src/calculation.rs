//! Calculations: what a plan reckons from facts. The host does it, in integers; a model only says what from what.
//!
//! - `sum` adds two or more figures of equal unit, currency and window.
//! - `diff` is the first minus the second, `avg` the mean of two or more: of equal unit and currency, over windows of
//!   equal length.
//! - `share` is a part of a whole, from 0 to all of it; `ratio` is the first over the second; `pct_change` is how far the
//!   first is from the second, in parts of the second: of equal unit and currency, all in basis points.
//! - `product_money` is a count times an amount, in minor units.
//!
//! What has to be rounded (`avg`, `share`, `ratio`, `pct_change`) is rounded half away from zero.

mod error;

use serde::{Deserialize, Serialize};
use tradeup_domain::figure::{Figure, Unit};

pub use error::CalculationError;

/// How figures are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// All added.
    Sum,
    /// The first minus the second.
    Diff,
    /// The first as a part of the second.
    Share,
    /// The first over the second.
    Ratio,
    /// How far the first is from the second, in parts of the second.
    PctChange,
    /// The mean.
    Avg,
    /// A count times an amount.
    ProductMoney,
}

impl Op {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Sum, Self::Diff, Self::Share, Self::Ratio, Self::PctChange, Self::Avg, Self::ProductMoney];

    /// The name that is stored and sent.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sum => "sum",
            Self::Diff => "diff",
            Self::Share => "share",
            Self::Ratio => "ratio",
            Self::PctChange => "pct_change",
            Self::Avg => "avg",
            Self::ProductMoney => "product_money",
        }
    }
}

/// A calculation with its result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calculated {
    /// What texts cite it by.
    pub id: String,
    /// How.
    pub op: Op,
    /// What from.
    pub args: Vec<String>,
    /// What it says.
    pub label: String,
    /// The result; none where it has none, which an unproven finding explains.
    pub figure: Option<Figure>,
}

/// An argument: its id and its figure.
pub type Argument<'a> = (&'a str, &'a Figure);

/// The result of `op`, named after it.
///
/// # Errors
/// [`CalculationError`] when the arguments don't go together or there is no result.
pub fn reckon(op: Op, arguments: &[Argument<'_>]) -> Result<Figure, CalculationError> {
    distinct(arguments)?;
    match op {
        Op::Sum => {
            alike(op, several(op, arguments)?, Windows::Equal)?;
            let total = total(arguments)?;
            let first = arguments.first().map_or(Unit::Count, |(_, figure)| figure.unit);
            if first == Unit::Score {
                let of =
                    |at: usize| arguments.get(at).map(|argument| with_unit(*argument)).unwrap_or_default();
                return Err(CalculationError::Unit {
                    op,
                    one: of(0),
                    other: of(1),
                    hint: "scores can't be added, use avg",
                });
            }
            result(op, arguments, total)
        }
        Op::Avg => {
            alike(op, several(op, arguments)?, Windows::SameLength)?;
            let number = i128::try_from(arguments.len()).map_err(|_many| CalculationError::TooLarge)?;
            let mean = rounded(total(arguments)?, number).ok_or(CalculationError::TooLarge)?;
            result(op, arguments, mean)
        }
        Op::Diff => {
            let [one, other] = pair(op, arguments)?;
            alike(op, arguments, Windows::SameLength)?;
            result(op, arguments, i128::from(one.1.value) - i128::from(other.1.value))
        }
        Op::Share => {
            let [part, whole] = pair(op, arguments)?;
            alike(op, arguments, Windows::EqualOrState)?;
            let of = divisor(whole)?;
            if part.1.value < 0 || part.1.value > whole.1.value {
                return Err(CalculationError::NoPart {
                    part: part.0.to_owned(),
                    value: part.1.value,
                    whole: whole.0.to_owned(),
                    of: whole.1.value,
                });
            }
            bps(op, arguments, i128::from(part.1.value), of)
        }
        Op::Ratio => {
            let [one, other] = pair(op, arguments)?;
            alike(op, arguments, Windows::SameLengthOrState)?;
            bps(op, arguments, i128::from(one.1.value), divisor(other)?)
        }
        Op::PctChange => {
            let [new, old] = pair(op, arguments)?;
            alike(op, arguments, Windows::SameLength)?;
            bps(op, arguments, i128::from(new.1.value) - i128::from(old.1.value), divisor(old)?)
        }
        Op::ProductMoney => product(op, arguments),
    }
}

fn distinct(arguments: &[Argument<'_>]) -> Result<(), CalculationError> {
    for (at, (id, _)) in arguments.iter().enumerate() {
        if arguments.iter().take(at).any(|(earlier, _)| earlier == id) {
            return Err(CalculationError::Repeated { id: (*id).to_owned() });
        }
    }
    Ok(())
}

fn several<'a, 'b>(op: Op, arguments: &'a [Argument<'b>]) -> Result<&'a [Argument<'b>], CalculationError> {
    match arguments.len() {
        2..=20 => Ok(arguments),
        given => Err(CalculationError::Arguments { op, wanted: "2 to 20", given }),
    }
}

fn pair<'b>(op: Op, arguments: &[Argument<'b>]) -> Result<[Argument<'b>; 2], CalculationError> {
    <[Argument<'b>; 2]>::try_from(arguments).map_err(|_other| CalculationError::Arguments {
        op,
        wanted: "2",
        given: arguments.len(),
    })
}

/// How windows have to agree.
#[derive(Clone, Copy)]
enum Windows {
    Equal,
    SameLength,
    EqualOrState,
    SameLengthOrState,
}

impl Windows {
    fn agree(self, one: Option<&str>, other: Option<&str>) -> bool {
        let state = one.is_none() || other.is_none();
        match self {
            Self::Equal => one == other,
            Self::SameLength => length(one) == length(other),
            Self::EqualOrState => state || one == other,
            Self::SameLengthOrState => state || length(one) == length(other),
        }
    }

    fn hint(self) -> &'static str {
        match self {
            Self::Equal => "take figures of one window",
            Self::SameLength => "take figures over windows of one length, or none with a window",
            Self::EqualOrState => "take the part and the whole over one window",
            Self::SameLengthOrState => "take figures over windows of one length",
        }
    }
}

/// What a window's length is told by: any month is as long as another, everything else is only as long as itself.
fn length(window: Option<&str>) -> Option<&str> {
    let month = |window: &str| {
        window.split_once('-').is_some_and(|(year, month)| {
            let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
            year.len() == 4 && month.len() == 2 && digits(year) && digits(month)
        })
    };
    window.map(|window| if month(window) { "month" } else { window })
}

/// That all are of one unit, one currency, and windows that agree, in this order.
fn alike(op: Op, arguments: &[Argument<'_>], windows: Windows) -> Result<(), CalculationError> {
    let Some((first, rest)) = arguments.split_first() else { return Ok(()) };
    for other in rest {
        if first.1.unit != other.1.unit {
            let hint = "take figures of one unit";
            return Err(CalculationError::Unit {
                op,
                one: with_unit(*first),
                other: with_unit(*other),
                hint,
            });
        }
    }
    for other in rest {
        one_currency(op, *first, *other)?;
    }
    for other in rest {
        if !windows.agree(first.1.window.as_deref(), other.1.window.as_deref()) {
            let (one, other) = (with_window(*first), with_window(*other));
            return Err(CalculationError::Window { op, one, other, hint: windows.hint() });
        }
    }
    Ok(())
}

fn one_currency(op: Op, one: Argument<'_>, other: Argument<'_>) -> Result<(), CalculationError> {
    if one.1.currency == other.1.currency {
        return Ok(());
    }
    let text = |(id, figure): Argument<'_>| match &figure.currency {
        Some(currency) => format!("{id} ({currency})"),
        None => format!("{id} (no currency)"),
    };
    Err(CalculationError::Currency { op, one: text(one), other: text(other) })
}

fn with_unit((id, figure): Argument<'_>) -> String {
    format!("{id} ({})", figure.unit.as_str())
}

fn with_window((id, figure): Argument<'_>) -> String {
    figure.window.as_ref().map_or_else(|| format!("{id} (no window)"), |window| format!("{id} ({window})"))
}

fn total(arguments: &[Argument<'_>]) -> Result<i128, CalculationError> {
    arguments
        .iter()
        .try_fold(0_i128, |total, (_, figure)| total.checked_add(i128::from(figure.value)))
        .ok_or(CalculationError::TooLarge)
}

fn divisor((id, figure): Argument<'_>) -> Result<i128, CalculationError> {
    if figure.value > 0 {
        return Ok(i128::from(figure.value));
    }
    Err(CalculationError::Divisor { id: id.to_owned(), value: figure.value })
}

/// `over / under`, rounded half away from zero. `under` is positive.
pub(crate) fn rounded(over: i128, under: i128) -> Option<i128> {
    let twice = over.checked_mul(2)?;
    let half = if over < 0 { twice.checked_sub(under)? } else { twice.checked_add(under)? };
    half.checked_div(under.checked_mul(2)?)
}

/// A result of the arguments' own unit and currency, over their windows.
fn result(op: Op, arguments: &[Argument<'_>], value: i128) -> Result<Figure, CalculationError> {
    let first = arguments.first().map(|(_, figure)| *figure);
    Ok(Figure {
        name: op.as_str().to_owned(),
        value: i64::try_from(value).map_err(|_large| CalculationError::TooLarge)?,
        unit: first.map_or(Unit::Count, |figure| figure.unit),
        currency: first.and_then(|figure| figure.currency.clone()),
        window: window(arguments),
        tier: None,
    })
}

fn bps(op: Op, arguments: &[Argument<'_>], over: i128, under: i128) -> Result<Figure, CalculationError> {
    let value = over.checked_mul(10_000).and_then(|over| rounded(over, under));
    let value = value.and_then(|value| i64::try_from(value).ok()).ok_or(CalculationError::TooLarge)?;
    let figure = Figure::bps(op.as_str(), value);
    Ok(Figure { window: window(arguments), ..figure })
}

/// The one window of the arguments, or from the first to the last of several.
fn window(arguments: &[Argument<'_>]) -> Option<String> {
    let mut windows: Vec<&str> =
        arguments.iter().filter_map(|(_, figure)| figure.window.as_deref()).collect();
    windows.sort_unstable();
    windows.dedup();
    match windows.as_slice() {
        [] => None,
        [one] => Some((*one).to_owned()),
        [first, .., last] => Some(format!("{first}..{last}")),
    }
}

fn product(op: Op, arguments: &[Argument<'_>]) -> Result<Figure, CalculationError> {
    let [one, other] = pair(op, arguments)?;
    let (count, amount) = match (one.1.unit, other.1.unit) {
        (Unit::Count, Unit::Minor) => (one, other),
        (Unit::Minor, Unit::Count) => (other, one),
        _ => {
            return Err(CalculationError::Unit {
                op,
                one: with_unit(one),
                other: with_unit(other),
                hint: "it takes a count and an amount of money",
            });
        }
    };
    if !Windows::EqualOrState.agree(one.1.window.as_deref(), other.1.window.as_deref()) {
        let hint = "take a count and an amount over one window";
        return Err(CalculationError::Window { op, one: with_window(one), other: with_window(other), hint });
    }
    for (id, figure) in [count, amount] {
        if figure.value < 0 {
            return Err(CalculationError::Negative { id: id.to_owned(), value: figure.value });
        }
    }
    let value = i128::from(count.1.value)
        .checked_mul(i128::from(amount.1.value))
        .and_then(|value| i64::try_from(value).ok())
        .ok_or(CalculationError::TooLarge)?;
    Ok(Figure {
        name: op.as_str().to_owned(),
        value,
        unit: Unit::Minor,
        currency: amount.1.currency.clone(),
        window: window(arguments),
        tier: None,
    })
}
