//! `get_historical_trends`.

use futures::FutureExt as _;
use tradeup_store::insights;

use super::Tool;
use super::arguments;

pub(super) const TOOL: Tool = Tool {
    name: "get_historical_trends",
    description: "Where the shop is going: the last 30 and 90 days beside the 30 and 90 days before them, and the last twelve whole months.",
    schema: || arguments::form(&[]),
    ask: |_arguments, tx, about| {
        async move { Ok(insights::trends(tx, about.tenant, about.snapshot).await?) }.boxed()
    },
};
