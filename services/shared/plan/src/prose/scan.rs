//! A text cut into what is prose, what is cited, and what may not be there.

use super::Forms;
use super::number;
use super::words::{MARKUP, is_currency, is_domain, is_hidden, is_joiner, is_number_word, is_percent};
use crate::fact;

/// What a piece of text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind<'a> {
    /// Words.
    Plain,
    /// The placeholder of a fact or calculation.
    Cited(&'a str),
    /// The placeholder of what a campaign itself gives: `credit` or `days`.
    Offer,
    /// Braces that make no placeholder.
    Broken,
    /// Digits.
    Digits,
    /// A number word above ten.
    NumberWord,
    /// A currency or percent sign.
    Sign,
    /// Markup, an address, or what nobody sees.
    Markup,
}

/// A piece of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span<'a> {
    pub(crate) kind: Kind<'a>,
    pub(crate) text: &'a str,
    /// Where it begins, in bytes.
    pub(crate) start: usize,
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Letters.
    Word,
    /// Digits, with what separates groups of them.
    Number,
    /// One character that is neither.
    Other(char),
    /// A piece of markup.
    Markup,
}

/// A piece of what is no placeholder.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'a> {
    pub(super) shape: Shape,
    pub(super) text: &'a str,
}

/// How far the end of a placeholder may be from its beginning, in characters.
const PLACEHOLDER_MAX: usize = 24;

/// All of the text, in order: the spans' texts put together are the text.
pub(crate) fn scan<'a>(text: &'a str, forms: &Forms) -> Vec<Span<'a>> {
    let mut spans = Spans(Vec::new());
    let mut rest = text;
    while let Some(at) = rest.find("{{") {
        let (plain, from) = rest.split_at_checked(at).unwrap_or((rest, ""));
        spans.plain(plain, forms);
        let inside = from.get(2..).unwrap_or_default();
        let near = inside
            .char_indices()
            .nth(PLACEHOLDER_MAX)
            .map_or(inside, |(at, _)| inside.get(..at).unwrap_or(inside));
        let end = near.find("}}").filter(|end| near.get(..*end).is_some_and(|id| !id.contains(['{', '\n'])));
        let Some(end) = end else {
            let (braces, after) = from.split_at_checked(2).unwrap_or((from, ""));
            spans.push(Kind::Broken, braces);
            rest = after;
            continue;
        };
        let id = inside.get(..end).unwrap_or_default().trim();
        let (placeholder, after) = from.split_at_checked(end + 4).unwrap_or((from, ""));
        spans.push(placeholder_kind(id), placeholder);
        rest = after;
    }
    spans.plain(rest, forms);
    spans.0
}

fn placeholder_kind(id: &str) -> Kind<'_> {
    if fact::number('F', id).or_else(|| fact::number('C', id)).is_some() {
        Kind::Cited(id)
    } else if matches!(id, "credit" | "days") {
        Kind::Offer
    } else {
        Kind::Broken
    }
}

struct Spans<'a>(Vec<Span<'a>>);

impl<'a> Spans<'a> {
    fn push(&mut self, kind: Kind<'a>, text: &'a str) {
        let start = self.0.last().map_or(0, |last| last.start + last.text.len());
        self.0.push(Span { kind, text, start });
    }

    /// What stands between placeholders.
    fn plain(&mut self, text: &'a str, forms: &Forms) {
        let tokens = tokens(text);
        let mut plain = 0; // bytes of plain text that are not yet pushed
        let mut at = 0;
        let mut pushed = 0;
        for (index, token) in tokens.iter().enumerate() {
            let kind = kind(&tokens, index, forms);
            if kind == Kind::Plain {
                plain += token.text.len();
            } else {
                if plain > 0 {
                    self.push(Kind::Plain, text.get(pushed..at).unwrap_or_default());
                }
                self.push(kind, token.text);
                plain = 0;
                pushed = at + token.text.len();
            }
            at += token.text.len();
        }
        if plain > 0 {
            self.push(Kind::Plain, text.get(pushed..).unwrap_or_default());
        }
    }
}

fn kind<'a>(tokens: &[Token<'a>], at: usize, forms: &Forms) -> Kind<'a> {
    let Some(token) = tokens.get(at) else { return Kind::Plain };
    let near = |offset: Option<usize>| offset.and_then(|index| tokens.get(index));
    match token.shape {
        Shape::Number if number::is_allowed(tokens, at, forms) => Kind::Plain,
        Shape::Number => Kind::Digits,
        Shape::Word if is_number_word(token.text) => Kind::NumberWord,
        Shape::Word => Kind::Plain,
        Shape::Markup => Kind::Markup,
        Shape::Other(char) if is_currency(char) || is_percent(char) => Kind::Sign,
        Shape::Other(char) if is_hidden(char) => Kind::Markup,
        Shape::Other('@') => {
            let written = |token: Option<&Token<'_>>| token.is_some_and(|token| token.shape == Shape::Word);
            let address = written(near(at.checked_sub(1))) && written(near(Some(at + 1)));
            if address { Kind::Markup } else { Kind::Plain }
        }
        Shape::Other('.') => {
            let host = near(at.checked_sub(1)).is_some_and(|before| !matches!(before.shape, Shape::Other(_)));
            let domain = near(Some(at + 1)).is_some_and(|after| is_domain(after.text));
            if host && domain { Kind::Markup } else { Kind::Plain }
        }
        Shape::Other('}') if near(Some(at + 1)).is_some_and(|next| next.text == "}") => Kind::Broken,
        Shape::Other(_) => Kind::Plain,
    }
}

/// Words, numbers and single characters.
fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (shape, length) = if let Some(markup) = MARKUP.iter().find(|markup| rest.starts_with(**markup)) {
            (Shape::Markup, markup.len())
        } else if first.is_numeric() {
            (Shape::Number, number_length(rest))
        } else if first.is_alphabetic() {
            (Shape::Word, word_length(rest))
        } else {
            (Shape::Other(first), first.len_utf8())
        };
        let (token, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        tokens.push(Token { shape, text: token });
        rest = after;
    }
    tokens
}

fn word_length(text: &str) -> usize {
    let inside = |char: char| {
        char.is_alphabetic() && !char.is_numeric() || is_joiner(char) || matches!(char, '\u{300}'..='\u{36f}')
    };
    text.find(|char| !inside(char)).unwrap_or(text.len())
}

/// Digits, and what stands once between two of them to group or point.
fn number_length(text: &str) -> usize {
    let mut length = 0;
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        let groups = matches!(char, '.' | ',' | '\'' | '\u{2019}' | '\u{202f}' | '\u{66b}' | '\u{66c}');
        let inside = groups && chars.peek().is_some_and(|next| next.is_numeric());
        if !char.is_numeric() && !inside {
            break;
        }
        length += char.len_utf8();
    }
    length
}
