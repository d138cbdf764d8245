//! Amounts, days and zones as people of a language write them.
//!
//! Digits, grouping, month names and zone names are CLDR's, through ICU4X. What ICU4X has no
//! settled interface for yet, where a currency stands and by which sign it goes, is a table here
//! (CLDR 48, `currencyFormats` standard).

use chrono::{DateTime, Datelike, NaiveDate, Offset, TimeZone, Utc};
use chrono_tz::Tz;
use fixed_decimal::Decimal;
use icu_datetime::NoCalendarFormatter;
use icu_datetime::fieldsets::zone::GenericLong;
use icu_datetime::input::{Date, UtcOffset};
use icu_decimal::DecimalFormatter;
use icu_time::TimeZone as IcuZone;
use icu_time::zone::ZoneNameTimestamp;
use tradeup_domain::Money;

use crate::Locale;
use crate::locale::day_formatter;

/// No data of a locale, or a day that can't be written. Does not happen with the data built in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {what} can't be written in this locale; use another locale")]
pub struct FormatError {
    what: &'static str,
}

/// Where the sign of a currency stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// `$12.50`; a code of letters is parted: `KWD 12.500`.
    Before,
    /// `€ 12,50`.
    BeforeParted,
    /// `12,50 €`.
    After,
}

/// An amount with its currency, exact: as many decimals as the currency has, never a float.
///
/// # Errors
/// [`FormatError`] if ICU has no digits for the locale.
pub fn money(amount: Money, locale: &Locale) -> Result<String, FormatError> {
    let failed = |_| FormatError { what: "amount" };
    let formatter = DecimalFormatter::try_new(locale.as_icu().into(), Default::default()).map_err(failed)?;
    let exponent =
        i16::try_from(amount.currency.exponent()).map_err(|_too_many| FormatError { what: "amount" })?;
    let mut number = Decimal::from(amount.amount_minor.unsigned_abs());
    number.multiply_pow10(-exponent);
    number.absolute.pad_end(-exponent);
    let digits = formatter.format(&number).to_string();
    let sign = sign(amount.currency.code(), locale);
    let written = match place(locale) {
        // CLDR parts a sign that ends with a letter from the digits.
        Place::Before if !sign.ends_with(char::is_alphabetic) => format!("{sign}{digits}"),
        Place::Before | Place::BeforeParted => format!("{sign}\u{a0}{digits}"),
        Place::After => format!("{digits}\u{a0}{sign}"),
    };
    Ok(if amount.amount_minor < 0 { format!("\u{2212}{written}") } else { written })
}

/// By language, with the regions that differ.
fn place(locale: &Locale) -> Place {
    let (language, region) = (locale.language(), locale.region());
    match (language.as_str(), region.as_ref().map_or("", |region| region.as_str())) {
        ("de" | "en", "AT" | "CH" | "LI") | ("it", "CH") | ("nl", _) | ("pt", "" | "BR") => {
            Place::BeforeParted
        }
        ("es", "AR" | "CO" | "PY" | "UY") => Place::BeforeParted,
        ("es", "419" | "CL" | "EC" | "GT" | "MX" | "PE" | "PR" | "US") => Place::Before,
        ("en" | "fil" | "hi" | "id" | "ja" | "ko" | "ms" | "th" | "tr" | "zh", _) => Place::Before,
        _ => Place::After,
    }
}

/// The sign of a currency where every reader of the locale takes it for that one; else its code.
fn sign(code: &'static str, locale: &Locale) -> &'static str {
    let region = locale.region();
    let region = region.as_ref().map_or("", |region| region.as_str());
    match (code, region) {
        ("EUR", _) => "€",
        ("GBP", _) => "£",
        ("INR", _) => "₹",
        ("ILS", _) => "₪",
        ("KRW", _) => "₩",
        ("PLN", _) if locale.language().as_str() == "pl" => "zł",
        ("JPY", _) if locale.language().as_str() == "ja" => "￥",
        ("JPY", _) if locale.language().as_str() == "en" => "¥",
        // Many countries have a dollar: the bare sign is the reader's own, or the one of the
        // language's main country where no region is given.
        ("USD", "US" | "PR" | "EC" | "SV") | ("CAD", "CA") | ("AUD", "AU") | ("NZD", "NZ") => "$",
        ("SGD", "SG") | ("HKD", "HK") | ("MXN", "MX") => "$",
        ("USD", "") if locale.language().as_str() == "en" => "$",
        ("BRL", _) => "R$",
        _ => code,
    }
}

/// A day in the long form of the locale, in the Gregorian calendar: `31 October 2026`.
///
/// # Errors
/// [`FormatError`] if ICU has no month names for the locale, or for years beyond 9999.
pub fn day(day: NaiveDate, locale: &Locale) -> Result<String, FormatError> {
    let failed = FormatError { what: "day" };
    let formatter = day_formatter(locale.as_icu()).map_err(|_no_data| failed)?;
    let month = u8::try_from(day.month()).map_err(|_out_of_range| failed)?;
    let in_month = u8::try_from(day.day()).map_err(|_out_of_range| failed)?;
    let date = Date::try_new_gregorian(day.year(), month, in_month).map_err(|_out_of_range| failed)?;
    Ok(formatter.format(&date).to_string())
}

/// The name of a zone as people say it, at an instant: `Central European Time`. Where CLDR has
/// none, the name of the tz database.
///
/// # Errors
/// [`FormatError`] if ICU has no zone names for the locale.
pub fn zone(zone: Tz, at: DateTime<Utc>, locale: &Locale) -> Result<String, FormatError> {
    let formatter = NoCalendarFormatter::try_new(locale.as_icu().into(), GenericLong)
        .map_err(|_no_data| FormatError { what: "zone" })?;
    let seconds = zone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc();
    let id = IcuZone::from_iana_id(zone.name());
    if id.is_unknown() {
        return Ok(zone.name().to_owned());
    }
    let info = id
        .with_offset(UtcOffset::try_from_seconds(seconds).ok())
        .with_zone_name_timestamp(ZoneNameTimestamp::from_epoch_seconds(at.timestamp()));
    Ok(formatter.format(&info).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(amount_minor: i64, code: &str, locale: &str) -> String {
        let amount = Money { amount_minor, currency: code.parse().unwrap() };
        money(amount, &Locale::parse(locale)).unwrap().replace(['\u{a0}', '\u{202f}'], " ")
    }

    #[test]
    fn amounts_have_the_decimals_of_their_currency_and_the_signs_of_their_reader() {
        for (minor, code, locale, text) in [
            (1250, "USD", "en", "$12.50"),
            (123_456_789, "USD", "en-US", "$1,234,567.89"),
            (1250, "USD", "en-CA", "USD 12.50"),
            (1250, "CAD", "en-CA", "$12.50"),
            (1250, "USD", "de", "12,50 USD"),
            (123_450, "EUR", "de-DE", "1.234,50 €"),
            (123_450, "CHF", "de-CH", "CHF 1'234.50"),
            (123_450, "EUR", "fr", "1 234,50 €"),
            (1_234_500, "EUR", "es", "12.345,00 €"),
            (123_450, "MXN", "es-MX", "$1,234.50"),
            (1250, "EUR", "it", "12,50 €"),
            (1250, "EUR", "nl", "€ 12,50"),
            (980, "JPY", "ja", "￥980"),
            (12_345, "JPY", "en", "¥12,345"),
            (12_345, "KWD", "en", "KWD 12.345"),
            (5, "KWD", "de", "0,005 KWD"),
            (0, "EUR", "en", "€0.00"),
            (-1250, "EUR", "de", "−12,50 €"),
            (i64::MIN, "JPY", "en", "−¥9,223,372,036,854,775,808"),
        ] {
            assert_eq!(written(minor, code, locale), text, "{minor} {code} in {locale}");
        }
    }

    #[test]
    fn days_are_written_out() {
        let october = "2026-10-31".parse().unwrap();
        for (locale, text) in [
            ("en", "October 31, 2026"),
            ("en-GB", "31 October 2026"),
            ("de", "31. Oktober 2026"),
            ("fr", "31 octobre 2026"),
            ("es", "31 de octubre de 2026"),
            ("it", "31 ottobre 2026"),
            ("nl", "31 oktober 2026"),
            ("ja", "2026年10月31日"),
        ] {
            assert_eq!(day(october, &Locale::parse(locale)).unwrap(), text);
        }
    }

    #[test]
    fn zones_have_a_name() {
        let at = "2026-10-31T12:00:00Z".parse().unwrap();
        for (name, locale, text) in [
            ("Europe/Berlin", "en", "Central European Time"),
            ("Europe/Berlin", "de", "Mitteleuropäische Zeit"),
            ("America/New_York", "en", "Eastern Time"),
            ("Asia/Tokyo", "ja", "日本時間"),
            ("UTC", "en", "Coordinated Universal Time"),
            ("Etc/GMT+5", "en", "GMT-05:00"),
        ] {
            let given = tradeup_domain::zone::parse_zone(name).unwrap();
            assert_eq!(zone(given, at, &Locale::parse(locale)).unwrap(), text, "{name} in {locale}");
        }
    }

    #[test]
    fn every_zone_of_the_tz_database_has_a_name_in_every_built_in_language() {
        let at = "2026-10-31T12:00:00Z".parse().unwrap();
        for tz in chrono_tz::TZ_VARIANTS {
            for locale in ["en", "de", "fr", "es", "it", "nl", "ja"] {
                assert!(!zone(tz, at, &Locale::parse(locale)).unwrap().is_empty(), "{tz} in {locale}");
            }
        }
    }
}
