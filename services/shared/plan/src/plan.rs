//! The settled plan: the document with everything in it reckoned, each proposal with its cost and its hash, and what
//! stayed unproven. Its JSON is what is stored.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tradeup_domain::amount_text;
use tradeup_domain::figure::{Figure, Unit, shown};

use crate::calculation::Calculated;
use crate::check::{cost_minor, reckon_all, target};
use crate::document::{Campaign, CampaignKind, Document};
use crate::fact::{self, Facts};
use crate::finding::Finding;
use crate::limits::Limits;
use crate::pieces::{Piece, pieces};
use crate::prose::{Forms, Kind, scan};

/// What a plan is about and how it came to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    /// The kind of the job, like `plan-strategic-goal`.
    pub kind: String,
    /// What was asked for, in the words of who asked.
    pub goal: String,
    /// How long it may take, in days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeline_days: Option<i64>,
    /// The segment that was asked about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_segment: Option<String>,
    /// The instant that the facts are of.
    pub as_of: DateTime<Utc>,
    /// The shop's currency.
    pub currency: String,
    /// The shop's handle.
    pub tenant: String,
    /// The models that wrote it, or `offline-script-1`.
    pub generated_by: Vec<String>,
    /// Whether no model wrote it, but the script that stands in for one.
    pub offline: bool,
    /// What the models cost, in billionths of a US dollar.
    pub cost_nano_usd: i64,
}

/// A campaign as it is decided on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// The campaign as it was handed in.
    pub campaign: Campaign,
    /// How many members it is for, before some are held out; none when that is unproven.
    pub audience: Option<i64>,
    /// The most that it costs, in minor units of the plan's currency; none when that is unproven.
    pub cost_minor: Option<i64>,
    /// The subject as members get it.
    pub message_subject: String,
    /// The message as members get it.
    pub message_body: String,
    /// Whether nothing about it is unproven: what is, can't be approved.
    pub approvable: bool,
    /// SHA-256, in hexadecimal, of all that is decided on. A decision holds for this hash alone.
    pub hash: String,
}

/// A KPI with the value that it aims at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Its name.
    pub name: String,
    /// What is counted.
    pub measure: String,
    /// The fact that it starts from.
    pub baseline: String,
    /// That fact's figure; none when there is no such fact.
    pub baseline_figure: Option<Figure>,
    /// The change wanted, in basis points of the baseline.
    pub change_bps: i64,
    /// The value aimed at, in the baseline's unit: the plan's choice, not a fact.
    pub target: Option<i64>,
    /// When it is measured, in days from `as_of`.
    pub horizon_days: i64,
    /// When it is measured.
    pub due_at: Option<DateTime<Utc>>,
    /// How it is measured.
    pub how: String,
}

impl Target {
    /// The tier that it is about; `None`: the whole shop.
    #[must_use]
    pub fn tier(&self) -> Option<&str> {
        self.baseline_figure.as_ref()?.tier.as_deref()
    }

    /// The value aimed at, for people.
    #[must_use]
    pub fn shown(&self) -> Option<String> {
        let figure = self.baseline_figure.as_ref()?;
        Some(shown(self.target?, figure.unit, figure.currency.as_deref()))
    }
}

/// A settled plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// What it is about.
    pub meta: Meta,
    /// The texts, as they were handed in.
    pub document: Document,
    /// All facts of the run.
    pub facts: Facts,
    /// The ids of the facts that the plan cites or reckons from, in order.
    pub cited: Vec<String>,
    /// The calculations with their results.
    pub calculations: Vec<Calculated>,
    /// The campaigns, each to be decided on.
    pub campaigns: Vec<Proposal>,
    /// The KPIs with their targets.
    pub kpis: Vec<Target>,
    /// The numbers of days that texts may name.
    pub windows: Vec<i64>,
    /// What stayed unproven when no repair was left.
    pub unproven: Vec<Finding>,
    /// Whether the agents came to their end by themselves.
    pub complete: bool,
    /// Why they did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incomplete_because: Option<String>,
}

/// What a plan is settled from.
#[derive(Clone, Debug)]
pub struct Settlement<'a> {
    /// What it is about.
    pub meta: Meta,
    /// The document.
    pub document: Document,
    /// All facts of the run.
    pub facts: Facts,
    /// The shop's limits.
    pub limits: &'a Limits,
    /// What [`check`](crate::check()) found at last; it is kept and marked.
    pub unproven: Vec<Finding>,
    /// Why the agents did not come to their end by themselves; none when they did.
    pub incomplete_because: Option<String>,
}

/// The plan that people read and decide on.
#[must_use]
pub fn settle(settlement: Settlement<'_>) -> Plan {
    let Settlement { meta, document, facts, limits, unproven, incomplete_because } = settlement;
    let (calculations, _told) = reckon_all(&document.calculations, &facts);
    let forms = Forms::of(&document, &facts, limits.timeline_days);
    let mut plan = Plan {
        cited: Vec::new(),
        calculations,
        campaigns: Vec::new(),
        kpis: Vec::new(),
        windows: forms.days.into_iter().collect(),
        unproven,
        complete: incomplete_because.is_none(),
        incomplete_because,
        meta,
        document,
        facts,
    };
    plan.kpis = plan.targets();
    plan.campaigns = plan.proposals();
    plan.cited = plan.cited();
    plan
}

impl Plan {
    /// The figure that an id stands for, with its name: of a fact, what is counted; of a calculation, its label.
    #[must_use]
    pub fn figure(&self, id: &str) -> Option<(&str, &Figure)> {
        if let Some(fact) = self.facts.get(id) {
            return Some((&fact.figure.name, &fact.figure));
        }
        // Of two with one id the first stands.
        let calculated = self.calculations.iter().find(|calculated| calculated.id == id)?;
        Some((&calculated.label, calculated.figure.as_ref()?))
    }

    /// The lengths of time that its texts may name.
    #[must_use]
    pub fn forms(&self) -> Forms {
        let weeks: i64 = self.document.phases.iter().map(|phase| phase.weeks.clamp(0, 52)).sum();
        Forms { days: self.windows.iter().copied().collect(), weeks: weeks.min(52) }
    }

    fn targets(&self) -> Vec<Target> {
        let due = |days: i64| {
            let horizon = (1..=36_500).contains(&days).then(|| Duration::days(days))?;
            self.meta.as_of.checked_add_signed(horizon)
        };
        let kpis = self.document.kpis.iter().map(|kpi| {
            let figure = self.facts.get(&kpi.baseline).map(|fact| fact.figure.clone());
            Target {
                name: kpi.name.clone(),
                measure: kpi.measure.clone(),
                baseline: kpi.baseline.clone(),
                target: figure.as_ref().and_then(|figure| target(figure, kpi.target_change_bps)),
                baseline_figure: figure,
                change_bps: kpi.target_change_bps,
                horizon_days: kpi.horizon_days,
                due_at: due(kpi.horizon_days),
                how: kpi.how.clone(),
            }
        });
        kpis.collect()
    }

    fn proposals(&self) -> Vec<Proposal> {
        let campaigns = self.document.campaigns.iter().enumerate();
        campaigns.map(|(at, campaign)| self.proposal(at, campaign)).collect()
    }

    fn proposal(&self, at: usize, campaign: &Campaign) -> Proposal {
        let figure = self.facts.get(&campaign.audience).map(|fact| &fact.figure);
        let audience = figure.filter(|figure| figure.unit == Unit::Count).map(|figure| figure.value);
        let path = format!("campaigns[{at}]");
        let proven = self.unproven.iter().all(|finding| !finding.is_within(&path));
        let whole = [&campaign.why, &campaign.name]
            .into_iter()
            .all(|text| pieces(self, text).iter().all(|piece| !matches!(piece, Piece::Unproven(_))));
        let mut proposal = Proposal {
            audience,
            cost_minor: audience.and_then(|members| cost_minor(campaign, members)),
            message_subject: self.message(campaign, &campaign.message_subject),
            message_body: self.message(campaign, &campaign.message_body),
            approvable: proven && whole && audience.is_some() && self.is_told(campaign),
            hash: String::new(),
            campaign: campaign.clone(),
        };
        proposal.hash = self.hash(&proposal);
        proposal
    }

    /// Whether nothing is left of its message that members could not be told: no other placeholder, nothing unproven.
    fn is_told(&self, campaign: &Campaign) -> bool {
        let told = |kind: Kind<'_>| matches!(kind, Kind::Plain | Kind::Offer);
        let texts = [&campaign.message_subject, &campaign.message_body];
        texts.into_iter().all(|text| scan(text, &self.forms()).iter().all(|span| told(span.kind)))
    }

    /// A message as members get it: with what the campaign gives.
    fn message(&self, campaign: &Campaign, text: &str) -> String {
        let days = match campaign.kind {
            CampaignKind::BonusCredit => campaign.credit_ends_within_days,
            CampaignKind::Extension | CampaignKind::Mail => campaign.extend_days,
        };
        let pieces = scan(text, &self.forms()).into_iter().map(|span| match span.kind {
            Kind::Offer if span.text.contains("credit") => {
                amount_text(campaign.credit_minor, &self.meta.currency)
            }
            Kind::Offer => shown(days, Unit::Days, None),
            _ => span.text.to_owned(),
        });
        pieces.collect()
    }

    fn hash(&self, proposal: &Proposal) -> String {
        let campaign = serde_json::to_value(&proposal.campaign).unwrap_or(Value::Null);
        let decided = json!({
            "campaign": campaign,
            "audience": proposal.audience,
            "cost_minor": proposal.cost_minor,
            "currency": self.meta.currency,
            "message_subject": proposal.message_subject,
            "message_body": proposal.message_body,
        });
        Sha256::digest(canonical(&decided)).iter().fold(String::new(), |mut hex, byte| {
            // Writing to a string can't fail.
            let _written = write!(hex, "{byte:02x}");
            hex
        })
    }

    /// All ids of facts in texts, audiences, baselines and calculations.
    fn cited(&self) -> Vec<String> {
        let document = &self.document;
        let mut cited = BTreeMap::new();
        let mut cite = |id: &str| {
            if self.facts.get(id).is_some() {
                cited.insert(fact::number('F', id), id.to_owned());
            }
        };
        let forms = self.forms();
        for text in document.texts() {
            for span in scan(text, &forms) {
                if let Kind::Cited(id) = span.kind {
                    cite(id);
                }
            }
        }
        document.calculations.iter().flat_map(|calculation| &calculation.args).for_each(|id| cite(id));
        document.campaigns.iter().for_each(|campaign| cite(&campaign.audience));
        document.kpis.iter().for_each(|kpi| cite(&kpi.baseline));
        cited.into_values().collect()
    }
}

/// JSON with sorted keys and no space, whatever the map's order is.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let sorted: BTreeMap<&String, &Value> = map.iter().collect();
            let fields: Vec<String> = sorted
                .into_iter()
                .map(|(key, value)| format!("{}:{}", Value::String(key.clone()), canonical(value)))
                .collect();
            format!("{{{}}}", fields.join(","))
        }
        Value::Array(list) => format!("[{}]", list.iter().map(canonical).collect::<Vec<_>>().join(",")),
        plain => plain.to_string(),
    }
}
