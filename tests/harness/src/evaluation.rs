//! The shops that agents are evaluated on (`tests/eval/goals.json`): each with something that is to be found in it, or with
//! nothing.

use sqlx::{PgPool, Row as _};

use crate::{Database, Planting};

/// Members of most of them: every segment has enough to be told of.
const MEMBERS: u64 = 600;
/// Members of the large one: so many that what each can be given is bounded by what a campaign may cost.
const MANY: u64 = 8_000;

/// The shops of the evaluation.
#[must_use]
pub fn evaluation_shops() -> Vec<Planting> {
    let large = Planting { expiring: 400, ..Planting::churn_wave("eval-large", MANY) };
    vec![
        Planting::healthy("eval-healthy", MEMBERS),
        Planting::churn_wave("eval-churn-wave", MEMBERS),
        Planting::mass_expiry("eval-mass-expiry", MEMBERS),
        Planting::tier_skew("eval-tier-skew", MEMBERS),
        Planting::hostile_names("eval-hostile-names", MEMBERS),
        Planting::contradictory("eval-contradictory", MEMBERS),
        Planting::two_currencies("eval-two-currencies", MEMBERS),
        large,
        Planting::one_member("eval-one-member"),
        Planting::empty("eval-empty"),
    ]
}

/// Plants those of them that the database does not have, and returns their handles.
pub async fn plant_evaluation(database: &Database) -> Vec<String> {
    let there = handles(&database.admin).await;
    let mut planted = Vec::new();
    for shop in evaluation_shops() {
        if !there.contains(&shop.handle) {
            shop.plant(database).await;
            planted.push(shop.handle);
        }
    }
    planted
}

async fn handles(admin: &PgPool) -> Vec<String> {
    let rows = sqlx::query("select handle from tenants").fetch_all(admin).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}
