//! Trade-ins: moves, quotes and grading.

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use super::*;
use crate::money::AMOUNT_MINOR_MAX;
use crate::rules::TradeInRule;

fn rule(more: &str) -> TradeInRule {
    TradeInRule::parse(&format!(
        r#"{{"categories":{{"cards":5000,"all":10000}},"currency":"USD",
            "conditions":{{"NM":{{"factor_bps":10000}},"LP":{{"factor_bps":8500}},"MP":{{"factor_bps":7000}},"HP":{{"factor_bps":5000}},
                "NONE":{{"factor_bps":0}},"DMG":{{"deduct_minor":300}}}}{more}}}"#
    ))
    .unwrap()
}

fn at() -> DateTime<Utc> {
    "2026-11-01T12:00:00Z".parse().unwrap()
}

fn line(market_minor: i64, condition: &str, quantity: u32) -> Line {
    Line {
        item: "card".to_owned(),
        category: "cards".to_owned(),
        condition: condition.to_owned(),
        quantity,
        market_minor,
    }
}

fn quote(rule: &TradeInRule, lines: &[(i64, &str, u32)]) -> Quote {
    let lines =
        lines.iter().map(|(market, condition, quantity)| line(*market, condition, *quantity)).collect();
    Quote::make(rule, lines, at()).unwrap()
}

fn prices(quote: &Quote) -> Vec<i64> {
    quote.lines.iter().map(|line| line.price_minor).collect()
}

fn found(graded: &[(usize, &str, u32)]) -> Vec<GradedLine> {
    let one = |(line, condition, quantity): &(usize, &str, u32)| GradedLine {
        line: *line,
        condition: (*condition).to_owned(),
        quantity: *quantity,
    };
    graded.iter().map(one).collect()
}

/// Worked example T1, and the two meanings of a bonus.
#[test]
fn worked_examples_of_quotes() {
    let multiplier = rule(r#","bonus":{"kind":"multiplier","bps":2000,"validity":"P12M"}"#);
    let t1 = quote(&multiplier, &[(2000, "NM", 1), (1000, "MP", 1)]);
    assert_eq!(prices(&t1), [1000, 350]);
    assert_eq!((t1.cash_minor, t1.credit_minor(), t1.bonus_minor), (1350, 1350, 270));
    for (kind, bonus) in [("of_price", 500), ("multiplier", 250)] {
        let rule = rule(&format!(r#","bonus":{{"kind":"{kind}","bps":1000,"validity":"P12M"}}"#));
        let whole = quote(&rule, &[(5000, "NM", 1)]);
        assert_eq!((whole.cash_minor, whole.bonus_minor), (2500, bonus), "{kind}");
        // Of what it is worth as it is, and of nothing where nothing is given.
        let worn = quote(&rule, &[(5000, "HP", 1), (500, "DMG", 1)]);
        assert_eq!((worn.cash_minor, worn.bonus_minor), (1250, bonus / 2), "{kind}");
    }
    assert_eq!(quote(&rule(""), &[(2000, "NM", 1)]).bonus_minor, 0);
}

/// One floor for a line, not for each piece; deductions are for each piece and never more than there is.
#[test]
fn lines_are_rounded_down_once() {
    let rule = rule("");
    let lines =
        [(101, "NM", 1), (101, "NM", 2), (333, "MP", 3), (1000, "DMG", 2), (600, "DMG", 1), (0, "NM", 1)];
    let quote = quote(&rule, &lines);
    assert_eq!(prices(&quote), [50, 101, 349, 400, 0, 0]);
    assert_eq!(quote.cash_minor, 900);
    // 300 off at half the price are 600 off the market's.
    assert_eq!(quote.lines[3].worth_minor, 800);
}

#[test]
fn quotes_stand_for_their_time_and_large_ones_are_reviewed() {
    let rule = rule(r#","review_above_minor":1000,"quote_valid_days":30"#);
    let fine = quote(&rule, &[(2000, "NM", 1)]);
    assert!(!fine.needs_review && quote(&rule, &[(2002, "NM", 1)]).needs_review);
    assert!(!quote(&self::rule(""), &[(AMOUNT_MINOR_MAX, "NM", 1)]).needs_review);
    let end = at() + TimeDelta::days(30);
    assert_eq!((fine.quoted_at, fine.valid_until), (at(), end));
    assert!(fine.holds_at(end - TimeDelta::nanoseconds(1)) && !fine.holds_at(end));
}

#[test]
fn a_wrong_line_is_named() {
    let rule = rule("");
    let good = line(1000, "NM", 1);
    for (wrong, field) in [
        (Line { item: " ".to_owned(), ..good.clone() }, "item"),
        (Line { category: "ann@example.com".to_owned(), ..good.clone() }, "category"),
        (Line { condition: "nm".to_owned(), ..good.clone() }, "condition"),
        (Line { quantity: 0, ..good.clone() }, "quantity"),
        (Line { quantity: QUANTITY_MAX + 1, ..good.clone() }, "quantity"),
        (Line { market_minor: -1, ..good.clone() }, "market_minor"),
        (Line { market_minor: AMOUNT_MINOR_MAX + 1, ..good.clone() }, "market_minor"),
    ] {
        let error =
            Quote::make(&rule, vec![good.clone(), good.clone(), wrong], at()).unwrap_err().to_string();
        assert!(error.starts_with(&format!("field lines[2].{field} ")) && !error.contains("ann"), "{error}");
    }
    let error =
        Quote::make(&rule, vec![Line { condition: "?".to_owned(), ..good.clone() }], at()).unwrap_err();
    assert!(error.to_string().ends_with("; it has DMG, HP, LP, MP, NM, NONE"), "{error}");
    assert_eq!(Quote::make(&rule, vec![], at()), Err(QuoteError::NoLines));
    assert_eq!(Quote::make(&rule, vec![good.clone(); 1001], at()), Err(QuoteError::TooManyLines));
    let most = Line { market_minor: AMOUNT_MINOR_MAX, category: "all".to_owned(), ..good };
    let largest = Quote::make(&rule, vec![most.clone()], at()).unwrap();
    assert_eq!(largest.cash_minor, AMOUNT_MINOR_MAX);
    for lines in [vec![most.clone(); 2], vec![Line { quantity: QUANTITY_MAX, ..most }; 1000]] {
        assert_eq!(Quote::make(&rule, lines, at()), Err(QuoteError::TooMuch));
    }
}

#[test]
fn grading_keeps_asks_or_leaves_nothing() {
    let rule = rule(r#","bonus":{"kind":"multiplier","bps":2000,"validity":"P12M"}"#);
    let quoted = quote(&rule, &[(18_000, "LP", 1), (2000, "NM", 1), (200, "MP", 4)]);
    assert_eq!(prices(&quoted), [7650, 1000, 280]);
    let later = at() + TimeDelta::days(9);
    let graded = |found: &[(usize, &str, u32)]| grade(&quoted, &rule, &self::found(found), later).unwrap();
    // As quoted, better, or together at most 5 % of 8930 less: the quote itself.
    for same in [
        [(0, "LP", 1), (1, "NM", 1), (2, "MP", 4)],
        [(0, "NM", 1), (1, "NM", 1), (2, "NM", 4)],
        [(0, "LP", 1), (1, "MP", 1), (2, "HP", 4)],
    ] {
        assert_eq!(graded(&same), Graded::Keep(quoted.clone()), "{same:?}");
    }
    // 500 less is more than 446, and a better line does not make up for it.
    let Graded::NeedsYes(asked) = graded(&[(0, "NM", 1), (1, "HP", 1), (2, "MP", 4)]) else { panic!() };
    assert_eq!((prices(&asked), asked.cash_minor, asked.bonus_minor), (vec![7650, 500, 280], 8430, 1686));
    assert_eq!((asked.quoted_at, asked.lines[0].line.condition.as_str()), (later, "LP"));
    // Rejected pieces are not asked about, and the tolerance is of what is taken.
    let Graded::Keep(rest) = graded(&[(0, "LP", 1), (2, "MP", 3)]) else { panic!() };
    assert_eq!(
        (prices(&rest), rest.bonus_minor, rest.valid_until),
        (vec![7650, 210], 1572, quoted.valid_until)
    );
    let Graded::NeedsYes(part) = graded(&[(2, "MP", 1), (2, "HP", 1), (2, "MP", 1)]) else { panic!() };
    assert_eq!(prices(&part), [140, 50]);
    // Nothing is taken, or it is worth nothing.
    for none in [vec![], vec![(0, "LP", 0)], vec![(2, "NONE", 4)]] {
        assert_eq!(graded(&none), Graded::NothingLeft);
    }
}

/// A deduction may leave less than a factor does: then the bonus of the price is not higher either.
#[test]
fn what_gets_less_has_no_higher_bonus() {
    let rule = rule(r#","bonus":{"kind":"of_price","bps":1000,"validity":"never"}"#);
    let quoted = quote(&rule, &[(2010, "LP", 1)]);
    let damaged = regraded(&quoted, &rule, &found(&[(0, "DMG", 1)]), at()).unwrap().unwrap();
    assert_eq!((quoted.cash_minor, quoted.bonus_minor), (854, 170));
    assert_eq!((damaged.cash_minor, damaged.bonus_minor), (705, 141));
}

#[test]
fn a_wrong_grading_is_named() {
    let rule = rule("");
    let quoted = quote(&rule, &[(1000, "NM", 2)]);
    for (wrong, field) in [
        (vec![(0, "NM", 1), (1, "NM", 1)], "field graded[1].line "),
        (vec![(0, "nm", 1)], "field graded[0].condition "),
        (vec![(0, "NM", 1), (0, "MP", 2)], "field graded[1].quantity "),
        (vec![(0, "NM", u32::MAX)], "field graded[0].quantity "),
    ] {
        let error = grade(&quoted, &rule, &found(&wrong), at()).unwrap_err().to_string();
        assert!(error.starts_with(field), "{error}");
    }
}

/// Worked example T4: 350 becomes 250 after the credit.
#[test]
fn a_mistake_after_the_credit_is_adjusted() {
    let rule = rule(r#","bonus":{"kind":"multiplier","bps":2000,"validity":"P12M"}"#);
    let before = quote(&rule, &[(1000, "MP", 1)]);
    let after = regraded(&before, &rule, &found(&[(0, "HP", 1)]), at()).unwrap();
    assert_eq!((before.cash_minor, after.as_ref().map(|after| after.cash_minor)), (350, Some(250)));
    assert_eq!(adjustment(&before, after.as_ref()), Adjustment { paid_minor: -100, bonus_minor: -20 });
    assert_eq!(adjustment(&before, Some(&before)), Adjustment { paid_minor: 0, bonus_minor: 0 });
    let none = regraded(&before, &rule, &[], at()).unwrap();
    assert_eq!(adjustment(&before, none.as_ref()), Adjustment { paid_minor: -350, bonus_minor: -70 });
}

fn walk(moves: &[Move]) -> Result<State, IllegalMove> {
    moves.iter().try_fold(State::Submitted, |state, wanted| next(state, *wanted))
}

#[test]
fn trade_ins_come_to_their_ends() {
    use Move::*;
    for (moves, state) in [
        (vec![Quote, Accept, Receive, Grade, Credit], State::Credited),
        (vec![SendToReview, Quote, Accept, Receive, Grade, PayCash], State::PaidCash),
        (vec![Quote, CounterOffer, CounterOffer, Accept, Receive, Grade, Credit], State::Credited),
        (vec![Quote, Accept, Receive, Grade, Requote, Accept, Credit], State::Credited),
        (vec![Quote, Accept, Receive, Grade, Requote, CounterOffer, Accept, PayCash], State::PaidCash),
        (vec![Quote, Accept, Receive, Grade, Requote, Decline], State::Returned),
        (vec![Quote, Accept, Receive, Return], State::Returned),
        (vec![Quote, CounterOffer, Decline], State::Cancelled),
        (vec![Quote, ExpireQuote], State::QuoteExpired),
        (vec![SendToReview, Reject], State::Rejected),
    ] {
        assert_eq!(walk(&moves), Ok(state), "{moves:?}");
        assert!(state.has_ended());
    }
    let error = next(State::Quoted, Grade).unwrap_err().to_string();
    assert_eq!(
        error,
        "a trade-in that is quoted allows no grade; it allows accept, decline, counter_offer, cancel and expire_quote"
    );
    let error = next(State::Credited, Credit).unwrap_err().to_string();
    assert_eq!(error, "a trade-in that is credited allows no credit; it has ended, so submit another");
}

#[test]
fn states_and_moves_have_one_name_and_every_state_is_reached() {
    for state in State::ALL {
        assert_eq!(state.to_string().parse(), Ok(*state));
    }
    for wanted in Move::ALL {
        assert_eq!(wanted.to_string().parse(), Ok(*wanted));
        assert!(State::ALL.iter().any(|state| next(*state, *wanted).is_ok()), "{wanted}");
    }
    assert!("Quoted".parse::<State>().is_err() && "".parse::<Move>().is_err());
    let mut reached = vec![State::Submitted];
    let mut n = 0;
    while let Some(state) = reached.get(n).copied() {
        let new = allowed(state).filter_map(|wanted| next(state, wanted).ok());
        let new: Vec<State> = new.filter(|to| !reached.contains(to)).collect();
        reached.extend(new);
        n += 1;
    }
    assert_eq!(reached.len(), State::ALL.len());
    // From each state there is a way to an end: none is a trap.
    let mut ends: Vec<State> = State::ALL.iter().copied().filter(|state| state.has_ended()).collect();
    assert_eq!(ends.len(), 6);
    for _ in State::ALL {
        let leads =
            |state: &State| allowed(*state).any(|by| next(*state, by).is_ok_and(|to| ends.contains(&to)));
        let more: Vec<State> = State::ALL.iter().copied().filter(|s| !ends.contains(s) && leads(s)).collect();
        ends.extend(more);
    }
    assert_eq!(ends.len(), State::ALL.len());
}

fn any_lines() -> impl Strategy<Value = Vec<(i64, &'static str, u32)>> {
    let names = prop::sample::select(vec!["NM", "LP", "MP", "HP", "DMG", "NONE"]);
    prop::collection::vec((0..1_000_000_i64, names, 1..20_u32), 1..9)
}

proptest! {
    /// Lines add up to the whole, none is negative, and a piece is never worth more than the market says.
    #[test]
    fn lines_add_up(lines in any_lines(), bps in 0..=10_000_i32, of_price in any::<bool>()) {
        let kind = if of_price { "of_price" } else { "multiplier" };
        let rule = rule(&format!(r#","bonus":{{"kind":"{kind}","bps":{bps},"validity":"never"}}"#));
        let quote = quote(&rule, &lines);
        prop_assert_eq!(prices(&quote).iter().sum::<i64>(), quote.cash_minor);
        for quoted in &quote.lines {
            let most = quoted.line.market_minor * i64::from(quoted.line.quantity);
            prop_assert!(0 <= quoted.price_minor && quoted.price_minor <= quoted.worth_minor && quoted.worth_minor <= most);
        }
        let worth: i64 = quote.lines.iter().map(|line| line.worth_minor).sum();
        prop_assert!((0..=worth).contains(&quote.bonus_minor));
    }

    /// A higher market price, rate or factor, or a smaller deduction, never gives less.
    #[test]
    fn more_is_never_less(
        market in 0..AMOUNT_MINOR_MAX, more in 0..AMOUNT_MINOR_MAX, quantity in 1..=QUANTITY_MAX,
        rates in (0..=10_000_i32, 0..=10_000_i32), factors in (0..=10_000_i32, 0..=10_000_i32), off in (0..AMOUNT_MINOR_MAX, 0..AMOUNT_MINOR_MAX),
    ) {
        use crate::rules::Condition::{Deduct, Factor};
        let both = |market, rate, condition| {
            let quoted = QuotedLine::new(line(market, "NM", quantity), rate, condition);
            (quoted.price_minor, quoted.worth_minor)
        };
        let not_less = |less: (i64, i64), more: (i64, i64)| less.0 <= more.0 && less.1 <= more.1 && less.0 >= 0 && more.1 < i64::MAX;
        let (low, high) = (rates.0.min(rates.1), rates.0.max(rates.1));
        for condition in [Factor(factors.0), Deduct(off.0)] {
            prop_assert!(not_less(both(market, low, condition), both(market, high, condition)));
            prop_assert!(not_less(both(market.min(more), low, condition), both(market.max(more), low, condition)));
        }
        let (worse, better) = (Factor(factors.0.min(factors.1)), Factor(factors.0.max(factors.1)));
        prop_assert!(not_less(both(market, low, worse), both(market, low, better)));
        let (worse, better) = (Deduct(off.0.max(off.1)), Deduct(off.0.min(off.1)));
        prop_assert!(not_less(both(market, low, worse), both(market, low, better)));
    }

    /// Whatever is found: never more than quoted, what is kept is at most the tolerance above what was found,
    /// what is asked is further below, and grading what is asked again as it was found keeps it.
    #[test]
    fn grading_never_raises(lines in any_lines(), grades in prop::collection::vec((0..6_usize, 0..20_u32, 0..6_usize), 9)) {
        let names = ["NM", "LP", "MP", "HP", "DMG", "NONE"];
        let rule = rule(r#","bonus":{"kind":"of_price","bps":1000,"validity":"never"}"#);
        let quoted = quote(&rule, &lines);
        let mut graded = Vec::new();
        for (n, ((_, _, quantity), (name, first, other))) in lines.iter().zip(&grades).enumerate() {
            graded.push((n, names[*name], (*first).min(*quantity)));
            graded.push((n, names[*other], quantity - (*first).min(*quantity)));
        }
        let graded = found(&graded);
        let at_grades = regraded(&quoted, &rule, &graded, at()).unwrap().unwrap();
        prop_assert!(at_grades.cash_minor <= quoted.cash_minor && at_grades.bonus_minor <= quoted.bonus_minor);
        let pieces = |quote: &Quote| quote.lines.iter().map(|line| line.line.quantity).sum::<u32>();
        prop_assert_eq!(pieces(&at_grades), pieces(&quoted));
        let off = i128::from(quoted.cash_minor - at_grades.cash_minor) * 10_000;
        let within = off <= i128::from(quoted.cash_minor) * 500;
        match grade(&quoted, &rule, &graded, at()).unwrap() {
            Graded::Keep(kept) => prop_assert!(kept == quoted && within && kept.cash_minor > 0),
            Graded::NeedsYes(asked) => {
                prop_assert!(asked == at_grades && !within && asked.cash_minor > 0);
                let same: Vec<GradedLine> = asked.lines.iter().enumerate().map(|(line, quoted)| GradedLine {
                    line, condition: quoted.line.condition.clone(), quantity: quoted.line.quantity,
                }).collect();
                prop_assert_eq!(grade(&asked, &rule, &same, at()).unwrap(), Graded::Keep(asked));
            }
            Graded::NothingLeft => prop_assert!(at_grades.cash_minor == 0),
        }
    }

    /// Any sequence of moves follows the table or is refused without harm, and value is given once at most.
    #[test]
    fn moves_follow_the_table(moves in prop::collection::vec(prop::sample::select(Move::ALL), 0..60)) {
        let (mut state, mut given, mut here) = (State::Submitted, 0, false);
        for wanted in moves {
            match next(state, wanted) {
                Ok(to) => {
                    prop_assert!(allowed(state).any(|by| by == wanted) && !state.has_ended());
                    here |= wanted == Move::Receive;
                    if matches!(to, State::Credited | State::PaidCash) {
                        given += 1;
                        prop_assert!(here, "given for goods that are not here");
                    }
                    prop_assert!(!here || !matches!(to, State::Cancelled | State::QuoteExpired | State::Accepted | State::Requoted));
                    state = to;
                }
                Err(refused) => {
                    prop_assert_eq!(refused, IllegalMove { state, wanted });
                    prop_assert!(allowed(state).all(|by| by != wanted));
                }
            }
        }
        prop_assert!(given <= 1);
    }
}
