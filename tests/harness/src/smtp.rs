//! A real mail server that keeps what it takes, and can be told to misbehave.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::{eventually, repository};

/// What the server does to its clients; `tests/harness/src/smtp/server.py` says it in full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpMode {
    /// Takes everything.
    Accept,
    /// `550 5.1.1` to the recipient.
    UnknownRecipient,
    /// `554 5.7.1` to the recipient.
    RelayDenied,
    /// `450 4.2.0` to the recipient.
    Greylist,
    /// `553 5.7.1` to the sender.
    SenderRefused,
    /// `421` instead of a greeting.
    Busy,
    /// Closes without a greeting.
    Away,
    /// Greets, and answers nothing after.
    Deaf,
    /// Closes after the recipient is named.
    HangUp,
    /// `554 5.3.4` before the content.
    NoData,
    /// `554 5.7.1` after the content.
    Spam,
    /// `452 4.3.1` after the content.
    Full,
    /// Closes after the content; the mail is lost.
    Lose,
    /// Closes after the content; the mail is kept.
    Drop,
    /// Keeps the mail, and answers after a minute.
    Slow,
    /// Keeps the mail, answers, and closes.
    Farewell,
    /// Keeps the mail, and answers with something that is no answer.
    Garbage,
}

impl SmtpMode {
    fn word(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::UnknownRecipient => "unknown",
            Self::RelayDenied => "relay",
            Self::Greylist => "greylist",
            Self::SenderRefused => "sender",
            Self::Busy => "busy",
            Self::Away => "away",
            Self::Deaf => "deaf",
            Self::HangUp => "hangup",
            Self::NoData => "no-data",
            Self::Spam => "spam",
            Self::Full => "full",
            Self::Lose => "lose",
            Self::Drop => "drop",
            Self::Slow => "slow",
            Self::Farewell => "farewell",
            Self::Garbage => "garbage",
        }
    }
}

/// How the server encrypts and whom it lets in.
#[derive(Clone, Debug, Default)]
pub struct SmtpSetup {
    /// Certificate and key, both PEM: `STARTTLS` is required then.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// TLS from the start instead.
    pub implicit_tls: bool,
    /// User and password that are required.
    pub login: Option<(String, String)>,
}

/// A mail that the server has kept.
#[derive(Clone, Debug)]
pub struct KeptMail {
    /// As it came over the line.
    pub content: Vec<u8>,
    /// `from`, `to`, `options`, `tls`, `connection`, `hello`, `user`.
    pub facts: serde_json::Value,
}

/// A mail server on a free port of loopback, ended when dropped.
#[derive(Debug)]
pub struct SmtpServer {
    child: Child,
    dir: PathBuf,
    /// Where it listens.
    pub port: u16,
}

impl SmtpServer {
    /// Starts one that keeps its mails below `dir`.
    #[must_use]
    pub fn start(dir: &Path, setup: &SmtpSetup) -> Self {
        let libraries = repository().join("target/tools/smtp");
        assert!(
            libraries.join("aiosmtpd").is_dir(),
            "the mail server of the tests is not installed; run `tests/run` once, or this:\n  python3 -m pip install \
             --no-deps --require-hashes --only-binary=:all: --target target/tools/smtp -r \
             tests/tools/smtp-requirements.txt"
        );
        let mut command = Command::new("python3");
        command.arg(repository().join("tests/harness/src/smtp/server.py")).arg("--dir").arg(dir);
        if let Some((certificate, key)) = &setup.tls {
            command.arg("--cert").arg(certificate).arg("--key").arg(key);
        }
        if setup.implicit_tls {
            command.arg("--implicit-tls");
        }
        if let Some((user, password)) = &setup.login {
            command.args(["--user", user, "--password", password]);
        }
        let mut child = command
            .env("PYTHONPATH", libraries)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            // Held by the child's handle: if this process is killed, the server ends too.
            .arg("--end-with-input")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 runs");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: serde_json::Value = serde_json::from_str(&line).expect("the mail server says its port");
        let port = u16::try_from(ready["port"].as_u64().unwrap()).unwrap();
        Self { child, dir: dir.to_owned(), port }
    }

    /// From now on, at the next step of each client.
    pub fn set(&self, mode: SmtpMode) {
        let unfinished = self.dir.join(".mode");
        std::fs::write(&unfinished, mode.word()).unwrap();
        std::fs::rename(unfinished, self.dir.join("mode")).unwrap();
    }

    /// All mails, in the order in which they came.
    #[must_use]
    pub fn mails(&self) -> Vec<KeptMail> {
        let kept = |n: u32| {
            let facts = std::fs::read(self.dir.join(format!("{n}.json"))).ok()?;
            let content = std::fs::read(self.dir.join(format!("{n}.eml"))).unwrap();
            Some(KeptMail { content, facts: serde_json::from_slice(&facts).unwrap() })
        };
        (1..).map_while(kept).collect()
    }

    /// Waits until so many mails are there.
    pub async fn mails_at_least(&self, count: usize) -> Vec<KeptMail> {
        eventually(&format!("the mail server has {count} mails"), Duration::from_secs(20), || {
            let mails = self.mails();
            async move { (mails.len() >= count).then_some(mails) }
        })
        .await
    }

    /// How many connections there were.
    #[must_use]
    pub fn connections(&self) -> u32 {
        let counted = std::fs::read_to_string(self.dir.join("connections")).unwrap_or_default();
        counted.parse().unwrap_or(0)
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
