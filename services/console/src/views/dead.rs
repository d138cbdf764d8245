//! Dead letters, by what they died of.

use serde::Serialize;
use tradeup_store::dead_letters::{self, DeadFilter, DeadLetter, DeadOrder};
use tradeup_store::{Pool, Tx, doctor};
use utoipa::ToSchema;

use super::when::When;
use crate::failure::Failure;
use crate::runbooks;

/// Letters of a group that are shown.
const LETTERS_MAX: i64 = 100;

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Group {
    pub(crate) fingerprint: String,
    pub(crate) code: String,
    pub(crate) task: Option<String>,
    pub(crate) letters: i64,
    pub(crate) latest: When,
    /// The first of those that nobody has seen to died within a day.
    pub(crate) new: bool,
}

impl Group {
    /// What its code means.
    pub(crate) fn means(&self) -> &'static str {
        runbooks::meaning(&self.code)
    }
}

/// All groups that nobody has seen to.
pub(crate) async fn groups(pool: &Pool) -> Result<Vec<Group>, Failure> {
    let found = doctor::dead_groups(pool).await?;
    Ok(found
        .into_iter()
        .map(|group| Group {
            fingerprint: group.fingerprint,
            code: group.code,
            task: group.task,
            letters: group.letters,
            latest: When(group.latest),
            new: group.is_new,
        })
        .collect())
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Letter {
    pub(crate) id: String,
    pub(crate) run: Option<String>,
    pub(crate) run_key: Option<String>,
    pub(crate) run_state: Option<String>,
    pub(crate) tenant: Option<String>,
    pub(crate) task: Option<String>,
    pub(crate) subject: String,
    pub(crate) code: String,
    pub(crate) errors: Vec<String>,
    pub(crate) build: String,
    pub(crate) died: When,
    pub(crate) members: Option<i32>,
    pub(crate) resolution: Option<String>,
    pub(crate) resolved_by: Option<String>,
}

impl Letter {
    fn of(letter: DeadLetter) -> Self {
        Self {
            id: letter.id.to_string(),
            run: letter.run_id.map(|id| id.to_string()),
            run_key: letter.run_key,
            run_state: letter.run_state,
            tenant: letter.tenant_handle,
            task: letter.task,
            subject: letter.subject,
            code: letter.code,
            errors: letter.errors,
            build: letter.build,
            died: When(letter.dead_at),
            members: letter.batch_members,
            resolution: letter.resolution,
            resolved_by: letter.resolved_by,
        }
    }
}

/// A group with its letters, and how far it reaches.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GroupStory {
    pub(crate) fingerprint: String,
    pub(crate) code: String,
    pub(crate) task: Option<String>,
    pub(crate) letters: Vec<Letter>,
    /// There are more than are shown.
    pub(crate) more: bool,
    pub(crate) total: i64,
    /// Shops that it has hit.
    pub(crate) tenants: Vec<String>,
    /// Members in their batches.
    pub(crate) members: i64,
}

impl GroupStory {
    /// What its code means.
    pub(crate) fn means(&self) -> &'static str {
        runbooks::meaning(&self.code)
    }
}

/// One group.
pub(crate) async fn group(pool: &Pool, fingerprint: &str) -> Result<GroupStory, Failure> {
    let filter = DeadFilter { fingerprint: Some(fingerprint.to_owned()), ..DeadFilter::default() };
    let mut tx = Tx::of_engine(pool).await?;
    let reach = dead_letters::reach(&mut tx, fingerprint).await?.ok_or(Failure::NotFound)?;
    let letters = dead_letters::select(&mut tx, &filter, DeadOrder::NewestFirst, LETTERS_MAX).await?;
    tx.rollback().await?;
    Ok(GroupStory {
        fingerprint: fingerprint.to_owned(),
        code: reach.code,
        task: reach.task,
        more: reach.letters > LETTERS_MAX,
        letters: letters.into_iter().map(Letter::of).collect(),
        total: reach.letters,
        tenants: reach.tenants,
        members: reach.members,
    })
}
