//! Accepting connections, and refusing them at once.

use std::net::{Shutdown, SocketAddr};
use std::os::fd::OwnedFd;
use std::sync::{Arc, mpsc as blocking};

use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::mpsc;

use super::{Shared, link};

/// For the task that accepts: whether to, and whom to tell that it does as told.
pub(super) struct Order {
    pub(super) accept: bool,
    pub(super) done: blocking::Sender<()>,
}

/// A socket on this port, beside others of ours.
pub(super) fn bind(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.set_reuseport(true).unwrap();
    socket.bind(address).unwrap();
    socket
}

/// Ends the listening at once. Closing alone is not enough: a process that is being started has a copy
/// of the socket until it executes its program.
fn close(listener: TcpListener) {
    let socket = OwnedFd::from(listener.into_std().unwrap());
    std::net::TcpStream::from(socket).shutdown(Shutdown::Both).ok();
}

/// Accepts and carries connections as ordered, until there is nobody to order.
pub(super) async fn accept(
    address: SocketAddr,
    shared: Arc<Shared>,
    mut orders: mpsc::UnboundedReceiver<Order>,
) {
    let mut listener: Option<TcpListener> = None;
    loop {
        let next = async {
            match &listener {
                Some(listener) => listener.accept().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            order = orders.recv() => {
                if order.as_ref().is_none_or(|order| !order.accept) {
                    if let Some(listener) = listener.take() {
                        close(listener);
                    }
                } else if listener.is_none() {
                    listener = Some(bind(address).listen(1024).unwrap());
                }
                // When the handle is gone, all connections go with the runtime.
                let Some(Order { done, .. }) = order else { return };
                done.send(()).ok();
            }
            accepted = next => {
                // One that was gone again before it was accepted is no matter.
                let Ok((client, _)) = accepted else { continue };
                let mut number = 0;
                shared.count(|counters| {
                    counters.accepted += 1;
                    counters.open += 1;
                    number = counters.accepted;
                });
                let shared = Arc::clone(&shared);
                tokio::spawn(async move {
                    link::carry(client, number, Arc::clone(&shared)).await;
                    shared.count(|counters| counters.open -= 1);
                });
            }
        }
    }
}
