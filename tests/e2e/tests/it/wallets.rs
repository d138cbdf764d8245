//! Wallets at Shopify: each movement reaches the shop once, whatever is lost on the way; the ledger follows what
//! the shop books; and where the two differ, it is seen and can be put right.

mod follow;
mod gaps;
mod lost;
mod restored;
mod tokens;
mod told;

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::json;
use tradeup_fakes::shopify::{Clock, FakeShopify, Shop as FakeShop, ShopSetup};
use tradeup_harness::{World, eventually};

pub(crate) const SHOP: &str = "aurora.myshopify.com";
const TOKEN: &str = "shpat_0123456789abcdef";
const SOON: Duration = Duration::from_secs(60);
/// 32 bytes, in base64.
const KEYS: &str = "k1:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// A world with one shop, aurora, that has a wallet at a stand-in for Shopify.
pub(crate) struct Wallets {
    pub(crate) world: World,
    pub(crate) fake: FakeShopify,
}

impl Wallets {
    /// With so many members, and whose wallet is the authority.
    pub(crate) async fn new(members: u64, seed: u64, authority: &str) -> Self {
        let mut world = World::with_aurora(members, seed).await;
        let fake = FakeShopify::start(Clock::real(), 0).await.unwrap();
        let ids: Vec<String> = sqlx::query_scalar("select external_id from members order by id")
            .fetch_all(&world.database.admin)
            .await
            .unwrap();
        let customers: Vec<&str> = ids.iter().map(String::as_str).collect();
        let mut setup = ShopSetup::new(SHOP, TOKEN, &customers);
        setup.restore_rate = 5000.0;
        (setup.client_id, setup.client_secret) = ("app".to_owned(), "hush-hush".to_owned());
        setup.refresh_token = "shprt_first".to_owned();
        fake.add_shop(setup).unwrap();
        for (name, value) in [
            ("TRADEUP_TOKEN_KEYS", KEYS),
            ("TRADEUP_SHOPIFY_BASE", &fake.base()),
            ("TRADEUP_SHOPIFY_CLIENT_ID", "app"),
            ("TRADEUP_SHOPIFY_CLIENT_SECRET", "hush-hush"),
            ("TRADEUP_SHOPIFY_LOOK_AFTER", "1"),
            ("TRADEUP_SHOPIFY_LOOK_AGAIN", "1"),
        ] {
            world.environment.insert(name.to_owned(), value.to_owned());
        }
        let wallets = Self { world, fake };
        wallets.connect("shprt_first");
        wallets.world.tradeup_ok(&["wallet", "set", "aurora", authority]);
        wallets
    }

    pub(crate) fn connect(&self, refresh_token: &str) {
        let token = self.shop(|shop| shop.token.clone());
        let grant = json!({ "access_token": token, "expires_in": 3600, "refresh_token": refresh_token,
            "refresh_token_expires_in": 7_776_000, "scope": "read_customers" });
        let arguments = ["wallet", "connect", "aurora", "--shop", SHOP];
        let connected = self.world.tradeup_fed(&arguments, &grant.to_string());
        assert_eq!(connected.code, 0, "{}", connected.stderr);
    }

    pub(crate) fn shop<T>(&self, look: impl FnOnce(&mut FakeShop) -> T) -> T {
        self.fake.with_shop(SHOP, look).unwrap()
    }

    /// What the shop says that a member has, in cents.
    pub(crate) fn at_shop(&self, member: &str) -> i64 {
        self.shop(|shop| shop.balance_minor(member))
    }

    /// Bookings of one kind at the shop.
    pub(crate) fn bookings(&self, kind: tradeup_fakes::shopify::Kind) -> usize {
        self.shop(|shop| {
            shop.accounts.iter().flat_map(|a| &a.transactions).filter(|booking| booking.kind == kind).count()
        })
    }

    /// Waits until there is nothing more to tell the shop, and nothing that nobody knows.
    pub(crate) async fn all_told(&self) {
        eventually("the shop is told of everything", SOON, || async {
            let left = self
                .world
                .number(
                    "select (select count(*) from push_wakes where due_at <= now())
                        + (select count(*) from pushes where state in ('sending', 'unknown')
                            or (state = 'pending' and due_at <= now()))
                        + (select count(*) from runs where task = 'push-store-credit' and finished_at is null)",
                )
                .await;
            (left == 0).then_some(())
        })
        .await;
    }

    /// Every member's wallet holds what the ledger says, and both proofs hold.
    pub(crate) async fn agrees(&self) {
        let run = self.reconcile().await;
        assert_eq!(run["state"], "succeeded", "{run}");
        let rows: Vec<(String, i64)> = sqlx::query_as(
            "select m.external_id, coalesce(sum(l.remaining_minor) filter (where l.available_at <= now()
                 and (l.ends_at is null or l.ends_at > now())), 0)::bigint
             from members m left join lots l on l.tenant_id = m.tenant_id and l.member_id = m.id
             group by m.external_id order by 1",
        )
        .fetch_all(&self.world.database.admin)
        .await
        .unwrap();
        let wrong: Vec<_> = rows
            .iter()
            .map(|(member, ledger)| (member, *ledger, self.at_shop(member)))
            .filter(|(_, ledger, shop)| ledger != shop)
            .collect();
        assert!(wrong.is_empty(), "ledger and shop: {wrong:?}");
        assert_eq!(self.differences().len(), 0, "{:?}", self.differences());
        let proof = self.world.tradeup(&["verify"]);
        assert_eq!(proof.code, 0, "{}", proof.stdout);
    }

    pub(crate) async fn reconcile(&self) -> serde_json::Value {
        let started = self.world.tradeup_json(&["wallet", "reconcile", "aurora"]);
        self.world.ended(started["run_id"].as_str().unwrap()).await
    }

    pub(crate) fn differences(&self) -> Vec<serde_json::Value> {
        self.world.tradeup_json(&["wallet", "differences", "aurora"]).as_array().unwrap().clone()
    }

    pub(crate) async fn month(&self, period: &str) {
        let run = self.world.trigger(period);
        assert_eq!(self.world.ended(&run).await["state"], "succeeded");
    }

    /// Spends 1.00 of a member's credit here, as o-1.
    pub(crate) fn spend_one(&self, member: &str) {
        let spend =
            ["spend", "--tenant", "aurora", "--member", member, "--reference", "o-1", "--amount", "1.00"];
        self.world.tradeup_ok(&spend);
    }

    /// A member with credit in the ledger.
    pub(crate) async fn somebody(&self) -> (String, i64) {
        sqlx::query_as(
            "select m.external_id, a.balance_minor from accounts a join members m on m.id = a.member_id
             where a.balance_minor > 300 order by m.id limit 1",
        )
        .fetch_one(&self.world.database.admin)
        .await
        .unwrap()
    }

    /// Ends all lots of a member at an instant that was a moment ago, at the shop too.
    pub(crate) async fn end_all(&self, member: &str) {
        let ended: DateTime<Utc> = sqlx::query_scalar(
            "update lots set expires_at = now() - interval '1 second', ends_at = now() - interval '1 second'
             where member_id = (select id from members where external_id = $1)
             returning ends_at",
        )
        .bind(member)
        .fetch_one(&self.world.database.admin)
        .await
        .unwrap();
        let owner = format!("gid://shopify/Customer/{member}");
        self.shop(|shop| {
            let accounts = shop.accounts.iter_mut().filter(|account| account.owner == owner);
            for booking in accounts.flat_map(|account| &mut account.transactions) {
                booking.expires_at = booking.expires_at.map(|_| ended);
            }
        });
    }
}
