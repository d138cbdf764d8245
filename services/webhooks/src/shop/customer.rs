//! A customer as its shop tells of them.

use tradeup_shopify::webhook::{self, Personal};
use tradeup_store::members::{self, Customer, Noted};
use tradeup_worker::TaskError;

use super::{Told, enrol};

/// What a body tells of a customer.
pub(crate) fn of(body: &webhook::Customer) -> Customer {
    let text = |text: &Option<Personal>| text.as_ref().map(|text| text.as_str().to_owned());
    Customer {
        external_id: body.id.clone(),
        email: text(&body.email),
        first_name: text(&body.first_name),
        last_name: text(&body.last_name),
        phone: text(&body.phone),
        country: body.country.clone(),
        tags: body.tags.clone(),
        accepts_email_marketing: body.accepts_marketing,
        version_at: body.updated_at,
    }
}

/// Notes what is told of a member, and where its tags place it. Returns what came of it, in a word.
pub(crate) async fn note(told: &mut Told, customer: &Customer) -> Result<&'static str, TaskError> {
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
