//! How this service reaches models, and which.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;
use secrecy::SecretString;
use tradeup_anthropic::price::PriceTable;
use tradeup_anthropic::{Client, ClientOptions};
use tradeup_worker::given;
use url::{Host, Url};

use crate::models::{Chains, Provider};

/// The Messages API, its key, and the models of each role. Without a key the service starts, and runs wait.
#[derive(Args)]
#[command(next_help_heading = "Models")]
pub(crate) struct ModelOptions {
    /// Key of the Messages API.
    #[arg(long, env = "ANTHROPIC_API_KEY", hide_env_values = true, value_name = "KEY")]
    anthropic_api_key: Option<String>,
    /// Where the Messages API is, instead of at its provider: a gateway, or a stand-in on this machine. The key is sent
    /// there.
    #[arg(long, env = "TRADEUP_ANTHROPIC_URL", value_name = "URL")]
    anthropic_url: Option<String>,
    /// Models of orchestrators, the one to be asked first; the next where it is not there any more.
    #[arg(long, env = "TRADEUP_ORCHESTRATOR_MODELS", value_name = "MODELS")]
    orchestrator_models: Option<String>,
    /// Models of specialists.
    #[arg(long, env = "TRADEUP_SPECIALIST_MODELS", value_name = "MODELS")]
    specialist_models: Option<String>,
    /// File of prices, instead of those of the build.
    #[arg(long, env = "TRADEUP_MODEL_PRICES", value_name = "FILE")]
    model_prices: Option<PathBuf>,
}

/// Where the API is.
const PROVIDER: &str = "https://api.anthropic.com";
const ORCHESTRATORS: &str = "claude-opus-4-5-20251101,claude-opus-5-5";
const SPECIALISTS: &str = "claude-sonnet-4-5-20250929,claude-sonnet-5-5";

impl ModelOptions {
    /// What reaches models. The key is never repeated in an error.
    pub(crate) fn provider(self) -> anyhow::Result<Provider> {
        let url = given(self.anthropic_url).unwrap_or_else(|| PROVIDER.to_owned());
        let url = url.trim().parse().context("TRADEUP_ANTHROPIC_URL")?;
        let key = given(self.anthropic_api_key).map(|key| SecretString::from(key.trim().to_owned()));
        let options = ClientOptions::at(url, key);
        let chains = Chains {
            orchestrator: chain("TRADEUP_ORCHESTRATOR_MODELS", self.orchestrator_models, ORCHESTRATORS)?,
            specialist: chain("TRADEUP_SPECIALIST_MODELS", self.specialist_models, SPECIALISTS)?,
        };
        let prices = match self.model_prices.filter(|path| !path.as_os_str().is_empty()) {
            None => PriceTable::built_in()?,
            Some(path) => {
                let named = || format!("TRADEUP_MODEL_PRICES: {}", path.display());
                let text = std::fs::read_to_string(&path).with_context(named)?;
                PriceTable::read(&text).with_context(named)?
            }
        };
        // A stand-in on this machine wants no key.
        let client = if options.key.is_some() || is_loopback(&options.base_url) {
            Some(Client::new(options).context("what reaches the Messages API")?)
        } else {
            tracing::warn!("there is no ANTHROPIC_API_KEY: runs wait until there is one");
            None
        };
        Ok(Provider::new(client, chains, prices))
    }
}

fn chain(option: &str, given_models: Option<String>, default: &str) -> anyhow::Result<Vec<String>> {
    let text = given(given_models).unwrap_or_else(|| default.to_owned());
    let models: Vec<String> =
        text.split(',').map(str::trim).filter(|model| !model.is_empty()).map(str::to_owned).collect();
    if models.is_empty() {
        bail!("{option} names no model; give ids like {default}, or leave it out");
    }
    Ok(models)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
