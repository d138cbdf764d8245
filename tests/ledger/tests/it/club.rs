//! A shop whose tiers are reached by spend.

use chrono::{DateTime, Datelike as _, Days, NaiveDate, TimeDelta, Utc};
use sqlx::AssertSqlSafe;
use tradeup_domain::order::{Fact, OrderContent, PaidOrder, RefundContent, RefundState};
use tradeup_domain::tier_rules::yearly_on;
use tradeup_domain::zone::start_of_day;
use tradeup_store::batches::BatchCounts;
use tradeup_store::credits::MemberBatch as _;
use tradeup_store::members::{Import, StagedMember};
use tradeup_store::runs::BatchRange;
use tradeup_store::tier_moves::{self, Moved, TierReviewBatch};
use tradeup_store::tiers::{self, TierSettings};
use tradeup_store::{RunId, orders};
use uuid::Uuid;

use crate::field::Field;

/// Gold from 1000.00, silver from 500.00, bronze from nothing, since 2020. Members are in no tier.
pub(crate) struct Club {
    pub(crate) field: Field,
    /// Gold, silver, bronze.
    pub(crate) tiers: [i32; 3],
}

impl Club {
    pub(crate) async fn new(members: usize) -> Self {
        let field = Field::new(members, 500).await;
        let mut tx = field.begin().await;
        for tier in ["silver", "bronze"] {
            tiers::add(&mut tx, field.tenant, &tier.parse().unwrap(), tier).await.unwrap().unwrap();
        }
        let listed = tiers::list(&mut tx, field.tenant).await.unwrap();
        tx.commit().await.unwrap();
        let tiers: Vec<i32> = listed.iter().map(|tier| tier.id).collect();
        let club = Self { field, tiers: tiers.try_into().unwrap() };
        for (tier, minor) in club.tiers.iter().zip([100_000, 50_000, 0]) {
            club.sql(&format!(
                "insert into tier_thresholds (tenant_id, tier_id, currency, threshold_minor, valid_from)
                 values ({}, {tier}, 'USD', {minor}, '2020-01-01')",
                club.field.tenant
            ))
            .await;
        }
        club.sql("delete from memberships").await;
        club
    }

    pub(crate) async fn sql(&self, statement: &str) {
        sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&self.field.database.admin).await.unwrap();
    }

    /// The local day.
    pub(crate) fn today(&self) -> NaiveDate {
        self.field.now.with_timezone(&self.field.settings.zone).date_naive()
    }

    /// An order of the member with this number, paid so many days ago; what it did to the tier.
    pub(crate) async fn buy(
        &self,
        member: usize,
        order: &str,
        base_minor: i64,
        days_ago: i64,
    ) -> Option<Moved> {
        let paid_at = self.field.days(-days_ago);
        let fact = Fact::Paid(PaidOrder {
            member_external_id: Some(member.to_string()),
            currency: self.field.settings.currency,
            content: OrderContent::of(base_minor),
            created_at: None,
            paid_at,
            version_at: paid_at,
            sent_at: paid_at,
            needs_fulfilment: false,
        });
        self.tell(order, &fact).await
    }

    pub(crate) async fn refund(&self, order: &str, id: &str, eligible_minor: i64) -> Option<Moved> {
        let refund = Fact::Refunded {
            external_id: id.to_owned(),
            content: RefundContent::of(eligible_minor),
            state: RefundState::Moved,
            refunded_at: self.field.now,
        };
        self.tell(order, &refund).await
    }

    /// What a run of `settle-order` does.
    pub(crate) async fn tell(&self, order: &str, fact: &Fact) -> Option<Moved> {
        let mut tx = self.field.begin().await;
        let asked = self.field.asked("fact", Some(self.field.now));
        orders::record(&mut tx, self.field.tenant, order, fact).await.unwrap();
        orders::settle(&mut tx, &asked, &self.field.settings, order).await.unwrap();
        let moved = tier_moves::after_order(&mut tx, &asked, order).await.unwrap();
        tx.commit().await.unwrap();
        moved
    }

    /// A review as of this moment, as one batch; `since` when the one before was.
    pub(crate) async fn review(&self, since: Option<DateTime<Utc>>) -> BatchCounts {
        let as_of = self.field.clock().await;
        self.review_as_of(as_of, since).await
    }

    pub(crate) async fn review_as_of(
        &self,
        as_of: DateTime<Utc>,
        since: Option<DateTime<Utc>>,
    ) -> BatchCounts {
        let range = BatchRange { first: Uuid::nil(), last: Uuid::max(), members: 0 };
        let batch = TierReviewBatch { tenant: self.field.tenant, run_id: RunId::new(), as_of, since, range };
        let mut tx = self.field.begin().await;
        let counts = batch.apply(&mut tx, range).await.unwrap();
        tx.commit().await.unwrap();
        counts
    }

    /// A review in a series: nothing has changed but time.
    pub(crate) async fn daily(&self) -> BatchCounts {
        self.review(Some(self.field.days(3000))).await
    }

    /// The tier of the member with this number, and what decided it.
    pub(crate) async fn tier(&self, member: usize) -> Option<(String, String)> {
        sqlx::query_as(
            "select tiers.handle, ms.source from memberships ms join tiers on tiers.id = ms.tier_id
             where ms.member_id = $1 and ms.valid_to is null",
        )
        .bind(self.field.members[member - 1])
        .fetch_optional(&self.field.database.admin)
        .await
        .unwrap()
    }

    pub(crate) async fn assert_tier(&self, member: usize, tier: &str, source: &str) {
        assert_eq!(self.tier(member).await, Some((tier.to_owned(), source.to_owned())), "member {member}");
    }

    /// A membership that somebody else decided, since an instant.
    pub(crate) async fn join(
        &self,
        member: usize,
        tier: usize,
        source: &str,
        status: &str,
        from: DateTime<Utc>,
    ) {
        self.sql(&format!(
            "insert into memberships (tenant_id, member_id, tier_id, status, source, valid_from)
             values ({}, '{}', {}, '{status}', '{source}', '{from}')",
            self.field.tenant,
            self.field.members[member - 1],
            self.tiers[tier]
        ))
        .await;
    }

    /// Days go by: all that is on record is so many days older. Of a database's clock nothing else would do.
    pub(crate) async fn pass(&self, days: i64) {
        self.sql(&format!(
            "alter table tier_decisions disable trigger all;
             update tier_decisions set decided_at = decided_at - interval '{days} days',
                as_of = as_of - interval '{days} days', review_on = review_on - {days};
             alter table tier_decisions enable trigger all;
             update memberships set valid_from = valid_from - interval '{days} days',
                valid_to = valid_to - interval '{days} days';
             update orders set paid_at = paid_at - interval '{days} days';
             update order_refunds set refunded_at = refunded_at - interval '{days} days';
             update tier_notices set given_at = given_at - interval '{days} days', review_on = review_on - {days},
                review_at = (review_on - {days})::timestamp at time zone 'America/New_York';"
        ))
        .await;
    }

    /// The member reaches gold by spend, years ago; the yearly date is so many days ahead, and what was spent
    /// counts no more by then.
    pub(crate) async fn old_gold(&self, member: usize, days_ahead: u64) {
        let order = format!("old-{member}");
        self.buy(member, &order, 100_000, 0).await.unwrap();
        let review_on = self.today() + Days::new(days_ahead);
        let joined = yearly_on(review_on, review_on.year() - 4);
        let from = start_of_day(self.field.settings.zone, joined) + TimeDelta::hours(12);
        self.sql(&format!(
            "alter table tier_decisions disable trigger all;
             update tier_decisions set decided_at = '{from}', as_of = '{from}' where member_id = '{0}';
             alter table tier_decisions enable trigger all;
             update memberships set valid_from = '{from}' where member_id = '{0}';
             update orders set paid_at = '{from}' where member_id = '{0}'",
            self.field.members[member - 1]
        ))
        .await;
    }

    pub(crate) async fn outcomes(&self) -> Vec<String> {
        sqlx::query_scalar("select coalesce(outcome, 'open') from tier_notices order by member_id, review_on")
            .fetch_all(&self.field.database.admin)
            .await
            .unwrap()
    }

    pub(crate) async fn settings(&self, settings: TierSettings) {
        let mut tx = self.field.begin().await;
        tiers::change_settings(&mut tx, self.field.tenant, settings).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// An import in which the member with this number has the tag of a tier, or none.
    pub(crate) async fn import(&self, member: usize, tier: Option<usize>) {
        let mut import = Import::begin(&self.field.pool, self.field.tenant).await.unwrap();
        let row = StagedMember {
            line: 2,
            external_id: member.to_string(),
            email: None,
            first_name: None,
            last_name: None,
            phone: None,
            accepts_email_marketing: false,
            tier_id: tier.map(|tier| self.tiers[tier]),
        };
        import.stage(&[row]).await.unwrap();
        import.merge(None).await.unwrap();
    }
}
