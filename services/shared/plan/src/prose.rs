//! Prose: what a text may say in its own words, and where it has to cite.
//!
//! Letters of every script are welcome. Digits of every script, English number words above ten, currency signs and
//! percent signs are only allowed inside of what a placeholder stands for; except phases (`phase 2`), weeks of the plan
//! (`week 3`, `weeks 1-4`) and lengths of time that the plan or its facts are about (`90 days`, `4 weeks`).

mod number;
mod scan;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use crate::document::Document;
use crate::fact::Facts;
use crate::finding::{Code, Finding};
pub(crate) use scan::{Kind, scan};
pub(crate) use words::is_hidden;

/// The rules of prose, for a model's instructions.
pub const RULES: &str = "\
Write plain prose without digits. Every figure is a placeholder: {{F12}} for the fact F12 that a tool answered, {{C1}} \
for your calculation C1; the host puts the value and its unit in their place, so never write a unit, a percent sign or \
a currency sign behind one. Outside of placeholders these are refused: digits of any script, number words above ten, \
percent and currency signs, markup, links and addresses. Allowed are: phase 2; week 3 and weeks 1-4 of the plan; 4 weeks \
(up to 52); and 90 days or 3 months where the plan or a cited fact has that window or horizon. Names, titles and labels \
hold no placeholders. In a message to members, {{credit}} and {{days}} stand for what the campaign itself gives; the \
shop's figures do not belong there. Speak of groups, never of single members. Do no arithmetic: write a calculation.";

/// The lengths of time that the texts of a plan may name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forms {
    /// Numbers of days.
    pub days: BTreeSet<i64>,
    /// The last week of the plan.
    pub weeks: i64,
}

/// Windows that tools count over, which may always be named.
const WINDOWS: [i64; 5] = [7, 30, 60, 90, 365];

impl Forms {
    /// What facts alone allow, as in a specialist's findings.
    #[must_use]
    pub fn of_facts(facts: &Facts) -> Self {
        let mut days = BTreeSet::from(WINDOWS);
        for fact in facts.iter() {
            let window = fact.figure.window.as_deref().unwrap_or_default();
            days.extend(fact.figure.name.split('_').chain([window]).filter_map(days_of));
        }
        Self { days, weeks: WEEKS_MAX }
    }

    /// What a plan with these facts allows.
    #[must_use]
    pub fn of(document: &Document, facts: &Facts, timeline_days: Option<i64>) -> Self {
        let mut forms = Self::of_facts(facts);
        let campaigns = document
            .campaigns
            .iter()
            .flat_map(|campaign| [campaign.extend_days, campaign.credit_ends_within_days]);
        let horizons = document.kpis.iter().map(|kpi| kpi.horizon_days);
        let own = campaigns.chain(horizons).chain(timeline_days).filter(|days| (1..=999).contains(days));
        forms.days.extend(own);
        let weeks: i64 = document.phases.iter().map(|phase| phase.weeks.clamp(0, WEEKS_MAX)).sum();
        forms.weeks = weeks.min(WEEKS_MAX);
        forms
    }
}

/// The most weeks that a text may name.
const WEEKS_MAX: i64 = 52;

/// `90d` as a number of days.
fn days_of(window: &str) -> Option<i64> {
    window.strip_suffix('d')?.parse().ok().filter(|days| (1..=999).contains(days))
}

/// Which placeholders a text may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Facts and calculations.
    Prose,
    /// None: names, titles and labels.
    Name,
    /// Those of the campaign's own offer.
    Message,
}

/// What a text is checked against.
pub(crate) struct Check<'a> {
    pub(crate) forms: &'a Forms,
    /// The ids that may be cited.
    pub(crate) ids: &'a BTreeSet<String>,
    /// Ids by the digits that they are shown with, to tell what could be cited.
    pub(crate) by_digits: &'a BTreeMap<String, Vec<String>>,
}

/// The longest name, title or label, in characters.
pub(crate) const NAME_MAX: usize = 80;

impl Check<'_> {
    /// The findings about one text, which has at most `max` characters.
    pub(crate) fn text(&self, path: &str, text: &str, max: usize, place: Place) -> Vec<Finding> {
        let mut findings = Vec::new();
        if text.trim().is_empty() {
            findings.push(Finding::new(
                Code::Size,
                path,
                "the text is empty; write it or leave the item out",
            ));
        }
        let length = text.chars().count();
        if length > max {
            let problem = format!("the text has {length} characters; write at most {max}");
            findings.push(Finding::new(Code::Size, path, problem));
        }
        let mut seen: BTreeMap<Code, (Vec<String>, BTreeSet<String>)> = BTreeMap::new();
        for span in scan(text, self.forms) {
            let Some(code) = self.code(&span.kind, place) else { continue };
            let (excerpts, hints) = seen.entry(code).or_default();
            if excerpts.len() < 5 {
                excerpts.push(excerpt(text, span.start, span.text));
                hints.extend(self.hint(code, span.text));
            }
        }
        findings.extend(seen.into_iter().map(|(code, (excerpts, hints))| {
            Finding::new(code, path, problem(code, place, &excerpts, &hints))
        }));
        findings
    }

    fn code(&self, kind: &Kind<'_>, place: Place) -> Option<Code> {
        match kind {
            Kind::Plain => None,
            Kind::Cited(id) if place == Place::Prose => (!self.ids.contains(*id)).then_some(Code::UnknownId),
            Kind::Offer if place == Place::Message => None,
            Kind::Cited(_) | Kind::Offer | Kind::Broken => Some(Code::Placeholder),
            Kind::Digits => Some(Code::Digits),
            Kind::NumberWord => Some(Code::NumberWord),
            Kind::Sign => Some(Code::Sign),
            Kind::Markup => Some(Code::Markup),
        }
    }

    fn hint(&self, code: Code, text: &str) -> Vec<String> {
        if code != Code::Digits {
            return Vec::new();
        }
        let ids = self.by_digits.get(&digits(text)).map(Vec::as_slice).unwrap_or_default();
        ids.iter().take(3).map(|id| format!("{{{{{id}}}}} shows {text}")).collect()
    }
}

/// The digits of a text alone.
pub(crate) fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// The span with what stands around it.
fn excerpt(text: &str, start: usize, span: &str) -> String {
    let (before, rest) = text.split_at_checked(start).unwrap_or_default();
    let after = rest.get(span.len()..).unwrap_or_default();
    let before: Vec<char> = before.chars().rev().take(14).collect();
    let shown = before
        .into_iter()
        .rev()
        .chain(span.chars().take(40))
        .chain(after.chars().take(14))
        .map(|char| if char.is_control() || is_hidden(char) { '\u{fffd}' } else { char });
    format!("\"{}\"", shown.collect::<String>().trim())
}

fn problem(code: Code, place: Place, excerpts: &[String], hints: &BTreeSet<String>) -> String {
    let found = excerpts.join(", ");
    let hints = hints.iter().cloned().collect::<Vec<_>>().join(", ");
    let hints = if hints.is_empty() { String::new() } else { format!(" ({hints})") };
    match code {
        Code::UnknownId => format!(
            "{found} cites what is no fact of this run and no calculation with a result; cite an id that a tool answered"
        ),
        Code::Placeholder if place == Place::Name => {
            format!("{found}: names, titles and labels hold no placeholders; say it in words")
        }
        Code::Placeholder if place == Place::Message => format!(
            "{found}: a message to members may hold {{{{credit}}}} and {{{{days}}}} and no other placeholder; \
             leave the shop's figures out"
        ),
        Code::Placeholder => {
            format!("{found} is no placeholder; write {{{{F12}}}} for a fact or {{{{C1}}}} for a calculation")
        }
        Code::Digits if place == Place::Message => format!(
            "{found} holds digits; write {{{{credit}}}} for what the campaign gives and {{{{days}}}} for its time, and \
             leave other figures out"
        ),
        Code::Digits if place == Place::Name => format!("{found} holds digits; say it in words"),
        Code::Digits => format!(
            "{found} holds digits outside of a placeholder; cite a fact or a calculation instead{hints}, or say it \
             without the figure"
        ),
        Code::NumberWord => {
            format!(
                "{found} holds a number word above ten; cite a fact instead, or say it without the figure"
            )
        }
        Code::Sign => format!(
            "{found} holds a percent or currency sign; a placeholder is shown with its unit, so leave the sign out"
        ),
        _ => format!("{found} holds markup, a link, an address or an invisible character; write plain prose"),
    }
}

/// What a check of texts is made from: ids that may be cited, and ids by their digits.
pub(crate) fn citable<'a>(
    shown: impl Iterator<Item = (&'a str, String)>,
) -> (BTreeSet<String>, BTreeMap<String, Vec<String>>) {
    let mut ids = BTreeSet::new();
    let mut by_digits: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (id, shown) in shown {
        ids.insert(id.to_owned());
        by_digits.entry(digits(&shown)).or_default().push(id.to_owned());
    }
    (ids, by_digits)
}
