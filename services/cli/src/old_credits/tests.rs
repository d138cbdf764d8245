//! What of a file is understood, and what is named.

use chrono_tz::Tz;
use tradeup_domain::Validity;

use super::*;

fn terms(with_balance: bool) -> Terms {
    Terms {
        settings: Settings {
            zone: Tz::UTC,
            currency: "USD".parse().unwrap(),
            validity: Validity::Months(3),
            grace_days: 0,
            pending_days: 14,
            writes_off: false,
        },
        period: "2026-11".parse().unwrap(),
        due: "2026-11-01T06:00:00Z".parse().unwrap(),
        now: "2026-11-20T00:00:00Z".parse().unwrap(),
        with_balance,
    }
}

fn read(name: &str, text: &str, with_balance: bool) -> anyhow::Result<Vec<Line>> {
    let mut file = OldCredits::open(name, text.as_bytes(), terms(with_balance))?;
    let mut lines = Vec::new();
    while let Some(line) = file.next()? {
        lines.push(line);
    }
    Ok(lines)
}

#[test]
fn both_kinds_of_file_say_the_same() {
    let csv = "member,amount,external_id,left\n'71,10.00,a-1,2.50\n";
    let json = r#"{"member":71,"amount_minor":1000,"external_id":"a-1","left_minor":250,"currency":"USD"}"#;
    let of = |name, text| read(name, text, true).unwrap().remove(0).credit.unwrap();
    let (a, b) = (of("x.csv", csv), of("x.jsonl", json));
    assert_eq!(OldCredit { line: 1, ..a.clone() }, OldCredit { line: 1, ..b });
    assert_eq!((a.amount_minor, a.left_minor, a.period.as_deref()), (1000, 250, Some("2026-11")));
    assert_eq!(a.expires_at, Some("2027-02-02T00:00:00Z".parse().unwrap()));
}

#[test]
fn each_bad_line_is_named_by_its_field_and_the_others_are_read() {
    let csv = "member,amount,external_id,currency,period,reason,expires_at\n\
        ,1,a,,,,\n\
        1,1,,,,,\n\
        1,ten,b,,,,\n\
        1,0,c,,,,\n\
        1,1.001,d,,,,\n\
        1,1,e,EUR,,,\n\
        1,1,f,,2026-10,,\n\
        1,1,g,,,birthday,\n\
        1,1,h,,,,tomorrow\n\
        1,1,i,,,,2020-01-01T00:00:00Z\n\
        1,1,j\n\
        1,1,k,,,opening,\n\
        1,1,l,USD,2026-11,monthly,\n";
    let lines = read("x.csv", csv, false).unwrap();
    let fields: Vec<&str> = lines.iter().filter_map(|l| l.credit.as_ref().err()).map(|b| b.field).collect();
    assert_eq!(
        fields,
        [
            "member",
            "external_id",
            "amount",
            "amount",
            "amount",
            "currency",
            "period",
            "reason",
            "expires_at",
            "expires_at",
            "(row)",
            "reason"
        ]
    );
    let good: Vec<&OldCredit> = lines.iter().filter_map(|l| l.credit.as_ref().ok()).collect();
    assert_eq!((good.len(), good[0].line, good[0].left_minor), (1, 14, 0));
}

#[test]
fn a_file_of_another_kind_is_refused() {
    for (name, text) in [("x.txt", ""), ("x.csv", "id;amount\n"), ("x.csv", "member,external_id\n")] {
        assert!(read(name, text, false).is_err(), "{name}");
    }
    let lines = read("x.jsonl", "{\"member\":1\nnonsense\n", false).unwrap();
    assert!(lines.iter().all(|line| line.credit.is_err()) && lines.len() == 2);
}
