//! `get_tenant_overview`.

use futures::FutureExt as _;
use tradeup_store::insights;

use super::Tool;
use super::arguments;

pub(super) const TOOL: Tool = Tool {
    name: "get_tenant_overview",
    description: "Where the shop stands: members, who is active, orders, revenue, credit outstanding and about to end, retention, and its segments and tiers. The names of these facts are the measures that KPIs may have.",
    schema: || arguments::form(&[]),
    ask: |_arguments, tx, about| {
        async move { Ok(insights::overview(tx, about.tenant, about.snapshot).await?) }.boxed()
    },
};
