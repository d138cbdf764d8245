//! Alerts: looks for what is wrong, and tells people (decision 0017). Of several consoles one looks at each rule.

mod channel;
mod options;
mod words;

use std::time::Duration;

use futures::future::join_all;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tradeup_domain::amount_text;
use tradeup_store::alerts::{self, Due, Finding, Rule, Tried};
use tradeup_store::{StoreError, TenantRef, Tx, tenants};
use tradeup_worker::{SERVICES_NEEDED, Worker};
use uuid::Uuid;

use channel::Channel;
pub(crate) use options::AlertOptions;
use words::Told;

/// How often is looked whether a rule or a message is due.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often a channel says that it is there.
const THERE_EVERY: Duration = Duration::from_secs(3600);
/// A look takes no longer: it reads what every shop owes.
const LOOK_MAX: Duration = Duration::from_secs(300);
/// Sending a message takes no longer: its lease has to outlast it.
const SEND_MAX: Duration = Duration::from_secs(60);
/// At shutdown, what is being sent has so long.
const ENDS_WITHIN: Duration = Duration::from_secs(5);
/// PostgreSQL is given so long before people are told that it is gone.
const DATABASE_GONE_AFTER: Duration = Duration::from_secs(60);

/// What looks, and what tells.
pub(crate) struct Watch {
    channels: Vec<Channel>,
    /// Where people reach the console, without a slash at its end.
    console: String,
}

/// What is remembered between two looks.
#[derive(Default)]
struct Memory {
    /// Since when NATS has not been there.
    nats_gone: Option<Instant>,
    /// Since when PostgreSQL has answered at each look.
    answering: Option<Instant>,
    /// Since when it has not, and whether people were told.
    gone: Option<(Instant, bool)>,
    said_there: Option<Instant>,
}

impl Watch {
    /// Looks and tells until `shutdown`. A channel that is slow to answer keeps nobody from looking, and no other
    /// channel from being told.
    pub(crate) async fn run(self, worker: Worker, shutdown: CancellationToken) {
        let sending = self.channels.iter().map(|channel| async {
            while timeout(LOOK_EVERY, shutdown.cancelled()).await.is_err() {
                if let Err(error) = self.send(&worker, channel).await {
                    tracing::warn!(channel = channel.name, "messages of alerts can't be sent: {error}");
                }
            }
        });
        let working = async { tokio::join!(self.watch(&worker, &shutdown), join_all(sending)) };
        // What is under way is somebody's again when its lease ends.
        tokio::select! {
            _ended = working => {}
            () = async { shutdown.cancelled().await; sleep_until(Instant::now() + ENDS_WITHIN).await } => {}
        }
    }

    async fn watch(&self, worker: &Worker, shutdown: &CancellationToken) {
        let mut memory = Memory::default();
        while timeout(LOOK_EVERY, shutdown.cancelled()).await.is_err() {
            memory.nats_gone = match (worker.broker().is_connected(), memory.nats_gone) {
                (true, _) => None,
                (false, since) => since.or_else(|| Some(Instant::now())),
            };
            // A server that has frozen answers nothing, and refuses nothing either.
            let looked = timeout(LOOK_MAX, self.look(worker, &mut memory)).await;
            match looked {
                Ok(Ok(())) => self.answers(&mut memory).await,
                Ok(Err(error)) => self.does_not_answer(&error.to_string(), &mut memory).await,
                Err(_elapsed) => self.does_not_answer("no answer in time", &mut memory).await,
            }
        }
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
        let (mut rules, mut found, mut failed) = (Vec::new(), Vec::new(), None);
        for (name, threshold) in due {
            // A newer console may know more rules.
            let Ok(rule) = name.parse::<Rule>() else { continue };
            match find(worker, rule, threshold, memory).await {
                Ok(findings) => {
                    found.extend(findings);
                    rules.push(rule);
                }
                // The others are told of all the same.
                Err(error) => failed = Some(error),
            }
        }
        if !rules.is_empty() {
            let mut tx = Tx::of_engine(pool).await?;
            alerts::settle(&mut tx, &rules, &found).await?;
            tx.commit().await?;
        }
        failed.map_or(Ok(()), Err)
    }

    /// Sends what is due by one channel, all of it at the same time.
    async fn send(&self, worker: &Worker, channel: &Channel) -> Result<(), StoreError> {
        let due = alerts::take_due(worker.pool(), channel.name).await?;
        let sent = join_all(due.iter().map(|due| self.send_one(worker, channel, due))).await;
        sent.into_iter().collect()
    }

    async fn send_one(&self, worker: &Worker, channel: &Channel, due: &Due) -> Result<(), StoreError> {
        let pool = worker.pool();
        let told = Told {
            id: due.id,
            at: due.created_at,
            opened: alerts::by_ids(pool, &due.opened).await?,
            resolved: alerts::by_ids(pool, &due.resolved).await?,
            reminded: alerts::by_ids(pool, &due.reminded).await?,
            console: &self.console,
        };
        let words = told.words();
        let tried = timeout(SEND_MAX, channel.send(&words, due.tries)).await;
        let tried = tried
            .unwrap_or_else(|_elapsed| Channel::again(due.tries, "it took too long to answer".to_owned()));
        if let Tried::Again(_, error) | Tried::GivenUp(error) = &tried {
            tracing::warn!(channel = channel.name, "a message of alerts was not sent: {error}");
        }
        alerts::ended(pool, due, &tried).await
    }

    async fn answers(&self, memory: &mut Memory) {
        memory.answering.get_or_insert_with(Instant::now);
        if let Some((_, true)) = memory.gone.take() {
            self.tell_directly("PostgreSQL answers again.").await;
        }
    }

    /// That PostgreSQL is gone can't be kept in it: each console tells of it by itself, until somebody was reached.
    async fn does_not_answer(&self, error: &str, memory: &mut Memory) {
        tracing::warn!("alerts can't be looked for: {error}");
        memory.answering = None;
        let (since, told) = *memory.gone.get_or_insert_with(|| (Instant::now(), false));
        if !told && since.elapsed() > DATABASE_GONE_AFTER {
            let what = "PostgreSQL does not answer: no run goes on. Runs are taken up again by themselves.";
            let reached = self.tell_directly(what).await;
            memory.gone = Some((since, reached));
        }
    }

    /// Whether anybody was reached; nobody is, where there is no channel.
    async fn tell_directly(&self, what: &str) -> bool {
        let mut reached = self.channels.is_empty();
        for channel in &self.channels {
            let words = words::Words::plain(Uuid::now_v7(), channel::now(), what, &self.console);
            match timeout(SEND_MAX, channel.send(&words, 1)).await {
                Ok(Tried::Sent) => reached = true,
                Ok(Tried::Again(_, error) | Tried::GivenUp(error)) => {
                    tracing::error!(channel = channel.name, "nobody could be told: {what} {error}");
                }
                Err(_elapsed) => {
                    tracing::error!(channel = channel.name, "nobody could be told in time: {what}");
                }
            }
        }
        reached
    }
}

/// What a rule finds.
async fn find(
    worker: &Worker,
    rule: Rule,
    threshold: i32,
    memory: &Memory,
) -> Result<Vec<Finding>, StoreError> {
    let too_long = Duration::from_secs(u64::try_from(threshold).unwrap_or(0));
    match rule {
        Rule::NatsDown => {
            let gone = memory.nats_gone.filter(|since| since.elapsed() >= too_long);
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
        // Where PostgreSQL was not there, nobody could say that they are.
        Rule::ServiceDown if memory.answering.is_none_or(|since| since.elapsed() < too_long) => {
            Ok(Vec::new())
        }
        _ => alerts::find(worker.pool(), rule, threshold, &SERVICES_NEEDED).await,
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
