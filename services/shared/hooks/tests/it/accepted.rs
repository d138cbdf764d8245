//! What arrives.

use axum::http::{Method, StatusCode};
use tradeup_domain::signing::Signed;
use tradeup_hooks::{Outgoing, SendError};

use crate::receiver::{BODY, ID, Receiver, endpoint, now, secrets, send, sender};

#[tokio::test]
async fn a_message_arrives_as_the_standard_has_it() {
    let receiver = Receiver::start(|| StatusCode::NO_CONTENT).await;
    let accepted = send(&sender(), &receiver.url()).await.unwrap();
    assert_eq!(accepted.status, 204);

    let seen = &receiver.seen()[0];
    let header = |name: &str| seen.headers[name].to_str().unwrap();
    assert_eq!((&seen.method, seen.uri.to_string().as_str()), (&Method::POST, "/hooks?of=shop"));
    assert_eq!(&seen.body[..], BODY);
    assert_eq!((header("webhook-id"), header("webhook-timestamp")), (ID, "1795840200"));
    assert_eq!(
        (header("content-type"), header("host")),
        ("application/json", receiver.address.to_string().as_str())
    );
    assert_eq!(header("user-agent"), format!("TradeUp-Jobs/{}", env!("CARGO_PKG_VERSION")));
    assert!(!seen.headers.contains_key("referer") && !seen.headers.contains_key("cookie"));

    let signed = Signed { id: ID, timestamp: 1_795_840_200, body: &seen.body };
    assert_eq!(now().timestamp(), signed.timestamp);
    assert_eq!(header("webhook-signature").split(' ').count(), 2, "one for each secret in force");
    for secret in secrets() {
        assert_eq!(signed.verify(header("webhook-signature"), &[secret], now().timestamp()), Ok(()));
    }
    let of_another = Signed { id: "msg_02", ..signed };
    assert!(of_another.verify(header("webhook-signature"), &secrets(), now().timestamp()).is_err());
}

#[tokio::test]
async fn every_status_from_200_to_299_accepts() {
    for status in [200, 201, 202, 204, 299] {
        let receiver = Receiver::start(move || (StatusCode::from_u16(status).unwrap(), "thanks")).await;
        assert_eq!(send(&sender(), &receiver.url()).await.unwrap().status, status);
    }
}

#[tokio::test]
async fn a_name_on_loopback_is_reached_by_the_systems_own_look_up() {
    let receiver = Receiver::start(|| StatusCode::OK).await;
    let url = endpoint(&format!("http://localhost:{}/", receiver.address.port()));
    send(&sender(), &url).await.unwrap();
    assert_eq!(receiver.seen().len(), 1);
}

#[tokio::test]
async fn what_can_not_be_signed_is_not_sent() {
    let receiver = Receiver::start(|| StatusCode::OK).await;
    let (good, none, odd) = (secrets(), vec![], vec!["whsec_?".to_owned()]);
    for (id, secrets) in [
        ("", &good),
        ("msg.1", &good),
        ("msg 1", &good),
        ("msg\n1", &good),
        ("é", &good),
        (ID, &none),
        (ID, &odd),
    ] {
        let error =
            sender().send(&receiver.url(), &Outgoing { id, body: BODY, secrets }, now()).await.unwrap_err();
        assert!(matches!(error, SendError::Unbuildable { .. }), "{id:?}: {error}");
        assert!(!error.may_pass() && error.certainly_not_received());
    }
    assert!(receiver.seen().is_empty());
}
