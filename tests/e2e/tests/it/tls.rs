//! TLS: had when a URL demands it, with the right authority and the right name, or not at all. Mail's is in the crate `mail`.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;
use tradeup_broker::{Broker, ConnectError as NatsError};
use tradeup_harness::{Database, GuardedNats, Servers, repository};
use tradeup_store::pool::{ConnectError, migrate};

/// Certificate, which is its own authority, and key, for one name.
struct Certificate {
    certificate: PathBuf,
    key: PathBuf,
}

fn certificate(dir: &Path, name: &str) -> Certificate {
    let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let files = Certificate {
        certificate: dir.join(format!("{}.pem", uuid::Uuid::now_v7())),
        key: dir.join(format!("{}.key", uuid::Uuid::now_v7())),
    };
    std::fs::write(&files.certificate, made.cert.pem()).unwrap();
    std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    files
}

#[tokio::test]
async fn nats_by_tls() {
    let dir = TempDir::new().unwrap();
    let (right, wrong) = (certificate(dir.path(), "localhost"), certificate(dir.path(), "elsewhere.example"));
    let secured = |files: &Certificate| {
        format!("tls {{ cert_file: {:?}, key_file: {:?} }}", files.certificate, files.key)
    };
    let server = GuardedNats::start(dir.path(), &secured(&right)).await;
    let url = |port: u16, ca: &Path| format!("tls://localhost:{port}?ca={}", ca.display());
    Broker::connect(&url(server.port, &right.certificate), "test").await.unwrap().close().await;

    // Another authority; none at all; a name that is not in the certificate; a server in the clear.
    let elsewhere = GuardedNats::start(dir.path(), &secured(&wrong)).await;
    let clear = GuardedNats::start(dir.path(), "").await;
    for wrong in [
        url(server.port, &wrong.certificate),
        format!("tls://localhost:{}", server.port),
        url(elsewhere.port, &wrong.certificate),
        url(clear.port, &right.certificate),
    ] {
        let error = Broker::connect(&wrong, "test").await.unwrap_err();
        assert!(matches!(error, NatsError::Tls { .. }), "{wrong}: {error:?}");
        let said = error.to_string();
        assert!(said.contains("TRADEUP_NATS_URL") && said.contains("?ca="), "{said}");
    }
    let missing = Broker::connect(&url(server.port, Path::new("/nowhere/ca.pem")), "test").await.unwrap_err();
    assert!(matches!(missing, NatsError::Address { .. }), "{missing}");
    assert!(missing.to_string().contains("/nowhere/ca.pem"), "{missing}");
}

/// TLS before the test server, which has none; ended when dropped.
struct Front {
    child: Child,
    port: u16,
}

impl Front {
    fn start(files: &Certificate, server: &str) -> Self {
        let mut child = Command::new(repository().join("tests/tools/postgres-tls"))
            .args([&files.certificate, &files.key])
            .arg(server)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, port: line.trim().parse().unwrap() }
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[tokio::test]
async fn postgres_by_tls() {
    let dir = TempDir::new().unwrap();
    let database = Database::create(&Servers::shared().environment()).await;
    let (head, rest) = database.owner_url.rsplit_once('@').unwrap();
    let (server, name) = rest.split_once('/').unwrap();
    let (right, wrong) = (certificate(dir.path(), "localhost"), certificate(dir.path(), "elsewhere.example"));
    let (front, elsewhere) = (Front::start(&right, server), Front::start(&wrong, server));
    let url = |port: u16, ca: &Path| {
        format!("{head}@localhost:{port}/{name}?sslmode=verify-full&sslrootcert={}", ca.display())
    };
    migrate(&url(front.port, &right.certificate)).await.unwrap();

    let (_, clear) = server.rsplit_once(':').unwrap();
    // Another authority, none, a file that is not there; a name that is not in the certificate; a server in the clear.
    for wrong in [
        url(front.port, &wrong.certificate),
        format!("{head}@localhost:{}/{name}?sslmode=verify-full", front.port),
        url(front.port, Path::new("/nowhere/ca.pem")),
        url(elsewhere.port, &wrong.certificate),
        url(clear.parse().unwrap(), &right.certificate),
    ] {
        let error = migrate(&wrong).await.unwrap_err();
        assert!(matches!(error, ConnectError::Tls { .. }), "{wrong}: {error:?}");
        let said = error.to_string();
        assert!(said.contains("TRADEUP_DATABASE_URL") && said.contains("sslrootcert"), "{said}");
    }
}
