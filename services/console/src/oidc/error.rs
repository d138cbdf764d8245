//! Why a sign-in by OpenID Connect does not come about. Nothing here holds a code, a token or who somebody is.

use axum::http::StatusCode;
use openidconnect::core::{CoreErrorResponseType, CoreRequestTokenError};
use openidconnect::{
    ClaimsVerificationError, DiscoveryError, RequestTokenError, SignatureVerificationError, UserInfoError,
};

use super::http::HttpError;

/// Why nobody is signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum OidcError {
    /// There was no answer.
    #[error("the provider can't be reached: {0}")]
    Unreachable(#[source] HttpError),
    /// An answer that says that it failed.
    #[error("the provider answered with status {0}")]
    Status(u16),
    /// An answer that is none.
    #[error("the provider gave no proper {0}")]
    Misunderstood(&'static str),
    /// The discovery document is another issuer's.
    #[error(
        "the provider calls itself otherwise than TRADEUP_OIDC_ISSUER; set that to the issuer of its discovery document"
    )]
    Issuer,
    /// The provider does not take the code, or the console for its client.
    #[error("the provider refused the code: {0}")]
    Refused(&'static str),
    /// The ID token does not hold.
    #[error("the provider's ID token does not hold: {0}")]
    Token(&'static str),
}

impl OidcError {
    /// What came back is of another provider (RFC 9207).
    pub(super) const OTHER_ISSUER: Self = Self::Token("it came from another issuer");

    /// For whoever wants to sign in.
    pub(super) fn words(self, provider: &str) -> (StatusCode, String) {
        match self {
            Self::Unreachable(_) | Self::Status(_) | Self::Misunderstood(_) => (
                StatusCode::SERVICE_UNAVAILABLE,
                format!("Sign-in with {provider} does not work at the moment. Try again, or use a password."),
            ),
            Self::Issuer => (
                StatusCode::SERVICE_UNAVAILABLE,
                format!("Sign-in with {provider} is not set up properly. Tell an administrator."),
            ),
            Self::Refused(_) | Self::Token(_) => (
                StatusCode::UNAUTHORIZED,
                format!("Sign-in with {provider} did not come about. Begin again, or tell an administrator."),
            ),
        }
    }
}

impl From<DiscoveryError<HttpError>> for OidcError {
    fn from(error: DiscoveryError<HttpError>) -> Self {
        match error {
            DiscoveryError::Request(error) => Self::Unreachable(error),
            DiscoveryError::Response(status, ..) if !status.is_success() => Self::Status(status.as_u16()),
            DiscoveryError::Validation(_) => Self::Issuer,
            _ => Self::Misunderstood("discovery document or keys"),
        }
    }
}

impl From<CoreRequestTokenError<HttpError>> for OidcError {
    fn from(error: CoreRequestTokenError<HttpError>) -> Self {
        match error {
            RequestTokenError::Request(error) => Self::Unreachable(error),
            RequestTokenError::ServerResponse(response) => Self::Refused(match response.error() {
                CoreErrorResponseType::InvalidClient => {
                    "invalid_client; TRADEUP_OIDC_CLIENT_ID or TRADEUP_OIDC_CLIENT_SECRET is wrong"
                }
                CoreErrorResponseType::InvalidGrant => "invalid_grant",
                CoreErrorResponseType::InvalidRequest => "invalid_request",
                CoreErrorResponseType::InvalidScope => "invalid_scope",
                CoreErrorResponseType::UnauthorizedClient => "unauthorized_client",
                CoreErrorResponseType::UnsupportedGrantType => "unsupported_grant_type",
                CoreErrorResponseType::Extension(_) => "for a reason of its own",
            }),
            RequestTokenError::Parse(..) | RequestTokenError::Other(_) => {
                Self::Misunderstood("answer to the code")
            }
        }
    }
}

impl From<UserInfoError<HttpError>> for OidcError {
    fn from(error: UserInfoError<HttpError>) -> Self {
        match error {
            UserInfoError::Request(error) => Self::Unreachable(error),
            UserInfoError::Response(status, ..) if !status.is_success() => Self::Status(status.as_u16()),
            UserInfoError::ClaimsVerification(_) => Self::Token("what the provider adds to it is of another"),
            _ => Self::Misunderstood("claims of a user"),
        }
    }
}

impl From<ClaimsVerificationError> for OidcError {
    fn from(error: ClaimsVerificationError) -> Self {
        Self::Token(match error {
            ClaimsVerificationError::Expired(_) => "it has expired; compare the clocks of both machines",
            ClaimsVerificationError::InvalidAudience(_) => "it is for another client",
            ClaimsVerificationError::InvalidIssuer(_) => "it is of another issuer",
            ClaimsVerificationError::InvalidNonce(_) => "it is of another sign-in",
            ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey) => {
                "none of the provider's keys has signed it"
            }
            ClaimsVerificationError::SignatureVerification(_) => {
                "its signature is wrong, or of no kind that is taken"
            }
            _ => "a claim of it is not as it has to be",
        })
    }
}
