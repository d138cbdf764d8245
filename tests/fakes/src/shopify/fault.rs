//! What can be told to go wrong, and when (reference §12.6).

use serde::{Deserialize, Serialize};

/// A fault of one call. `applied` says whether the call is executed before its answer is spoilt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum Fault {
    /// The connection is closed, nothing is executed.
    DropBefore,
    /// It is executed, then the connection is closed: who sends again books twice.
    DropAfter,
    /// The answer comes late. If not `applied`, it is executed only then, and not at all when the caller has
    /// gone meanwhile.
    Delay {
        /// How late.
        ms: u64,
        /// See above.
        #[serde(default = "yes")]
        applied: bool,
    },
    /// Another status, with a text for `errors`.
    Status {
        /// The HTTP status.
        code: u16,
        /// `Retry-After` as sent.
        #[serde(default)]
        retry_after: Option<String>,
        /// See above.
        #[serde(default)]
        applied: bool,
    },
    /// Status 503 with a page for people.
    HtmlBody {
        /// See above.
        #[serde(default)]
        applied: bool,
    },
    /// Not executed; this answer comes instead.
    Answer {
        /// The HTTP status.
        code: u16,
        /// The body, as it is sent.
        body: String,
        /// `Retry-After` as sent.
        #[serde(default)]
        retry_after: Option<String>,
    },
    /// Executed; half of the answer comes.
    TruncatedJson,
    /// Status 200 with `INTERNAL_SERVER_ERROR`.
    InternalError {
        /// See above.
        #[serde(default)]
        applied: bool,
    },
    /// `THROTTLED`, whatever the bucket holds.
    Throttle,
    /// Executed twice, answered once: what must never happen, to see that it is noticed.
    DuplicateApply,
    /// Tokens are rotated, then the connection is closed.
    RefreshLost,
    /// Tokens are rotated; the answer does not say how long they live.
    RefreshWithoutExpiresIn,
}

fn yes() -> bool {
    true
}

fn once() -> u64 {
    1
}

/// A fault with the calls that have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scheduled {
    /// What happens.
    #[serde(flatten)]
    pub fault: Fault,
    /// So many fitting calls go well first.
    #[serde(default)]
    pub after: u64,
    /// So many fitting calls have it then.
    #[serde(default = "once")]
    pub times: u64,
    /// Only calls of this root field fit (`storeCreditAccountCredit`), or `refresh`. Without it all calls to the
    /// Admin API do; the faults of renewals always fit renewals only.
    #[serde(default)]
    pub only: Option<String>,
}

impl From<Fault> for Scheduled {
    /// The next call, once.
    fn from(fault: Fault) -> Self {
        Self { fault, after: 0, times: 1, only: None }
    }
}

impl Scheduled {
    fn fits(&self, call: &str) -> bool {
        match (&self.only, &self.fault) {
            (_, Fault::RefreshLost | Fault::RefreshWithoutExpiresIn) => call == "refresh",
            (Some(only), _) => only == call,
            (None, _) => call != "refresh",
        }
    }
}

/// Takes the fault of this call, if it has one: the first scheduled one that is due.
pub(crate) fn take(schedule: &mut Vec<Scheduled>, call: &str) -> Option<Fault> {
    let mut taken = None;
    for scheduled in schedule.iter_mut().filter(|scheduled| scheduled.fits(call)) {
        if scheduled.after > 0 {
            scheduled.after -= 1;
        } else if taken.is_none() && scheduled.times > 0 {
            scheduled.times -= 1;
            taken = Some(scheduled.fault.clone());
        }
    }
    schedule.retain(|scheduled| scheduled.times > 0);
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_come_when_they_are_scheduled() {
        let mut schedule = vec![
            Scheduled { after: 1, times: 2, ..Fault::DropAfter.into() },
            Scheduled { only: Some("shop".to_owned()), ..Fault::Throttle.into() },
            Fault::RefreshLost.into(),
        ];
        assert_eq!(take(&mut schedule, "credit"), None);
        assert_eq!(take(&mut schedule, "credit"), Some(Fault::DropAfter));
        assert_eq!(take(&mut schedule, "refresh"), Some(Fault::RefreshLost));
        assert_eq!(take(&mut schedule, "shop"), Some(Fault::DropAfter));
        assert_eq!(take(&mut schedule, "credit"), None);
        assert_eq!(take(&mut schedule, "shop"), Some(Fault::Throttle));
        assert!(schedule.is_empty());
    }

    #[test]
    fn faults_are_read_from_json() {
        let read = |text| serde_json::from_str::<Scheduled>(text).unwrap();
        assert_eq!(read(r#"{"fault":"drop_after"}"#), Fault::DropAfter.into());
        let late = read(r#"{"fault":"delay","ms":50,"times":3}"#);
        assert_eq!(late, Scheduled { times: 3, ..Fault::Delay { ms: 50, applied: true }.into() });
    }
}
