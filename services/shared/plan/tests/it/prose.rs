//! What a text may say in its own words.

use serde_json::json;
use tradeup_plan::Code;

use crate::shop::{findings, found, only, with};

fn risk(text: &str) -> Vec<(Code, String)> {
    found(&with("/risks/0", json!(text)))
}

#[test]
fn words_phases_weeks_and_lengths_of_time_may_be_written() {
    for text in [
        "Members may leave.",
        "Phase 1, phase 2 and phase-3 follow each other.",
        "Phases 1 and 2 overlap; phases 1-3 do not.",
        "In week 5, and in weeks 1-4 or weeks 9 to 12, mail is sent.",
        "Within 90 days, a 90-day window, 7 days or 365 days.",
        "Within 30-60 days, 30 to 90 days or 30 – 60 days.",
        "After 4 weeks, 52 weeks, a 6-week pause, or 4 or 6 weeks.",
        "Over 3 months, 12 months or 1 month.",
        "(90 days) \"90 days\", 90 days.",
        "Two or three of ten members, one half, the seventh.",
        "Tier gold & silver: 'more' – or less? (Yes!) A/B; e.g. this, i.e. that.",
        "Une remise pour les clients fidèles, dès aujourd’hui.",
        "顧客の三分の一が離れる。",
        "Часть клиентов уходит.",
        "العملاء يغادرون المتجر",
        "ग्राहक दुकान छोड़ रहे हैं",
        "می‌خواهیم مشتریان بمانند",
        "לקוחות עוזבים 👋🏽 👩‍💻",
        "{{F1}}, {{ F12 }} and {{C1}}",
        "Ends.Begins",
    ] {
        assert_eq!(risk(text), [], "{text}");
    }
}

#[test]
fn other_digits_are_refused() {
    for text in [
        "25 members leave",
        "25",
        "1,234.50 of it",
        "F3 members",
        "m_7 leaves",
        "phase 4 begins",
        "phase 0 begins",
        "phase 2.5 begins",
        "phase 2nd begins",
        "week 13 is after the end",
        "53 weeks",
        "0 weeks",
        "04 weeks",
        "91 days",
        "29 days",
        "14 months",
        "-90 days",
        "~90 days",
        "x90 days",
        "90days",
        "90 daylong",
        "1.90 days",
        "90, days",
        "90 members in days",
        "30 and 90 members",
        "weeks 1, 5 members",
        "٢٥ عضو",
        "२५ सदस्य",
        "２５名",
        "½ of members",
        "x² members",
        "𝟗𝟎 days",
        "Ⅻ members",
        "①",
        "1️⃣",
        "B2B",
        "2026",
        "{F12}",
        "a\u{200d}1",
    ] {
        assert_eq!(risk(text), [(Code::Digits, "risks[0]".to_owned())], "{text}");
    }
}

#[test]
fn number_words_above_ten_are_refused() {
    for text in [
        "eleven members",
        "Twenty-five members",
        "a HUNDRED members",
        "hundreds of them",
        "dozens",
        "the twentieth",
        "twen\u{200d}ty",
        "tenfold",
    ] {
        assert_eq!(risk(text), [(Code::NumberWord, "risks[0]".to_owned())], "{text}");
    }
    assert_eq!(risk("eighteenth-century freight weighs more"), [(Code::NumberWord, "risks[0]".to_owned())]);
    assert_eq!(risk("freight, often, attend, weighty, seventhly"), []);
}

#[test]
fn signs_are_refused() {
    for text in ["{{F1}} %", "{{F6}}%", "$ {{F4}}", "€", "£", "¥", "₹", "₿", "％", "٪", "‰", "﷼", "＄"]
    {
        assert_eq!(risk(text), [(Code::Sign, "risks[0]".to_owned())], "{text}");
    }
}

#[test]
fn markup_links_and_what_nobody_sees_are_refused() {
    for text in [
        "<b>bold</b>",
        "a > b",
        "`code`",
        "**bold**",
        "[here](there)",
        "https://evil.example",
        "www.evil",
        "go to evil.com now",
        "write to me@shop",
        "a\u{202e}b",
        "a\u{200b}b",
        "a\u{0}b",
        "a\u{2066}b",
        "a\u{e0041}b",
        "{% raw %}",
    ] {
        let all = risk(text);
        assert!(all.iter().any(|(code, _)| *code == Code::Markup), "{text}: {all:?}");
    }
}

#[test]
fn placeholders_are_written_in_one_way() {
    for text in
        ["{{F}}", "{{}}", "{{F0}}", "{{F01}}", "{{members}}", "{{F1", "F}}", "{{{{", "{{credit}}", "{{days}}"]
    {
        assert_eq!(risk(text)[0], (Code::Placeholder, "risks[0]".to_owned()), "{text}");
    }
    for text in ["{{F99}}", "{{C9}}", "{{F1234567890}}"] {
        let codes: Vec<Code> = risk(text).into_iter().map(|(code, _)| code).collect();
        assert!(matches!(codes.as_slice(), [Code::UnknownId | Code::Placeholder]), "{text}: {codes:?}");
    }
}

#[test]
fn a_finding_says_what_could_be_cited() {
    let finding = only("/risks/0", json!("Of 4,000 members 310 may leave"));
    assert_eq!(
        finding.problem,
        "\"Of 4,000 members 310 m\", \"4,000 members 310 may leave\" holds digits outside of a placeholder; cite a fact or \
         a calculation instead ({{F1}} shows 4,000, {{F3}} shows 310), or say it without the figure"
    );
}

#[test]
fn names_hold_no_figures() {
    for pointer in ["/phases/0/title", "/campaigns/0/name", "/kpis/0/name", "/calculations/0/label"] {
        assert_eq!(only(pointer, json!("All {{F1}}")).code, Code::Placeholder, "{pointer}");
        assert_eq!(only(pointer, json!("All 40")).code, Code::Digits, "{pointer}");
        assert_eq!(only(pointer, json!("a".repeat(81))).code, Code::Size, "{pointer}");
        assert_eq!(only(pointer, json!(" ")).code, Code::Size, "{pointer}");
        assert_eq!(findings(&with(pointer, json!("After 90 days"))), [], "{pointer}");
    }
}

#[test]
fn messages_tell_members_nothing_about_the_shop() {
    for pointer in ["/campaigns/0/message_subject", "/campaigns/0/message_body"] {
        assert_eq!(only(pointer, json!("One of {{F3}}")).code, Code::Placeholder, "{pointer}");
        assert_eq!(only(pointer, json!("Take 5")).code, Code::Digits, "{pointer}");
        assert_eq!(findings(&with(pointer, json!("Take {{credit}} for {{days}}"))), [], "{pointer}");
    }
    assert_eq!(only("/campaigns/1/message_body", json!("Take {{credit}}")).code, Code::Placeholder);
    assert_eq!(only("/campaigns/0/message_subject", json!("Two\nlines")).code, Code::Markup);
}
