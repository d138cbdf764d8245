//! Languages, and how they write amounts, days and zones.

use std::fmt;

use icu_datetime::fieldsets::YMD;
use icu_datetime::input::Date;
use icu_datetime::options::Length;
use icu_datetime::{DateTimeFormatterLoadError, FixedCalendarDateTimeFormatter};
use icu_locale_core::Locale as Tag;
use icu_locale_core::subtags::{Language, Region};

/// A language, with or without the region whose habits of writing apply: `de`, `de-CH`, `pt-BR`.
///
/// Read leniently, since it comes from shops: what can't be read or is not known becomes English.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Locale(Tag);

impl Locale {
    /// English, for everything that is not known.
    pub const ENGLISH: Self = Self(icu_locale_core::locale!("en"));

    /// Reads a language tag, with hyphen or underscore, in any case, `.UTF-8` and the like left out.
    ///
    /// Only language, script and region count. A tag that can't be read is tried again as the
    /// language before its first separator; what is still unknown becomes English.
    #[must_use]
    pub fn parse(given: &str) -> Self {
        let tag = given.trim().split(['.', '@']).next().unwrap_or_default().replace('_', "-");
        let language = tag.split('-').next().unwrap_or_default();
        [tag.as_str(), language]
            .into_iter()
            .filter_map(|tag| tag.parse::<Tag>().ok())
            .map(|tag| Self::plain(&tag))
            .find(Self::is_known)
            .unwrap_or(Self::ENGLISH)
    }

    /// Without variants and extensions: another calendar or other digits would not be what the
    /// reader of a shop's mail expects.
    fn plain(tag: &Tag) -> Self {
        let mut plain = Tag::from(tag.id.language);
        plain.id.script = tag.id.script;
        plain.id.region = tag.id.region;
        Self(plain)
    }

    /// Whether CLDR has data of this language. Its root, taken for all others, writes `2026 M10 31`.
    fn is_known(&self) -> bool {
        let written = |tag: &Tag| -> Option<String> {
            Some(day_formatter(tag).ok()?.format(&Date::try_new_gregorian(2026, 10, 31).ok()?).to_string())
        };
        !self.0.id.language.is_unknown()
            && written(&self.0).is_some_and(|day| written(&Tag::UNKNOWN) != Some(day))
    }

    /// The tag, as HTML's `lang` and the header `Content-Language` want it.
    #[must_use]
    pub fn tag(&self) -> String {
        self.0.to_string()
    }

    /// The language alone.
    #[must_use]
    pub(crate) fn language(&self) -> Language {
        self.0.id.language
    }

    /// The region, if given.
    #[must_use]
    pub(crate) fn region(&self) -> Option<Region> {
        self.0.id.region
    }

    /// For ICU.
    #[must_use]
    pub(crate) fn as_icu(&self) -> &Tag {
        &self.0
    }
}

/// Days in the long form of a language: `31 October 2026`.
pub(crate) fn day_formatter(
    tag: &Tag,
) -> Result<FixedCalendarDateTimeFormatter<icu_calendar::Gregorian, YMD>, DateTimeFormatterLoadError> {
    FixedCalendarDateTimeFormatter::try_new(tag.into(), YMD::for_length(Length::Long))
}

impl fmt::Display for Locale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Locale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Locale({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_becomes_its_language_or_english() {
        for (given, tag) in [
            ("de", "de"),
            ("de_DE.UTF-8", "de-DE"),
            ("DE-ch", "de-CH"),
            ("pt-BR", "pt-BR"),
            ("zh-hant-tw", "zh-Hant-TW"),
            ("ja-JP-u-ca-japanese-nu-jpan", "ja-JP"),
            ("fr-!!", "fr"),
            ("de-nonsense-here", "de"),
            ("xx", "en"),
            ("qq-DE", "en"),
            ("", "en"),
            ("C", "en"),
            ("\r\nBcc: x", "en"),
        ] {
            assert_eq!(Locale::parse(given).tag(), tag, "{given:?}");
        }
    }
}
