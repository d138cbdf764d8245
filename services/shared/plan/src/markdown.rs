//! The plan as Markdown. Every text in it is escaped: nothing that a model or a shop wrote becomes markup.

mod came_of_it;

use std::fmt::Write as _;

use tradeup_domain::amount_text;
use tradeup_domain::figure::shown;
use tradeup_domain::outcomes::{Outcomes, counted};

use crate::document::{Campaign, CampaignKind};
use crate::pieces::{Piece, pieces};
use crate::plan::{Plan, Proposal, Target};

/// A text being written. Writing to a string can't fail.
struct Page(String);

impl Page {
    fn line(&mut self, text: &str) {
        self.0.push_str(text);
        self.0.push('\n');
    }

    fn heading(&mut self, level: usize, text: &str) {
        let marks = "#".repeat(level);
        if !self.0.ends_with("\n\n") {
            self.line("");
        }
        self.line(&format!("{marks} {text}"));
        self.line("");
    }

    fn paragraph(&mut self, text: &str) {
        self.line(&unlisted(text));
        self.line("");
    }

    fn list<'a>(&mut self, plan: &Plan, texts: impl IntoIterator<Item = &'a String>) {
        for text in texts {
            self.line(&format!("- {}", unlisted(&prose(plan, text))));
        }
    }
}

/// The whole plan for people: `1,234 [F12]` is a figure with its source, `⚠ 25 % (unproven)` is one without. What became of
/// it stands where it was planned.
#[must_use]
pub fn markdown(plan: &Plan, outcomes: &Outcomes) -> String {
    let mut page = Page(String::new());
    head(&mut page, plan);
    for (title, texts) in [
        ("Executive summary", &plan.document.executive_summary),
        ("Current state", &plan.document.current_state),
    ] {
        page.heading(2, title);
        for text in texts {
            page.paragraph(&prose(plan, text));
        }
    }
    phases(&mut page, plan);
    campaigns(&mut page, plan, outcomes);
    kpis(&mut page, plan);
    came_of_it::kpis(&mut page, outcomes);
    for (title, texts) in [
        ("Risks", &plan.document.risks),
        ("Assumptions", &plan.document.assumptions),
        ("What could not be found out", &plan.document.data_gaps),
    ] {
        if !texts.is_empty() {
            page.heading(2, title);
            page.list(plan, texts);
        }
    }
    unproven(&mut page, plan);
    sources(&mut page, plan);
    page.0
}

fn head(page: &mut Page, plan: &Plan) {
    let meta = &plan.meta;
    page.line(&format!("# Plan: {}", escaped(&meta.goal)));
    page.line("");
    if meta.offline {
        page.line(
            "> **Offline.** No model wrote this: a script chose it by rules from the shop's own figures.",
        );
        page.line("");
    }
    if let Some(reason) = &plan.incomplete_because {
        page.line(&format!("> **Not complete.** {}", escaped(reason)));
        page.line("");
    }
    if !plan.unproven.is_empty() {
        page.line("> **Not all of it is proven.** What is not, is marked with ⚠ and listed below.");
        page.line("");
    }
    page.line(&format!("- Shop: {}", escaped(&meta.tenant)));
    page.line(&format!("- Kind: {}", escaped(&meta.kind)));
    page.line(&format!("- As of: {}", meta.as_of.format("%Y-%m-%d %H:%M UTC")));
    if let Some(days) = meta.timeline_days {
        page.line(&format!("- Timeline: {days} days"));
    }
    if let Some(segment) = &meta.target_segment {
        page.line(&format!("- Segment asked about: {}", escaped(segment)));
    }
    page.line(&format!("- Written by: {}", escaped(&meta.generated_by.join(", "))));
}

fn phases(page: &mut Page, plan: &Plan) {
    page.heading(2, "Phases");
    for (at, phase) in plan.document.phases.iter().enumerate() {
        let weeks = if phase.weeks == 1 { "week" } else { "weeks" };
        page.line(&format!("### {}. {} ({} {weeks})", at + 1, escaped(&phase.title), phase.weeks));
        page.line("");
        page.paragraph(&prose(plan, &phase.goal));
        page.list(plan, &phase.actions);
        page.line("");
    }
}

fn campaigns(page: &mut Page, plan: &Plan, outcomes: &Outcomes) {
    if plan.campaigns.is_empty() {
        return;
    }
    page.heading(2, "Campaigns");
    for proposal in &plan.campaigns {
        campaign(page, plan, proposal, outcomes);
    }
}

fn campaign(page: &mut Page, plan: &Plan, proposal: &Proposal, outcomes: &Outcomes) {
    let campaign = &proposal.campaign;
    let currency = &plan.meta.currency;
    page.line(&format!("### {}: {}", escaped(&campaign.key), escaped(&campaign.name)));
    page.line("");
    if !proposal.approvable {
        page.line("⚠ Something about it is unproven: it can't be approved.");
        page.line("");
    }
    let tier =
        if campaign.tier.is_empty() { String::new() } else { format!(", tier {}", escaped(&campaign.tier)) };
    page.line(&format!("- For: {}{tier}, in phase {}", escaped(&campaign.segment), campaign.phase));
    page.line(&format!("- Offer: {}", offer(campaign, currency)));
    let members = proposal.audience.map_or_else(
        || format!("⚠ {} (unproven)", escaped(&campaign.audience)),
        |_| prose(plan, &format!("{{{{{}}}}}", campaign.audience)),
    );
    let held = shown(campaign.hold_out_bps, tradeup_domain::figure::Unit::Bps, None);
    page.line(&format!("- Audience: {members} members, of which {held} are held out to measure against"));
    let cost = proposal
        .cost_minor
        .map_or_else(|| "⚠ unknown (unproven)".to_owned(), |cost| amount_text(cost, currency));
    let limit = amount_text(campaign.cost_limit_minor, currency);
    page.line(&format!("- Cost: at most {cost}, with a limit of {limit}"));
    page.line(&format!("- Why: {}", prose(plan, &campaign.why)));
    came_of_it::of_campaign(page, outcomes, &campaign.key);
    page.line("");
    page.line(&format!("> {}", unlisted(&escaped(&proposal.message_subject))));
    page.line(">");
    for line in proposal.message_body.lines() {
        page.line(&format!("> {}", unlisted(&escaped(line))));
    }
    page.line("");
}

/// What a campaign gives, in words.
fn offer(campaign: &Campaign, currency: &str) -> String {
    match campaign.kind {
        CampaignKind::BonusCredit => format!(
            "{} of credit, which ends within {} days",
            amount_text(campaign.credit_minor, currency),
            campaign.credit_ends_within_days
        ),
        CampaignKind::Extension => format!("credit that ends soon ends {} days later", campaign.extend_days),
        CampaignKind::Mail => "the message alone".to_owned(),
    }
}

fn kpis(page: &mut Page, plan: &Plan) {
    if plan.kpis.is_empty() {
        return;
    }
    page.heading(2, "KPIs");
    page.line("| KPI | Measure | Baseline | Target (chosen) | After | How |");
    page.line("|---|---|---|---|---|---|");
    for target in &plan.kpis {
        page.line(&kpi(plan, target));
    }
}

fn kpi(plan: &Plan, target: &Target) -> String {
    let aimed = target.shown().unwrap_or_else(|| "⚠ (unproven)".to_owned());
    let change = shown(target.change_bps, tradeup_domain::figure::Unit::Bps, None);
    let sign = if target.change_bps > 0 { "+" } else { "" };
    format!(
        "| {} | {} | {} | {aimed} ({sign}{change}) | {} days | {} |",
        escaped(&target.name),
        escaped(&counted(&target.measure, target.tier())),
        prose(plan, &format!("{{{{{}}}}}", target.baseline)),
        target.horizon_days,
        prose(plan, &target.how),
    )
}

fn unproven(page: &mut Page, plan: &Plan) {
    if plan.unproven.is_empty() {
        return;
    }
    page.heading(2, "What is unproven");
    for finding in &plan.unproven {
        page.line(&format!(
            "- {}: {} ({})",
            escaped(&finding.path),
            escaped(&finding.problem),
            escaped(finding.code.as_str())
        ));
    }
}

fn sources(page: &mut Page, plan: &Plan) {
    if plan.cited.is_empty() && plan.calculations.is_empty() {
        return;
    }
    page.heading(2, "Where the figures come from");
    page.line("| Id | What | Value | Window | Source |");
    page.line("|---|---|---|---|---|");
    for fact in plan.cited.iter().filter_map(|id| plan.facts.get(id)) {
        let figure = &fact.figure;
        page.line(&format!(
            "| {} | {} | {} | {} | {} ({}) |",
            fact.id,
            escaped(&counted(&figure.name, figure.tier.as_deref())),
            escaped(&figure.shown()),
            escaped(figure.window.as_deref().unwrap_or("–")),
            escaped(&fact.tool),
            escaped(&fact.agent)
        ));
    }
    for calculated in &plan.calculations {
        let result = calculated.figure.as_ref();
        page.line(&format!(
            "| {} | {} | {} | {} | {}({}) |",
            escaped(&calculated.id),
            escaped(&calculated.label),
            result.map_or_else(|| "⚠ no result (unproven)".to_owned(), |figure| escaped(&figure.shown())),
            escaped(result.and_then(|figure| figure.window.as_deref()).unwrap_or("–")),
            escaped(calculated.op.as_str()),
            escaped(&calculated.args.join(", "))
        ));
    }
}

/// A text with its figures.
fn prose(plan: &Plan, text: &str) -> String {
    pieces(plan, text).into_iter().fold(String::new(), |mut line, piece| {
        // Writing to a string can't fail.
        let _written = match piece {
            Piece::Text(text) => write!(line, "{}", escaped(&text)),
            Piece::Figure { id, shown, .. } => write!(line, "{} \\[{id}\\]", escaped(&shown)),
            Piece::Unproven(text) => write!(line, "⚠ {} (unproven)", escaped(&text)),
        };
        line
    })
}

/// A text on one line in which no character marks anything up, and nothing is there that nobody sees.
fn escaped(text: &str) -> String {
    let mut line = String::new();
    for char in text.chars() {
        match char {
            '\n' | '\r' | '\t' => line.push(' '),
            char if crate::prose::is_hidden(char) => line.push('\u{fffd}'),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '<' | '>' | '#' | '|' | '!' | '~' | '&'
            | '@' => {
                line.push('\\');
                line.push(char);
            }
            // Hosts and schemes are made links of by some readers.
            ':' if line.ends_with("http") || line.ends_with("https") => line.push_str("\\:"),
            char => line.push(char),
        }
    }
    line
}

/// A line that does not begin like a list, a rule or code.
fn unlisted(line: &str) -> String {
    let line = line.trim();
    if line.starts_with(['-', '+', '=']) { format!("\\{line}") } else { line.to_owned() }
}
