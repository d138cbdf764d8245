//! Text in CSV files, which people open in spreadsheets.

use std::borrow::Cow;

/// Text that no spreadsheet executes: one that would be taken for a formula stands behind an apostrophe.
#[must_use]
pub fn inert(text: &str) -> Cow<'_, str> {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::inert;

    #[test]
    fn formulas_are_text() {
        for formula in ["=HYPERLINK(\"x\")", "+1", "-1", "@a", "\t=1", "\r=1", "\n=1"] {
            assert_eq!(inert(formula), format!("'{formula}"));
        }
        for text in ["", "a=b", "12.50", " =1"] {
            assert_eq!(inert(text), text);
        }
    }
}
