//! Names that try to be headers, commands or markup.

use mail_parser::MessageParser;

use crate::post::{Letter, Post};

#[tokio::test]
async fn no_name_becomes_a_header_a_recipient_or_markup() {
    let post = Post::plain("");
    let usual = Letter::in_language("en");
    post.send(&usual).await.unwrap();
    let names = |content: &[u8]| -> Vec<String> {
        MessageParser::default()
            .parse(content)
            .unwrap()
            .headers()
            .iter()
            .map(|h| h.name().to_owned())
            .collect()
    };
    let expected = names(&post.server.mails()[0].content);
    for hostile in [
        "Ann\r\nBcc: eve@evil.example",
        "Ann\nSubject: you have won",
        "Ann\r\n\r\n<script>alert(1)</script>",
        "Ann\u{85}\u{2028}Bcc: eve@evil.example",
        "Ann\" <eve@evil.example>, \"",
        "=?utf-8?q?Ann=0D=0ABcc:_eve@evil.example?=",
        "Ann\r\n.\r\nMAIL FROM:<eve@evil.example>",
        ".",
        "</td></table><img src=x onerror=alert(1)>",
        "{{ unsubscribe_url }}{% include 'x' %}",
        "--=_0190000000007000800000000000_0007--",
        "\u{202e}moc.live",
    ] {
        let mut letter = usual.clone();
        letter.digest.shop_name = hostile.to_owned();
        letter.digest.first_name = Some(hostile.to_owned());
        post.send(&letter).await.unwrap();
        let mails = post.server.mails();
        let mail = mails.last().unwrap();
        assert_eq!(mail.facts["to"], serde_json::json!(["ann@member.example"]), "{hostile:?}");
        assert_eq!(names(&mail.content), expected, "{hostile:?}");
        let message = MessageParser::default().parse(&mail.content).unwrap();
        assert_eq!(message.parts.len(), 3, "{hostile:?}");
        assert_eq!(
            message.from().unwrap().first().unwrap().address(),
            Some("credit@sender.example"),
            "{hostile:?}"
        );
        assert_eq!(message.from().unwrap().iter().count(), 1, "{hostile:?}");
        let html = message.body_html(0).unwrap();
        assert!(!html.contains("<script") && !html.contains("<img"), "{hostile:?}");
        assert!(html.trim_end().ends_with("</html>"), "{hostile:?}");
    }
    assert_eq!(post.server.mails().len(), 13);
}
