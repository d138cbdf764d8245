//! Alerts: looks for what is wrong, and tells people (decision 0017). Of several consoles one looks at each rule.

mod channel;
mod options;
mod words;

use std::time::Duration;

use futures::future::join_all;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tradeup_domain::amount_text;
use tradeup_store::alerts::{self, Due, Finding, Rule, Tried};
use tradeup_store::{StoreError, TenantRef, Tx, tenants};
use tradeup_worker::Worker;
use uuid::Uuid;

use channel::Channel;
pub(crate) use options::AlertOptions;
use words::Told;

/// How often is looked whether a rule or a message is due.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often a channel says that it is there.
const THERE_EVERY: Duration = Duration::from_secs(3600);
/// PostgreSQL is given so long before people are told that it is gone.
const DATABASE_GONE_AFTER: Duration = Duration::from_secs(60);
/// Services of which a process has to run.
pub(crate) const SERVICES: [&str; 3] = ["scheduler", "credits", "webhooks"];

/// What looks, and what tells.
pub(crate) struct Watch {
    channels: Vec<Channel>,
    /// Where people reach the console, without a slash at its end.
    console: String,
}

/// What is remembered between two looks.
struct Memory {
    /// Since when NATS has not been there.
    nats_gone: Option<Instant>,
    /// Since when PostgreSQL has not answered, and whether people were told.
    database_gone: Option<(Instant, bool)>,
    said_there: Option<Instant>,
}

impl Watch {
    /// Looks and tells until `shutdown`. A channel that is slow to answer keeps nobody from looking.
    pub(crate) async fn run(self, worker: Worker, shutdown: CancellationToken) {
        let looking = async {
            let mut memory = Memory { nats_gone: None, database_gone: None, said_there: None };
            while timeout(LOOK_EVERY, shutdown.cancelled()).await.is_err() {
                memory.nats_gone = match (worker.broker().is_connected(), memory.nats_gone) {
                    (true, _) => None,
                    (false, since) => since.or_else(|| Some(Instant::now())),
                };
                let looked = self.look(&worker, &mut memory).await;
                self.database(looked.err().as_ref(), &mut memory).await;
            }
        };
        let sending = async {
            while timeout(LOOK_EVERY, shutdown.cancelled()).await.is_err() {
                if let Err(error) = self.send(&worker).await {
                    tracing::warn!("messages of alerts can't be sent: {error}");
                }
            }
        };
        tokio::join!(looking, sending);
    }

    async fn look(&self, worker: &Worker, memory: &mut Memory) -> Result<(), StoreError> {
        let pool = worker.pool();
        if memory.said_there.is_none_or(|at| at.elapsed() > THERE_EVERY) {
            for channel in &self.channels {
                alerts::is_there(pool, channel.name, &channel.reaches()).await?;
            }
            memory.said_there = Some(Instant::now());
        }
        let due = alerts::take_rules(pool).await?;
        let (mut rules, mut found) = (Vec::new(), Vec::new());
        for (name, threshold) in due {
            // A newer console may know more rules.
            let Ok(rule) = name.parse::<Rule>() else { continue };
            found.extend(find(worker, rule, threshold, memory.nats_gone).await?);
            rules.push(rule);
        }
        if !rules.is_empty() {
            let channels: Vec<String> = self.channels.iter().map(|channel| channel.name.to_owned()).collect();
            let mut tx = Tx::of_engine(pool).await?;
            alerts::settle(&mut tx, &rules, &found, &channels).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// Sends what is due, all of it at the same time.
    async fn send(&self, worker: &Worker) -> Result<(), StoreError> {
        let channels: Vec<String> = self.channels.iter().map(|channel| channel.name.to_owned()).collect();
        if channels.is_empty() {
            return Ok(());
        }
        let due = alerts::take_due(worker.pool(), &channels).await?;
        let sent = join_all(due.iter().map(|due| self.send_one(worker, due))).await;
        sent.into_iter().collect()
    }

    async fn send_one(&self, worker: &Worker, due: &Due) -> Result<(), StoreError> {
        let Some(channel) = self.channels.iter().find(|channel| channel.name == due.channel) else {
            return Ok(());
        };
        let pool = worker.pool();
        let told = Told {
            id: due.id,
            at: due.created_at,
            opened: alerts::by_ids(pool, &due.opened).await?,
            resolved: alerts::by_ids(pool, &due.resolved).await?,
            reminded: alerts::by_ids(pool, &due.reminded).await?,
            console: &self.console,
        };
        let tried = channel.send(&told.words(), due.tries).await;
        if let Tried::Again(_, error) | Tried::GivenUp(error) = &tried {
            tracing::warn!(channel = channel.name, "a message of alerts was not sent: {error}");
        }
        alerts::ended(pool, due, &tried).await
    }

    /// That PostgreSQL is gone can't be kept in it: each console tells of it by itself, once.
    async fn database(&self, error: Option<&StoreError>, memory: &mut Memory) {
        let Some(error) = error else {
            if let Some((_, true)) = memory.database_gone.take() {
                self.tell_directly("PostgreSQL answers again.").await;
            }
            return;
        };
        tracing::warn!("alerts can't be looked for: {error}");
        let (since, told) = *memory.database_gone.get_or_insert_with(|| (Instant::now(), false));
        if !told && since.elapsed() > DATABASE_GONE_AFTER {
            self.tell_directly(
                "PostgreSQL does not answer: no run goes on. Runs are taken up again by themselves.",
            )
            .await;
            memory.database_gone = Some((since, true));
        }
    }

    async fn tell_directly(&self, what: &str) {
        for channel in &self.channels {
            let words = words::Words::plain(Uuid::now_v7(), channel::now(), what, &self.console);
            if let Tried::Again(_, error) | Tried::GivenUp(error) = channel.send(&words, 1).await {
                tracing::error!(channel = channel.name, "nobody could be told: {what} {error}");
            }
        }
    }
}

/// What a rule finds.
async fn find(
    worker: &Worker,
    rule: Rule,
    threshold: i32,
    nats_gone: Option<Instant>,
) -> Result<Vec<Finding>, StoreError> {
    match rule {
        Rule::NatsDown => {
            let too_long = Duration::from_secs(u64::try_from(threshold).unwrap_or(u64::MAX));
            let gone = nats_gone.filter(|since| since.elapsed() >= too_long);
            Ok(gone.map(|since| nats_is_gone(since.elapsed())).into_iter().collect())
        }
        Rule::LiabilityJump => {
            let mut found = Vec::new();
            for tenant in tenants::list(worker.pool()).await? {
                let shop = TenantRef { id: tenant.id, handle: tenant.handle };
                let jumps = alerts::liability_jumps(worker.pool(), &shop, threshold).await?;
                found.extend(jumps.iter().map(|jump| jumped(&shop, jump)));
            }
            Ok(found)
        }
        _ => alerts::find(worker.pool(), rule, threshold, &SERVICES).await,
    }
}

fn nats_is_gone(lasts: Duration) -> Finding {
    Finding {
        rule: Rule::NatsDown,
        subject: "nats".to_owned(),
        tenant_id: None,
        summary: format!(
            "NATS has not been there for {} seconds: runs wait as rows, and go on by themselves when it is back.",
            lasts.as_secs()
        ),
        page: "/".to_owned(),
    }
}

fn jumped(shop: &TenantRef, jump: &alerts::Jump) -> Finding {
    Finding {
        rule: Rule::LiabilityJump,
        subject: format!("{} {}", shop.handle, jump.currency),
        tenant_id: Some(shop.id),
        summary: format!(
            "What {} owes to its members went from {} to {} within a day.",
            shop.handle,
            amount_text(jump.before_minor, &jump.currency),
            amount_text(jump.now_minor, &jump.currency)
        ),
        page: format!("/shops/{}/ledger", shop.handle),
    }
}
