//! A shop with a few members, and their ledger at hand.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgPoolOptions;
use tradeup_domain::{Currency, Handle, Money, Validity, ValueClass};
use tradeup_harness::{Database, Servers};
use tradeup_store::accounts::{self, Booking, NewLot, book};
use tradeup_store::credits::{self, Asked, ExpirationBatch, MemberBatch as _, Reverted, Spent};
use tradeup_store::operations::{self, Operation, OperationKind};
use tradeup_store::runs::BatchRange;
use tradeup_store::tenants::{self, NewTenant, Settings};
use tradeup_store::{Pool, RunId, TenantId, Tx, tiers, verify};
use uuid::Uuid;

/// A shop of its own database.
pub(crate) struct Field {
    pub(crate) database: Database,
    pub(crate) pool: Pool,
    pub(crate) tenant: TenantId,
    pub(crate) settings: Settings,
    pub(crate) members: Vec<Uuid>,
    /// About when the test began.
    pub(crate) now: DateTime<Utc>,
}

/// Dollars and cents.
pub(crate) fn usd(amount_minor: i64) -> Money {
    Money { amount_minor, currency: "USD".parse().unwrap() }
}

/// The seed of a random test: what `LEDGER_SEED` says, to see a failure again.
pub(crate) fn seed(otherwise: u64) -> u64 {
    std::env::var("LEDGER_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(otherwise)
}

async fn clock(pool: &Pool) -> DateTime<Utc> {
    sqlx::query_scalar("select clock_timestamp()").fetch_one(pool).await.unwrap()
}

impl Field {
    /// A shop in New York with this many members of tier gold, which gives back `rate_bps`.
    pub(crate) async fn new(members: usize, rate_bps: i32) -> Self {
        Self::of_currency(members, rate_bps, "USD").await
    }

    pub(crate) async fn of_currency(members: usize, rate_bps: i32, currency: &str) -> Self {
        let mut environment: HashMap<String, String> = Servers::shared().environment();
        let database = Database::create(&environment).await;
        environment.clear();
        let pool = PgPoolOptions::new().max_connections(24).connect(&database.app_url).await.unwrap();
        let new = NewTenant {
            handle: "aurora".parse::<Handle>().unwrap(),
            name: "Aurora".to_owned(),
            zone: "America/New_York".parse().unwrap(),
            currency: currency.parse::<Currency>().unwrap(),
            credit_validity: Validity::Months(3),
            grace_days: 0,
        };
        let mut tx = Tx::of_engine(&pool).await.unwrap();
        let tenant = tenants::add(&mut tx, &new).await.unwrap().unwrap();
        tx.commit().await.unwrap();
        let mut tx = Tx::of_tenant(&pool, tenant).await.unwrap();
        let tier = tiers::add(&mut tx, tenant, &"gold".parse().unwrap(), "vip-gold").await.unwrap().unwrap();
        let five = Money { amount_minor: 500, currency: new.currency };
        tiers::set_amount(&mut tx, tenant, tier, five).await.unwrap();
        tiers::set_rate(&mut tx, tenant, tier, rate_bps).await.unwrap();
        let settings = tenants::by_id(&mut tx, tenant).await.unwrap().unwrap().settings().unwrap();
        tx.commit().await.unwrap();
        let ids: Vec<Uuid> = (0..members).map(|_| Uuid::now_v7()).collect();
        for (n, id) in ids.iter().enumerate() {
            let member = format!(
                "insert into members (tenant_id, id, external_id) values ({tenant}, '{id}', '{}');
                 insert into memberships (tenant_id, member_id, tier_id, status, source, valid_from)
                 values ({tenant}, '{id}', {tier}, 'active', 'manual', '2020-01-01')",
                n + 1
            );
            sqlx::raw_sql(AssertSqlSafe(member)).execute(&database.admin).await.unwrap();
        }
        let now = clock(&database.admin).await;
        Self { database, pool, tenant, settings, members: ids, now }
    }

    /// The database's clock, at this moment.
    pub(crate) async fn clock(&self) -> DateTime<Utc> {
        clock(&self.database.admin).await
    }

    /// An instant so many days from now.
    pub(crate) fn days(&self, days: i64) -> DateTime<Utc> {
        self.now + TimeDelta::days(days)
    }

    pub(crate) async fn begin(&self) -> Tx {
        Tx::of_tenant(&self.pool, self.tenant).await.unwrap()
    }

    pub(crate) fn asked<'a>(&self, key: &'a str, at: Option<DateTime<Utc>>) -> Asked<'a> {
        Asked {
            tenant: self.tenant,
            key,
            actor: "ledger tests",
            reason: Some("a test"),
            run_id: None,
            at,
            at_shop: false,
        }
    }

    /// A lot of the first member, which began a year ago.
    pub(crate) async fn lot(&self, name: &str, amount_minor: i64, ends_at: Option<DateTime<Utc>>) -> Uuid {
        let (member, class) = (self.members[0], ValueClass::Promotional);
        self.lot_of(member, name, usd(amount_minor), class, Some(self.days(-365)), ends_at).await
    }

    /// A lot, whose name is in its key.
    pub(crate) async fn lot_of(
        &self,
        member: Uuid,
        name: &str,
        amount: Money,
        value_class: ValueClass,
        available_at: Option<DateTime<Utc>>,
        ends_at: Option<DateTime<Utc>>,
    ) -> Uuid {
        let mut tx = self.begin().await;
        let currency = amount.currency.code();
        accounts::open(&mut tx, self.tenant, member, currency).await.unwrap();
        let key = format!("lot:{name}");
        let operation = Operation {
            tenant: self.tenant,
            key: &key,
            kind: OperationKind::Adjust,
            member_id: member,
            currency,
            amount_minor: amount.amount_minor,
            of_key: None,
            reason: None,
            actor: "ledger tests",
            run_id: None,
            effective_at: available_at.unwrap_or(self.now),
            at_shop: false,
            rule: None,
        };
        operations::begin(&mut tx, &operation).await.unwrap();
        let mut booking = Booking::of(&operation);
        let id = Uuid::now_v7();
        booking.new_lots.push(NewLot {
            id,
            value_class,
            reason: "adjusted",
            source_key: key.clone(),
            granted_minor: amount.amount_minor,
            available_at,
            expires_at: ends_at,
            ends_at,
            anchor_on: available_at.map(|at| at.date_naive()),
            note: None,
        });
        book(&mut tx, &booking).await.unwrap();
        tx.commit().await.unwrap();
        id
    }

    /// Spends of the first member's; commits what is done.
    pub(crate) async fn spend(&self, key: &str, amount_minor: i64, at: Option<DateTime<Utc>>) -> Spent {
        let mut tx = self.begin().await;
        let key = credits::spend_key("till", key);
        let asked = self.asked(&key, at);
        let spent = credits::spend(&mut tx, &asked, self.members[0], usd(amount_minor)).await.unwrap();
        if matches!(spent, Spent::Done { .. }) {
            tx.commit().await.unwrap();
        }
        spent
    }

    /// Takes a spend back; commits what is done.
    pub(crate) async fn revert(&self, key: &str, of: &str, amount_minor: Option<i64>) -> Reverted {
        let mut tx = self.begin().await;
        let (key, of) = (credits::revert_key(key), credits::spend_key("till", of));
        let asked = self.asked(&key, None);
        let reverted =
            credits::revert_spend(&mut tx, &asked, &self.settings, &of, amount_minor).await.unwrap();
        if matches!(reverted, Reverted::Done { .. }) {
            tx.commit().await.unwrap();
        }
        reverted
    }

    /// Expires what has ended by then, as a run of the engine's would. Returns members and amount.
    pub(crate) async fn expire(&self, as_of: DateTime<Utc>) -> (i32, i64) {
        let (parent, run) = (RunId::new(), RunId::new());
        let (first, last) = (Uuid::nil(), Uuid::max());
        let (currency, tenant) = (self.settings.currency, self.tenant);
        let planned = format!(
            "insert into runs (id, tenant_id, task, key, trigger, parent_id, root_id, payload, scheduled_for,
                state, started_at, finished_at)
             values ('{parent}', {tenant}, 'credit-expiration-tenant', '{parent}', 'manual', null, '{parent}', '',
                    '{as_of}', 'succeeded', clock_timestamp(), clock_timestamp()),
                ('{run}', {tenant}, 'credit-expiration-batch', '{run}', 'parent', '{parent}', '{parent}', '',
                    '{as_of}', 'succeeded', clock_timestamp(), clock_timestamp());
             insert into batch_plans values ('{parent}', {tenant}, 'credit-expiration-batch', '', 1);
             insert into batches (parent_run_id, seq, tenant_id, currency, first_member_id, last_member_id, members,
                state, run_id)
             values ('{parent}', 0, {tenant}, '{currency}', '{first}', '{last}', 0, 'done', '{run}')"
        );
        sqlx::raw_sql(AssertSqlSafe(planned)).execute(&self.database.admin).await.unwrap();
        let range = BatchRange { first, last, members: 0 };
        let batch = ExpirationBatch { tenant, run_id: run, as_of, range };
        let mut tx = self.begin().await;
        let counts = batch.apply(&mut tx, range).await.unwrap();
        tx.commit().await.unwrap();
        let done = format!(
            "update batches set members = {0}, affected = {1}, affected_minor = {2}, already_done = {3}
             where run_id = '{run}'",
            counts.members, counts.affected, counts.affected_minor, counts.already_done
        );
        sqlx::raw_sql(AssertSqlSafe(done)).execute(&self.database.admin).await.unwrap();
        (counts.affected, counts.affected_minor)
    }

    /// The entries since the lots were made, in order: the lot's name, kind, amount.
    pub(crate) async fn entries(&self) -> Vec<(String, String, i64)> {
        sqlx::query_as(
            "select coalesce(substr(l.source_key, nullif(strpos(l.source_key, 'lot:'), 0) + 4), l.source_key),
                e.kind, e.amount_minor
             from ledger_entries e join lots l on l.id = e.lot_id
             where not (e.kind = 'grant' and l.source_key like 'lot:%')
             order by e.id",
        )
        .fetch_all(&self.database.admin)
        .await
        .unwrap()
    }

    /// The entries of one key, in order: the lot's name, amount.
    pub(crate) async fn entries_of(&self, kind: &str) -> Vec<(String, i64)> {
        let all = self.entries().await;
        all.into_iter().filter(|entry| entry.1 == kind).map(|(lot, _, amount)| (lot, amount)).collect()
    }

    pub(crate) async fn number(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query).fetch_one(&self.database.admin).await.unwrap()
    }

    /// Until a session waits for a lock.
    pub(crate) async fn somebody_waits(&self) {
        let waiting = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
        while self.number(waiting).await == 0 {
            tokio::task::yield_now().await;
        }
    }

    /// Every check of `tradeup verify` holds.
    pub(crate) async fn assert_exact(&self) {
        let (_examined, results) = verify::tenant(&self.pool, self.tenant).await.unwrap();
        let broken: Vec<_> = results.iter().filter(|result| result.violations > 0).collect();
        assert!(broken.is_empty(), "{broken:#?}");
    }
}
