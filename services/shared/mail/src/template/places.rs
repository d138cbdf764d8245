//! Where values may stand in the HTML part.
//!
//! Escaping keeps a value from starting or ending a tag. It does not help where a value stands
//! without quotes, in a script, a style or a comment, or as a link. So a template is rendered with
//! marks in place of the values, and a tokenizer that reads as browsers do says where they are.

use html5gum::emitters::default::DefaultEmitter;
use html5gum::{Token, Tokenizer};

use super::TemplateError;

/// Elements that run, load or send something.
const ACTIVE_ELEMENTS: [&str; 12] = [
    "script", "iframe", "object", "embed", "applet", "form", "input", "button", "base", "link", "svg", "math",
];

/// Attributes that hold an address.
const LINKS: [&str; 13] = [
    "href",
    "src",
    "action",
    "formaction",
    "background",
    "srcset",
    "poster",
    "xlink:href",
    "ping",
    "cite",
    "longdesc",
    "data",
    "lowsrc",
];

/// A value that was put in, and whether it is a link.
pub(super) struct Mark {
    pub(super) variable: &'static str,
    pub(super) text: String,
    pub(super) link: bool,
}

/// The tags of a document with the names of their attributes, comments and the doctype: what must
/// be the same whatever the values are.
pub(super) fn structure(html: &str) -> Vec<String> {
    let named = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    tokens(html)
        .into_iter()
        .filter_map(|token| match token {
            Token::StartTag(tag) => {
                let attributes: Vec<_> = tag.attributes.keys().map(|name| named(name)).collect();
                Some(format!("<{} {}>", named(&tag.name), attributes.join(" ")))
            }
            Token::EndTag(tag) => Some(format!("</{}>", named(&tag.name))),
            Token::Comment(_) => Some("<!-- -->".to_owned()),
            Token::Doctype(_) => Some("<!doctype>".to_owned()),
            Token::String(_) | Token::Error(_) => None,
        })
        .collect()
}

/// Refuses active content, and values in places where they could become some.
pub(super) fn check(html: &str, marks: &[Mark]) -> Result<(), TemplateError> {
    let refuse = |text: &str, place: String| -> Result<(), TemplateError> {
        let lower = text.to_lowercase();
        match marks.iter().find(|mark| lower.contains(&mark.text)) {
            Some(mark) => Err(TemplateError::UnsafePlace { variable: mark.variable, place }),
            None => Ok(()),
        }
    };
    let active = |what: String| Err(TemplateError::ActiveContent { what });
    let mut in_style = false;
    for token in tokens(html) {
        match token {
            Token::StartTag(tag) => {
                let element = String::from_utf8_lossy(&tag.name).into_owned();
                if ACTIVE_ELEMENTS.contains(&element.as_str()) {
                    return active(format!("<{element}>"));
                }
                refuse(&element, "in the name of an element".to_owned())?;
                in_style = element == "style";
                for (name, value) in &tag.attributes {
                    let name = String::from_utf8_lossy(name).into_owned();
                    let value = String::from_utf8_lossy(&value.value).into_owned();
                    refuse(&name, "in the name of an attribute".to_owned())?;
                    if name.starts_with("on") || name == "http-equiv" || name == "srcdoc" {
                        return active(format!("the attribute {name}"));
                    }
                    if name == "style" {
                        refuse(&value, "in a style".to_owned())?;
                    }
                    if LINKS.contains(&name.as_str()) {
                        link(&name, &value, marks)?;
                    }
                }
            }
            Token::EndTag(_) => in_style = false,
            Token::String(text) if in_style => {
                refuse(&String::from_utf8_lossy(&text.value), "in a style".to_owned())?;
            }
            Token::Comment(text) => refuse(&String::from_utf8_lossy(&text.value), "in a comment".to_owned())?,
            Token::String(_) | Token::Doctype(_) | Token::Error(_) => {}
        }
    }
    Ok(())
}

/// A link is one of ours as a whole, or one that the template says, without any value in it.
fn link(attribute: &str, value: &str, marks: &[Mark]) -> Result<(), TemplateError> {
    let lower = value.to_lowercase();
    if let Some(mark) = marks.iter().find(|mark| lower.contains(&mark.text)) {
        let whole = mark.link && value.trim().to_lowercase() == mark.text;
        return if whole {
            Ok(())
        } else {
            Err(TemplateError::UnsafePlace { variable: mark.variable, place: format!("within {attribute}") })
        };
    }
    // Browsers pass over control characters and blanks when they look for the scheme.
    let plain: String = lower.chars().filter(|c| !c.is_control() && !c.is_whitespace()).collect();
    let scheme =
        plain.split_once(':').map(|(scheme, _)| scheme).filter(|scheme| !scheme.contains(['/', '?', '#']));
    match scheme {
        None | Some("https" | "http" | "mailto" | "tel" | "cid") => Ok(()),
        Some(_) => {
            Err(TemplateError::ActiveContent { what: format!("{attribute} with another scheme than https") })
        }
    }
}

fn tokens(html: &str) -> Vec<Token> {
    let mut emitter = DefaultEmitter::default();
    // Without it, the text of <style> and <title> would be read as tags.
    emitter.naively_switch_states(true);
    Tokenizer::new_with_emitter(html, emitter).flatten().collect()
}
