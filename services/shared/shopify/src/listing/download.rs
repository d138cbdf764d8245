//! The file of a bulk operation, read line by line.
//!
//! An order's lines follow it, each naming it as its parent: they are gathered until the next order comes, so
//! that never more than one is kept.

use reqwest::{Response, Url};
use secrecy::ExposeSecret as _;
use serde_json::Value;

use super::bulk::BulkFile;
use super::group::{Finished, Groups};
use super::{LeftOut, Listed, NotListed, body, gid_of, no_id, whole};
use crate::client::{ShopClient, is_loopback};
use crate::error::ShopifyError;
use crate::ids::OrderId;

/// Longest line that is read, in bytes.
const LINE_LEN_MAX: usize = 1024 * 1024;

/// A file that is being read.
#[derive(Debug)]
pub struct Download {
    shop: ShopClient,
    /// None once all of it has come.
    response: Option<Response>,
    lines: Lines,
    groups: Groups,
    /// What is complete and was not given yet.
    finished: Option<Finished>,
    left_out: Vec<LeftOut>,
    /// Why nothing more can come of it.
    broken: Option<ShopifyError>,
}

/// What has come, as far as it is not read.
#[derive(Default)]
struct Lines {
    buffer: Vec<u8>,
    /// Where the next line begins.
    begin: usize,
    /// Up to where there is no end of it.
    seen: usize,
}

impl std::fmt::Debug for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Lines({} bytes)", self.buffer.len())
    }
}

impl ShopClient {
    /// Opens the file of a bulk operation.
    ///
    /// It lies with somebody else than the shop: no token is sent there, and no redirect followed.
    ///
    /// # Errors
    /// [`ShopifyError::UnexpectedAnswer`] when the address is not one that is called; else as reading.
    pub async fn download(&self, file: &BulkFile) -> Result<Download, ShopifyError> {
        let address = address(file.0.expose_secret(), self.is_at_loopback())?;
        let response = self.open(address).await?;
        let status = response.status().as_u16();
        if status != 200 {
            return Err(ShopifyError::Unanswered { reason: format!("status {status} for a bulk file") });
        }
        Ok(Download {
            shop: self.clone(),
            response: Some(response),
            lines: Lines::default(),
            groups: Groups::default(),
            finished: None,
            left_out: Vec::new(),
            broken: None,
        })
    }
}

impl Download {
    /// The next order or customer; `None` when there are no more.
    ///
    /// An order with refunds is read on its own, as a bulk file can't hold their lines: each costs a call
    /// within the shop's rate. One that is gone by then is passed over. After an error of that call, the same
    /// order is tried again by calling this again; a file that broke off stays so and has to be opened anew.
    ///
    /// # Errors
    /// [`ShopifyError`], never `OutcomeUnknown`: reading changes nothing.
    pub async fn next(&mut self) -> Result<Option<Listed>, ShopifyError> {
        loop {
            if let Some(finished) = &self.finished {
                // It stays until it is read, so that an error does not lose it.
                let (id, read) = read(&self.shop, finished).await?;
                self.finished = None;
                match read {
                    Some(Ok(listed)) => return Ok(Some(listed)),
                    Some(Err(why)) => self.left_out.push(LeftOut { id, why }),
                    None => {}
                }
            } else if let Some(broken) = &self.broken {
                return Err(broken.clone());
            } else {
                match self.gather().await {
                    Ok(true) => {}
                    Ok(false) => return Ok(None),
                    Err(error) => self.broken = Some(error),
                }
            }
        }
    }

    /// What was found so far and could not be given.
    #[must_use]
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }

    /// How many lines were read so far: at the end, as many as the operation has counted objects.
    #[must_use]
    pub fn objects(&self) -> u64 {
        self.groups.objects
    }

    /// Takes a step: a line, or what comes next of the file. False when there is nothing more.
    async fn gather(&mut self) -> Result<bool, ShopifyError> {
        if let Some(line) = self.lines.next(self.response.is_none())? {
            self.finished = self.groups.take(line)?;
            return Ok(true);
        }
        let Some(response) = &mut self.response else {
            self.finished = self.groups.close();
            return Ok(self.finished.is_some());
        };
        match self.shop.chunk(response).await? {
            Some(chunk) => self.lines.add(chunk.as_ref()),
            None => self.response = None,
        }
        Ok(true)
    }
}

impl Lines {
    fn add(&mut self, chunk: &[u8]) {
        self.buffer.drain(..self.begin);
        self.seen -= self.begin;
        self.begin = 0;
        self.buffer.extend_from_slice(chunk);
    }

    /// The next line that is there as a whole; at the end of the file the last one needs no end of its own.
    fn next(&mut self, ended: bool) -> Result<Option<&[u8]>, ShopifyError> {
        let rest = self.buffer.get(self.seen..).unwrap_or_default();
        let end = match rest.iter().position(|byte| *byte == b'\n') {
            Some(at) => self.seen + at,
            None if ended && self.begin < self.buffer.len() => self.buffer.len(),
            None => {
                self.seen = self.buffer.len();
                if self.seen - self.begin > LINE_LEN_MAX {
                    let reason = "a line of a bulk file that is too long".to_owned();
                    return Err(ShopifyError::UnexpectedAnswer { reason });
                }
                return Ok(None);
            }
        };
        let line = self.begin..end;
        self.begin = (end + 1).min(self.buffer.len());
        self.seen = self.begin;
        Ok(self.buffer.get(line))
    }
}

/// The id of what is complete, and how it is read: from the file, or on its own. `None` if it is gone.
async fn read(
    shop: &ShopClient,
    finished: &Finished,
) -> Result<(String, Option<Result<Listed, NotListed>>), ShopifyError> {
    let node = match finished {
        Finished::Whole(node) => node,
        Finished::TooLong(id, why) => return Ok((id.clone(), Some(Err(why.clone())))),
    };
    let gid = gid_of(node)?;
    let id = body::bare(gid).to_owned();
    if gid.starts_with("gid://shopify/Customer/") {
        return Ok((id, Some(whole::customer(node))));
    }
    let order: OrderId = gid.parse().map_err(|_other_kind| no_id())?;
    let read = match node.get("refunds").and_then(Value::as_array) {
        Some(refunds) if !refunds.is_empty() => shop.read_alone(&order).await?,
        _ => Some(whole::order(node)),
    };
    Ok((id, read))
}

/// An address that is called: https, or http on this machine when the shops are on it, too.
fn address(text: &str, at_loopback: bool) -> Result<Url, ShopifyError> {
    let refused = || ShopifyError::UnexpectedAnswer {
        reason: "a bulk file at an address that is not called".to_owned(),
    };
    let address = Url::parse(text).map_err(|_shows_it| refused())?;
    let called = match address.scheme() {
        "https" => address.has_host(),
        "http" => at_loopback && is_loopback(&address),
        _ => false,
    };
    // A name and a password would be sent along.
    let plain = address.username().is_empty() && address.password().is_none();
    if called && plain { Ok(address) } else { Err(refused()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_https_is_called_and_this_machine_for_stand_ins() {
        for good in ["https://files.example/a?b=c", "https://files.example:8443/a"] {
            assert!(address(good, false).is_ok() && address(good, true).is_ok(), "{good}");
        }
        for machine in ["http://127.0.0.1:4000/a", "http://localhost/a", "http://[::1]:4000/a"] {
            assert!(address(machine, true).is_ok() && address(machine, false).is_err(), "{machine}");
        }
        for bad in [
            "http://files.example/a",
            "http://127.0.0.1.files.example/a",
            "https://me:secret@files.example/a",
            "file:///etc/passwd",
            "ftp://files.example/a",
            "files.example/a",
            "",
        ] {
            let error = address(bad, true).unwrap_err().to_string();
            assert!(!error.contains("files") && !error.contains("secret"), "{error}");
        }
    }

    fn all(chunks: &[&[u8]]) -> Vec<Vec<u8>> {
        let mut lines = Lines::default();
        let mut found = Vec::new();
        for chunk in chunks {
            lines.add(chunk);
            while let Some(line) = lines.next(false).unwrap() {
                found.push(line.to_vec());
            }
        }
        while let Some(line) = lines.next(true).unwrap() {
            found.push(line.to_vec());
        }
        found
    }

    #[test]
    fn a_line_without_an_end_is_given_up() {
        let mut lines = Lines::default();
        lines.add(&vec![b'x'; LINE_LEN_MAX]);
        assert!(matches!(lines.next(false), Ok(None)));
        lines.add(b"xx");
        assert!(matches!(lines.next(false), Err(ShopifyError::UnexpectedAnswer { .. })));
    }

    proptest! {
        /// Lines are the same however the file comes in pieces.
        #[test]
        fn pieces_don_t_matter(text in "[ab\n]{0,60}", cuts in prop::collection::vec(0_usize..60, 0..6)) {
            let bytes = text.as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|at| at.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            let mut expected: Vec<Vec<u8>> = text.split('\n').map(|line| line.as_bytes().to_vec()).collect();
            if expected.last().is_some_and(Vec::is_empty) {
                expected.pop();
            }
            prop_assert_eq!(all(&pieces), expected);
        }
    }
}
