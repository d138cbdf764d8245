//! Credits that another system has issued, brought over once each: so that it is never issued here a second time.
//!
//! An imported monthly credit is a lot like any other, under the key that ours would have (`monthly`, the period). So the
//! unique key that keeps a member from two credits of a month keeps the month's run, a backfill and an import apart, too.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

use crate::error::{Doing, StoreError};
use crate::{Connection, Pool, RunId, TenantId, Tx};

/// Why a credit was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A month's credit: its period counts as granted.
    Monthly,
    /// What a member had when the system changed, whatever for.
    Opening,
}

impl Reason {
    /// The name that is stored and read.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Monthly => "monthly",
            Self::Opening => "opening",
        }
    }
}

/// A credit to be brought over, checked and cleaned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OldCredit {
    /// Line of the file that it came from, for messages.
    pub line: i64,
    /// What the other system calls it.
    pub external_id: String,
    /// The customer id of its member.
    pub member: String,
    /// Why it was given.
    pub reason: Reason,
    /// The month, for monthly ones.
    pub period: Option<String>,
    /// What was given, in minor units of the tenant's currency.
    pub amount_minor: i64,
    /// What of it can be spent here, in minor units.
    pub left_minor: i64,
    /// When it was given.
    pub granted_at: DateTime<Utc>,
    /// The end that its member was told; `None` for never.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it really ends, with the days of grace.
    pub ends_at: Option<DateTime<Utc>>,
    /// The local day from which its end was counted.
    pub anchor_on: NaiveDate,
}

/// What became of a line, or would.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is new.
    Imported,
    /// It was brought over before, the very same.
    Unchanged,
    /// It can't be brought over.
    Refused(Refusal),
}

/// Why a line can't be brought over, and what puts it right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Nobody has this customer id.
    UnknownMember,
    /// The credit's name is that of another one, which was imported before.
    OtherCredit,
    /// The member has the month's credit by another imported credit, of this name.
    SameMonth(String),
    /// The member has the month's credit from here, by this run.
    GrantedHere(Option<RunId>),
    /// Another line of the same file, this one, has the name.
    RepeatedName(i64),
    /// Another line of the same file, this one, is the same member's credit of the same month.
    RepeatedMonth(i64),
}

impl Refusal {
    /// The field that is wrong.
    #[must_use]
    pub fn field(&self) -> &'static str {
        match self {
            Self::UnknownMember => "member",
            Self::OtherCredit | Self::RepeatedName(_) => "external_id",
            Self::SameMonth(_) | Self::GrantedHere(_) | Self::RepeatedMonth(_) => "period",
        }
    }

    /// What is wrong.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            Self::UnknownMember => "the shop has no member with this customer id".to_owned(),
            Self::OtherCredit => "another credit was imported under this name".to_owned(),
            Self::SameMonth(name) => format!("the member has this month's credit by the imported {name}"),
            Self::GrantedHere(Some(run)) => {
                format!("the member has got this month's credit from here, too, by run {run}")
            }
            Self::GrantedHere(None) => "the member has got this month's credit from here, too".to_owned(),
            Self::RepeatedName(line) => format!("line {line} has the same name"),
            Self::RepeatedMonth(line) => format!("line {line} is the same member's credit of this month"),
        }
    }

    /// What puts it right.
    #[must_use]
    pub fn fix(&self) -> &'static str {
        match self {
            Self::UnknownMember => "import the members first, or take the line out",
            Self::OtherCredit | Self::RepeatedName(_) => "give each credit a name of its own",
            Self::SameMonth(_) | Self::RepeatedMonth(_) => {
                "put both into one line, or bring the second over with the reason opening"
            }
            Self::GrantedHere(_) => {
                "it was credited twice: take one back with tradeup adjust or reverse, and take the line out"
            }
        }
    }
}

/// An import under way.
#[derive(Clone, Debug)]
pub struct Import {
    /// Its id.
    pub id: Uuid,
    /// The tenant.
    pub tenant: TenantId,
    /// ISO 4217 code of its ledger.
    pub currency: String,
    /// Who imports.
    pub actor: String,
    /// Whether what is left is in the shop's own store credit already, so that it is not to be told.
    pub at_shop: bool,
}

/// A chunk that others have changed under us so often has something wrong with it.
const TRIES_MAX: u32 = 5;

impl Import {
    /// Writes down that an import begins.
    ///
    /// # Errors
    /// As any statement.
    pub async fn begin(&self, db: &mut Connection, period: &str) -> Result<(), StoreError> {
        sqlx::query!(
            "insert into credit_imports (tenant_id, id, period, imported_by) values ($1, $2, $3, $4)",
            self.tenant as TenantId,
            self.id,
            period,
            self.actor,
        )
        .execute(db)
        .await
        .doing("beginning an import")
        .map(drop)
    }

    /// Says what would become of each line, and changes nothing.
    ///
    /// # Errors
    /// As any statement.
    pub async fn judge(
        &self,
        db: &mut Connection,
        credits: &[OldCredit],
    ) -> Result<Vec<(i64, Verdict)>, StoreError> {
        Ok(look(db, self.tenant, credits)
            .await?
            .into_iter()
            .map(|(line, verdict, _)| (line, verdict))
            .collect())
    }

    /// Brings a chunk over, in a transaction of its own, and counts it.
    ///
    /// # Errors
    /// As any statement; then nothing of the chunk was brought over.
    pub async fn chunk(&self, pool: &Pool, credits: &[OldCredit]) -> Result<Vec<(i64, Verdict)>, StoreError> {
        let mut tries = 0;
        loop {
            let mut tx = Tx::of_tenant(pool, self.tenant).await?;
            let found = look(&mut tx, self.tenant, credits).await?;
            let new: Vec<(&OldCredit, Uuid)> = found
                .iter()
                .zip(credits)
                .filter_map(|((_, verdict, member), credit)| {
                    (*verdict == Verdict::Imported).then_some(credit).zip(*member)
                })
                .collect();
            let booked = book(&mut tx, self, &new).await?;
            if usize::try_from(booked).ok() == Some(new.len()) {
                let verdicts: Vec<(i64, Verdict)> =
                    found.into_iter().map(|(line, verdict, _)| (line, verdict)).collect();
                count(&mut tx, self, &Counts::of(&verdicts)).await?;
                tx.commit().await?;
                return Ok(verdicts);
            }
            // Somebody was quicker, with a credit of the same key: looked at again, it is told from this one.
            tx.rollback().await?;
            tries += 1;
            if tries == TRIES_MAX {
                return Err(StoreError::of_kind(crate::ErrorKind::Conflict, "importing credits"));
            }
        }
    }

    /// Counts lines that were refused before they came here.
    ///
    /// # Errors
    /// As any statement.
    pub async fn count_refused(&self, db: &mut Connection, lines: i64) -> Result<(), StoreError> {
        count(db, self, &Counts { lines, refused: lines, ..Counts::default() }).await
    }

    /// Writes down that the import has come to its end.
    ///
    /// # Errors
    /// As any statement.
    pub async fn end(&self, db: &mut Connection) -> Result<(), StoreError> {
        sqlx::query!(
            "update credit_imports set ended_at = clock_timestamp() where tenant_id = $1 and id = $2",
            self.tenant as TenantId,
            self.id,
        )
        .execute(db)
        .await
        .doing("ending an import")
        .map(drop)
    }
}

/// Whether the whole of what the other system has issued for a period was brought over: an import of it has ended with no
/// line refused.
///
/// # Errors
/// As any statement.
pub async fn is_complete(db: &mut Connection, tenant: TenantId, period: &str) -> Result<bool, StoreError> {
    sqlx::query_scalar!(
        r#"select exists (select from credit_imports where tenant_id = $1 and period = $2 and ended_at is not null
               and refused = 0) as "complete!""#,
        tenant as TenantId,
        period,
    )
    .fetch_one(db)
    .await
    .doing("looking for imported credits")
}

async fn look(
    db: &mut Connection,
    tenant: TenantId,
    credits: &[OldCredit],
) -> Result<Vec<(i64, Verdict, Option<Uuid>)>, StoreError> {
    let texts = |of: fn(&OldCredit) -> &str| credits.iter().map(|c| of(c).to_owned()).collect::<Vec<_>>();
    let numbers = |of: fn(&OldCredit) -> i64| credits.iter().map(of).collect::<Vec<_>>();
    let periods: Vec<Option<String>> = credits.iter().map(|credit| credit.period.clone()).collect();
    let rows = sqlx::query_file!(
        "src/imports/look.sql",
        tenant as TenantId,
        &numbers(|c| c.line),
        &texts(|c| &c.member),
        &texts(|c| &c.external_id),
        &texts(|c| c.reason.as_str()),
        &periods as &[Option<String>],
        &numbers(|c| c.amount_minor),
        &numbers(|c| c.left_minor),
    )
    .fetch_all(db)
    .await
    .doing("looking for imported credits")?;
    let by_line: HashMap<i64, _> = rows.into_iter().map(|row| (row.line, row)).collect();
    let mut names: HashMap<&str, i64> = HashMap::new();
    let mut months: HashMap<(Uuid, &str), i64> = HashMap::new();
    let mut judged = Vec::with_capacity(credits.len());
    for credit in credits {
        let Some(row) = by_line.get(&credit.line) else {
            return Err(StoreError::of_kind(crate::ErrorKind::Corrupt, "looking for imported credits"));
        };
        let refused = |why| Verdict::Refused(why);
        let repeated = names.get(credit.external_id.as_str());
        let month = row.member_id.zip(credit.period.as_deref());
        let verdict = match (row.member_id, repeated) {
            (_, Some(line)) => refused(Refusal::RepeatedName(*line)),
            (None, None) => refused(Refusal::UnknownMember),
            (Some(_), None) if row.known && row.same => Verdict::Unchanged,
            (Some(_), None) if row.known => refused(Refusal::OtherCredit),
            (Some(_), None) if row.lot_id.is_some() => match &row.taken_by {
                Some(name) => refused(Refusal::SameMonth(name.clone())),
                None => refused(Refusal::GrantedHere(row.granted_by)),
            },
            (Some(_), None) => match month.and_then(|month| months.get(&month)) {
                Some(line) => refused(Refusal::RepeatedMonth(*line)),
                None => Verdict::Imported,
            },
        };
        names.entry(&credit.external_id).or_insert(credit.line);
        if let (Verdict::Imported, Some(month)) = (&verdict, month) {
            months.insert(month, credit.line);
        }
        judged.push((credit.line, verdict, row.member_id));
    }
    Ok(judged)
}

async fn book(db: &mut Connection, import: &Import, new: &[(&OldCredit, Uuid)]) -> Result<i64, StoreError> {
    if new.is_empty() {
        return Ok(0);
    }
    let credits = || new.iter().map(|(credit, _)| *credit);
    let periods: Vec<Option<String>> = credits().map(|c| c.period.clone()).collect();
    let expires: Vec<Option<DateTime<Utc>>> = credits().map(|c| c.expires_at).collect();
    let ends: Vec<Option<DateTime<Utc>>> = credits().map(|c| c.ends_at).collect();
    sqlx::query_file_scalar!(
        "src/imports/book.sql",
        import.tenant as TenantId,
        import.id,
        import.currency,
        import.actor,
        import.at_shop,
        &credits().map(|c| c.external_id.clone()).collect::<Vec<_>>(),
        &new.iter().map(|(_, member)| *member).collect::<Vec<_>>(),
        &credits().map(|c| c.reason.as_str().to_owned()).collect::<Vec<_>>(),
        &periods as &[Option<String>],
        &credits().map(|c| c.amount_minor).collect::<Vec<_>>(),
        &credits().map(|c| c.left_minor).collect::<Vec<_>>(),
        &credits().map(|c| c.granted_at).collect::<Vec<_>>(),
        &expires as &[Option<DateTime<Utc>>],
        &ends as &[Option<DateTime<Utc>>],
        &credits().map(|c| c.anchor_on).collect::<Vec<_>>(),
        &new.iter().map(|_| Uuid::now_v7()).collect::<Vec<_>>(),
    )
    .fetch_one(db)
    .await
    .doing("importing credits")
}

/// What became of lines.
#[derive(Default)]
struct Counts {
    lines: i64,
    imported: i64,
    unchanged: i64,
    refused: i64,
}

impl Counts {
    fn of(verdicts: &[(i64, Verdict)]) -> Self {
        let mut counts = Self::default();
        for (_, verdict) in verdicts {
            counts.lines += 1;
            match verdict {
                Verdict::Imported => counts.imported += 1,
                Verdict::Unchanged => counts.unchanged += 1,
                Verdict::Refused(_) => counts.refused += 1,
            }
        }
        counts
    }
}

async fn count(db: &mut Connection, import: &Import, counts: &Counts) -> Result<(), StoreError> {
    sqlx::query!(
        "update credit_imports set lines = lines + $3, imported = imported + $4, unchanged = unchanged + $5,
             refused = refused + $6
         where tenant_id = $1 and id = $2",
        import.tenant as TenantId,
        import.id,
        counts.lines,
        counts.imported,
        counts.unchanged,
        counts.refused,
    )
    .execute(db)
    .await
    .doing("counting an import")
    .map(drop)
}
