//! The link in a mail ends the mails, by a POST and by nothing else.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tradeup_harness::Process;

use crate::http::{form as ask, port};
use crate::mailing::{Mailing, link};

#[tokio::test]
async fn get_asks_and_post_unsubscribes() {
    let mut mailing = Mailing::new().await;
    mailing.world.environment.insert("TRADEUP_HTTP".to_owned(), "127.0.0.1:0".to_owned());
    let webhooks = mailing.world.start("webhooks").await;
    let port = port(&webhooks).await;
    let public = format!("http://127.0.0.1:{port}");
    mailing.world.environment.insert("TRADEUP_PUBLIC_URL".to_owned(), public.clone());
    let shop = mailing.shop("aurora", "USD", "UTC", "de").await;
    let other = mailing.shop("borealis", "USD", "UTC", "en").await;
    let (ann, eve) = ("ann@member.example", "eve@member.example");
    let anns = mailing.member(shop, "1", Some(ann)).await;
    let eves = mailing.member(other, "1", Some(eve)).await;
    for (of, member) in [(shop, anns), (other, eves)] {
        mailing.lot(of, member, "a", 500, mailing.ends(of, 3)).await;
    }
    let _services = mailing.start_both().await;
    assert_eq!(mailing.warn().await, [2, 0, 0, 0]);
    let link = link(&mailing.only_mail(ann));
    let path = link.strip_prefix(&public).unwrap();

    // A scanner that follows the link.
    let suppressed = "select count(*) from suppressions";
    let (status, page) = ask(port, "GET", path, "").await;
    assert!(
        status == 200 && page.contains("<form method=\"post\">") && page.contains("Shop aurora"),
        "{page}"
    );
    assert!(
        page.contains("lang=\"de\"") && page.to_lowercase().contains("referrer-policy: no-referrer"),
        "{page}"
    );
    assert!(!page.contains("ann@"), "{page}");
    assert_eq!(ask(port, "HEAD", path, "").await.0, 200);
    assert_eq!(mailing.world.number(suppressed).await, 0);
    // Somebody who makes links up.
    let (head, tail) = path.split_at(path.len() - 1);
    let other_tail = if tail == "A" { "B" } else { "A" };
    for forged in
        [format!("{head}{other_tail}"), "/unsubscribe".to_owned(), "/unsubscribe?token=x".to_owned()]
    {
        assert_eq!(ask(port, "POST", &forged, "List-Unsubscribe=One-Click").await.0, 404, "{forged}");
    }
    assert_eq!(ask(port, "GET", "/", "").await.0, 404);
    assert_eq!(mailing.world.number(suppressed).await, 0);

    // The mail program (RFC 8058); once more; and what a person sees afterwards.
    for _ in 0..2 {
        let (status, page) = ask(port, "POST", path, "List-Unsubscribe=One-Click").await;
        assert!(status == 200 && page.contains("Erledigt"), "{page}");
    }
    let (_, page) = ask(port, "GET", path, "").await;
    assert!(page.contains("Erledigt") && !page.contains("<form"), "{page}");
    let ours = "select count(*) from suppressions s join members m on m.id = s.member_id
                where m.email = 'ann@member.example' and s.reason = 'opt_out' and s.source = 'unsubscribe link'";
    assert_eq!((mailing.world.number(suppressed).await, mailing.world.number(ours).await), (1, 1));

    mailing.next_day().await;
    for (of, member) in [(shop, anns), (other, eves)] {
        mailing.lot(of, member, "b", 500, mailing.ends(of, 4)).await;
    }
    assert_eq!(mailing.warn().await, [1, 0, 1, 0]);
    assert_eq!((mailing.got()[ann], mailing.got()[eve]), (1, 2));
    assert!(webhooks.terminate(Duration::from_secs(15)).await.success());
}

#[tokio::test]
async fn a_client_that_says_nothing_is_not_waited_for() {
    let mut mailing = Mailing::new().await;
    mailing.world.environment.insert("TRADEUP_HTTP".to_owned(), "127.0.0.1:0".to_owned());
    let webhooks = mailing.world.start("webhooks").await;
    let port = port(&webhooks).await;
    let mut silent = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    silent.write_all(b"GET /unsubscribe HTTP/1.1\r\nHost: ").await.unwrap();
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(30), silent.read_to_end(&mut rest)).await;
    assert!(ended.is_ok(), "the connection is ended from the other side");
    // An address that is taken is an error at start.
    let mut taken = mailing.world.environment.clone();
    taken.insert("TRADEUP_HTTP".to_owned(), format!("127.0.0.1:{port}"));
    let second = Process::spawn("webhooks", &taken, mailing.world.dir.path());
    let ended = second.ended(Duration::from_secs(30)).await;
    assert!(ended.code == 1 && ended.stderr.contains("can't be listened on"), "{}", ended.stderr);
}
