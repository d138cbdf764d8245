//! Whom the engine calls stands in the run's trace: the model that was asked, the mail server; and nothing of what was said.

use tradeup_fakes::anthropic::planner::MODEL;
use tradeup_fakes::collector::FakeCollector;
use tradeup_harness::Planting;

use super::{Setting, arms};
use crate::traces::{assert_says_nothing_of_anybody, whole};

#[tokio::test]
async fn calls_to_models_and_mail_servers_are_in_the_trace_of_their_run() {
    let collector = FakeCollector::start().await.unwrap();
    let mut setting = Setting::new(Planting::churn_wave("aurora", 200)).await;
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT".to_owned(), collector.url());
    setting.agents.world.environment.extend([endpoint]);
    let campaign = setting.approved("at_risk", None).await;
    let chat = format!("chat {MODEL}");
    let asked = whole(&collector, ("agents", "process plan-campaign"), &[("agents", &chat)]).await;
    let turn = asked.iter().find(|span| span.name == chat).unwrap();
    assert_eq!(turn.kind, 3, "client");
    assert!(asked.iter().any(|span| span.span_id == turn.parent_id), "{turn:?}");
    for (name, value) in [("gen_ai.provider.name", "anthropic"), ("gen_ai.request.model", MODEL)] {
        assert_eq!(turn.attributes[name], value, "{turn:?}");
    }
    assert!(turn.attributes["gen_ai.usage.output_tokens"].parse::<i64>().unwrap() > 0, "{turn:?}");

    let _services = setting.world().start_both().await;
    setting.carried_out(&campaign, "done").await;
    let batch = ("credits", "process campaign-batch");
    let carried = whole(&collector, batch, &[("credits", "SMTP send"), ("credits", "COMMIT")]).await;
    let mails: Vec<_> = carried.iter().filter(|span| span.name == "SMTP send").collect();
    for mail in &mails {
        assert_eq!(mail.kind, 3, "client");
        assert!(carried.iter().any(|span| span.span_id == mail.parent_id), "{mail:?}");
        assert!(!mail.attributes.contains_key("error.type"), "{mail:?}");
    }
    assert!(mails.len() <= arms(&setting.drawn(&campaign).await).0.len());
    assert_says_nothing_of_anybody(&collector.spans(), &["@example.test", "Come back"]);
}
