//! Text from outside, made fit for one line of a mail.

/// Longest shop name that is shown, in characters.
pub(crate) const SHOP_NAME_CHARS_MAX: usize = 80;
/// Longest first name that is shown, in characters.
pub(crate) const FIRST_NAME_CHARS_MAX: usize = 40;

/// `given` on one line: control characters, line ends of any script and characters that turn the
/// direction of writing become one space; at most `chars_max` characters are left.
///
/// So no name can end a header field, or make the text around it read backwards.
#[must_use]
pub(crate) fn one_line(given: &str, chars_max: usize) -> String {
    let mut line = String::new();
    for word in given.split(|c: char| c.is_whitespace() || breaks_a_line(c)).filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    match line.char_indices().nth(chars_max) {
        Some((cut, _)) => line[..cut].trim_end().to_owned(),
        None => line,
    }
}

/// The lines of a text, each as [`one_line`] has it, however long; an empty one stays.
pub(crate) fn lines(given: &str) -> Vec<String> {
    given.lines().map(|line| one_line(line, usize::MAX)).collect()
}

/// Whether a character has no place within a line. `U+FEFF` and the rest are invisible or turn the
/// direction (Unicode bidirectional controls).
fn breaks_a_line(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// A first name as the mail greets it; none where what stands there is no name: nothing, or
/// something that a mail program would show as a link or an address. Whoever signs up chooses it,
/// and may choose to write an advertisement.
#[must_use]
pub(crate) fn first_name(given: &str) -> Option<String> {
    let name = one_line(given, FIRST_NAME_CHARS_MAX + 1);
    let a_link = name.contains("://") || name.contains('@') || name.to_lowercase().contains("www.");
    (!name.is_empty() && !a_link && name.chars().count() <= FIRST_NAME_CHARS_MAX).then_some(name)
}

/// Text as HTML text or quoted attribute value: no character that starts markup or ends a quote is left.
#[must_use]
pub(crate) fn escape_html(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            _ => html.push(c),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_on_their_line() {
        assert_eq!(one_line("  Ann\r\nBcc: eve@example.com ", 80), "Ann Bcc: eve@example.com");
        assert_eq!(one_line("a\u{0}b\u{85}c\u{2028}d\u{202e}e", 80), "a b c d e");
        assert_eq!(one_line("Müller 株式会社", 80), "Müller 株式会社");
        assert_eq!(one_line("abc def", 4), "abc");
        assert_eq!(one_line("\r\n\t", 4), "");
    }

    #[test]
    fn an_advertisement_is_no_first_name() {
        for given in
            ["", " \u{7}", "Win at https://example.com", "WWW.example.com", "me@example.com", &"x".repeat(41)]
        {
            assert_eq!(first_name(given), None, "{given:?}");
        }
        for given in ["Ann", "Đặng Thị", "O'Hara", "A. B.", &"x".repeat(40)] {
            assert_eq!(first_name(given).as_deref(), Some(given));
        }
    }

    #[test]
    fn escaped_text_has_no_markup() {
        assert_eq!(escape_html(r#"<b a="1" c='2'>&"#), "&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;");
    }
}
