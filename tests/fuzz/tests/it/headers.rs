//! Headers and subjects: what comes before a body is looked at.

use bolero::check;
use chrono::DateTime;
use secrecy::SecretString;
use tradeup_domain::replay::{ReplayKey, effect_key};
use tradeup_domain::signing::Signed;
use tradeup_proto::subject::event::EventSubject;
use tradeup_shopify::ShopDomain;
use tradeup_shopify::webhook::Secrets;

#[test]
fn no_header_of_a_strangers_making_verifies() {
    let secrets = Secrets::parse(&SecretString::from("a-secret-that-nobody-guesses")).unwrap();
    let now = DateTime::from_timestamp(1_793_512_800, 0).unwrap();
    check!().with_iterations(20_000).with_type::<(String, Vec<u8>)>().for_each(|(header, body)| {
        assert!(secrets.verify(header, body, now).is_err(), "{header:?}");
    });
}

#[test]
fn no_signature_of_a_strangers_making_verifies() {
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwbXktc2lnbmk=".to_owned();
    let now = 1_793_512_800;
    check!().with_iterations(20_000).with_type::<(String, String, i64, Vec<u8>)>().for_each(
        |(header, id, timestamp, body)| {
            let signed = Signed { id, timestamp: *timestamp, body };
            assert!(signed.verify(header, std::slice::from_ref(&secret), now).is_err(), "{header:?}");
        },
    );
}

#[test]
fn a_subject_is_read_or_refused_and_reads_back() {
    check!().with_iterations(20_000).with_type::<String>().for_each(|text| {
        if let Ok(subject) = EventSubject::parse(text) {
            assert!(!subject.tenant.is_empty() && !subject.source.is_empty() && !subject.topic.is_empty());
        }
        let _domain = text.parse::<ShopDomain>();
        let effect = effect_key(text);
        assert!(text.ends_with(effect) && ReplayKey::read(effect).is_none());
    });
}
