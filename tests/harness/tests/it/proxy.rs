//! Each fault of the proxy, before a server that sends back what it gets.

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tradeup_harness::{Counters, Direction, FaultProxy, Flow, eventually};

use crate::echo::Echo;

const SOON: Duration = Duration::from_secs(10);

async fn begin() -> (Echo, FaultProxy, TcpStream) {
    let echo = Echo::start().await;
    let proxy = FaultProxy::start(echo.address, 7);
    let mut link = TcpStream::connect(proxy.address()).await.unwrap();
    round_trip(&mut link, b"before").await;
    (echo, proxy, link)
}

/// Sends, and expects the same back.
async fn round_trip(link: &mut TcpStream, bytes: &[u8]) {
    link.write_all(bytes).await.unwrap();
    expect(link, bytes).await;
}

async fn expect(link: &mut TcpStream, bytes: &[u8]) {
    let mut back = vec![0; bytes.len()];
    tokio::time::timeout(SOON, link.read_exact(&mut back)).await.expect("an answer").unwrap();
    assert_eq!(back, bytes);
}

/// All that still comes on a connection, which must end with a reset.
async fn until_reset(link: &mut TcpStream) -> Vec<u8> {
    let mut rest = Vec::new();
    let end = tokio::time::timeout(SOON, link.read_to_end(&mut rest)).await.expect("it ends");
    assert_eq!(end.expect_err("not an orderly end").kind(), ErrorKind::ConnectionReset);
    rest
}

/// Nothing has come on a connection, and neither has its end.
fn assert_silent(link: &TcpStream) {
    let read = link.try_read(&mut [0; 16]);
    assert_eq!(read.expect_err("neither bytes nor an end").kind(), ErrorKind::WouldBlock);
}

async fn counted(what: &str, proxy: &FaultProxy, reached: impl Fn(Counters) -> bool) {
    eventually(what, SOON, || {
        let reached = reached(proxy.counters());
        async move { reached.then_some(()) }
    })
    .await;
}

#[tokio::test]
async fn everything_passes_both_ways_to_the_end() {
    let (echo, proxy, mut link) = begin().await;
    let large: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    let (mut reads, mut writes) = link.split();
    let mut back = Vec::new();
    let sent = async {
        writes.write_all(&large).await.unwrap();
        writes.shutdown().await.unwrap();
    };
    let (read, ()) = tokio::join!(reads.read_to_end(&mut back), sent);
    read.expect("an orderly end passes as one");
    assert!(back == large, "what came back is what was sent");
    assert_eq!(echo.seen().ended, 1);
    let all = large.len() as u64 + 6;
    counted("the connection is closed", &proxy, |counters| counters.open == 0).await;
    let counters = proxy.counters();
    assert_eq!((counters.accepted, counters.to_upstream, counters.to_client), (1, all, all));
    assert_eq!(counters.faults(), 0);
}

/// As a test does that runs `tradeup` to its end.
#[tokio::test]
async fn the_proxy_works_while_the_test_is_blocked() {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = FaultProxy::start(listener.local_addr().unwrap(), 7);
    let mut link = std::net::TcpStream::connect(proxy.address()).unwrap();
    let (mut server_end, _) = listener.accept().unwrap();
    link.set_read_timeout(Some(SOON)).unwrap();
    server_end.write_all(b"hello").unwrap();
    let mut heard = [0; 5];
    link.read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"hello");
}

#[tokio::test]
async fn a_reset_of_one_end_is_a_reset_for_the_other() {
    let (echo, _proxy, link) = begin().await;
    link.set_zero_linger().unwrap();
    drop(link);
    eventually("the server sees the reset", SOON, || async { (echo.seen().reset == 1).then_some(()) }).await;
}

#[tokio::test]
async fn delays_one_direction_and_keeps_the_order() {
    let (echo, proxy, mut link) = begin().await;
    let (fixed, jitter) = (Duration::from_millis(150), Duration::from_millis(100));
    proxy.set(Direction::ToClient, Flow::Delay { fixed, jitter });
    let begun = Instant::now();
    for piece in 0..20_u8 {
        link.write_all(&[piece; 10]).await.unwrap();
    }
    eventually("the server has all", SOON, || async { (echo.seen().bytes.len() == 206).then_some(()) }).await;
    let expected: Vec<u8> = (0..20_u8).flat_map(|piece| [piece; 10]).collect();
    expect(&mut link, &expected).await;
    assert!(begun.elapsed() >= fixed, "it took {:?}", begun.elapsed());
    assert!(proxy.counters().delayed > 0);

    // What waits when the delay ends passes at once.
    proxy.set(Direction::ToClient, Flow::Delay { fixed: Duration::from_secs(3600), jitter });
    let before = proxy.counters().delayed;
    link.write_all(b"waits").await.unwrap();
    counted("it waits in the proxy", &proxy, |counters| counters.delayed > before).await;
    assert_silent(&link);
    proxy.pass();
    expect(&mut link, b"waits").await;
}

#[tokio::test]
async fn a_black_hole_keeps_connections_and_takes_all() {
    let (echo, proxy, mut link) = begin().await;
    proxy.black_hole();
    link.write_all(b"lost").await.unwrap();
    let mut late = TcpStream::connect(proxy.address()).await.expect("connections are accepted");
    late.write_all(b"lost too").await.unwrap();
    counted("both are swallowed", &proxy, |counters| counters.swallowed == 12).await;
    assert_eq!(echo.seen().bytes, b"before");
    assert_silent(&link);
    assert_silent(&late);
    assert_eq!(proxy.counters().open, 2);

    // A gap can't be healed; new connections work.
    proxy.pass();
    assert_eq!(until_reset(&mut link).await, b"");
    assert_eq!(until_reset(&mut late).await, b"");
    round_trip(&mut TcpStream::connect(proxy.address()).await.unwrap(), b"healed").await;
    assert_eq!(echo.seen().bytes, b"beforehealed");
}

#[tokio::test]
async fn who_is_in_a_black_hole_does_not_learn_that_the_server_is_gone() {
    let echo = Echo::start().await;
    let server = FaultProxy::start(echo.address, 7);
    let proxy = FaultProxy::start(server.address(), 7);
    let mut link = TcpStream::connect(proxy.address()).await.unwrap();
    round_trip(&mut link, b"before").await;
    proxy.black_hole();
    server.kill();
    counted("the server is gone", &server, |counters| counters.open == 0).await;
    link.write_all(b"anybody?").await.unwrap();
    let late = TcpStream::connect(proxy.address()).await.unwrap();
    counted("nobody is there", &proxy, |counters| counters.swallowed == 8 && counters.unreachable == 1).await;
    assert_silent(&link);
    assert_silent(&late);
    proxy.pass();
    until_reset(&mut link).await;
}

#[tokio::test]
async fn half_open_swallows_one_direction() {
    let (echo, proxy, mut link) = begin().await;
    proxy.set(Direction::ToClient, Flow::Swallow);
    link.write_all(b"heard").await.unwrap();
    counted("the answer is swallowed", &proxy, |counters| counters.swallowed == 5).await;
    assert_eq!(echo.seen().bytes, b"beforeheard");
    assert_silent(&link);

    proxy.pass();
    assert_eq!(until_reset(&mut link).await, b"");
    let mut link = TcpStream::connect(proxy.address()).await.unwrap();
    proxy.set(Direction::ToUpstream, Flow::Swallow);
    link.write_all(b"unheard").await.unwrap();
    counted("the words are swallowed", &proxy, |counters| counters.swallowed == 12).await;
    assert_eq!(echo.seen().bytes, b"beforeheard");
}

#[tokio::test]
async fn what_is_held_passes_when_it_heals() {
    let (echo, proxy, mut link) = begin().await;
    proxy.set_both(Flow::Hold);
    link.write_all(b"held").await.unwrap();
    // A second connection proves that the proxy lives on while it holds.
    let mut late = TcpStream::connect(proxy.address()).await.unwrap();
    late.write_all(b"also").await.unwrap();
    counted("the second is accepted", &proxy, |counters| counters.open == 2).await;
    assert_silent(&link);
    assert_eq!(echo.seen().bytes, b"before");
    proxy.pass();
    expect(&mut link, b"held").await;
    expect(&mut late, b"also").await;
    assert_eq!(proxy.counters().faults(), 0, "nothing was lost");
}

#[tokio::test]
async fn reset_ends_all_connections_and_serves_new_ones() {
    let (echo, proxy, mut link) = begin().await;
    let mut second = TcpStream::connect(proxy.address()).await.unwrap();
    round_trip(&mut second, b"!").await;
    proxy.reset();
    assert_eq!(until_reset(&mut link).await, b"");
    assert_eq!(until_reset(&mut second).await, b"");
    eventually("the server sees both", SOON, || async { (echo.seen().reset == 2).then_some(()) }).await;
    assert_eq!(proxy.counters().reset, 2);
    round_trip(&mut TcpStream::connect(proxy.address()).await.unwrap(), b"again").await;
}

#[tokio::test]
async fn refuses_new_connections_and_keeps_the_port() {
    let (_echo, proxy, mut link) = begin().await;
    for _ in 0..3 {
        proxy.refuse();
        let refused = TcpStream::connect(proxy.address()).await.expect_err("refused");
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        round_trip(&mut link, b"lives on").await;
        proxy.pass();
        round_trip(&mut TcpStream::connect(proxy.address()).await.unwrap(), b"served").await;
    }
    proxy.kill();
    assert_eq!(until_reset(&mut link).await, b"");
    assert!(TcpStream::connect(proxy.address()).await.is_err());
}

/// A process that is being started has copies of all our sockets for a moment.
#[tokio::test]
async fn refuses_at_once_while_processes_are_started() {
    let (_echo, proxy, _link) = begin().await;
    let done = Arc::new(AtomicBool::new(false));
    let starters = [(); 2].map(|()| {
        let done = Arc::clone(&done);
        std::thread::spawn(move || {
            while !done.load(Ordering::Relaxed) {
                assert!(std::process::Command::new("true").status().unwrap().success());
            }
        })
    });
    let mut refused = 0;
    for _ in 0..300 {
        proxy.refuse();
        refused += usize::from(TcpStream::connect(proxy.address()).await.is_err());
        proxy.accept();
    }
    done.store(true, Ordering::Relaxed);
    starters.into_iter().for_each(|starter| starter.join().unwrap());
    assert_eq!(refused, 300);
}

#[tokio::test]
async fn drips() {
    let (_echo, proxy, mut link) = begin().await;
    proxy.set(Direction::ToUpstream, Flow::Drip { bytes_per_second: 100 });
    let begun = Instant::now();
    round_trip(&mut link, &[b'.'; 50]).await;
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(450), "50 bytes at 100 a second: {took:?}");
    assert!(proxy.counters().dripped > 0);

    proxy.set(Direction::ToUpstream, Flow::Drip { bytes_per_second: 1 });
    link.write_all(&[b','; 3600]).await.unwrap();
    proxy.pass();
    expect(&mut link, &[b','; 3600]).await;
}

#[tokio::test]
async fn cuts_after_a_number_of_bytes() {
    let (echo, proxy, mut link) = begin().await;
    proxy.set(Direction::ToUpstream, Flow::CutAfter { bytes: 10 });
    link.write_all(b"0123456789abcdef").await.unwrap();
    until_reset(&mut link).await;
    eventually("the server sees the reset", SOON, || async { (echo.seen().reset == 1).then_some(()) }).await;
    assert_eq!(echo.seen().bytes, b"before0123456789");
    assert_eq!(proxy.counters().cut, 1);

    // Each new connection counts for itself.
    proxy.set_both(Flow::Pass);
    proxy.set(Direction::ToClient, Flow::CutAfter { bytes: 4 });
    for cut in 2..4 {
        let mut link = TcpStream::connect(proxy.address()).await.unwrap();
        link.write_all(b"answer").await.unwrap();
        assert_eq!(until_reset(&mut link).await, b"answ");
        assert_eq!(proxy.counters().cut, cut);
    }
    proxy.set(Direction::ToClient, Flow::CutAfter { bytes: 0 });
    let mut link = TcpStream::connect(proxy.address()).await.unwrap();
    link.write_all(b"answer").await.unwrap();
    assert_eq!(until_reset(&mut link).await, b"");
}

#[tokio::test]
async fn dropping_the_proxy_closes_everything() {
    let (echo, proxy, mut link) = begin().await;
    let address = proxy.address();
    drop(proxy);
    assert!(matches!(link.read(&mut [0; 16]).await, Ok(0) | Err(_)));
    assert!(TcpStream::connect(address).await.is_err());
    eventually("the server sees it", SOON, || async {
        let seen = echo.seen();
        (seen.ended + seen.reset == 1).then_some(())
    })
    .await;
}

#[tokio::test]
async fn urls_lead_through_the_proxy() {
    let echo = Echo::start().await;
    let port = echo.address.port();
    let url = format!("postgres://user:p%40ss@127.0.0.1:{port}/db?sslmode=disable");
    let proxy = FaultProxy::before(&url, 0);
    let at = proxy.address();
    assert_eq!(proxy.through(&url), format!("postgres://user:p%40ss@{at}/db?sslmode=disable"));
    assert_eq!(proxy.through("nats://localhost:4222"), format!("nats://{at}"));
    assert_eq!(proxy.through("nats://u:p@[::1]:4222"), format!("nats://u:p@{at}"));
    round_trip(&mut TcpStream::connect(at).await.unwrap(), b"\0").await;
}
