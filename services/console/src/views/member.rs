//! A member's money: what there is, and every movement.

use serde::Serialize;
use tradeup_access::Act;
use tradeup_domain::{Period, amount_text};
use tradeup_store::explain::{self, Story};
use tradeup_store::tenants::{self, Tenant};
use tradeup_store::{Pool, TenantId, Tx, members, reports, schedules};
use tradeup_worker::trigger::monthly_credits_due;
use utoipa::ToSchema;
use uuid::Uuid;

use super::ledger::OfPeriod;
use super::mails::Mail;
use super::when::When;
use crate::access::Who;
use crate::failure::Failure;

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Account {
    pub(crate) currency: String,
    pub(crate) spendable: String,
    pub(crate) balance: String,
    pub(crate) pending: String,
    pub(crate) authorised: String,
    pub(crate) owed: String,
    pub(crate) balance_minor: i64,
    pub(crate) spendable_minor: i64,
    pub(crate) pending_minor: i64,
    pub(crate) authorised_minor: i64,
    pub(crate) debt_minor: i64,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Lot {
    pub(crate) id: String,
    pub(crate) state: String,
    pub(crate) class: String,
    pub(crate) left: String,
    pub(crate) of: String,
    pub(crate) reason: String,
    pub(crate) source_key: String,
    pub(crate) expires: Option<When>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Movement {
    pub(crate) at: When,
    pub(crate) booked: When,
    pub(crate) kind: String,
    pub(crate) amount: String,
    pub(crate) amount_minor: i64,
    pub(crate) currency: String,
    pub(crate) balance: String,
    pub(crate) reason: String,
    pub(crate) source_key: String,
    pub(crate) note: Option<String>,
}

/// A member.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Member {
    pub(crate) customer: String,
    pub(crate) accounts: Vec<Account>,
    /// With something left, in the order of use.
    pub(crate) lots: Vec<Lot>,
    /// Newest first.
    pub(crate) movements: Vec<Movement>,
    /// What was mailed of credit that is about to end, newest first: 50 at most.
    pub(crate) mails: Vec<Mail>,
    /// Why a month's credit is or is not there, of the month that was asked for.
    pub(crate) explained: Option<Explained>,
}

/// Why a month's credit is or is not there.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Explained {
    pub(crate) period: String,
    /// The answer.
    pub(crate) conclusion: String,
    /// The command to give next, if there is something to do.
    pub(crate) next: Option<String>,
    /// What was reached, in order.
    pub(crate) steps: Vec<String>,
}

async fn explained(
    tx: &mut Tx,
    tenant: &Tenant,
    member: Uuid,
    period: Period,
    who: &Who,
) -> Result<Explained, Failure> {
    let now = schedules::now(tx).await?;
    let due = monthly_credits_due(period);
    let mut found = explain::monthly(tx, tenant.id, member, period, due).await?;
    // A shop's own staff learn nothing of the run over all shops, and have no commands.
    let all = who.may(Act::SeeAll).is_ok();
    if !all {
        found.root_run = None;
    }
    let story = Story { found: &found, tenant, period, due, now };
    let (conclusion, next) = story.conclusion();
    let next = next.filter(|_| all);
    Ok(Explained { period: period.to_string(), conclusion, next, steps: story.steps() })
}

impl Member {
    pub(crate) async fn read(
        pool: &Pool,
        tenant: TenantId,
        customer: &str,
        asked: &OfPeriod,
        who: &Who,
    ) -> Result<Self, Failure> {
        let period = asked.period()?;
        let mut tx = Tx::snapshot_of_tenant(pool, tenant).await?;
        let member = members::by_external_id(&mut tx, tenant, customer).await?.ok_or(Failure::NotFound)?;
        let movements = reports::statement(&mut tx, tenant, member).await?;
        let lots = reports::lots(&mut tx, tenant, member).await?;
        let accounts = reports::accounts(&mut tx, tenant, member).await?;
        let mails = Mail::to(&mut tx, tenant, member).await?;
        let explained = match period {
            None => None,
            Some(period) => {
                let shop = tenants::by_id(&mut tx, tenant).await?.ok_or(Failure::NotFound)?;
                Some(explained(&mut tx, &shop, member, period, who).await?)
            }
        };
        tx.rollback().await?;
        let account = |account: reports::AccountLine| {
            let text = |minor| amount_text(minor, &account.currency);
            Account {
                spendable: text(account.spendable_minor),
                balance: text(account.balance_minor),
                pending: text(account.pending_minor),
                authorised: text(account.held_minor),
                owed: text(account.debt_minor),
                balance_minor: account.balance_minor,
                spendable_minor: account.spendable_minor,
                pending_minor: account.pending_minor,
                authorised_minor: account.held_minor,
                debt_minor: account.debt_minor,
                currency: account.currency,
            }
        };
        let lot = |lot: reports::LotLine| Lot {
            left: amount_text(lot.remaining_minor, &lot.currency),
            of: amount_text(lot.granted_minor, &lot.currency),
            id: lot.lot_id.to_string(),
            state: lot.state,
            class: lot.value_class,
            reason: lot.reason,
            source_key: lot.source_key,
            expires: lot.expires_at.map(When),
        };
        let movement = |line: reports::StatementLine| Movement {
            amount: amount_text(line.amount_minor, &line.currency),
            balance: amount_text(line.balance_minor, &line.currency),
            at: When(line.effective_at),
            booked: When(line.recorded_at),
            kind: line.kind,
            amount_minor: line.amount_minor,
            currency: line.currency,
            reason: line.reason,
            source_key: line.source_key,
            note: line.note,
        };
        Ok(Self {
            customer: customer.to_owned(),
            accounts: accounts.into_iter().map(account).collect(),
            lots: lots.into_iter().map(lot).collect(),
            movements: movements.into_iter().rev().map(movement).collect(),
            mails,
            explained,
        })
    }
}
