//! `console`: what happened, why, and how to put it right, by page and by API.

mod access;
mod acts;
mod alerts;
mod api;
mod assets;
mod bulk;
mod charts;
mod cookies;
mod failure;
mod frame;
mod live;
mod oidc;
mod pages;
mod runbooks;
mod sign_in;
mod traces;
mod views;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use clap::{Args, Parser};
use tokio::net::TcpListener;
use tradeup_worker::{Registry, Service, Worker, given, service, settings};

/// Connections at a time; a live page holds one.
const CONNECTIONS_MAX: usize = 2048;
/// Largest form.
const BODY_BYTES_MAX: usize = 256 * 1024;

/// Shows runs, schedules, dead letters and shops, and lets people act. Any number may run.
#[derive(Parser)]
#[command(name = "console", version)]
struct Options {
    #[command(flatten)]
    service: service::StartOptions,
    #[command(flatten)]
    console: ConsoleOptions,
    #[command(flatten)]
    alerts: alerts::AlertOptions,
    #[command(flatten)]
    oidc: oidc::OidcOptions,
}

/// How the console is served.
#[derive(Args)]
#[command(next_help_heading = "Console")]
struct ConsoleOptions {
    /// Address to listen on.
    #[arg(long, env = "TRADEUP_CONSOLE", default_value = "127.0.0.1:8090", value_name = "ADDRESS")]
    console: SocketAddr,
    /// Where people reach it, like `https://jobs.example.com`. With https cookies are sent over https alone.
    #[arg(long, env = "TRADEUP_CONSOLE_URL", value_name = "URL")]
    console_url: Option<String>,
    /// Where a trace is shown, with {trace_id} in the place of its id; runs link there. Like
    /// `https://grafana.example.com/explore?left={"datasource":"tempo","queries":[{"query":"{trace_id}"}]}`.
    #[arg(long, env = "TRADEUP_TRACE_URL", value_name = "URL")]
    trace_url: Option<String>,
}

/// What every page needs.
#[derive(Clone)]
struct Console {
    worker: Worker,
    live: live::Live,
    /// By whom people may sign in besides passwords.
    oidc: Option<Arc<oidc::Provider>>,
    /// How runs ended of late, for a chart.
    ended: views::ended::Ended,
    /// What became of what was due for shops, where they are many.
    grids: views::grid::Grids,
    /// What shops owe, as it was last reckoned.
    reckoned: views::ledger::Reckoned,
    /// What waits to be worked on.
    backlogs: views::backlog::Backlogs,
    /// Where a run's trace is shown.
    traces: Option<traces::TraceLinks>,
    /// Named and bound as the console's address asks for.
    cookies: cookies::Cookies,
}

#[tokio::main]
async fn main() -> ExitCode {
    service::exit_code("console", serve(settings::parse::<Options>()).await)
}

async fn serve(options: Options) -> anyhow::Result<()> {
    let ConsoleOptions { console: address, console_url, trace_url } = options.console;
    let traces = traces::TraceLinks::to(trace_url)?;
    let listener =
        TcpListener::bind(address).await.with_context(|| format!("{address} can't be listened on"))?;
    let console_url = given(console_url);
    let cookies = cookies::Cookies::at(console_url.as_deref());
    let oidc = options.oidc.provider(console_url.as_deref())?.map(Arc::new);
    let mail_server = options.alerts.mail_server();
    let alerts = options.alerts.watch(&console_url.unwrap_or_else(|| format!("http://{address}")))?;
    // Whoever is woken since NATS is down has to see it.
    let service = Service::start_early("console", options.service, Registry::new()).await?;
    let service = service.watching("mail", mail_server);
    let (live, watching) = live::watch(service.worker().clone(), service.shutdown());
    let ended = views::ended::Ended::default();
    let counting = ended.clone().count_anew(service.worker().pool().clone(), service.shutdown());
    let console = Console {
        worker: service.worker().clone(),
        live,
        ended,
        grids: views::grid::Grids::default(),
        backlogs: views::backlog::Backlogs::default(),
        oidc,
        reckoned: views::ledger::Reckoned::default(),
        traces,
        cookies,
    };
    service.beside(watching);
    service.beside(counting);
    service.beside(bulk::work(service.worker().clone(), service.shutdown()));
    service.beside(alerts.run(service.worker().clone(), service.shutdown()));
    service.beside(tradeup_http::serve(listener, routes(console), CONNECTIONS_MAX, service.shutdown()));
    Ok(service.run().await?)
}

fn routes(console: Console) -> Router {
    Router::new()
        .merge(pages::routes())
        .merge(acts::routes("dead"))
        .merge(acts::users::routes("/settings/users", "/settings/tokens"))
        .merge(sign_in::routes())
        .merge(oidc::routes())
        .merge(live::routes())
        .nest(
            "/api/v1",
            api::routes()
                .merge(acts::routes("dead-letters"))
                .merge(acts::users::routes("/users", "/user-tokens")),
        )
        .nest("/api/scheduled-tasks", api::scheduled_tasks::routes())
        .merge(assets::routes())
        .fallback(failure::no_such_page)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(from_fn(failure::address_without_nul))
        .layer(from_fn(failure::written))
        .layer(from_fn_with_state(console.clone(), api::once::once))
        .layer(from_fn(api::etag::tagged))
        .layer(from_fn(frame::headers))
        .with_state(console)
}
