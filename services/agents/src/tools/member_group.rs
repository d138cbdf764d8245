//! `get_member_group`.

use futures::FutureExt as _;
use serde_json::{Value, json};
use tradeup_store::insights::{self, Filter};

use super::Tool;
use super::arguments::{SEGMENTS, form};

pub(super) const TOOL: Tool = Tool {
    name: "get_member_group",
    description: "One group of members by what they have in common: how many they are, what they bring and hold, how high their risk is, and which segments they are of. Lists that are empty and numbers that are 0 narrow nothing.",
    schema: || {
        let segments: Vec<&str> = SEGMENTS.into_iter().chain(["expiring", "all"]).collect();
        form(&[
            ("tiers", list("Handles of tiers, of which they are in one", &json!({ "type": "string" }))),
            (
                "segments",
                list("Segments, of which they are in one", &json!({ "type": "string", "enum": segments })),
            ),
            ("risk_min", number("The least risk, from 0 to 100")),
            ("inactive_days_min", number("Days without an order, at least")),
            ("balance_min_minor", number("Credit that they can spend, at least, in minor units")),
            ("spent_365d_min_minor", number("What they have spent in 365 days, at least, in minor units")),
            ("expiring_within_days", number("They have credit that ends within so many days: 7 or 30")),
        ])
    },
    ask: |arguments, tx, about| {
        async move {
            let small = |name| arguments.number(name).map(|number| i32::try_from(number).unwrap_or(i32::MAX));
            let filter = Filter {
                tiers: arguments.texts("tiers"),
                segments: arguments.texts("segments"),
                risk_min: small("risk_min"),
                inactive_days_min: small("inactive_days_min"),
                balance_min_minor: arguments.number("balance_min_minor"),
                spent_365d_min_minor: arguments.number("spent_365d_min_minor"),
                expiring_within_days: small("expiring_within_days"),
            };
            Ok(insights::audience(tx, about.tenant, about.snapshot, &filter).await?)
        }
        .boxed()
    },
};

fn list(words: &str, items: &Value) -> Value {
    json!({ "type": "array", "items": items, "description": words })
}

fn number(words: &str) -> Value {
    json!({ "type": "integer", "description": words })
}
