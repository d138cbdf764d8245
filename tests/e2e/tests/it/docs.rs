//! Pages of the documentation that are made from what they are about: each is as it would be made now. `UPDATE_DOCS=1`
//! writes them.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tradeup_harness::World;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn is_current(name: &str, made: &str) {
    let path = root().join("docs/reference").join(name);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, made).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    let first = written.lines().zip(made.lines()).enumerate().find(|(_, (there, now))| there != now);
    assert!(
        written == made,
        "docs/reference/{name} is not what it would be made of now ({} lines, then {}; first difference {first:?}); run \
         this test with UPDATE_DOCS=1",
        written.lines().count(),
        made.lines().count()
    );
}

/// What tests/docs/page makes of `input`.
fn made(kind: &str, input: &str) -> String {
    let mut page = Command::new("python3")
        .arg(root().join("tests/docs/page"))
        .arg(kind)
        .env("PYTHONIOENCODING", "utf-8")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    page.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = page.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn the_page_of_the_command_line_is_that_of_the_commands() {
    let world = World::new().await;
    is_current("command-line.md", &world.tradeup_ok(&["markdown"]));
}

#[tokio::test]
async fn the_page_of_the_schema_is_that_of_the_database() {
    let world = World::new().await;
    let catalog: String = sqlx::query_scalar(include_str!("../../../docs/catalog.sql"))
        .fetch_one(&world.database.admin)
        .await
        .unwrap();
    is_current("schema.md", &made("schema", &catalog));
}

#[tokio::test]
async fn the_page_of_the_api_is_that_of_its_document() {
    let mut world = World::new().await;
    world.environment.insert("TRADEUP_CONSOLE".to_owned(), "127.0.0.1:0".to_owned());
    let console = world.start("console").await;
    is_current("api.md", &made("api", &document(crate::http::port(&console).await).await));
}

/// The document of the console that listens there.
async fn document(port: u16) -> String {
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let ask =
        format!("GET /api/v1/openapi.json HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
    stream.write_all(ask.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}
