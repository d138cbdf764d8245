//! Wallets: the ledger follows what a shop has booked by itself, and says where the two differ.

mod differences;
mod follow;

pub use differences::{
    Difference, DifferenceView, Standing, agree, count_differences, differences, mark_repaired,
    note_difference, standing,
};
pub use follow::{BookingKind, Followed, ShopBooking, follow, note_followed};

use uuid::Uuid;

use crate::error::{Doing, StoreError};
use crate::runs::BatchRange;
use crate::{Connection, RunId, TenantId};

/// A member whose wallet is looked at.
#[derive(Clone, Debug)]
pub struct WalletMember {
    /// The member.
    pub member_id: Uuid,
    /// The customer id.
    pub external_id: String,
    /// ISO 4217 code.
    pub currency: String,
    /// The account at the shop, if it is known.
    pub account_gid: Option<String>,
    /// The newest booking there that the ledger has followed.
    pub followed_gid: Option<String>,
}

/// The members of a batch that have a wallet: an account of their own, in the batch's currency.
///
/// # Errors
/// As any statement.
pub async fn members(
    db: &mut Connection,
    tenant: TenantId,
    run_id: RunId,
    range: BatchRange,
) -> Result<Vec<WalletMember>, StoreError> {
    sqlx::query_as!(
        WalletMember,
        r#"select a.member_id, m.external_id, a.currency, s.account_gid as "account_gid?",
               s.followed_gid as "followed_gid?"
           from accounts a
           join batches b on b.run_id = $2 and b.currency = a.currency
           join members m on m.tenant_id = a.tenant_id and m.id = a.member_id
           left join shop_accounts s on s.tenant_id = a.tenant_id and s.member_id = a.member_id
               and s.currency = a.currency
           where a.tenant_id = $1 and a.member_id between $3 and $4
           order by a.member_id"#,
        tenant as TenantId,
        run_id as RunId,
        range.first,
        range.last,
    )
    .fetch_all(db)
    .await
    .doing("listing the wallets of a batch")
}
