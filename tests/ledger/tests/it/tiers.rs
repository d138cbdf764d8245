//! Tiers by spend: raised at once, of spend and others' word the highest, undone where the shop has chosen it.

use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::task::JoinSet;
use tradeup_domain::order::Fact;
use tradeup_store::ErrorKind;
use tradeup_store::batches::BatchCounts;
use tradeup_store::tier_moves::{self, PreviewKind};
use tradeup_store::tiers::{self, TierSettings};

use crate::club::Club;
use crate::field::usd;

#[tokio::test]
async fn a_tier_is_reached_at_its_threshold_and_not_before() {
    let club = Club::new(2).await;
    assert!(club.buy(1, "1", 49_999, 3).await.unwrap().raised, "from nothing to bronze");
    club.assert_tier(1, "bronze", "spend").await;
    let moved = club.buy(1, "2", 1, 2).await.unwrap();
    assert_eq!((moved.tier, moved.spend_minor, moved.threshold_minor), (Some(club.tiers[1]), 50_000, 50_000));
    assert_eq!(club.buy(1, "3", 49_999, 1).await, None);
    club.assert_tier(1, "silver", "spend").await;
    assert_eq!(club.buy(1, "4", 1, 1).await.unwrap().tier, Some(club.tiers[0]));
    // Told once more, nothing happens.
    assert_eq!(club.buy(1, "4", 1, 1).await, None);
    // What was paid more than 12 months ago does not count, nor does another's.
    assert_eq!(club.buy(2, "5", 100_000, 400).await.unwrap().tier, Some(club.tiers[2]));
    assert_eq!(club.field.number("select count(*) from memberships").await, 4);
    club.field.assert_exact().await;
}

#[tokio::test]
async fn a_refund_lowers_nothing_unless_the_shop_has_chosen_that() {
    let club = Club::new(2).await;
    for member in [1, 2] {
        club.buy(member, &format!("small-{member}"), 10_000, 3).await;
        club.buy(member, &format!("half-{member}"), 40_000, 2).await;
        club.buy(member, &format!("big-{member}"), 50_000, 1).await;
        club.assert_tier(member, "gold", "spend").await;
    }
    assert_eq!(club.refund("big-1", "r1", 1).await, None);
    club.assert_tier(1, "gold", "spend").await;

    club.settings(TierSettings { undoes: Some(true), reviews_imports: None }).await;
    let undone = club.refund("big-1", "r2", 1000).await.unwrap();
    assert_eq!((undone.raised, undone.tier, undone.spend_minor), (false, Some(club.tiers[1]), 98_999));
    // Bought again, it is reached again; refunded beyond silver, both raises fall.
    assert!(club.buy(1, "again", 1001, 0).await.unwrap().raised);
    club.assert_tier(1, "gold", "spend").await;
    club.tell("big-2", &Fact::Cancelled(club.field.now)).await.unwrap();
    club.assert_tier(2, "silver", "spend").await;
    club.buy(2, "big-again", 60_000, 0).await.unwrap();
    club.refund("half-2", "r3", 40_000).await;
    club.assert_tier(2, "silver", "spend").await;
    club.field.assert_exact().await;
}

/// Undone down to where the member was before the raises that fall, in one step.
#[tokio::test]
async fn one_refund_may_undo_several_raises() {
    let club = Club::new(1).await;
    club.settings(TierSettings { undoes: Some(true), reviews_imports: None }).await;
    club.buy(1, "1", 10_000, 3).await;
    club.buy(1, "2", 50_000, 2).await;
    club.assert_tier(1, "silver", "spend").await;
    club.buy(1, "3", 40_000, 1).await;
    club.assert_tier(1, "gold", "spend").await;
    assert_eq!(club.refund("2", "r", 50_000).await.unwrap().tier, Some(club.tiers[1]), "still 500.00 left");
    let club = Club::new(1).await;
    club.settings(TierSettings { undoes: Some(true), reviews_imports: None }).await;
    club.buy(1, "1", 10_000, 3).await;
    club.buy(1, "2", 100_000, 2).await;
    assert_eq!(club.refund("2", "r", 100_000).await.unwrap().tier, Some(club.tiers[2]));
    club.field.assert_exact().await;
}

/// Of tags and spend the higher wins, and what the tags say is left when spend no longer reaches more.
#[tokio::test]
async fn the_highest_of_tags_and_spend_wins() {
    let club = Club::new(1).await;
    club.import(1, Some(2)).await;
    club.buy(1, "1", 60_000, 1).await;
    club.assert_tier(1, "silver", "spend").await;
    club.import(1, Some(2)).await;
    club.assert_tier(1, "silver", "spend").await;
    let under = "select count(*) from memberships where valid_to is null and under_source = 'import'";
    assert_eq!(club.field.number(under).await, 1);
    club.import(1, None).await;
    assert_eq!(club.field.number(under).await, 0);
    club.import(1, Some(0)).await;
    club.assert_tier(1, "gold", "import").await;
    // The tag goes: what is spent is what is left, by the next review.
    club.import(1, None).await;
    assert_eq!(club.tier(1).await, None);
    assert_eq!(club.review(Some(club.field.now)).await.affected, 1);
    club.assert_tier(1, "silver", "spend").await;
    club.field.assert_exact().await;
}

#[tokio::test]
async fn a_new_rule_raises_by_the_next_review_and_the_preview_says_so() {
    let club = Club::new(3).await;
    club.buy(1, "1", 30_000, 1).await;
    club.buy(2, "2", 29_999, 1).await;
    let before = club.field.clock().await;
    let mut tx = club.field.begin().await;
    tiers::set_threshold(&mut tx, club.field.tenant, club.tiers[1], usd(30_000)).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = club.field.begin().await;
    let now = club.field.clock().await;
    let moves = tier_moves::preview(&mut tx, club.field.tenant, now).await.unwrap();
    tx.rollback().await.unwrap();
    let seen: Vec<_> = moves.iter().map(|m| (m.external_id.as_str(), m.kind, m.tier)).collect();
    // The third has never bought anything, and bronze asks for nothing.
    let up = PreviewKind::Up;
    assert_eq!(seen, [("1", up, Some(club.tiers[1])), ("3", up, Some(club.tiers[2]))]);
    assert_eq!(club.review(Some(before)).await.affected, 2);
    for (member, tier) in [(1, "silver"), (2, "bronze"), (3, "bronze")] {
        club.assert_tier(member, tier, "spend").await;
    }
    assert_eq!(club.review(Some(club.field.clock().await)).await, BatchCounts::default());
    club.field.assert_exact().await;
}

/// Orders, refunds and reviews of the same members at once: one membership at a time, each earned.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_of_one_member_at_once_are_looked_at_one_after_the_other() {
    let club = Arc::new(Club::new(3).await);
    club.settings(TierSettings { undoes: Some(true), reviews_imports: None }).await;
    let mut loops = JoinSet::new();
    // Two halves of what gold asks for, at once.
    for half in ["a", "b"] {
        let club = Arc::clone(&club);
        loops.spawn(async move { club.buy(3, half, 50_000, 1).await });
    }
    loops.join_all().await;
    club.assert_tier(3, "gold", "spend").await;

    let mut loops = JoinSet::new();
    for worker in 0..8_u64 {
        let club = Arc::clone(&club);
        loops.spawn(async move {
            let mut random = StdRng::seed_from_u64(worker);
            for n in 0..40 {
                let member = random.random_range(1..3);
                match random.random_range(0..8) {
                    0 => {
                        let order = format!("{worker}-{}", random.random_range(0..=n));
                        club.refund(&order, &format!("{worker}-{n}"), 20_000).await;
                    }
                    1 => {
                        club.review(None).await;
                    }
                    2 => {
                        let mut tx = club.field.begin().await;
                        let (id, tier) =
                            (club.field.members[member - 1], club.tiers[random.random_range(0..3)]);
                        tier_moves::place(&mut tx, club.field.tenant, id, Some(tier), false).await.unwrap();
                        match tx.commit().await {
                            Ok(()) => {}
                            Err(error) => assert_eq!(error.kind(), ErrorKind::Conflict),
                        }
                    }
                    _ => {
                        club.buy(member, &format!("{worker}-{n}"), random.random_range(0..30_000), 1).await;
                    }
                }
            }
        });
    }
    loops.join_all().await;
    assert_eq!(club.field.number("select count(*) from memberships where valid_to is null").await, 3);
    assert!(club.field.number("select count(*) from tier_decisions").await > 10);
    club.field.assert_exact().await;
}
