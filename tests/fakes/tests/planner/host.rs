//! A small engine: offers tools, answers them from a planted shop, mints facts, and checks what is handed in.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use tradeup_domain::figure::Figure;
use tradeup_fakes::anthropic::{Brain, Content};
use tradeup_plan::{Document, Fact, Facts, Finding, Limits, check, check_findings};

const OVERVIEW: &str = "get_tenant_overview";
const TRENDS: &str = "get_historical_trends";
const INSIGHTS: [&str; 4] =
    ["get_purchase_history", "get_credit_activity", "get_tier_analysis", "get_engagement_metrics"];
const ENGAGEMENT: [&str; 3] = ["get_at_risk_members", "get_expiring_credits", "get_campaign_performance"];

/// A row of a planted shop: the tool that answers it, its labels, its figures.
#[derive(Clone, Debug)]
pub(crate) struct Row(
    pub(crate) &'static str,
    pub(crate) Vec<(&'static str, String)>,
    pub(crate) Vec<Figure>,
);

/// A planted shop.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shop {
    pub(crate) rows: Vec<Row>,
    pub(crate) kind: &'static str,
    pub(crate) goal: &'static str,
    pub(crate) segment: Option<&'static str>,
    pub(crate) timeline_days: Option<i64>,
    pub(crate) limits: Option<Limits>,
}

/// How a conversation ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) document: Document,
    pub(crate) input: Value,
    pub(crate) facts: Facts,
    pub(crate) limits: Limits,
    /// What was found about each plan that was handed in.
    pub(crate) findings: Vec<Vec<Finding>>,
    /// The names of the tools that were called, turn by turn, of the orchestrator.
    pub(crate) turns: Vec<Vec<String>>,
}

impl Shop {
    pub(crate) fn limits(&self) -> Limits {
        let limits = self.limits.clone().unwrap_or_else(|| Limits {
            tiers: vec!["bronze".to_owned(), "silver".to_owned(), "gold-2".to_owned()],
            ..Limits::of("USD")
        });
        let campaigns_wanted = !self.kind.starts_with("analyze");
        Limits { timeline_days: self.timeline_days, campaigns_wanted, ..limits }
    }

    fn task(&self) -> String {
        let limits = self.limits();
        let task = json!({
            "goal": self.goal, "kind": self.kind, "timeline_days": self.timeline_days, "target_segment": self.segment,
            "as_of": as_of(), "currency": limits.currency, "limits": limits, "tiers": limits.tiers,
        });
        format!("Plan for this shop.\n\nTASK\n```json\n{task:#}\n```\n")
    }

    /// A workflow: the host has asked all tools before, and only wants the plan.
    pub(crate) fn run_as_workflow(&self, brain: &dyn Brain) -> Ended {
        let mut host = Host { shop: self, facts: Facts::default() };
        let mut text = self.task();
        for tool in [OVERVIEW, TRENDS].iter().chain(&INSIGHTS).chain(&ENGAGEMENT) {
            text += &format!("\n{tool}:\n```json\n{}\n```\n", host.tool(tool, "orchestrator", tool));
        }
        host.orchestrate(brain, &["submit_plan"], &text)
    }

    /// The whole conversation, until a plan passes or four were refused.
    pub(crate) fn run(&self, brain: &dyn Brain) -> Ended {
        let mut host = Host { shop: self, facts: Facts::default() };
        let tools = [OVERVIEW, TRENDS, "delegate_insights", "delegate_engagement", "submit_plan"];
        host.orchestrate(brain, &tools, &self.task())
    }
}

pub(crate) fn as_of() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_840_200, 0).unwrap()
}

struct Host<'a> {
    shop: &'a Shop,
    facts: Facts,
}

impl Host<'_> {
    fn orchestrate(&mut self, brain: &dyn Brain, tools: &[&str], task: &str) -> Ended {
        let mut messages = vec![json!({ "role": "user", "content": task })];
        let (mut findings, mut turns) = (Vec::new(), Vec::new());
        for _ in 0..8 {
            let calls = ask(brain, tools, &messages);
            turns.push(calls.iter().map(|(_, name, _)| name.clone()).collect());
            remember(&mut messages, &calls);
            let mut results = Vec::new();
            for (id, name, input) in &calls {
                let (content, is_error) = match name.as_str() {
                    "submit_plan" => {
                        let document = Document::read(input).unwrap();
                        let found = check(&document, &self.facts, &self.shop.limits());
                        findings.push(found.clone());
                        if found.is_empty() || findings.len() == 4 {
                            let (facts, limits) = (self.facts.clone(), self.shop.limits());
                            return Ended { document, input: input.clone(), facts, limits, findings, turns };
                        }
                        (json!({ "findings": found }).to_string(), true)
                    }
                    "delegate_insights" => (self.specialize(brain, &INSIGHTS), false),
                    "delegate_engagement" => (self.specialize(brain, &ENGAGEMENT), false),
                    tool => (self.tool(tool, "orchestrator", id), false),
                };
                results.push(result(id, &content, is_error));
            }
            messages.push(json!({ "role": "user", "content": results }));
        }
        panic!("no plan: {turns:?}");
    }

    fn specialize(&mut self, brain: &dyn Brain, tools: &[&'static str]) -> String {
        let mut messages = vec![json!({ "role": "user", "content": "Find out." })];
        let mut offered = tools.to_vec();
        offered.push("submit_findings");
        let first = ask(brain, &offered, &messages);
        assert_eq!(first.iter().map(|call| call.1.as_str()).collect::<Vec<_>>(), tools, "all at once");
        remember(&mut messages, &first);
        let results: Vec<Value> =
            first.iter().map(|(id, name, _)| result(id, &self.tool(name, "insights-1", id), false)).collect();
        messages.push(json!({ "role": "user", "content": results }));
        let calls = ask(brain, &offered, &messages);
        let [(_, name, input)] = calls.as_slice() else { panic!("{calls:?}") };
        assert_eq!(name, "submit_findings");
        let (findings, problems) = check_findings(input, &self.facts);
        assert_eq!(problems, [], "{input}");
        let cited: Map<String, Value> = findings
            .cited(&self.facts)
            .into_iter()
            .map(|id| {
                let figure = &self.facts.get(&id).unwrap().figure;
                (id, told(figure))
            })
            .collect();
        json!({ "findings": findings.findings, "data_gaps": findings.data_gaps, "facts": cited }).to_string()
    }

    fn tool(&mut self, name: &str, agent: &str, call: &str) -> String {
        let mut rows = Vec::new();
        for Row(_, labels, figures) in self.shop.rows.iter().filter(|Row(tool, ..)| *tool == name) {
            let mut cited = Map::new();
            for figure in figures {
                let id = format!("F{}", self.facts.len() + 1);
                cited.insert(id.clone(), told(figure));
                let fact = Fact {
                    id,
                    figure: figure.clone(),
                    as_of: as_of(),
                    tool: name.to_owned(),
                    agent: agent.to_owned(),
                    call: call.to_owned(),
                };
                self.facts.insert(fact).unwrap();
            }
            let labels: Map<String, Value> =
                labels.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
            rows.push(json!({ "labels": labels, "figures": cited }));
        }
        let sections =
            json!([{ "name": "all", "rows": rows, "rows_in_all": rows.len(), "truncated": false }]);
        json!({ "as_of": as_of(), "currency": "USD", "sections": sections }).to_string()
    }
}

/// A figure as tools tell it.
fn told(figure: &Figure) -> Value {
    let mut told = json!({ "name": figure.name, "value": figure.value.to_string(), "unit": figure.unit.as_str(),
        "shown": figure.shown() });
    for (field, value) in [("currency", &figure.currency), ("window", &figure.window), ("tier", &figure.tier)]
    {
        if let Some(value) = value {
            told[field] = json!(value);
        }
    }
    told
}

type Call = (String, String, Value);

fn ask(brain: &dyn Brain, tools: &[&str], messages: &[Value]) -> Vec<Call> {
    let tools: Vec<Value> =
        tools.iter().map(|name| json!({ "name": name, "input_schema": form(name) })).collect();
    let request = json!({ "model": "offline-script-1", "tools": tools, "messages": messages });
    let reply = brain.answer(&request);
    assert_eq!(reply.unmatched, None);
    assert_eq!(brain.answer(&request), reply, "the same question has the same answer");
    let turn = messages.len();
    let calls = reply.content.into_iter().enumerate().map(|(at, content)| match content {
        Content::ToolUse { name, input, .. } => (format!("toolu_{turn}_{at}"), name, input),
        other => panic!("{other:?}"),
    });
    calls.collect()
}

fn form(name: &str) -> Value {
    match name {
        "submit_plan" => tradeup_plan::plan_schema(),
        "submit_findings" => tradeup_plan::findings_schema(),
        _ => json!({ "type": "object", "required": ["window"],
            "properties": { "window": { "type": "string", "enum": ["30d", "90d", "365d"] } } }),
    }
}

fn remember(messages: &mut Vec<Value>, calls: &[Call]) {
    let content: Vec<Value> = calls
        .iter()
        .map(|(id, name, input)| json!({ "type": "tool_use", "id": id, "name": name, "input": input }))
        .collect();
    messages.push(json!({ "role": "assistant", "content": content }));
}

fn result(id: &str, content: &str, is_error: bool) -> Value {
    json!({ "type": "tool_result", "tool_use_id": id, "content": content, "is_error": is_error })
}
