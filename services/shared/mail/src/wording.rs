//! The built-in mails: one layout, and the words of seven languages.
//!
//! A language's template is its words put into the layout. Shops get it as a starting point for
//! their own, so it is whole and readable.

/// The words of one language. Each may hold template tags.
pub(crate) struct Words {
    /// The language's subtag.
    pub(crate) language: &'static str,
    subject: &'static str,
    greeting: &'static str,
    intro: &'static str,
    amount: &'static str,
    valid_until: &'static str,
    end_of_day: &'static str,
    total: &'static str,
    pub(crate) shop: &'static str,
    why: &'static str,
    unsubscribe: &'static str,
    /// Why a campaign's mail comes; `{shop}` is the shop's name. No tags: it is put in as it is.
    pub(crate) campaign_why: &'static str,
    /// Ends the mails of campaigns.
    pub(crate) campaign_unsubscribe: &'static str,
}

impl Words {
    /// Subject, text part and HTML part.
    pub(crate) fn template(&self) -> [String; 3] {
        let text = self.fill(include_str!("wording/mail.txt"));
        [self.subject.to_owned(), text, self.fill(include_str!("wording/mail.html"))]
    }

    fn fill(&self, layout: &str) -> String {
        [
            ("[[greeting]]", self.greeting),
            ("[[subject]]", self.subject),
            ("[[intro]]", self.intro),
            ("[[amount]]", self.amount),
            ("[[valid_until]]", self.valid_until),
            ("[[end_of_day]]", self.end_of_day),
            ("[[total]]", self.total),
            ("[[shop]]", self.shop),
            ("[[why]]", self.why),
            ("[[unsubscribe]]", self.unsubscribe),
        ]
        .into_iter()
        .fold(layout.to_owned(), |text, (place, words)| text.replace(place, words))
    }
}

/// English first: it stands in for all that are not here.
pub(crate) const WORDS: [Words; 7] = [
    Words {
        language: "en",
        subject: "Your store credit at {{ shop_name }} expires soon",
        greeting: "Hello{% if first_name %} {{ first_name }}{% endif %},",
        intro: "Some of your store credit at {{ shop_name }} is about to expire. You can still spend it until the end of the day shown here.",
        amount: "Amount left",
        valid_until: "Last valid day",
        end_of_day: "end of day, {{ zone }}",
        total: "Total",
        shop: "Visit the shop",
        why: "{{ shop_name }} sends you this notice because you have store credit there.",
        unsubscribe: "No more notices of this kind",
        campaign_why: "{shop} sends you this mail because you have agreed to get its offers.",
        campaign_unsubscribe: "No more offers by mail",
    },
    Words {
        language: "de",
        subject: "Ihr Guthaben bei {{ shop_name }} läuft bald ab",
        greeting: "Guten Tag{% if first_name %} {{ first_name }}{% endif %},",
        intro: "ein Teil Ihres Guthabens bei {{ shop_name }} läuft bald ab. Sie können es noch bis zum Ende des hier genannten Tages einlösen.",
        amount: "Restbetrag",
        valid_until: "Letzter gültiger Tag",
        end_of_day: "Ende des Tages, {{ zone }}",
        total: "Summe",
        shop: "Zum Shop",
        why: "{{ shop_name }} sendet Ihnen diesen Hinweis, weil Sie dort ein Guthaben haben.",
        unsubscribe: "Keine weiteren Hinweise dieser Art",
        campaign_why: "{shop} sendet Ihnen diese E-Mail, weil Sie dem Erhalt von Angeboten zugestimmt haben.",
        campaign_unsubscribe: "Keine Angebote mehr per E-Mail",
    },
    Words {
        language: "fr",
        subject: "Votre avoir chez {{ shop_name }} expire bientôt",
        greeting: "Bonjour{% if first_name %} {{ first_name }}{% endif %},",
        intro: "Une partie de votre avoir chez {{ shop_name }} va bientôt expirer. Vous pouvez encore l’utiliser jusqu’à la fin du jour indiqué ici.",
        amount: "Montant restant",
        valid_until: "Dernier jour de validité",
        end_of_day: "fin de journée, {{ zone }}",
        total: "Total",
        shop: "Aller à la boutique",
        why: "{{ shop_name }} vous envoie cet avis parce que vous y disposez d’un avoir.",
        unsubscribe: "Ne plus recevoir ce type d’avis",
        campaign_why: "{shop} vous envoie ce message parce que vous avez accepté de recevoir ses offres.",
        campaign_unsubscribe: "Ne plus recevoir d’offres par e-mail",
    },
    Words {
        language: "es",
        subject: "Su saldo en {{ shop_name }} caduca pronto",
        greeting: "Hola{% if first_name %}, {{ first_name }}{% endif %}:",
        intro: "Parte de su saldo en {{ shop_name }} está a punto de caducar. Todavía puede utilizarlo hasta el final del día indicado aquí.",
        amount: "Importe restante",
        valid_until: "Último día de validez",
        end_of_day: "fin del día, {{ zone }}",
        total: "Total",
        shop: "Ir a la tienda",
        why: "{{ shop_name }} le envía este aviso porque tiene saldo en la tienda.",
        unsubscribe: "No recibir más avisos de este tipo",
        campaign_why: "{shop} le envía este mensaje porque ha aceptado recibir sus ofertas.",
        campaign_unsubscribe: "No recibir más ofertas por correo",
    },
    Words {
        language: "it",
        subject: "Il tuo credito presso {{ shop_name }} sta per scadere",
        greeting: "Ciao{% if first_name %} {{ first_name }}{% endif %},",
        intro: "una parte del tuo credito presso {{ shop_name }} sta per scadere. Puoi ancora utilizzarla fino alla fine del giorno indicato qui.",
        amount: "Importo residuo",
        valid_until: "Ultimo giorno valido",
        end_of_day: "fine della giornata, {{ zone }}",
        total: "Totale",
        shop: "Vai al negozio",
        why: "{{ shop_name }} ti invia questo avviso perché hai un credito presso il negozio.",
        unsubscribe: "Non ricevere più avvisi di questo tipo",
        campaign_why: "{shop} ti invia questo messaggio perché hai accettato di ricevere le sue offerte.",
        campaign_unsubscribe: "Non ricevere più offerte via e-mail",
    },
    Words {
        language: "nl",
        subject: "Uw winkeltegoed bij {{ shop_name }} verloopt binnenkort",
        greeting: "Hallo{% if first_name %} {{ first_name }}{% endif %},",
        intro: "Een deel van uw winkeltegoed bij {{ shop_name }} verloopt binnenkort. U kunt het nog gebruiken tot het einde van de dag die hier staat.",
        amount: "Resterend bedrag",
        valid_until: "Laatste geldige dag",
        end_of_day: "einde van de dag, {{ zone }}",
        total: "Totaal",
        shop: "Naar de winkel",
        why: "{{ shop_name }} stuurt u dit bericht omdat u daar winkeltegoed hebt.",
        unsubscribe: "Geen berichten van deze soort meer",
        campaign_why: "{shop} stuurt u dit bericht omdat u ermee hebt ingestemd aanbiedingen te ontvangen.",
        campaign_unsubscribe: "Geen aanbiedingen per e-mail meer",
    },
    Words {
        language: "ja",
        subject: "{{ shop_name }} のストアクレジットの有効期限が近づいています",
        greeting: "{% if first_name %}{{ first_name }} 様{% else %}お客様{% endif %}",
        intro: "{{ shop_name }} のストアクレジットの一部が、まもなく有効期限を迎えます。下記の日の終わりまでご利用いただけます。",
        amount: "残高",
        valid_until: "最終有効日",
        end_of_day: "当日の終わりまで（{{ zone }}）",
        total: "合計",
        shop: "ショップへ",
        why: "{{ shop_name }} のストアクレジットをお持ちのお客様にお送りしています。",
        unsubscribe: "このお知らせの配信を停止する",
        campaign_why: "{shop} からのご案内の受信に同意されたお客様にお送りしています。",
        campaign_unsubscribe: "ご案内メールの配信を停止する",
    },
];
