//! What each error code means and what to do: the pages of `docs/errors`, in the binary, as markup.
//!
//! They are ours, and yet nothing but Markdown passes: markup in them is shown as it is written, and links lead to other
//! codes or out of the console, never to files that are not served.

use std::mem;

use pulldown_cmark::{Alignment, CowStr, Event, HeadingLevel, LinkType, Options, Parser, Tag, TagEnd, html};

/// Name and text of each file (see build.rs).
const FILES: &[(&str, &str)] = &include!(concat!(env!("OUT_DIR"), "/runbooks.rs"));
/// The one that is about all codes.
const INDEX: &str = "README";

/// A page about a code, or about all of them.
#[derive(Debug)]
pub(crate) struct Runbook {
    pub(crate) title: String,
    /// The rest, as markup.
    pub(crate) body: String,
}

/// Codes that have a runbook, with its text.
fn codes() -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    FILES.iter().filter(|(name, _)| *name != INDEX)
}

/// A code's; `None` if there is no such code.
pub(crate) fn of(code: &str) -> Option<Runbook> {
    codes().find(|(name, _)| *name == code).map(|(_, text)| written(text))
}

/// What there is to say about all of them, with a list.
pub(crate) fn index() -> Option<Runbook> {
    FILES.iter().find(|(name, _)| *name == INDEX).map(|(_, text)| written(text))
}

/// The first code that a text speaks of.
pub(crate) fn code_in(text: &str) -> Option<&'static str> {
    let found = codes().filter_map(|(code, _)| Some((text.find(*code)?, *code)));
    found.min().map(|(_, code)| code)
}

fn written(text: &str) -> Runbook {
    let mut events: Vec<Event<'_>> = Parser::new_ext(text, Options::ENABLE_TABLES).collect();
    let title_ends = |event: &Event<'_>| *event == Event::End(TagEnd::Heading(HeadingLevel::H1));
    let end = events.iter().position(title_ends);
    let title = match end {
        Some(end) => said(events.drain(..=end).as_slice().iter()),
        None => String::new(),
    };
    let mut body = String::new();
    html::push_html(&mut body, as_shown(events).into_iter());
    Runbook { title, body }
}

/// What pages may hold, as they hold it elsewhere.
fn as_shown(events: Vec<Event<'_>>) -> Vec<Event<'_>> {
    let mut anchors = anchors(&events).into_iter();
    let (mut shown, mut tables, mut is_no_link) = (Vec::with_capacity(events.len()), 0, false);
    for event in events {
        match event {
            Event::Html(text) | Event::InlineHtml(text) => shown.push(Event::Text(text)),
            Event::Start(Tag::Heading { level, .. }) => {
                let id = anchors.next().map(CowStr::from);
                let (classes, attrs) = (Vec::new(), Vec::new());
                shown.push(Event::Start(Tag::Heading { level, id, classes, attrs }));
            }
            Event::Start(Tag::Table(columns)) => {
                tables += 1;
                let region = format!(
                    "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Table {tables}\">"
                );
                shown.push(Event::Html(region.into()));
                // A column that is aligned would be by a style of its own, which no page may hold.
                shown.push(Event::Start(Tag::Table(vec![Alignment::None; columns.len()])));
            }
            Event::End(TagEnd::Table) => {
                shown.push(Event::End(TagEnd::Table));
                shown.push(Event::Html("</div>\n".into()));
            }
            Event::Start(Tag::CodeBlock(_)) => {
                shown.push(Event::Html("<pre tabindex=\"0\"><code>".into()));
            }
            Event::End(TagEnd::CodeBlock) => shown.push(Event::Html("</code></pre>\n".into())),
            Event::Start(Tag::Link { dest_url, .. }) => match address(&dest_url) {
                Some(to) => shown.push(Event::Start(Tag::Link {
                    link_type: LinkType::Inline,
                    dest_url: to.into(),
                    title: "".into(),
                    id: "".into(),
                })),
                None => is_no_link = true,
            },
            Event::End(TagEnd::Link) if mem::take(&mut is_no_link) => {}
            Event::Start(Tag::Image { .. }) | Event::End(TagEnd::Image) => {}
            other => shown.push(other),
        }
    }
    shown
}

/// Where a link leads in the console; `None` if nothing is there.
fn address(to: &str) -> Option<String> {
    if to.starts_with("https://") {
        return Some(to.to_owned());
    }
    let (file, part) = match to.split_once('#') {
        Some((file, part)) => (file, format!("#{part}")),
        None => (to, String::new()),
    };
    let page = match file.strip_suffix(".md") {
        Some(INDEX) => "/errors".to_owned(),
        Some(name) => format!("/errors/{}", codes().find(|(code, _)| *code == name)?.0),
        None if file.is_empty() => String::new(),
        None => return None,
    };
    Some(page + &part)
}

/// Where links may lead within the page: one for each heading, named as links name them.
fn anchors(events: &[Event<'_>]) -> Vec<String> {
    let after = events.split(|event| matches!(event, Event::Start(Tag::Heading { .. }))).skip(1);
    let ends = |event: &&Event<'_>| !matches!(event, Event::End(TagEnd::Heading(_)));
    after.map(|after| anchor(&said(after.iter().take_while(ends)))).collect()
}

fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-'));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}

/// The words alone.
fn said<'e, 't: 'e>(events: impl Iterator<Item = &'e Event<'t>>) -> String {
    let words = events.filter_map(|event| match event {
        Event::Text(text) | Event::Code(text) => Some(&**text),
        _ => None,
    });
    words.collect()
}

#[cfg(test)]
mod tests {
    use tradeup_domain::ErrorCode;

    use super::*;

    #[test]
    fn every_code_has_a_page_that_holds_no_style_and_leads_nowhere_that_is_not_served() {
        for code in ErrorCode::ALL {
            let Runbook { title, body } = of(code.as_str()).unwrap();
            assert!(title.starts_with(code.as_str()), "{title}");
            assert!(body.contains("<h2 id=\"what-to-do\">"), "{code:?}: {body}");
            assert!(!body.contains("style=") && !body.contains(".md\""), "{code:?}: {body}");
        }
        let Runbook { title, body } = index().unwrap();
        assert_eq!(title, "Error codes");
        assert!(body.contains("<h2 id=\"dead-runs\">") && body.contains("href=\"/errors/TU0001\""), "{body}");
        assert!(of(INDEX).is_none() && of("TU9999").is_none() && of("../errors/TU0001").is_none());
    }

    #[test]
    fn links_lead_to_codes_or_out_and_markup_stays_text() {
        let text = "# A\n\n## What *to* do?\n\n[one](TU0001.md) [all](README.md#dead-runs) [here](#what-to-do) \
            [mail](../mail.md) [bad](javascript:alert(1)) <b>bold</b>\n\n<script>alert(2)</script>\n\n![](x.png)\n\n\
            | n |\n|--:|\n| 1 |\n";
        let Runbook { title, body } = written(text);
        assert_eq!(title, "A");
        for there in [
            "<h2 id=\"what-to-do\">",
            "<a href=\"/errors/TU0001\">one</a>",
            "<a href=\"/errors#dead-runs\">all</a>",
            "<a href=\"#what-to-do\">here</a>",
            " mail bad ",
            "&lt;b&gt;bold",
            "&lt;script&gt;",
            "aria-label=\"Table 1\"",
        ] {
            assert!(body.contains(there), "{there}: {body}");
        }
        for absent in ["<script", "<img", "<b>", "javascript", "style"] {
            assert!(!body.contains(absent), "{absent}: {body}");
        }
    }

    #[test]
    fn a_text_speaks_of_the_code_that_comes_first() {
        assert_eq!(code_in("3 dead letters of x: TU0104, not TU0003."), Some("TU0104"));
        assert_eq!(code_in("TU9999 is none"), None);
    }
}
