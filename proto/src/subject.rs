//! The subject grammar: `jobs.<service>.<task>.<tenant>`, with `.urgent` behind it for the lane of
//! urgent runs, and `dead.<service>.<task>.<tenant>`. Events' are in [`event`].
//!
//! Each token is one encoded identifier, so that no identifier can reach into another's place,
//! whatever characters it has.

pub mod event;

use std::fmt::Write as _;

use crate::JobKind;

/// Longest identifier that is encoded, in bytes.
pub const IDENTIFIER_MAX_BYTES: usize = 128;

/// The token that stands where a subject has a tenant but the message has none. It is no
/// tenant's: handles hold no underscore, and [`encode`] never writes it.
pub const NO_TENANT: &str = "_";

/// Where the broker remembers how far the database was seen to be.
pub const CONTROL_DATABASE: &str = "control.database";

/// The last token of urgent jobs' subjects.
const URGENT: &str = "urgent";

/// Which of a job kind's two consumers a message goes to. Urgent runs have one of their own, so that
/// they do not wait behind ten thousand others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// One after the other.
    Normal,
    /// Past those.
    Urgent,
}

impl Lane {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Normal, Self::Urgent];
}

/// Why an identifier can't be a subject token, or a subject can't be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubjectError {
    /// A token can't be empty.
    #[error("an empty identifier can't be part of a subject")]
    Empty,
    /// Longer than [`IDENTIFIER_MAX_BYTES`].
    #[error("an identifier of {bytes} bytes is too long for a subject; {IDENTIFIER_MAX_BYTES} at most")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// The token is not what [`encode`] writes.
    #[error("{token:?} is no encoded identifier")]
    BadToken {
        /// The token.
        token: String,
    },
    /// The subject does not have the four tokens of the grammar.
    #[error("{subject:?} is no job subject; it has the form jobs.<service>.<task>.<tenant>")]
    BadSubject {
        /// The subject.
        subject: String,
    },
}

/// Writes an identifier as one subject token: `[A-Za-z0-9-]` and inner `_` stay, every other
/// byte becomes `=XX` (upper-case hexadecimal). A lone `_` is encoded too, since it is [`NO_TENANT`].
///
/// # Errors
/// [`SubjectError::Empty`] and [`SubjectError::TooLong`].
pub fn encode(identifier: &str) -> Result<String, SubjectError> {
    if identifier.is_empty() {
        return Err(SubjectError::Empty);
    }
    if identifier.len() > IDENTIFIER_MAX_BYTES {
        return Err(SubjectError::TooLong { bytes: identifier.len() });
    }
    let mut token = String::with_capacity(identifier.len());
    for byte in identifier.bytes() {
        let plain = byte.is_ascii_alphanumeric() || byte == b'-' || (byte == b'_' && identifier != NO_TENANT);
        if plain {
            token.push(char::from(byte));
        } else {
            // Writing to a String can't fail.
            let _infallible = write!(token, "={byte:02X}");
        }
    }
    Ok(token)
}

/// Reads what [`encode`] wrote; refuses everything else, so that each identifier has one token.
///
/// # Errors
/// [`SubjectError::BadToken`].
pub fn decode(token: &str) -> Result<String, SubjectError> {
    let bad = || SubjectError::BadToken { token: token.chars().take(200).collect() };
    let mut bytes = Vec::with_capacity(token.len());
    let mut rest = token.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        if first == b'=' {
            let hex = tail.get(..2).and_then(|h| std::str::from_utf8(h).ok()).ok_or_else(bad)?;
            bytes.push(u8::from_str_radix(hex, 16).map_err(|_malformed| bad())?);
            rest = tail.get(2..).unwrap_or_default();
        } else {
            bytes.push(first);
            rest = tail;
        }
    }
    let identifier = String::from_utf8(bytes).map_err(|_malformed| bad())?;
    match encode(&identifier) {
        Ok(again) if again == token => Ok(identifier),
        _ => Err(bad()),
    }
}

/// The subject of a job: `jobs.<service>.<task>.<tenant>`, and `.urgent` behind it if it is.
///
/// # Errors
/// As [`encode`], for the tenant's handle.
pub fn job(kind: JobKind, lane: Lane, tenant: Option<&str>) -> Result<String, SubjectError> {
    let normal = build("jobs", kind.service, kind.task, tenant)?;
    Ok(match lane {
        Lane::Normal => normal,
        Lane::Urgent => format!("{normal}.{URGENT}"),
    })
}

/// The subject of a dead letter: `dead.<service>.<task>.<tenant>`.
///
/// # Errors
/// As [`encode`].
pub fn dead(service: &str, task: &str, tenant: Option<&str>) -> Result<String, SubjectError> {
    build("dead", service, task, tenant)
}

/// Where a run says what it does while it works: `live.<tenant>.<run>`.
///
/// # Errors
/// As [`encode`], for the tenant's handle.
pub fn live(tenant: Option<&str>, run: &str) -> Result<String, SubjectError> {
    let tenant = tenant.map_or_else(|| Ok(NO_TENANT.to_owned()), encode)?;
    Ok(format!("live.{tenant}.{}", encode(run)?))
}

/// The filter of a job kind's consumer for one lane: all tenants.
#[must_use]
pub fn job_filter(kind: JobKind, lane: Lane) -> String {
    let normal = format!("jobs.{}.{}.*", kind.service, kind.task);
    match lane {
        Lane::Normal => normal,
        Lane::Urgent => format!("{normal}.{URGENT}"),
    }
}

/// The subjects of all jobs, in both lanes: those of the stream.
#[must_use]
pub fn all_jobs() -> Vec<String> {
    vec!["jobs.*.*.*".to_owned(), format!("jobs.*.*.*.{URGENT}")]
}

fn build(root: &str, service: &str, task: &str, tenant: Option<&str>) -> Result<String, SubjectError> {
    let tenant = tenant.map_or_else(|| Ok(NO_TENANT.to_owned()), encode)?;
    Ok(format!("{root}.{}.{}.{tenant}", encode(service)?, encode(task)?))
}

/// The parts of a job's subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobSubject {
    /// Service that executes the task.
    pub service: String,
    /// Task name.
    pub task: String,
    /// The tenant's handle; `None` for jobs over all tenants.
    pub tenant: Option<String>,
    /// Its lane.
    pub lane: Lane,
}

/// Reads a job's subject.
///
/// # Errors
/// [`SubjectError::BadSubject`] or [`SubjectError::BadToken`].
pub fn parse_job(subject: &str) -> Result<JobSubject, SubjectError> {
    let bad = || SubjectError::BadSubject { subject: subject.chars().take(400).collect() };
    let mut tokens = subject.split('.');
    let mut next = || tokens.next().ok_or_else(bad);
    let (root, service, task, tenant) = (next()?, next()?, next()?, next()?);
    let lane = match tokens.next() {
        None => Lane::Normal,
        Some(URGENT) => Lane::Urgent,
        Some(_) => return Err(bad()),
    };
    if root != "jobs" || tokens.next().is_some() {
        return Err(bad());
    }
    let tenant = (tenant != NO_TENANT).then(|| decode(tenant)).transpose()?;
    Ok(JobSubject { service: decode(service)?, task: decode(task)?, tenant, lane })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job_kind::MONTHLY_CREDITS_BATCH;
    use proptest::prelude::*;

    #[test]
    fn the_tokens_people_see() {
        assert_eq!(
            job(MONTHLY_CREDITS_BATCH, Lane::Normal, Some("aurora-cards")).unwrap(),
            "jobs.credits.monthly-credits-batch.aurora-cards"
        );
        assert_eq!(
            job(MONTHLY_CREDITS_BATCH, Lane::Urgent, None).unwrap(),
            "jobs.credits.monthly-credits-batch._.urgent"
        );
        assert_eq!(encode("aurora.myshopify.com").unwrap(), "aurora=2Emyshopify=2Ecom");
        assert_eq!(encode("_").unwrap(), "=5F");
        assert_eq!(encode(""), Err(SubjectError::Empty));
        assert!(encode(&"x".repeat(129)).is_err());
    }

    #[test]
    fn only_what_encode_writes_is_read() {
        for bad in ["", "=", "=4", "=zz", "=2e", "=41", "a.b", "a*", ">", "é", "=FF", "_"] {
            assert!(decode(bad).is_err(), "{bad:?} must be refused");
        }
        for bad in [
            "",
            "jobs",
            "jobs.a.b",
            "jobs.a.b.c.d",
            "jobs.a.b.c.urgent.e",
            "dead.a.b.c",
            "jobs..b.c",
            "jobs.a.b.",
        ] {
            assert!(parse_job(bad).is_err(), "{bad:?} must be refused");
        }
    }

    proptest! {
        #[test]
        fn identifiers_round_trip_and_stay_one_token(identifier in any::<String>().prop_filter("length", |s| !s.is_empty() && s.len() <= IDENTIFIER_MAX_BYTES)) {
            let token = encode(&identifier).unwrap();
            prop_assert!(token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_=".contains(&b)));
            prop_assert_ne!(&token, NO_TENANT);
            prop_assert_eq!(decode(&token).unwrap(), identifier);
        }

        #[test]
        fn different_identifiers_have_different_tokens(a in ".{1,20}", b in ".{1,20}") {
            prop_assume!(a != b);
            prop_assert_ne!(encode(&a).unwrap(), encode(&b).unwrap());
        }

        #[test]
        fn subjects_round_trip(tenant in prop::option::of(".{1,30}"), urgent in any::<bool>()) {
            let lane = if urgent { Lane::Urgent } else { Lane::Normal };
            let subject = job(MONTHLY_CREDITS_BATCH, lane, tenant.as_deref()).unwrap();
            let parsed = parse_job(&subject).unwrap();
            prop_assert_eq!(parsed.tenant, tenant);
            prop_assert_eq!(parsed.lane, lane);
            prop_assert_eq!(parsed.task, "monthly-credits-batch");
        }

        #[test]
        fn any_text_is_read_or_refused_without_a_crash(text in any::<String>()) {
            if let Ok(identifier) = decode(&text) {
                prop_assert_eq!(encode(&identifier).unwrap(), text);
            }
        }
    }
}
