//! `tradeup trade-ins`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, anyhow, bail, ensure};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};
use tradeup_domain::Money;
use tradeup_domain::amount_text as money;
use tradeup_domain::trade_in::GradedLine;
use tradeup_store::credits::Asked;
use tradeup_store::trade_ins::{self, Action, NewPrice, TradeInView};
use tradeup_store::{Tx, audit};

use super::tenant_by_handle;
use super::who::Who;
use crate::Context;
use crate::output::{instant, table};

/// Trade-ins: what members bring, what they are offered, what became of it; and the shop's market prices.
#[derive(Subcommand)]
pub(crate) enum TradeIns {
    /// List trade-ins, those that were moved last first.
    List(List),
    /// Show one with its moves.
    Show(Show),
    /// Do something with one. Once goods are graded within the rule's tolerance, credit is given at once.
    Act(Act),
    /// Take market prices from a CSV file with the columns item, category and price.
    Prices(Prices),
}

/// List trade-ins.
#[derive(Args)]
pub(crate) struct List {
    /// The shop's handle.
    tenant: String,
    /// In this state, like review.
    #[arg(long)]
    state: Option<String>,
    /// How many.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(i64).range(1..=1000))]
    limit: i64,
}

/// Show a trade-in.
#[derive(Args)]
pub(crate) struct Show {
    /// The shop's handle.
    tenant: String,
    /// The id that it was submitted under.
    submission: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Do {
    /// Make the offer that was under review.
    Quote,
    /// Offer something else.
    CounterOffer,
    /// The other side agrees.
    Accept,
    /// The other side does not.
    Decline,
    /// The goods have come.
    Receive,
    /// The goods were looked at.
    Grade,
    /// Give the credit; or note that the money was paid.
    Pay,
    /// The shop does not take it.
    Reject,
    /// Call it off.
    Cancel,
    /// The goods go back.
    Return,
}

/// Do something with a trade-in.
#[derive(Args)]
pub(crate) struct Act {
    /// The shop's handle.
    tenant: String,
    /// The id that it was submitted under.
    submission: String,
    /// What.
    #[arg(value_enum)]
    action: Do,
    /// What is offered, in money or as paid credit, like 25.00.
    #[arg(long, value_name = "AMOUNT")]
    offer: Option<String>,
    /// What is given on top to those who take credit, like 2.50.
    #[arg(long, value_name = "AMOUNT", requires = "offer")]
    bonus: Option<String>,
    /// What was found: number of the line from 0, condition and pieces, like 0:LP:2. Without it all is as quoted.
    #[arg(long, value_name = "LINE:CONDITION:PIECES", value_parser = piece)]
    found: Vec<GradedLine>,
    #[command(flatten)]
    who: Who,
}

/// Take market prices.
#[derive(Args)]
pub(crate) struct Prices {
    /// The shop's handle.
    tenant: String,
    /// The CSV file.
    file: PathBuf,
    /// Where the prices are from, for the record.
    #[arg(long)]
    source: String,
    #[command(flatten)]
    who: Who,
}

fn piece(text: &str) -> Result<GradedLine, String> {
    let wrong = || "write it like 0:LP:2, the line's number from 0, the condition, the pieces".to_owned();
    let (line, rest) = text.split_once(':').ok_or_else(wrong)?;
    let (condition, pieces) = rest.rsplit_once(':').ok_or_else(wrong)?;
    Ok(GradedLine {
        line: line.parse().map_err(|_given| wrong())?,
        condition: condition.to_owned(),
        quantity: pieces.parse().map_err(|_given| wrong())?,
    })
}

impl TradeIns {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        match self {
            Self::List(list) => list.run(context).await,
            Self::Show(show) => show.run(context).await,
            Self::Act(act) => act.run(context).await,
            Self::Prices(prices) => prices.run(context).await,
        }
    }
}

fn offered(trade_in: &TradeInView) -> String {
    let cash = money(trade_in.cash_minor, &trade_in.currency);
    let bonus = money(trade_in.bonus_minor, &trade_in.currency);
    if trade_in.bonus_minor > 0 { format!("{cash} and {bonus} on top") } else { cash }
}

impl List {
    async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let tenant = tenant_by_handle(&pool, &self.tenant).await?;
        let mut tx = Tx::of_tenant(&pool, tenant.id).await?;
        let found = trade_ins::list(&mut tx, tenant.id, self.state.as_deref(), self.limit).await?;
        tx.rollback().await?;
        let values: Vec<Value> = found.iter().map(|trade_in| trade_in.shown(&[])).collect();
        context.output().show(&json!(values), || {
            if found.is_empty() {
                return "No trade-ins. How one is submitted: docs/trade-ins.md".to_owned();
            }
            let mut shown = table(&["submission", "from", "customer", "state", "offer", "moved"], &[]);
            for trade_in in &found {
                shown.add_row([
                    trade_in.submission_id.clone(),
                    trade_in.source.clone(),
                    trade_in.member_external_id.clone(),
                    trade_in.state.clone(),
                    offered(trade_in),
                    instant(trade_in.moved_at),
                ]);
            }
            format!("{shown}\nTo do something: tradeup trade-ins act {} SUBMISSION …", tenant.handle)
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Show {
    async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let tenant = tenant_by_handle(&pool, &self.tenant).await?;
        let mut tx = Tx::of_tenant(&pool, tenant.id).await?;
        let found = trade_ins::get(&mut tx, tenant.id, None, &self.submission).await?;
        tx.rollback().await?;
        let (found, moves) = found.ok_or_else(|| no_trade_in(&tenant.handle, &self.submission))?;
        let offer = offered(&found);
        context.output().show(&found.shown(&moves), || {
            let mut text = format!(
                "{} of {} for customer {}: {}, {offer}, until {}\n",
                found.submission_id,
                found.source,
                found.member_external_id,
                found.state,
                instant(found.valid_until)
            );
            for step in &moves {
                let why = step.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
                text += &format!(
                    "{}  {} → {}  by {}{why}\n",
                    instant(step.moved_at),
                    step.wanted,
                    step.to_state,
                    step.actor
                );
            }
            text
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

fn no_trade_in(tenant: &str, submission: &str) -> anyhow::Error {
    anyhow!(
        "{tenant} has no trade-in {submission:?}; `tradeup trade-ins list {tenant}` shows those there are"
    )
}

impl Act {
    async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let tenant = tenant_by_handle(&pool, &self.tenant).await?;
        ensure!(
            tenant.state != "uninstalled",
            "{} has uninstalled the app: its ledger stands still",
            tenant.handle
        );
        let settings = tenant.settings()?;
        let amount = |text: &Option<String>| -> anyhow::Result<Option<i64>> {
            let amount = text.as_deref().map(|text| Money::parse(text, settings.currency)).transpose()?;
            Ok(amount.map(|amount| amount.amount_minor))
        };
        let by_hand = amount(&self.offer)?
            .map(|cash| -> anyhow::Result<(i64, i64)> { Ok((cash, amount(&self.bonus)?.unwrap_or(0))) });
        let by_hand = by_hand.transpose()?;
        let action = match (self.action, by_hand) {
            (Do::Quote, by_hand) => Action::Quote { by_hand },
            (Do::CounterOffer, Some((cash_minor, bonus_minor))) => {
                Action::CounterOffer { cash_minor, bonus_minor }
            }
            (Do::CounterOffer, None) => bail!("say what is offered instead with --offer"),
            (_, Some(_)) => bail!("--offer goes with quote and counter-offer"),
            (Do::Accept, None) => Action::Accept,
            (Do::Decline, None) => Action::Decline,
            (Do::Receive, None) => Action::Receive,
            (Do::Grade, None) => Action::Grade { found: Some(self.found).filter(|found| !found.is_empty()) },
            (Do::Pay, None) => Action::Pay,
            (Do::Reject, None) => Action::Reject,
            (Do::Cancel, None) => Action::Cancel,
            (Do::Return, None) => Action::Return,
        };
        let actor = self.who.actor();
        let mut tx = Tx::of_tenant(&pool, tenant.id).await?;
        let found = trade_ins::get(&mut tx, tenant.id, None, &self.submission).await?;
        let (found, _moves) = found.ok_or_else(|| no_trade_in(&tenant.handle, &self.submission))?;
        let asked = Asked {
            tenant: tenant.id,
            key: "trade-in",
            actor: &actor.name,
            reason: actor.reason.as_deref(),
            run_id: None,
            at: None,
            at_shop: false,
        };
        let acted = trade_ins::act(&mut tx, &asked, &settings, found.id, &action).await?;
        let subject = json!({ "tenant": tenant.handle, "trade_in": found.submission_id,
            "from": found.state, "to": acted.trade_in.state.as_str() });
        audit::record(&mut tx, &actor, "trade_ins.act", &subject).await?;
        tx.commit().await?;
        context.output().show(&acted.shown(), || {
            let mut text = format!("{} is {}.", found.submission_id, acted.trade_in.state);
            if let Some(credited) = acted.credited {
                let shown = |amount_minor| money(amount_minor, settings.currency.code());
                text += &format!(
                    " Credited {}, and {} on top.",
                    shown(credited.paid_minor),
                    shown(credited.bonus_minor)
                );
            }
            text
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Prices {
    async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let tenant = tenant_by_handle(&pool, &self.tenant).await?;
        let settings = tenant.settings()?;
        let name = self.file.display().to_string();
        let mut reader = csv::Reader::from_path(&self.file).with_context(|| name.clone())?;
        let headers = reader.headers().with_context(|| name.clone())?.clone();
        let column = |wanted: &str| {
            let found = headers.iter().position(|header| header.trim().eq_ignore_ascii_case(wanted));
            found.ok_or_else(|| anyhow!("{name} has no column {wanted}; it needs item, category and price"))
        };
        let (item, category, price) = (column("item")?, column("category")?, column("price")?);
        let mut prices = Vec::new();
        for (n, record) in reader.records().enumerate() {
            let line = n + 2;
            let record = record.with_context(|| format!("{name}, line {line}"))?;
            let text = |at: usize| record.get(at).map(str::trim).unwrap_or_default().to_owned();
            ensure!(!text(item).is_empty(), "{name}, line {line}: column item is empty; nothing was taken");
            ensure!(
                !text(category).is_empty(),
                "{name}, line {line}: column category is empty; nothing was taken"
            );
            let amount = Money::parse(&text(price), settings.currency)
                .with_context(|| format!("{name}, line {line}, column price; nothing was taken"))?;
            prices.push(NewPrice {
                item: text(item),
                category: text(category),
                market_minor: amount.amount_minor,
            });
        }
        let actor = self.who.actor();
        let mut tx = Tx::of_tenant(&pool, tenant.id).await?;
        let changed =
            trade_ins::add_prices(&mut tx, tenant.id, settings.currency, &self.source, &prices).await?;
        let subject = json!({ "tenant": tenant.handle, "source": self.source, "prices": prices.len(), "changed": changed });
        audit::record(&mut tx, &actor, "trade_ins.prices", &subject).await?;
        tx.commit().await?;
        let value = json!({ "tenant": tenant.handle, "prices": prices.len(), "changed": changed });
        context.output().show(&value, || {
            format!(
                "{} prices, of which {changed} are new or other than before; in force from now on.",
                prices.len()
            )
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
