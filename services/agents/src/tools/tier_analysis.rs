//! `get_tier_analysis`.

use futures::FutureExt as _;
use tradeup_store::insights;

use super::Tool;
use super::arguments::{form, window};

pub(super) const TOOL: Tool = Tool {
    name: "get_tier_analysis",
    description: "Tiers: who is in them, how active they are, what they bring and hold, who has moved from which to which within a window, and the segments within each.",
    schema: || form(&[window()]),
    ask: |arguments, tx, about| {
        async move { Ok(insights::tiers(tx, about.tenant, about.snapshot, arguments.window()).await?) }
            .boxed()
    },
};
