//! TLS: had when a URL demands it, with the right authority and the right name, or not at all; and until when it can be had.
//! Mail's is in the crate `mail`.

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
    ending(dir, name, 2090)
}

/// One that ends on the first day of a year.
fn ending(dir: &Path, name: &str, year: i32) -> Certificate {
    let mut wanted = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
    wanted.distinguished_name.push(rcgen::DnType::CommonName, name);
    wanted.not_after = rcgen::date_time_ymd(year, 1, 1);
    let key = rcgen::KeyPair::generate().unwrap();
    let made = wanted.self_signed(&key).unwrap();
    let files = Certificate {
        certificate: dir.join(format!("{}.pem", uuid::Uuid::now_v7())),
        key: dir.join(format!("{}.key", uuid::Uuid::now_v7())),
    };
    std::fs::write(&files.certificate, made.pem()).unwrap();
    std::fs::write(&files.key, key.serialize_pem()).unwrap();
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

/// What a server shows is read whether it is right or not, and one that has ended as well.
#[tokio::test]
async fn ends_of_certificates_are_seen() {
    let dir = TempDir::new().unwrap();
    let (over, other) =
        (ending(dir.path(), "elsewhere.example", 2020), ending(dir.path(), "localhost", 2070));
    let day = |at: chrono::DateTime<chrono::Utc>| at.date_naive().to_string();

    let database = Database::create(&Servers::shared().environment()).await;
    let (_, server) = database.owner_url.rsplit_once('@').unwrap();
    let front = Front::start(&over, server.split('/').next().unwrap());
    let nats = GuardedNats::start(
        dir.path(),
        &format!("tls {{ cert_file: {:?}, key_file: {:?} }}", over.certificate, over.key),
    )
    .await;
    let postgres = |ca: &Path| {
        let url = format!(
            "postgres://u@127.0.0.1:{}/t?sslmode=verify-full&sslrootcert={}",
            front.port,
            ca.display()
        );
        tradeup_store::pool::endpoint(&url).unwrap()
    };
    let nats = |ca: &Path| {
        tradeup_broker::endpoints(&format!("tls://127.0.0.1:{}?ca={}", nats.port, ca.display())).remove(0)
    };
    for endpoint in [postgres(&over.certificate), nats(&over.certificate)] {
        assert!(endpoint.is_secured, "{endpoint:?}");
        let ends = endpoint.look().unwrap();
        assert_eq!(
            (day(ends.shown), ends.authority.map(day)),
            ("2020-01-01".to_owned(), Some("2020-01-01".to_owned()))
        );
    }
    for endpoint in [postgres(&other.certificate), nats(&other.certificate)] {
        assert_eq!(endpoint.look().unwrap().authority, None, "the file has another authority");
    }

    let error = postgres(Path::new("/nowhere.pem")).look().unwrap_err();
    assert!(error.to_string().contains("/nowhere.pem"), "{error}");

    // Servers in the clear, and nobody.
    let clear = tradeup_store::pool::endpoint(&format!("postgres://u@{server}?sslmode=verify-full")).unwrap();
    assert_eq!(clear.look().unwrap_err().to_string(), "it does not offer TLS");
    let clear = GuardedNats::start(dir.path(), "").await;
    let clear = tradeup_broker::endpoints(&format!("tls://127.0.0.1:{}", clear.port)).remove(0);
    assert_eq!(clear.look().unwrap_err().to_string(), "it does not offer TLS");
    let nobody = tradeup_broker::endpoints("tls://127.0.0.1:1").remove(0).look().unwrap_err();
    assert!(nobody.to_string().contains("can't be reached"), "{nobody}");
}
