//! Members, and their import in bulk.
//!
//! An import is one transaction: rows are copied into a temporary table as they are read, then
//! merged by set-based statements. So a million rows need no memory here, and an import that breaks
//! off has changed nothing.

mod customer;
mod enrol;

pub use customer::{Customer, Known, Noted, change_tags, delete, known, member_since, note};
pub use enrol::{Welcomed, enrol, welcome};

use chrono::{DateTime, Utc};
use csv::WriterBuilder;
use sqlx::Row as _;
use uuid::Uuid;

use crate::error::{Doing, ErrorKind, StoreError};
use crate::{Pool, TenantId, Tx};

/// A row to be imported, checked and cleaned.
#[derive(Clone, Debug)]
pub struct StagedMember {
    /// Line of the file that it came from, for messages.
    pub line: u64,
    /// The Shopify customer id.
    pub external_id: String,
    /// E-mail address.
    pub email: Option<String>,
    /// First name.
    pub first_name: Option<String>,
    /// Last name.
    pub last_name: Option<String>,
    /// Telephone number.
    pub phone: Option<String>,
    /// Whether marketing by e-mail is agreed to.
    pub accepts_email_marketing: bool,
    /// The tier that the tags place the member in.
    pub tier_id: Option<i32>,
}

/// A row that names a customer whom an earlier row named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepeatedRow {
    /// Its line.
    pub line: u64,
    /// The earlier line, which counts.
    pub first_line: u64,
}

/// What an import did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportCounts {
    /// Members who are new.
    pub added: u64,
    /// Members whose details changed.
    pub updated: u64,
    /// Memberships that ended, because the tags say another tier or none.
    pub memberships_ended: u64,
    /// Memberships that began.
    pub memberships_begun: u64,
}

/// An import under way.
pub struct Import {
    tx: Tx,
    tenant: TenantId,
}

// These statements name a temporary table, which does not exist when queries are checked; they are
// constant text all the same.
const CREATE_STAGE: &str = "create temporary table staged_members (
    line bigint not null, id uuid not null, external_id text not null, email text, first_name text,
    last_name text, phone text, accepts_email_marketing boolean not null, tier_id integer
) on commit drop";
const COPY_STAGE: &str = "copy staged_members from stdin (format csv)";
const REPEATED: &str = "with numbered as (
    select ctid, line, first_value(line) over (partition by external_id order by line) as first_line
    from staged_members
)
delete from staged_members s using numbered n
where s.ctid = n.ctid and n.line <> n.first_line
returning n.line, n.first_line";
const UPSERT: &str = include_str!("members/upsert.sql");
const END_MEMBERSHIPS: &str = include_str!("members/end_memberships.sql");
const NOTE_UNDER: &str = include_str!("members/note_under.sql");
const BEGIN_MEMBERSHIPS: &str = include_str!("members/begin_memberships.sql");

impl Import {
    /// Begins an import into `tenant`.
    ///
    /// # Errors
    /// As any statement.
    pub async fn begin(pool: &Pool, tenant: TenantId) -> Result<Self, StoreError> {
        let mut tx = Tx::of_tenant(pool, tenant).await?;
        sqlx::query(CREATE_STAGE).execute(&mut *tx).await.doing("preparing an import")?;
        Ok(Self { tx, tenant })
    }

    /// Copies rows to the server.
    ///
    /// # Errors
    /// As any statement.
    pub async fn stage(&mut self, rows: &[StagedMember]) -> Result<(), StoreError> {
        let encoded =
            encode(rows).map_err(|_in_memory| StoreError::of_kind(ErrorKind::Unexpected, "encoding rows"))?;
        let mut copy = self.tx.copy_in_raw(COPY_STAGE).await.doing("copying rows")?;
        copy.send(encoded).await.doing("copying rows")?;
        copy.finish().await.doing("copying rows").map(drop)
    }

    /// Takes out rows that repeat an earlier row's customer, and names them.
    ///
    /// # Errors
    /// As any statement.
    pub async fn take_repeated(&mut self) -> Result<Vec<RepeatedRow>, StoreError> {
        let rows = sqlx::query(REPEATED).fetch_all(&mut *self.tx).await.doing("looking for repeated rows")?;
        let line = |row: &sqlx::postgres::PgRow, at: usize| -> Result<u64, StoreError> {
            let line: i64 = row.try_get(at).doing("looking for repeated rows")?;
            Ok(u64::try_from(line).unwrap_or(0))
        };
        rows.iter().map(|row| Ok(RepeatedRow { line: line(row, 0)?, first_line: line(row, 1)? })).collect()
    }

    /// Merges the rows into the tenant's members and commits.
    ///
    /// `since` is when the membership of somebody begins who never had one; changes of tier count
    /// from now. What is as the rows say stays untouched, so a second import changes nothing.
    ///
    /// # Errors
    /// As any statement; then nothing has changed.
    pub async fn merge(mut self, since: Option<DateTime<Utc>>) -> Result<ImportCounts, StoreError> {
        let tenant = self.tenant.0;
        sqlx::query("analyze staged_members").execute(&mut *self.tx).await.doing("preparing the merge")?;
        let upserted =
            sqlx::query(UPSERT).bind(tenant).fetch_one(&mut *self.tx).await.doing("merging members")?;
        let count = |at: usize| -> Result<u64, StoreError> {
            let n: i64 = upserted.try_get(at).doing("merging members")?;
            Ok(u64::try_from(n).unwrap_or(0))
        };
        let (added, updated) = (count(0)?, count(1)?);
        let ended = sqlx::query(END_MEMBERSHIPS).bind(tenant).execute(&mut *self.tx).await;
        let memberships_ended = ended.doing("ending memberships")?.rows_affected();
        let noted = sqlx::query(NOTE_UNDER).bind(tenant).execute(&mut *self.tx).await;
        noted.doing("noting what is under memberships by spend")?;
        let begun = sqlx::query(BEGIN_MEMBERSHIPS).bind(tenant).bind(since).execute(&mut *self.tx).await;
        let memberships_begun = begun.doing("beginning memberships")?.rows_affected();
        self.tx.commit().await?;
        Ok(ImportCounts { added, updated, memberships_ended, memberships_begun })
    }
}

/// CSV as COPY reads it: an empty unquoted field is null, and no cleaned field is empty.
fn encode(rows: &[StagedMember]) -> Result<Vec<u8>, csv::Error> {
    let mut writer = WriterBuilder::new().has_headers(false).from_writer(Vec::new());
    for row in rows {
        let tier_id = row.tier_id.map(|id| id.to_string());
        writer.write_record([
            row.line.to_string().as_str(),
            &Uuid::now_v7().to_string(),
            &row.external_id,
            row.email.as_deref().unwrap_or_default(),
            row.first_name.as_deref().unwrap_or_default(),
            row.last_name.as_deref().unwrap_or_default(),
            row.phone.as_deref().unwrap_or_default(),
            if row.accepts_email_marketing { "t" } else { "f" },
            tier_id.as_deref().unwrap_or_default(),
        ])?;
    }
    writer.into_inner().map_err(|error| csv::Error::from(std::io::Error::other(error.to_string())))
}

/// The tenant's member with this customer id; if that one has become a part of another, the other.
///
/// # Errors
/// As any statement.
pub async fn by_external_id(
    db: &mut crate::Connection,
    tenant: TenantId,
    external_id: &str,
) -> Result<Option<Uuid>, StoreError> {
    sqlx::query_scalar!(
        r#"select coalesce(merged_into, id) as "id!" from members where tenant_id = $1 and external_id = $2"#,
        tenant as TenantId,
        external_id,
    )
    .fetch_optional(db)
    .await
    .doing("looking up a member")
}

/// Who the member is now: the member itself, or the one that it has become a part of.
///
/// # Errors
/// As any statement.
pub async fn current(
    db: &mut crate::Connection,
    tenant: TenantId,
    member_id: Uuid,
) -> Result<Uuid, StoreError> {
    sqlx::query_scalar!(
        r#"select coalesce(merged_into, id) as "id!" from members where tenant_id = $1 and id = $2"#,
        tenant as TenantId,
        member_id,
    )
    .fetch_one(db)
    .await
    .doing("looking up who a member is now")
}

/// Whether a tenant has at most so many members, no more of which are read, and, if that matters, nobody is writing memberships of
/// it: what is read of them from here on is all that was written before. Nobody is waited for, and nobody is held up.
///
/// # Errors
/// As any statement.
pub async fn are_few_and_at_rest(
    db: &mut crate::Connection,
    tenant: TenantId,
    count: i64,
    memberships_matter: bool,
) -> Result<bool, StoreError> {
    sqlx::query_scalar!(
        r#"select case when more then false when $3 then nobody_writes_memberships($1) else true end as "are!"
           from (select exists (select from members where tenant_id = $1 offset $2) as more offset 0) as size"#,
        tenant as TenantId,
        count,
        memberships_matter,
    )
    .fetch_one(db)
    .await
    .doing("looking whether a tenant is large")
}

/// How many members and open memberships a tenant has.
///
/// # Errors
/// As any statement.
pub async fn count(db: &mut crate::Connection, tenant: TenantId) -> Result<(i64, i64), StoreError> {
    sqlx::query!(
        r#"select (select count(*) from members where tenant_id = $1) as "members!",
                  (select count(*) from memberships where tenant_id = $1 and valid_to is null and status = 'active')
                      as "active!""#,
        tenant as TenantId
    )
    .fetch_one(db)
    .await
    .doing("counting members")
    .map(|row| (row.members, row.active))
}
