//! `get_purchase_history`.

use futures::FutureExt as _;
use serde_json::json;
use tradeup_store::insights::{self, Group};

use super::Tool;
use super::arguments::{SEGMENTS, form, tier, window};

pub(super) const TOOL: Tool = Tool {
    name: "get_purchase_history",
    description: "What members buy over a window: orders, revenue, the average order, how often they order; of all members with tiers, segments, guests and other currencies beside one another, or of one segment, one tier, or one segment within a tier.",
    schema: || {
        let segments: Vec<&str> = ["all"].into_iter().chain(SEGMENTS).collect();
        let segment = json!({ "type": "string", "enum": segments, "description": "Whom it is about" });
        form(&[window(), ("segment", segment), tier()])
    },
    ask: |arguments, tx, about| {
        async move {
            let group = Group { segment: arguments.text("segment"), tier: arguments.text("tier") };
            let window = arguments.window();
            Ok(insights::purchases(tx, about.tenant, about.snapshot, window, group).await?)
        }
        .boxed()
    },
};
