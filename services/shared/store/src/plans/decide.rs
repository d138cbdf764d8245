//! Deciding on a plan's proposals.

use serde_json::json;
use tradeup_domain::amount_text;

use super::UNDECIDED_DAYS;
use crate::agent_settings;
use crate::audit::{self, Actor};
use crate::error::{Doing, StoreError};
use crate::{RunId, TenantId, Tx};

/// What is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is carried out.
    Approved,
    /// It is not.
    Rejected,
}

impl Verdict {
    /// As it is stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Rejected => "rejected",
        }
    }
}

/// What came of deciding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decided {
    /// It is decided now.
    Done,
    /// It was decided so before, by this person.
    Already(String),
    /// There is no such proposal.
    NotFound,
    /// It is not what was looked at: the hash differs.
    Changed,
    /// It was decided otherwise before, or has expired: its state.
    Closed(String),
    /// Something about it is unproven.
    NotApprovable,
    /// The offline script proposes it, and the shop's settings do not let that be approved.
    Offline,
    /// It is of a plan from before campaigns were carried out: what is to be done is not written down in full.
    Outdated,
    /// It is beyond a limit that the shop has set since it was planned.
    BeyondLimit(LimitPassed),
}

/// A limit of a shop, and by what a proposal passes it. Amounts are minor units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitPassed {
    /// What is limited, in words: `to each member`, `to all together`.
    pub what: &'static str,
    /// What the proposal may give at most.
    pub asked_minor: i64,
    /// What the shop allows.
    pub limit_minor: i64,
    /// ISO 4217 code.
    pub currency: String,
}

impl std::fmt::Display for LimitPassed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let amount = |minor| amount_text(minor, &self.currency);
        let (asked, limit) = (amount(self.asked_minor), amount(self.limit_minor));
        write!(f, "it may give {asked} {}, and the shop allows {limit} by now", self.what)
    }
}

/// Decides on one proposal, for exactly what it was when it was looked at; on record. The plan is approved or rejected
/// when nothing of it is left to decide. What is approved is carried out by a campaign, which the caller makes and begins
/// in the same transaction: [`crate::campaigns::approve`].
///
/// # Errors
/// As any statement.
pub async fn decide(
    tx: &mut Tx,
    tenant: TenantId,
    run_id: RunId,
    (key, hash): (&str, &str),
    verdict: Verdict,
    actor: &Actor,
) -> Result<Decided, StoreError> {
    let item = sqlx::query!(
        r#"select i.hash, i.state, i.approvable, i.decided_by, p.offline, i.terms->>'currency' as currency,
               (i.terms->>'credit_minor')::bigint as credit_minor, (i.terms->>'cost_limit_minor')::bigint as cost_minor,
               coalesce((select s.offline_approvals from agent_settings s where s.tenant_id = $1), false) as "offline_approvals!",
               p.created_at < clock_timestamp() - make_interval(days => $4) as "is_old!"
           from plan_items i join plans p on p.tenant_id = i.tenant_id and p.run_id = i.run_id
           where i.tenant_id = $1 and i.run_id = $2 and i.key = $3
           for update of p, i"#,
        tenant as TenantId,
        run_id as RunId,
        key,
        UNDECIDED_DAYS,
    )
    .fetch_optional(&mut **tx)
    .await
    .doing("reading a proposal")?;
    let Some(item) = item else { return Ok(Decided::NotFound) };
    if item.hash != hash {
        return Ok(Decided::Changed);
    }
    match (item.state.as_str(), item.decided_by) {
        ("proposed", _) => {}
        (state, Some(by)) if state == verdict.as_str() => return Ok(Decided::Already(by)),
        (state, _) => return Ok(Decided::Closed(state.to_owned())),
    }
    if verdict == Verdict::Approved {
        if item.is_old {
            return Ok(Decided::Closed("expired".to_owned()));
        }
        if !item.approvable {
            return Ok(Decided::NotApprovable);
        }
        if item.offline && !item.offline_approvals {
            return Ok(Decided::Offline);
        }
        let (Some(credit), Some(cost), Some(currency)) = (item.credit_minor, item.cost_minor, item.currency)
        else {
            return Ok(Decided::Outdated);
        };
        let limits = agent_settings::get(tx, tenant).await?;
        for (what, asked_minor, limit_minor) in [
            ("to each member", credit, limits.credit_minor_max),
            ("to all together", cost, limits.campaign_cost_minor_max),
        ] {
            if asked_minor > limit_minor {
                return Ok(Decided::BeyondLimit(LimitPassed { what, asked_minor, limit_minor, currency }));
            }
        }
    }
    sqlx::query!(
        "update plan_items set state = $4, decided_by = $5, reason = $6, decided_at = clock_timestamp()
         where tenant_id = $1 and run_id = $2 and key = $3",
        tenant as TenantId,
        run_id as RunId,
        key,
        verdict.as_str(),
        actor.name,
        actor.reason,
    )
    .execute(&mut **tx)
    .await
    .doing("deciding on a proposal")?;
    sqlx::query_file!("src/plans/close.sql", tenant as TenantId, run_id as RunId)
        .execute(&mut **tx)
        .await
        .doing("closing a plan")?;
    let act = format!("plans.{}", verdict.as_str());
    let subject = json!({ "tenant_id": tenant, "run_id": run_id.0, "key": key, "hash": hash });
    audit::record(tx, actor, &act, &subject).await?;
    Ok(Decided::Done)
}
