//! Who may sign in, and which programs are let in. Neither passwords nor tokens: only hashes of them are kept.

use serde::Serialize;
use tradeup_store::user_tokens::{self, UserToken};
use tradeup_store::users::{self, User};
use tradeup_store::{Pool, StoreError};
use utoipa::ToSchema;

use super::when::When;

/// Somebody who may sign in, or might.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConsoleUser {
    pub(crate) name: String,
    /// `viewer`, `operator`, `admin` or `shop`.
    pub(crate) role: String,
    /// Whose staff they are, with the role `shop`.
    pub(crate) tenant: Option<String>,
    /// How, in words.
    pub(crate) signs_in_by: &'static str,
    /// Whether they may sign in by OpenID Connect.
    pub(crate) oidc: bool,
    pub(crate) created: When,
    pub(crate) created_by: String,
    /// Since when they may not.
    pub(crate) disabled: Option<When>,
}

impl ConsoleUser {
    fn of(user: User) -> Self {
        Self {
            signs_in_by: user.signs_in_by(),
            name: user.name,
            role: user.role,
            tenant: user.tenant_handle,
            oidc: user.oidc,
            created: When(user.created_at),
            created_by: user.created_by,
            disabled: user.disabled_at.map(When),
        }
    }

    /// All of them, by name.
    pub(crate) async fn list(pool: &Pool) -> Result<Vec<Self>, StoreError> {
        Ok(users::list(pool).await?.into_iter().map(Self::of).collect())
    }
}

/// What a program is let in by.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConsoleToken {
    pub(crate) id: String,
    /// As whom.
    pub(crate) user: String,
    /// What it is for.
    pub(crate) r#for: String,
    pub(crate) created: When,
    pub(crate) created_by: String,
    /// Until when it is taken.
    pub(crate) until: When,
    /// When it was used last, to an hour.
    pub(crate) used: Option<When>,
    /// Since when it is not taken any more.
    pub(crate) revoked: Option<When>,
}

impl ConsoleToken {
    fn of(token: UserToken) -> Self {
        Self {
            id: token.id.to_string(),
            user: token.user,
            r#for: token.name,
            created: When(token.created_at),
            created_by: token.created_by,
            until: When(token.expires_at),
            used: token.seen_at.map(When),
            revoked: token.revoked_at.map(When),
        }
    }

    /// What it is for.
    pub(crate) fn purpose(&self) -> &str {
        &self.r#for
    }

    /// All of them, newest first.
    pub(crate) async fn list(pool: &Pool) -> Result<Vec<Self>, StoreError> {
        Ok(user_tokens::list(pool).await?.into_iter().map(Self::of).collect())
    }
}
