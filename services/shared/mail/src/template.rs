//! Templates of the mail: the built-in ones, and those that a shop writes.
//!
//! A template is not trusted: it may have errors, and whoever writes it may be careless or worse.
//! It can read the digest's variables, branch and loop, and nothing else: no includes, no functions,
//! no filters. Work and output are bounded. Every value is escaped in the HTML part, whatever the
//! template says; where escaping does not help (in scripts, in links, outside of quotes), the
//! template is refused before it is saved.

mod check;
mod engine;
mod error;
mod places;
mod tags;
mod variables;

use minijinja::Environment;

pub use error::{Part, RenderError, TemplateError};
use variables::Variables;

use crate::text::one_line;
use crate::wording::{WORDS, Words};
use crate::{ExpiryDigest, Locale};

/// Longest subject that is sent, in characters: more is shown by no mail program.
pub(crate) const SUBJECT_CHARS_MAX: usize = 150;

/// A mail, ready to be sent.
///
/// Holds personal data; it has no `Debug`, so that none gets into a log.
#[derive(Clone, PartialEq, Eq)]
pub struct RenderedMail {
    /// One line, without control characters.
    pub subject: String,
    /// The plain text part.
    pub text: String,
    /// The HTML part.
    pub html: String,
    /// The language of all three.
    pub locale: Locale,
}

/// The source of a template, as a shop edits it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateSource {
    /// One line.
    pub subject: String,
    /// The plain text part.
    pub text: String,
    /// The HTML part.
    pub html: String,
}

/// A checked template in one language.
#[derive(Clone)]
pub struct Template {
    engine: Environment<'static>,
    locale: Locale,
}

impl Template {
    /// Takes a template that is written in the language of `locale`.
    ///
    /// It is rendered with sample digests, hostile ones among them, and refused if it does not show
    /// every amount, day, zone, total and the unsubscribe link (loyalty reference §1.4), or if a
    /// name could become markup.
    ///
    /// # Errors
    /// [`TemplateError`] says the part, the line and what to write instead.
    pub fn parse(locale: Locale, subject: &str, text: &str, html: &str) -> Result<Self, TemplateError> {
        let template = Self { engine: engine::build([subject, text, html])?, locale };
        check::check(&template)?;
        Ok(template)
    }

    /// The built-in template for a member's locale: in its language, with its region's habits; in
    /// English where there is none in that language.
    ///
    /// # Errors
    /// None of the built-in ones has any (a test takes them all); the signature is that of a check.
    pub fn built_in(locale: &Locale) -> Result<Self, TemplateError> {
        let (words, locale) = words_of(locale);
        let [subject, text, html] = words.template();
        let engine = engine::build([&subject, &text, &html])?;
        Ok(Self { engine, locale })
    }

    /// The locale that the template was made for.
    #[must_use]
    pub fn locale(&self) -> &Locale {
        &self.locale
    }

    /// Makes the mail.
    ///
    /// Amounts and days are written as the member's locale has them if that is of the template's
    /// language, else as the template's has them: a mail is in one language.
    ///
    /// # Errors
    /// [`RenderError`] if the digest can't be shown, or the template fails on it. No message holds
    /// anything from the digest.
    pub fn render(&self, digest: &ExpiryDigest) -> Result<RenderedMail, RenderError> {
        let same = digest.locale.language() == self.locale.language();
        let locale = if same { &digest.locale } else { &self.locale };
        let variables = Variables::of(digest, locale)?;
        Ok(self.render_variables(&variables, locale)?)
    }

    /// The mail with sample data, to look at before a template is saved.
    ///
    /// # Errors
    /// As [`Template::render`].
    pub fn preview(&self) -> Result<RenderedMail, RenderError> {
        let variables = check::sample(&self.locale)?;
        Ok(self.render_variables(&variables, &self.locale)?)
    }

    fn render_variables(
        &self,
        variables: &Variables,
        locale: &Locale,
    ) -> Result<RenderedMail, TemplateError> {
        let part = |part| engine::render(&self.engine, part, variables);
        Ok(RenderedMail {
            subject: one_line(&part(Part::Subject)?, SUBJECT_CHARS_MAX),
            text: part(Part::Text)?,
            html: part(Part::Html)?,
            locale: locale.clone(),
        })
    }
}

/// The source of the built-in template in a language, or of the English one: where a shop starts
/// from when it writes its own.
#[must_use]
pub fn built_in_source(locale: &Locale) -> TemplateSource {
    let [subject, text, html] = words_of(locale).0.template();
    TemplateSource { subject, text, html }
}

/// The languages of the built-in templates.
#[must_use]
pub fn built_in_languages() -> Vec<&'static str> {
    WORDS.iter().map(|words| words.language).collect()
}

/// The built-in words for a reader, and the locale that they are in: English, if there are none in the reader's language.
pub(crate) fn words_of(locale: &Locale) -> (&'static Words, Locale) {
    let language = locale.language();
    match WORDS.iter().find(|words| words.language == language.as_str()) {
        Some(words) => (words, locale.clone()),
        None => (&WORDS[0], Locale::ENGLISH),
    }
}

#[cfg(test)]
mod tests;
