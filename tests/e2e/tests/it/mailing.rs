//! Shops with members whose credit is about to end, and a mail server that keeps what it gets.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use mail_parser::{Message, MessageParser};
use sqlx::{AssertSqlSafe, Row as _};
use tempfile::TempDir;
use tradeup_domain::zone::end_of_day;
use tradeup_domain::{Currency, Money, ValueClass};
use tradeup_harness::{Finished, KeptMail, Process, SmtpServer, SmtpSetup, World, eventually};
use tradeup_store::accounts::{self, Booking, NewLot, book};
use tradeup_store::credits::{self, Asked, Spent};
use tradeup_store::operations::{self, Operation, OperationKind};
use tradeup_store::{TenantId, Tx};
use uuid::Uuid;

/// Of links that unsubscribe; made up.
pub(crate) const KEYS: &str = "1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// A world with a mail server.
pub(crate) struct Mailing {
    pub(crate) world: World,
    pub(crate) server: SmtpServer,
    /// About when the test began.
    pub(crate) now: DateTime<Utc>,
    _kept: TempDir,
}

/// A shop of it.
#[derive(Clone, Copy)]
pub(crate) struct MailShop {
    pub(crate) tenant: TenantId,
    pub(crate) zone: Tz,
    pub(crate) currency: Currency,
}

impl Mailing {
    pub(crate) async fn new() -> Self {
        let kept = tempfile::Builder::new().prefix("tradeup-mail-").tempdir().unwrap();
        let server = SmtpServer::start(kept.path(), &SmtpSetup::default());
        let mut world = World::new().await;
        let url = format!("smtp://127.0.0.1:{}?tls=none&connections=4&answer_timeout=5", server.port);
        for (name, value) in [
            ("TRADEUP_SMTP_URL", url.as_str()),
            ("TRADEUP_MAIL_FROM", "credit@sender.example"),
            ("TRADEUP_UNSUBSCRIBE_KEYS", KEYS),
            ("TRADEUP_PUBLIC_URL", "https://app.example/"),
        ] {
            world.environment.insert(name.to_owned(), value.to_owned());
        }
        let now = sqlx::query_scalar("select now()").fetch_one(&world.database.admin).await.unwrap();
        Self { world, server, now, _kept: kept }
    }

    /// Adds a shop.
    pub(crate) async fn shop(
        &self,
        handle: &'static str,
        currency: &str,
        zone: &str,
        locale: &str,
    ) -> MailShop {
        let name = format!("Shop {handle}");
        let add = ["tenant", "add", handle, "--currency", currency, "--zone", zone, "--name", &name];
        self.world.tradeup_ok(&[&add[..], &["--tier", "gold=10"]].concat());
        self.world.tradeup_ok(&["tenant", "set", handle, "--locale", locale]);
        let tenant = sqlx::query_scalar("select id from tenants where handle = $1")
            .bind(handle)
            .fetch_one(&self.world.database.admin)
            .await
            .unwrap();
        MailShop {
            tenant: TenantId(tenant),
            zone: zone.parse().unwrap(),
            currency: currency.parse().unwrap(),
        }
    }

    /// Adds a member.
    pub(crate) async fn member(&self, shop: MailShop, external_id: &str, email: Option<&str>) -> Uuid {
        let id = Uuid::now_v7();
        sqlx::query("insert into members (tenant_id, id, external_id, email) values ($1, $2, $3, $4)")
            .bind(shop.tenant.0)
            .bind(id)
            .bind(external_id)
            .bind(email)
            .execute(&self.world.database.admin)
            .await
            .unwrap();
        id
    }

    /// Adds so many members with a lot each that ends in three days; their addresses.
    pub(crate) async fn crowd(&self, shop: MailShop, members: usize) -> Vec<String> {
        let mut addresses = Vec::new();
        for n in 0..members {
            let address = format!("m{n}@member.example");
            let member = self.member(shop, &n.to_string(), Some(&address)).await;
            self.lot(shop, member, "a", 500, self.ends(shop, 3)).await;
            addresses.push(address);
        }
        addresses
    }

    /// The last valid day so many days from today in the shop's zone.
    pub(crate) fn day(&self, shop: MailShop, days: i64) -> NaiveDate {
        self.now.with_timezone(&shop.zone).date_naive() + TimeDelta::days(days)
    }

    /// The end of that day.
    pub(crate) fn ends(&self, shop: MailShop, days: i64) -> Option<DateTime<Utc>> {
        Some(end_of_day(shop.zone, self.day(shop, days)))
    }

    /// Gives a member a lot that can be spent since a month, and ends then.
    pub(crate) async fn lot(
        &self,
        shop: MailShop,
        member: Uuid,
        name: &str,
        amount_minor: i64,
        expires_at: Option<DateTime<Utc>>,
    ) -> Uuid {
        self.lot_since(shop, member, name, amount_minor, self.now - TimeDelta::days(30), expires_at).await
    }

    pub(crate) async fn lot_since(
        &self,
        shop: MailShop,
        member: Uuid,
        name: &str,
        amount_minor: i64,
        available_at: DateTime<Utc>,
        expires_at: Option<DateTime<Utc>>,
    ) -> Uuid {
        let mut tx = Tx::of_tenant(&self.world.database.app, shop.tenant).await.unwrap();
        let currency = shop.currency.code();
        accounts::open(&mut tx, shop.tenant, member, currency).await.unwrap();
        let key = format!("lot:{member}:{name}");
        let operation = Operation {
            tenant: shop.tenant,
            key: &key,
            kind: OperationKind::Adjust,
            member_id: member,
            currency,
            amount_minor,
            of_key: None,
            reason: None,
            actor: "tests",
            run_id: None,
            effective_at: available_at,
            at_shop: false,
            rule: None,
        };
        operations::begin(&mut tx, &operation).await.unwrap();
        let mut booking = Booking::of(&operation);
        let id = Uuid::now_v7();
        booking.new_lots.push(NewLot {
            id,
            value_class: ValueClass::Promotional,
            reason: "adjusted",
            source_key: key.clone(),
            granted_minor: amount_minor,
            available_at: Some(available_at),
            expires_at,
            ends_at: expires_at,
            anchor_on: Some(available_at.date_naive()),
            note: None,
        });
        book(&mut tx, &booking).await.unwrap();
        tx.commit().await.unwrap();
        id
    }

    /// Spends of a member's credit.
    pub(crate) async fn spend(&self, shop: MailShop, member: Uuid, amount_minor: i64) {
        let mut tx = Tx::of_tenant(&self.world.database.app, shop.tenant).await.unwrap();
        let key = credits::spend_key("till", &Uuid::now_v7().to_string());
        let asked = Asked {
            tenant: shop.tenant,
            key: &key,
            actor: "tests",
            reason: Some("a test"),
            run_id: None,
            at: None,
            at_shop: false,
        };
        let amount = Money { amount_minor, currency: shop.currency };
        let spent = credits::spend(&mut tx, &asked, member, amount).await.unwrap();
        assert!(matches!(spent, Spent::Done { .. }));
        tx.commit().await.unwrap();
    }

    /// Triggers the warnings as of now; the run's id.
    pub(crate) fn trigger(&self) -> String {
        let created = self.world.tradeup_json(&["trigger", "expiration-warning"]);
        assert_eq!(created["new"], true);
        created["run_id"].as_str().unwrap().to_owned()
    }

    /// Triggers the warnings and waits for the end of the run, which has to succeed: warned, warned
    /// before, exempt, failed.
    pub(crate) async fn warn(&self) -> [i64; 4] {
        let run = self.trigger();
        self.succeeded(&run).await
    }

    /// Waits for a run, which has to succeed: warned, warned before, exempt, failed.
    pub(crate) async fn succeeded(&self, run: &str) -> [i64; 4] {
        let story = self.world.ended(run).await;
        assert_eq!(story["state"], "succeeded", "{story:#}");
        let progress = &story["progress"];
        assert_eq!(progress["batches"], progress["batches_done"], "{story:#}");
        let sums = story["children"].as_array().unwrap().iter().fold([0; 4], |sums, child| {
            let count = |name: &str| child["progress"][name].as_i64().unwrap();
            let each = [count("affected"), count("already_done"), count("exempt"), count("failed")];
            assert_eq!(each.iter().sum::<i64>(), count("members"), "{child:#}");
            std::array::from_fn(|n| sums[n] + each[n])
        });
        self.assert_exact();
        sums
    }

    /// Every check of `tradeup verify` holds.
    pub(crate) fn assert_exact(&self) {
        let proof = self.world.tradeup(&["verify"]);
        assert_eq!(proof.code, 0, "{}{}", proof.stdout, proof.stderr);
    }

    /// As if a day had passed since all mails so far.
    pub(crate) async fn next_day(&self) {
        self.run_sql("update digests set day = day - 1").await;
    }

    pub(crate) async fn run_sql(&self, statement: &str) {
        sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&self.world.database.admin).await.unwrap();
    }

    /// How many mails each address has got.
    pub(crate) fn got(&self) -> BTreeMap<String, usize> {
        let mut got = BTreeMap::new();
        for mail in self.server.mails() {
            *got.entry(to(&mail)).or_default() += 1;
        }
        got
    }

    /// The mail that an address has got: the only one.
    pub(crate) fn only_mail(&self, address: &str) -> KeptMail {
        let mut mails: Vec<_> = self.server.mails().into_iter().filter(|mail| to(mail) == address).collect();
        assert_eq!(mails.len(), 1, "mails to {address}");
        mails.pop().unwrap()
    }

    /// How many digests there are in each state.
    pub(crate) async fn states(&self) -> BTreeMap<String, i64> {
        let rows = sqlx::query("select state, count(*) from digests group by state")
            .fetch_all(&self.world.database.admin)
            .await
            .unwrap();
        rows.iter().map(|row| (row.get(0), row.get(1))).collect()
    }

    /// Why members of the shop were not written to, by their customer id.
    pub(crate) async fn suppressed(&self) -> BTreeMap<String, String> {
        let rows = sqlx::query(
            "select distinct m.external_id, w.suppressed from warnings w join members m on m.id = w.member_id
             where w.suppressed is not null",
        )
        .fetch_all(&self.world.database.admin)
        .await
        .unwrap();
        rows.iter().map(|row| (row.get(0), row.get(1))).collect()
    }

    pub(crate) async fn start_both(&self) -> (Process, Process) {
        self.world.start_both().await
    }

    /// Waits for so many mails.
    pub(crate) async fn mails_at_least(&self, count: usize) {
        let what = format!("the mail server has {count} mails");
        eventually(&what, Duration::from_secs(60), || {
            let mails = self.server.mails().len();
            async move { (mails >= count).then_some(()) }
        })
        .await;
    }

    /// Decides about a digest.
    pub(crate) fn resolve(&self, digest: &str, how: &str) -> Finished {
        self.world.tradeup(&["--json", "mail", "resolve", digest, how, "--reason", "looked into the log"])
    }
}

/// To whom a mail went.
pub(crate) fn to(mail: &KeptMail) -> String {
    mail.facts["to"][0].as_str().unwrap().to_owned()
}

pub(crate) fn parsed(mail: &KeptMail) -> Message<'_> {
    MessageParser::default().parse(&mail.content).unwrap()
}

/// Text and HTML part.
pub(crate) fn parts(mail: &KeptMail) -> [String; 2] {
    let message = parsed(mail);
    [message.body_text(0).unwrap().into_owned(), message.body_html(0).unwrap().into_owned()]
}

/// The link that unsubscribes.
pub(crate) fn link(mail: &KeptMail) -> String {
    let message = parsed(mail);
    let header = message.header_raw("List-Unsubscribe").unwrap().trim();
    header.trim_start_matches('<').trim_end_matches('>').to_owned()
}
