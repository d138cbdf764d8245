//! The form of a document: what is read, what is missing, what is too much.

use serde_json::{Value, json};
use tradeup_plan::{Code, Document, Facts, Limits, check, findings_schema, plan_schema};

use crate::shop::{document, facts, findings, found, input, limits, only, with};

#[test]
fn the_plan_stands() {
    assert_eq!(findings(&document()), []);
}

#[test]
fn what_is_not_of_the_form_says_where() {
    for (pointer, value, path) in [
        ("/campaigns/0/kind", json!("gift"), "campaigns[0].kind"),
        ("/campaigns/0/credit_minor", json!(1.5), "campaigns[0].credit_minor"),
        ("/campaigns/0/credit_minor", json!("500"), "campaigns[0].credit_minor"),
        ("/calculations/0/op", json!("times"), "calculations[0].op"),
        ("/phases/0", json!({}), "phases[0]"),
        ("/executive_summary", json!("text"), "executive_summary"),
    ] {
        let mut input = input();
        *input.pointer_mut(pointer).unwrap() = value;
        let finding = Document::read(&input).unwrap_err();
        assert_eq!((finding.code, finding.path.as_str()), (Code::Schema, path), "{}", finding.problem);
    }
    let mut more = input();
    more["note"] = json!("more");
    assert!(Document::read(&more).unwrap_err().problem.contains("unknown field `note`"));
    for other in [json!(null), json!([]), json!("plan"), json!({})] {
        assert_eq!(Document::read(&other).unwrap_err().code, Code::Schema);
    }
}

#[test]
fn lists_have_bounds() {
    let texts = |number: usize| Value::Array(vec![json!("A text."); number]);
    for (pointer, number) in [
        ("/executive_summary", 0),
        ("/executive_summary", 7),
        ("/risks", 13),
        ("/data_gaps", 13),
        ("/phases/1/actions", 0),
        ("/phases/1/actions", 9),
    ] {
        assert_eq!(only(pointer, texts(number)).code, Code::Size, "{pointer} {number}");
    }
    for number in [0, 2, 4] {
        let phase = input()["phases"][0].clone();
        let all = found(&with("/phases", Value::Array(vec![phase; number])));
        assert!(all.contains(&(Code::Size, "phases".to_owned())), "{number}: {all:?}");
    }
    assert_eq!(only("/executive_summary/0", json!("a".repeat(1_001))).code, Code::Size);
    assert_eq!(findings(&with("/executive_summary/0", json!("é".repeat(1_000)))), []);
}

#[test]
fn where_the_shop_stands_is_told_by_facts() {
    assert_eq!(only("/current_state/0", json!("All is well.")).code, Code::Uncited);
    assert_eq!(findings(&with("/current_state", json!(["Some left.", "{{C1}} of them."]))), []);
}

#[test]
fn phases_fit_into_the_timeline() {
    assert_eq!(findings(&with("/phases/0/weeks", json!(5))), [], "13 weeks hold 90 days");
    assert_eq!(only("/phases/0/weeks", json!(6)).path, "phases");
    for weeks in [0, -1] {
        assert_eq!(only("/phases/0/weeks", json!(weeks)).path, "phases[0].weeks");
    }
    let long = with("/phases/0/weeks", json!(52));
    assert_eq!(check(&long, &facts(), &Limits { timeline_days: None, ..limits() }), []);
}

#[test]
fn a_shop_without_data_has_an_honest_plan() {
    let mut document = document();
    document.campaigns.clear();
    document.kpis.clear();
    document.calculations.clear();
    document.executive_summary = vec!["There is not enough data.".to_owned()];
    document.current_state = vec!["There are no members yet.".to_owned()];
    document.phases[0].actions = vec!["Collect data.".to_owned()];
    let none = Facts::default();
    let codes = |document: &Document, limits: &Limits| {
        check(document, &none, limits).into_iter().map(|finding| finding.path).collect::<Vec<_>>()
    };
    assert_eq!(codes(&document, &limits()), ["campaigns", "kpis"]);
    assert_eq!(codes(&document, &Limits { campaigns_wanted: false, ..limits() }), [] as [&str; 0]);
    document.data_gaps = vec!["There is no history.".to_owned()];
    assert_eq!(codes(&document, &limits()), [] as [&str; 0]);
}

/// Every object closed, every property required, nothing that strict tools refuse.
#[test]
fn schemas_are_strict() {
    fn walk(schema: &Value, objects: &mut usize) {
        let map = schema.as_object().unwrap();
        for refused in [
            "minimum",
            "maximum",
            "minLength",
            "maxLength",
            "minItems",
            "maxItems",
            "$ref",
            "pattern",
            "oneOf",
        ] {
            assert!(!map.contains_key(refused), "{refused}");
        }
        assert!(map["type"].is_string());
        if let Some(properties) = map.get("properties") {
            *objects += 1;
            assert_eq!(map["additionalProperties"], false);
            let mut required: Vec<&str> =
                map["required"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
            required.sort_unstable();
            let mut names: Vec<&str> = properties.as_object().unwrap().keys().map(String::as_str).collect();
            names.sort_unstable();
            assert_eq!(required, names);
            properties.as_object().unwrap().values().for_each(|inner| walk(inner, objects));
        }
        if let Some(items) = map.get("items") {
            walk(items, objects);
        }
    }
    let mut objects = 0;
    walk(&plan_schema(), &mut objects);
    walk(&findings_schema(), &mut objects);
    assert_eq!(objects, 7);
}

/// The schema asks for exactly what is read.
#[test]
fn schema_and_document_agree() {
    fn names(schema: &Value, value: &Value, path: &str) {
        match (schema.get("properties"), value) {
            (Some(properties), Value::Object(map)) => {
                let mut asked: Vec<&String> = properties.as_object().unwrap().keys().collect();
                let mut there: Vec<&String> = map.keys().collect();
                asked.sort_unstable();
                there.sort_unstable();
                assert_eq!(asked, there, "{path}");
                map.iter()
                    .for_each(|(name, inner)| names(&properties[name], inner, &format!("{path}/{name}")));
            }
            (None, Value::Array(list)) => list.iter().for_each(|inner| names(&schema["items"], inner, path)),
            (None, Value::String(_)) => assert_eq!(schema["type"], "string", "{path}"),
            (None, Value::Number(_)) => assert_eq!(schema["type"], "integer", "{path}"),
            other => panic!("{path}: {other:?}"),
        }
    }
    names(&plan_schema(), &serde_json::to_value(document()).unwrap(), "");
}
