//! `get_expiring_credits`.

use futures::FutureExt as _;
use serde_json::json;
use tradeup_store::insights::{self, Ending};

use super::Tool;
use super::arguments::{form, limit, tier};

pub(super) const TOOL: Tool = Tool {
    name: "get_expiring_credits",
    description: "Credit that ends unused soon: how much, of how many members, of which tiers and segments, when, and the members who lose the most, by alias and with rounded figures.",
    schema: || {
        let words = "By when credit ends, from the instant of the task";
        let within = json!({ "type": "string", "enum": ["30d", "7d"], "description": words });
        form(&[("ends_within", within), tier(), limit()])
    },
    ask: |arguments, tx, about| {
        async move {
            let within =
                if arguments.text("ends_within") == Some("7d") { Ending::Days7 } else { Ending::Days30 };
            let (tier, limit) = (arguments.text("tier"), arguments.limit());
            Ok(insights::expiring(tx, about.tenant, about.snapshot, within, tier, limit).await?)
        }
        .boxed()
    },
};
