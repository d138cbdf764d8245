//! Campaigns: what a person approves is carried out once, for whom it is meant and nobody else, and measured against those
//! who were held out.

mod afterwards;
mod bounded;
mod dead;
mod extended;
mod followed;
mod killed;
mod measured;
mod once;
mod traced;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use tempfile::TempDir;
use tradeup_fakes::anthropic::planner::Planner;
use tradeup_harness::{Planting, SmtpServer, SmtpSetup, World, eventually};
use tradeup_plan::Plan;
use tradeup_store::TenantId;
use uuid::Uuid;

use super::asking::{Agents, SOON};
use crate::mailing::{KEYS, to};

/// A shop of which it is known who is in it, a mail server, and agents that plan offline.
struct Setting {
    agents: Agents,
    server: SmtpServer,
    tenant: TenantId,
    _kept: TempDir,
}

/// A campaign that was approved.
struct Campaign {
    id: Uuid,
    /// The run that begins it.
    start_run: String,
    /// What each is given.
    credit_minor: i64,
    cost_limit_minor: i64,
}

/// Who was drawn, and what became of them.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Drawn {
    member: Uuid,
    is_treated: bool,
    outcome: Option<String>,
    amount_minor: i64,
    address: String,
    /// Whether they may be written to.
    accepts: bool,
    /// Lots that the campaign gave, and their sum.
    lots: i64,
    given_minor: i64,
}

impl Setting {
    /// With the shop aurora, whose owner lets offline plans be approved.
    async fn new(planting: Planting) -> Self {
        let kept = tempfile::Builder::new().prefix("tradeup-mail-").tempdir().unwrap();
        let server = SmtpServer::start(kept.path(), &SmtpSetup::default());
        let mut agents = Agents::offline(Planner::new()).await;
        let url = format!("smtp://127.0.0.1:{}?tls=none&connections=4&answer_timeout=5", server.port);
        for (name, value) in [
            ("TRADEUP_SMTP_URL", url.as_str()),
            ("TRADEUP_MAIL_FROM", "credit@sender.example"),
            ("TRADEUP_UNSUBSCRIBE_KEYS", KEYS),
            ("TRADEUP_PUBLIC_URL", "https://app.example/"),
        ] {
            agents.world.environment.insert(name.to_owned(), value.to_owned());
        }
        let tenant = agents.shop(planting).await;
        let allow = ["agents", "settings", "aurora", "--offline-approvals", "yes", "--reason", "a drill"];
        agents.world.tradeup_ok(&allow);
        Self { agents, server, tenant, _kept: kept }
    }

    fn world(&self) -> &World {
        &self.agents.world
    }

    /// A plan of one campaign for a segment, within a budget if there is one: its run, and itself. Nothing but `agents` runs
    /// for it.
    async fn proposed(&self, segment: &str, budget_minor: Option<i64>) -> (String, Plan) {
        let service = self.world().start("agents").await;
        let mut input = json!({ "objective": "Bring members back who have gone quiet", "segment": segment });
        if let Some(minor) = budget_minor {
            input["budget_minor"] = minor.into();
        }
        let run = self.agents.ask("plan-campaign", "aurora", segment, input);
        let plan = self.agents.planned(&run).await;
        // In order: what it has done is taken off the stream.
        service.terminate(SOON).await;
        assert_eq!(plan.campaigns.len(), 1, "{:?}", plan.document.data_gaps);
        assert!(plan.campaigns[0].approvable && plan.meta.offline);
        (run, plan)
    }

    /// Approves what a plan proposes, by command: whether that is new.
    fn approve(&self, run: &str) -> bool {
        let approve = ["agents", "approve", run, "--campaign", "c1", "--reason", "for the autumn"];
        let done = self.world().tradeup_json(&approve);
        done["campaigns"][0]["new"].as_bool().unwrap()
    }

    /// The campaign of a plan: the only one.
    async fn campaign(&self, run: &str) -> Campaign {
        let (id, start_run, credit_minor, cost_limit_minor) = sqlx::query_as(
            "select id, start_run_id::text, credit_minor, cost_limit_minor from campaigns where run_id = $1::uuid",
        )
        .bind(run)
        .fetch_one(&self.world().database.admin)
        .await
        .unwrap();
        Campaign { id, start_run, credit_minor, cost_limit_minor }
    }

    /// A plan for a segment, approved; nobody carries it out yet.
    async fn approved(&self, segment: &str, budget_minor: Option<i64>) -> Campaign {
        let (run, _plan) = self.proposed(segment, budget_minor).await;
        assert!(self.approve(&run));
        self.campaign(&run).await
    }

    /// Waits until a campaign's run has succeeded, and nothing is left of the campaign; proves the ledger.
    async fn carried_out(&self, campaign: &Campaign, state: &str) -> Value {
        let story = self.agents.succeeded(&campaign.start_run).await;
        assert_eq!(self.state(campaign).await, state, "{story:#}");
        self.is_exact();
        story
    }

    /// Every check of `tradeup verify` holds, of all shops.
    fn is_exact(&self) {
        let proof = self.world().tradeup(&["verify"]);
        assert_eq!(proof.code, 0, "{}{}", proof.stdout, proof.stderr);
    }

    async fn state(&self, campaign: &Campaign) -> String {
        sqlx::query_scalar("select state from campaigns where id = $1")
            .bind(campaign.id)
            .fetch_one(&self.world().database.admin)
            .await
            .unwrap()
    }

    async fn spent(&self, campaign: &Campaign) -> i64 {
        self.of(campaign, "select spent_minor from campaigns where id = $1").await
    }

    /// A number about a campaign, $1.
    async fn of(&self, campaign: &Campaign, query: &'static str) -> i64 {
        sqlx::query_scalar(query)
            .bind(campaign.id)
            .fetch_one(&self.world().database.admin)
            .await
            .unwrap_or_else(|error| panic!("{query}: {error}"))
    }

    /// Who was drawn, in the order of their ids.
    async fn drawn(&self, campaign: &Campaign) -> Vec<Drawn> {
        type Row = (Uuid, bool, Option<String>, i64, String, bool, i64, i64);
        let rows: Vec<Row> = sqlx::query_as(
            "select cm.member_id, cm.arm = 'treated', cm.outcome, cm.amount_minor, m.email, m.accepts_email_marketing,
                 count(l.id), coalesce(sum(l.granted_minor), 0)::bigint
             from campaign_members cm
             join members m on m.tenant_id = cm.tenant_id and m.id = cm.member_id
             left join lots l on l.tenant_id = cm.tenant_id and l.member_id = cm.member_id and l.reason = 'campaign'
             where cm.campaign_id = $1
             group by 1, 2, 3, 4, 5, 6 order by 1",
        )
        .bind(campaign.id)
        .fetch_all(&self.world().database.admin)
        .await
        .unwrap();
        let drawn = |(member, is_treated, outcome, amount_minor, address, accepts, lots, given_minor)| {
            Drawn { member, is_treated, outcome, amount_minor, address, accepts, lots, given_minor }
        };
        rows.into_iter().map(drawn).collect()
    }

    /// How many mails each address has got; how an address is written does not matter.
    fn got(&self) -> BTreeMap<String, usize> {
        let mut got = BTreeMap::new();
        for mail in self.server.mails() {
            *got.entry(to(&mail).to_lowercase()).or_default() += 1;
        }
        got
    }

    /// Waits until a query about the campaign, $1, gives at least so much.
    async fn at_least(&self, campaign: &Campaign, query: &'static str, least: i64) {
        eventually(&format!("at least {least}: {query}"), SOON, || async {
            (self.of(campaign, query).await >= least).then_some(())
        })
        .await;
    }

    /// What only a superuser may do.
    async fn tamper(&self, statement: String) {
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&self.world().database.admin).await.unwrap();
    }

    /// What a shop has: lots and their ends, entries, mails, campaigns; to be compared with later.
    async fn holdings(&self, tenant: TenantId) -> String {
        sqlx::query_scalar(
            "select concat_ws(' ',
                 (select md5(string_agg(l::text, ',' order by l.id)) from lots l where tenant_id = $1),
                 (select count(*) from ledger_entries where tenant_id = $1),
                 (select md5(string_agg(a::text, ',' order by a.member_id)) from accounts a where tenant_id = $1),
                 (select count(*) from digests where tenant_id = $1),
                 (select count(*) from campaigns where tenant_id = $1),
                 (select count(*) from campaign_members where tenant_id = $1))",
        )
        .bind(tenant.0)
        .fetch_one(&self.world().database.admin)
        .await
        .unwrap()
    }
}

fn has_outcome(drawn: &Drawn, outcome: &str) -> bool {
    drawn.outcome.as_deref() == Some(outcome)
}

/// Those of an arm.
fn arms(drawn: &[Drawn]) -> (Vec<&Drawn>, Vec<&Drawn>) {
    drawn.iter().partition(|drawn| drawn.is_treated)
}

/// Who was held out has nothing of it.
fn are_untouched(held_out: &[&Drawn], got: &BTreeMap<String, usize>) {
    for drawn in held_out {
        assert_eq!((&drawn.outcome, drawn.amount_minor, drawn.lots), (&None, 0, 0), "{drawn:?}");
        assert!(!got.contains_key(&drawn.address.to_lowercase()), "{drawn:?}");
    }
}
