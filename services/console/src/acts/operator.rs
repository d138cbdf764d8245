//! Who acts, and what they say: by a form of their own session, or by a token.

use axum::Json;
use axum::extract::{Form, FromRequest, FromRequestParts as _, Request};
use axum::http::header::CONTENT_TYPE;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tradeup_access::Act;
use tradeup_store::audit::Actor;
use utoipa::ToSchema;

use crate::Console;
use crate::access::Who;
use crate::failure::{self, Failure};

/// What every act is sent with, and what this one needs beside it.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "it is read by the macro alone")]
pub(crate) struct Said<T> {
    /// Why, for the record.
    #[serde(default)]
    reason: String,
    #[serde(flatten)]
    what: T,
}

/// Nothing beside it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

/// An act that can't be taken back.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Counted {
    /// How many it is about, typed by the person.
    #[serde(default)]
    #[schema(value_type = i64, required = false)]
    pub(super) count: Number,
}

/// A number as a program gives it, as a form has it, or not at all.
#[derive(Default, Deserialize)]
#[serde(untagged)]
pub(crate) enum Number {
    /// Of JSON.
    Given(i64),
    /// Of a form.
    Typed(String),
    /// None.
    #[default]
    #[serde(skip)]
    Nothing,
}

/// Yes or no, as a program gives it or as a form has it. Anything else is refused: it may keep something from happening.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(try_from = "Value")]
pub(crate) struct Flag(pub(super) bool);

impl TryFrom<Value> for Flag {
    type Error = &'static str;

    fn try_from(given: Value) -> Result<Self, Self::Error> {
        match given {
            Value::Bool(set) => Ok(Self(set)),
            Value::String(text) if text == "yes" => Ok(Self(true)),
            Value::String(text) if text.is_empty() || text == "no" => Ok(Self(false)),
            _ => Err("say yes or no"),
        }
    }
}

/// Somebody who may operate, and what they said: by a form of their own session, or by a token.
pub(crate) struct Operator<T = Nothing> {
    pub(super) who: Who,
    pub(super) what: T,
    reason: String,
    pub(super) by_form: bool,
}

/// The fields of a body: a form's are all text.
async fn fields(request: Request, console: &Console, is_json: bool) -> Result<Map<String, Value>, Failure> {
    let wrong = |why: String| Failure::Invalid { field: "body", why };
    if is_json {
        let Json(fields): Json<Map<String, Value>> =
            Json::from_request(request, console).await.map_err(|error| wrong(error.body_text()))?;
        return Ok(fields);
    }
    let Form(fields): Form<Vec<(String, String)>> =
        Form::from_request(request, console).await.map_err(|error| wrong(error.body_text()))?;
    Ok(fields.into_iter().map(|(name, text)| (name, Value::String(text))).collect())
}

impl<T: DeserializeOwned> FromRequest<Console> for Operator<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, console: &Console) -> Result<Self, Failure> {
        let (mut parts, body) = request.into_parts();
        let who = Who::from_request_parts(&mut parts, console).await?;
        let kind = parts.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let is_json = kind.starts_with("application/json");
        let mut fields = fields(Request::from_parts(parts, body), console, is_json).await?;
        let wrong = |why: String| Failure::Invalid { field: "body", why };
        for (name, value) in &fields {
            failure::without_nul("body", name)?;
            if value.as_str().is_some_and(|text| text.contains('\0')) {
                return Err(wrong(format!("{name} has a NUL character in it")));
            }
        }
        let mut text = |name: &str| match fields.remove(name) {
            None => Ok(String::new()),
            Some(Value::String(text)) => Ok(text),
            Some(_) => Err(wrong(format!("{name} has to be text"))),
        };
        let (form, reason) = (text("form")?, text("reason")?);
        if !who.sent(&form) {
            return Err(Failure::Forged);
        }
        who.may(Act::Operate)?;
        // A field that there is not may be one that was to narrow it.
        let what = serde_json::from_value(Value::Object(fields)).map_err(|error| wrong(error.to_string()))?;
        Ok(Self { who, what, reason, by_form: !is_json })
    }
}

impl<T> Operator<T> {
    /// As the audit log has them.
    pub(super) fn actor(&self) -> Actor {
        self.who.actor(&self.reason)
    }

    /// The same, of an act for which there has to be a reason.
    pub(super) fn because(&self) -> Result<Actor, Failure> {
        let actor = self.actor();
        match actor.reason {
            None => Err(Failure::Invalid { field: "reason", why: "say why, for the record".to_owned() }),
            Some(_) => Ok(actor),
        }
    }

    /// What one of its fields says, if it says anything.
    pub(super) fn number(&self, field: &'static str, given: &Number) -> Result<Option<i64>, Failure> {
        let why = || Failure::Invalid { field, why: "give a number".to_owned() };
        match given {
            Number::Given(number) => Ok(Some(*number)),
            Number::Typed(text) if self.by_form && text.trim().is_empty() => Ok(None),
            Number::Typed(text) if self.by_form => text.trim().parse().map(Some).map_err(|_malformed| why()),
            Number::Typed(_) => Err(why()),
            Number::Nothing => Ok(None),
        }
    }

    /// That they have said how many it is about.
    pub(super) fn counts(&self, given: &Number, number: i64) -> Result<(), Failure> {
        if self.number("count", given)? == Some(number) {
            return Ok(());
        }
        let why = format!("it is about {number} now; give that number");
        Err(Failure::Invalid { field: "count", why })
    }
}
