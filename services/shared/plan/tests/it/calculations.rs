//! What can be reckoned from what.

use serde_json::json;
use tradeup_domain::figure::{Figure, Unit};
use tradeup_plan::calculation::{CalculationError, reckon};
use tradeup_plan::{Code, Op};

use crate::shop::{found, settled, with};

fn of(op: Op, figures: &[Figure]) -> Result<Figure, CalculationError> {
    let ids: Vec<String> = (1..=figures.len()).map(|number| format!("F{number}")).collect();
    let arguments: Vec<(&str, &Figure)> = ids.iter().map(String::as_str).zip(figures).collect();
    reckon(op, &arguments)
}

fn value(op: Op, figures: &[Figure]) -> i64 {
    of(op, figures).unwrap().value
}

fn code(op: Op, figures: &[Figure]) -> Code {
    of(op, figures).unwrap_err().code()
}

fn count(value: i64) -> Figure {
    Figure::count("members", value)
}

fn usd(value: i64) -> Figure {
    Figure::minor("revenue", value, "USD")
}

#[test]
fn each_operation_has_its_result_and_unit() {
    let (ten, three) = (count(10), count(3));
    for (op, expected, unit) in [
        (Op::Sum, 13, Unit::Count),
        (Op::Diff, 7, Unit::Count),
        (Op::Ratio, 33_333, Unit::Bps),
        (Op::PctChange, 23_333, Unit::Bps),
        (Op::Avg, 7, Unit::Count),
    ] {
        let figure = of(op, &[ten.clone(), three.clone()]).unwrap();
        assert_eq!((figure.value, figure.unit), (expected, unit), "{op:?}");
    }
    assert_eq!(value(Op::Share, &[count(3), count(10)]), 3_000);
    let cost = of(Op::ProductMoney, &[count(3), usd(250)]).unwrap();
    assert_eq!(cost, Figure::minor("product_money", 750, "USD"));
    assert_eq!(of(Op::ProductMoney, &[usd(250), count(3)]).unwrap(), cost, "in either order");
}

#[test]
fn money_keeps_its_currency_and_window() {
    let figure = of(Op::Sum, &[usd(1).over("90d"), usd(2).over("90d")]).unwrap();
    assert_eq!((figure.currency.as_deref(), figure.window.as_deref()), (Some("USD"), Some("90d")));
}

#[test]
fn halves_are_rounded_away_from_zero() {
    assert_eq!(value(Op::Avg, &[count(1), count(2)]), 2);
    assert_eq!(value(Op::Avg, &[count(-1), count(-2)]), -2);
    assert_eq!(value(Op::Avg, &[count(1), count(1), count(2)]), 1);
    assert_eq!(value(Op::Share, &[count(1), count(3)]), 3_333);
    assert_eq!(value(Op::Share, &[count(2), count(3)]), 6_667);
    assert_eq!(value(Op::Share, &[count(1), count(20_000)]), 1, "half of a basis point");
    assert_eq!(value(Op::PctChange, &[count(19_999), count(20_000)]), -1);
}

#[test]
fn units_and_currencies_are_never_mixed() {
    for op in [Op::Sum, Op::Diff, Op::Share, Op::Ratio, Op::PctChange, Op::Avg] {
        assert_eq!(code(op, &[count(1), usd(2)]), Code::Unit, "{op:?}");
        assert_eq!(code(op, &[usd(1), Figure::minor("revenue", 2, "EUR")]), Code::Currency, "{op:?}");
        assert_eq!(code(op, &[count(1), Figure::bps("share", 2)]), Code::Unit, "{op:?}");
    }
    for figures in [[count(1), count(2)], [usd(1), usd(2)], [usd(1), Figure::bps("share", 2)]] {
        assert_eq!(code(Op::ProductMoney, &figures), Code::Unit);
    }
    let scores = [Figure::of("risk", 50, Unit::Score), Figure::of("risk", 60, Unit::Score)];
    assert_eq!(code(Op::Sum, &scores), Code::Unit);
    assert_eq!(value(Op::Avg, &scores), 55);
}

#[test]
fn windows_agree() {
    let over = |window: &str| count(5).over(window);
    let all = [Op::Sum, Op::Diff, Op::Share, Op::Ratio, Op::PctChange, Op::Avg];
    for op in all {
        assert_eq!(code(op, &[over("90d"), over("30d")]), Code::Window, "{op:?}");
        assert!(of(op, &[over("90d"), over("90d")]).is_ok(), "{op:?}");
        assert!(of(op, &[count(5), count(5)]).is_ok(), "{op:?}");
        // One month is as long as another, but what was counted in both is not added or a part.
        let months = of(op, &[over("2026-10"), over("2026-09")]);
        assert_eq!(months.is_ok(), !matches!(op, Op::Sum | Op::Share), "{op:?}");
        if let Ok(figure) = months {
            assert_eq!(figure.window.as_deref(), Some("2026-09..2026-10"));
        }
        // Who was active is a part of who there is.
        let of_state = of(op, &[over("90d"), count(5)]);
        assert_eq!(of_state.is_ok(), matches!(op, Op::Share | Op::Ratio), "{op:?}");
    }
    assert_eq!(code(Op::ProductMoney, &[over("90d"), usd(5).over("30d")]), Code::Window);
    assert!(of(Op::ProductMoney, &[over("90d"), usd(5)]).is_ok());
}

#[test]
fn what_has_no_result_says_why() {
    for (op, figures, part) in [
        (Op::Share, vec![count(1), count(0)], "F2 is 0"),
        (Op::Ratio, vec![count(1), count(-4)], "F2 is -4"),
        (Op::PctChange, vec![count(1), count(0)], "F2 is 0"),
        (Op::Share, vec![count(3), count(2)], "no part of F2"),
        (Op::Share, vec![count(-1), count(2)], "no part of F2"),
        (Op::ProductMoney, vec![count(-1), usd(2)], "F1 is -1"),
        (Op::Sum, vec![count(1)], "takes 2 to 20"),
        (Op::Sum, vec![], "takes 2 to 20"),
        (Op::Diff, vec![count(1), count(2), count(3)], "takes 2 arguments and was given 3"),
        (Op::Sum, vec![count(i64::MAX), count(1)], "too large"),
        (Op::ProductMoney, vec![count(i64::MAX), usd(2)], "too large"),
        (Op::Ratio, vec![count(i64::MAX), count(1)], "too large"),
    ] {
        let error = of(op, &figures).unwrap_err();
        assert_eq!(error.code(), Code::Calculation);
        assert!(error.to_string().contains(part), "{error}");
    }
    let one = count(1);
    assert!(matches!(
        reckon(Op::Sum, &[("F1", &one), ("F1", &one)]).unwrap_err(),
        CalculationError::Repeated { .. }
    ));
}

#[test]
fn a_calculation_cites_what_is_there_and_above_it() {
    // What cites C1 is told as well: it has no result.
    let cites = |id: &str| {
        let all = found(&with("/calculations/0/args/0", json!(id)));
        assert_eq!(all.len(), 2, "{all:?}");
        assert_eq!(all[0], (Code::UnknownId, "calculations[0].args[0]".to_owned()));
        assert_eq!(all[1], (Code::UnknownId, "current_state[0]".to_owned()));
    };
    for id in ["F99", "F03", "f3", "C2", "C1", "", "m_7"] {
        cites(id);
    }
    let two = with(
        "/calculations",
        json!([
            { "id": "C1", "op": "share", "args": ["F3", "F1"], "label": "At-risk share" },
            { "id": "C2", "op": "diff", "args": ["C1", "F6"], "label": "How far apart they are" }
        ]),
    );
    assert_eq!(
        found(&two),
        [
            // Nothing stands for C2 any more; and a state is not compared to 90 days.
            (Code::UnknownId, "current_state[0]".to_owned()),
            (Code::Window, "calculations[1]".to_owned()),
        ]
    );
}

#[test]
fn of_two_with_one_id_the_first_stands() {
    let document = with("/calculations/1/id", json!("C1"));
    assert!(found(&document).contains(&(Code::Calculation, "calculations[1].id".to_owned())));
    let plan = settled(document);
    assert_eq!(plan.figure("C1").unwrap().1.value, 775);
}

#[test]
fn ids_of_calculations_are_of_one_form() {
    let all = found(&with("/calculations/1/id", json!("2")));
    assert!(all.contains(&(Code::Schema, "calculations[1].id".to_owned())), "{all:?}");
}
