//! Who asks, and what they may.

use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use tradeup_access::{Act, Role, SessionToken, UserToken};
use tradeup_store::audit::Actor;
use tradeup_store::{TenantId, sessions, user_tokens};

use crate::Console;
use crate::cookies::Cookie;
use crate::failure::Failure;
use crate::views::said;

/// A session lasts so long at most (ASVS 5.0, 7.3.2).
pub(crate) const LASTS: Duration = Duration::from_secs(12 * 3600);
/// And ends when nobody uses it for so long.
const IDLE: Duration = Duration::from_secs(2 * 3600);

/// Somebody who is signed in.
#[derive(Clone, Debug)]
pub(crate) struct Who {
    pub(crate) name: String,
    pub(crate) role: Role,
    /// Whose staff they are.
    pub(crate) tenant: Option<(TenantId, String)>,
    pub(crate) by: By,
}

/// By what they are let in.
#[derive(Clone, Debug)]
pub(crate) enum By {
    /// A browser's session.
    Session(SessionToken),
    /// A program's token: no other site's form has it.
    Token,
}

impl Who {
    /// An error unless they may.
    pub(crate) fn may(&self, act: Act) -> Result<(), Failure> {
        if self.role.may(act) { Ok(()) } else { Err(Failure::Forbidden(self.role)) }
    }

    /// The handle that a list has to be narrowed to: a shop's staff see their shop whatever they ask for.
    pub(crate) fn narrowed(&self, asked: Option<String>) -> Option<String> {
        self.tenant.as_ref().map(|(_, handle)| handle.clone()).or(asked)
    }

    /// Whether something of this tenant may be shown; of no tenant, it is the engine's own.
    pub(crate) fn sees(&self, tenant: Option<TenantId>) -> Result<(), Failure> {
        match &self.tenant {
            None => Ok(()),
            Some((own, _)) if tenant == Some(*own) => Ok(()),
            // Whether there is one is nothing they may learn.
            Some(_) => Err(Failure::NotFound),
        }
    }

    /// Whether a form was sent by themselves.
    pub(crate) fn sent(&self, form: &str) -> bool {
        match &self.by {
            By::Session(session) => session.sent(form),
            By::Token => true,
        }
    }

    /// What their forms hold.
    pub(crate) fn form(&self) -> String {
        match &self.by {
            By::Session(session) => session.form().as_str().to_owned(),
            By::Token => String::new(),
        }
    }

    /// As the audit log has them.
    pub(crate) fn actor(&self, reason: &str) -> Actor {
        Actor { name: self.name.clone(), reason: said(reason) }
    }
}

impl FromRequestParts<Console> for Who {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, console: &Console) -> Result<Self, Failure> {
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let signed_out = || Failure::SignedOut { path: path.to_owned() };
        let pool = console.worker.pool();
        let (found, by) = match parts.headers.get(AUTHORIZATION) {
            Some(given) => {
                let token = given.to_str().ok().and_then(|given| given.strip_prefix("Bearer "));
                let token = token.and_then(UserToken::shown).ok_or_else(signed_out)?;
                (user_tokens::find(pool, &token.hash()).await?, By::Token)
            }
            None => {
                let shown =
                    console.cookies.shown(&parts.headers, Cookie::Session).and_then(SessionToken::shown);
                let session = shown.ok_or_else(signed_out)?;
                (sessions::find(pool, &session.hash(), IDLE).await?, By::Session(session))
            }
        };
        let found = found.ok_or_else(signed_out)?;
        let role = found.role.parse::<Role>().map_err(|_unknown| Failure::NotFound)?;
        let tenant = found.tenant_id.zip(found.tenant_handle);
        Ok(Self { name: found.name, role, tenant, by })
    }
}
