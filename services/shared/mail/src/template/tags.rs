//! Which tags a template may have.

use super::{Part, TemplateError};

/// What a mail needs. No `set`, `with`, `filter` or `macro`: they let a short template build a
/// text that fills the memory. No `include`, no `raw`, no `autoescape`.
const STATEMENTS: [&str; 6] = ["if", "elif", "else", "endif", "for", "endfor"];

/// Operators that make large values out of small ones.
const OPERATORS: [char; 3] = ['*', '~', '+'];

/// Refuses tags and operators beyond these.
pub(super) fn check(part: Part, source: &str) -> Result<(), TemplateError> {
    let mut rest = source;
    while let Some((start, end)) = next_tag(rest) {
        let line = source[..source.len() - rest.len() + start].matches('\n').count() + 1;
        let refused = |tag: String| Err(TemplateError::NotAllowed { part, line, tag });
        let tag = &rest[start..end];
        let statement = tag.starts_with("{%");
        let inner = tag.get(2..).unwrap_or_default().trim_start_matches(['-', '+']);
        let inner = inner.trim_end_matches(['}', '%', '-', '+']);
        let code = outside_quotes(inner);
        let word = code.split(|c: char| !c.is_alphanumeric() && c != '_').find(|word| !word.is_empty());
        if statement && !word.is_some_and(|word| STATEMENTS.contains(&word)) {
            return refused(format!("{{% {} %}}", word.unwrap_or_default()));
        }
        if let Some(operator) = code.chars().find(|c| OPERATORS.contains(c)) {
            return refused(format!("the operator {operator}"));
        }
        if let Some(bracket) = code.chars().find(|c| matches!(c, '(' | '|' | '[' | '{')) {
            return refused(match bracket {
                '|' => "a filter (|)".to_owned(),
                other => format!("the bracket {other}"),
            });
        }
        if code.split_whitespace().any(|word| word == "recursive") {
            return refused("a recursive loop".to_owned());
        }
        rest = &rest[end..];
    }
    Ok(())
}

/// Start and end of the next `{{ … }}` or `{% … %}`; comments are passed over. A tag that is not
/// closed goes to the end.
fn next_tag(source: &str) -> Option<(usize, usize)> {
    let mut from = 0;
    loop {
        let start = from + source[from..].find('{')?;
        match source[start..].get(..2) {
            Some("{{") => return Some((start, tag_end(source, start + 2, "}}"))),
            Some("{%") => return Some((start, tag_end(source, start + 2, "%}"))),
            Some("{#") => from = source[start..].find("#}").map_or(source.len(), |end| start + end + 2),
            _ => from = start + 1,
        }
    }
}

/// Behind the closing mark that is not within quotes.
fn tag_end(source: &str, from: usize, mark: &str) -> usize {
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in source[from..].char_indices() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if c == '\\' => escaped = true,
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if matches!(c, '"' | '\'') => quote = Some(c),
            None if source[from + at..].starts_with(mark) => return from + at + mark.len(),
            None => {}
        }
    }
    source.len()
}

/// The code of a tag, each quoted text in it replaced by one space.
fn outside_quotes(code: &str) -> String {
    let mut kept = String::new();
    let mut quote = None;
    let mut escaped = false;
    for c in code.chars() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if c == '\\' => escaped = true,
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if matches!(c, '"' | '\'') => {
                quote = Some(c);
                kept.push(' ');
            }
            None => kept.push(c),
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(source: &str) -> Option<String> {
        match check(Part::Text, source) {
            Err(TemplateError::NotAllowed { tag, .. }) => Some(tag),
            Err(other) => panic!("{other}"),
            Ok(()) => None,
        }
    }

    #[test]
    fn what_a_mail_needs_is_allowed() {
        for source in [
            "{{ a }} {%- if a and not b.c == '*' -%} x {% elif c %} { } {% else %} {% endif %}",
            "{% for lot in lots %}{{ lot.amount }}{% if not loop.last %},{% endif %}{% endfor %}",
            "{# {% include 'x' %} #} { {x} }",
            "a { b } % c",
        ] {
            assert_eq!(refused(source), None, "{source}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for (source, tag) in [
            ("{% set a = b %}", "{% set %}"),
            ("{%- include 'x' %}", "{% include %}"),
            ("{% autoescape false %}", "{% autoescape %}"),
            ("{% raw %}{% endraw %}", "{% raw %}"),
            ("{% %}", "{%  %}"),
            ("{{ a|safe }}", "a filter (|)"),
            ("{{ '}}' * 1000 }}", "the operator *"),
            ("{{ \"\\\"}}\" ~ a }}", "the operator ~"),
            ("{{ range(9) }}", "the bracket ("),
            ("{{ lots[0] }}", "the bracket ["),
            ("{% for x in y recursive %}", "a recursive loop"),
            ("{{ a * b", "the operator *"),
        ] {
            assert_eq!(refused(source).as_deref(), Some(tag), "{source}");
        }
        let second = check(Part::Html, "\n{{ a }}\n{{ a | b }}").unwrap_err();
        assert!(second.to_string().starts_with("html, line 3: a filter (|) is not allowed"), "{second}");
    }
}
