//! Whom people may sign in by.

use anyhow::{Context as _, anyhow, bail, ensure};
use clap::Args;
use openidconnect::url::{Host, Url};
use openidconnect::{ClientId, IssuerUrl, RedirectUrl};
use secrecy::SecretString;
use tradeup_worker::given;

use super::CALLBACK;
use super::http::Http;
use super::provider::{Provider, Settings};

/// What the provider is called unless it is said.
const NAME: &str = "your organisation";

/// The provider by which people may sign in besides passwords; without it there are passwords alone.
#[derive(Args)]
#[command(next_help_heading = "OpenID Connect")]
pub(crate) struct OidcOptions {
    /// Issuer of the provider, like `https://login.example.com`; below it is /.well-known/openid-configuration.
    #[arg(long, env = "TRADEUP_OIDC_ISSUER", value_name = "URL")]
    oidc_issuer: Option<String>,
    /// Id of the console as a client of the provider. Its redirect URI is TRADEUP_CONSOLE_URL/sign-in/oidc/callback.
    #[arg(long, env = "TRADEUP_OIDC_CLIENT_ID", value_name = "ID")]
    oidc_client_id: Option<String>,
    /// Secret of that client.
    #[arg(long, env = "TRADEUP_OIDC_CLIENT_SECRET", hide_env_values = true, value_name = "SECRET")]
    oidc_client_secret: Option<String>,
    /// What the provider is called on the page to sign in on ("Sign in with ..."); "your organisation" unless it is said.
    #[arg(long, env = "TRADEUP_OIDC_NAME", value_name = "NAME")]
    oidc_name: Option<String>,
}

impl OidcOptions {
    /// The provider, if there is one. It is not asked for anything yet: the console starts without it.
    pub(crate) fn provider(self, console_url: Option<&str>) -> anyhow::Result<Option<Provider>> {
        let (issuer, client_id) = (given(self.oidc_issuer), given(self.oidc_client_id));
        let secret = given(self.oidc_client_secret);
        if issuer.is_none() && client_id.is_none() && secret.is_none() {
            return Ok(None);
        }
        let needed = |value: Option<String>, field: &str| {
            value.map(|value| value.trim().to_owned()).ok_or_else(|| {
                anyhow!(
                    "{field} is not set; sign-in by OpenID Connect needs TRADEUP_OIDC_ISSUER, TRADEUP_OIDC_CLIENT_ID \
                     and TRADEUP_OIDC_CLIENT_SECRET: set all three, or none"
                )
            })
        };
        let issuer = IssuerUrl::new(needed(issuer, "TRADEUP_OIDC_ISSUER")?).context("TRADEUP_OIDC_ISSUER")?;
        check(issuer.url())?;
        let client_id = ClientId::new(needed(client_id, "TRADEUP_OIDC_CLIENT_ID")?);
        let client_secret: SecretString = needed(secret, "TRADEUP_OIDC_CLIENT_SECRET")?.into();
        let Some(console_url) = console_url else {
            bail!(
                "TRADEUP_CONSOLE_URL is not set; with TRADEUP_OIDC_ISSUER the provider has to know where people reach \
                 the console, like https://jobs.example.com"
            );
        };
        let redirect = RedirectUrl::new(format!("{}{CALLBACK}", console_url.trim().trim_end_matches('/')))
            .context("TRADEUP_CONSOLE_URL")?;
        let http = Http::new(issuer.url().scheme() == "https")?;
        let name = given(self.oidc_name).map_or_else(|| NAME.to_owned(), |name| name.trim().to_owned());
        Ok(Some(Provider::new(Settings { name, issuer, client_id, client_secret, redirect }, http)))
    }
}

/// An issuer is https, but on this machine (OpenID Connect Discovery, 3).
fn check(issuer: &Url) -> anyhow::Result<()> {
    let is_here = match issuer.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    ensure!(
        issuer.scheme() == "https" || (issuer.scheme() == "http" && is_here),
        "TRADEUP_OIDC_ISSUER has to begin with https://, unless the provider is on this machine"
    );
    ensure!(
        issuer.query().is_none() && issuer.fragment().is_none() && issuer.username().is_empty(),
        "TRADEUP_OIDC_ISSUER is an address alone, without user, ? and #"
    );
    ensure!(
        !issuer.path().contains("/.well-known/"),
        "TRADEUP_OIDC_ISSUER is what stands before /.well-known/openid-configuration; leave that out"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(issuer: &str, secret: &str) -> OidcOptions {
        OidcOptions {
            oidc_issuer: Some(issuer.to_owned()),
            oidc_client_id: Some("console".to_owned()),
            oidc_client_secret: Some(secret.to_owned()),
            oidc_name: None,
        }
    }

    fn wrong(options: OidcOptions, console_url: Option<&str>) -> String {
        match options.provider(console_url) {
            Ok(_) => "nothing".to_owned(),
            Err(error) => format!("{error:#}"),
        }
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let url = Some("https://jobs.example");
        for issuer in ["https://login.example", "https://login.example/realm/", "http://127.0.0.1:9"] {
            assert_eq!(wrong(options(issuer, "hunter2"), url), "nothing", "{issuer}");
        }
        for (options, console_url, field) in [
            (options("https://login.example", " "), url, "TRADEUP_OIDC_CLIENT_SECRET is not set"),
            (options("", "hunter2"), url, "TRADEUP_OIDC_ISSUER is not set"),
            (options("https://login.example", "hunter2"), None, "TRADEUP_CONSOLE_URL is not set"),
            (options("http://login.example", "hunter2"), url, "TRADEUP_OIDC_ISSUER has to begin with https"),
            (options("login.example", "hunter2"), url, "TRADEUP_OIDC_ISSUER"),
            (
                options("https://login.example/.well-known/openid-configuration", "hunter2"),
                url,
                "TRADEUP_OIDC_ISSUER is what stands before",
            ),
        ] {
            let said = wrong(options, console_url);
            assert!(said.starts_with(field) && !said.contains("hunter2"), "{said}");
        }
        let none = OidcOptions {
            oidc_issuer: None,
            oidc_client_id: Some(String::new()),
            oidc_client_secret: None,
            oidc_name: Some("Acme".to_owned()),
        };
        assert!(none.provider(None).unwrap().is_none());
    }
}
