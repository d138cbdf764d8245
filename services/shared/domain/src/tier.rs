//! Tiers: which one a customer's tags place a member in.

/// What the tag rule needs to know of a tier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagRule<'a, T> {
    /// The tag that places a customer in this tier; compared without regard to case and
    /// surrounding space, as Shopify compares tags.
    pub tag: &'a str,
    /// The tier.
    pub tier: T,
}

/// Picks the tier for a customer's `tags` (Shopify's comma-separated list).
///
/// `rules` come highest tier first: when several tags match, the highest wins (loyalty
/// reference §1.8). `None` when no tag matches.
pub fn tier_for_tags<'r, T>(tags: &str, rules: &'r [TagRule<'_, T>]) -> Option<&'r T> {
    let same = |a: &str, b: &str| a.trim().to_lowercase() == b.trim().to_lowercase();
    rules.iter().find(|rule| tags.split(',').any(|tag| same(tag, rule.tag))).map(|rule| &rule.tier)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_matching_tier_wins() {
        let rules = [TagRule { tag: "VIP-Gold", tier: "gold" }, TagRule { tag: "vip", tier: "silver" }];
        for (tags, tier) in [
            ("vip", Some("silver")),
            ("newsletter, vip , VIP-GOLD", Some("gold")),
            ("Vip-Gold", Some("gold")),
            ("vip gold", None),
            ("", None),
            (",,", None),
        ] {
            assert_eq!(tier_for_tags(tags, &rules).copied(), tier, "{tags:?}");
        }
    }
}
