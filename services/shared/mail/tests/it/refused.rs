//! Each way of not being sent has its name, its class and its code.

use tradeup_domain::{Class, Classify as _, ErrorCode};
use tradeup_harness::SmtpMode;
use tradeup_mail::{Reply, SendError, Step};

use crate::post::{Letter, Post, mailer};

fn reply(code: u16, enhanced: [u16; 3]) -> Reply {
    Reply { code, enhanced: Some(enhanced) }
}

#[tokio::test]
async fn what_the_server_says_decides() {
    let post = Post::plain("");
    for (mode, error, code) in [
        (
            SmtpMode::UnknownRecipient,
            SendError::AddressRefused { reply: Some(reply(550, [5, 1, 1])) },
            ErrorCode::MailAddressRefused,
        ),
        (
            SmtpMode::RelayDenied,
            SendError::Refused { step: Step::Recipient, reply: reply(554, [5, 7, 1]) },
            ErrorCode::MailRefused,
        ),
        (
            SmtpMode::Greylist,
            SendError::Deferred { step: Step::Recipient, reply: reply(450, [4, 2, 0]) },
            ErrorCode::MailDeferred,
        ),
        (
            SmtpMode::SenderRefused,
            SendError::Unauthorized { step: Step::Sender, reply: Some(reply(553, [5, 7, 1])) },
            ErrorCode::MailUnauthorized,
        ),
        (
            SmtpMode::NoData,
            SendError::Refused { step: Step::Data, reply: reply(554, [5, 3, 4]) },
            ErrorCode::MailRefused,
        ),
        (
            SmtpMode::Spam,
            SendError::Refused { step: Step::Content, reply: reply(554, [5, 7, 1]) },
            ErrorCode::MailRefused,
        ),
        (
            SmtpMode::Full,
            SendError::Deferred { step: Step::Content, reply: reply(452, [4, 3, 1]) },
            ErrorCode::MailDeferred,
        ),
    ] {
        let refused = post.send_while(mode).await.unwrap_err();
        assert_eq!((&refused, refused.code()), (&error, code), "{mode:?}");
        let transient = matches!(refused, SendError::Deferred { .. } | SendError::Unauthorized { .. });
        assert_eq!(refused.class() == Class::TRANSIENT, transient, "{mode:?}");
        // The server's words have the address in them; ours have not.
        assert!(!format!("{refused} {refused:?}").contains("example"), "{refused}");
    }
    assert_eq!(post.server.mails().len(), 0);
    assert_eq!(post.server.connections(), 1, "none of them ends the connection");
}

#[tokio::test]
async fn a_server_that_does_not_talk_gets_nothing() {
    let post = Post::plain("connect_timeout=1&command_timeout=1");
    let busy = post.send_while(SmtpMode::Busy).await.unwrap_err();
    assert_eq!(busy, SendError::Deferred { step: Step::Connecting, reply: reply(421, [4, 3, 2]) });
    for (mode, step) in [
        (SmtpMode::Away, Step::Connecting),
        (SmtpMode::Deaf, Step::Connecting),
        (SmtpMode::HangUp, Step::Recipient),
    ] {
        let error = post.send_while(mode).await.unwrap_err();
        assert!(matches!(&error, SendError::NotSent { step: at, .. } if *at == step), "{mode:?}: {error:?}");
        assert_eq!((error.class(), error.code()), (Class::TRANSIENT, ErrorCode::MailNotSent));
    }
    assert_eq!(post.server.mails().len(), 0);
    post.send_while(SmtpMode::Accept).await.unwrap();
}

#[tokio::test]
async fn no_server_at_all() {
    let mut post = Post::plain("");
    // A port that was bound a moment ago, and is free again.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    post.mailer = mailer(&format!("smtp://127.0.0.1:{port}?tls=none"));
    let error = post.send(&Letter::in_language("en")).await.unwrap_err();
    assert_eq!(error.to_string(), "the mail was not sent: while connecting, the connection was refused");
    assert_eq!(post.mailer.check().await.unwrap_err(), error);
}

#[tokio::test]
async fn an_address_that_is_none_is_not_asked_about() {
    let post = Post::plain("");
    for to in ["", "ann", "ann@member.example\r\nRCPT TO:<eve@member.example>", "Ann <ann@member.example>"] {
        let mut letter = Letter::in_language("en");
        letter.to = to.to_owned();
        let error = post.send(&letter).await.unwrap_err();
        assert_eq!(error, SendError::AddressRefused { reply: None }, "{to}");
    }
    assert_eq!(post.server.connections(), 0);
}

#[tokio::test]
async fn a_kept_connection_that_fails_before_the_mail_is_no_failure() {
    let post = Post::plain("connections=1&command_timeout=2");
    post.send_while(SmtpMode::Accept).await.unwrap();
    // Closed after the recipient on the kept connection: certainly not sent, and said so.
    let error = post.send_while(SmtpMode::HangUp).await.unwrap_err();
    assert!(matches!(error, SendError::NotSent { step: Step::Recipient, .. }), "{error:?}");
    post.send_while(SmtpMode::Accept).await.unwrap();
    assert_eq!((post.server.mails().len(), post.server.connections()), (2, 2));
}
