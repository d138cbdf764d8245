//! Whatever a model writes: no figure is shown that is not a fact's, and nothing panics.

use proptest::prelude::*;
use serde_json::json;
use tradeup_domain::figure::Figure;
use tradeup_domain::outcomes::Outcomes;
use tradeup_plan::calculation::reckon;
use tradeup_plan::prose::Forms;
use tradeup_plan::{Document, Facts, Op, Piece, Plan, check, markdown, pieces};

use crate::shop::{facts, findings, input, limits, settled, with};

/// Text that is mostly what a checker stumbles over.
fn texts() -> impl Strategy<Value = String> {
    let bits = prop::sample::select(vec![
        "{{F1}}",
        "{{F3}}",
        "{{C1}}",
        "{{F99}}",
        "{{",
        "}}",
        "{",
        "}",
        "{{credit}}",
        "{{days}}",
        "25",
        "90",
        "4",
        "2",
        "1,5",
        " days",
        " weeks",
        "-",
        " ",
        "phase ",
        "week ",
        "weeks ",
        " to ",
        " and ",
        "%",
        "$",
        "€",
        "twenty",
        "ten",
        "member",
        "٣",
        "½",
        "<",
        "**",
        "\u{202e}",
        "\u{200d}",
        "é",
        "客",
        ".com",
        "@",
        "\n",
        "F12",
        "months",
        " months",
        ".",
        ",",
    ]);
    prop_oneof![
        prop::collection::vec(bits, 0..14).prop_map(|bits| bits.concat()),
        "\\PC{0,40}",
        any::<String>()
    ]
}

/// The numbers that stand in what is said: they may only be phases, weeks and lengths of time.
fn assert_only_times(text: &str, forms: &Forms) -> Result<(), TestCaseError> {
    let mut numbers = Vec::new();
    let mut number = String::new();
    for char in text.chars().chain([' ']) {
        if char.is_numeric() {
            prop_assert!(char.is_ascii_digit(), "{text:?}");
            number.push(char);
        } else if !number.is_empty() {
            numbers.push(number.parse::<i64>().unwrap());
            number.clear();
        }
    }
    for number in numbers {
        let time = (1..=52).contains(&number) || forms.days.contains(&number);
        prop_assert!(time, "{number} in {text:?}");
        let lower = text.to_lowercase();
        prop_assert!(["phase", "week", "day", "month"].iter().any(|word| lower.contains(word)), "{text:?}");
    }
    Ok(())
}

fn said(plan: &Plan, text: &str) -> String {
    pieces(plan, text)
        .into_iter()
        .map(|piece| match piece {
            Piece::Text(text) => text,
            Piece::Figure { .. } => "{figure}".to_owned(),
            Piece::Unproven(_) => "{unproven}".to_owned(),
        })
        .collect()
}

proptest! {
    #[test]
    fn no_digit_survives_that_is_not_a_facts(text in texts()) {
        let plan = settled(with("/risks/0", json!(text)));
        assert_only_times(&said(&plan, &text), &plan.forms())?;
    }

    #[test]
    fn what_the_check_lets_pass_has_nothing_unproven(text in texts()) {
        let document = with("/risks/0", json!(text));
        let passes = findings(&document).is_empty();
        let plan = settled(document);
        let unproven = pieces(&plan, &text).iter().any(|piece| matches!(piece, Piece::Unproven(_)));
        if passes {
            prop_assert!(!unproven, "{text:?}");
        }
        if unproven {
            prop_assert!(plan.unproven.iter().any(|finding| finding.is_within("risks[0]")), "{text:?}");
            prop_assert!(markdown(&plan, &Outcomes::default()).contains("(unproven)"));
        }
    }

    #[test]
    fn pieces_lose_nothing(text in texts()) {
        let plan = settled(with("/risks/0", json!(text)));
        let words: String = pieces(&plan, &text).into_iter().map(|piece| match piece {
            Piece::Text(text) | Piece::Unproven(text) => text,
            Piece::Figure { id, .. } => id,
        }).collect();
        let plain = |text: &str| text.chars().filter(|char| !matches!(char, '{' | '}') && !char.is_whitespace()).collect::<String>();
        prop_assert_eq!(plain(&words), plain(&text));
    }

    #[test]
    fn any_document_is_checked_settled_and_written(
        texts in prop::collection::vec(texts(), 12),
        numbers in prop::collection::vec(any::<i64>(), 9),
        ids in prop::collection::vec(prop::sample::select(vec!["F1", "F3", "F4", "F6", "F13", "F99", "C1", "C2", "C3", "", "x"]), 8),
        op in prop::sample::select(Op::ALL.to_vec()),
        phases in 0_usize..5,
    ) {
        let mut input = input();
        let phase = json!({ "title": texts[0], "weeks": numbers[0], "goal": texts[1], "actions": [texts[2]] });
        input["phases"] = json!(vec![phase; phases]);
        input["executive_summary"] = json!([texts[3]]);
        input["current_state"] = json!([texts[4]]);
        input["calculations"][1] = json!({ "id": ids[0], "op": op.as_str(), "args": [ids[1], ids[2]], "label": texts[5] });
        let campaign = &mut input["campaigns"][0];
        for (field, value) in ["phase", "credit_minor", "credit_ends_within_days", "extend_days", "hold_out_bps", "cost_limit_minor"]
            .into_iter()
            .zip(&numbers[1..])
        {
            campaign[field] = json!(value);
        }
        campaign["audience"] = json!(ids[3]);
        campaign["message_body"] = json!(texts[6]);
        campaign["key"] = json!(texts[7]);
        campaign["segment"] = json!(texts[8]);
        campaign["tier"] = json!(texts[9]);
        input["kpis"][0]["baseline"] = json!(ids[4]);
        input["kpis"][0]["target_change_bps"] = json!(numbers[7]);
        input["kpis"][0]["horizon_days"] = json!(numbers[8]);
        input["kpis"][0]["measure"] = json!(texts[10]);
        input["data_gaps"] = json!([texts[11]]);
        let document = Document::read(&input).unwrap();
        let found = check(&document, &facts(), &limits());
        let plan = settled(document.clone());
        prop_assert_eq!(&found, &plan.unproven);
        prop_assert_eq!(&settled(document), &plan, "the same again");
        let written = markdown(&plan, &Outcomes::default());
        prop_assert!(!written.contains("<script"));
        let back: Plan = serde_json::from_str(&serde_json::to_string(&plan).unwrap()).unwrap();
        prop_assert_eq!(back, plan);
    }

    /// In wide arithmetic with fractions compared crosswise, the result is the nearest one.
    #[test]
    fn shares_and_changes_are_the_nearest_basis_points(over in 0_i64..=1_000_000_000_000, under in 1_i64..=1_000_000_000_000) {
        let (one, other) = (Figure::count("a", over), Figure::count("b", under));
        let value = reckon(Op::Ratio, &[("F1", &one), ("F2", &other)]).unwrap().value;
        let exact = i128::from(over) * 10_000;
        let off = (exact - i128::from(value) * i128::from(under)).abs() * 2;
        prop_assert!(off <= i128::from(under), "{over}/{under} is {value}");
        let change = reckon(Op::PctChange, &[("F1", &one), ("F2", &other)]).unwrap().value;
        prop_assert!((change + 10_000 - value).abs() <= 1);
        let share = reckon(Op::Share, &[("F1", &one), ("F2", &other)]);
        prop_assert_eq!(share.is_ok(), over <= under);
    }

    #[test]
    fn sums_are_recomputed(values in prop::collection::vec(-1_000_000_000_i64..=1_000_000_000, 2..20)) {
        let figures: Vec<Figure> = values.iter().map(|value| Figure::count("members", *value)).collect();
        let ids: Vec<String> = (0..figures.len()).map(|at| format!("F{}", at + 1)).collect();
        let arguments: Vec<(&str, &Figure)> = ids.iter().map(String::as_str).zip(&figures).collect();
        let sum: i64 = values.iter().sum();
        prop_assert_eq!(reckon(Op::Sum, &arguments).unwrap().value, sum);
        let mean = reckon(Op::Avg, &arguments).unwrap().value;
        let number = i64::try_from(values.len()).unwrap();
        prop_assert!((sum - mean * number).abs() * 2 <= number);
    }
}

#[test]
fn long_and_nested_texts_take_no_time() {
    for text in
        ["{{".repeat(100_000), "1-".repeat(100_000), "weeks 1-1".repeat(20_000), "{{F1}}".repeat(50_000)]
    {
        let plan = settled(with("/risks/0", json!(text)));
        assert!(!plan.unproven.is_empty());
        assert!(!pieces(&plan, &text).is_empty());
    }
    assert!(Facts::default().is_empty());
}
