//! Where nobody knows, we say so, and send nothing a second time.

use tradeup_domain::{Class, Classify as _, ErrorCode};
use tradeup_harness::SmtpMode;
use tradeup_mail::SendError;

use crate::post::Post;

#[tokio::test]
async fn a_connection_lost_after_the_content_leaves_it_open() {
    // The same to us, whether the server has kept it or not.
    for (mode, kept) in [(SmtpMode::Drop, 1), (SmtpMode::Lose, 0), (SmtpMode::Garbage, 1)] {
        let post = Post::plain("");
        let error = post.send_while(mode).await.unwrap_err();
        assert!(matches!(error, SendError::OutcomeUnknown { .. }), "{mode:?}: {error:?}");
        assert_eq!((error.class(), error.code()), (Class::Permanent, ErrorCode::MailOutcomeUnknown));
        assert_eq!(post.server.mails().len(), kept, "{mode:?}");
        assert_eq!(post.server.connections(), 1, "it was not tried again");
    }
}

#[tokio::test]
async fn an_answer_that_comes_too_late_leaves_it_open() {
    let post = Post::plain("answer_timeout=1");
    let error = post.send_while(SmtpMode::Slow).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "nobody knows whether the mail server took the mail: there was no answer within 1 s before it answered"
    );
    assert_eq!(post.server.mails().len(), 1);
    // The late answer is not taken for that to another mail.
    post.send_while(SmtpMode::Accept).await.unwrap();
    assert_eq!((post.server.mails().len(), post.server.connections()), (2, 2));
}

#[tokio::test]
async fn so_does_a_kept_connection() {
    let post = Post::plain("connections=1");
    post.send_while(SmtpMode::Accept).await.unwrap();
    let error = post.send_while(SmtpMode::Drop).await.unwrap_err();
    assert!(matches!(error, SendError::OutcomeUnknown { .. }), "{error:?}");
    assert_eq!((post.server.mails().len(), post.server.connections()), (2, 1));
}
