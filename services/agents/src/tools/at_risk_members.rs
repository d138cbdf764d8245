//! `get_at_risk_members`.

use futures::FutureExt as _;
use tradeup_store::insights;

use super::Tool;
use super::arguments::{form, limit, tier};

pub(super) const TOOL: Tool = Tool {
    name: "get_at_risk_members",
    description: "Members who used to order and have gone quiet compared with their own habit: how many, of which tiers, and the first of them by risk, by alias and with rounded figures.",
    schema: || form(&[tier(), limit()]),
    ask: |arguments, tx, about| {
        async move {
            Ok(insights::at_risk(tx, about.tenant, about.snapshot, arguments.text("tier"), arguments.limit())
                .await?)
        }
        .boxed()
    },
};
