//! Dead letters: giving up, with the whole story, in one commit.

use tradeup_domain::{Classify as _, ErrorCode};
use tradeup_proto::{Message as _, convert, subject, v1};
use tradeup_signals::metrics::runs as counted;
use tradeup_store::dead_letters::{self, NewDeadLetter};
use tradeup_store::outbox::{self, DeadMessage, JobMessage};
use tradeup_store::runs::{self, AttemptView, Claim, Ending};
use tradeup_store::{Pool, RunId, StoreError, TenantRef, Tx, batches, schedules};
use uuid::Uuid;

use crate::retry::fingerprint;
use crate::{BUILD, TaskError};

/// Most bytes of the original in a dead letter's message, which has to fit into the stream with the
/// story around it. The row keeps all.
const MESSAGE_BYTES_MAX: usize = 256 * 1024;

/// What is to be published once a burial is committed.
#[derive(Default)]
pub(crate) struct Buried {
    pub(crate) dead: Vec<DeadMessage>,
    pub(crate) jobs: Vec<JobMessage>,
}

/// The message that led to it.
#[derive(Clone, Debug)]
pub(crate) struct Original {
    pub(crate) subject: String,
    pub(crate) body: Vec<u8>,
}

struct Cause {
    code: ErrorCode,
    chain: Vec<String>,
}

/// Ends a claimed run as dead.
pub(crate) async fn run(
    pool: &Pool,
    claim: &Claim,
    original: &Original,
    error: &TaskError,
) -> Result<Buried, StoreError> {
    let mut tx = Tx::of_engine(pool).await?;
    let ending =
        Ending::Dead { code: error.code(), error: error.to_string(), result: error.result().cloned() };
    runs::finish(&mut tx, claim.run_id, claim.attempt, &ending).await?;
    let cause = Cause { code: error.code(), chain: error.chain().to_vec() };
    let about = About { run_id: Some(claim.run_id), claim: Some(claim), event: None };
    let dead = write(&mut tx, &about, original, &cause).await?;
    let jobs = batches::bury(&mut tx, claim.run_id).await?;
    tx.commit().await?;
    Ok(Buried { dead: vec![dead], jobs })
}

/// Ends a run whose last attempt died with its process.
pub(crate) async fn exhausted(
    pool: &Pool,
    run_id: RunId,
    task: &'static str,
    original: &Original,
) -> Result<Buried, StoreError> {
    let message = "the last attempt ended with the death of its process, and no attempt is left; that worker's log may say why";
    let mut tx = Tx::of_engine(pool).await?;
    if !runs::end_exhausted(&mut tx, run_id, message).await? {
        tx.rollback().await?;
        return Ok(Buried::default());
    }
    let cause = Cause { code: ErrorCode::AttemptsExhausted, chain: vec![message.to_owned()] };
    let dead = write(&mut tx, &About { run_id: Some(run_id), ..About::default() }, original, &cause).await?;
    let jobs = batches::bury(&mut tx, run_id).await?;
    tx.commit().await?;
    counted::DEAD.one([task, ErrorCode::AttemptsExhausted.as_str()]);
    Ok(Buried { dead: vec![dead], jobs })
}

/// Sets aside a message that no run stands behind.
pub(crate) async fn message(
    pool: &Pool,
    original: &Original,
    code: ErrorCode,
    error: &str,
) -> Result<Buried, StoreError> {
    let mut tx = Tx::of_engine(pool).await?;
    let cause = Cause { code, chain: vec![error.to_owned()] };
    let dead = write(&mut tx, &About::default(), original, &cause).await?;
    tx.commit().await?;
    counted::DEAD.one(["message", code.as_str()]);
    Ok(Buried { dead: vec![dead], jobs: Vec::new() })
}

/// Sets aside an event that can't be taken, headers and all.
pub(crate) async fn event(
    pool: &Pool,
    original: &Original,
    event: &EventOf<'_>,
    code: ErrorCode,
    error: &str,
) -> Result<Buried, StoreError> {
    let mut tx = Tx::of_engine(pool).await?;
    let cause = Cause { code, chain: vec![error.to_owned()] };
    // PostgreSQL's text can't hold this one character, and nobody can tell it from another anyway.
    let text = |text: &str| text.replace('\0', "\u{fffd}");
    let headers: Vec<_> = event.headers.iter().map(|(name, value)| (text(name), text(value))).collect();
    let event = EventOf { tenant: event.tenant, headers: &headers };
    let about = About { event: Some(&event), ..About::default() };
    let original = Original { subject: text(&original.subject), body: original.body.clone() };
    let dead = write(&mut tx, &about, &original, &cause).await?;
    tx.commit().await?;
    counted::DEAD.one(["event", code.as_str()]);
    Ok(Buried { dead: vec![dead], jobs: Vec::new() })
}

/// What is known of an event beside its subject and body.
pub(crate) struct EventOf<'a> {
    /// Its tenant, if there is one of that name.
    pub(crate) tenant: Option<&'a TenantRef>,
    /// Name and value.
    pub(crate) headers: &'a [(String, String)],
}

#[derive(Default)]
struct About<'a> {
    run_id: Option<RunId>,
    claim: Option<&'a Claim>,
    event: Option<&'a EventOf<'a>>,
}

impl About<'_> {
    fn tenant(&self) -> Option<&TenantRef> {
        let of_event = self.event.and_then(|event| event.tenant);
        self.claim.and_then(|claim| claim.tenant.as_ref()).or(of_event)
    }
}

/// Where events come in: what stands in the place of a task.
const INTAKE: (&str, &str) = ("webhooks", "intake");

async fn write(
    tx: &mut Tx,
    about: &About<'_>,
    original: &Original,
    cause: &Cause,
) -> Result<DeadMessage, StoreError> {
    let parsed = subject::parse_job(&original.subject).ok();
    let task = match (&parsed, about.event) {
        (Some(job), _) => Some(job.task.clone()),
        (None, Some(_)) => Some(INTAKE.1.to_owned()),
        (None, None) => None,
    };
    let named = task.as_deref().unwrap_or("unknown");
    let letter = NewDeadLetter {
        id: Uuid::now_v7(),
        run_id: about.run_id,
        tenant_id: about.tenant().map(|tenant| tenant.id),
        task: task.clone(),
        subject: original.subject.clone(),
        message: original.body.clone(),
        headers: about.event.map(|event| event.headers.to_vec()),
        code: cause.code.as_str().to_owned(),
        errors: cause.chain.clone(),
        fingerprint: fingerprint(named, cause.code, &cause.chain.join(": ")),
        build: BUILD.to_owned(),
    };
    dead_letters::add(tx, &letter).await?;
    let attempts = match about.run_id {
        Some(run_id) => runs::attempts(tx, run_id).await?,
        None => Vec::new(),
    };
    let dead_at = schedules::now(tx).await?;
    // An event's body holds personal data, and nothing can be erased from a stream: the row alone has it.
    let copied = if about.event.is_some() { 0 } else { MESSAGE_BYTES_MAX };
    let body = v1::DeadLetter {
        dead_letter_id: letter.id.as_bytes().to_vec(),
        run_id: about.run_id.map(|id| id.0.as_bytes().to_vec()).unwrap_or_default(),
        subject: letter.subject.clone(),
        message: letter.message.iter().copied().take(copied).collect(),
        message_size: u64::try_from(letter.message.len()).unwrap_or(u64::MAX),
        code: letter.code.clone(),
        errors: letter.errors.clone(),
        fingerprint: letter.fingerprint.clone(),
        attempts: attempts.into_iter().map(attempt_message).collect(),
        dead_at: Some(convert::timestamp(dead_at)),
        build: BUILD.to_owned(),
        headers: letter.headers.iter().flatten().cloned().map(header_message).collect(),
    };
    let message = DeadMessage {
        outbox_id: Uuid::now_v7(),
        run_id: about.run_id,
        subject: dead_subject(parsed.as_ref(), about),
        error_code: letter.code.clone(),
        body: body.encode_to_vec(),
    };
    outbox::put_dead(tx, &message).await?;
    tracing::error!(
        dead_letter_id = %letter.id, code = %cause.code, task = named, subject = original.subject,
        "dead letter {}: {} {}", letter.id, cause.code, cause.chain.join(": ")
    );
    Ok(message)
}

/// Where a dead letter goes; what can't be read goes to a subject of its own.
fn dead_subject(parsed: Option<&subject::JobSubject>, about: &About<'_>) -> String {
    let of_event = || {
        let tenant = about.event?.tenant.map(|tenant| tenant.handle.as_str());
        subject::dead(INTAKE.0, INTAKE.1, tenant).ok()
    };
    parsed
        .and_then(|s| subject::dead(&s.service, &s.task, s.tenant.as_deref()).ok())
        .or_else(of_event)
        .unwrap_or_else(|| format!("dead.unknown.unknown.{}", subject::NO_TENANT))
}

fn header_message((name, value): (String, String)) -> v1::Header {
    v1::Header { name, value }
}

fn attempt_message(attempt: AttemptView) -> v1::Attempt {
    v1::Attempt {
        number: attempt.attempt,
        worker: attempt.worker,
        started_at: Some(convert::timestamp(attempt.started_at)),
        finished_at: attempt.finished_at.map(convert::timestamp),
        outcome: attempt.outcome.unwrap_or_default(),
        error: attempt.error.unwrap_or_default(),
    }
}
