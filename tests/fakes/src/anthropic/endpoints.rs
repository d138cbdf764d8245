//! What is answered to what.

use std::time::Duration;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{self, Accepted};
use super::brain::Asked;
use super::cache;
use super::fault::{self, Endpoint, Fault, Point};
use super::ids::{hex, id};
use super::ledger::{Refused, Unmatched};
use super::profile::Profile;
use super::refusal::{self, Told};
use super::rules::{self, Refusal};
use super::server::Shared;
use crate::shopify::connection::Scissors;

/// A request on its way through.
pub(super) struct Call {
    pub(super) shared: Shared,
    pub(super) scissors: Scissors,
    pub(super) request_id: String,
    pub(super) role: String,
    pub(super) turn: usize,
    pub(super) body_sha256: String,
    pub(super) profile: Option<Profile>,
}

/// Why a request is not accepted.
enum No {
    /// It breaks a rule.
    Rule(Refusal),
    /// It was told to fail.
    Told(Box<Told>),
    /// The connection is closed.
    Cut,
    /// Nobody knows an answer.
    Unmatched(String),
}

impl From<Refusal> for No {
    fn from(refusal: Refusal) -> Self {
        Self::Rule(refusal)
    }
}

type Cut = ConnectInfo<Scissors>;

pub(super) async fn messages(
    State(shared): State<Shared>,
    ConnectInfo(scissors): Cut,
    headers: HeaderMap,
    bytes: Bytes,
) -> Response {
    let body = serde_json::from_slice(&bytes).unwrap_or_default();
    let mut call = Call::new(&shared, scissors, &bytes, &body);
    shared.change(|inside| inside.ledger.arrived += 1);
    let faults = shared.change(|inside| fault::take(&mut inside.schedule, Endpoint::Messages, Asked(&body)));
    match call.accept(&headers, &bytes, &body, faults).await {
        Ok(accepted) => call.headed(answer::send(&call, accepted).await),
        Err(no) => call.refuse(no, &body),
    }
}

pub(super) async fn count_tokens(
    State(shared): State<Shared>,
    ConnectInfo(scissors): Cut,
    headers: HeaderMap,
    bytes: Bytes,
) -> Response {
    let body = serde_json::from_slice(&bytes).unwrap_or_default();
    let call = Call::new(&shared, scissors, &bytes, &body);
    shared.change(|inside| inside.ledger.counted += 1);
    let counted = async {
        call.admit(Endpoint::CountTokens, &headers, &body).await?;
        let (body, _) = call.check(&headers, &bytes, true)?;
        Ok::<_, No>(Json(json!({ "input_tokens": cache::count(&body) })).into_response())
    };
    match counted.await {
        Ok(response) => call.headed(response),
        Err(no) => call.refuse(no, &body),
    }
}

#[derive(Deserialize)]
pub(super) struct Page {
    limit: Option<usize>,
    after_id: Option<String>,
}

pub(super) async fn models(
    State(shared): State<Shared>,
    ConnectInfo(scissors): Cut,
    headers: HeaderMap,
    Query(page): Query<Page>,
) -> Response {
    let call = Call::new(&shared, scissors, &[], &Value::Null);
    shared.change(|inside| inside.ledger.looked += 1);
    if let Err(no) = call.admit(Endpoint::Models, &headers, &Value::Null).await {
        return call.refuse(no, &Value::Null);
    }
    let all: Vec<Profile> =
        shared.profiles.iter().filter_map(|profile| shared.profile(&profile.id)).collect();
    let after = page.after_id.and_then(|after| all.iter().position(|profile| profile.id == after));
    let limit = page.limit.unwrap_or(20).clamp(1, 1000);
    let rest = all.iter().skip(after.map_or(0, |at| at + 1));
    let data: Vec<Value> = rest.clone().take(limit).map(shown).collect();
    let id_of = |model: Option<&Value>| model.map(|model| model["id"].clone());
    call.headed(
        Json(json!({
            "first_id": id_of(data.first()),
            "last_id": id_of(data.last()),
            "has_more": rest.count() > limit,
            "data": data,
        }))
        .into_response(),
    )
}

pub(super) async fn model(
    State(shared): State<Shared>,
    ConnectInfo(scissors): Cut,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Response {
    let asked = json!({ "model": id });
    let call = Call::new(&shared, scissors, &[], &asked);
    shared.change(|inside| inside.ledger.looked += 1);
    if let Err(no) = call.admit(Endpoint::Models, &headers, &asked).await {
        return call.refuse(no, &asked);
    }
    match shared.profile(&id) {
        Some(profile) => call.headed(Json(shown(&profile)).into_response()),
        // That a model is looked for and not found breaks no rule.
        None => {
            let refusal = Refusal::new(404, "not_found_error", format!("model: {id}"));
            call.headed(refusal::response(&refusal, &call.request_id))
        }
    }
}

pub(super) async fn nothing(State(shared): State<Shared>, ConnectInfo(scissors): Cut) -> Response {
    let call = Call::new(&shared, scissors, &[], &Value::Null);
    call.refuse(No::Rule(Refusal::new(404, "not_found_error", "Not found")), &Value::Null)
}

/// A model as it is shown.
fn shown(profile: &Profile) -> Value {
    let supports = |is_so: bool| json!({ "supported": is_so });
    json!({
        "type": "model",
        "id": profile.id,
        "display_name": profile.display_name,
        "created_at": "2025-09-29T00:00:00Z",
        "max_input_tokens": profile.window,
        "max_tokens": profile.max_output,
        "capabilities": {
            "batch": supports(true),
            "citations": supports(true),
            "effort": supports(profile.takes_effort),
            "structured_outputs": supports(true),
            "thinking": {
                "supported": true,
                "types": {
                    "adaptive": supports(profile.is_modern),
                    "enabled": supports(!profile.is_modern),
                },
            },
        },
    })
}

impl Call {
    fn new(shared: &Shared, scissors: Scissors, bytes: &[u8], body: &Value) -> Self {
        let asked = Asked(body);
        let sha256: [u8; 32] = <sha2::Sha256 as sha2::Digest>::digest(bytes).into();
        let number = shared.change(|inside| {
            inside.requests += 1;
            if shared.options.keeps_bodies && !bytes.is_empty() {
                inside.bodies.push(String::from_utf8_lossy(bytes).into_owned());
            }
            inside.requests
        });
        let seed = shared.options.seed.to_be_bytes();
        Self {
            shared: shared.clone(),
            scissors,
            request_id: id("req", &[&seed, &number.to_be_bytes()]),
            role: shared.role(asked),
            turn: asked.turn(),
            body_sha256: hex(&sha256),
            profile: shared.profile(asked.model()),
        }
    }

    /// Goes wrong before anything is looked at, if it was told to.
    async fn wrong(&self, faults: &[Fault]) -> Result<(), No> {
        for fault in faults {
            match fault {
                Fault::Hold { at: Point::Arrived } => {
                    self.shared.hold(Point::Arrived, &self.role, self.turn).await;
                }
                Fault::CutBefore => return Err(No::Cut),
                fault => {
                    if let Some(told) = Told::unbilled(fault) {
                        return Err(No::Told(Box::new(told)));
                    }
                }
            }
        }
        Ok(())
    }

    /// What a request that is not for messages has to pass.
    async fn admit(&self, at: Endpoint, headers: &HeaderMap, body: &Value) -> Result<(), No> {
        let faults = self.shared.change(|inside| fault::take(&mut inside.schedule, at, Asked(body)));
        for fault in &faults {
            match fault {
                Fault::NeverAnswer => std::future::pending().await,
                Fault::Delay { ms } => late(*ms).await,
                _ => {}
            }
        }
        self.wrong(&faults).await?;
        Ok(rules::headers(headers, self.shared.options.key.as_deref())?)
    }

    /// All rules.
    fn check(&self, headers: &HeaderMap, bytes: &[u8], counting: bool) -> Result<(Value, Profile), Refusal> {
        if bytes.len() > rules::BODY_MAX {
            return Err(Refusal::new(413, "request_too_large", "Request exceeds the maximum size"));
        }
        rules::headers(headers, self.shared.options.key.as_deref())?;
        rules::content_type(headers)?;
        let body = rules::body(bytes)?;
        let model = rules::model(&body)?;
        let not_there = || Refusal::new(404, "not_found_error", format!("model: {model}"));
        let profile = self.profile.clone().ok_or_else(not_there)?;
        let inside = self.shared.inside();
        let trusts = self.shared.options.trusts_history;
        rules::check(&body, &profile, counting, &|content| trusts || inside.memory.has_said(&body, content))?;
        if !trusts {
            inside.memory.check(&body, &profile)?;
        }
        let size = cache::count(&body);
        if size > profile.window {
            let message = format!("prompt is too long: {size} tokens > {} maximum", profile.window);
            return Err(rules::invalid(message));
        }
        Ok((body, profile))
    }

    async fn accept(
        &mut self,
        headers: &HeaderMap,
        bytes: &[u8],
        body: &Value,
        mut faults: Vec<Fault>,
    ) -> Result<Accepted, No> {
        self.wrong(&faults).await?;
        // It may have been held for long.
        self.profile = self.shared.profile(Asked(body).model());
        let (body, profile) = self.check(headers, bytes, false)?;
        let now = self.shared.options.clock.now();
        let costs = self.shared.inside().cache.costs(&body, &profile, now);
        let need = costs.usage.prompt() - costs.usage.cache_read_input_tokens;
        let taken = self.shared.inside().buckets.take(profile.family, need, now);
        taken.map_err(|seconds| No::Told(Box::new(Told::limited(seconds))))?;
        let instead = faults.iter().find_map(|fault| match fault {
            Fault::Instead { reply } => Some((**reply).clone()),
            _ => None,
        });
        let mut reply = instead.unwrap_or_else(|| self.shared.brain.answer(&body));
        if let Some(why) = reply.unmatched {
            return Err(No::Unmatched(why));
        }
        let more = std::mem::take(&mut reply.faults);
        self.wrong(&more).await?;
        faults.extend(more);
        Ok(Accepted { body, bytes: bytes.to_vec(), profile, costs, reply, faults })
    }

    fn refuse(&self, no: No, body: &Value) -> Response {
        let (told, is_told) = match no {
            No::Rule(refusal) => (Told::from(refusal), false),
            No::Told(told) => (*told, true),
            No::Cut => (Told::from(Refusal::new(0, "", "cut")), true),
            No::Unmatched(why) => {
                let unmatched = Unmatched { why: why.clone(), body: body.clone() };
                self.shared.change(|inside| inside.ledger.unmatched.push(unmatched));
                let refusal = Refusal::new(500, "api_error", format!("no brain knows an answer: {why}"));
                return self.headed(refusal::response(&refusal, &self.request_id));
            }
        };
        let refused = Refused {
            request_id: self.request_id.clone(),
            status: told.refusal.status,
            kind: told.refusal.kind.clone().into_owned(),
            message: told.refusal.message.clone(),
            role: self.role.clone(),
            body_sha256: self.body_sha256.clone(),
            is_told,
        };
        self.shared.change(|inside| inside.ledger.refused.push(refused));
        if told.refusal.status == 0 {
            self.scissors.cut();
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
        self.headed(told.response(&self.request_id, self.shared.options.clock.now()))
    }

    /// With the headers that every answer has.
    pub(super) fn headed(&self, mut response: Response) -> Response {
        let mut set = |name: &str, value: &str| {
            let name = header::HeaderName::from_bytes(name.as_bytes());
            if let (Ok(name), Ok(value)) = (name, value.parse()) {
                response.headers_mut().insert(name, value);
            }
        };
        let now = self.shared.options.clock.now();
        // By the clock that resets are told by.
        set("date", &now.format("%a, %d %b %Y %H:%M:%S GMT").to_string());
        set("request-id", &self.request_id);
        set("anthropic-organization-id", "00000000-0000-4000-8000-000000000000");
        if let Some(profile) = &self.profile {
            for (name, value) in self.shared.inside().buckets.headers(profile.family, now) {
                set(&name, &value);
            }
        }
        response
    }
}

/// Waits.
pub(super) async fn late(ms: u64) {
    drop(tokio::time::timeout(Duration::from_millis(ms), std::future::pending::<()>()).await);
}

/// A body of text of this kind.
pub(super) fn text(status: StatusCode, kind: &'static str, body: impl Into<Body>) -> Response {
    (status, [(header::CONTENT_TYPE, kind)], body.into()).into_response()
}
