//! Endpoints that give no answer.

use std::net::TcpListener;

use tokio::io::AsyncWriteExt as _;
use tradeup_hooks::{SendError, Sender, Step};

use crate::receiver::{endpoint, raw, send, sender, settings, writes};

#[tokio::test]
async fn one_that_never_answers_is_given_up() {
    let address = raw(|stream| async move {
        std::future::pending::<()>().await;
        drop(stream);
    });
    let url = endpoint(&format!("http://{}/", address.await));
    let error = send(&Sender::new(settings()).unwrap(), &url).await.unwrap_err();
    assert_eq!(error, SendError::TimedOut { step: Step::Answering });
    assert!(error.may_pass() && !error.certainly_not_received());
}

#[tokio::test]
async fn a_refusal_that_never_ends_is_one() {
    let address = raw(|mut stream| async move {
        stream
            .write_all(b"HTTP/1.1 500 Oh\r\ntransfer-encoding: chunked\r\n\r\n4\r\nlong\r\n")
            .await
            .unwrap();
        std::future::pending::<()>().await;
        drop(stream);
    });
    let url = endpoint(&format!("http://{}/", address.await));
    let error = send(&Sender::new(settings()).unwrap(), &url).await.unwrap_err();
    assert_eq!(error, SendError::Refused { status: 500, retry_after: None, answer: "long".to_owned() });
}

#[tokio::test]
async fn one_that_says_nothing_while_connecting_is_given_up() {
    // TLS waits for the server's first words.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = endpoint(&format!("https://{}/", listener.local_addr().unwrap()));
    let error = send(&Sender::new(settings()).unwrap(), &url).await.unwrap_err();
    assert_eq!(error, SendError::TimedOut { step: Step::Connecting });
    assert!(error.certainly_not_received());
}

#[tokio::test]
async fn a_connection_that_ends_is_no_answer() {
    for (answer, says) in [
        (&b""[..], "closed"),
        (b"HTTP/1.1 200", "closed"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "invalid HTTP"),
        (b"HTTP/1.1 999999 Odd\r\n\r\n", "invalid HTTP"),
    ] {
        let error = send(&sender(), &writes(answer).await).await.unwrap_err();
        assert!(matches!(&error, SendError::Broken { cause } if cause.contains(says)), "{error:?}");
        assert!(!error.to_string().contains("127.0.0.1"), "{error}");
        assert!(!error.certainly_not_received());
    }
}

#[tokio::test]
async fn nobody_listens() {
    // A port that was bound a moment ago, and is free again.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = send(&sender(), &endpoint(&format!("http://{address}/s3cr3t"))).await.unwrap_err();
    assert_eq!(error, SendError::NotConnected { cause: "connection refused".to_owned() });
    assert!(error.certainly_not_received());
}
