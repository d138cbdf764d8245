//! What a campaign does for a batch of its members.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::CampaignId;
use crate::batches::BatchCounts;
use crate::credits::{MemberBatch, Scope, recover};
use crate::error::{Doing, ErrorKind, StoreError};
use crate::ids::new_ids;
use crate::runs::BatchRange;
use crate::{Connection, RunId, TenantId, accounts};

/// Most mails of one batch, for which ids are made ahead; any more get one from the database.
const IDS: usize = 128;

/// What a batch of a campaign is about.
#[derive(Clone, Copy, Debug)]
pub struct CampaignBatch {
    /// The tenant.
    pub tenant: TenantId,
    /// The run that executes the batch.
    pub run_id: RunId,
    /// The campaign.
    pub campaign: CampaignId,
    /// When what is given takes effect.
    pub acts_at: DateTime<Utc>,
    /// The end of a bonus credit that its member is told; `None` for never.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it really ends, with the days of grace; `None` for never.
    pub ends_at: Option<DateTime<Utc>>,
    /// Which members.
    pub range: BatchRange,
}

/// What has to be known of a campaign while it is carried out.
struct Doings {
    kind: String,
    state: String,
    currency: String,
    left_minor: i64,
    wallet: String,
}

impl MemberBatch for CampaignBatch {
    fn scope(&self) -> Scope {
        Scope { tenant: self.tenant, run_id: self.run_id, range: self.range }
    }

    /// Gives or extends what members get and writes down their mails, to be sent once this has committed. The campaign's
    /// row is locked until then, so that its limit holds for all batches together.
    async fn apply(&self, db: &mut Connection, range: BatchRange) -> Result<BatchCounts, StoreError> {
        let doings = sqlx::query_as!(
            Doings,
            r#"select c.kind, c.state, c.currency, t.wallet,
                   case when c.kind = 'extension' and c.cost_limit_minor = 0 then 9223372036854775807
                       else c.cost_limit_minor - c.spent_minor end as "left_minor!"
               from campaigns c join tenants t on t.id = c.tenant_id
               where c.tenant_id = $1 and c.id = $2
               for update of c"#,
            self.tenant as TenantId,
            self.campaign as CampaignId,
        )
        .fetch_optional(&mut *db)
        .await
        .doing("looking at a campaign")?
        .ok_or_else(|| StoreError::of_kind(ErrorKind::Unexpected, "looking at a campaign"))?;
        self.skip_gone(db, range).await?;
        match doings.kind.as_str() {
            _ if doings.state == "stopped" => self.skip(db, range, "skipped_stopped").await?,
            "bonus_credit" => self.credit(db, range, &doings).await?,
            // There credit ends by itself.
            "extension" if doings.wallet == "shopify" => self.skip(db, range, "skipped_wallet").await?,
            "extension" => self.extend(db, range, &doings).await?,
            _ => {}
        }
        self.write(db, range).await?;
        // Mails follow: what became of the members is counted by [`tally`].
        Ok(BatchCounts::default())
    }

    async fn members(&self, db: &mut Connection) -> Result<Vec<Uuid>, StoreError> {
        sqlx::query_scalar!(
            "select member_id from campaign_members
             where tenant_id = $1 and campaign_id = $2 and member_id between $3 and $4 and arm = 'treated'
                 and outcome is null
             order by member_id",
            self.tenant as TenantId,
            self.campaign as CampaignId,
            self.range.first,
            self.range.last,
        )
        .fetch_all(db)
        .await
        .doing("listing a batch's members")
    }
}

impl CampaignBatch {
    /// Who has gone, or has become a part of another member, since the members were drawn.
    async fn skip_gone(&self, db: &mut Connection, range: BatchRange) -> Result<(), StoreError> {
        sqlx::query!(
            "update campaign_members c set outcome = 'skipped_gone', run_id = $5, at = clock_timestamp()
             from members m
             where c.tenant_id = $1 and c.campaign_id = $2 and c.member_id between $3 and $4 and c.arm = 'treated'
                 and c.outcome is null and m.tenant_id = $1 and m.id = c.member_id
                 and (m.merged_into is not null or m.deleted_at is not null or m.redacted_at is not null)",
            self.tenant as TenantId,
            self.campaign as CampaignId,
            range.first,
            range.last,
            self.run_id as RunId,
        )
        .execute(db)
        .await
        .doing("passing over members who have gone")
        .map(drop)
    }

    async fn skip(&self, db: &mut Connection, range: BatchRange, why: &str) -> Result<(), StoreError> {
        sqlx::query!(
            "update campaign_members set outcome = $6, run_id = $5, at = clock_timestamp()
             where tenant_id = $1 and campaign_id = $2 and member_id between $3 and $4 and arm = 'treated'
                 and outcome is null",
            self.tenant as TenantId,
            self.campaign as CampaignId,
            range.first,
            range.last,
            self.run_id as RunId,
            why,
        )
        .execute(db)
        .await
        .doing("passing over a campaign's members")
        .map(drop)
    }

    async fn credit(
        &self,
        db: &mut Connection,
        range: BatchRange,
        doings: &Doings,
    ) -> Result<(), StoreError> {
        let lots = sqlx::query_file_scalar!(
            "src/campaigns/credit.sql",
            self.tenant as TenantId,
            self.run_id as RunId,
            self.campaign as CampaignId,
            range.first,
            range.last,
            doings.left_minor,
            self.acts_at,
            self.expires_at,
            self.ends_at,
            self.acts_at.date_naive(),
            &new_ids(usize::try_from(range.members).unwrap_or(0)),
        )
        .fetch_one(&mut *db)
        .await
        .doing("giving a campaign's credit")?;
        if let Some(lots) = lots {
            recover(db, self.tenant, self.run_id, &lots, self.acts_at).await?;
        }
        Ok(())
    }

    /// Accounts are locked in a statement of their own, so that the next one sees what a spend that was under way has left.
    async fn extend(
        &self,
        db: &mut Connection,
        range: BatchRange,
        doings: &Doings,
    ) -> Result<(), StoreError> {
        let locked = sqlx::query_scalar!(
            "select a.member_id from accounts a
             join campaign_members c on c.tenant_id = $1 and c.campaign_id = $2 and c.member_id = a.member_id
                 and c.arm = 'treated' and c.outcome is null
             where a.tenant_id = $1 and a.member_id between $3 and $4 and a.currency = $5
             order by a.member_id
             for update of a",
            self.tenant as TenantId,
            self.campaign as CampaignId,
            range.first,
            range.last,
            doings.currency,
        )
        .fetch_all(&mut *db)
        .await
        .doing("locking the accounts of a campaign's members")?;
        if accounts::guard(db, self.tenant, &locked, &doings.currency).await? {
            return Err(StoreError::of_kind(ErrorKind::Conflict, "extending credit"));
        }
        sqlx::query_file!(
            "src/campaigns/extend.sql",
            self.tenant as TenantId,
            self.run_id as RunId,
            self.campaign as CampaignId,
            range.first,
            range.last,
            doings.left_minor,
        )
        .execute(db)
        .await
        .doing("extending credit")
        .map(drop)
    }

    async fn write(&self, db: &mut Connection, range: BatchRange) -> Result<(), StoreError> {
        sqlx::query_file!(
            "src/campaigns/write.sql",
            self.tenant as TenantId,
            self.run_id as RunId,
            self.campaign as CampaignId,
            range.first,
            range.last,
            &new_ids(IDS),
        )
        .execute(db)
        .await
        .doing("writing down a campaign's mails")
        .map(drop)
    }
}

/// What became of a batch's members, once its mails are sent, and the campaign's end if this was the last of it.
///
/// # Errors
/// As any statement.
pub async fn tally(db: &mut Connection, batch: &CampaignBatch) -> Result<BatchCounts, StoreError> {
    // One batch after the other: of two that end at once, each would find what the other has not written yet still open.
    sqlx::query_scalar!(
        "select id from campaigns where tenant_id = $1 and id = $2 for update",
        batch.tenant as TenantId,
        batch.campaign as CampaignId,
    )
    .fetch_optional(&mut *db)
    .await
    .doing("looking at a campaign")?;
    let row = sqlx::query_file!(
        "src/campaigns/tally.sql",
        batch.tenant as TenantId,
        batch.run_id as RunId,
        batch.campaign as CampaignId,
        batch.range.first,
        batch.range.last,
    )
    .fetch_one(&mut *db)
    .await
    .doing("counting what a campaign has done")?;
    end(db, batch.tenant, batch.campaign).await?;
    let members = batch.range.members.max(row.affected + row.exempt + row.failed);
    Ok(BatchCounts {
        members,
        affected: row.affected,
        affected_minor: row.affected_minor,
        currency: Some(row.currency),
        already_done: members - row.affected - row.exempt - row.failed,
        exempt: row.exempt,
        failed: row.failed,
    })
}

/// Ends a campaign of whose members each is seen to.
pub(super) async fn end(db: &mut Connection, tenant: TenantId, id: CampaignId) -> Result<(), StoreError> {
    sqlx::query!(
        "update campaigns set state = 'done', ended_at = clock_timestamp()
         where tenant_id = $1 and id = $2 and state = 'running'
             and not exists (select from campaign_members m where m.tenant_id = $1 and m.campaign_id = $2
                 and m.arm = 'treated' and m.outcome is null)",
        tenant as TenantId,
        id as CampaignId,
    )
    .execute(db)
    .await
    .doing("ending a campaign")
    .map(drop)
}
