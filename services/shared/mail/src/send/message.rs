//! A mail as the bytes that go over the line.

use lettre::Message;
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Body, Mailbox, MultiPart, SinglePart};

use super::{Address, Outgoing, SendError};
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
