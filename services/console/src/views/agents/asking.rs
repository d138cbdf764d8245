//! What a person may ask the agents for, and by which fields.

use tradeup_proto::JobKind;
use tradeup_proto::job_kind::{ANALYZE_MEMBER_INSIGHTS, ANALYZE_SEGMENT, PLAN_CAMPAIGN, PLAN_STRATEGIC_GOAL};

/// A field of a form.
pub(crate) struct AskField {
    pub(crate) name: &'static str,
    pub(crate) label: &'static str,
    pub(crate) example: &'static str,
    pub(crate) size: u8,
    pub(crate) required: bool,
    pub(crate) numeric: bool,
    /// An amount of the shop's currency, which the page says.
    pub(crate) money: bool,
    /// Of several lines.
    pub(crate) long: bool,
}

const FIELD: AskField = AskField {
    name: "",
    label: "",
    example: "",
    size: 12,
    required: false,
    numeric: false,
    money: false,
    long: false,
};

const fn text(name: &'static str, label: &'static str, example: &'static str, required: bool) -> AskField {
    AskField { name, label, example, required, long: true, ..FIELD }
}

const fn number(name: &'static str, label: &'static str, example: &'static str) -> AskField {
    AskField { name, label, example, numeric: true, ..FIELD }
}

const fn money(name: &'static str, label: &'static str, example: &'static str) -> AskField {
    AskField { money: true, ..number(name, label, example) }
}

const fn word(name: &'static str, label: &'static str, example: &'static str) -> AskField {
    AskField { name, label, example, ..FIELD }
}

/// Something that a person may ask for.
pub(crate) struct Asking {
    pub(crate) kind: JobKind,
    pub(crate) title: &'static str,
    pub(crate) about: &'static str,
    pub(crate) button: &'static str,
    pub(crate) fields: &'static [AskField],
}

/// All of it.
pub(crate) static ALL: [Asking; 4] = [
    Asking {
        kind: PLAN_STRATEGIC_GOAL,
        title: "A goal",
        about: "Say what is to be reached, and get a plan of three phases to it.",
        button: "Plan it",
        fields: &[
            text("goal", "Goal", "reduce churn by a fifth", true),
            number("timeline_days", "Within days", "90"),
            word("target_segment", "Of members", ""),
        ],
    },
    Asking {
        kind: PLAN_CAMPAIGN,
        title: "A campaign",
        about: "Say what it is to do, and what it may cost: what the limits below allow, if that is not said.",
        button: "Plan it",
        fields: &[
            text("objective", "What it is to do", "win back who has not bought for half a year", true),
            word("segment", "For", ""),
            money("budget", "It may cost", "500.00"),
        ],
    },
    Asking {
        kind: ANALYZE_SEGMENT,
        title: "A segment",
        about: "Narrow the members by what they are and did; fields that are left empty do not narrow.",
        button: "Analyse it",
        fields: &[
            word("segments", "Segments", "at_risk, lost"),
            word("tiers", "Tiers", "gold, silver"),
            number("risk_min", "Risk from (0 to 100)", "60"),
            number("inactive_days_min", "Silent for days", "90"),
            money("balance_min", "To spend at least", "5.00"),
            money("spent_365d_min", "Bought within a year for at least", "100.00"),
            number("expiring_within_days", "Credit ends within days", "30"),
            text("question", "Question", "what do they have in common?", false),
        ],
    },
    Asking {
        kind: ANALYZE_MEMBER_INSIGHTS,
        title: "A question",
        about: "About the members and what they do. Without one, it is what stands out.",
        button: "Ask it",
        fields: &[text("question", "Question", "which tier has lost most, and since when?", false)],
    },
];

impl Asking {
    /// What may be asked for by this task.
    pub(crate) fn by_task(task: &str) -> Option<&'static Self> {
        ALL.iter().find(|asking| asking.kind.task == task)
    }

    pub(crate) fn task(&self) -> &'static str {
        self.kind.task
    }
}
