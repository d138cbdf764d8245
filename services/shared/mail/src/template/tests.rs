use tradeup_domain::Money;

use proptest::strategy::Strategy as _;

use super::places::structure;
use super::*;
use crate::ExpiringLot;

fn lot(amount_minor: i64, currency: &str, day: &str) -> ExpiringLot {
    let left = Money { amount_minor, currency: currency.parse().unwrap() };
    ExpiringLot { left, last_valid_day: day.parse().unwrap() }
}

fn digest(locale: &str) -> ExpiryDigest {
    ExpiryDigest {
        shop_name: "Aurora Cards".to_owned(),
        shop_url: Some("https://aurora.example/".parse().unwrap()),
        locale: Locale::parse(locale),
        zone: chrono_tz::Europe::Berlin,
        lots: vec![
            lot(400, "EUR", "2026-11-02"),
            lot(1250, "EUR", "2026-10-31"),
            lot(980, "JPY", "2026-11-01"),
            lot(5, "KWD", "2026-11-01"),
        ],
        first_name: Some("Zoë".to_owned()),
        unsubscribe: "https://aurora.example/unsubscribe?token=abc&x=y".parse().unwrap(),
    }
}

fn render(locale: &str) -> RenderedMail {
    let digest = digest(locale);
    Template::built_in(&digest.locale).unwrap().render(&digest).unwrap()
}

/// No-break spaces as spaces.
fn plain(text: &str) -> String {
    text.replace(['\u{a0}', '\u{202f}'], " ")
}

#[test]
fn built_in_templates_pass_the_check_for_templates_of_shops() {
    for language in built_in_languages() {
        let locale = Locale::parse(language);
        assert_eq!(locale.tag(), language);
        let source = built_in_source(&locale);
        for part in [&source.subject, &source.text, &source.html] {
            assert!(!part.contains("[["), "{language}: a place without words");
        }
        if let Err(error) = Template::parse(locale.clone(), &source.subject, &source.text, &source.html) {
            panic!("{language}: {error}");
        }
        let preview = Template::built_in(&locale).unwrap().preview().unwrap();
        assert!(preview.html.contains(&format!("<html lang=\"{language}\">")), "{language}");
        assert!(!preview.html.contains("<img"), "{language}");
    }
}

#[test]
fn the_english_mail_word_for_word() {
    let mail = render("en-GB");
    assert_eq!(mail.subject, "Your store credit at Aurora Cards expires soon");
    assert_eq!(
        plain(&mail.text),
        "Hello Zoë,\n\n\
         Some of your store credit at Aurora Cards is about to expire. You can still spend it until the end of the \
         day shown here.\n\n\
         - €12.50 | 31 October 2026, end of day, Central European Time\n\
         - ¥980 | 1 November 2026, end of day, Central European Time\n\
         - KWD 0.005 | 1 November 2026, end of day, Central European Time\n\
         - €4.00 | 2 November 2026, end of day, Central European Time\n\n\
         Total: €16.50\n\
         Total: ¥980\n\
         Total: KWD 0.005\n\n\
         Visit the shop: https://aurora.example/\n\n\
         -- \n\
         Aurora Cards sends you this notice because you have store credit there.\n\
         No more notices of this kind: https://aurora.example/unsubscribe?token=abc&x=y"
    );
    assert!(mail.html.contains("href=\"https://aurora.example/unsubscribe?token=abc&amp;x=y\""));
    assert!(mail.html.contains("<html lang=\"en-GB\">"));
}

#[test]
fn a_mail_is_in_one_language_with_the_habits_of_its_region() {
    let mail = render("de_CH");
    assert_eq!(mail.subject, "Ihr Guthaben bei Aurora Cards läuft bald ab");
    assert!(
        plain(&mail.text).contains("- € 12.50 | 31. Oktober 2026, Ende des Tages, Mitteleuropäische Zeit")
    );
    let mail = render("ja-JP");
    assert!(
        plain(&mail.text).contains("- ￥980 | 2026年11月1日, 当日の終わりまで（中央ヨーロッパ時間）"),
        "{}",
        mail.text
    );
    // No Polish words: then no Polish days either.
    let mail = render("pl-PL");
    assert!(plain(&mail.text).contains("- €12.50 | October 31, 2026, end of day"), "{}", mail.text);
    assert_eq!(mail.locale.tag(), "en");
    assert_eq!(render("nonsense").locale.tag(), "en");
}

#[test]
fn who_has_no_name_is_greeted_without() {
    let mut digest = digest("de");
    for name in [None, Some(""), Some("see https://evil.example")] {
        digest.first_name = name.map(str::to_owned);
        let mail = Template::built_in(&digest.locale).unwrap().render(&digest).unwrap();
        assert!(mail.text.starts_with("Guten Tag,\n"), "{}", mail.text);
    }
}

#[test]
fn digests_that_make_no_sense_are_refused() {
    let template = Template::built_in(&Locale::ENGLISH).unwrap();
    let refused = |change: fn(&mut ExpiryDigest)| {
        let mut digest = digest("en");
        change(&mut digest);
        template.render(&digest).err().map(|error| error.to_string()).unwrap()
    };
    assert!(refused(|d| d.lots.clear()).contains("no lot"));
    assert!(refused(|d| d.lots[1].left.amount_minor = 0).contains("lot 2 of the digest has nothing left"));
    assert!(refused(|d| d.lots = vec![d.lots[0]; 501]).contains("501 lots"));
    assert!(refused(|d| d.shop_name = "\r\n".to_owned()).contains("name is empty"));
    assert!(refused(|d| d.lots.extend([lot(i64::MAX, "EUR", "2026-11-01")])).contains("add up"));
}

const TEXT: &str = "{% for lot in lots %}{{ lot.amount }} {{ lot.last_valid_day }}{% endfor %}\
                    {% for total in totals %}{{ total }}{% endfor %} {{ zone }} {{ unsubscribe_url }}";

fn refusal(subject: &str, text: &str, html: &str) -> String {
    match Template::parse(Locale::ENGLISH, subject, text, html) {
        Ok(_) => "accepted".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_small_template_is_enough() {
    assert_eq!(refusal("s", TEXT, TEXT), "accepted");
    assert_eq!(
        refusal("Hi {{ shop_name }}", TEXT, &format!("<a href='{{{{ unsubscribe_url }}}}'>x</a>{TEXT}")),
        "accepted"
    );
}

#[test]
fn errors_name_the_part_the_line_and_what_to_write() {
    for (subject, text, html, says) in [
        ("a\nb", TEXT, TEXT, "subject: it has a line break"),
        ("a\r", TEXT, TEXT, "subject: it has a line break"),
        ("", TEXT, TEXT, "subject: it is empty"),
        ("{{ shop }}", TEXT, TEXT, "subject, line 1: there is no shop; there are shop_name, shop_url"),
        ("s", "\n\n{{ name }}", TEXT, "text, line 3: there is no name; there are"),
        (
            "s",
            "{% for lot in lots %}\n{{ lot.amout }}{% endfor %}",
            TEXT,
            "text, line 2: there is no lot.amout; there are",
        ),
        ("s", "{% if never %}{% endif %}", TEXT, "text, line 1: there is no never"),
        ("s", TEXT, "<p>\n{% if lots %}", "html, line 2: "),
        ("s", TEXT, "{{ a", "html, line 1: "),
        ("{{ first_name }}", TEXT, TEXT, "subject, line 1: first_name and shop_url can be missing"),
        ("s", TEXT, "{{ lots }}", "html, line 1: a list can't be shown"),
        ("s", "x", TEXT, "text: the amount of each lot is not shown"),
        (
            "s",
            &TEXT.replace("{{ lot.last_valid_day }}", ""),
            TEXT,
            "text: the last valid day of each lot is not shown",
        ),
        ("s", TEXT, &TEXT.replace("{{ total }}", ""), "html: the total of each currency is not shown"),
        ("s", TEXT, &TEXT.replace("{{ zone }}", ""), "html: the time zone is not shown"),
        ("s", &TEXT.replace("{{ unsubscribe_url }}", ""), TEXT, "text: the unsubscribe link is not shown"),
        ("s", TEXT, "{% include 'x' %}", "html, line 1: {% include %} is not allowed"),
        ("s", TEXT, &"x".repeat(100_001), "html: it has 100001 bytes, and 100000 are allowed"),
    ] {
        let said = refusal(subject, text, html);
        assert!(said.starts_with(says), "{said}\n  should start with: {says}");
    }
}

#[test]
fn a_variable_in_a_branch_that_no_sample_takes_is_found() {
    let said =
        refusal("s", TEXT, &format!("{TEXT}{{% if lot_count == 77 %}}\n{{{{ nowhere }}}}{{% endif %}}"));
    assert_eq!(said.split(';').next(), Some("html, line 2: there is no nowhere"));
}

#[test]
fn work_and_output_are_bounded() {
    let nested = "{% for a in lots %}".repeat(18) + "x" + &"{% endfor %}".repeat(18);
    assert!(
        refusal("s", &format!("{TEXT}{nested}"), TEXT).contains("text: it writes too much or takes too long")
    );
    let wide = "{% for a in lots %}{% for b in lots %}{% for c in lots %}".to_owned()
        + &"x".repeat(90_000)
        + &"{% endfor %}".repeat(3);
    assert!(refusal("s", TEXT, &format!("{TEXT}{wide}")).contains("html: it writes too much"));
}

#[test]
fn values_may_not_stand_where_escaping_does_not_help() {
    for (html, says) in [
        ("<p title={{ shop_name }}>", "html: a value stands where it can start a tag or an attribute"),
        ("<p {{ shop_name }}>", "html: shop_name stands in the name of an attribute"),
        ("<{{ shop_name }}>", "html: shop_name stands in the name of an element"),
        ("<style>{{ shop_name }}</style>", "html: shop_name stands in a style"),
        ("<p style=\"color: {{ shop_name }}\">", "html: shop_name stands in a style"),
        ("<!-- {{ zone }} -->", "html: zone stands in a comment"),
        ("<a href=\"{{ shop_name }}\">", "html: shop_name stands within href"),
        ("<a href=\"https://x.example/?n={{ lot_count }}{{ zone }}\">", "html: zone stands within href"),
        (
            "<a href=\"https://x.example/?u={{ unsubscribe_url }}\">",
            "html: unsubscribe_url stands within href",
        ),
        ("<a href=\" java\tscript:alert(1)\">", "html: href with another scheme than https is not allowed"),
        (
            "<a href=\"java&#115;cript&colon;alert(1)\">",
            "html: href with another scheme than https is not allowed",
        ),
        ("<img src=\"data:text/html,x\">", "html: src with another scheme than https is not allowed"),
        ("<script>1</script>", "html: <script> is not allowed in a mail"),
        ("<SCRIPT src=x>", "html: <script> is not allowed in a mail"),
        ("<p onclick='x'>", "html: the attribute onclick is not allowed"),
        ("<meta http-equiv=refresh>", "html: the attribute http-equiv is not allowed"),
        ("<iframe>", "html: <iframe> is not allowed"),
    ] {
        let said = refusal("s", TEXT, &format!("{TEXT}{html}"));
        assert!(said.starts_with(says), "{html}: {said}");
    }
}

#[test]
fn the_largest_digest_fits() {
    for language in built_in_languages() {
        let mut largest = digest(language);
        let currency = ["EUR", "USD", "KWD"];
        largest.lots = (0..crate::LOTS_MAX)
            .map(|n| lot(1_000_000_000_i64 + i64::try_from(n).unwrap(), currency[n % 3], "2026-10-31"))
            .collect();
        let mail = Template::built_in(&largest.locale)
            .unwrap()
            .render(&largest)
            .unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(mail.text.matches("\n- ").count(), crate::LOTS_MAX);
    }
}

proptest::proptest! {
    #[test]
    fn any_template_is_taken_or_refused_and_nothing_else(
        pieces in proptest::collection::vec(
            proptest::prop_oneof![
                proptest::strategy::Just(TEXT.to_owned()),
                proptest::sample::select(vec![
                    "{{ ", " }}", "{% ", " %}", "{%- ", "-%}", "{# ", " #}", "for lot in lots", "endfor", "if", "endif", "else",
                    "lot.amount", "shop_name", "first_name", "not ", "loop.index", "'", "\"", "\\", "<a href=", ">", "<!--", "-->",
                    "<style>", "-1", "[", "(", "*", " in ", " == ", " < ", "none",
                ]).prop_map(str::to_owned),
                "\\PC{0,6}",
            ],
            0..12,
        ),
    ) {
        let source = pieces.concat();
        if let Ok(template) = Template::parse(Locale::ENGLISH, "s", TEXT, &source) {
            let usual = template.render(&digest("en")).unwrap();
            let mut hostile = digest("en");
            hostile.shop_name = "\"'><b x=y> ".to_owned();
            hostile.first_name = Some("a b='c'>".to_owned());
            proptest::prop_assert_eq!(structure(&template.render(&hostile).unwrap().html), structure(&usual.html));
        }
    }
}

proptest::proptest! {
    #[test]
    fn no_name_and_no_amount_changes_the_structure(
        shop_name in "[ -~\\PC]{1,60}",
        first_name in "\\PC{0,60}|[<>\"'&=/a-z \r\n]{1,30}",
        amounts in proptest::collection::vec(1..=tradeup_domain::money::AMOUNT_MINOR_MAX, 1..6),
        currency in proptest::sample::select(vec!["USD", "JPY", "KWD", "EUR", "CLP"]),
        language in proptest::sample::select(built_in_languages()),
    ) {
        let mut given = digest(language);
        given.lots = amounts.iter().map(|amount| lot(*amount, currency, "2026-10-31")).collect();
        let template = Template::built_in(&given.locale).unwrap();
        let usual = template.render(&given).unwrap();
        given.shop_name = shop_name;
        given.first_name = Some(first_name);
        let Ok(mail) = template.render(&given) else {
            // Nothing but control characters.
            return Ok(());
        };
        proptest::prop_assert_eq!(structure(&mail.html), structure(&usual.html));
        proptest::prop_assert!(!mail.subject.chars().any(char::is_control));
        proptest::prop_assert_eq!(mail.text.lines().count(), usual.text.lines().count());
    }
}
