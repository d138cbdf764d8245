//! `get_campaign_performance`.

use futures::FutureExt as _;
use tradeup_store::insights;

use super::Tool;
use super::arguments;

pub(super) const TOOL: Tool = Tool {
    name: "get_campaign_performance",
    description: "What earlier campaigns have brought, each against those who were held out.",
    schema: || arguments::form(&[]),
    ask: |_arguments, tx, about| {
        async move { Ok(insights::campaigns(tx, about.tenant, about.snapshot).await?) }.boxed()
    },
};
