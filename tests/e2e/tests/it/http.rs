//! Requests to `webhooks` as others send them, without a client of our own between.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tradeup_harness::Process;

/// One request; status and the whole answer.
pub(crate) async fn ask(
    port: u16,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> (u16, String) {
    let headers: Vec<_> =
        headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    send(port, method, path, &headers, body.as_bytes()).await
}

/// One request with a body of any bytes; status and the whole answer.
pub(crate) async fn send(
    port: u16,
    method: &str,
    path: &str,
    headers: &[(String, String)],
    body: &[u8],
) -> (u16, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // One that is refused early may not read it all.
    let _written = stream.write_all(body).await;
    let mut answer = Vec::new();
    let _cut_off = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).unwrap_or("0").parse().unwrap();
    (status, answer)
}

/// One request as a form sends it.
pub(crate) async fn form(port: u16, method: &str, path: &str, body: &str) -> (u16, String) {
    ask(port, method, path, &[("Content-Type", "application/x-www-form-urlencoded")], body).await
}

/// Where a service serves.
pub(crate) async fn port(service: &Process) -> u16 {
    service.http_port().await
}
