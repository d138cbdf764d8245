//! What a rule would have done is shown before it is set, and nothing of it is kept.

use serde_json::{Value, json};

use super::{Told, told};

impl Told {
    fn tried(&self, kind: &str, document: &Value) -> Value {
        let file = self.world.dir.path().join(format!("try-{kind}.json"));
        std::fs::write(&file, document.to_string()).unwrap();
        let from = ["--from", "2020-01-01T00:00:00Z"];
        self.world.tradeup_json(&["rules", "try", "harbour", kind, file.to_str().unwrap(), from[0], from[1]])
    }
}

#[tokio::test]
async fn a_cashback_rule_is_tried_on_the_orders_that_there_are() {
    let told = told("USD").await;
    told.accept_sample("orders-paid.json").await;
    told.accept_sample("refunds-create-line-items.json").await;
    told.settled().await;
    assert_eq!(told.balance().await, 272);
    // Twice the rate of the tier, of what is left after the refund.
    let found = told.tried("cashback", &json!({ "rates": { "gold": 1000 } }));
    let summary = &found["summary"];
    assert_eq!((&summary["orders"], &summary["differ"]), (&1.into(), &1.into()), "{found}");
    assert_eq!((&summary["posted_minor"], &summary["would_be_minor"]), (&272.into(), &544.into()), "{found}");
    let same = told.tried("cashback", &json!({}));
    assert_eq!(same["summary"]["differ"], 0, "{same}");
    let none = told.tried("cashback", &json!({ "minimum_base_minor": 1_000_000 }));
    assert_eq!(none["summary"]["would_be_minor"], 0, "{none}");
    assert_eq!(told.balance().await, 272, "nothing was kept");
    told.assert_proved();
}

#[tokio::test]
async fn an_enrolment_rule_is_tried_on_the_customers_who_were_told_of() {
    let told = told("USD").await;
    for (id, tags) in [(801, "VIP"), (802, "wholesale"), (803, "VIP")] {
        let customer = json!({ "id": id, "email": format!("{id}@example.com"), "tags": tags,
            "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z" });
        told.accept(&told.webhook("customers/create", &customer)).await;
    }
    told.settled().await;
    let found = told.tried("enrolment", &json!({ "enrol_on": ["customer_created"], "tier": "silver" }));
    assert_eq!(found["summary"]["would_enrol"], 3, "{found}");
    let minimum = json!({ "enrol_on": ["customer_created"], "all_of": { "minimum_spend_minor": 5 } });
    let found = told.tried("enrolment", &minimum);
    assert_eq!(found["summary"]["would_enrol"], 0, "{found}");
    assert!(found["lines"].to_string().contains("less than 5 minor units"), "{found}");
    assert_eq!(told.number("select count(*) from members where external_id like '80_'").await, 0);

    let file = told.world.dir.path().join("wrong.json");
    std::fs::write(&file, json!({ "tier": "diamond" }).to_string()).unwrap();
    let path = file.to_str().unwrap();
    let wrong =
        told.world.tradeup(&["rules", "try", "harbour", "enrolment", path, "--from", "2020-01-01T00:00:00Z"]);
    assert!(wrong.code != 0 && wrong.stderr.contains("diamond"), "{}", wrong.stderr);
}
