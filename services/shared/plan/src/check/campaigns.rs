//! Campaigns: who they are for, what they give, and what that may cost.

use std::collections::BTreeSet;

use tradeup_domain::amount_text;
use tradeup_domain::figure::Unit;

use super::Context;
use super::calculations::quoted;
use super::texts::{TEXT_MAX, size};
use crate::document::{Campaign, CampaignKind};
use crate::finding::{Code, Finding};
use crate::limits::{Limits, SEGMENTS};
use crate::prose::{Kind, NAME_MAX, Place, scan};

const CAMPAIGNS_MAX: usize = 12;
const KEY_MAX: usize = 40;
/// The longest subject of a message, in characters.
const SUBJECT_MAX: usize = 120;
/// The longest message, in characters.
const BODY_MAX: usize = 2_000;
/// The longest time after which given credit ends, in days.
const CREDIT_DAYS_MAX: i64 = 365;

pub(super) fn check(context: &Context<'_>) -> Vec<Finding> {
    let document = context.document;
    let campaigns = &document.campaigns;
    let mut findings: Vec<Finding> =
        size("campaigns", campaigns.len(), 0, CAMPAIGNS_MAX).into_iter().collect();
    if campaigns.is_empty() && context.limits.campaigns_wanted && document.data_gaps.is_empty() {
        let problem = "no campaign is proposed; propose one, or say in data_gaps what is missing for it";
        findings.push(Finding::new(Code::Size, "campaigns", problem));
    }
    let mut keys = BTreeSet::new();
    for (at, campaign) in campaigns.iter().enumerate() {
        let path = format!("campaigns[{at}]");
        let mut of = Of { context, campaign, path, findings: Vec::new() };
        of.names(&mut keys);
        of.texts();
        of.offer();
        of.audience();
        findings.extend(of.findings);
    }
    findings
}

/// One campaign and what was found about it.
struct Of<'a> {
    context: &'a Context<'a>,
    campaign: &'a Campaign,
    path: String,
    findings: Vec<Finding>,
}

impl<'a> Of<'a> {
    fn find(&mut self, code: Code, field: &str, problem: impl Into<String>) {
        self.findings.push(Finding::new(code, format!("{}.{field}", self.path), problem));
    }

    fn limits(&self) -> &'a Limits {
        self.context.limits
    }

    fn names(&mut self, keys: &mut BTreeSet<&'a str>) {
        let campaign = self.campaign;
        let key = campaign.key.as_str();
        let letters =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-');
        if key.is_empty() || key.len() > KEY_MAX || !key.bytes().all(letters) {
            let problem = format!("{} is no key; write c1, c2 and so on", quoted(key));
            self.find(Code::UnknownName, "key", problem);
        } else if !keys.insert(key) {
            self.find(
                Code::UnknownName,
                "key",
                format!("{key} is there already; give each campaign its own key"),
            );
        }
        if !SEGMENTS.contains(&campaign.segment.as_str()) {
            let problem = format!(
                "there is no segment {}; use one of {}",
                quoted(&campaign.segment),
                SEGMENTS.join(", ")
            );
            self.find(Code::UnknownName, "segment", problem);
        }
        if !campaign.tier.is_empty() && !self.limits().tiers.contains(&campaign.tier) {
            let tiers = match self.limits().tiers.join(", ") {
                none if none.is_empty() => "this shop has no tiers, leave it empty".to_owned(),
                tiers => format!("use one of {tiers}, or leave it empty for all"),
            };
            self.find(
                Code::UnknownName,
                "tier",
                format!("there is no tier {}; {tiers}", quoted(&campaign.tier)),
            );
        }
        if !(1..=3).contains(&campaign.phase) {
            self.find(Code::Range, "phase", format!("there is no phase {}; write 1, 2 or 3", campaign.phase));
        }
    }

    fn texts(&mut self) {
        let campaign = self.campaign;
        for (field, text, max, place) in [
            ("name", &campaign.name, NAME_MAX, Place::Name),
            ("message_subject", &campaign.message_subject, SUBJECT_MAX, Place::Message),
            ("message_body", &campaign.message_body, BODY_MAX, Place::Message),
            ("why", &campaign.why, TEXT_MAX, Place::Prose),
        ] {
            let path = format!("{}.{field}", self.path);
            self.findings.extend(self.context.prose().text(&path, text, max, place));
            let unfit = (place == Place::Message).then(|| self.unfit(text)).flatten();
            if let Some(problem) = unfit {
                self.find(Code::Placeholder, field, problem);
            }
        }
        if campaign.message_subject.contains('\n') {
            self.find(Code::Markup, "message_subject", "a subject is one line; put the rest into the body");
        }
    }

    /// A placeholder of something that this kind of campaign does not give.
    fn unfit(&self, text: &str) -> Option<String> {
        let kind = self.campaign.kind;
        let offers = scan(text, &self.context.forms);
        let unfit = offers.iter().filter(|span| span.kind == Kind::Offer).find(|span| match kind {
            CampaignKind::BonusCredit => false,
            CampaignKind::Extension => span.text.contains("credit"),
            CampaignKind::Mail => true,
        })?;
        Some(format!(
            "{} stands for nothing in a campaign of kind {}; leave it out",
            unfit.text,
            kind.as_str()
        ))
    }

    fn offer(&mut self) {
        let campaign = self.campaign;
        let limits = self.limits();
        let kind = campaign.kind;
        let gives = kind == CampaignKind::BonusCredit;
        for (field, value, wanted, max) in [
            ("credit_minor", campaign.credit_minor, gives, limits.credit_minor_max),
            ("credit_ends_within_days", campaign.credit_ends_within_days, gives, CREDIT_DAYS_MAX),
            ("extend_days", campaign.extend_days, kind == CampaignKind::Extension, limits.extend_days_max),
        ] {
            if wanted && !(1..=max).contains(&value) {
                let code = if value == 0 { Code::Offer } else { Code::Range };
                let problem = format!(
                    "{value} for a campaign of kind {}; write from 1 to at most {max}",
                    kind.as_str()
                );
                self.find(code, field, problem);
            }
            if !wanted && value != 0 {
                let problem =
                    format!("{value}, but a campaign of kind {} gives none; write 0", kind.as_str());
                self.find(Code::Offer, field, problem);
            }
        }
        let held = limits.hold_out_bps_min..=limits.hold_out_bps_max;
        if !held.contains(&campaign.hold_out_bps) {
            let problem = format!(
                "{} basis points are held out; hold out {} to {}, to measure against",
                campaign.hold_out_bps, limits.hold_out_bps_min, limits.hold_out_bps_max
            );
            self.find(Code::Range, "hold_out_bps", problem);
        }
        let most = limits.campaign_cost_minor_max;
        if !(0..=most).contains(&campaign.cost_limit_minor) {
            let problem = format!(
                "{} is beyond what this shop lets a campaign cost; write 0 to {most} ({})",
                campaign.cost_limit_minor,
                amount_text(most, &limits.currency)
            );
            self.find(Code::Cost, "cost_limit_minor", problem);
        }
    }

    fn audience(&mut self) {
        let campaign = self.campaign;
        let id = campaign.audience.as_str();
        let Some(fact) = self.context.facts.get(id) else {
            let problem = format!(
                "{} is no fact of this run; give the id of the fact that counts the members of the segment",
                quoted(id)
            );
            self.find(Code::UnknownId, "audience", problem);
            return;
        };
        if fact.figure.unit != Unit::Count {
            let unit = fact.figure.unit.as_str();
            let problem =
                format!("{id} ({}) is in {unit}; give a fact that counts members", fact.figure.name);
            self.find(Code::Unit, "audience", problem);
            return;
        }
        let (members, least) = (fact.figure.value, self.limits().audience_min);
        if members < least {
            let problem = format!(
                "{id} counts {members} members; an audience has at least {least}, so widen it or leave the campaign out"
            );
            self.find(Code::SmallAudience, "audience", problem);
        }
        self.cost(members);
    }

    fn cost(&mut self, members: i64) {
        let campaign = self.campaign;
        let limit = campaign.cost_limit_minor;
        match cost_minor(campaign, members) {
            Some(cost) if cost <= limit => {}
            Some(cost) => {
                let fits = limit.max(0).min(self.limits().campaign_cost_minor_max) / members.max(1);
                let problem = format!(
                    "{members} members times {} is {cost}, above the limit of {limit}; raise the limit (to at most {}), \
                     give at most {fits} each, or choose a smaller audience",
                    campaign.credit_minor,
                    self.limits().campaign_cost_minor_max
                );
                self.find(Code::Cost, "cost_limit_minor", problem);
            }
            None => self.find(Code::Cost, "credit_minor", "the cost is too large to be true; give less"),
        }
    }
}

/// The most that a campaign costs, in minor units: every member of the audience is given the credit. What is held out is
/// not taken off, so that the limit holds whoever is held out. Extended credit was given before and costs nothing anew.
pub(crate) fn cost_minor(campaign: &Campaign, members: i64) -> Option<i64> {
    match campaign.kind {
        CampaignKind::BonusCredit => members.max(0).checked_mul(campaign.credit_minor.max(0)),
        CampaignKind::Extension | CampaignKind::Mail => Some(0),
    }
}
