//! `get_credit_activity`.

use futures::FutureExt as _;
use tradeup_store::insights;

use super::Tool;
use super::arguments::{form, window};

pub(super) const TOOL: Tool = Tool {
    name: "get_credit_activity",
    description: "What becomes of credit: granted, used and ended over a window and by what it was granted for, the share that is used, and when what is left ends.",
    schema: || form(&[window()]),
    ask: |arguments, tx, about| {
        async move {
            Ok(insights::credit_activity(tx, about.tenant, about.snapshot, arguments.window()).await?)
        }
        .boxed()
    },
};
