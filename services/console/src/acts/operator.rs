//! Who acts, and what they say: by a form of their own session, or by a token.

use axum::Json;
use axum::extract::{Form, FromRequest, FromRequestParts as _, Request};
use axum::http::header::CONTENT_TYPE;
use serde::Deserialize;
use tradeup_access::Act;
use tradeup_store::audit::Actor;
use utoipa::ToSchema;

use crate::Console;
use crate::access::Who;
use crate::failure::{self, Failure};

/// What every act is sent with: which fields it needs, it says.
#[derive(Deserialize, ToSchema)]
pub(crate) struct Said {
    /// The token of a page's forms; programs have another one.
    #[serde(default)]
    #[schema(ignore)]
    form: String,
    /// Why, for the record.
    #[serde(default)]
    pub(super) reason: String,
    /// How many it is about, typed by the person: for what can't be taken back.
    #[serde(default)]
    #[schema(value_type = i64, required = false)]
    pub(super) count: Count,
    /// The month that a task is about.
    #[serde(default)]
    pub(super) period: String,
    /// The instant that it is about; now, if it is not said.
    #[serde(default)]
    pub(super) as_of: String,
    /// The shop that it is about; all, if it is not said.
    #[serde(default)]
    pub(super) tenant: String,
}

/// As a program gives it, as a form has it, or not at all.
#[derive(Default, Deserialize)]
#[serde(untagged)]
pub(super) enum Count {
    Number(i64),
    Text(String),
    #[default]
    #[serde(skip)]
    Nothing,
}

impl FromRequest<Console> for Said {
    type Rejection = Failure;

    async fn from_request(request: Request, console: &Console) -> Result<Self, Failure> {
        let wrong = |why: String| Failure::Invalid { field: "body", why };
        let kind =
            request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if kind.starts_with("application/json") {
            let Json(said): Json<Self> =
                Json::from_request(request, console).await.map_err(|error| wrong(error.body_text()))?;
            if matches!(said.count, Count::Text(_)) {
                return Err(Failure::Invalid { field: "count", why: "give a number".to_owned() });
            }
            return said.without_nul();
        }
        let Form(said): Form<Self> =
            Form::from_request(request, console).await.map_err(|error| wrong(error.body_text()))?;
        said.without_nul()
    }
}

/// Somebody who may operate, and what they said: by a form of their own session, or by a token.
pub(crate) struct Operator {
    pub(super) who: Who,
    pub(super) said: Said,
}

impl FromRequest<Console> for Operator {
    type Rejection = Failure;

    async fn from_request(request: Request, console: &Console) -> Result<Self, Failure> {
        let (mut parts, body) = request.into_parts();
        let who = Who::from_request_parts(&mut parts, console).await?;
        let said = Said::from_request(Request::from_parts(parts, body), console).await?;
        if !who.sent(&said.form) {
            return Err(Failure::Forged);
        }
        who.may(Act::Operate)?;
        Ok(Self { who, said })
    }
}

impl Operator {
    /// As the audit log has them.
    pub(super) fn actor(&self) -> Actor {
        self.who.actor(&self.said.reason)
    }

    /// The same, of an act for which there has to be a reason.
    pub(super) fn because(&self) -> Result<Actor, Failure> {
        let actor = self.actor();
        match actor.reason {
            None => Err(Failure::Invalid { field: "reason", why: "say why, for the record".to_owned() }),
            Some(_) => Ok(actor),
        }
    }
}

impl Said {
    fn without_nul(self) -> Result<Self, Failure> {
        for (field, text) in [
            ("reason", &self.reason),
            ("period", &self.period),
            ("as_of", &self.as_of),
            ("tenant", &self.tenant),
        ] {
            failure::without_nul(field, text)?;
        }
        Ok(self)
    }

    /// Whether a number was given at all.
    pub(super) fn counted(&self) -> bool {
        match &self.count {
            Count::Number(_) => true,
            Count::Text(said) => !said.trim().is_empty(),
            Count::Nothing => false,
        }
    }

    pub(super) fn counts(&self, number: i64) -> Result<(), Failure> {
        let said = match &self.count {
            Count::Number(said) => Some(*said),
            Count::Text(said) => said.trim().parse().ok(),
            Count::Nothing => None,
        };
        if said == Some(number) {
            return Ok(());
        }
        let why = format!("it is about {number} now; give that number");
        Err(Failure::Invalid { field: "count", why })
    }
}
