//! What is never connected to, whatever its name says.

use std::io;
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tradeup_hooks::{EndpointUrl, Lookup, LookupFuture, Reach, SendError, Sender, Settings};

use crate::receiver::{Everywhere, Nowhere, endpoint, send};

fn public(lookup: impl Lookup + 'static) -> Sender {
    Sender::new(Settings { lookup: Arc::new(lookup), ..Settings::default() }).unwrap()
}

/// A port, and whether somebody has connected to it since.
struct Trap(TcpListener);

impl Trap {
    fn set() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Self(listener)
    }

    fn port(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }

    fn untouched(&self) -> bool {
        self.0.accept().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }
}

#[tokio::test]
async fn a_public_name_of_a_private_address_is_refused() {
    let trap = Trap::set();
    let url =
        EndpointUrl::parse(&format!("https://hooks.shop.example:{}/", trap.port()), Reach::Public).unwrap();
    for private in [
        vec!["127.0.0.1"],
        vec!["::ffff:127.0.0.1"],
        vec!["10.0.0.1", "127.0.0.1", "169.254.169.254", "fd00:ec2::254", "::1", "0.0.0.0"],
        vec!["::127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::"],
    ] {
        let addresses = private.iter().map(|text| text.parse().unwrap()).collect();
        let error = send(&public(Everywhere(addresses)), &url).await.unwrap_err();
        assert_eq!(error, SendError::Private, "{private:?}");
        assert!(error.to_string().contains("resolves to a private address"), "{error}");
        assert!(error.certainly_not_received() && error.may_pass());
    }
    assert!(trap.untouched());
}

#[tokio::test]
async fn the_systems_look_up_is_checked_as_well() {
    let trap = Trap::set();
    // Registered while the installation reached loopback.
    let url = endpoint(&format!("https://localhost:{}/", trap.port()));
    let error = send(&Sender::new(Settings::default()).unwrap(), &url).await.unwrap_err();
    assert_eq!(error, SendError::Private);
    assert!(trap.untouched());
}

#[tokio::test]
async fn an_address_in_place_of_a_name_is_refused() {
    let trap = Trap::set();
    for scheme in ["http", "https"] {
        let url = endpoint(&format!("{scheme}://127.0.0.1:{}/", trap.port()));
        let error = send(&public(Everywhere(vec![])), &url).await.unwrap_err();
        assert_eq!(error, SendError::Private);
    }
    assert!(trap.untouched());
}

/// A name whose addresses change with each look-up.
struct Changing(AtomicUsize, Vec<IpAddr>);

impl Lookup for Changing {
    fn lookup(&self, _host: &str) -> LookupFuture {
        let at = self.0.fetch_add(1, Ordering::SeqCst);
        let found = vec![self.1[at % self.1.len()]];
        Box::pin(async move { Ok(found) })
    }
}

#[tokio::test]
async fn a_name_that_changes_after_the_check_gains_nothing() {
    let trap = Trap::set();
    // The first address is allowed and nobody listens there; a second look-up would lead elsewhere.
    let nobody = TcpListener::bind("127.0.0.2:0").unwrap().local_addr().unwrap().port();
    let lookup = Changing(
        AtomicUsize::new(0),
        vec![Ipv4Addr::new(127, 0, 0, 2).into(), Ipv4Addr::new(10, 0, 0, 1).into()],
    );
    let settings = Settings { reach: Reach::Loopback, lookup: Arc::new(lookup), ..Settings::default() };
    let sender = Sender::new(settings).unwrap();
    let url = endpoint(&format!("https://hooks.shop.example:{nobody}/"));
    let error = send(&sender, &url).await.unwrap_err();
    assert!(matches!(error, SendError::NotConnected { .. }), "one look-up, the checked one: {error:?}");
    let error = send(&sender, &url).await.unwrap_err();
    assert_eq!(error, SendError::Private, "each sending looks again");
    assert!(trap.untouched());
}

#[tokio::test]
async fn a_name_that_is_unknown_is_not_called_private() {
    let url = EndpointUrl::parse("https://hooks.shop.example/", Reach::Public).unwrap();
    let error = send(&public(Nowhere), &url).await.unwrap_err();
    assert_eq!(error, SendError::Unresolved { cause: "no such name".to_owned() });
    let error = send(&public(Everywhere(vec![])), &url).await.unwrap_err();
    assert_eq!(error, SendError::Unresolved { cause: "it has no address".to_owned() });
    assert!(error.certainly_not_received());
}
