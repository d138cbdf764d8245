//! Sums are those of orders and entries, as of the instant.

use chrono::{DateTime, Utc};
use tradeup_harness::Planting;
use tradeup_store::TenantId;
use tradeup_store::insights::{self, Ending, Group, Window};
use tradeup_store::snapshots;

use super::{Shops, as_of, figure, of_shop, rows};

#[tokio::test]
async fn sums_are_those_of_orders_and_entries() {
    let shops = Shops::new().await;
    let (tenant, snapshot) = shops.plant(&Planting::two_currencies("aurora", 2_000)).await;
    let mut tx = shops.tx(tenant).await;
    let overview = insights::overview(&mut tx, tenant, snapshot).await.unwrap();
    let credit = insights::credit_activity(&mut tx, tenant, snapshot, Window::Days90).await.unwrap();
    let trends = insights::trends(&mut tx, tenant, snapshot).await.unwrap();
    for (answer, name, query) in [
        (&overview, "orders_90d", "select count(*) from orders where tenant_id = $1 and paid_at > '2026-08-31T00:00:00Z'"),
        (&trends, "orders_prior_90d", "select count(*) from orders where tenant_id = $1 and paid_at > '2026-06-02T00:00:00Z' and paid_at <= '2026-08-31T00:00:00Z'"),
        (&overview, "revenue_30d_minor",
         "select sum(o.base_minor - coalesce((select sum(r.eligible_minor) from order_refunds r where r.tenant_id = o.tenant_id
              and r.order_external_id = o.external_id), 0))::bigint
          from orders o where o.tenant_id = $1 and o.currency = 'USD' and o.paid_at > '2026-10-30T00:00:00Z'"),
        (&overview, "active_members_90d",
         "select count(distinct member_external_id) from orders where tenant_id = $1 and paid_at > '2026-08-31T00:00:00Z'"),
        (&credit, "credit_outstanding_minor", "select sum(balance_minor)::bigint from accounts where tenant_id = $1"),
        (&credit, "credit_granted_90d_minor",
         "select sum(amount_minor)::bigint from ledger_entries where tenant_id = $1 and kind = 'grant' and effective_at > '2026-08-31T00:00:00Z'"),
        (&credit, "credit_redeemed_90d_minor",
         "select -sum(amount_minor)::bigint from ledger_entries where tenant_id = $1 and kind = 'spend' and effective_at > '2026-08-31T00:00:00Z'"),
        (&overview, "expiring_unused_30d_minor",
         "select sum(remaining_minor)::bigint from lots where tenant_id = $1 and ends_at <= '2026-12-29T00:00:00Z'"),
    ] {
        assert_eq!(of_shop(answer, name), Some(shops.number(query, tenant).await), "{name}");
    }
    // The two tools that tell it tell the same.
    assert_eq!(
        of_shop(&overview, "credit_redemption_90d_bps"),
        of_shop(&credit, "credit_redemption_90d_bps")
    );
    let bought =
        insights::purchases(&mut tx, tenant, snapshot, Window::Days365, Group::default()).await.unwrap();
    let euros = &rows(&bought, "other_currencies")[0];
    let revenue = figure(euros, "other_currency_revenue_minor");
    assert_eq!(revenue.currency.as_deref(), Some("EUR"));
    assert!(revenue.value > 0);
    // As of an earlier instant it is told what was then.
    let before: DateTime<Utc> = "2026-09-15T00:00:00Z".parse().unwrap();
    let then = snapshots::ensure(&shops.pool, tenant, before).await.unwrap();
    let mut later = shops.tx(tenant).await;
    let told = insights::overview(&mut later, tenant, then).await.unwrap();
    let left = "select sum(left_minor)::bigint from (
        select sum(e.amount_minor) filter (where e.effective_at <= '2026-09-15T00:00:00Z') as left_minor, l.ends_at, l.available_at
        from lots l join ledger_entries e on e.tenant_id = l.tenant_id and e.lot_id = l.id where l.tenant_id = $1 group by l.id, l.ends_at, l.available_at
    ) x where ends_at > '2026-09-15T00:00:00Z' and available_at <= '2026-09-15T00:00:00Z'";
    assert_eq!(of_shop(&told, "credit_outstanding_minor"), Some(shops.number(left, tenant).await));
    assert!(of_shop(&told, "members_total").unwrap() < 2_000, "{told:?}");
    // Every measure that a KPI may have can be read again.
    for name in [
        "active_members_90d",
        "at_risk_members",
        "retention_90d_bps",
        "orders_90d",
        "revenue_90d_minor",
        "credit_redemption_90d_bps",
        "expiring_unused_30d_minor",
        "members_total",
    ] {
        let measured = insights::measure(&mut tx, tenant, snapshot, name, None).await.unwrap();
        assert_eq!(measured.map(|figure| figure.value), of_shop(&overview, name), "{name}");
    }
    assert!(
        insights::measure(&mut tx, tenant, snapshot, "tier_members", Some("gold")).await.unwrap().is_some()
    );
}

#[tokio::test]
async fn credit_that_is_about_to_end_is_told_with_whose_it_is() {
    let shops = Shops::new().await;
    let (tenant, snapshot) = shops.plant(&Planting::mass_expiry("aurora", 2_000)).await;
    let mut tx = shops.tx(tenant).await;
    let answer = insights::expiring(&mut tx, tenant, snapshot, Ending::Days30, None, 10).await.unwrap();
    let planted =
        "select count(*) from lots where tenant_id = $1 and source_key = 'planted-6' and remaining_minor > 0";
    let planted = shops.number(planted, tenant).await;
    let soon = rows(&answer, "ending").iter().find(|row| row.labels[0].1 == "8-14").unwrap();
    assert_eq!(
        (figure(soon, "ending_members").value, figure(soon, "ending_minor").value),
        (planted, planted * 1_000)
    );
    let listed = rows(&answer, "members");
    assert_eq!(listed.len(), 10);
    let most: Vec<i64> =
        listed.iter().map(|row| figure(row, "member_expiring_30d_about_minor").value).collect();
    assert!(most.is_sorted_by(|one, next| one >= next) && most[0] >= 1_000, "{most:?}");
    let none = insights::expiring(&mut tx, tenant, snapshot, Ending::Days7, None, 10).await.unwrap();
    assert!(rows(&none, "members").is_empty());
    assert!(none.note.unwrap().contains("final"));
}

#[tokio::test]
async fn merged_members_count_as_one_and_forgotten_ones_not_at_all() {
    let shops = Shops::new().await;
    let tenant = TenantId(Planting::healthy("aurora", 50).plant(&shops.database).await);
    let change = "
        update members set merged_into = (select id from members where external_id = '1'), merged_at = now() where external_id = '2';
        update members set email = null, first_name = null, last_name = null, phone = null, accepts_email_marketing = false,
            redacted_at = now() where external_id = '3';
        update members set deleted_at = '2026-11-01' where external_id = '4';
        update orders set test = true where external_id = '5-0';
        update orders set cancelled_at = paid_at where external_id = '6-0';
        update orders set disputed_at = paid_at where external_id = '7-0'";
    sqlx::raw_sql(change).execute(&shops.database.admin).await.unwrap();
    snapshots::ensure(&shops.pool, tenant, as_of()).await.unwrap();
    let orders = "select sum(orders_all)::bigint from member_snapshots s join members m on m.tenant_id = s.tenant_id and m.id = s.member_id
        where s.tenant_id = $1 and m.external_id = '1'";
    let planted = "select sum(orders)::bigint from planted.members where tenant_id = $1 and i in (1, 2)";
    assert_eq!(shops.number(orders, tenant).await, shops.number(planted, tenant).await);
    assert_eq!(shops.number("select count(*) from member_snapshots where tenant_id = $1", tenant).await, 47);
    let counted = "select sum(orders_all)::bigint from member_snapshots where tenant_id = $1";
    let planted =
        "select sum(orders)::bigint - 3 from planted.members where tenant_id = $1 and i not in (3, 4)
        and 3 = (select count(*) from orders where external_id in ('5-0', '6-0', '7-0'))";
    assert_eq!(shops.number(counted, tenant).await, shops.number(planted, tenant).await);
}
