//! Keys that seal shops' tokens: which are still needed.

use std::collections::BTreeMap;

use tradeup_shopify::KeyRing;
use tradeup_store::{Pool, StoreError, Tx, shops, tenants};

use super::{Finding, State};
use crate::output::count;

/// Which keys seal how much, and whether `keys`, those of `credits`, open it. Nothing if they were not given.
pub(super) async fn look(pool: &Pool, keys: Option<String>) -> Result<Vec<Finding>, StoreError> {
    let Some(keys) = keys.filter(|keys| !keys.trim().is_empty()) else { return Ok(Vec::new()) };
    let ring = match KeyRing::parse(&keys.into()) {
        Ok(ring) => ring,
        Err(error) => {
            let found = format!("TRADEUP_TOKEN_KEYS: {error}");
            return Ok(vec![Finding::new("token keys", State::Problem, found).fix("docs/wallets.md")]);
        }
    };
    Ok(findings(&ring, &shops_by_key(pool).await?))
}

/// How many shops have a token that is sealed with each key.
pub(crate) async fn shops_by_key(pool: &Pool) -> Result<BTreeMap<String, u64>, StoreError> {
    let mut sealed: BTreeMap<String, u64> = BTreeMap::new();
    // Rows of a tenant are seen in its own transaction only.
    for tenant in tenants::list(pool).await? {
        let mut tx = Tx::of_tenant(pool, tenant.id).await?;
        let shop = shops::get(&mut tx, tenant.id).await?;
        tx.rollback().await?;
        let Some(shop) = shop else { continue };
        let refresh = shop.pair.refresh.filter(|token| !token.bytes.is_empty()).map(|token| token.key_id);
        let access = Some(shop.pair.access).filter(|token| !token.bytes.is_empty()).map(|token| token.key_id);
        let mut ids: Vec<String> = access.into_iter().chain(refresh).collect();
        ids.dedup();
        ids.into_iter().for_each(|id| *sealed.entry(id).or_default() += 1);
    }
    Ok(sealed)
}

fn findings(ring: &KeyRing, sealed: &BTreeMap<String, u64>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (id, shops) in sealed {
        let shops = count(*shops, "shop's tokens are", "shops' tokens are");
        if !ring.ids().any(|known| known == id) {
            let found = format!("{shops} sealed with key {id:?}, which is not among TRADEUP_TOKEN_KEYS");
            findings.push(
                Finding::new("token keys", State::Problem, found)
                    .of(id.as_str())
                    .fix("put the key back behind the others; without it: tradeup wallet connect"),
            );
        } else if id != ring.current() {
            let found = format!("{shops} still sealed with the old key {id:?}: it is needed");
            findings.push(
                Finding::new("token keys", State::Warning, found)
                    .of(id.as_str())
                    .fix("tradeup wallet reseal"),
            );
        }
    }
    for id in ring.ids().filter(|id| *id != ring.current() && !sealed.contains_key(*id)) {
        let found =
            format!("the old key {id:?} seals nothing any more; it can be removed once no backup needs it");
        findings.push(Finding::ok("token keys", found).of(id));
    }
    if findings.is_empty() {
        let found = format!("all of the shops' tokens are sealed with the current key {:?}", ring.current());
        findings.push(Finding::ok("token keys", found));
    }
    findings
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::allow_attributes, reason = "tests fail loudly")]
mod tests {
    use super::*;

    fn ring(ids: &[&str]) -> KeyRing {
        let key = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        let text = ids.iter().map(|id| format!("{id}:{key}")).collect::<Vec<_>>().join(",");
        KeyRing::parse(&text.into()).unwrap()
    }

    #[test]
    fn a_key_is_current_needed_missing_or_can_go() {
        let sealed = BTreeMap::from([("1".to_owned(), 2), ("9".to_owned(), 1)]);
        let found = findings(&ring(&["3", "2", "1"]), &sealed);
        let seen: Vec<(Option<&str>, State)> =
            found.iter().map(|f| (f.subject.as_deref(), f.state)).collect();
        assert_eq!(seen, [(Some("1"), State::Warning), (Some("9"), State::Problem), (Some("2"), State::Ok)]);
        let current = findings(&ring(&["3"]), &BTreeMap::from([("3".to_owned(), 5)]));
        assert!(current.len() == 1 && current[0].state == State::Ok);
    }
}
