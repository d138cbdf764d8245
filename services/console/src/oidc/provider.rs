//! An OpenID Connect provider: what it says of itself, where people are sent, and who comes back.

use std::sync::Arc;
use std::time::Duration;

use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreClientAuthMethod, CoreIdTokenVerifier, CoreJwsSigningAlgorithm,
    CoreProviderMetadata, CoreTokenResponse, CoreUserInfoClaims,
};
use openidconnect::url::Url;
use openidconnect::{
    AuthType, AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret, CsrfToken,
    EndpointMaybeSet, EndpointNotSet, EndpointSet, IssuerUrl, Nonce, OAuth2TokenResponse as _,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope, SignatureVerificationError, TokenResponse as _,
};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::error::OidcError;
use super::http::Http;

/// What a provider says of itself is believed for so long.
const KNOWN_FOR: Duration = Duration::from_secs(3600);
/// Longest subject (OpenID Connect Core, 2).
const SUBJECT_LEN_MAX: usize = 255;
/// Signatures that are taken: those that the provider alone can make, so neither none nor those by a shared secret.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// The console as a client of a provider whose discovery document is known.
type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// Who the provider is, and who the console is to it.
pub(super) struct Settings {
    pub(super) name: String,
    pub(super) issuer: IssuerUrl,
    pub(super) client_id: ClientId,
    pub(super) client_secret: SecretString,
    pub(super) redirect: RedirectUrl,
}

/// A provider.
pub(crate) struct Provider {
    settings: Settings,
    http: Http,
    looked: Mutex<Looked>,
}

/// What came of looking at its discovery document and keys.
#[derive(Default)]
struct Looked {
    client: Option<(Instant, Arc<Client>)>,
    failed: Option<(Instant, OidcError)>,
}

/// Where somebody is sent, and what has to be known when they come back. It has no `Debug`, so that no secret gets into
/// a log.
pub(super) struct Asked {
    pub(super) url: Url,
    pub(super) state: CsrfToken,
    pub(super) nonce: Nonce,
    pub(super) verifier: PkceCodeVerifier,
}

/// Who somebody is at the provider. It has no `Debug`, so that nobody gets into a log.
pub(super) struct Identity {
    pub(super) subject: String,
    /// Their e-mail address in small letters, if the provider has verified it.
    pub(super) address: Option<String>,
}

impl Provider {
    pub(super) fn new(settings: Settings, http: Http) -> Self {
        Self { settings, http, looked: Mutex::default() }
    }

    /// What people call it.
    pub(crate) fn name(&self) -> &str {
        &self.settings.name
    }

    /// Its issuer, as its tokens have it.
    pub(super) fn issuer(&self) -> &str {
        self.settings.issuer.as_str()
    }

    /// Where to send somebody who wants to sign in.
    pub(super) async fn ask(&self) -> Result<Asked, OidcError> {
        let client = self.client(None).await?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let (url, state, nonce) = client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                CsrfToken::new_random,
                Nonce::new_random,
            )
            .add_scope(Scope::new("email".to_owned()))
            .set_pkce_challenge(challenge)
            .url();
        Ok(Asked { url, state, nonce, verifier })
    }

    /// Who has come back with this code.
    pub(super) async fn identify(
        &self,
        code: String,
        nonce: String,
        verifier: String,
    ) -> Result<Identity, OidcError> {
        let mut client = self.client(None).await?;
        let nonce = Nonce::new(nonce);
        let answer: CoreTokenResponse = client
            .exchange_code(AuthorizationCode::new(code))
            .map_err(|_no_endpoint| OidcError::Misunderstood("token endpoint"))?
            .set_pkce_verifier(PkceCodeVerifier::new(verifier))
            .request_async(&self.http)
            .await?;
        let token = answer.id_token().ok_or(OidcError::Misunderstood("ID token"))?;
        let mut verified = token.claims(&id_token_verifier(&client), &nonce);
        let is_of_unknown_key = matches!(
            &verified,
            Err(ClaimsVerificationError::SignatureVerification(
                SignatureVerificationError::NoMatchingKey | SignatureVerificationError::CryptoError(_)
            ))
        );
        if is_of_unknown_key {
            // Keys change, without a new name if there is but one.
            client = self.client(Some(Instant::now())).await?;
            verified = token.claims(&id_token_verifier(&client), &nonce);
        }
        let claims = verified?;
        let subject = claims.subject().clone();
        let (address, is_verified) = match claims.email() {
            Some(email) if claims.email_verified().is_some() => {
                (Some(email.to_ascii_lowercase()), claims.email_verified())
            }
            // With a code, a provider may tell it there alone (OpenID Connect Core, 5.4).
            _ if client.user_info_url().is_some() => {
                let told: CoreUserInfoClaims = client
                    .user_info(answer.access_token().clone(), Some(subject.clone()))
                    .map_err(|_no_endpoint| OidcError::Misunderstood("user info endpoint"))?
                    .request_async(&self.http)
                    .await?;
                (told.email().map(|email| email.to_ascii_lowercase()), told.email_verified())
            }
            _ => (None, None),
        };
        let subject = subject.as_str().to_owned();
        if subject.is_empty() || subject.len() > SUBJECT_LEN_MAX || subject.contains('\0') {
            return Err(OidcError::Token("its subject is none"));
        }
        // PostgreSQL keeps no text with this character, and no user's name has it.
        let address = address.filter(|address| is_verified == Some(true) && !address.contains('\0'));
        Ok(Identity { subject, address })
    }

    /// The client, after a look at the provider if the last is too long ago or not after `since`.
    async fn client(&self, since: Option<Instant>) -> Result<Arc<Client>, OidcError> {
        let asked = Instant::now();
        let mut looked = self.looked.lock().await;
        if let Some((at, client)) = &looked.client
            && at.elapsed() < KNOWN_FOR
            && since.is_none_or(|since| *at >= since)
        {
            return Ok(Arc::clone(client));
        }
        // Whoever has waited for a look does not look again: many would wait for a slow provider one after another.
        if let Some((at, error)) = looked.failed
            && at >= asked
        {
            return Err(error);
        }
        match CoreProviderMetadata::discover_async(self.settings.issuer.clone(), &self.http).await {
            Ok(metadata) => {
                let client = Arc::new(self.client_of(metadata));
                looked.client = Some((Instant::now(), Arc::clone(&client)));
                Ok(client)
            }
            Err(error) => {
                let error = OidcError::from(error);
                looked.failed = Some((Instant::now(), error));
                Err(error)
            }
        }
    }

    fn client_of(&self, metadata: CoreProviderMetadata) -> Client {
        // Unless it is said, a provider takes the secret as HTTP has it (OpenID Connect Discovery, 3).
        let in_body = metadata.token_endpoint_auth_methods_supported().is_some_and(|methods| {
            methods.contains(&CoreClientAuthMethod::ClientSecretPost)
                && !methods.contains(&CoreClientAuthMethod::ClientSecretBasic)
        });
        let secret = ClientSecret::new(self.settings.client_secret.expose_secret().to_owned());
        CoreClient::from_provider_metadata(metadata, self.settings.client_id.clone(), Some(secret))
            .set_redirect_uri(self.settings.redirect.clone())
            .set_auth_type(if in_body { AuthType::RequestBody } else { AuthType::BasicAuth })
    }
}

/// What an ID token has to be: of this issuer, for this client, in its time, and signed by the provider.
fn id_token_verifier(client: &Client) -> CoreIdTokenVerifier<'_> {
    client.id_token_verifier().set_allowed_algs(ALGORITHMS)
}
