//! A mail as the bytes that go over the line.

use lettre::Message;
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Body, Mailbox, MultiPart, SinglePart};

use super::{Address, Note, Outgoing, SendError};
use crate::text::{SHOP_NAME_CHARS_MAX, one_line};

/// Headers and both parts. The same bytes for the same digest, at each try.
///
/// All header values are from typed addresses and links, or are cut to one line and encoded
/// (RFC 2047): no name can add a header.
pub(super) fn build(outgoing: &Outgoing<'_>, from: &Address, to: &Address) -> Result<Vec<u8>, SendError> {
    let id = outgoing.digest_id;
    let shop_name = one_line(outgoing.shop_name, SHOP_NAME_CHARS_MAX);
    let mailbox = |name: &str, address: &Address| {
        Mailbox::new((!name.is_empty()).then(|| name.to_owned()), address.as_lettre().clone())
    };
    let mut builder = Message::builder()
        .message_id(Some(format!("<{id}@{}>", from.domain())))
        .date(outgoing.written_at.into())
        .from(mailbox(&shop_name, from))
        .to(mailbox("", to))
        .subject(one_line(&outgoing.mail.subject, usize::MAX))
        // RFC 3834: no vacation note is to answer.
        .raw_header(plain("Auto-Submitted", "auto-generated".to_owned()))
        .raw_header(plain("Content-Language", outgoing.mail.locale.tag()))
        // RFC 2369 and RFC 8058: the mail program's own button.
        .raw_header(plain("List-Unsubscribe", format!("<{}>", outgoing.unsubscribe.as_str())))
        .raw_header(plain("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned()));
    if let Some(reply_to) = outgoing.reply_to {
        builder = builder.reply_to(mailbox(&shop_name, reply_to));
    }
    let parts = MultiPart::alternative()
        // Both encodings below write "=" and "_" otherwise, so no content can hold this line.
        .boundary(format!("=_{}", id.simple()))
        .singlepart(part(ContentType::TEXT_PLAIN, &outgoing.mail.text)?)
        .singlepart(part(ContentType::TEXT_HTML, &outgoing.mail.html)?);
    let message =
        builder.multipart(parts).map_err(|_incomplete| SendError::Unbuildable { what: "its headers" })?;
    Ok(message.formatted())
}

/// Headers and text of a mail to an operator.
pub(super) fn note(note: &Note<'_>, from: &Address) -> Result<Vec<u8>, SendError> {
    let message = Message::builder()
        .message_id(Some(format!("<{}@{}>", note.id, from.domain())))
        .date(note.written_at.into())
        .from(Mailbox::new(Some("TradeUp Jobs".to_owned()), from.as_lettre().clone()))
        .to(Mailbox::new(None, note.to.as_lettre().clone()))
        .subject(one_line(note.subject, usize::MAX))
        .raw_header(plain("Auto-Submitted", "auto-generated".to_owned()))
        .singlepart(part(ContentType::TEXT_PLAIN, note.text)?)
        .map_err(|_incomplete| SendError::Unbuildable { what: "its headers" })?;
    Ok(message.formatted())
}

fn part(kind: ContentType, text: &str) -> Result<SinglePart, SendError> {
    // Quoted-printable takes 3 bytes for each beyond ASCII, base64 4 for 3 of any.
    let beyond_ascii = text.bytes().filter(|byte| !byte.is_ascii()).count();
    let encoding = if beyond_ascii * 6 > text.len() {
        ContentTransferEncoding::Base64
    } else {
        ContentTransferEncoding::QuotedPrintable
    };
    let body = Body::new_with_encoding(text.to_owned(), encoding)
        .map_err(|_bytes| SendError::Unbuildable { what: "its text" })?;
    Ok(SinglePart::builder().header(kind).body(body))
}

/// A header whose value is ours, or a tag or link: printable ASCII without line breaks, which needs
/// no encoding. Encoding would break a long link into words that mail programs don't put together.
fn plain(name: &'static str, value: String) -> HeaderValue {
    let name = HeaderName::new_from_ascii_str(name);
    if value.bytes().all(|byte| byte.is_ascii_graphic()) {
        HeaderValue::dangerous_new_pre_encoded(name, value.clone(), value)
    } else {
        HeaderValue::new(name, value)
    }
}

#[cfg(test)]
mod tests {
    use mail_parser::MessageParser;
    use proptest::prelude::*;

    use super::*;
    use crate::{Locale, RenderedMail};

    proptest! {
        #[test]
        fn no_text_changes_the_headers_or_the_parts(
            shop_name in "\\PC{0,100}|[\r\n\0-~]{0,100}|(Bcc: x@y.z\r\n|=\\?utf-8\\?q\\?|--=_|,|<|>|\"){0,20}",
            subject in "\\PC{0,200}|[\r\n\0-~]{0,200}",
            text in "(.|\n){0,300}|(--=_[0-9]{32}--\r\n|\\.\r\n|=0D=0A|From x\n){0,20}",
            id: u128,
        ) {
            let mail = RenderedMail {
                subject,
                html: text.clone(),
                text,
                locale: Locale::ENGLISH,
            };
            let outgoing = Outgoing {
                digest_id: uuid::Uuid::from_u128(id),
                to: "ann@member.example",
                shop_name: &shop_name,
                reply_to: Some(&"help@shop.example".parse().unwrap()),
                mail: &mail,
                unsubscribe: &"https://app.example/u?token=x".parse().unwrap(),
                written_at: chrono::DateTime::UNIX_EPOCH,
            };
            let to = "ann@member.example".parse().unwrap();
            let bytes = build(&outgoing, &"credit@sender.example".parse().unwrap(), &to).unwrap();
            prop_assert!(bytes.is_ascii());
            prop_assert!(bytes.split(|byte| *byte == b'\n').all(|line| line.len() <= 998));
            let message = MessageParser::default().parse(&bytes).unwrap();
            let names: Vec<_> = message.headers().iter().map(|header| header.name().to_owned()).collect();
            prop_assert_eq!(names.join(" "), "Message-ID Date From To Subject Auto-Submitted Content-Language \
                List-Unsubscribe List-Unsubscribe-Post Reply-To MIME-Version Content-Type");
            prop_assert_eq!(message.parts.len(), 3);
            prop_assert_eq!(message.from().unwrap().iter().count(), 1);
            let lines = |text: &str| text.replace("\r\n", "\n");
            prop_assert_eq!(lines(&message.body_text(0).unwrap()), lines(&mail.text));
        }
    }
}
