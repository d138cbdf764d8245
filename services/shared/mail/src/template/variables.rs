//! What a template can show.

use chrono::NaiveTime;
use serde::Serialize;

use super::RenderError;
use crate::digest::DigestError;
use crate::text::{SHOP_NAME_CHARS_MAX, first_name, one_line};
use crate::{ExpiryDigest, Locale, format};

/// For error messages: every variable, as it is written in a template.
pub(super) const KNOWN: &str = "shop_name, shop_url, first_name, lots (each with lot.amount and \
     lot.last_valid_day), lot_count, totals, first_day, zone, language, unsubscribe_url";

/// The variables' own names.
pub(super) const NAMES: [&str; 10] = [
    "shop_name",
    "shop_url",
    "first_name",
    "lots",
    "lot_count",
    "totals",
    "first_day",
    "zone",
    "language",
    "unsubscribe_url",
];

/// The variables, all of them text in the mail's language. Field names are what a template says.
#[derive(Clone, Serialize)]
pub(super) struct Variables {
    pub(super) shop_name: String,
    /// None: the shop has not said.
    pub(super) shop_url: Option<String>,
    /// None: not known, or no name.
    pub(super) first_name: Option<String>,
    /// Soonest first.
    pub(super) lots: Vec<Lot>,
    pub(super) lot_count: usize,
    /// One for each currency.
    pub(super) totals: Vec<String>,
    /// Last valid day of the first lot.
    pub(super) first_day: String,
    /// The zone's name as people say it.
    pub(super) zone: String,
    /// The language tag, for HTML's `lang`.
    pub(super) language: String,
    pub(super) unsubscribe_url: String,
}

/// One row of the table.
#[derive(Clone, Serialize)]
pub(super) struct Lot {
    /// What is left, with its currency.
    pub(super) amount: String,
    pub(super) last_valid_day: String,
}

impl Variables {
    pub(super) fn of(digest: &ExpiryDigest, locale: &Locale) -> Result<Self, RenderError> {
        let lots = digest.lots_in_order()?;
        let shop_name = one_line(&digest.shop_name, SHOP_NAME_CHARS_MAX);
        if shop_name.is_empty() {
            return Err(DigestError::NoShopName.into());
        }
        let first = lots.first().ok_or(DigestError::NoLot)?.last_valid_day;
        let rows = lots.iter().map(|lot| {
            Ok(Lot {
                amount: format::money(lot.left, locale)?,
                last_valid_day: format::day(lot.last_valid_day, locale)?,
            })
        });
        let totals = digest.totals()?;
        Ok(Self {
            shop_name,
            shop_url: digest.shop_url.as_ref().map(|link| link.as_str().to_owned()),
            first_name: digest.first_name.as_deref().and_then(first_name),
            lots: rows.collect::<Result<_, RenderError>>()?,
            lot_count: lots.len(),
            totals: totals.into_iter().map(|total| format::money(total, locale)).collect::<Result<_, _>>()?,
            first_day: format::day(first, locale)?,
            // A zone can change its name; that day's is the one that counts.
            zone: format::zone(digest.zone, first.and_time(NaiveTime::MIN).and_utc(), locale)?,
            language: locale.tag(),
            unsubscribe_url: digest.unsubscribe.as_str().to_owned(),
        })
    }
}
