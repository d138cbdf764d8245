//! A campaign's mail: words that a person has approved, on the shop's letterhead.
//!
//! The words are plain text and stay so: they are put in after the layout is read, escaped, and nothing in them is a tag.
//! They are in the language that they were approved in; what is around them is in the reader's.

use crate::digest::DigestError;
use crate::template::{RenderError, RenderedMail, SUBJECT_CHARS_MAX, TemplateError, words_of};
use crate::text::{SHOP_NAME_CHARS_MAX, escape_html, lines, one_line};
use crate::{Locale, Part, WebLink};

/// Largest body, in bytes: more is no message. Plans allow much less.
const BODY_BYTES_MAX: usize = 20_000;

/// One mail of a campaign to one member.
///
/// Its link unsubscribes whoever has it; it has no `Debug`, so that none gets into a log.
#[derive(Clone)]
pub struct CampaignMail {
    /// The shop, as it calls itself.
    pub shop_name: String,
    /// Where to buy something.
    pub shop_url: Option<WebLink>,
    /// The reader's language.
    pub locale: Locale,
    /// The subject, as it was approved.
    pub subject: String,
    /// The body, as it was approved: paragraphs with an empty line between them.
    pub body: String,
    /// Ends the mails of campaigns for this member; see [`crate::unsubscribe::link`].
    pub unsubscribe: WebLink,
}

impl CampaignMail {
    /// Makes the mail.
    ///
    /// # Errors
    /// [`RenderError`] if the shop has no name, or nothing or far too much is said. No message holds any of it.
    pub fn render(&self) -> Result<RenderedMail, RenderError> {
        let shop_name = one_line(&self.shop_name, SHOP_NAME_CHARS_MAX);
        if shop_name.is_empty() {
            return Err(DigestError::NoShopName.into());
        }
        let subject = one_line(&self.subject, SUBJECT_CHARS_MAX);
        if subject.is_empty() {
            return Err(TemplateError::SubjectEmpty.into());
        }
        let paragraphs = paragraphs(&self.body);
        if paragraphs.is_empty() {
            return Err(
                TemplateError::Missing { part: Part::Text, what: "a message is", write: "one" }.into()
            );
        }
        if self.body.len() > BODY_BYTES_MAX {
            let bytes = self.body.len();
            return Err(TemplateError::TooLarge { part: Part::Text, bytes, max: BODY_BYTES_MAX }.into());
        }
        let (words, locale) = words_of(&self.locale);
        let why = words.campaign_why.replace("{shop}", &shop_name);
        let shop_url = self.shop_url.as_ref().map(WebLink::as_str);
        let text = fill(include_str!("wording/campaign.txt"), |place| match place {
            "body" => paragraphs.join("\n\n"),
            "shop" => shop_url.map(|url| format!("{}: {url}", words.shop)).unwrap_or_default(),
            "why" => why.clone(),
            "unsubscribe" => words.campaign_unsubscribe.to_owned(),
            "unsubscribe_url" => self.unsubscribe.as_str().to_owned(),
            _ => String::new(),
        });
        let html = fill(include_str!("wording/campaign.html"), |place| match place {
            "language" => escape_html(&locale.tag()),
            "shop_name" => escape_html(&shop_name),
            "subject" => escape_html(&subject),
            "body" => paragraphs.iter().map(|text| paragraph(text)).collect(),
            "shop" => shop_url.map(|url| button(url, words.shop)).unwrap_or_default(),
            "why" => escape_html(&why),
            "unsubscribe" => escape_html(words.campaign_unsubscribe),
            "unsubscribe_url" => escape_html(self.unsubscribe.as_str()),
            _ => String::new(),
        });
        Ok(RenderedMail { subject, text: without_gaps(&text), html, locale })
    }
}

/// What is between empty lines, without any that say nothing.
fn paragraphs(body: &str) -> Vec<String> {
    let mut found = vec![String::new()];
    for line in lines(body) {
        match found.last_mut() {
            Some(last) if !line.is_empty() => {
                if !last.is_empty() {
                    last.push('\n');
                }
                last.push_str(&line);
            }
            _ => found.push(String::new()),
        }
    }
    found.retain(|paragraph| !paragraph.is_empty());
    found
}

fn paragraph(text: &str) -> String {
    format!("<p>{}</p>\n", escape_html(text).replace('\n', "<br>\n"))
}

fn button(url: &str, words: &str) -> String {
    format!("<p><a class=\"button\" href=\"{}\">{}</a></p>\n", escape_html(url), escape_html(words))
}

/// The layout with its places filled, in one pass: what is put in is not looked at again.
fn fill(layout: &str, value: impl Fn(&str) -> String) -> String {
    let mut filled = String::with_capacity(layout.len() * 2);
    let mut rest = layout;
    while let Some((before, after)) = rest.split_once("[[") {
        let Some((place, behind)) = after.split_once("]]") else { break };
        filled.push_str(before);
        filled.push_str(&value(place));
        rest = behind;
    }
    filled.push_str(rest);
    filled
}

/// A place that nothing was put into leaves no gap of empty lines behind.
fn without_gaps(text: &str) -> String {
    let mut whole = text.to_owned();
    while whole.contains("\n\n\n") {
        whole = whole.replace("\n\n\n", "\n\n");
    }
    whole.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::built_in_languages;

    fn mail(locale: &str) -> CampaignMail {
        CampaignMail {
            shop_name: "Aurora Cards".to_owned(),
            shop_url: Some("https://aurora.example/".parse().unwrap()),
            locale: Locale::parse(locale),
            subject: "€5.00 for you".to_owned(),
            body: "It has been a while.\r\n\r\n\r\nHere are €5.00,\nfor 30 days.\n".to_owned(),
            unsubscribe: "https://aurora.example/unsubscribe?token=abc&x=y".parse().unwrap(),
        }
    }

    #[test]
    fn the_english_mail_word_for_word() {
        let made = mail("en-GB").render().unwrap();
        assert_eq!(made.subject, "€5.00 for you");
        assert_eq!(
            made.text,
            "It has been a while.\n\n\
             Here are €5.00,\nfor 30 days.\n\n\
             Visit the shop: https://aurora.example/\n\n\
             -- \n\
             Aurora Cards sends you this mail because you have agreed to get its offers.\n\
             No more offers by mail: https://aurora.example/unsubscribe?token=abc&x=y"
        );
        assert!(made.html.contains("<p>It has been a while.</p>\n<p>Here are €5.00,<br>\nfor 30 days.</p>"));
        assert!(made.html.contains("href=\"https://aurora.example/unsubscribe?token=abc&amp;x=y\""));
        assert!(made.html.contains("<html lang=\"en-GB\">") && made.html.contains("<h1>€5.00 for you</h1>"));
    }

    #[test]
    fn every_language_names_the_shop_and_how_to_end_it() {
        for language in built_in_languages() {
            let made = mail(language).render().unwrap();
            assert_eq!(made.locale.tag(), language);
            for part in [&made.text, &made.html] {
                assert!(part.contains("Aurora Cards") && part.contains("/unsubscribe?token=abc"), "{part}");
                assert!(
                    !part.contains("[[") && !part.contains("{shop}"),
                    "{language}: a place without words"
                );
            }
        }
        // No Polish words: then it is in English, and says so.
        assert_eq!(mail("pl-PL").render().unwrap().locale.tag(), "en");
    }

    #[test]
    fn what_was_approved_stays_text() {
        let mut hostile = mail("de");
        hostile.subject = "Win\r\nBcc: eve@evil.example".to_owned();
        hostile.body =
            "<script>alert(1)</script> [[why]] {{ lots }} {% if %} {shop}\n\n\u{202e}\u{0}--".to_owned();
        hostile.shop_name = "</title><b>[[unsubscribe_url]] {shop}".to_owned();
        let made = hostile.render().unwrap();
        assert_eq!(made.subject, "Win Bcc: eve@evil.example");
        assert!(
            made.text.starts_with("<script>alert(1)</script> [[why]] {{ lots }} {% if %} {shop}\n\n--\n")
        );
        assert!(
            made.html.contains("&lt;script&gt;alert(1)&lt;/script&gt; [[why]] {{ lots }} {% if %} {shop}")
        );
        assert!(!made.html.contains("<script") && !made.html.contains("<b>"), "{}", made.html);
        assert_eq!(made.html.matches("/unsubscribe?token=").count(), 1);
    }

    #[test]
    fn a_shop_without_an_address_has_no_button() {
        let mut plain = mail("en");
        plain.shop_url = None;
        let made = plain.render().unwrap();
        assert!(!made.html.contains("class=\"button\"") && !made.text.contains("Visit"), "{}", made.text);
        assert!(made.text.contains("for 30 days.\n\n-- \nAurora Cards"), "{}", made.text);
    }

    #[test]
    fn mails_that_say_nothing_are_refused() {
        let refused = |change: fn(&mut CampaignMail)| {
            let mut mail = mail("en");
            change(&mut mail);
            mail.render().err().map(|error| error.to_string()).unwrap()
        };
        assert!(refused(|mail| mail.subject = "\r\n".to_owned()).contains("subject: it is empty"));
        assert!(refused(|mail| mail.body = " \n\u{200f}\n".to_owned()).contains("a message is not shown"));
        assert!(refused(|mail| mail.body = "x".repeat(20_001)).contains("text: it has 20001 bytes"));
        assert!(refused(|mail| mail.shop_name = "\u{7}".to_owned()).contains("name is empty"));
    }
}
