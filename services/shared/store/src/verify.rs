//! Proof over the ledger: what must always hold, asked of every row.

mod figures;

pub use figures::{Balance, Figures, PastProof, Violated, history};

use crate::error::{Doing, StoreError};
use crate::{Pool, TenantId, Tx};

/// Most violations of one check that are listed; the count is always of all.
pub const LISTED_MAX: i64 = 50;

/// One broken rule.
#[derive(Clone, Debug)]
pub struct Violation {
    /// What it concerns: a lot, a member, a run.
    pub subject: String,
    /// What is wrong with it.
    pub detail: String,
}

/// The outcome of one check for one tenant.
#[derive(Clone, Debug)]
pub struct CheckResult {
    /// Name of the check.
    pub check: &'static str,
    /// What it proves.
    pub proves: &'static str,
    /// How many violations there are.
    pub violations: i64,
    /// The first of them.
    pub listed: Vec<Violation>,
}

/// What was examined of a tenant.
#[derive(Clone, Debug, Default)]
pub struct Examined {
    /// Members.
    pub members: i64,
    /// Lots.
    pub lots: i64,
    /// Ledger entries.
    pub entries: i64,
    /// Monthly runs of the tenant that have succeeded.
    pub runs: i64,
    /// Runs that are still on their way.
    pub runs_unfinished: i64,
    /// Currency and sum of the tenant's balances, in minor units.
    pub balances: Vec<(String, i64)>,
}

macro_rules! check {
    ($tx:expr, $tenant:expr, $name:literal, $file:literal, $proves:literal) => {{
        let rows = sqlx::query_file!($file, $tenant as TenantId, LISTED_MAX)
            .fetch_all(&mut **$tx)
            .await
            .doing(concat!("verifying ", $name))?;
        CheckResult {
            check: $name,
            proves: $proves,
            violations: rows.first().map_or(0, |row| row.violations),
            listed: rows
                .into_iter()
                .map(|row| Violation { subject: row.subject, detail: row.detail })
                .collect(),
        }
    }};
}

/// Runs every check over one tenant, in one snapshot, so that work under way can't disturb it.
///
/// # Errors
/// As any statement.
pub async fn tenant(pool: &Pool, tenant: TenantId) -> Result<(Examined, Vec<CheckResult>), StoreError> {
    let tx = Tx::snapshot_of_tenant(pool, tenant).await?;
    prove(tx, tenant).await
}

/// The same by a service, whose sessions are made for short statements, beside work that must not suffer from it: one
/// process of the server reads, however large the tables are.
///
/// # Errors
/// As any statement.
pub async fn tenant_beside_work(
    pool: &Pool,
    tenant: TenantId,
) -> Result<(Examined, Vec<CheckResult>), StoreError> {
    let mut tx = Tx::snapshot_of_tenant(pool, tenant).await?;
    // Whole tables are what a proof is about. A plan that was kept from their first days would not fit them any more.
    sqlx::query(
        "select set_config('enable_seqscan', 'on', true), set_config('plan_cache_mode', 'force_custom_plan', true),
             set_config('max_parallel_workers_per_gather', '0', true)",
    )
    .execute(&mut *tx)
    .await
    .doing("preparing the proof")?;
    prove(tx, tenant).await
}

async fn prove(mut tx: Tx, tenant: TenantId) -> Result<(Examined, Vec<CheckResult>), StoreError> {
    // Every check reads whole tables. On tables that were never analyzed the planner takes nested
    // loops for cheap, and ten thousand members take half a minute.
    sqlx::query("set local enable_nestloop = off").execute(&mut *tx).await.doing("preparing the proof")?;
    let examined = examine(&mut tx, tenant).await?;
    let tx_ref = &mut tx;
    let results = vec![
        check!(
            tx_ref,
            tenant,
            "lot_is_sum_of_entries",
            "src/verify/lot_is_sum_of_entries.sql",
            "what is left of each lot is the sum of its entries"
        ),
        check!(
            tx_ref,
            tenant,
            "balance_is_sum_of_entries",
            "src/verify/balance_is_sum_of_entries.sql",
            "each balance is the sum of its member's entries"
        ),
        check!(
            tx_ref,
            tenant,
            "entries_have_their_lots",
            "src/verify/entries_have_their_lots.sql",
            "each entry is of its member's lot in its currency, and each lot of an account"
        ),
        check!(
            tx_ref,
            tenant,
            "lot_has_one_grant",
            "src/verify/lot_has_one_grant.sql",
            "each lot began with one grant of its amount"
        ),
        check!(
            tx_ref,
            tenant,
            "memberships_do_not_overlap",
            "src/verify/memberships_do_not_overlap.sql",
            "no member was in two tiers at once"
        ),
        check!(
            tx_ref,
            tenant,
            "spend_tiers_were_earned",
            "src/verify/spend_tiers_were_earned.sql",
            "each tier that rules gave was earned by what was spent, each that they took was told in time"
        ),
        check!(
            tx_ref,
            tenant,
            "purchases_are_held",
            "src/verify/purchases_are_held.sql",
            "who has bought a tier that runs is in it, and who is in it for that has bought it"
        ),
        check!(
            tx_ref,
            tenant,
            "promised_is_granted",
            "src/verify/promised_is_granted.sql",
            "each succeeded monthly run granted what it promised"
        ),
        check!(
            tx_ref,
            tenant,
            "granted_was_promised",
            "src/verify/granted_was_promised.sql",
            "no monthly credit without a promise, none of another amount"
        ),
        check!(
            tx_ref,
            tenant,
            "batches_add_up",
            "src/verify/batches_add_up.sql",
            "what batches report is what the ledger holds"
        ),
        check!(
            tx_ref,
            tenant,
            "shadow_moves_nothing",
            "src/verify/shadow_moves_nothing.sql",
            "nothing was booked or mailed below a run that was planned in shadow"
        ),
        check!(
            tx_ref,
            tenant,
            "imports_add_up",
            "src/verify/imports_add_up.sql",
            "each credit that was brought over has its lot, and what was left of it"
        ),
        check!(
            tx_ref,
            tenant,
            "campaigns_add_up",
            "src/verify/campaigns_add_up.sql",
            "what campaigns gave is what their members have, within their limits, and nobody who was held out has any of it"
        ),
        check!(
            tx_ref,
            tenant,
            "run_tree_is_consistent",
            "src/verify/run_tree_is_consistent.sql",
            "no run ended before its children; no batch without its run"
        ),
        check!(
            tx_ref,
            tenant,
            "grants_match_their_runs",
            "src/verify/grants_match_their_runs.sql",
            "each credit given by itself is the one that its run gave, and each such run gave one"
        ),
        check!(
            tx_ref,
            tenant,
            "events_have_their_runs",
            "src/verify/events_have_their_runs.sql",
            "each routed event has its run, each run of an event its event"
        ),
        check!(
            tx_ref,
            tenant,
            "debt_is_sum_of_entries",
            "src/verify/debt_is_sum_of_entries.sql",
            "each debt is the sum of its member's debt entries"
        ),
        check!(
            tx_ref,
            tenant,
            "debts_are_recovered_from_lots",
            "src/verify/debts_are_recovered_from_lots.sql",
            "what lots gave for debts is what the debts went down by; none from paid value"
        ),
        check!(
            tx_ref,
            tenant,
            "operations_add_up",
            "src/verify/operations_add_up.sql",
            "each spend, its taking back and each adjustment moved exactly what was asked for"
        ),
        check!(
            tx_ref,
            tenant,
            "spends_were_in_time",
            "src/verify/spends_were_in_time.sql",
            "nothing was spent before it could be, or after its end"
        ),
        check!(
            tx_ref,
            tenant,
            "only_ended_lots_expired",
            "src/verify/only_ended_lots_expired.sql",
            "nothing expired before its end"
        ),
        check!(
            tx_ref,
            tenant,
            "ended_lots_expired",
            "src/verify/ended_lots_expired.sql",
            "what had ended by the latest expiration has nothing left"
        ),
        check!(
            tx_ref,
            tenant,
            "orders_are_settled",
            "src/verify/orders_are_settled.sql",
            "each order has earned what its facts say, at its own rate, to the last unit"
        ),
        check!(
            tx_ref,
            tenant,
            "warned_once",
            "src/verify/warned_once.sql",
            "each lot was warned of once at most, each member by one mail a day at most"
        ),
        check!(
            tx_ref,
            tenant,
            "digests_have_their_warnings",
            "src/verify/digests_have_their_warnings.sql",
            "each mail warns its own member, of lots that end within 7 days"
        ),
        check!(
            tx_ref,
            tenant,
            "pushes_add_up",
            "src/verify/pushes_add_up.sql",
            "what the shop was told of each movement is what the ledger moved"
        ),
        check!(
            tx_ref,
            tenant,
            "warning_batches_add_up",
            "src/verify/warning_batches_add_up.sql",
            "what batches of warnings report is what became of their mails"
        ),
        check!(
            tx_ref,
            tenant,
            "lots_hold_what_holds_say",
            "src/verify/lots_hold_what_holds_say.sql",
            "what is held of each lot is what its open holds say"
        ),
        check!(
            tx_ref,
            tenant,
            "captures_are_spends",
            "src/verify/captures_are_spends.sql",
            "each captured hold is a spend of its amount, on the lots that held it"
        ),
        check!(
            tx_ref,
            tenant,
            "merged_members_are_empty",
            "src/verify/merged_members_are_empty.sql",
            "who has become a part of another member has nothing left and owes nothing"
        ),
        check!(
            tx_ref,
            tenant,
            "transfers_arrive",
            "src/verify/transfers_arrive.sql",
            "what goes to another member arrives there, lot by lot"
        ),
        check!(
            tx_ref,
            tenant,
            "tier_review_batches_add_up",
            "src/verify/tier_review_batches_add_up.sql",
            "what batches of a review of tiers report is what they told and moved"
        ),
    ];
    tx.rollback().await?;
    Ok((examined, results))
}

async fn examine(tx: &mut Tx, tenant: TenantId) -> Result<Examined, StoreError> {
    let row = sqlx::query_file!("src/verify/examined.sql", tenant as TenantId)
        .fetch_one(&mut **tx)
        .await
        .doing("counting what is verified")?;
    let balances = sqlx::query!(
        r#"select currency, sum(balance_minor)::bigint as "balance_minor!" from accounts
           where tenant_id = $1 group by currency order by currency"#,
        tenant as TenantId
    )
    .fetch_all(&mut **tx)
    .await
    .doing("adding up balances")?;
    Ok(Examined {
        members: row.members,
        lots: row.lots,
        entries: row.entries,
        runs: row.runs,
        runs_unfinished: row.runs_unfinished,
        balances: balances.into_iter().map(|b| (b.currency, b.balance_minor)).collect(),
    })
}
