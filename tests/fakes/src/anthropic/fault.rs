//! What can be told to go wrong, and when (reference §9).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::brain::{Asked, Reply};

/// One thing that goes wrong with a call. A call can have several.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    // What comes instead of an answer.
    /// An error's status.
    Status {
        /// The HTTP status.
        code: u16,
        /// `error.type`; `None`: the one that goes with the status.
        #[serde(default)]
        kind: Option<String>,
        /// When to come again.
        #[serde(default)]
        retry_after: Option<RetryAfter>,
        /// `x-should-retry`.
        #[serde(default)]
        should_retry: Option<bool>,
        /// Whether a page for people comes in place of the error's JSON, as from something on the way.
        #[serde(default)]
        html: bool,
        /// Whether the request was accepted first, and is paid for.
        #[serde(default)]
        billed: bool,
    },
    /// The connection is closed before the request is accepted.
    CutBefore,
    /// The request is accepted, then the connection is closed without a word.
    CutAfter,
    /// The request is accepted; no word is ever said.
    NeverAnswer,

    // When.
    /// The request stays where it is until the test lets it go on: see `Server::release`.
    Hold {
        /// Where.
        at: Point,
    },
    /// Headers come late.
    Delay {
        /// How late.
        ms: u64,
    },

    // Where the stream ends.
    /// After so many events nothing comes any more, and the connection stays open.
    StallAfter {
        /// So many.
        events: usize,
    },
    /// After so many bytes of the body the connection is closed in the middle.
    ResetAfter {
        /// So many.
        bytes: usize,
    },
    /// After so many events the stream ends as if it were complete.
    EndAfter {
        /// So many.
        events: usize,
    },
    /// The stream ends as if it were complete, but without `message_stop`.
    EndBeforeStop,
    /// An `error` event comes in the middle, and the stream ends.
    ErrorIn {
        /// Where it comes.
        place: Place,
        /// `error.type`.
        kind: String,
    },

    // What the model does.
    /// This is the answer, whatever the brain says.
    Instead {
        /// It.
        reply: Box<Reply>,
    },
    /// The last call's arguments are cut by `max_tokens`; its block never stops.
    CutToolInput,
    /// Nothing is said, and the turn ends.
    EmptyEnd,
    /// The model refuses in the middle of a text.
    Refusal,
    /// The answer stops for another reason.
    StopReason {
        /// As sent: `pause_turn`, or what nobody knows.
        reason: String,
    },
    /// There is a block of a type nobody knows.
    UnknownBlock,
    /// Blocks have a field nobody knows.
    UnknownField,
    /// There is an empty text block.
    EmptyText,
    /// Two calls have the same id; the first is made twice if there is but one.
    DuplicateToolUseId,
    /// A tool is called that was not offered.
    UnknownTool {
        /// Its name.
        name: String,
    },
    /// Every argument of the first call gets another type.
    WrongArgumentTypes,
    /// The first call is made so many times in one answer.
    ManyCalls {
        /// So many.
        count: usize,
    },
    /// A value within the arguments of a tool's calls is another: invented facts, digits in prose, strange aliases.
    Patch {
        /// The tool.
        tool: String,
        /// Where, as a JSON pointer; a missing last step is added.
        pointer: String,
        /// What is there.
        value: Value,
    },
    /// A text of so many KiB comes before all else.
    LongText {
        /// So many.
        kib: usize,
    },

    // How bytes are laid out. Nothing of this is wrong.
    /// Lines end by CR and LF.
    Crlf,
    /// The body comes in pieces of so many bytes.
    Chunks {
        /// So many.
        bytes: usize,
    },
    /// The body comes in pieces that end within characters of several bytes.
    SplitCharacters,
    /// A byte order mark, comments, and `data` over several lines.
    OddLines,
    /// No pings, and no event of an unknown type.
    Bare,

    // Bytes that are wrong.
    /// Half of a surrogate pair is escaped in the first call's arguments.
    LoneSurrogate,
    /// The first delta has bytes that are no UTF-8.
    InvalidUtf8,
    /// An event's data is not JSON.
    BrokenEvent,
}

/// Where a request can be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Point {
    /// It has come; nobody has looked at it.
    Arrived,
    /// It is accepted, and so paid for; no headers are sent.
    Accepted,
    /// So many events are sent.
    Event(usize),
    /// All is sent but `message_stop`.
    BeforeStop,
}

/// Where in a stream an error comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// Before `message_start`.
    Start,
    /// After the first piece of a text.
    Text,
    /// After the first piece of a call's arguments that is not empty.
    ToolInput,
    /// Right before `message_stop`.
    End,
}

/// When to come again, as it is said in headers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryAfter {
    /// `retry-after` in seconds.
    Seconds(u64),
    /// `retry-after` as a date that is so many seconds away.
    DateIn(i64),
    /// `retry-after-ms`.
    Millis(u64),
    /// `retry-after` as it is.
    Verbatim(String),
}

impl Fault {
    /// An error's status with all that goes with it, before anything is accepted.
    #[must_use]
    pub fn status(code: u16) -> Self {
        let (kind, retry_after, should_retry) = (None, None, None);
        Self::Status { code, kind, retry_after, should_retry, html: false, billed: false }
    }

    /// The same with a time to come again.
    #[must_use]
    pub fn status_again(code: u16, retry_after: RetryAfter) -> Self {
        let (kind, retry_after, should_retry) = (None, Some(retry_after), None);
        Self::Status { code, kind, retry_after, should_retry, html: false, billed: false }
    }
}

/// Faults with the calls that have them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scheduled {
    /// What happens, together.
    pub faults: Vec<Fault>,
    /// So many fitting calls go well first.
    #[serde(default)]
    pub after: u64,
    /// So many fitting calls have it then.
    #[serde(default = "once")]
    pub times: u64,
    /// Which calls fit.
    #[serde(default)]
    pub only: Fits,
    /// Where.
    #[serde(default)]
    pub at: Endpoint,
}

/// What is asked of the API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// An answer.
    #[default]
    Messages,
    /// How many tokens a request has. Only what comes instead of an answer can go wrong, or when.
    CountTokens,
    /// Which models there are; the same goes for it.
    Models,
}

fn once() -> u64 {
    1
}

impl From<Fault> for Scheduled {
    /// The next call, once.
    fn from(fault: Fault) -> Self {
        vec![fault].into()
    }
}

impl From<Vec<Fault>> for Scheduled {
    /// All of it to the next call, once.
    fn from(faults: Vec<Fault>) -> Self {
        Self { faults, after: 0, times: 1, only: Fits::default(), at: Endpoint::Messages }
    }
}

impl Scheduled {
    /// To so many calls.
    #[must_use]
    pub fn times(self, times: u64) -> Self {
        Self { times, ..self }
    }

    /// After so many calls have gone well.
    #[must_use]
    pub fn after(self, after: u64) -> Self {
        Self { after, ..self }
    }

    /// To such calls alone.
    #[must_use]
    pub fn only(self, only: Fits) -> Self {
        Self { only, ..self }
    }

    /// Elsewhere than where answers are.
    #[must_use]
    pub fn at(self, at: Endpoint) -> Self {
        Self { at, ..self }
    }
}

/// Tells requests apart. What is not said fits all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fits {
    /// The model's id has this in it.
    #[serde(default)]
    pub model: Option<String>,
    /// The system prompt has this in it.
    #[serde(default)]
    pub system: Option<String>,
    /// All of these tools are offered.
    #[serde(default)]
    pub tools: Vec<String>,
    /// This answer of the conversation is asked for; 0 is the first.
    #[serde(default)]
    pub turn: Option<usize>,
    /// The newest message has this in its text or in a result.
    #[serde(default)]
    pub newest: Option<String>,
}

impl Fits {
    /// Requests whose model's id has this in it.
    #[must_use]
    pub fn model(self, part: impl Into<String>) -> Self {
        Self { model: Some(part.into()), ..self }
    }

    /// Requests whose system prompt has this in it.
    #[must_use]
    pub fn system(self, part: impl Into<String>) -> Self {
        Self { system: Some(part.into()), ..self }
    }

    /// Requests that offer this tool.
    #[must_use]
    pub fn tool(mut self, name: impl Into<String>) -> Self {
        self.tools.push(name.into());
        self
    }

    /// Requests for this answer of a conversation; 0 is the first.
    #[must_use]
    pub fn turn(self, turn: usize) -> Self {
        Self { turn: Some(turn), ..self }
    }

    /// Requests whose newest message has this in its text or in a result.
    #[must_use]
    pub fn newest(self, part: impl Into<String>) -> Self {
        Self { newest: Some(part.into()), ..self }
    }

    /// Whether a request is such a one.
    #[must_use]
    pub fn fit(&self, asked: Asked<'_>) -> bool {
        self.model.as_ref().is_none_or(|part| asked.model().contains(part))
            && self.system.as_ref().is_none_or(|part| asked.system().contains(part))
            && self.tools.iter().all(|name| asked.offers(name))
            && self.turn.is_none_or(|turn| asked.turn() == turn)
            && self.newest.as_ref().is_none_or(|part| {
                asked.newest_text().contains(part)
                    || asked.newest_results().iter().any(|result| result.content.contains(part))
            })
    }
}

/// Takes the faults of this call, if it has any: the first scheduled ones that are due.
pub(super) fn take(schedule: &mut Vec<Scheduled>, at: Endpoint, asked: Asked<'_>) -> Vec<Fault> {
    let mut taken = Vec::new();
    for scheduled in schedule.iter_mut().filter(|scheduled| scheduled.at == at && scheduled.only.fit(asked)) {
        if scheduled.after > 0 {
            scheduled.after -= 1;
        } else if taken.is_empty() && scheduled.times > 0 {
            scheduled.times -= 1;
            taken.clone_from(&scheduled.faults);
        }
    }
    schedule.retain(|scheduled| scheduled.times > 0);
    taken
}
