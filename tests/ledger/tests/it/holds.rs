//! Holds on the ledger: E10 of the loyalty reference, what a checkout may do, and time that decides by itself.

use std::sync::Arc;

use chrono::TimeDelta;
use sqlx::AssertSqlSafe;
use tokio::task::JoinSet;
use tradeup_domain::ledger::{CaptureError, HOLD_SECONDS, HOLD_SECONDS_MAX, Insufficient};
use tradeup_store::credits::{Reverted, Spent};
use tradeup_store::holds::{self, AskedHold, Authorised, Captured, HoldState, Released};
use uuid::Uuid;

use crate::field::{Field, usd};
use crate::orders::{paid, refund, tell};

fn asked<'a>(field: &Field, reference: &'a str) -> AskedHold<'a> {
    AskedHold {
        tenant: field.tenant,
        source: "till",
        reference,
        actor: "ledger tests",
        reason: Some("a test"),
    }
}

/// Authorises; commits what is done.
pub(crate) async fn hold_of(
    field: &Field,
    member: Uuid,
    name: &str,
    amount_minor: i64,
    seconds: i64,
) -> Authorised {
    let mut tx = field.begin().await;
    let done =
        holds::authorise(&mut tx, &asked(field, name), member, usd(amount_minor), seconds).await.unwrap();
    if matches!(done, Authorised::Done { .. }) {
        tx.commit().await.unwrap();
    }
    done
}

async fn hold(field: &Field, name: &str, amount_minor: i64) -> Authorised {
    hold_of(field, field.members[0], name, amount_minor, HOLD_SECONDS).await
}

/// Captures; commits what is done.
pub(crate) async fn capture(field: &Field, name: &str, amount_minor: Option<i64>) -> Captured {
    let mut tx = field.begin().await;
    let done = holds::capture(&mut tx, &asked(field, name), amount_minor).await.unwrap();
    if matches!(done, Captured::Done { .. }) {
        tx.commit().await.unwrap();
    }
    done
}

/// Releases; commits what is done.
pub(crate) async fn release(field: &Field, name: &str) -> Released {
    let mut tx = field.begin().await;
    let done = holds::release(&mut tx, &asked(field, name)).await.unwrap();
    tx.commit().await.unwrap();
    done
}

/// Every instant that the ledger knows.
const INSTANTS: [(&str, &[&str]); 6] = [
    ("lots", &["available_at", "expires_at", "ends_at", "created_at"]),
    ("holds", &["authorised_at", "capture_until", "ended_at"]),
    ("operations", &["effective_at", "recorded_at"]),
    ("ledger_entries", &["effective_at", "recorded_at"]),
    ("runs", &["scheduled_for", "started_at", "finished_at"]),
    ("members", &["merged_at"]),
];

/// So many hours pass: all that has happened is longer ago, and all that is to come is nearer.
pub(crate) async fn pass(field: &Field, hours: i64) {
    // Also where nobody may change anything.
    let mut passed = "set session_replication_role = replica;".to_owned();
    for (table, columns) in INSTANTS {
        let set: Vec<String> =
            columns.iter().map(|column| format!("{column} = {column} - interval '{hours} hours'")).collect();
        passed.push_str(&format!("update {table} set {};", set.join(", ")));
    }
    passed.push_str("set session_replication_role = origin");
    sqlx::raw_sql(AssertSqlSafe(passed)).execute(&field.database.admin).await.unwrap();
}

fn captured(amount_minor: i64, released_minor: i64) -> Captured {
    Captured::Done { is_new: true, amount_minor, released_minor, currency: "USD".to_owned() }
}

async fn held(field: &Field) -> i64 {
    field.number("select coalesce(sum(held_minor), 0)::bigint from lots").await
}

async fn balance(field: &Field) -> i64 {
    field.number("select sum(balance_minor)::bigint from accounts").await
}

fn parts(of: &[(&str, i64)]) -> Vec<(String, i64)> {
    of.iter().map(|(lot, amount)| ((*lot).to_owned(), *amount)).collect()
}

async fn four() -> Field {
    let field = Field::new(1, 500).await;
    field.lot("A", 300, Some(field.days(10))).await;
    field.lot("B", 500, Some(field.days(5))).await;
    field.lot("M", 500, Some(field.days(60))).await;
    field.lot("N", 400, None).await;
    field
}

#[tokio::test]
async fn a_hold_is_nobody_elses_and_a_capture_is_a_spend() {
    let field = four().await;
    let Authorised::Done { is_new: true, state: HoldState::Authorised, capture_until, left_minor: 800 } =
        hold(&field, "order 1", 900).await
    else {
        panic!("not authorised")
    };
    assert!(capture_until > field.now + TimeDelta::hours(23), "{capture_until}");
    assert_eq!((held(&field).await, balance(&field).await), (900, 1700));
    field.assert_exact().await;
    // The same again is the same hold; with anything else it is refused, also for another time.
    let again =
        Authorised::Done { is_new: false, state: HoldState::Authorised, capture_until, left_minor: 800 };
    assert_eq!(hold(&field, "order 1", 900).await, again);
    assert_eq!(hold(&field, "order 1", 901).await, Authorised::OtherOperation);
    let member = field.members[0];
    assert_eq!(hold_of(&field, member, "order 1", 900, 60).await, Authorised::OtherOperation);
    // Above what is left it is refused as a spend is, and a spend is, too.
    let too_much = Insufficient { asked_minor: 801, spendable_minor: 800 };
    assert_eq!(hold(&field, "order 2", 801).await, Authorised::Insufficient(too_much));
    assert_eq!(field.spend("order 2", 801, None).await, Spent::Insufficient(too_much));
    assert_eq!(field.spend("order 1", 900, None).await, Spent::OtherOperation, "it is held under this name");
    assert_eq!(field.spend("order 3", 800, None).await, Spent::Done { is_new: true, left_minor: 0 });
    assert_eq!(hold(&field, "order 3", 1).await, Authorised::OtherOperation, "it is spent under this name");

    let too_much = CaptureError { asked_minor: 901, held_minor: 900 };
    assert_eq!(capture(&field, "order 1", Some(901)).await, Captured::TooMuch(too_much));
    assert_eq!(capture(&field, "order 1", None).await, captured(900, 0));
    let spent = field.entries_of("spend").await;
    assert_eq!(spent[2..], parts(&[("B", -500), ("A", -300), ("M", -100)])[..], "{spent:?}");
    assert!(matches!(
        capture(&field, "order 1", None).await,
        Captured::Done { is_new: false, amount_minor: 900, .. }
    ));
    assert_eq!(capture(&field, "order 1", Some(5)).await, Captured::OtherOperation);
    assert_eq!(release(&field, "order 1").await, Released::Captured);
    assert_eq!(field.spend("order 1", 900, None).await, Spent::Done { is_new: false, left_minor: 0 });
    assert_eq!(capture(&field, "order 9", None).await, Captured::UnknownHold);
    // It can be taken back like any spend.
    let back = Reverted::Done { is_new: true, amount_minor: 900, reinstated_minor: 0 };
    assert_eq!(field.revert("cancel 1", "order 1", None).await, back);
    assert_eq!((held(&field).await, balance(&field).await), (0, 900));
    field.assert_exact().await;
}

#[tokio::test]
async fn what_is_not_captured_is_free_and_so_is_what_is_released() {
    let field = four().await;
    hold(&field, "order 1", 900).await;
    assert_eq!(capture(&field, "order 1", Some(600)).await, captured(600, 300));
    assert_eq!(field.entries_of("spend").await, parts(&[("B", -500), ("A", -100)]));
    assert_eq!(held(&field).await, 0);
    hold(&field, "order 2", 1100).await;
    assert!(matches!(field.spend("order 3", 1, None).await, Spent::Insufficient(_)));
    let Released::Done { is_new: true, state: HoldState::Released, amount_minor: 1100, .. } =
        release(&field, "order 2").await
    else {
        panic!("not released")
    };
    assert!(matches!(release(&field, "order 2").await, Released::Done { is_new: false, .. }));
    assert_eq!(capture(&field, "order 2", None).await, Captured::Over(HoldState::Released));
    assert_eq!(release(&field, "order 9").await, Released::UnknownHold);
    assert_eq!(field.spend("order 3", 1100, None).await, Spent::Done { is_new: true, left_minor: 0 });
    field.assert_exact().await;
}

/// E10: captured for a day after the end of its lot; the rest expires once it is free, as of its own end, with
/// the next daily expiration.
#[tokio::test]
async fn e10_what_is_held_outlives_its_lot_for_a_day_and_the_rest_expires_after() {
    let field = Field::new(1, 500).await;
    field.lot("soon", 800, Some(field.now + TimeDelta::hours(2))).await;
    let member = field.members[0];
    let Authorised::Done { capture_until, .. } =
        hold_of(&field, member, "order 1", 500, HOLD_SECONDS_MAX).await
    else {
        panic!("not authorised")
    };
    // Asked for a week, and told the day after the lot's end.
    assert_eq!(capture_until, field.now + TimeDelta::hours(26));
    pass(&field, 20).await;
    assert_eq!(field.expire(field.now).await, (1, 300), "only what is not held");
    field.assert_exact().await;
    assert_eq!(field.expire(field.now).await, (0, 0));
    assert_eq!(capture(&field, "order 1", Some(350)).await, captured(350, 150));
    assert_eq!((held(&field).await, balance(&field).await), (0, 150));
    // An expiration has succeeded before, and what is free since is the next one's.
    field.assert_exact().await;
    assert!(
        matches!(field.spend("order 2", 1, None).await, Spent::Insufficient(_)),
        "it has ended all the same"
    );
    assert_eq!(field.expire(field.now).await, (1, 150));
    assert_eq!(field.entries_of("expire").await, parts(&[("soon", -300), ("soon", -150)]));
    let as_of_their_end = "select count(*) from ledger_entries e join lots l on l.id = e.lot_id
        where e.kind = 'expire' and e.effective_at = l.ends_at";
    assert_eq!(field.number(as_of_their_end).await, 2);
    // Taken back after its end: a new lot, as for every spend.
    let back = Reverted::Done { is_new: true, amount_minor: 350, reinstated_minor: 350 };
    assert_eq!(field.revert("cancel 1", "order 1", None).await, back);
    field.assert_exact().await;
}

#[tokio::test]
async fn a_release_after_the_end_is_booked_by_the_next_expiration() {
    let field = Field::new(1, 500).await;
    field.lot("soon", 500, Some(field.now + TimeDelta::hours(2))).await;
    hold(&field, "order 1", 500).await;
    pass(&field, 20).await;
    assert_eq!(field.expire(field.now).await, (0, 0));
    release(&field, "order 1").await;
    assert_eq!(balance(&field).await, 500);
    field.assert_exact().await;
    assert_eq!(field.expire(field.now).await, (1, 500));
    field.assert_exact().await;
}

/// Nobody comes by, no sweep runs: a hold whose time is over blocks nothing.
#[tokio::test]
async fn what_times_out_is_free_without_anybodys_help() {
    let field = four().await;
    hold(&field, "order 1", 1700).await;
    let Authorised::Done { left_minor: 0, .. } = hold(&field, "order 1", 1700).await else {
        panic!("not held")
    };
    pass(&field, 25).await;
    // Whoever reads sees it already; nothing was booked.
    let mut tx = field.begin().await;
    let accounts = tradeup_store::reports::accounts(&mut tx, field.tenant, field.members[0]).await.unwrap();
    assert_eq!((accounts[0].spendable_minor, accounts[0].held_minor), (1700, 0));
    drop(tx);
    assert_eq!(held(&field).await, 1700);
    field.assert_exact().await;
    assert_eq!(capture(&field, "order 1", None).await, Captured::Over(HoldState::Expired));
    assert!(matches!(
        release(&field, "order 1").await,
        Released::Done { is_new: false, state: HoldState::Expired, .. }
    ));
    assert!(matches!(
        hold(&field, "order 1", 1700).await,
        Authorised::Done { is_new: false, state: HoldState::Expired, .. }
    ));
    assert_eq!(field.spend("order 2", 1700, None).await, Spent::Done { is_new: true, left_minor: 0 });
    assert_eq!(held(&field).await, 0);
    field.assert_exact().await;
}

/// The expiration frees what has been held for too long by itself.
#[tokio::test]
async fn the_expiration_takes_what_was_held_for_too_long() {
    let field = Field::new(1, 500).await;
    field.lot("soon", 500, Some(field.now + TimeDelta::hours(2))).await;
    hold(&field, "order 1", 400).await;
    pass(&field, 25).await;
    assert_eq!(field.expire(field.now).await, (1, 500));
    assert_eq!(
        field.number("select count(*) from holds where state = 'expired' and ended_at is not null").await,
        1
    );
    field.assert_exact().await;
}

/// What is held is not clawed back: the checkout was promised it.
#[tokio::test]
async fn a_claw_back_leaves_what_is_held() {
    let field = Field::new(1, 500).await;
    tell(&field, "1", &paid(&field, 3350, 0)).await;
    hold(&field, "order 2", 100).await;
    tell(&field, "1", &refund(&field, "r1", 3350)).await;
    assert_eq!(field.entries_of("clawback").await.iter().map(|(_, minor)| minor).sum::<i64>(), -67);
    assert_eq!(field.number("select sum(debt_minor)::bigint from accounts").await, 100);
    assert_eq!(capture(&field, "order 2", None).await, captured(100, 0));
    field.assert_exact().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_authorisations_at_once_hold_no_more_than_there_is() {
    let field = Arc::new(Field::new(1, 500).await);
    for lot in 0..4 {
        field.lot(&format!("{lot}"), 150, Some(field.days(lot + 1))).await;
    }
    let mut tasks = JoinSet::new();
    for n in 0..60 {
        let field = Arc::clone(&field);
        tasks.spawn(async move { hold(&field, &format!("order {n}"), 100).await });
    }
    let done = tasks.join_all().await;
    let held_by = done.iter().filter(|done| matches!(done, Authorised::Done { is_new: true, .. })).count();
    assert_eq!((held_by, held(&field).await), (6, 600));
    field.assert_exact().await;
    // And sixty captures and releases of the same six take each once.
    let mut tasks = JoinSet::new();
    for n in 0..120 {
        let field = Arc::clone(&field);
        tasks.spawn(async move {
            let name = format!("order {}", n % 60);
            if n < 60 { drop(capture(&field, &name, None).await) } else { drop(release(&field, &name).await) }
        });
    }
    tasks.join_all().await;
    let spent: i64 = field.entries_of("spend").await.iter().map(|(_, minor)| -minor).sum();
    let captured = field.number("select coalesce(sum(captured_minor), 0)::bigint from holds").await;
    assert_eq!((spent, held(&field).await, balance(&field).await), (captured, 0, 600 - captured));
    field.assert_exact().await;
}
