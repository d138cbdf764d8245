//! `get_engagement_metrics`.

use futures::FutureExt as _;
use tradeup_store::insights;

use super::Tool;
use super::arguments::{form, window};

pub(super) const TOOL: Tool = Tool {
    name: "get_engagement_metrics",
    description: "How engaged members are: active and retained over a window, how long they are silent, how high their risk is, who can be written to, and how many of each month's new members were active in the months after.",
    schema: || form(&[window()]),
    ask: |arguments, tx, about| {
        async move { Ok(insights::engagement(tx, about.tenant, about.snapshot, arguments.window()).await?) }
            .boxed()
    },
};
