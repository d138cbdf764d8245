//! Snapshots are each shop's own, made once, and silent about few.

use std::collections::BTreeSet;

use tradeup_domain::figure::Figure;
use tradeup_harness::Planting;
use tradeup_store::TenantId;
use tradeup_store::insights::{self, GROUP_MIN};
use tradeup_store::snapshots::{self, SnapshotId};
use uuid::Uuid;

use super::{Shops, as_of, of_shop};

#[tokio::test]
async fn shops_see_nothing_of_one_another() {
    let shops = Shops::new().await;
    let (aurora, of_aurora) = shops.plant(&Planting::churn_wave("aurora", 400)).await;
    let (borealis, of_borealis) =
        shops.plant(&Planting { seed: 9, ..Planting::mass_expiry("borealis", 300) }).await;
    let alone = shops.all(aurora, of_aurora).await;
    let members: BTreeSet<Uuid> = shops.segment(aurora, "at_risk").await;
    assert!(members.len() > 20);
    let others = shops.all(borealis, of_borealis).await;
    let listed = others.iter().flat_map(|answer| &answer.sections).flat_map(|section| &section.rows);
    assert!(listed.filter_map(|row| row.member).all(|member| !members.contains(&member)));
    assert_eq!(of_shop(&others[0], "members_total"), Some(300));
    // Neither with the other's snapshot in one's own transaction, nor with its number.
    let mut tx = shops.tx(borealis).await;
    assert!(insights::overview(&mut tx, borealis, of_aurora).await.is_err());
    assert!(insights::overview(&mut tx, aurora, of_aurora).await.is_err());
    let rows: i64 = sqlx::query_scalar("select (select count(*) from member_snapshots) + (select count(*) from snapshot_cells where tenant_id <> $1)")
        .bind(borealis.0)
        .fetch_one(&mut *tx)
        .await
        .unwrap();
    assert_eq!(rows, 300);
    assert_eq!(shops.all(aurora, of_aurora).await, alone, "what another shop does changes nothing");
}

#[tokio::test]
async fn a_snapshot_is_made_once_and_the_same_again() {
    let shops = Shops::new().await;
    let tenant = TenantId(Planting::churn_wave("aurora", 1_000).plant(&shops.database).await);
    let many = (0..6).map(|_| snapshots::ensure(&shops.pool, tenant, as_of()));
    let made = futures::future::join_all(many).await;
    let ids: BTreeSet<Uuid> = made.into_iter().map(|id| id.unwrap().0).collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
    let id = SnapshotId(*ids.first().unwrap());
    assert_eq!(
        shops.number("select count(*) from member_snapshots where tenant_id = $1", tenant).await,
        1_000
    );
    let told = shops.all(tenant, id).await;
    // What is old loses its members first; whoever asks again gets the same anew.
    let age = "update snapshots set made_at = made_at - interval '3 days'";
    sqlx::raw_sql(age).execute(&shops.database.admin).await.unwrap();
    while snapshots::forget_old(&shops.pool, tenant).await.unwrap() > 0 {}
    assert_eq!(shops.number("select count(*) from member_snapshots where tenant_id = $1", tenant).await, 0);
    let mut tx = shops.tx(tenant).await;
    assert_eq!(insights::overview(&mut tx, tenant, id).await.unwrap(), told[0], "sums are kept");
    drop(tx);
    assert_eq!(snapshots::ensure(&shops.pool, tenant, as_of()).await.unwrap(), id);
    assert_eq!(shops.all(tenant, id).await, told);
    let age = "update snapshots set made_at = made_at - interval '500 days'";
    sqlx::raw_sql(age).execute(&shops.database.admin).await.unwrap();
    while snapshots::forget_old(&shops.pool, tenant).await.unwrap() > 0 {}
    assert_eq!(shops.number("select count(*) from snapshots where tenant_id = $1", tenant).await, 0);
}

#[tokio::test]
async fn few_members_are_not_told_of() {
    let shops = Shops::new().await;
    for (planting, members) in
        [(Planting::one_member("one"), 1), (Planting::empty("none"), 0), (Planting::healthy("four", 4), 4)]
    {
        let (tenant, snapshot) = shops.plant(&planting).await;
        for answer in shops.all(tenant, snapshot).await {
            let figures: Vec<&Figure> = answer
                .sections
                .iter()
                .flat_map(|section| &section.rows)
                .flat_map(|row| {
                    assert!(row.member.is_none() && row.labels.is_empty(), "{row:?}");
                    &row.figures
                })
                .collect();
            assert_eq!(figures, [&Figure::count("members_total", members)]);
            assert!(answer.note.unwrap().contains("final"));
        }
    }
    // Groups within a shop: none is told of that has fewer.
    let (tenant, snapshot) = shops.plant(&Planting::healthy("forty", 40)).await;
    let mut left_out = 0;
    for answer in shops.all(tenant, snapshot).await {
        left_out += usize::from(answer.note.as_deref().is_some_and(|note| note.contains("left out")));
        for row in answer.sections.iter().flat_map(|section| &section.rows) {
            let counts = row.figures.iter().filter(|figure| {
                ["tier_members", "segment_members", "bucket_members", "cohort_members"]
                    .contains(&figure.name.as_str())
            });
            for figure in counts {
                assert!(figure.value >= GROUP_MIN, "{row:?}");
            }
        }
    }
    assert!(left_out > 0);
}
