//! Models go: one that is not there at the start is left out with a warning, one that goes in the middle is followed by the next, and
//! what is to come is said before. The specialists' is the one that the provider has announced.

use tradeup_fakes::anthropic::planner::Planner;
use tradeup_fakes::anthropic::{Fits, Point};
use tradeup_harness::{Planting, eventually};

use super::asking::{Agents, OPUS, SONNET, SOON};

/// What asks specialists' turns alone.
const SUBMIT_FINDINGS: &str = "submit_findings";

#[tokio::test]
async fn a_model_that_is_gone_at_the_start_is_left_out_with_a_warning() {
    let agents = Agents::paid(Planner::new()).await;
    agents.shop(Planting::churn_wave("aurora", 90)).await;
    agents.model.retire(SONNET[0]);
    let service = agents.world.start("agents").await;
    let warned = format!("{} is not there any more; {} is asked in its place", SONNET[0], SONNET[1]);
    eventually("the log says who is asked in its place", SOON, || async {
        let log = service.log();
        (log.contains(&warned) && log.contains(&format!("models of specialists: {} is asked", SONNET[1])))
            .then_some(())
    })
    .await;

    let run = agents.goal("aurora", "gone", "Reduce churn");
    let plan = agents.planned(&run).await;
    assert!(plan.complete && plan.unproven.is_empty() && !plan.campaigns.is_empty(), "{:?}", plan.unproven);
    assert!(plan.meta.generated_by.iter().any(|by| by == SONNET[1]), "{:?}", plan.meta.generated_by);
    let asked = "select count(*) from model_attempts where run_id = $1::uuid and model = 'claude-sonnet-4-5-20250929'";
    assert_eq!(agents.of_run(asked, &run).await, 0, "nobody asks it");
    agents.is_paid_once().await;
}

#[tokio::test]
async fn specialists_whose_model_goes_in_the_middle_go_on_with_its_successor() {
    let agents = Agents::paid(Planner::new()).await;
    agents.shop(Planting::churn_wave("aurora", 90)).await;
    let service = agents.world.start("agents").await;
    let model = &agents.model;
    // They have found something out by then.
    model.hold(Point::Arrived, Fits::default().tool(SUBMIT_FINDINGS).turn(1));
    let run = agents.goal("aurora", "goes", "Reduce churn");
    let held = model.until(SOON, |ledger| ledger.held.len() == 1).await;
    assert!(held.is_ok(), "{held:?}");
    model.retire(SONNET[0]);
    assert_eq!(model.release(), 1);

    let plan = agents.planned(&run).await;
    assert!(plan.complete && plan.unproven.is_empty() && !plan.campaigns.is_empty(), "{:?}", plan.unproven);
    for name in [OPUS[0], SONNET[1]] {
        assert!(plan.meta.generated_by.iter().any(|by| by == name), "{name}: {:?}", plan.meta.generated_by);
    }
    let gone =
        "select count(*) from model_attempts where run_id = $1::uuid and model = 'claude-sonnet-4-5-20250929'
        and error_code = 'TU0704' and state = 'rejected'";
    assert!(agents.of_run(gone, &run).await >= 1, "it was asked, and was not there");
    agents.is_paid_once().await;

    let later = agents.goal("aurora", "later", "Reduce churn");
    agents.planned(&later).await;
    let asked = "select count(*) from model_attempts where run_id = $1::uuid and model = 'claude-sonnet-4-5-20250929'";
    assert_eq!(agents.of_run(asked, &later).await, 0, "who comes later begins with the successor");
    assert!(service.log().contains(&format!("{} is not there any more; {} is asked", SONNET[0], SONNET[1])));
}

#[tokio::test]
async fn what_is_to_come_is_said_at_the_start() {
    let mut agents = Agents::paid(Planner::new()).await;
    let prices = include_str!("../../../../../services/shared/anthropic/prices.json");
    let (today, tomorrow): (String, String) = sqlx::query_as(
        "select (now() at time zone 'UTC')::date::text, ((now() at time zone 'UTC')::date + 1)::text",
    )
    .fetch_one(&agents.world.database.admin)
    .await
    .unwrap();
    // Announced for tomorrow, whenever this is read.
    let prices = prices.replace("\"retires_on\": \"2026-11-30\"", &format!("\"retires_on\": \"{tomorrow}\""));
    assert!(prices.contains(&tomorrow), "{today}");
    let file = agents.world.dir.path().join("prices.json");
    std::fs::write(&file, prices).unwrap();
    agents.world.environment.insert("TRADEUP_MODEL_PRICES".to_owned(), file.to_str().unwrap().to_owned());

    let service = agents.world.start("agents").await;
    let said =
        format!("models of specialists: {} retires on {tomorrow}; {} takes over then", SONNET[0], SONNET[1]);
    eventually("it is said who takes over", SOON, || async { service.log().contains(&said).then_some(()) })
        .await;
    assert!(!service.log().contains(&format!("{} retires", OPUS[0])), "{}", service.log());
    drop(service);

    agents.model.retire(SONNET[1]);
    let service = agents.world.start("agents").await;
    for said in [
        format!("models of specialists: {} is not there, and can't take over", SONNET[1]),
        format!("{} retires on {tomorrow}, and nobody is there to take over", SONNET[0]),
    ] {
        eventually("it is said that nobody takes over", SOON, || async {
            service.log().contains(&said).then_some(())
        })
        .await;
    }
}
