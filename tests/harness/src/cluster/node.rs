//! One server of a cluster: its ports, its process, its monitoring pages.

use std::process::Child;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::ports;

/// How long a monitoring page may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(super) struct Node {
    pub(super) name: String,
    /// Port for clients.
    pub(super) client: u16,
    /// Port for the other servers.
    pub(super) route: u16,
    /// Port of the monitoring pages.
    pub(super) monitor: u16,
    /// Its process. It must stay here as long as it may run: whoever drops the cluster ends it.
    pub(super) child: Option<Child>,
}

impl Node {
    /// One that does not run.
    pub(super) fn named(name: String) -> Self {
        Self { name, client: ports::free(), route: ports::free(), monitor: ports::free(), child: None }
    }

    /// Whether it has ended by itself.
    pub(super) fn has_ended(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| child.try_wait().unwrap().is_some())
    }

    /// Whether it is connected with a leader, and level with the others in all that it holds.
    pub(super) fn is_healthy(&self) -> impl Future<Output = bool> + use<> {
        let (monitor, name) = (self.monitor, self.name.clone());
        async move {
            // Another server may have the port.
            page(monitor, "/healthz").await.is_some()
                && page(monitor, "/varz").await.is_some_and(|page| page["server_name"] == name)
        }
    }

    /// A monitoring page, if its status is 200.
    pub(super) async fn page(&self, path: &str) -> Option<Value> {
        page(self.monitor, path).await
    }
}

/// By hand, to spare every test an HTTP client.
async fn page(port: u16, path: &str) -> Option<Value> {
    let mut answer = String::new();
    let asked = async {
        let mut link = TcpStream::connect(("127.0.0.1", port)).await?;
        link.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).await?;
        link.read_to_string(&mut answer).await
    };
    tokio::time::timeout(ANSWER_WITHIN, asked).await.ok()?.ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    head.split(' ').nth(1).filter(|status| *status == "200")?;
    serde_json::from_str(body).ok()
}
