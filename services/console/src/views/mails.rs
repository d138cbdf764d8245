//! Mails to a member, without addresses.

use serde::Serialize;
use tradeup_store::digests::{self, DigestFilter, DigestView};
use tradeup_store::{TenantId, Tx};
use utoipa::ToSchema;
use uuid::Uuid;

use super::when::When;
use crate::failure::Failure;

/// Mails that are shown: the newest.
const MAILS: i64 = 50;

/// A mail that warns of credit that is about to end, or a campaign's.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Mail {
    pub(crate) id: String,
    /// Its day, UTC.
    pub(crate) day: String,
    /// `pending`, `sending`, `sent`, `dropped`, `refused` or `unknown`: perhaps sent.
    pub(crate) state: String,
    /// How many credits it warns of; none, if it is a campaign's.
    pub(crate) lots: i64,
    /// The campaign that it is of, if it is of one.
    pub(crate) campaign: Option<String>,
    /// What it tells its member.
    pub(crate) about: String,
    pub(crate) tries: i32,
    pub(crate) written: When,
    pub(crate) ended: Option<When>,
    /// What there is to say about its state.
    pub(crate) because: String,
    /// The run that took it to the mail server last, or was to.
    pub(crate) run: String,
}

/// What it tells its member: a campaign's name, or how many credits end.
fn about(digest: &DigestView) -> String {
    match (&digest.campaign, digest.lots) {
        (Some(campaign), _) => campaign.clone(),
        (None, 1) => "1 credit ends".to_owned(),
        (None, lots) => format!("{lots} credits end"),
    }
}

impl Mail {
    fn of(digest: DigestView) -> Self {
        Self {
            because: digest.because(),
            about: about(&digest),
            campaign: digest.campaign_id.map(|id| id.to_string()),
            id: digest.id.to_string(),
            day: digest.day.to_string(),
            state: digest.state,
            lots: digest.lots,
            tries: digest.tries,
            written: When(digest.written_at),
            ended: digest.ended_at.map(When),
            run: digest.sender_run_id.unwrap_or(digest.run_id).to_string(),
        }
    }

    /// A member's, newest first.
    pub(super) async fn to(tx: &mut Tx, tenant: TenantId, member: Uuid) -> Result<Vec<Self>, Failure> {
        let filter = DigestFilter { member: Some(member), ..DigestFilter::default() };
        let found = digests::list(tx, tenant, &filter, MAILS).await?;
        Ok(found.into_iter().map(Self::of).collect())
    }
}
