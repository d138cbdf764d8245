//! What each error code and each alert means and what to do: the pages of `docs/errors` and `docs/runbooks`, in the binary,
//! as markup.
//!
//! They are ours, and yet nothing but Markdown passes: markup in them is shown as it is written, and links lead to others of
//! them or out of the console, never to files that are not served.

use std::mem;

use pulldown_cmark::{Alignment, CowStr, Event, HeadingLevel, LinkType, Options, Parser, Tag, TagEnd, html};

/// Name and text of each file about codes (see build.rs).
const FILES: &[(&str, &str)] = &include!(concat!(env!("OUT_DIR"), "/errors.rs"));
/// The same of alerts.
const ALERTS: &[(&str, &str)] = &include!(concat!(env!("OUT_DIR"), "/runbooks.rs"));
/// The one that is about all of them.
const INDEX: &str = "README";

/// A page about a code or an alert, or about all of them.
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

/// What a code means, in a line; nothing if there is no such code.
pub(crate) fn meaning(code: &str) -> &'static str {
    let text = codes().find(|(name, _)| *name == code).map_or("", |(_, text)| *text);
    text.lines().next().and_then(|title| title.split_once(": ")).map_or("", |(_, meaning)| meaning)
}

/// What there is to say about all of them, with a list.
pub(crate) fn index() -> Option<Runbook> {
    FILES.iter().find(|(name, _)| *name == INDEX).map(|(_, text)| written(text))
}

/// An alert's; `None` if there is no such alert.
pub(crate) fn of_alert(name: &str) -> Option<Runbook> {
    let mut known = ALERTS.iter().filter(|(known, _)| *known != INDEX);
    known.find(|(known, _)| *known == name).map(|(_, text)| written_in("runbooks", text))
}

/// What there is to say about all alerts, with a list.
pub(crate) fn alerts() -> Option<Runbook> {
    ALERTS.iter().find(|(name, _)| *name == INDEX).map(|(_, text)| written_in("runbooks", text))
}

/// What the page of a rule of the console is called: `missed_schedule` is `MissedSchedule`.
pub(crate) fn of_rule(rule: &str) -> Option<&'static str> {
    let name: String = rule
        .split('_')
        .flat_map(|word| {
            let mut letters = word.chars();
            letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters)
        })
        .collect();
    ALERTS.iter().find(|(known, _)| *known == name).map(|(known, _)| *known)
}

/// The first code that a text speaks of.
pub(crate) fn code_in(text: &str) -> Option<&'static str> {
    let found = codes().filter_map(|(code, _)| Some((text.find(*code)?, *code)));
    found.min().map(|(_, code)| code)
}

fn written(text: &str) -> Runbook {
    written_in("errors", text)
}

/// A page of this folder.
fn written_in(folder: &str, text: &str) -> Runbook {
    let mut events: Vec<Event<'_>> = Parser::new_ext(text, Options::ENABLE_TABLES).collect();
    let title_ends = |event: &Event<'_>| *event == Event::End(TagEnd::Heading(HeadingLevel::H1));
    let end = events.iter().position(title_ends);
    let title = match end {
        Some(end) => said(events.drain(..=end).as_slice().iter()),
        None => String::new(),
    };
    let mut body = String::new();
    html::push_html(&mut body, as_shown(folder, events).into_iter());
    Runbook { title, body }
}

/// What pages may hold, as they hold it elsewhere.
fn as_shown<'t>(folder: &str, events: Vec<Event<'t>>) -> Vec<Event<'t>> {
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
            Event::Start(Tag::Link { dest_url, .. }) => match address(folder, &dest_url) {
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

/// Where a link of a page in this folder leads in the console; `None` if nothing is there.
fn address(folder: &str, to: &str) -> Option<String> {
    if to.starts_with("https://") {
        return Some(to.to_owned());
    }
    let (file, part) = match to.split_once('#') {
        Some((file, part)) => (file, format!("#{part}")),
        None => (to, String::new()),
    };
    if file.is_empty() {
        return Some(part);
    }
    let (folder, file) = match file.strip_prefix("../").and_then(|file| file.split_once('/')) {
        Some(elsewhere) => elsewhere,
        None => (folder, file),
    };
    let (address, pages) = match folder {
        "errors" => ("/errors", FILES),
        "runbooks" => ("/runbooks", ALERTS),
        _ => return None,
    };
    let name = file.strip_suffix(".md")?;
    let (known, _) = pages.iter().find(|(known, _)| *known == name)?;
    Some(if *known == INDEX { format!("{address}{part}") } else { format!("{address}/{known}{part}") })
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
    use tradeup_store::alerts::Rule;

    use super::*;

    #[test]
    fn every_code_has_a_page_that_holds_no_style_and_leads_nowhere_that_is_not_served() {
        for code in ErrorCode::ALL {
            let Runbook { title, body } = of(code.as_str()).unwrap();
            assert!(title.starts_with(code.as_str()), "{title}");
            assert!(!meaning(code.as_str()).is_empty(), "{title}");
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
    fn every_rule_of_the_console_has_a_page_and_every_page_says_what_to_do() {
        for rule in Rule::ALL {
            assert!(of_rule(rule.as_str()).is_some(), "{rule}");
        }
        assert_eq!(of_rule("nonsense"), None);
        for (name, _) in ALERTS.iter().filter(|(name, _)| *name != INDEX) {
            let Runbook { title, body } = of_alert(name).unwrap();
            assert_eq!(title, *name);
            for part in
                ["what-it-means", "who-is-hurt", "see-within-a-minute", "put-it-right", "when-to-wake-whom"]
            {
                assert!(body.contains(&format!("<h2 id=\"{part}\">")), "{name}: {part}");
            }
            assert!(!body.contains(".md"), "{name}: {body}");
        }
        let Runbook { body, .. } = alerts().unwrap();
        assert!(
            body.contains("href=\"/runbooks/MissedSchedule\"") && body.contains("href=\"/errors\""),
            "{body}"
        );
        assert!(of_alert(INDEX).is_none());
    }

    #[test]
    fn a_text_speaks_of_the_code_that_comes_first() {
        assert_eq!(code_in("3 dead letters of x: TU0104, not TU0003."), Some("TU0104"));
        assert_eq!(code_in("TU9999 is none"), None);
    }
}
