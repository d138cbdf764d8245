//! Signatures and headers of the samples.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tradeup_shopify::webhook::{Delivery, Matched, SIGNATURE_HEADER, Secrets, SignatureError};

use crate::samples;

fn secrets(text: &str) -> Secrets {
    Secrets::parse(&text.into()).unwrap()
}

#[test]
fn every_sample_is_genuine_and_no_changed_one_is() {
    let index = samples::index();
    let secret = index["sample_client_secret"].as_str().unwrap();
    let now = "2026-11-22T00:00:00Z".parse().unwrap();
    let current = secrets(secret);
    let rotated = secrets(&format!("newer-secret,{secret}@2026-11-22T01:00:00Z"));
    let over = secrets(&format!("newer-secret,{secret}@2026-11-22T00:00:00Z"));
    for sample in samples::all() {
        let header = sample.header(SIGNATURE_HEADER).unwrap();
        assert_eq!(current.verify(header, &sample.body, now), Ok(Matched { secret: 0 }), "{}", sample.file);
        assert_eq!(rotated.verify(header, &sample.body, now), Ok(Matched { secret: 1 }));
        assert_eq!(over.verify(header, &sample.body, now), Err(SignatureError::NoMatch));
        assert_eq!(secrets("another").verify(header, &sample.body, now), Err(SignatureError::NoMatch));
        let cut = &sample.body[..sample.body.len() - 1];
        assert_eq!(current.verify(header, cut, now), Err(SignatureError::NoMatch));
        let digest = STANDARD.decode(header).unwrap();
        let hex: String = digest.iter().map(|b| format!("{b:02x}")).collect();
        for malformed in ["", hex.as_str(), &header[..43], &STANDARD.encode(&digest[..31])] {
            let verified = current.verify(malformed, &sample.body, now);
            assert_eq!(verified, Err(SignatureError::Malformed), "{malformed}");
        }
    }
}

#[test]
fn written_again_the_body_is_not_what_was_signed() {
    let index = samples::index();
    let current = secrets(index["sample_client_secret"].as_str().unwrap());
    let now = "2026-11-22T00:00:00Z".parse().unwrap();
    for sample in samples::all() {
        let again = serde_json::from_slice::<serde_json::Value>(&sample.body).unwrap().to_string();
        let header = sample.header(SIGNATURE_HEADER).unwrap();
        if again.as_bytes() != sample.body {
            assert!(current.verify(header, again.as_bytes(), now).is_err(), "{}", sample.file);
        }
    }
}

#[test]
fn headers_of_all_samples_are_read() {
    let domain = samples::index()["shop_domain"].as_str().unwrap().to_owned();
    for sample in samples::all() {
        let delivery = Delivery::from_headers(|name| sample.header(name)).unwrap();
        assert_eq!((&delivery.topic, delivery.shop.as_str()), (&sample.topic, domain.as_str()));
        assert_eq!(delivery.webhook_id.len(), 36);
        assert!(delivery.event_id.is_some() && delivery.triggered_at.is_some() && !delivery.test);
        assert!(delivery.api_version.is_some() && delivery.name.is_none());
    }
}
