//! What arrives is what was meant.

use mail_parser::{HeaderValue, MessageParser, MimeHeaders as _};
use tradeup_harness::SmtpMode;
use tradeup_mail::CampaignMail;

use crate::post::{DIGEST, Letter, Post};

#[tokio::test]
async fn a_mail_arrives_whole() {
    let post = Post::plain("");
    let letter = Letter::in_language("en-GB");
    let accepted = post.send(&letter).await.unwrap();
    // Without the recipient, which the server repeats.
    assert_eq!(accepted.answer, "2.0.0 ok: queued as MAIL1 for");

    let mails = post.server.mails();
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].facts["from"], "credit@sender.example");
    assert_eq!(mails[0].facts["to"], serde_json::json!(["ann@member.example"]));
    assert_eq!(mails[0].facts["hello"], "sender.example");
    let content = &mails[0].content;
    assert!(content.is_ascii());
    assert!(content.split(|byte| *byte == b'\n').all(|line| line.len() <= 998), "RFC 5322 §2.1.1");

    let message = MessageParser::default().parse(content).unwrap();
    let sent = letter.render();
    let from = message.from().unwrap().first().unwrap();
    assert_eq!((from.name(), from.address()), (Some("Aurora Cards"), Some("credit@sender.example")));
    let reply_to = message.reply_to().unwrap().first().unwrap();
    assert_eq!((reply_to.name(), reply_to.address()), (Some("Aurora Cards"), Some("help@aurora.example")));
    let to = message.to().unwrap().first().unwrap();
    assert_eq!((to.name(), to.address()), (None, Some("ann@member.example")));
    assert_eq!(message.subject(), Some("Your store credit at Aurora Cards expires soon"));
    assert_eq!(message.message_id(), Some(format!("{DIGEST}@sender.example").as_str()));
    assert_eq!(message.date().unwrap().to_rfc3339(), "2026-10-27T09:00:00Z");
    for (name, value) in [
        ("Auto-Submitted", "auto-generated"),
        ("Content-Language", "en-GB"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ("List-Unsubscribe", &format!("<{}>", letter.digest.unsubscribe.as_str())),
        ("MIME-Version", "1.0"),
    ] {
        assert_eq!(message.header_raw(name).map(str::trim), Some(value), "{name}");
    }
    assert!(
        matches!(message.header("Content-Type"), Some(HeaderValue::ContentType(kind)) if kind.ctype() == "multipart" && kind.subtype() == Some("alternative"))
    );
    // The plain part first, the best last (RFC 2046 §5.1.4).
    let kinds: Vec<_> =
        message.parts[1..].iter().map(|part| part.content_type().unwrap().subtype().unwrap()).collect();
    assert_eq!(kinds, ["plain", "html"]);
    assert_eq!(message.body_text(0).unwrap().replace("\r\n", "\n").trim_end(), sent.text);
    assert_eq!(message.body_html(0).unwrap().replace("\r\n", "\n").trim_end(), sent.html);
}

#[tokio::test]
async fn every_language_arrives() {
    let post = Post::plain("");
    for (language, shop) in tradeup_mail::built_in_languages().into_iter().zip([
        "Aurora",
        "Größe & Söhne",
        "L’été",
        "Ñandú",
        "Caffè",
        "\"Ij\"",
        "株式会社オーロラ",
    ]) {
        let mut letter = Letter::in_language(language);
        letter.digest.shop_name = shop.to_owned();
        letter.digest.first_name = Some("Zoë 花子".to_owned());
        post.send(&letter).await.unwrap();
        let mails = post.server.mails();
        let message = MessageParser::default().parse(&mails.last().unwrap().content).unwrap();
        let sent = letter.render();
        assert_eq!(message.from().unwrap().first().unwrap().name(), Some(shop));
        assert_eq!(message.subject(), Some(sent.subject.as_str()));
        assert_eq!(message.body_text(0).unwrap().replace("\r\n", "\n").trim_end(), sent.text);
        assert_eq!(message.body_html(0).unwrap().replace("\r\n", "\n").trim_end(), sent.html);
    }
}

#[tokio::test]
async fn a_campaigns_mail_arrives_with_its_own_link() {
    let post = Post::plain("");
    let letter = Letter::in_language("de-CH");
    let campaign = CampaignMail {
        shop_name: letter.digest.shop_name.clone(),
        shop_url: letter.digest.shop_url.clone(),
        locale: letter.digest.locale.clone(),
        subject: "5 € für <Sie>".to_owned(),
        body: "Guten Tag\n\n<b>5 €</b> liegen bereit.".to_owned(),
        unsubscribe: format!("https://app.example/unsubscribe?token={}", "y".repeat(79)).parse().unwrap(),
    };
    let made = campaign.render().unwrap();
    post.send_of(&letter, &made, &campaign.unsubscribe).await.unwrap();
    let mails = post.server.mails();
    let message = MessageParser::default().parse(&mails[0].content).unwrap();
    assert_eq!(message.subject(), Some("5 € für <Sie>"));
    assert_eq!(message.from().unwrap().first().unwrap().name(), Some("Aurora Cards"));
    for (name, value) in [
        ("Content-Language", "de-CH"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ("List-Unsubscribe", &format!("<{}>", campaign.unsubscribe.as_str())),
    ] {
        assert_eq!(message.header_raw(name).map(str::trim), Some(value), "{name}");
    }
    let text = message.body_text(0).unwrap().replace("\r\n", "\n");
    assert!(text.starts_with("Guten Tag\n\n<b>5 €</b> liegen bereit.\n\nZum Shop: https://"), "{text}");
    let html = message.body_html(0).unwrap();
    assert!(
        html.contains("&lt;b&gt;5 €&lt;/b&gt; liegen bereit.")
            && html.contains(campaign.unsubscribe.as_str())
    );
}

#[tokio::test]
async fn each_try_sends_the_same_bytes() {
    let post = Post::plain("");
    let letter = Letter::in_language("ja");
    post.send(&letter).await.unwrap();
    post.send(&letter).await.unwrap();
    let mails = post.server.mails();
    assert_eq!(mails[0].content, mails[1].content);
}

#[tokio::test]
async fn a_connection_serves_many_mails() {
    let post = Post::plain("connections=1");
    let letter = Letter::in_language("en");
    for _ in 0..5 {
        post.send(&letter).await.unwrap();
    }
    assert_eq!((post.server.mails().len(), post.server.connections()), (5, 1));
    // A refusal does not end it.
    post.send_while(SmtpMode::UnknownRecipient).await.unwrap_err();
    post.send_while(SmtpMode::Spam).await.unwrap_err();
    post.send_while(SmtpMode::Accept).await.unwrap();
    assert_eq!((post.server.mails().len(), post.server.connections()), (6, 1));
    post.mailer.close().await;
    post.send(&letter).await.unwrap();
    assert_eq!(post.server.connections(), 2);
}

#[tokio::test]
async fn many_at_once_share_the_connections() {
    let post = Post::plain("connections=3");
    let letter = Letter::in_language("en");
    let sent = futures::future::join_all((0..40).map(|_| post.send(&letter))).await;
    assert!(sent.iter().all(Result::is_ok), "{sent:?}");
    assert_eq!(post.server.mails().len(), 40);
    assert!(post.server.connections() <= 3, "{} connections", post.server.connections());
}

#[tokio::test]
async fn a_connection_that_the_server_has_closed_is_replaced() {
    let post = Post::plain("connections=1");
    for n in 1..=3 {
        // The server answers, and closes while the connection is kept.
        post.send_while(SmtpMode::Farewell).await.unwrap();
        tradeup_harness::pause(std::time::Duration::from_millis(100)).await;
        assert_eq!((post.server.mails().len(), post.server.connections()), (n, u32::try_from(n).unwrap()));
    }
}

#[tokio::test]
async fn letters_beyond_ascii_before_the_at_need_smtputf8() {
    let post = Post::plain("");
    let mut letter = Letter::in_language("en");
    letter.to = "用户@läden.example".to_owned();
    post.send(&letter).await.unwrap();
    let facts = &post.server.mails()[0].facts;
    assert_eq!(facts["to"], serde_json::json!(["用户@xn--lden-loa.example"]));
    assert!(facts["options"].to_string().contains("SMTPUTF8"), "{facts}");
}
