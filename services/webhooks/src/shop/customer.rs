//! A customer as its shop tells of them.

use chrono::{DateTime, Utc};
use serde_json::json;
use tradeup_domain::rules::Occasion;
use tradeup_proto::v1;
use tradeup_shopify::webhook::{self, Personal};
use tradeup_store::members::{self, Customer, Noted};
use tradeup_worker::{Applied, TaskContext, TaskError};

use super::{Told, enrol, told, unreadable};

/// Notes what a body tells of a customer, and makes it a member if the rule in force at that instant of the body says
/// so.
pub(crate) async fn handle(
    context: &TaskContext,
    input: &v1::HandleEvent,
    occasion: Occasion,
    at: fn(&webhook::Customer) -> Option<DateTime<Utc>>,
) -> Result<Applied, TaskError> {
    let mut told = told(context, input).await?;
    if told.is_uninstalled() {
        return Ok(told.uninstalled());
    }
    let body = webhook::Customer::decode(&told.body).map_err(|error| unreadable(&error))?;
    let from = told.by_then(at(&body));
    let customer = of(&body);
    let noted = note(&mut told, &customer).await?;
    let enrolment = enrol::consider(context, &mut told, occasion, &customer, from, None).await?;
    let result = json!({ "outcome": noted, "customer": body.id, "enrolment": enrolment });
    Ok(Applied::done(told.tx).with_result(result))
}

/// The text of something personal, to be kept with the member.
pub(super) fn text(personal: Option<&Personal>) -> Option<String> {
    personal.map(|personal| personal.as_str().to_owned())
}

/// What a body tells of a customer.
fn of(body: &webhook::Customer) -> Customer {
    Customer {
        external_id: body.id.clone(),
        email: text(body.email.as_ref()),
        first_name: text(body.first_name.as_ref()),
        last_name: text(body.last_name.as_ref()),
        phone: text(body.phone.as_ref()),
        country: body.country.clone(),
        tags: body.tags.clone(),
        accepts_email_marketing: body.accepts_marketing,
        version_at: body.updated_at,
    }
}

/// Notes what is told of a member, and where its tags place it. Returns what came of it, in a word.
async fn note(told: &mut Told, customer: &Customer) -> Result<&'static str, TaskError> {
    let tenant = told.tenant.id;
    let noted = members::note(&mut told.tx, tenant, customer).await?;
    if let (Noted::Changed, Some(tags)) = (noted, &customer.tags)
        && let Some(known) = members::known(&mut told.tx, tenant, &customer.external_id).await?
    {
        enrol::place_by_tags(told, &known, tags).await?;
    }
    Ok(match noted {
        Noted::NoMember => "no_member",
        Noted::Nothing => "nothing_new",
        Noted::Changed => "noted",
        Noted::Redacted => "redacted",
    })
}
