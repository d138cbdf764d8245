//! Links from runs to their traces.

use std::sync::Arc;

use tradeup_store::{Pool, RunId, StoreError, runs};
use tradeup_worker::given;

/// Stands for a trace's id.
const PLACE: &str = "{trace_id}";

/// Where traces are shown.
#[derive(Clone)]
pub(crate) struct TraceLinks(Arc<str>);

impl TraceLinks {
    /// By the address of a page, if there is one.
    pub(crate) fn to(address: Option<String>) -> anyhow::Result<Option<Self>> {
        let Some(address) = given(address) else { return Ok(None) };
        anyhow::ensure!(
            address.contains(PLACE) && (address.starts_with("https://") || address.starts_with("http://")),
            "TRADEUP_TRACE_URL: give an address with {PLACE} in it, like https://traces.example.com/trace/{PLACE}"
        );
        Ok(Some(Self(address.into())))
    }

    /// Where a run's trace is shown.
    pub(crate) async fn of(&self, pool: &Pool, run: RunId) -> Result<Option<String>, StoreError> {
        Ok(runs::trace_id(pool, run).await?.map(|id| self.0.replace(PLACE, &id)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::allow_attributes, reason = "tests fail loudly")]

    use super::*;

    #[test]
    fn an_address_needs_a_place_for_the_id() {
        assert!(TraceLinks::to(None).unwrap().is_none());
        assert!(TraceLinks::to(Some(String::new())).unwrap().is_none());
        assert!(TraceLinks::to(Some("https://traces.example".to_owned())).is_err());
        assert!(TraceLinks::to(Some("javascript:{trace_id}".to_owned())).is_err());
        assert!(TraceLinks::to(Some("https://traces.example/{trace_id}".to_owned())).unwrap().is_some());
    }
}
