//! A template is tried before it is taken.

use chrono::NaiveDate;
use tradeup_domain::Money;

use super::places::{self, Mark};
use super::variables::{Lot, Variables};
use super::{Part, RenderError, Template, TemplateError};
use crate::text::escape_html;
use crate::{ExpiringLot, ExpiryDigest, Locale};

/// The lots of the preview: currency, minor units, day.
const SAMPLE_LOTS: [(&str, i64, [u32; 3]); 3] =
    [("EUR", 1250, [2026, 10, 31]), ("EUR", 400, [2026, 11, 2]), ("EUR", 10_000, [2026, 11, 5])];

/// What a value could try: leave its tag, its quotes, its comment or its style.
const HOSTILE: &str = "x a=1 b=\"2\" c='3' onload=y > --> </title></style></a><b>&lt;{{ shop_name }}";

/// Sample data for a preview.
pub(super) fn sample(locale: &Locale) -> Result<Variables, RenderError> {
    let lot = |(currency, amount_minor, [year, month, day]): (&str, i64, [u32; 3])| {
        let year = i32::try_from(year).ok()?;
        Some(ExpiringLot {
            left: Money { amount_minor, currency: currency.parse().ok()? },
            last_valid_day: NaiveDate::from_ymd_opt(year, month, day)?,
        })
    };
    let digest = ExpiryDigest {
        shop_name: "Sample Shop".to_owned(),
        shop_url: Some("https://shop.example/".parse()?),
        locale: locale.clone(),
        zone: chrono_tz::Europe::Berlin,
        lots: SAMPLE_LOTS.into_iter().filter_map(lot).collect(),
        first_name: Some("Alex".to_owned()),
        unsubscribe: "https://shop.example/unsubscribe?token=sample".parse()?,
    };
    Variables::of(&digest, locale)
}

/// Tries a template on a bare digest, a full one, one with many lots, and a hostile one.
pub(super) fn check(template: &Template) -> Result<(), TemplateError> {
    let bare = marked(1, false);
    let full = marked(3, true);
    for variables in [&bare, &full, &marked(40, true)] {
        let mail = template.render_variables(variables, template.locale())?;
        if mail.subject.is_empty() {
            return Err(TemplateError::SubjectEmpty);
        }
        shows(Part::Text, &mail.text, variables, false)?;
        shows(Part::Html, &mail.html, variables, true)?;
        places::check(&mail.html, &marks(variables))?;
    }
    let plain = template.render_variables(&full, template.locale())?;
    let attacked = template.render_variables(&hostile(full), template.locale())?;
    if places::structure(&plain.html) != places::structure(&attacked.html) {
        let place = "where it can start a tag or an attribute, without quotes around it".to_owned();
        return Err(TemplateError::UnsafePlace { variable: "a value", place });
    }
    Ok(())
}

/// Variables that can be found again: every value is a word of its own.
fn marked(lots: usize, everything: bool) -> Variables {
    let rows =
        (0..lots).map(|n| Lot { amount: format!("qamountq{n}q"), last_valid_day: format!("qdayq{n}q") });
    Variables {
        shop_name: "qshopq".to_owned(),
        shop_url: everything.then(|| "https://qshopurlq.example/".to_owned()),
        first_name: everything.then(|| "qnameq".to_owned()),
        lots: rows.collect(),
        lot_count: lots,
        totals: (0..if everything { 2 } else { 1 }).map(|n| format!("qtotalq{n}q")).collect(),
        first_day: "qdayq0q".to_owned(),
        zone: "qzoneq".to_owned(),
        language: "qlanguageq".to_owned(),
        unsubscribe_url: "https://qunsubscribeq.example/?token=q&a=b".to_owned(),
    }
}

fn marks(variables: &Variables) -> Vec<Mark> {
    let text = |variable, text: &str| Mark { variable, text: text.to_owned(), link: false };
    let mut marks = vec![
        text("shop_name", "qshopq"),
        text("first_name", "qnameq"),
        text("lot.amount", "qamountq"),
        text("lot.last_valid_day", "qdayq"),
        text("totals", "qtotalq"),
        text("zone", "qzoneq"),
        text("language", "qlanguageq"),
        Mark { variable: "unsubscribe_url", text: variables.unsubscribe_url.clone(), link: true },
    ];
    marks.extend(variables.shop_url.clone().map(|text| Mark { variable: "shop_url", text, link: true }));
    marks
}

/// The same with values that try to become markup. Links can't: they are ASCII without quotes.
fn hostile(mut variables: Variables) -> Variables {
    for text in
        [&mut variables.shop_name, &mut variables.zone, &mut variables.first_day, &mut variables.language]
    {
        *text = HOSTILE.to_owned();
    }
    variables.first_name = Some(HOSTILE.to_owned());
    for lot in &mut variables.lots {
        lot.amount = HOSTILE.to_owned();
        lot.last_valid_day = HOSTILE.to_owned();
    }
    for total in &mut variables.totals {
        *total = HOSTILE.to_owned();
    }
    variables
}

/// What the member has to be told (loyalty reference §1.4).
fn shows(part: Part, written: &str, variables: &Variables, escaped: bool) -> Result<(), TemplateError> {
    let missing = |what, write| Err(TemplateError::Missing { part, what, write });
    if !variables.lots.iter().all(|lot| written.contains(&lot.amount)) {
        return missing(
            "the amount of each lot is",
            "{% for lot in lots %} {{ lot.amount }} {{ lot.last_valid_day }} {% endfor %}",
        );
    }
    if !variables.lots.iter().all(|lot| written.contains(&lot.last_valid_day)) {
        return missing(
            "the last valid day of each lot is",
            "{{ lot.last_valid_day }} within {% for lot in lots %}",
        );
    }
    if !variables.totals.iter().all(|total| written.contains(total)) {
        return missing(
            "the total of each currency is",
            "{% for total in totals %} {{ total }} {% endfor %}",
        );
    }
    if !written.contains(&variables.zone) {
        return missing("the time zone is", "{{ zone }} beside the days, with words for \"end of day\"");
    }
    let link = &variables.unsubscribe_url;
    let link = if escaped { escape_html(link) } else { link.clone() };
    if !written.contains(&link) {
        return missing(
            "the unsubscribe link is",
            "{{ unsubscribe_url }}; in html, <a href=\"{{ unsubscribe_url }}\">",
        );
    }
    Ok(())
}
