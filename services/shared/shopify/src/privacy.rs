//! What may be shown of what others wrote: errors, logs and recordings hold no token and no e-mail.

/// Longest text of the other side that is kept.
const TEXT_LEN_MAX: usize = 200;

/// `text`, cut, without words that look like an e-mail address or one of Shopify's tokens.
pub(crate) fn scrub(text: &str) -> String {
    let cut: String = text.chars().take(TEXT_LEN_MAX).collect();
    cut.split_whitespace()
        .map(|word| if tells(word) { "[removed]" } else { word })
        .collect::<Vec<_>>()
        .join(" ")
}

/// Whether a word may hold an address or a token. Shopify's tokens begin with `shp`, two more letters
/// and an underscore (`shpat_`, `shprt_`, `shpss_`).
fn tells(word: &str) -> bool {
    let token = word.match_indices("shp").any(|(at, _)| word.as_bytes().get(at + 5) == Some(&b'_'));
    word.contains('@') || word.contains("%40") || token
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_tokens_are_removed() {
        assert_eq!(
            scrub("value \"alma.reyes@example.com\" with shpat_0123 is bad\n for x"),
            "value [removed] with [removed] is bad for x"
        );
        assert_eq!(scrub("email:shprt_1"), "[removed]");
        assert_eq!(scrub(&"é".repeat(500)).chars().count(), 200);
    }
}
