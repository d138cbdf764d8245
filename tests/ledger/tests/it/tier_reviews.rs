//! Tiers by spend: lowered on the yearly date with notice, left alone where no rule has a say.

use chrono::{Datelike as _, Days, NaiveDate, TimeDelta};
use tradeup_domain::order::Fact;
use tradeup_domain::tier_rules::{notice_for, yearly_on};
use tradeup_domain::zone::start_of_day;
use tradeup_store::batches::BatchCounts;
use tradeup_store::tier_moves;
use tradeup_store::tiers::TierSettings;
use uuid::Uuid;

use crate::club::Club;

#[tokio::test]
async fn a_tier_is_lowered_on_the_yearly_date_with_notice_of_thirty_days() {
    let club = Club::new(3).await;
    club.old_gold(1, 32).await;
    club.old_gold(2, 29).await;
    club.old_gold(3, 36).await;
    assert_eq!(club.daily().await.affected, 1, "not the one whose date is too near, not the one too far");
    assert_eq!(club.daily().await, BatchCounts::default(), "once");
    assert_eq!(club.outcomes().await, ["open"]);

    club.pass(31).await;
    club.daily().await;
    club.assert_tier(1, "gold", "spend").await;
    club.pass(1).await;
    let early = club.review_as_of(club.field.now - TimeDelta::days(1), Some(club.field.days(3000))).await;
    assert_eq!(
        early.affected, 0,
        "a run of the day before, executed late, does what it would have done then"
    );
    // Member 3 was told meanwhile, in the run above; the date of member 2 went by without notice.
    assert_eq!(club.outcomes().await.len(), 1);
    assert_eq!(club.daily().await.affected, 1);
    club.assert_tier(1, "bronze", "spend").await;
    club.assert_tier(2, "gold", "spend").await;
    assert_eq!(club.outcomes().await, ["lowered"]);
    assert_eq!(club.daily().await.affected, 0, "run twice");
    club.field.assert_exact().await;
}

#[tokio::test]
async fn three_missed_days_change_nothing_and_late_notice_lowers_nobody() {
    let club = Club::new(4).await;
    // Notice would have been given three days ago; there are still 32 days.
    for (member, ahead) in [(1, 32), (2, 32), (3, 32), (4, 32)] {
        club.old_gold(member, ahead).await;
    }
    assert_eq!(club.daily().await.affected, 4);
    // One spends enough before the date, one gets it too late, one is placed by hand.
    club.sql(
        "update tier_notices set given_at = given_at + interval '3 days' where member_id =
        (select id from members where external_id = '2')",
    )
    .await;
    club.buy(3, "enough", 100_000, 0).await;
    let mut tx = club.field.begin().await;
    let hand = (club.field.members[3], Some(club.tiers[1]));
    tier_moves::place(&mut tx, club.field.tenant, hand.0, hand.1, false).await.unwrap();
    tx.commit().await.unwrap();
    club.pass(35).await;
    club.daily().await;
    assert_eq!(club.outcomes().await, ["lowered", "late", "kept", "overtaken"]);
    club.assert_tier(1, "bronze", "spend").await;
    club.assert_tier(2, "gold", "spend").await;
    club.assert_tier(3, "gold", "spend").await;
    club.assert_tier(4, "silver", "manual").await;
    club.field.assert_exact().await;
}

/// A late run sees what was spent between the date and itself, and lowers nobody who has reached the tier.
#[tokio::test]
async fn nobody_falls_below_what_they_were_told() {
    let club = Club::new(1).await;
    club.old_gold(1, 32).await;
    club.buy(1, "half", 60_000, 0).await;
    assert_eq!(club.daily().await.affected, 1);
    assert_eq!(club.field.number("select spend_minor from tier_notices").await, 60_000);
    // Told silver; then that order goes back, too.
    club.tell("half", &Fact::Cancelled(club.field.now)).await;
    club.pass(32).await;
    club.daily().await;
    club.assert_tier(1, "silver", "spend").await;
    club.field.assert_exact().await;
}

#[tokio::test]
async fn what_others_decided_is_raised_but_never_lowered() {
    let club = Club::new(6).await;
    let long_ago = start_of_day(club.field.settings.zone, club.today() + Days::new(32));
    let joined = long_ago - TimeDelta::days(4 * 365 + 1);
    club.join(1, 1, "import", "active", joined).await;
    club.join(2, 1, "manual", "active", joined).await;
    club.join(3, 1, "manual", "active", joined).await;
    club.sql(
        "update memberships set pinned = true where member_id =
        (select id from members where external_id = '3')",
    )
    .await;
    club.join(4, 1, "import", "paused", joined).await;
    club.join(5, 1, "manual", "cancelled", joined).await;
    club.join(6, 0, "import", "active", joined).await;
    assert_eq!(club.daily().await.affected, 0, "nobody is told");
    for member in 1..=6 {
        club.buy(member, &format!("{member}"), 100_000, 0).await;
    }
    for (member, tier, source) in [
        (1, "gold", "spend"),
        (2, "gold", "spend"),
        (3, "silver", "manual"),
        (4, "silver", "import"),
        (5, "silver", "manual"),
        (6, "gold", "import"),
    ] {
        club.assert_tier(member, tier, source).await;
    }
    // A year later what was there before is left.
    club.sql("update orders set paid_at = paid_at - interval '500 days'").await;
    assert_eq!(club.daily().await.affected, 2);
    club.pass(33).await;
    club.daily().await;
    club.assert_tier(1, "silver", "import").await;
    club.assert_tier(2, "silver", "manual").await;
    club.assert_tier(6, "gold", "import").await;
    club.field.assert_exact().await;
}

#[tokio::test]
async fn a_shop_may_let_rules_follow_its_imports() {
    let club = Club::new(1).await;
    let review_on = club.today() + Days::new(33);
    let joined = start_of_day(club.field.settings.zone, yearly_on(review_on, review_on.year() - 4));
    club.join(1, 0, "import", "active", joined).await;
    assert_eq!(club.daily().await.affected, 0);
    club.settings(TierSettings { reviews_imports: Some(true), undoes: None }).await;
    assert_eq!(club.daily().await.affected, 1);
    club.pass(33).await;
    club.daily().await;
    club.assert_tier(1, "bronze", "spend").await;
    // The tags still say gold; they placed the member, and no more.
    club.import(1, Some(0)).await;
    club.assert_tier(1, "bronze", "spend").await;
    club.field.assert_exact().await;
}

/// The database plans those whom the rules of the domain mean, on each day of three years.
#[tokio::test]
async fn who_is_planned_has_a_yearly_date_ahead() {
    let days: Vec<NaiveDate> = [
        "2024-02-29",
        "2024-02-28",
        "2024-03-01",
        "2023-12-31",
        "2024-01-01",
        "2020-02-29",
        "2024-11-05",
        "2024-03-31",
    ]
    .iter()
    .map(|day| day.parse().unwrap())
    .collect();
    let club = Club::new(days.len()).await;
    let zone = club.field.settings.zone;
    for (n, day) in days.iter().enumerate() {
        club.join(n + 1, 0, "spend", "active", start_of_day(zone, *day) + TimeDelta::hours(23)).await;
    }
    let mut tx = club.field.begin().await;
    let first: NaiveDate = "2024-01-01".parse().unwrap();
    let mut told = 0;
    for n in 0..1200 {
        let today = first + Days::new(n);
        let as_of = start_of_day(zone, today) + TimeDelta::hours(22);
        let planned: Vec<Uuid> =
            sqlx::query_scalar("select member_id from tier_review_due($1, $2, $3) order by 1")
                .bind(club.field.tenant.0)
                .bind(as_of)
                .bind(club.field.days(3000))
                .fetch_all(&mut *tx)
                .await
                .unwrap();
        let mut meant: Vec<Uuid> = days
            .iter()
            .zip(&club.field.members)
            .filter(|(joined, _)| notice_for(**joined, today).is_some())
            .map(|(_, id)| *id)
            .collect();
        meant.sort();
        assert_eq!(planned, meant, "{today}");
        told += meant.len();
    }
    assert!(told > 100);
}

/// Planted damage is found.
#[tokio::test]
async fn verify_finds_a_tier_that_was_not_earned() {
    let club = Club::new(2).await;
    club.buy(1, "1", 100_000, 1).await;
    club.join(2, 0, "spend", "active", club.field.days(-1)).await;
    club.sql(
        "alter table tier_decisions disable trigger all;
        alter table tier_decisions drop constraint tier_decisions_check3;
        update tier_decisions set spend_minor = 99_999;
        alter table tier_decisions enable trigger all",
    )
    .await;
    let (_, results) = tradeup_store::verify::tenant(&club.field.pool, club.field.tenant).await.unwrap();
    let check = results.iter().find(|result| result.check == "spend_tiers_were_earned").unwrap();
    assert_eq!(check.violations, 2, "{check:#?}");
}
