//! Two members become one: nothing is lost, nothing counts twice, and what comes later finds its way.

use sqlx::AssertSqlSafe;
use tradeup_domain::order::{Fact, OrderContent, PaidOrder};
use tradeup_domain::{Money, ValueClass};
use tradeup_store::credits::{self, Reverted, Spent};
use tradeup_store::holds::Authorised;
use tradeup_store::merges::{self, AskedMerge, MergeRefused, Merged};
use tradeup_store::orders::Settled;
use tradeup_store::{ErrorKind, StoreError, members, reports};
use uuid::Uuid;

use crate::field::{Field, usd};
use crate::holds::{capture, hold_of, pass, release};
use crate::monthly::issue;
use crate::orders::{refund, tell};

/// Merges by number; commits what is done.
pub(crate) async fn merge(field: &Field, old: usize, kept: usize) -> Result<Merged, StoreError> {
    let mut tx = field.begin().await;
    let asked =
        AskedMerge { tenant: field.tenant, actor: "ledger tests", reason: Some("one person"), run_id: None };
    let merged = merges::merge(&mut tx, &asked, field.members[old], field.members[kept]).await?;
    if matches!(merged, Merged::Done { .. }) {
        tx.commit().await?;
    }
    Ok(merged)
}

fn done(field: &Field, kept: usize, lots: i32) -> Merged {
    Merged::Done { is_new: true, member_id: field.members[kept], lots }
}

pub(crate) async fn lot(field: &Field, member: usize, name: &str, minor: i64, ends: Option<i64>) -> Uuid {
    let (class, from) = (ValueClass::Promotional, Some(field.days(-365)));
    let ends = ends.map(|days| field.days(days));
    field.lot_of(field.members[member], name, usd(minor), class, from, ends).await
}

pub(crate) async fn spend(field: &Field, member: usize, key: &str, minor: i64) -> Result<Spent, StoreError> {
    let mut tx = field.begin().await;
    let key = credits::spend_key("till", key);
    let spent = credits::spend(&mut tx, &field.asked(&key, None), field.members[member], usd(minor)).await?;
    if matches!(spent, Spent::Done { .. }) {
        tx.commit().await?;
    }
    Ok(spent)
}

/// Each member's balance.
pub(crate) async fn balances(field: &Field) -> Vec<i64> {
    let mut all = Vec::new();
    for member in &field.members {
        let found: Option<i64> =
            sqlx::query_scalar("select sum(balance_minor)::bigint from accounts where member_id = $1")
                .bind(member)
                .fetch_one(&field.database.admin)
                .await
                .unwrap();
        all.push(found.unwrap_or(0));
    }
    all
}

/// Who is found by the customer id of this member.
async fn found(field: &Field, member: usize) -> Uuid {
    let mut tx = field.begin().await;
    members::by_external_id(&mut tx, field.tenant, &(member + 1).to_string()).await.unwrap().unwrap()
}

async fn run(field: &Field, statement: String) {
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&field.database.admin).await.unwrap();
}

#[tokio::test]
async fn everything_goes_on_as_it_is_and_only_once() {
    let field = Field::new(3, 500).await;
    lot(&field, 0, "live", 500, Some(9)).await;
    lot(&field, 0, "never", 70, None).await;
    lot(&field, 0, "ended", 30, Some(-1)).await;
    lot(&field, 1, "kept", 100, Some(5)).await;
    let (old, tomorrow) = (field.members[0], Some(field.days(1)));
    field.lot_of(old, "pending", usd(20), ValueClass::Paid, tomorrow, Some(field.days(90))).await;
    field.lot_of(old, "unknown", usd(5), ValueClass::Promotional, None, None).await;
    spend(&field, 0, "a", 100).await.unwrap();
    let euro = Money { amount_minor: 40, currency: "EUR".parse().unwrap() };
    field.lot_of(old, "euro", euro, ValueClass::Promotional, Some(field.days(-2)), None).await;
    run(&field, format!(
        "insert into debt_entries (tenant_id, id, member_id, currency, kind, amount_minor, key, effective_at, operation)
         values ({0}, gen_random_uuid(), '{old}', 'USD', 'debt_open', 33, 'd', now(), 'lot:live');
         update accounts set debt_minor = 33 where member_id = '{old}' and currency = 'USD'", field.tenant)).await;
    field.assert_exact().await;

    assert_eq!(merge(&field, 0, 1).await.unwrap(), done(&field, 1, 5));
    // What has ended stays, and ends there.
    assert_eq!(balances(&field).await, [30, 635, 0]);
    assert_eq!(field.expire(field.now).await, (1, 30));
    let as_they_were = "select count(*) from lots l join lots b on b.id = l.transferred_from
        where l.reason = 'transferred' and l.granted_minor = l.remaining_minor and b.remaining_minor = 0
            and (l.value_class, l.currency, l.created_at) = (b.value_class, b.currency, b.created_at)
            and l.available_at is not distinct from b.available_at and l.ends_at is not distinct from b.ends_at
            and l.expires_at is not distinct from b.expires_at and l.anchor_on is not distinct from b.anchor_on
            and l.note is not distinct from b.note and l.source_key = b.id::text";
    assert_eq!(field.number(as_they_were).await, 5);
    let debt = "select debt_minor from accounts a join members m on m.id = a.member_id
        where currency = 'USD' and m.external_id = '2'";
    assert_eq!(field.number(debt).await, 33);
    assert_eq!((found(&field, 0).await, found(&field, 2).await), (field.members[1], field.members[2]));
    field.assert_exact().await;

    // The statement says what came from where, and adds up.
    let mut tx = field.begin().await;
    let lines = reports::statement(&mut tx, field.tenant, field.members[1]).await.unwrap();
    drop(tx);
    let came: Vec<_> = lines.iter().filter(|line| line.kind == "transfer_in").collect();
    assert_eq!(came.len(), 5);
    assert!(
        came.iter().any(|line| line.source_key == "adjusted lot:live of customer 1"
            && line.amount_minor == 400
            && line.note.as_deref() == Some("one person")),
        "{came:#?}"
    );

    // The same again is the same; the other way round, with itself and with a third it is refused.
    let again = Merged::Done { is_new: false, member_id: field.members[1], lots: 0 };
    assert_eq!(merge(&field, 0, 1).await.unwrap(), again);
    for (old, kept, why) in
        [(1, 0, MergeRefused::Ring), (2, 2, MergeRefused::SameMember), (0, 2, MergeRefused::PartOfAnother)]
    {
        assert_eq!(merge(&field, old, kept).await.unwrap(), Merged::Refused(why), "{old} into {kept}");
    }
    // A spend of before is the same spend, whoever asks now; and all that came can be spent.
    assert!(matches!(spend(&field, 1, "a", 100).await.unwrap(), Spent::Done { is_new: false, .. }));
    assert!(matches!(spend(&field, 1, "b", 570).await.unwrap(), Spent::Done { is_new: true, left_minor: 0 }));
    assert_eq!(
        spend(&field, 0, "c", 1).await.unwrap_err().kind(),
        ErrorKind::Conflict,
        "look again who it is"
    );
    field.assert_exact().await;
}

#[tokio::test]
async fn a_chain_ends_with_whoever_is_left_in_any_order() {
    let field = Field::new(4, 500).await;
    for member in 0..4 {
        lot(&field, member, &format!("{member}"), 100, None).await;
    }
    assert_eq!(merge(&field, 1, 2).await.unwrap(), done(&field, 2, 1));
    // Told of late: 1 is a part of 2 already.
    assert_eq!(merge(&field, 0, 1).await.unwrap(), done(&field, 2, 1));
    assert_eq!(
        merge(&field, 0, 1).await.unwrap(),
        Merged::Done { is_new: false, member_id: field.members[2], lots: 0 }
    );
    assert_eq!(merge(&field, 2, 3).await.unwrap(), done(&field, 3, 3));
    for member in 0..4 {
        assert_eq!(found(&field, member).await, field.members[3]);
    }
    for old in 0..3 {
        assert_eq!(merge(&field, 3, old).await.unwrap(), Merged::Refused(MergeRefused::Ring));
    }
    assert_eq!(balances(&field).await, [0, 0, 0, 400]);
    let mut tx = field.begin().await;
    let lines = reports::statement(&mut tx, field.tenant, field.members[3]).await.unwrap();
    drop(tx);
    for member in 0..3 {
        let origin = format!("adjusted lot:{member} of customer {}", member + 1);
        assert!(lines.iter().any(|line| line.source_key == origin), "{origin}: {lines:#?}");
    }
    field.assert_exact().await;
}

/// An order of this member's, paid days ago.
fn order_of(field: &Field, member: usize, base_minor: i64, version: i64, needs_fulfilment: bool) -> Fact {
    Fact::Paid(PaidOrder {
        member_external_id: Some((member + 1).to_string()),
        currency: field.settings.currency,
        content: OrderContent::of(base_minor),
        created_at: None,
        paid_at: field.days(-40),
        version_at: field.days(-40) + chrono::TimeDelta::seconds(version),
        sent_at: field.now,
        needs_fulfilment,
    })
}

#[tokio::test]
async fn orders_of_before_go_on_with_the_kept_member() {
    let field = Field::new(3, 500).await;
    tell(&field, "live", &order_of(&field, 0, 10_000, 0, false)).await;
    tell(&field, "pending", &order_of(&field, 0, 2_000, 0, true)).await;
    tell(&field, "late", &refund(&field, "r1", 1_000)).await;
    merge(&field, 0, 1).await.unwrap();
    merge(&field, 1, 2).await.unwrap();
    assert_eq!(balances(&field).await, [0, 0, 600]);
    // A refund follows the credit to where it is; an edit upward grants to whom it is now.
    let Settled::Posted { clawed_minor: 100, owed_minor: 0, .. } =
        tell(&field, "live", &refund(&field, "r2", 2_000)).await
    else {
        panic!("not clawed back")
    };
    assert_eq!(balances(&field).await, [0, 0, 500]);
    tell(&field, "live", &order_of(&field, 0, 12_000, 1, false)).await;
    assert_eq!(balances(&field).await, [0, 0, 600]);
    // Used by the kept member, and no longer earned.
    spend(&field, 2, "a", 450).await.unwrap();
    let Settled::Posted { clawed_minor: 50, owed_minor: 450, .. } =
        tell(&field, "live", &Fact::Cancelled(field.now)).await
    else {
        panic!("not owed")
    };
    // The pending one is released where it is now, and the late one is the kept member's, at the tier of then.
    tell(&field, "pending", &Fact::Fulfilled(field.days(-20))).await;
    tell(&field, "late", &order_of(&field, 0, 5_000, 0, false)).await;
    let live =
        "select coalesce(sum(remaining_minor), 0)::bigint from lots l join members m on m.id = l.member_id
        where m.external_id = '3' and available_at <= now()";
    assert_eq!(field.number(live).await, 100, "what is new pays the debt");
    assert_eq!(field.number("select sum(debt_minor)::bigint from accounts").await, 250);
    tell(&field, "pending", &Fact::Cancelled(field.now)).await;
    assert_eq!(balances(&field).await, [0, 0, 0]);
    field.assert_exact().await;
}

#[tokio::test]
async fn a_spend_of_before_comes_back_to_the_kept_member() {
    let field = Field::new(3, 500).await;
    lot(&field, 0, "long", 300, Some(60)).await;
    lot(&field, 0, "soon", 200, Some(1)).await;
    spend(&field, 0, "a", 500).await.unwrap();
    merge(&field, 0, 1).await.unwrap();
    assert!(matches!(
        field.revert("r1", "a", Some(100)).await,
        Reverted::Done { amount_minor: 100, reinstated_minor: 0, .. }
    ));
    merge(&field, 1, 2).await.unwrap();
    assert_eq!(balances(&field).await, [0, 0, 100]);
    pass(&field, 30).await;
    // What has ended meanwhile is a new lot, of whom it is now.
    assert!(matches!(
        field.revert("r2", "a", None).await,
        Reverted::Done { amount_minor: 400, reinstated_minor: 200, .. }
    ));
    assert!(matches!(
        field.revert("r2", "a", None).await,
        Reverted::Done { is_new: false, amount_minor: 400, .. }
    ));
    assert_eq!(balances(&field).await, [0, 0, 500]);
    assert!(matches!(spend(&field, 2, "b", 500).await.unwrap(), Spent::Done { left_minor: 0, .. }));
    field.assert_exact().await;
}

#[tokio::test]
async fn a_merge_waits_for_open_holds() {
    let field = Field::new(2, 500).await;
    lot(&field, 0, "a", 300, None).await;
    lot(&field, 1, "b", 100, None).await;
    let Authorised::Done { capture_until, .. } =
        hold_of(&field, field.members[0], "order 1", 200, 3600).await
    else {
        panic!("not authorised")
    };
    hold_of(&field, field.members[1], "order 2", 100, 3600).await;
    assert_eq!(merge(&field, 0, 1).await.unwrap(), Merged::Held { until: capture_until });
    assert_eq!(balances(&field).await, [300, 100]);
    capture(&field, "order 1", Some(50)).await;
    // What is held of the kept member's stays held.
    assert_eq!(merge(&field, 0, 1).await.unwrap(), done(&field, 1, 1));
    assert_eq!(balances(&field).await, [0, 350]);
    release(&field, "order 2").await;
    assert!(matches!(field.revert("r", "order 1", None).await, Reverted::Done { amount_minor: 50, .. }));
    assert!(matches!(spend(&field, 1, "all", 400).await.unwrap(), Spent::Done { left_minor: 0, .. }));
    field.assert_exact().await;
}

#[tokio::test]
async fn the_better_tier_is_kept_and_a_month_is_not_paid_twice() {
    let field = Field::new(4, 500).await;
    run(&field, format!("
        insert into tiers (tenant_id, handle, rank, tag) values ({0}, 'silver', 2, 'vip-silver');
        insert into tier_amounts (tenant_id, tier_id, currency, amount_minor, valid_from)
            select {0}, id, 'USD', 200, '-infinity' from tiers where handle = 'silver';
        update memberships set tier_id = (select id from tiers where handle = 'silver') where member_id in ('{1}', '{2}');
        update memberships set status = 'paused' where member_id = '{3}'",
        field.tenant, field.members[1], field.members[2], field.members[3])).await;
    issue(&field, "2026-10").await;
    assert_eq!(balances(&field).await, [500, 200, 200, 0]);
    // Gold into silver: gold. Silver into it: gold stays. What both had of the month stays with them.
    merge(&field, 0, 1).await.unwrap();
    merge(&field, 2, 1).await.unwrap();
    // A paused gold one does not end an active one.
    merge(&field, 3, 1).await.unwrap();
    assert_eq!(balances(&field).await, [0, 900, 0, 0]);
    let open = "select count(*) from memberships ms join tiers t on t.id = ms.tier_id join members m on m.id = ms.member_id
        where ms.valid_to is null and t.handle = 'gold' and ms.status = 'active' and m.external_id = '2'";
    assert_eq!(field.number(open).await, 1);
    assert_eq!(field.number("select count(*) from memberships where valid_to is null").await, 1);
    field.assert_exact().await;
    // A run of before that comes late gives what the kept member was promised then; the old ones get nothing more.
    issue(&field, "2026-11").await;
    assert_eq!(balances(&field).await, [0, 1100, 0, 0]);
    issue(&field, "2026-10").await;
    assert_eq!(balances(&field).await, [0, 1100, 0, 0]);
    assert_eq!(field.number("select count(*) from lots where reason = 'monthly'").await, 4);
    field.assert_exact().await;
}
