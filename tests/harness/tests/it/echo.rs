//! A server that sends back what it gets, and remembers.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What has reached the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// All bytes, of all connections.
    pub(crate) bytes: Vec<u8>,
    /// Connections accepted.
    pub(crate) connections: usize,
    /// Connections that their client ended.
    pub(crate) ended: usize,
    /// Connections that were reset.
    pub(crate) reset: usize,
}

/// The server; it lives as long as the test's runtime.
pub(crate) struct Echo {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
}

impl Echo {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let echo = Self { address: listener.local_addr().unwrap(), seen: Arc::default() };
        let seen = Arc::clone(&echo.seen);
        tokio::spawn(async move {
            loop {
                let (link, _) = listener.accept().await.unwrap();
                seen.lock().unwrap().connections += 1;
                tokio::spawn(serve(link, Arc::clone(&seen)));
            }
        });
        echo
    }

    pub(crate) fn seen(&self) -> Seen {
        self.seen.lock().unwrap().clone()
    }
}

async fn serve(mut link: TcpStream, seen: Arc<Mutex<Seen>>) {
    let mut buffer = vec![0; 4096];
    loop {
        let done = match link.read(&mut buffer).await {
            Ok(0) => {
                seen.lock().unwrap().ended += 1;
                return;
            }
            Ok(length) => {
                seen.lock().unwrap().bytes.extend_from_slice(&buffer[..length]);
                link.write_all(&buffer[..length]).await
            }
            Err(error) => Err(error),
        };
        // A reset is told once, to whatever is done next; after a write a read would see an end only.
        if let Err(error) = done {
            assert!(matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{error}");
            seen.lock().unwrap().reset += 1;
            return;
        }
    }
}
