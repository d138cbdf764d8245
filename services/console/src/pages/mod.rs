//! Pages: each reads its view and writes it.

mod agents;
mod alerts;
mod charts;
mod dead;
mod engine;
mod errors;
mod holds;
mod runs;
mod schedules;
mod search;
pub(crate) mod settings;
mod shops;
pub(crate) mod tasks;
mod timeline;
mod told;

use askama::Template;
use axum::Router;
use axum::response::{Html, IntoResponse as _, Response};

use crate::Console;
use crate::failure::Failure;

/// What a template needs to write an instant and an address.
#[expect(unreachable_pub, reason = "the macro makes its items so")]
pub(crate) mod filters {
    use askama::filters::{Html, Safe};

    use crate::views::when::When;

    /// An instant as a `time` element, which a script may put into the reader's zone.
    #[askama::filter_fn]
    pub(crate) fn time(when: &When, _values: &dyn askama::Values) -> askama::Result<Safe<String>> {
        let _escaped = Html;
        Ok(Safe(format!("<time datetime=\"{}\">{when}</time>", when.machine())))
    }

    /// The address of an asset.
    #[askama::filter_fn]
    pub(crate) fn asset(name: &str, _values: &dyn askama::Values) -> askama::Result<String> {
        Ok(crate::assets::address(name))
    }
}

fn written(page: &impl Template) -> Result<Response, Failure> {
    Ok(Html(page.render()?).into_response())
}

pub(crate) fn routes() -> Router<Console> {
    engine::routes()
        .merge(agents::routes())
        .merge(alerts::routes())
        .merge(errors::routes())
        .merge(runs::routes())
        .merge(dead::routes())
        .merge(holds::routes())
        .merge(schedules::routes())
        .merge(search::routes())
        .merge(shops::routes())
        .merge(told::routes())
        .merge(tasks::routes())
        .merge(settings::routes())
}
