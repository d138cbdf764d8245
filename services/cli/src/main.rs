//! `tradeup`: the operator's command line.

mod commands;
mod old_credits;
mod output;
mod sheet;
mod shopify_export;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};
use tradeup_store::{Pool, Purpose};
use tradeup_telemetry::LogOptions;
use tradeup_worker::{ServiceError, StoreOptions, TopologyOptions, settings};

use crate::output::Output;

/// Operates TradeUp Jobs: shops, imports, runs, the ledger and its proof.
#[derive(Parser)]
#[command(name = "tradeup", version, max_term_width = 100)]
struct Options {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    context: Context,
}

/// What every command may use.
#[derive(clap::Args)]
struct Context {
    /// Print JSON instead of tables.
    #[arg(long, global = true)]
    json: bool,
    #[command(flatten)]
    store: StoreOptions,
    #[command(flatten)]
    broker: TopologyOptions,
    #[command(flatten)]
    log: LogOptions,
}

impl Context {
    /// Connections to the database, as many as one command needs.
    async fn pool(&self) -> Result<Pool, ServiceError> {
        self.store.connect("tradeup", 4, Purpose::Command).await
    }

    fn output(&self) -> Output {
        Output { json: self.json }
    }
}

#[derive(Subcommand)]
enum Command {
    /// Bring schema, streams and consumers up to this build.
    Setup(commands::setup::Setup),
    /// Add, list and show shops and their tiers.
    #[command(subcommand)]
    Tenant(commands::tenant::Tenant),
    /// Make, list and revoke tokens for the checkout's API.
    #[command(subcommand)]
    Token(commands::token::Token),
    /// Import data of a shop.
    #[command(subcommand)]
    Import(commands::import::Import),
    /// Run beside another system: reckon everything, do nothing, compare; and the cut-over.
    #[command(subcommand)]
    Shadow(commands::shadow::Shadow),
    /// Make synthetic data.
    #[command(subcommand)]
    Generate(commands::generate::Generate),
    /// Trigger a run by hand.
    #[command(subcommand)]
    Trigger(commands::trigger::Trigger),
    /// Give one member one credit.
    Grant(commands::grant::Grant),
    /// Put a member's credit right: more, or less.
    Adjust(commands::adjust::Adjust),
    /// Use a member's credit by hand.
    Spend(commands::spend::Spend),
    /// Take a spend back, in whole or in part.
    Unspend(commands::spend::Unspend),
    /// Authorise some of a member's credit, to be captured later; or list what is authorised.
    Hold(commands::hold::Hold),
    /// Spend what was authorised, or less.
    Capture(commands::hold::Capture),
    /// Give up what was authorised.
    Release(commands::hold::Release),
    /// Make two members one, who are the same customer.
    Merge(commands::merge::Merge),
    /// Say what a money run would do, before it does; or hold what happened against it.
    #[command(subcommand)]
    Preview(commands::preview::Preview),
    /// Say why a member did or did not get a month's credit.
    Explain(commands::explain::Explain),
    /// Issue a past month's credits to a shop's members who lack them.
    Backfill(commands::backfill::Backfill),
    /// Take back what a run has granted that should not have happened.
    Reverse(commands::reverse::Reverse),
    /// Reports for owner and accountant: liability, months, breakage.
    #[command(subcommand)]
    Report(commands::report::Report),
    /// A shop's tiers: what each gives and asks for; who would move; notices; placing a member by hand.
    Tiers(commands::tiers::Tiers),
    /// Show a member's tier: its history, what is spent, what is missing, what is to come.
    Member(commands::member::Member),
    /// Show a member's statement.
    Statement(commands::statement::Statement),
    /// Trade-ins: what members bring, what they are offered, what became of it; market prices.
    #[command(subcommand)]
    TradeIns(commands::trade_ins::TradeIns),
    /// A shop's own endpoints, which are told of its members' credit.
    #[command(subcommand)]
    Endpoints(commands::endpoints::Endpoints),
    /// What a shop's endpoints were told, and what came of it.
    #[command(subcommand)]
    Deliveries(commands::deliveries::Deliveries),
    /// Plans by agents: ask for one, read it, decide on it, see what it cost (docs/agents.md).
    #[command(subcommand)]
    Agents(commands::agents::Agents),
    /// What became of the proposals that were approved: whom they reached, what they gave, what they brought
    /// (docs/campaigns.md).
    #[command(subcommand)]
    Campaigns(commands::campaigns::Campaigns),
    /// What somebody has to look at: alerts, their rules, and who is told.
    #[command(subcommand)]
    Alerts(commands::alerts::Alerts),
    /// Who may sign in to the console.
    #[command(subcommand)]
    User(commands::user::User),
    /// What a shop has and never told.
    #[command(subcommand)]
    Gaps(commands::gaps::Gaps),
    /// Send events of a shop through their tasks again, or show what that would change.
    #[command(subcommand)]
    Replay(commands::replay::Replay),
    /// A shop's rules: what orders earn, who becomes a member, what is given for goods.
    #[command(subcommand)]
    Rules(commands::rules::Rules),
    /// What customers ask for by law: to see their data, and to be forgotten.
    #[command(subcommand)]
    Privacy(commands::privacy::Privacy),
    /// List events that other systems published, newest first.
    Events(commands::events::Events),
    /// Show an event with its body.
    Event(commands::event::Event),
    /// List runs, newest first.
    Runs(commands::runs::Runs),
    /// Show a run with what is below it.
    Run(commands::run::Run),
    /// Show what a run's attempts have logged.
    Logs(commands::logs::Logs),
    /// Send a run through each service that does nothing, and say how long it took.
    Probe(commands::probe::Probe),
    /// Cancel runs and everything below them.
    Cancel(commands::cancel::Cancel),
    /// Try runs again: what is dead or cancelled below them, and now what waits for its next attempt.
    Retry(commands::retry::Retry),
    /// Hold back runs that come next, of a shop, a task, or all that need something.
    Pause(commands::pause::Pause),
    /// Lift a pause.
    Resume(commands::pause::Resume),
    /// Show what holds runs back: pauses, breakers, limits.
    Holds(commands::holds::Holds),
    /// Find whatever you have in hand: a run, a shop, a customer, an order.
    Search(commands::search::Search),
    /// What is done with many runs together.
    #[command(subcommand)]
    BulkActs(commands::bulk_acts::BulkActs),
    /// Limit how many runs of a task a shop has at once or begins in a minute.
    Limit(commands::limit::Limit),
    /// Show a shop's ledger.
    Ledger(commands::ledger::Ledger),
    /// Prove the whole ledger; exit code 1 if something is wrong.
    Verify(commands::verify::Verify),
    /// List schedules and what was decided about their fires.
    Schedules(commands::schedules::Schedules),
    /// Look ahead, pause, resume, change a schedule.
    #[command(subcommand)]
    Schedule(commands::schedule::Schedule),
    /// Look at what could not be done.
    #[command(subcommand)]
    Dead(commands::dead::Dead),
    /// Mails that warn of credit about to end: words, outcomes, suppressions.
    #[command(subcommand)]
    Mail(commands::mail::Mail),
    /// Wallets at Shopify: connection, what shops were told, where they differ from the ledger.
    #[command(subcommand)]
    Wallet(commands::wallet::Wallet),
    /// Show settings and where they come from; print the reference of all.
    #[command(subcommand)]
    Config(commands::config::Config),
    /// Look over everything at once; exit code 1 if there is a problem.
    Doctor(commands::doctor::Doctor),
    /// Accept a database that was restored to an earlier moment.
    Restored(commands::restored::Restored),
    /// Print completions for a shell.
    Completions(commands::shell::Completions),
    /// Write man pages.
    Man(commands::shell::Man),
    /// Do nothing until told to end.
    #[command(hide = true)]
    StandBy(commands::stand_by::StandBy),
    /// Print the documentation's page of the command line.
    #[command(hide = true)]
    Markdown,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Options { command, context } = settings::parse::<Options>();
    let done = match tradeup_telemetry::init(&context.log, tradeup_telemetry::COMMAND, None) {
        Err(error) => Err(error.into()),
        Ok(_lines) => match command {
            Command::Setup(setup) => setup.run(&context).await,
            Command::Tenant(tenant) => tenant.run(&context).await,
            Command::Token(token) => token.run(&context).await,
            Command::Import(import) => import.run(&context).await,
            Command::Shadow(shadow) => shadow.run(&context).await,
            Command::Generate(generate) => generate.run(),
            Command::Trigger(trigger) => trigger.run(&context).await,
            Command::Search(search) => search.run(&context).await,
            Command::BulkActs(acts) => acts.run(&context).await,
            Command::Grant(grant) => grant.run(&context).await,
            Command::Adjust(adjust) => adjust.run(&context).await,
            Command::Spend(spend) => spend.run(&context).await,
            Command::Unspend(unspend) => unspend.run(&context).await,
            Command::Hold(hold) => hold.run(&context).await,
            Command::Capture(capture) => capture.run(&context).await,
            Command::Release(release) => release.run(&context).await,
            Command::Merge(merge) => merge.run(&context).await,
            Command::Preview(preview) => preview.run(&context).await,
            Command::Explain(explain) => explain.run(&context).await,
            Command::Backfill(backfill) => backfill.run(&context).await,
            Command::Reverse(reverse) => reverse.run(&context).await,
            Command::Report(report) => report.run(&context).await,
            Command::Tiers(tiers) => tiers.run(&context).await,
            Command::Member(member) => member.run(&context).await,
            Command::Statement(statement) => statement.run(&context).await,
            Command::TradeIns(trade_ins) => trade_ins.run(&context).await,
            Command::Endpoints(endpoints) => endpoints.run(&context).await,
            Command::Deliveries(deliveries) => deliveries.run(&context).await,
            Command::Agents(agents) => agents.run(&context).await,
            Command::Campaigns(campaigns) => campaigns.run(&context).await,
            Command::Alerts(alerts) => alerts.run(&context).await,
            Command::User(user) => user.run(&context).await,
            Command::Gaps(gaps) => gaps.run(&context).await,
            Command::Replay(replay) => replay.run(&context).await,
            Command::Rules(rules) => rules.run(&context).await,
            Command::Privacy(privacy) => privacy.run(&context).await,
            Command::Events(events) => events.run(&context).await,
            Command::Event(event) => event.run(&context).await,
            Command::Runs(runs) => runs.run(&context).await,
            Command::Run(run) => run.run(&context).await,
            Command::Logs(logs) => logs.run(&context).await,
            Command::Probe(probe) => probe.run(&context).await,
            Command::Cancel(cancel) => cancel.run(&context).await,
            Command::Retry(retry) => retry.run(&context).await,
            Command::Pause(pause) => pause.run(&context).await,
            Command::Resume(resume) => resume.run(&context).await,
            Command::Holds(holds) => holds.run(&context).await,
            Command::Limit(limit) => limit.run(&context).await,
            Command::Ledger(ledger) => ledger.run(&context).await,
            Command::Verify(verify) => verify.run(&context).await,
            Command::Schedules(schedules) => schedules.run(&context).await,
            Command::Schedule(schedule) => schedule.run(&context).await,
            Command::Dead(dead) => dead.run(&context).await,
            Command::Mail(mail) => mail.run(&context).await,
            Command::Wallet(wallet) => wallet.run(&context).await,
            Command::Config(config) => config.run(&context),
            Command::Doctor(doctor) => doctor.run(&context).await,
            Command::Restored(restored) => restored.run(&context).await,
            Command::Completions(completions) => completions.run(&mut Options::command()),
            Command::Man(man) => man.run(Options::command()),
            Command::StandBy(stand_by) => stand_by.run().await,
            Command::Markdown => commands::markdown::run(Options::command()),
        },
    };
    match done {
        Ok(code) => code,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tradeup: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether the reader of our output has gone (`tradeup runs | head`): no fault of ours.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let broken = |io: &std::io::Error| io.kind() == std::io::ErrorKind::BrokenPipe;
    error.chain().any(|cause| {
        cause.downcast_ref::<std::io::Error>().is_some_and(broken)
            || cause
                .downcast_ref::<serde_json::Error>()
                .is_some_and(|error| error.io_error_kind() == Some(std::io::ErrorKind::BrokenPipe))
            || cause
                .downcast_ref::<csv::Error>()
                .is_some_and(|error| matches!(error.kind(), csv::ErrorKind::Io(io) if broken(io)))
    })
}
