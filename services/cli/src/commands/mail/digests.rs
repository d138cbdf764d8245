//! `tradeup mail list` and `tradeup mail resolve`.

use std::cmp::Reverse;
use std::process::ExitCode;

use anyhow::{bail, ensure};
use chrono::NaiveDate;
use clap::Args;
use serde_json::{Value, json};
use tradeup_store::campaigns::CampaignId;
use tradeup_store::digests::{self, DigestFilter, DigestView, Resolution};
use tradeup_store::runs::{self, Trigger};
use tradeup_store::tenants::{self, Tenant};
use tradeup_store::{Pool, TenantRef, Tx, audit, schedules};
use tradeup_worker::trigger;
use uuid::Uuid;

use crate::Context;
use crate::commands::start::publish;
use crate::commands::tenant_by_handle;
use crate::commands::who::Who;
use crate::output::{instant, instant_or_dash, table};

/// List mails, newest first, without addresses.
#[derive(Args)]
pub(crate) struct List {
    /// Of this shop.
    #[arg(long)]
    tenant: Option<String>,
    /// In this state. `unknown` and, when their run has ended, `pending` and `sending` wait for a person.
    #[arg(long, value_parser = ["pending", "sending", "sent", "dropped", "refused", "unknown"])]
    state: Option<String>,
    /// Of this day, UTC.
    #[arg(long, value_name = "YYYY-MM-DD")]
    day: Option<NaiveDate>,
    /// Of this campaign.
    #[arg(long, value_name = "CAMPAIGN")]
    campaign: Option<Uuid>,
    /// How many.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(i64).range(1..=1000))]
    limit: i64,
}

/// Decide about a mail. First look into the mail server's log: the mail's Message-ID begins with its id.
#[derive(Args)]
pub(crate) struct Resolve {
    /// The mail's id, from the list.
    #[arg(value_name = "DIGEST")]
    digest: Uuid,
    /// The member has it.
    #[arg(long, required_unless_present = "send_again", conflicts_with = "send_again")]
    sent: bool,
    /// The member has it not: send it once more. Without certainty they may get it twice.
    #[arg(long)]
    send_again: bool,
    #[command(flatten)]
    who: Who,
}

impl List {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let campaign = self.campaign.map(CampaignId);
        let filter = DigestFilter { state: self.state, day: self.day, campaign, ..DigestFilter::default() };
        let wanted = match &self.tenant {
            Some(handle) => vec![tenant_by_handle(&pool, handle).await?],
            None => tenants::list(&pool).await?,
        };
        let mut listed = Vec::new();
        for tenant in &wanted {
            listed.extend(of_tenant(&pool, tenant, &filter, self.limit).await?);
            // No more than are shown, however many tenants there are.
            listed.sort_by_key(|digest| Reverse(digest.id));
            listed.truncate(usize::try_from(self.limit).unwrap_or(usize::MAX));
        }
        let values: Vec<Value> = listed.iter().map(value).collect();
        context.output().show(&json!(values), || {
            if listed.is_empty() {
                return "No mails.".to_owned();
            }
            let headings =
                ["mail", "tenant", "member", "day", "state", "about", "tries", "taken", "ended", "what"];
            let mut shown = table(&headings, &[6]);
            for digest in &listed {
                shown.add_row([
                    digest.id.to_string(),
                    digest.tenant_handle.clone(),
                    digest.member_id.to_string(),
                    digest.day.to_string(),
                    digest.state.clone(),
                    about(digest),
                    digest.tries.to_string(),
                    instant_or_dash(digest.taken_at),
                    instant_or_dash(digest.ended_at),
                    digest.because(),
                ]);
            }
            let asks = listed.iter().any(|digest| digest.state == "unknown");
            let hint = if asks {
                "\nunknown: perhaps sent. Look into the mail server's log for the id; then tradeup mail resolve."
            } else {
                ""
            };
            format!("{shown}{hint}")
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

async fn of_tenant(
    pool: &Pool,
    tenant: &Tenant,
    filter: &DigestFilter,
    limit: i64,
) -> anyhow::Result<Vec<DigestView>> {
    let mut tx = Tx::of_tenant(pool, tenant.id).await?;
    let listed = digests::list(&mut tx, tenant.id, filter, limit).await?;
    tx.rollback().await?;
    Ok(listed)
}

/// What it tells its member.
fn about(digest: &DigestView) -> String {
    match (&digest.campaign, digest.lots) {
        (Some(campaign), _) => format!("campaign {campaign}"),
        (None, 1) => "1 lot".to_owned(),
        (None, lots) => format!("{lots} lots"),
    }
}

fn value(digest: &DigestView) -> Value {
    json!({ "digest_id": digest.id.to_string(), "tenant": digest.tenant_handle,
        "member_id": digest.member_id.to_string(), "day": digest.day.to_string(), "state": digest.state,
        "dropped_because": digest.dropped_because, "locale": digest.locale, "lots": digest.lots,
        "campaign_id": digest.campaign_id.map(|id| id.to_string()), "campaign": digest.campaign,
        "tries": digest.tries, "written_at": instant(digest.written_at),
        "taken_at": digest.taken_at.map(instant), "ended_at": digest.ended_at.map(instant),
        "answer": digest.answer, "error_code": digest.error_code, "error": digest.error,
        "run_id": digest.run_id.to_string(), "sender_run_id": digest.sender_run_id.map(|id| id.to_string()),
        "resolved_by": digest.resolved_by })
}

impl Resolve {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        ensure!(self.who.has_reason(), "say why, for the record: --reason \"...\"");
        let pool = context.pool().await?;
        let id = self.digest;
        let (tenant, before) = find(&pool, id).await?;
        let resolution = if self.sent { Resolution::Sent } else { Resolution::SendAgain };
        let actor = self.who.actor();
        let mut tx = Tx::of_tenant(&pool, tenant.id).await?;
        let Some(tries) = digests::resolve(&mut tx, tenant.id, id, resolution, &actor.name).await? else {
            bail!(
                "mail {id} is {} and nothing is to be decided: decide about what is unknown; --send-again also takes \
                 what was refused, or is pending or being sent by a run that has ended",
                before.state
            );
        };
        let act = if self.sent { "mail marked as sent" } else { "mail sent again" };
        let subject = json!({ "tenant": tenant.handle, "digest_id": id.to_string(), "was": before.state });
        audit::record(&mut tx, &actor, act, &subject).await?;
        if resolution == Resolution::Sent {
            tx.commit().await?;
            let value = json!({ "digest_id": id.to_string(), "state": "sent", "run_id": null });
            context.output().show(&value, || format!("Mail {id} counts as sent."))?;
            return Ok(ExitCode::SUCCESS);
        }
        let now = schedules::now(&mut tx).await?;
        let owner = TenantRef { id: tenant.id, handle: tenant.handle };
        let new = trigger::send_digest(owner, &id.to_string(), tries, now, Trigger::Manual(actor.name));
        let created = runs::create(&mut tx, new).await?;
        tx.commit().await?;
        if let Some(message) = created.message {
            publish(context, message).await;
        }
        let run_id = created.run_id;
        let value = json!({ "digest_id": id.to_string(), "state": "pending", "run_id": run_id.to_string(), "new": created.is_new });
        context.output().show(&value, || {
            if created.is_new {
                format!("Mail {id} is sent once more: run {run_id}")
            } else {
                format!("Run {run_id} is to send mail {id} already; if it has failed: tradeup retry {run_id}")
            }
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Whose mail it is: rows of a tenant are seen in its own transaction only.
async fn find(pool: &Pool, id: Uuid) -> anyhow::Result<(Tenant, DigestView)> {
    let filter = DigestFilter { id: Some(id), ..DigestFilter::default() };
    for tenant in tenants::list(pool).await? {
        if let Some(digest) = of_tenant(pool, &tenant, &filter, 1).await?.pop() {
            return Ok((tenant, digest));
        }
    }
    bail!("there is no mail {id}; `tradeup mail list` shows those there are")
}
