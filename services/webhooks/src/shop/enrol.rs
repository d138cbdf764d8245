//! Whether a customer becomes a member, by the shop's rule; and what follows if so.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tradeup_domain::order::Fact;
use tradeup_domain::rules::{CustomerFacts, Enrolment, EnrolmentRule, Occasion, RuleKind, RuleRef, Standing};
use tradeup_domain::tier_rules::Source;
use tradeup_domain::{ErrorCode, Handle};
use tradeup_store::members::{self, Customer, Known};
use tradeup_store::tiers::Tier;
use tradeup_store::{orders, rules, tier_moves, tiers};
use tradeup_worker::{TaskContext, TaskError};

use super::{Told, asked};

/// Orders of a new member that are settled at once; more are settled as they are told of again.
const ORDERS_MAX: i64 = 100;

/// An order that its customer has paid.
#[derive(Clone, Copy)]
pub(crate) struct Purchased<'a> {
    pub(crate) order: &'a str,
    /// What is told of it.
    pub(crate) facts: &'a [Fact],
}

impl Purchased<'_> {
    /// Whether one of its lines is a membership.
    fn is_membership(&self, rule: &EnrolmentRule) -> bool {
        let paid = |fact: &Fact| match fact {
            Fact::Paid(order) => {
                order.content.lines.iter().any(|line| rule.membership_of(&line.bought()).is_some())
            }
            _ => false,
        };
        self.facts.iter().any(paid)
    }
}

/// Makes the customer a member if the rule in force at `from` says so. Returns what is shown of it.
pub(crate) async fn consider(
    context: &TaskContext,
    told: &mut Told,
    occasion: Occasion,
    customer: &Customer,
    from: DateTime<Utc>,
    bought: Option<Purchased<'_>>,
) -> Result<Value, TaskError> {
    let tenant = told.tenant.id;
    if told.tenant.state != "active" {
        return Ok(json!({ "outcome": told.tenant.state }));
    }
    let rules = rules::in_force(&mut told.tx, tenant, from).await?;
    let (rule, version) = rules.enrolment;
    let Some(version) = version else { return Ok(json!({ "outcome": "no_rule" })) };
    let rule_ref = RuleRef { kind: RuleKind::Enrolment, version }.to_string();
    let known = members::known(&mut told.tx, tenant, &customer.external_id).await?;
    let all = tiers::list(&mut told.tx, tenant).await?;
    let tags: Option<Vec<&str>> =
        customer.tags.as_ref().map(|tags| tags.iter().map(String::as_str).collect());
    let tier_by_tags = by_tags(customer, &all);
    // Added up for those alone of whom it is asked.
    let spend_minor = match rule.all_of.minimum_spend_minor > 0 && known.is_none() {
        true => Some(spent(told, customer, bought).await?),
        false => None,
    };
    let facts = CustomerFacts {
        tags: tags.as_deref(),
        tier_by_tags: tier_by_tags.as_ref(),
        marketing_consent: customer.accepts_email_marketing,
        spend_minor,
        country: customer.country.as_deref(),
        buys_membership: bought.is_some_and(|bought| bought.is_membership(&rule)),
    };
    let (tier, welcome) = match rule.decide(occasion, &facts, known.as_ref().map(standing)) {
        Enrolment::Enrol { tier, welcome } => (tier, welcome),
        Enrolment::AlreadyMember => return Ok(json!({ "outcome": "already_member" })),
        Enrolment::NeverAgain => return Ok(json!({ "outcome": "never_again", "rule": rule_ref })),
        Enrolment::No(why) => {
            let why: Vec<String> = why.iter().map(ToString::to_string).collect();
            return Ok(json!({ "outcome": "not_enrolled", "rule": rule_ref, "why": why }));
        }
    };
    let Some(member) = members::enrol(&mut told.tx, tenant, customer, &rule_ref).await? else {
        return Ok(json!({ "outcome": "already_member" }));
    };
    let mut shown = json!({ "outcome": "enrolled", "rule": rule_ref, "member_id": member.to_string() });
    if let Some(tier) = tier {
        let found = all.iter().find(|known| known.handle == tier.as_str()).ok_or_else(|| {
            TaskError::permanent(
                ErrorCode::TenantSettings,
                format!("the rule {rule_ref} names the tier {tier}, which the shop does not have; add it, then replay"),
            )
        })?;
        let by_tags = rule.tags_place && tier_by_tags.as_ref() == Some(&tier);
        let source = if by_tags { Source::Import } else { Source::Manual };
        tier_moves::begin_first(&mut told.tx, tenant, member, found.id, source, from).await?;
        shown["tier"] = found.handle.clone().into();
    }
    let asked = asked(context, told);
    // Whoever joined under the other system was welcomed by it.
    let theirs = told.tenant.shadow_since.is_some() || told.tenant.live_since.is_some_and(|live| from < live);
    if let Some(welcome) = welcome.filter(|_| !theirs) {
        let rule = Some(rule_ref.as_str());
        let given =
            members::welcome(&mut told.tx, &asked, &told.settings, member, &welcome, from, rule).await?;
        shown["welcome_minor"] = if given.is_new { given.amount_minor } else { 0 }.into();
    }
    // What came before the customer was known as a member.
    let mut waiting =
        orders::of_new_member(&mut told.tx, tenant, &customer.external_id, from, ORDERS_MAX).await?;
    // The order that the task is about is settled by it.
    waiting.retain(|order| bought.is_none_or(|bought| bought.order != order));
    for order in &waiting {
        orders::tell(&mut told.tx, &asked, &told.settings, order, &[]).await?;
    }
    if !waiting.is_empty() {
        shown["orders_settled"] = waiting.len().into();
    }
    Ok(shown)
}

/// Notes what changed about a member's tags in its tier, if the rule in force places by tags.
pub(crate) async fn place_by_tags(
    told: &mut Told,
    known: &Known,
    tags: &[String],
) -> Result<Option<Value>, TaskError> {
    let tenant = told.tenant.id;
    let rules = rules::in_force(&mut told.tx, tenant, told.at).await?;
    if !rules.enrolment.0.tags_place || told.tenant.state != "active" || known.is_merged || known.is_redacted
    {
        return Ok(None);
    }
    let all = tiers::list(&mut told.tx, tenant).await?;
    let tier = tiers::by_tags(tags, &all);
    let moved =
        tier_moves::place_by_tags(&mut told.tx, tenant, known.member_id, tier.map(|tier| tier.id)).await?;
    let outcome = match moved {
        tier_moves::Tagged::Moved => "moved",
        tier_moves::Tagged::Noted => "noted",
        tier_moves::Tagged::Same => "same",
    };
    Ok(Some(json!({ "outcome": outcome, "tier": tier.map(|tier| tier.handle.clone()) })))
}

/// What the customer has spent, with the order that is told of just now.
async fn spent(
    told: &mut Told,
    customer: &Customer,
    bought: Option<Purchased<'_>>,
) -> Result<i64, TaskError> {
    let tenant = told.tenant.id;
    if let Some(bought) = bought {
        for fact in bought.facts {
            orders::record(&mut told.tx, tenant, bought.order, fact).await?;
        }
        orders::rate(&mut told.tx, tenant, bought.order, &told.settings).await?;
    }
    Ok(orders::spent_by_customer(&mut told.tx, tenant, &customer.external_id).await?)
}

fn standing(known: &Known) -> Standing {
    match known.membership.as_deref() {
        _ if known.is_redacted => Standing::Redacted,
        _ if known.is_deleted => Standing::Cancelled,
        Some("paused") => Standing::Paused,
        Some("cancelled") => Standing::Cancelled,
        _ => Standing::Active,
    }
}

fn by_tags(customer: &Customer, tiers: &[Tier]) -> Option<Handle> {
    tiers::by_tags(customer.tags.as_deref()?, tiers)?.handle.parse().ok()
}
