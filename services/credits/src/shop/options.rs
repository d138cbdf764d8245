//! How this service reaches shops.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use tokio_util::sync::CancellationToken;
use tradeup_shopify::{AppCredentials, Client, KeyRing, Recorder, Settings};

use super::connection::{Looks, Ready, Shops};
use tradeup_worker::given;

/// Keys, the app's own name and secret, and what is only for stand-ins. Without keys the service works, and
/// what shops are to be told waits.
#[derive(Args)]
#[command(next_help_heading = "Shopify")]
pub(crate) struct ShopOptions {
    /// Keys that seal the shops' tokens, the current one first, like 2:KEY,1:KEY.
    #[arg(long, env = "TRADEUP_TOKEN_KEYS", hide_env_values = true, value_name = "KEYS")]
    token_keys: Option<String>,
    /// The app's client id at Shopify, by which tokens are renewed.
    #[arg(long, env = "TRADEUP_SHOPIFY_CLIENT_ID", value_name = "ID")]
    shopify_client_id: Option<String>,
    /// Its secret.
    #[arg(long, env = "TRADEUP_SHOPIFY_CLIENT_SECRET", hide_env_values = true, value_name = "SECRET")]
    shopify_client_secret: Option<String>,
    /// Where shops are, instead of at Shopify: a stand-in's address. Tokens are sent there.
    #[arg(long, env = "TRADEUP_SHOPIFY_BASE", value_name = "URL")]
    shopify_base: Option<String>,
    /// Folder where each exchange with a shop is recorded, without secrets and personal data.
    #[arg(long, env = "TRADEUP_SHOPIFY_RECORD", value_name = "FOLDER")]
    shopify_record: Option<PathBuf>,
    /// Seconds after which a lost answer's booking is looked for: as long as it may take to be seen.
    #[arg(long, env = "TRADEUP_SHOPIFY_LOOK_AFTER", value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=3600))]
    shopify_look_after: u16,
    /// Seconds between two looks. Not found on two, the shop is told again.
    #[arg(long, env = "TRADEUP_SHOPIFY_LOOK_AGAIN", value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u16).range(1..=3600))]
    shopify_look_again: u16,
}

impl ShopOptions {
    /// What reaches shops until `stopping`. What is given is never repeated in an error: it holds secrets.
    pub(crate) fn shops(self, stopping: CancellationToken) -> anyhow::Result<Shops> {
        let looks = Looks {
            after: Duration::from_secs(self.shopify_look_after.into()),
            again: Duration::from_secs(self.shopify_look_again.into()),
        };
        let Some(keys) = given(self.token_keys) else { return Ok(Shops::without_keys(looks, stopping)) };
        let keys = KeyRing::parse(&keys.into()).context("TRADEUP_TOKEN_KEYS")?;
        let app = match (given(self.shopify_client_id), given(self.shopify_client_secret)) {
            (Some(client_id), Some(secret)) => {
                Some(AppCredentials { client_id, client_secret: secret.into() })
            }
            (None, None) => None,
            _ => bail!("TRADEUP_SHOPIFY_CLIENT_ID and TRADEUP_SHOPIFY_CLIENT_SECRET go together; set both"),
        };
        let recorder =
            self.shopify_record.map(Recorder::new).transpose().context("TRADEUP_SHOPIFY_RECORD")?;
        let settings = Settings { base: given(self.shopify_base), recorder, ..Settings::default() };
        let client = Client::new(settings).context("TRADEUP_SHOPIFY_BASE")?;
        Ok(Shops::new(Ready { client, keys, app }, looks, stopping))
    }
}
