//! What agents' tools tell of a shop, held against what was planted in it: who is at risk, in which segment, who stays and
//! who moves between tiers; of nobody else's members, once however often it is asked, and of no group that is too small.

mod found;
mod kept;
mod sums;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use tradeup_domain::figure::Figure;
use tradeup_harness::{AS_OF, Database, Planting, Servers};
use tradeup_store::insights::{self, Answer, Ending, Filter, Group, Row, Window};
use tradeup_store::snapshots::{self, SnapshotId};
use tradeup_store::{Durability, Pool, Purpose, TenantId, Tx};
use uuid::Uuid;

/// What a shop's planted churn has to be found with at least, in parts of a hundred.
const RECALL: i64 = 90;
const PRECISION: i64 = 85;

/// A database with shops, looked at as services do.
struct Shops {
    database: Database,
    pool: Pool,
}

impl Shops {
    async fn new() -> Self {
        let database = Database::create(&Servers::shared().environment()).await;
        let pool = tradeup_store::connect(
            &database.app_url,
            "snapshots-test",
            8,
            Purpose::Service,
            Durability::UnsafeAllowed,
        )
        .await
        .unwrap();
        Self { database, pool }
    }

    async fn plant(&self, planting: &Planting) -> (TenantId, SnapshotId) {
        let tenant = TenantId(planting.plant(&self.database).await);
        (tenant, snapshots::ensure(&self.pool, tenant, as_of()).await.unwrap())
    }

    async fn tx(&self, tenant: TenantId) -> Tx {
        Tx::snapshot_of_tenant(&self.pool, tenant).await.unwrap()
    }

    /// Members of a kind as they were planted.
    async fn planted(&self, tenant: TenantId, kind: &str) -> BTreeSet<Uuid> {
        let members: Vec<Uuid> =
            sqlx::query_scalar("select member_id from planted.members where tenant_id = $1 and kind = $2")
                .bind(tenant.0)
                .bind(kind)
                .fetch_all(&self.database.admin)
                .await
                .unwrap();
        members.into_iter().collect()
    }

    /// Members of a segment as the snapshot has them.
    async fn segment(&self, tenant: TenantId, segment: &str) -> BTreeSet<Uuid> {
        let members: Vec<Uuid> = sqlx::query_scalar(
            "select member_id from member_snapshots where tenant_id = $1 and segment = $2",
        )
        .bind(tenant.0)
        .bind(segment)
        .fetch_all(&self.database.admin)
        .await
        .unwrap();
        members.into_iter().collect()
    }

    async fn number(&self, query: &'static str, tenant: TenantId) -> i64 {
        sqlx::query_scalar(query).bind(tenant.0).fetch_one(&self.database.admin).await.unwrap()
    }

    /// Every tool's answer about a shop.
    async fn all(&self, tenant: TenantId, snapshot: SnapshotId) -> Vec<Answer> {
        let mut tx = self.tx(tenant).await;
        let mut answers = vec![
            insights::overview(&mut tx, tenant, snapshot).await.unwrap(),
            insights::trends(&mut tx, tenant, snapshot).await.unwrap(),
            insights::at_risk(&mut tx, tenant, snapshot, None, 50).await.unwrap(),
            insights::at_risk(&mut tx, tenant, snapshot, Some("gold"), 50).await.unwrap(),
            insights::expiring(&mut tx, tenant, snapshot, Ending::Days30, None, 50).await.unwrap(),
            insights::expiring(&mut tx, tenant, snapshot, Ending::Days7, Some("none"), 50).await.unwrap(),
            insights::campaigns(&mut tx, tenant, snapshot).await.unwrap(),
            insights::audience(&mut tx, tenant, snapshot, &Filter::default()).await.unwrap(),
        ];
        for window in Window::ALL {
            let group = Group { segment: Some("at_risk"), tier: Some("bronze") };
            answers.extend([
                insights::purchases(&mut tx, tenant, snapshot, window, Group::default()).await.unwrap(),
                insights::purchases(&mut tx, tenant, snapshot, window, group).await.unwrap(),
                insights::credit_activity(&mut tx, tenant, snapshot, window).await.unwrap(),
                insights::tiers(&mut tx, tenant, snapshot, window).await.unwrap(),
                insights::engagement(&mut tx, tenant, snapshot, window).await.unwrap(),
            ]);
        }
        answers
    }
}

fn as_of() -> DateTime<Utc> {
    AS_OF.parse().unwrap()
}

fn rows<'a>(answer: &'a Answer, section: &str) -> &'a [Row] {
    let found = answer.sections.iter().find(|found| found.name == section);
    &found.unwrap_or_else(|| panic!("no section {section}: {answer:?}")).rows
}

fn figure<'a>(row: &'a Row, name: &str) -> &'a Figure {
    row.figures
        .iter()
        .find(|figure| figure.name == name)
        .unwrap_or_else(|| panic!("no figure {name}: {row:?}"))
}

/// A figure of the whole shop, wherever it is told.
fn of_shop(answer: &Answer, name: &str) -> Option<i64> {
    let rows = answer.sections.iter().flat_map(|section| &section.rows);
    let mut figures =
        rows.filter(|row| row.labels.is_empty() && row.member.is_none()).flat_map(|row| &row.figures);
    figures.find(|figure| figure.name == name).map(|figure| figure.value)
}

fn hundredths(part: usize, whole: usize) -> i64 {
    i64::try_from(part * 100 / whole.max(1)).unwrap()
}
