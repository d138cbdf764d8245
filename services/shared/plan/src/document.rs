//! What `submit_plan` takes: the plan as a model writes it. Texts hold placeholders, never digits.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::calculation::Op;
use crate::finding::{Code, Finding};

/// A plan as it is handed in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// What it comes down to, a paragraph each.
    pub executive_summary: Vec<String>,
    /// Where the shop stands, a paragraph each.
    pub current_state: Vec<String>,
    /// What the host is to reckon from facts.
    #[serde(default)]
    pub calculations: Vec<Calculation>,
    /// The three phases, in order.
    pub phases: Vec<Phase>,
    /// What is proposed to be sent and given.
    #[serde(default)]
    pub campaigns: Vec<Campaign>,
    /// What the plan is measured by.
    #[serde(default)]
    pub kpis: Vec<Kpi>,
    /// What may go wrong.
    #[serde(default)]
    pub risks: Vec<String>,
    /// What was assumed.
    #[serde(default)]
    pub assumptions: Vec<String>,
    /// What could not be found out.
    #[serde(default)]
    pub data_gaps: Vec<String>,
}

/// Something to be reckoned from facts and earlier calculations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calculation {
    /// What texts cite it by, like `C1`.
    pub id: String,
    /// How.
    pub op: Op,
    /// Ids of facts and of calculations above.
    pub args: Vec<String>,
    /// What it says, in a few words.
    pub label: String,
}

/// One of the three phases.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phase {
    /// Its name.
    pub title: String,
    /// How long it takes.
    pub weeks: i64,
    /// What it is for.
    pub goal: String,
    /// What is done.
    pub actions: Vec<String>,
}

/// What a campaign does for a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CampaignKind {
    /// A credit, beside the message.
    BonusCredit,
    /// Credit that ends soon ends later, beside the message.
    Extension,
    /// The message alone.
    Mail,
}

impl CampaignKind {
    /// The name that is stored and sent.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BonusCredit => "bonus_credit",
            Self::Extension => "extension",
            Self::Mail => "mail",
        }
    }
}

/// A proposal to send something to an audience, which a person decides on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Campaign {
    /// What it is decided on by; unique in the plan.
    pub key: String,
    /// Its name.
    pub name: String,
    /// The phase that it belongs to, from 1.
    pub phase: i64,
    /// What it does.
    pub kind: CampaignKind,
    /// The handle of the segment that it is for.
    pub segment: String,
    /// The handle of the only tier that it is for; empty for all.
    #[serde(default)]
    pub tier: String,
    /// The subject of the message.
    pub message_subject: String,
    /// The message.
    pub message_body: String,
    /// What each member is given, in minor units; 0 unless a bonus credit.
    #[serde(default)]
    pub credit_minor: i64,
    /// In how many days what was given ends; 0 unless a bonus credit.
    #[serde(default)]
    pub credit_ends_within_days: i64,
    /// By how many days credit is extended; 0 unless an extension.
    #[serde(default)]
    pub extend_days: i64,
    /// The id of the fact that counts the audience.
    pub audience: String,
    /// The share of the audience that gets nothing, to measure against, in basis points.
    pub hold_out_bps: i64,
    /// The most that it may cost, in minor units.
    pub cost_limit_minor: i64,
    /// Why.
    pub why: String,
}

/// What is to be measured, from where to where, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kpi {
    /// Its name.
    pub name: String,
    /// One of [`KPI_MEASURES`](crate::KPI_MEASURES).
    pub measure: String,
    /// The id of the fact that it starts from.
    pub baseline: String,
    /// The change wanted, in basis points of the baseline: -2,000 is a fifth less.
    pub target_change_bps: i64,
    /// When it is measured, in days from the plan's `as_of`.
    pub horizon_days: i64,
    /// How it is measured.
    pub how: String,
}

impl Document {
    /// The document in a tool's input.
    ///
    /// # Errors
    /// The [`Finding`] that says where it is not of the form asked for.
    pub fn read(input: &Value) -> Result<Self, Finding> {
        read(input)
    }

    /// All texts that may cite facts and calculations.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &String> {
        let lists =
            [&self.executive_summary, &self.current_state, &self.risks, &self.assumptions, &self.data_gaps];
        lists
            .into_iter()
            .flatten()
            .chain(self.phases.iter().flat_map(|phase| phase.actions.iter().chain([&phase.goal])))
            .chain(self.campaigns.iter().map(|campaign| &campaign.why))
            .chain(self.kpis.iter().map(|kpi| &kpi.how))
    }
}

/// A form in a tool's input, or the finding that says where it is not of that form.
pub(crate) fn read<'a, T: Deserialize<'a>>(input: &'a Value) -> Result<T, Finding> {
    serde_path_to_error::deserialize(input).map_err(|error| {
        let path = error.path().to_string();
        let problem = format!("{}; send the whole document again in the form of the schema", error.inner());
        Finding::new(Code::Schema, if path == "." { String::new() } else { path }, problem)
    })
}
