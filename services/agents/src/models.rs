//! The models: which are there, what they cost, how fast they may be asked.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use tokio_util::sync::CancellationToken;
use tradeup_anthropic::pace::Pace;
use tradeup_anthropic::price::{Price, PriceTable};
use tradeup_anthropic::{CallError, Client, RateLimits};
use tradeup_domain::{Class, Classify, Dependency, ErrorCode};
use tradeup_worker::TaskError;

use crate::bundle::Role;

/// Models of each role, the one to be asked first.
#[derive(Clone, Debug)]
pub(crate) struct Chains {
    /// Of orchestrators.
    pub(crate) orchestrator: Vec<String>,
    /// Of specialists.
    pub(crate) specialist: Vec<String>,
}

/// What reaches models. Clones share it.
#[derive(Clone)]
pub(crate) struct Provider(Arc<Shared>);

struct Shared {
    client: Option<Client>,
    chains: Chains,
    prices: PriceTable,
    pace: Pace,
    stopping: CancellationToken,
    /// Models that were seen.
    seen: Mutex<BTreeSet<String>>,
}

impl Provider {
    /// Without a client, runs wait.
    pub(crate) fn new(client: Option<Client>, chains: Chains, prices: PriceTable) -> Self {
        let (pace, stopping) = (Pace::default(), CancellationToken::new());
        Self(Arc::new(Shared { client, chains, prices, pace, stopping, seen: Mutex::default() }))
    }

    /// From here on nothing more is asked: runs are left to others between two turns.
    pub(crate) fn stop(&self) {
        self.0.stopping.cancel();
    }

    /// Whether nothing more is to be asked.
    pub(crate) fn is_stopping(&self) -> bool {
        self.0.stopping.is_cancelled()
    }

    /// What asks. Without a key, runs wait as for a provider that is down: as soon as a service has one, they go on.
    pub(crate) fn client(&self) -> Result<&Client, TaskError> {
        self.0.client.as_ref().ok_or_else(|| {
            TaskError::transient(
                ErrorCode::AgentsNotConfigured,
                "this service was given no key; start agents with ANTHROPIC_API_KEY",
            )
            .of_dependency(Dependency::Anthropic)
        })
    }

    /// Looks which models are there, and says what is to be known about it as of `now`. Nothing fails here: a run looks again.
    pub(crate) async fn look(&self, now: DateTime<Utc>) {
        let Some(client) = &self.0.client else { return };
        for role in [Role::Orchestrator, Role::Insights] {
            match self.chain(role).await {
                Ok(models) => {
                    let model = models.first().map_or("", String::as_str);
                    tracing::info!(model, "models of {}: {model} is asked", self.who(role));
                    self.look_ahead(client, role, &models, now).await;
                }
                Err(error) => tracing::warn!("models of {}: {error}", self.who(role)),
            }
        }
    }

    /// Says what would go wrong later: a successor that is not there or has no price, and a model that is about to go.
    async fn look_ahead(&self, client: &Client, role: Role, models: &[String], now: DateTime<Utc>) {
        let Some((first, rest)) = models.split_first() else { return };
        let who = self.who(role);
        let mut successor = None;
        for model in rest {
            match self.is_there(client, model).await {
                Ok(true) => successor = successor.or(Some(model)),
                Ok(false) => {
                    tracing::warn!(model, "models of {who}: {model} is not there, and can't take over");
                }
                Err(error) => tracing::warn!(
                    model,
                    "models of {who}: it is not known whether {model} is there: {error}"
                ),
            }
        }
        for model in models {
            if let Err(error) = self.price(model, now) {
                tracing::warn!(model, "models of {who}: {error}");
            }
        }
        let retires_on = self.0.prices.model(first).and_then(|known| known.retires_on);
        let Some(day) = retires_on.filter(|day| *day - now.date_naive() <= GOES_SOON) else { return };
        match successor {
            Some(next) => tracing::warn!(
                model = first,
                "models of {who}: {first} retires on {day}; {next} takes over then"
            ),
            None => tracing::warn!(
                model = first,
                "models of {who}: {first} retires on {day}, and nobody is there to take over; name another model behind it"
            ),
        }
    }

    /// The models of a role that a run begins with: from the first that is there.
    pub(crate) async fn chain(&self, role: Role) -> Result<Vec<String>, TaskError> {
        let client = self.client()?;
        let chain = self.models(role);
        for (at, model) in chain.iter().enumerate() {
            if self.seen(model) || self.is_there(client, model).await? {
                let left_out = chain.iter().take(at).cloned().collect::<Vec<_>>().join(", ");
                if at > 0 {
                    tracing::warn!(model, "{left_out} is not there any more; {model} is asked in its place");
                }
                return Ok(chain.iter().skip(at).cloned().collect());
            }
        }
        Err(TaskError::permanent(
            ErrorCode::ModelGone,
            format!("none of the models of {} is there: {}", self.who(role), chain.join(", ")),
        ))
    }

    async fn is_there(&self, client: &Client, model: &str) -> Result<bool, TaskError> {
        match client.model(model).await {
            Ok(_info) => {
                self.0.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(model.to_owned());
                Ok(true)
            }
            Err(error) if error.code() == ErrorCode::ModelGone => Ok(false),
            Err(error) => Err(of_provider(&error)),
        }
    }

    fn seen(&self, model: &str) -> bool {
        self.0.seen.lock().unwrap_or_else(PoisonError::into_inner).contains(model)
    }

    /// A model was found to be gone.
    pub(crate) fn forget(&self, model: &str) {
        self.0.seen.lock().unwrap_or_else(PoisonError::into_inner).remove(model);
    }

    fn models(&self, role: Role) -> &[String] {
        match role {
            Role::Orchestrator => &self.0.chains.orchestrator,
            Role::Insights | Role::Engagement => &self.0.chains.specialist,
        }
    }

    fn who(&self, role: Role) -> &'static str {
        match role {
            Role::Orchestrator => "orchestrators",
            Role::Insights | Role::Engagement => "specialists",
        }
    }

    /// What a model costs on a day.
    pub(crate) fn price(&self, model: &str, at: DateTime<Utc>) -> Result<&Price, TaskError> {
        self.0.prices.price(model, at).ok_or_else(|| {
            TaskError::permanent(
                ErrorCode::ModelGone,
                format!("the price of {model} is not known; give it in TRADEUP_MODEL_PRICES"),
            )
        })
    }

    /// Waits until the account's limits have room.
    pub(crate) async fn pace(&self, model: &str, input_tokens: u64, cancelled: &CancellationToken) {
        self.0.pace.turn(self.family(model), input_tokens, cancelled).await;
    }

    /// Learns what is left of the account's limits.
    pub(crate) fn learn(&self, model: &str, limits: &RateLimits) {
        self.0.pace.note(self.family(model), limits);
    }

    /// Learns from an error how long it is to be left alone.
    pub(crate) fn learn_error(&self, model: &str, error: &CallError) {
        self.0.pace.note_error(self.family(model), error);
    }

    /// Models of one family share the account's limits; one that is not known is its own.
    fn family<'m>(&'m self, model: &'m str) -> &'m str {
        self.0.prices.model(model).map_or(model, |known| &known.family)
    }

    /// Whether it is the script that stands in for a model.
    pub(crate) fn is_offline(&self, model: &str) -> bool {
        self.0.prices.model(model).is_some_and(|known| known.offline)
    }

    /// How long an answer of a model may be, of which so many tokens are usual; and how long when that was too short.
    /// Newer models think before they speak, and their thoughts count.
    pub(crate) fn room(&self, model: &str, usual: u32) -> (u32, u32) {
        let Some(known) = self.0.prices.model(model) else { return (usual, usual.saturating_mul(2)) };
        let thinks = known.max_output > LONGEST_WITHOUT_THOUGHT && !known.offline;
        let room = if thinks { usual.saturating_mul(2) } else { usual };
        (room.min(known.max_output), room.saturating_mul(2).min(known.max_output))
    }
}

/// So long before a model goes, each start says so.
const GOES_SOON: TimeDelta = TimeDelta::days(60);

/// A model that answers more at once thinks, too.
const LONGEST_WITHOUT_THOUGHT: u32 = 64_000;

/// The provider's fault, or that of whoever gave the key: it holds for every request, and passes.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Outage<'e>(&'e CallError);

impl Classify for Outage<'_> {
    fn class(&self) -> Class {
        Class::Transient { retry_after: self.0.retry_after() }
    }

    fn code(&self) -> ErrorCode {
        self.0.code()
    }
}

/// An error of the provider's, as the runner takes it: while it goes on, the breaker holds runs back.
pub(crate) fn of_provider(error: &CallError) -> TaskError {
    match error.code() {
        // About this request, not about the provider.
        ErrorCode::ModelRefusedRequest | ErrorCode::ModelGone => TaskError::classified(error),
        _ => TaskError::classified(&Outage(error)).of_dependency(Dependency::Anthropic),
    }
}
