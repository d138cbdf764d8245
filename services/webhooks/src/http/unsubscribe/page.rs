//! The page behind the link, in the languages of the mails. No script, no style, nothing from elsewhere.

use tradeup_mail::unsubscribe::Notice;
use tradeup_store::suppressions::Reader;

/// What a page says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// Whether they mean it.
    Question,
    /// It is done.
    Done,
    /// The link is none of ours.
    NotValid,
    /// Not now.
    Later,
}

/// One language's words; `{shop}` is the shop's name.
struct Words {
    language: &'static str,
    button: &'static str,
    /// Of warnings.
    question: &'static str,
    done: &'static str,
    /// Of what campaigns say.
    offers_question: &'static str,
    offers_done: &'static str,
}

const WORDS: [Words; 7] = [
    Words {
        language: "en",
        button: "Unsubscribe",
        question: "No more notices about expiring store credit at {shop}?",
        done: "Done: you get no more notices about expiring store credit at {shop}.",
        offers_question: "No more offers by mail from {shop}?",
        offers_done: "Done: you get no more offers by mail from {shop}.",
    },
    Words {
        language: "de",
        button: "Abbestellen",
        question: "Keine Hinweise mehr auf ablaufendes Guthaben bei {shop}?",
        done: "Erledigt: Sie bekommen keine Hinweise mehr auf ablaufendes Guthaben bei {shop}.",
        offers_question: "Keine Angebote mehr per E-Mail von {shop}?",
        offers_done: "Erledigt: Sie bekommen keine Angebote mehr per E-Mail von {shop}.",
    },
    Words {
        language: "fr",
        button: "Se désinscrire",
        question: "Ne plus recevoir d’avis sur l’expiration de votre avoir chez {shop} ?",
        done: "C’est fait : vous ne recevrez plus d’avis sur l’expiration de votre avoir chez {shop}.",
        offers_question: "Ne plus recevoir d’offres par e-mail de {shop} ?",
        offers_done: "C’est fait : vous ne recevrez plus d’offres par e-mail de {shop}.",
    },
    Words {
        language: "es",
        button: "Cancelar la suscripción",
        question: "¿No recibir más avisos sobre el saldo que caduca en {shop}?",
        done: "Hecho: no recibirá más avisos sobre el saldo que caduca en {shop}.",
        offers_question: "¿No recibir más ofertas por correo de {shop}?",
        offers_done: "Hecho: no recibirá más ofertas por correo de {shop}.",
    },
    Words {
        language: "it",
        button: "Annulla l’iscrizione",
        question: "Non ricevere più avvisi sul credito in scadenza presso {shop}?",
        done: "Fatto: non riceverai più avvisi sul credito in scadenza presso {shop}.",
        offers_question: "Non ricevere più offerte via e-mail da {shop}?",
        offers_done: "Fatto: non riceverai più offerte via e-mail da {shop}.",
    },
    Words {
        language: "nl",
        button: "Afmelden",
        question: "Geen berichten meer over verlopend winkeltegoed bij {shop}?",
        done: "Gedaan: u ontvangt geen berichten meer over verlopend winkeltegoed bij {shop}.",
        offers_question: "Geen aanbiedingen per e-mail meer van {shop}?",
        offers_done: "Gedaan: u ontvangt geen aanbiedingen per e-mail meer van {shop}.",
    },
    Words {
        language: "ja",
        button: "配信を停止する",
        question: "{shop} のストアクレジットの有効期限に関するお知らせを停止しますか？",
        done: "停止しました。{shop} のストアクレジットの有効期限に関するお知らせは今後届きません。",
        offers_question: "{shop} からのご案内メールを停止しますか？",
        offers_done: "停止しました。{shop} からのご案内メールは今後届きません。",
    },
];

/// The page, for who follows a link about mails of a kind.
pub(super) fn page(said: Said, reader: Option<(&Reader, Notice)>) -> String {
    let locale = reader.map_or("en", |(reader, _)| reader.locale.as_str());
    let language = locale.split('-').next().unwrap_or_default();
    let words = WORDS.iter().find(|words| words.language.eq_ignore_ascii_case(language)).unwrap_or(&WORDS[0]);
    let shop = escaped(reader.map_or("", |(reader, _)| reader.shop_name.as_str()));
    let (question, done) = match reader {
        Some((_, Notice::Campaign)) => (words.offers_question, words.offers_done),
        Some((_, Notice::CreditExpiry)) | None => (words.question, words.done),
    };
    let of_shop = |text: &str| text.replace("{shop}", &shop);
    let (language, text, form) = match said {
        // Without an action it goes to this same address.
        Said::Question => (
            words.language,
            of_shop(question),
            format!(
                "<form method=\"post\"><input type=\"hidden\" name=\"List-Unsubscribe\" value=\"One-Click\">\
                 <button type=\"submit\">{}</button></form>\n",
                words.button
            ),
        ),
        Said::Done => (words.language, of_shop(done), String::new()),
        Said::NotValid => (
            "en",
            "This unsubscribe link is not valid; use the one of the newest mail, whole.".to_owned(),
            String::new(),
        ),
        Said::Later => {
            ("en", "This does not work at the moment; please try again.".to_owned(), String::new())
        }
    };
    format!(
        "<!doctype html>\n<html lang=\"{language}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"robots\" content=\"noindex\">\n<title>{text}</title>\n</head>\n\
         <body>\n<main>\n<h1>{text}</h1>\n{form}</main>\n</body>\n</html>\n"
    )
}

/// Text that stays text.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(shop_name: &str, locale: &str) -> Reader {
        Reader { shop_name: shop_name.to_owned(), locale: locale.to_owned(), has_opted_out: false }
    }

    #[test]
    fn a_shops_name_is_text() {
        let shown = page(Said::Question, Some((&reader("<b>{shop}\"'&", "de-CH"), Notice::CreditExpiry)));
        assert!(shown.contains("Guthaben bei &lt;b&gt;{shop}&quot;&#39;&amp;?"), "{shown}");
        assert!(shown.contains("<html lang=\"de\">") && shown.contains("<form method=\"post\">"), "{shown}");
    }

    #[test]
    fn every_language_names_the_shop_and_only_the_question_has_a_button() {
        for words in &WORDS {
            let [warnings, offers] = [Notice::CreditExpiry, Notice::Campaign].map(|notice| {
                let of = |said| page(said, Some((&reader("Aurora", words.language), notice)));
                assert_eq!(of(Said::Question).matches("Aurora").count(), 2, "{}", words.language);
                assert_eq!(of(Said::Done).matches("Aurora").count(), 2, "{}", words.language);
                assert!(!of(Said::Done).contains("<form"));
                [of(Said::Question), of(Said::Done)]
            });
            assert!(warnings[0] != offers[0] && warnings[1] != offers[1], "{}: what ends", words.language);
        }
        assert!(page(Said::Done, Some((&reader("Aurora", "pt"), Notice::Campaign))).contains("lang=\"en\""));
        assert!(!page(Said::NotValid, None).contains("<form"));
    }
}
