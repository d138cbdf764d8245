//! What was planted is found: who is about to leave, in which segment everybody is, who stays, who has moved.

use std::collections::{BTreeMap, BTreeSet};

use tradeup_harness::Planting;
use tradeup_store::TenantId;
use tradeup_store::insights::{self, Answer, Filter, Row, Window};
use tradeup_store::snapshots;

use super::{PRECISION, RECALL, Shops, as_of, figure, hundredths, of_shop, rows};

#[tokio::test]
async fn who_is_about_to_leave_is_found_and_hardly_anybody_else() {
    let shops = Shops::new().await;
    let plantings = [
        Planting::healthy("healthy", 3_000),
        Planting::churn_wave("churn-wave", 3_000),
        Planting { seed: 11, ..Planting::churn_wave("churn-wave-2", 3_000) },
        Planting::contradictory("contradictory", 3_000),
        Planting::two_currencies("two-currencies", 3_000),
        Planting::hostile_names("hostile-names", 1_000),
    ];
    for planting in &plantings {
        let (tenant, snapshot) = shops.plant(planting).await;
        let planted = shops.planted(tenant, "churned").await;
        let found = shops.segment(tenant, "at_risk").await;
        let right = planted.intersection(&found).count();
        let (precision, recall) = (hundredths(right, found.len()), hundredths(right, planted.len()));
        println!(
            "{}: {} planted at risk, {} found, precision {precision} %, recall {recall} %",
            planting.handle,
            planted.len(),
            found.len()
        );
        // Of a shop where few leave, one who is only late weighs more.
        let precise = if planting.churned < 100 { PRECISION - 25 } else { PRECISION };
        assert!(recall >= RECALL && precision >= precise, "{}", planting.handle);

        let mut tx = shops.tx(tenant).await;
        let answer = insights::at_risk(&mut tx, tenant, snapshot, None, 50).await.unwrap();
        assert_eq!(of_shop(&answer, "at_risk_members"), i64::try_from(found.len()).ok());
        let listed = rows(&answer, "members");
        assert_eq!(listed.len(), 50.min(found.len()));
        assert!(listed.iter().all(|row| found.contains(&row.member.unwrap())));
        let risks: Vec<i64> = listed.iter().map(|row| figure(row, "member_risk_score").value).collect();
        assert!(risks.is_sorted_by(|one, next| one >= next), "{risks:?}");
        let overview = insights::overview(&mut tx, tenant, snapshot).await.unwrap();
        assert_eq!(of_shop(&overview, "at_risk_members"), i64::try_from(found.len()).ok());
    }
}

#[tokio::test]
async fn members_are_in_the_segment_that_they_were_planted_for() {
    let shops = Shops::new().await;
    let (tenant, snapshot) = shops.plant(&Planting::churn_wave("aurora", 4_000)).await;
    let mut total = 0;
    for (kind, segments) in [
        ("churned", &["at_risk"][..]),
        ("gone", &["hibernating", "lost"]),
        ("never", &["new", "hibernating", "lost"]),
        ("once", &["new", "promising", "needs_attention", "hibernating"]),
        ("regular", &["champions", "loyal", "promising", "new", "needs_attention"]),
    ] {
        let planted = shops.planted(tenant, kind).await;
        let mut found = BTreeSet::new();
        for segment in segments {
            found.extend(shops.segment(tenant, segment).await);
        }
        let right = planted.intersection(&found).count();
        println!(
            "{kind}: {right} of {} in {} ({} %)",
            planted.len(),
            segments.join(", "),
            hundredths(right, planted.len())
        );
        assert!(hundredths(right, planted.len()) >= 93, "{kind}");
        total += planted.len();
    }
    // Each member is in one segment, and the segments' members are all members.
    let mut tx = shops.tx(tenant).await;
    let overview = insights::overview(&mut tx, tenant, snapshot).await.unwrap();
    let segments = rows(&overview, "segments");
    let told: i64 = segments.iter().map(|row| figure(row, "segment_members").value).sum();
    assert_eq!((told, of_shop(&overview, "members_total").unwrap()), (4_000, 4_000));
    assert_eq!(total, 4_000);
    // The best are those whom nothing is wrong with.
    let regular = shops.planted(tenant, "regular").await;
    let champions = shops.segment(tenant, "champions").await;
    assert!(champions.len() > 100 && champions.is_subset(&regular), "{}", champions.len());
    // A group by what it has in common is the segment.
    let filter = Filter { segments: vec!["at_risk".to_owned()], ..Filter::default() };
    let group = insights::audience(&mut tx, tenant, snapshot, &filter).await.unwrap();
    let at_risk = segments.iter().find(|row| row.labels == [("segment", "at_risk".to_owned())]).unwrap();
    assert_eq!(
        figure(&rows(&group, "group")[0], "group_members").value,
        figure(at_risk, "segment_members").value
    );
    // By tier and segment it is among the sums; member by member it is the same.
    for (tiers, segments) in [
        (vec![], vec![]),
        (vec!["gold"], vec!["all"]),
        (vec!["gold", "bronze"], vec!["at_risk", "lost"]),
        (vec!["none"], vec![]),
    ] {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let filter = Filter { tiers: owned(&tiers), segments: owned(&segments), ..Filter::default() };
        let read = Filter { risk_min: Some(0), ..filter.clone() };
        let summed = insights::audience(&mut tx, tenant, snapshot, &filter).await.unwrap();
        let mut read = insights::audience(&mut tx, tenant, snapshot, &read).await.unwrap();
        // Those have no order of their own.
        for section in &mut read.sections {
            section.rows.sort_by_key(|row| {
                rows(&summed, section.name).iter().position(|other| other.labels == row.labels)
            });
        }
        assert_eq!(read, summed, "{tiers:?} {segments:?}");
    }
}

#[tokio::test]
async fn who_stays_of_each_months_new_members_is_told() {
    let shops = Shops::new().await;
    let tenant = TenantId(Planting::empty("aurora").plant(&shops.database).await);
    // Forty come in August; thirty order in September, ten in October. Twenty come in September; five order in October.
    // At noon, so that no zone moves a month.
    let plant = "
        insert into members (tenant_id, id, external_id, created_at)
        select t.id, gen_random_uuid(), n::text, case when n <= 40 then '2026-08-10T12:00Z' else '2026-09-10T12:00Z' end::timestamptz
        from tenants t, generate_series(1, 60) n where t.handle = 'aurora';
        insert into orders (tenant_id, external_id, member_external_id, currency, base_minor, paid_at, version_at)
        select t.id, v.month || '-' || n, n::text, 'USD', 1000, v.paid_at, v.paid_at
        from tenants t, generate_series(1, 60) n,
            (values (1, '2026-08-20T12:00Z'::timestamptz, 1, 40), (2, '2026-09-20T12:00Z', 1, 30), (3, '2026-10-20T12:00Z', 1, 10),
                (3, '2026-10-20T12:00Z', 41, 45)) as v (month, paid_at, from_n, to_n)
        where t.handle = 'aurora' and n between v.from_n and v.to_n;";
    sqlx::raw_sql(plant).execute(&shops.database.admin).await.unwrap();
    let snapshot = snapshots::ensure(&shops.pool, tenant, as_of()).await.unwrap();
    let mut tx = shops.tx(tenant).await;
    let answer = insights::engagement(&mut tx, tenant, snapshot, Window::Days90).await.unwrap();
    let cohorts: BTreeMap<&str, &Row> =
        rows(&answer, "cohorts").iter().map(|row| (row.labels[0].1.as_str(), row)).collect();
    let of = |month: &str, name: &str| figure(cohorts[month], name).value;
    assert_eq!(of("2026-08", "cohort_members"), 40);
    assert_eq!(of("2026-08", "cohort_active_in_month_1_bps"), 7_500);
    assert_eq!(of("2026-08", "cohort_active_in_month_2_bps"), 2_500);
    assert_eq!(of("2026-09", "cohort_members"), 20);
    assert_eq!(of("2026-09", "cohort_active_in_month_1_bps"), 2_500);
    // November is not over.
    assert!(!cohorts["2026-08"].figures.iter().any(|figure| figure.name == "cohort_active_in_month_3_bps"));
    // Of forty who ordered in the 90 days before, thirty-five... did in these: those of September and October.
    let overview = insights::overview(&mut tx, tenant, snapshot).await.unwrap();
    assert_eq!(of_shop(&overview, "active_members_90d"), Some(35));
    assert_eq!(of_shop(&overview, "retention_90d_bps"), Some(7_500));
}

#[tokio::test]
async fn moves_between_tiers_are_those_that_were_planted() {
    let shops = Shops::new().await;
    let (tenant, snapshot) = shops.plant(&Planting::healthy("aurora", 4_000)).await;
    let mut tx = shops.tx(tenant).await;
    let moved = |answer: &Answer, from: &str, to: &str, days: &str| {
        let labels = [("from", from.to_owned()), ("to", to.to_owned())];
        let row = rows(answer, "moved").iter().find(|row| row.labels == labels);
        row.map_or(0, |row| figure(row, &format!("moved_members_{days}")).value)
    };
    let up = "select count(*) from planted.members where tenant_id = $1 and tier_before = 'bronze'";
    let down = "select count(*) from planted.members where tenant_id = $1 and tier_before = 'gold'";
    let (up, down) = (shops.number(up, tenant).await, shops.number(down, tenant).await);
    assert!(up > 50 && down > 20, "{up} {down}");
    let of_90 = insights::tiers(&mut tx, tenant, snapshot, Window::Days90).await.unwrap();
    let of_30 = insights::tiers(&mut tx, tenant, snapshot, Window::Days30).await.unwrap();
    println!("moved within 90 days: {up} up and {down} down planted");
    assert_eq!(
        (moved(&of_90, "bronze", "silver", "90d"), moved(&of_90, "gold", "silver", "90d")),
        (up, down)
    );
    // It was longer ago than a month.
    assert_eq!((moved(&of_30, "bronze", "silver", "30d"), moved(&of_30, "gold", "silver", "30d")), (0, 0));
    let members: i64 = rows(&of_90, "tiers").iter().map(|row| figure(row, "tier_members").value).sum();
    assert_eq!(members, 4_000);
    let (skewed, snapshot) = shops.plant(&Planting::tier_skew("borealis", 2_000)).await;
    let mut tx = shops.tx(skewed).await;
    let overview = insights::overview(&mut tx, skewed, snapshot).await.unwrap();
    let bronze = rows(&overview, "tiers").iter().find(|row| row.labels[0].1 == "bronze").unwrap();
    assert!(figure(bronze, "in_tier_share_bps").value > 9_000, "{bronze:?}");
}
