//! Gives one credit to one member, for a reason of its own.
//!
//! Triggered by the event `credit.requested` and by `tradeup grant`. Effect: a lot, its grant entry and
//! the new balance, once for each key. Amounts are minor units of the tenant's currency.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::json;
use tradeup_domain::{Dependency, ErrorCode, Grant};
use tradeup_proto::job_kind::GRANT_CREDIT;
use tradeup_proto::{JobKind, convert, v1};
use tradeup_store::credits::{self, Granted, GroupGrant};
use tradeup_store::runs::Claim;
use tradeup_store::{TenantId, Tx, tenants};
use tradeup_worker::{Applied, Each, GroupTask, RetryPolicy, RunGroup, Task, TaskContext, TaskError};

/// The task.
pub(crate) struct GrantCredit;

impl Task for GrantCredit {
    const KIND: JobKind = GRANT_CREDIT;
    const RETRY: RetryPolicy = RetryPolicy::DATABASE;
    const TIME_LIMIT: Duration = Duration::from_secs(30);
    const NEEDS: &'static [Dependency] = &[Dependency::Ledger];
    const PREVIEWS: bool = true;
    type Input = v1::GrantCredit;

    async fn run(&self, context: &TaskContext, input: Self::Input) -> Result<Applied, TaskError> {
        let claim = &context.claim;
        let tenant = context.tenant()?.id;
        let grant = read(claim, &input)?;
        let mut tx = context.begin().await?;
        let ends_at = match grant.expires_at {
            None => None,
            Some(expires_at) => Some(settings(&mut tx, tenant).await?.ends_at(expires_at)),
        };
        let granted =
            credits::grant(&mut tx, tenant, claim.run_id, &grant, claim.scheduled_for, ends_at).await?;
        count(&mut tx, &granted, &grant);
        Ok(Applied::done(tx).with_result(decide(granted, &grant)?))
    }
}

impl GroupTask for GrantCredit {
    const RUNS_MAX: usize = 100;
    const BY_MESSAGE: bool = true;

    async fn run_together(&self, tx: &mut Tx, group: &RunGroup<Self::Input>) -> Result<Vec<Each>, TaskError> {
        let tenant = group.tenant.id;
        let read: Vec<_> = group.runs.iter().map(|(claim, input)| read(claim, input)).collect();
        let expire = read.iter().flatten().any(|grant| grant.expires_at.is_some());
        let settings = if expire { Some(settings(tx, tenant).await?) } else { None };
        // Of two with one key, the second comes by itself, when the first is there.
        let mut keys = HashSet::new();
        let mut grants = Vec::with_capacity(read.len());
        let mut each = Vec::with_capacity(read.len());
        for ((claim, _), read) in group.runs.iter().zip(read) {
            each.push(match read {
                Err(_told_alone) => Some(Each::Alone),
                Ok(grant) if !keys.insert(grant.source_key.clone()) => Some(Each::Alone),
                Ok(grant) => {
                    let ends_at = settings.as_ref().zip(grant.expires_at).map(|(s, at)| s.ends_at(at));
                    let (run_id, available_at) = (claim.run_id, claim.scheduled_for);
                    grants.push(GroupGrant { run_id, grant, available_at, ends_at });
                    None
                }
            });
        }
        let granted = credits::grant_together(tx, tenant, &grants).await?;
        let mut given = granted.into_iter().zip(&grants);
        for open in each.iter_mut().filter(|each| each.is_none()) {
            let Some((granted, one)) = given.next() else { break };
            count(tx, &granted, &one.grant);
            *open = Some(decide(granted, &one.grant).map_or(Each::Alone, Each::Done));
        }
        Ok(each.into_iter().map(|each| each.unwrap_or(Each::Alone)).collect())
    }
}

/// The credit that a run is about.
fn read(claim: &Claim, input: &v1::GrantCredit) -> Result<Grant, TaskError> {
    let grant = convert::grant(input)?;
    let invalid = |text: String| TaskError::permanent(ErrorCode::InvalidInput, text);
    grant.beginning(claim.scheduled_for).map_err(|error| invalid(error.to_string()))?;
    // The run's key is unique for the tenant, so the credit's is, too, for all of its members.
    let key = claim.effect_key();
    if grant.source_key != key {
        return Err(invalid(format!("field source_key is not the key of the run; give {key}")));
    }
    Ok(grant)
}

async fn settings(tx: &mut Tx, tenant: TenantId) -> Result<tenants::Settings, TaskError> {
    let tenant = tenants::by_id(tx, tenant)
        .await?
        .ok_or_else(|| TaskError::permanent(ErrorCode::TenantNotActive, "there is no such tenant"))?;
    Ok(tenant.settings()?)
}

fn count(tx: &mut Tx, granted: &Granted, grant: &Grant) {
    if let Granted::Done { is_new: true, .. } = granted {
        tx.moved("grant", grant.amount.currency.code(), 1, grant.amount.amount_minor.unsigned_abs());
    }
}

/// What the run says of it, or why it could not be done.
fn decide(granted: Granted, grant: &Grant) -> Result<serde_json::Value, TaskError> {
    match granted {
        Granted::Done { member_id, is_new } => Ok(json!({
            "outcome": if is_new { "granted" } else { "already_granted" },
            "member_id": member_id.to_string(),
            "amount_minor": grant.amount.amount_minor,
            "currency": grant.amount.currency.code(),
        })),
        Granted::TenantNotActive => {
            Err(TaskError::permanent(ErrorCode::TenantNotActive, "the tenant is not active"))
        }
        Granted::OtherCurrency(currency) => Err(TaskError::permanent(
            ErrorCode::WrongCurrency,
            format!(
                "the credit is in {}, the tenant's ledger in {currency}; give the amount in {currency}",
                grant.amount.currency
            ),
        )),
        Granted::OtherCredit => Err(TaskError::permanent(
            ErrorCode::InvalidInput,
            "field source_key is the key of another credit; give each credit a key of its own",
        )),
        Granted::UnknownMember => Err(super::unknown_member()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tradeup_domain::{Classify as _, Money, ValueClass};

    #[test]
    fn each_refusal_has_its_code_and_names_nobody() {
        let grant = Grant {
            member_external_id: "7250000000017".to_owned(),
            amount: Money { amount_minor: 500, currency: "EUR".parse().unwrap() },
            reason: "thanks".to_owned(),
            expires_at: None,
            value_class: ValueClass::Paid,
            source_key: "manual:1".to_owned(),
        };
        for (refused, code) in [
            (Granted::TenantNotActive, "TU0302"),
            (Granted::OtherCurrency("USD".to_owned()), "TU0306"),
            (Granted::OtherCredit, "TU0006"),
            (Granted::UnknownMember, "TU0305"),
        ] {
            let error = decide(refused, &grant).unwrap_err();
            assert_eq!(error.code().as_str(), code);
            assert!(!error.to_string().contains("725000"), "{error}");
        }
    }
}
