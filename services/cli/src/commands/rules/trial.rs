//! `tradeup rules try`.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{anyhow, ensure};
use chrono::{DateTime, Utc};
use clap::Args;
use serde_json::json;
use tradeup_domain::amount_text as money;
use tradeup_domain::rules::{
    BoughtLine, CashbackRule, CustomerFacts, Enrolment, EnrolmentRule, Occasion, RuleKind, TradeInRule,
};
use tradeup_shopify::webhook;
use tradeup_store::events::{self, Replayed, Taken};
use tradeup_store::orders::{self, TrialOrder};
use tradeup_store::tenants::Tenant;
use tradeup_store::tiers::{self, Tier};
use tradeup_store::{Tx, members, schedules, trade_ins};

use super::{in_words, read, unknown_tiers};
use crate::Context;
use crate::commands::tenant_by_handle;
use crate::output::instant;
use crate::sheet::{Cell, Sheet};

/// Orders or events that are read at once.
const PAGE: i64 = 500;
/// Orders that are listed: those for which it makes the largest difference.
const LISTED: usize = 20;

/// Show what a document would have done in a time that has passed. Nothing is kept.
///
/// cashback: orders of members that were paid then, by the tier that they were in and less what was refunded since,
/// beside what is posted for them. enrolment: customers of whom the shop told then, as long as its words are kept (30
/// days). trade-in: what was submitted then, at the market prices of then, beside what was offered.
#[derive(Args)]
pub(crate) struct Try {
    /// The shop's handle.
    tenant: String,
    /// cashback, enrolment or trade-in.
    kind: RuleKind,
    /// The document, as JSON; - for standard input.
    file: PathBuf,
    /// From then on, like 2026-10-01T00:00:00Z.
    #[arg(long)]
    from: DateTime<Utc>,
    /// Before then; now, if it is not said.
    #[arg(long)]
    until: Option<DateTime<Utc>>,
    /// Print what is listed as CSV, safe to open in a spreadsheet.
    #[arg(long, conflicts_with = "json")]
    csv: bool,
}

/// What a trial has found.
struct Found {
    summary: serde_json::Value,
    words: String,
    sheet: Sheet,
}

impl Try {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let text = read(&self.file)?;
        let wrong =
            |errors: Vec<_>| anyhow!("the document is no rule of {}:{}", self.kind, in_words(&errors));
        self.kind.check(&text).map_err(wrong)?;
        let pool = context.pool().await?;
        let tenant = tenant_by_handle(&pool, &self.tenant).await?;
        let mut tx = Tx::snapshot_of_tenant(&pool, tenant.id).await?;
        let unknown = unknown_tiers(&mut tx, &tenant, self.kind, &text).await?;
        ensure!(
            unknown.is_empty(),
            "the shop does not have all that the document names:{}",
            in_words(&unknown)
        );
        let until = self.until.unwrap_or(schedules::now(&mut tx).await?);
        ensure!(self.from < until, "--from {} is not before {}", instant(self.from), instant(until));
        let time = (self.from, until);
        let found = match self.kind {
            RuleKind::Cashback => {
                cashback(&mut tx, &tenant, &CashbackRule::parse(&text).map_err(wrong)?, time).await?
            }
            RuleKind::Enrolment => {
                enrolment(&mut tx, &tenant, &EnrolmentRule::parse(&text).map_err(wrong)?, time).await?
            }
            RuleKind::TradeIn => {
                trade_in(&mut tx, &tenant, &TradeInRule::parse(&text).map_err(wrong)?, time).await?
            }
        };
        tx.rollback().await?;
        if self.csv {
            found.sheet.show(context.output(), true, "")?;
            return Ok(ExitCode::SUCCESS);
        }
        let value = json!({ "tenant": tenant.handle, "kind": self.kind.as_str(), "from": instant(self.from),
            "until": instant(until), "summary": found.summary, "lines": found.sheet.value() });
        context.output().show(&value, || {
            let mut text = format!("{}\nNothing was kept.\n", found.words);
            if !found.sheet.is_empty() {
                text.push_str(&format!("\n{}\n", found.sheet.text()));
            }
            text
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

async fn cashback(
    tx: &mut Tx,
    tenant: &Tenant,
    rule: &CashbackRule,
    time: (DateTime<Utc>, DateTime<Utc>),
) -> anyhow::Result<Found> {
    let settings = tenant.settings()?;
    let (mut orders, mut others, mut unknown, mut posted, mut tried) = (0_i64, 0_i64, 0_i64, 0_i64, 0_i64);
    let mut largest: Vec<TrialOrder> = Vec::new();
    let mut after: Option<(DateTime<Utc>, String)> = None;
    loop {
        let last = after.as_ref().map(|(at, id)| (*at, id.as_str()));
        let page = orders::try_cashback(tx, tenant.id, &settings, rule, time, last, PAGE).await?;
        let Some(end) = page.last() else { break };
        after = Some((end.paid_at, end.external_id.clone()));
        for order in page {
            orders += 1;
            let Some(trial_minor) = order.trial_minor else {
                unknown += 1;
                continue;
            };
            posted += order.posted_minor;
            tried += trial_minor;
            if trial_minor != order.posted_minor {
                others += 1;
                largest.push(order);
            }
        }
        largest.sort_by_key(|order| Reverse((order.trial_minor.unwrap_or(0) - order.posted_minor).abs()));
        largest.truncate(LISTED);
    }
    let mut sheet =
        Sheet::new(&["order", "paid", "tier", "posted_minor", "would_be_minor", "difference_minor"]);
    for order in &largest {
        let money = |minor| Cell::Money(minor, tenant.currency.clone());
        let trial_minor = order.trial_minor.unwrap_or(0);
        sheet.push([
            Cell::text(&order.external_id),
            Cell::Text(instant(order.paid_at)),
            Cell::text(order.tier.as_deref().unwrap_or("none")),
            money(order.posted_minor),
            money(trial_minor),
            money(trial_minor - order.posted_minor),
        ]);
    }
    let shown = |minor| money(minor, &tenant.currency);
    let mut words = format!(
        "{orders} orders of members: {} are posted, the rule gives {} ({} more or less). {others} orders differ{}",
        shown(posted),
        shown(tried),
        shown(tried - posted),
        if others > i64::try_from(LISTED).unwrap_or(0) { "; the largest differences:" } else { "." },
    );
    if unknown > 0 {
        words.push_str(&format!(
            "\nOf {unknown} it is not known how much was paid with credit; they are left out."
        ));
    }
    let summary = json!({ "orders": orders, "differ": others, "payments_unknown": unknown, "posted_minor": posted,
        "would_be_minor": tried, "currency": tenant.currency });
    Ok(Found { summary, words, sheet })
}

/// What a body tells of a customer, for the rule.
struct Facts {
    id: String,
    tags: Option<Vec<String>>,
    consent: Option<bool>,
    country: Option<String>,
    buys: bool,
}

/// Reads an event; `None` if it tells of no customer who could become a member.
fn facts(event: &Taken, rule: &EnrolmentRule) -> Option<(Occasion, Facts)> {
    let body = event.body.as_deref()?;
    let occasion = match event.topic.as_str() {
        "customers/create" => Occasion::CustomerCreated,
        "customers/update" => Occasion::CustomerUpdated,
        "orders/paid" => {
            let order = webhook::Order::decode(body).ok().filter(|order| !order.test)?;
            let buys = order.lines.iter().any(|line| {
                let line = BoughtLine {
                    product_id: line.product_id.as_deref(),
                    variant_id: line.variant_id.as_deref(),
                    sku: line.sku.as_deref(),
                    quantity: line.quantity,
                };
                rule.membership_of(&line).is_some()
            });
            let facts =
                Facts { id: order.customer?.id, tags: None, consent: None, country: order.country, buys };
            return Some((Occasion::OrderPaid, facts));
        }
        _ => return None,
    };
    let customer = webhook::Customer::decode(body).ok()?;
    let (tags, consent, country) = (customer.tags, customer.accepts_marketing, customer.country);
    Some((occasion, Facts { id: customer.id, tags, consent, country, buys: false }))
}

async fn enrolment(
    tx: &mut Tx,
    tenant: &Tenant,
    rule: &EnrolmentRule,
    (from, until): (DateTime<Utc>, DateTime<Utc>),
) -> anyhow::Result<Found> {
    let tiers = tiers::list(tx, tenant.id).await?;
    let (mut asked, mut erased, mut members_before) = (0_i64, 0_i64, HashSet::new());
    let mut enrolled: BTreeMap<String, i64> = BTreeMap::new();
    let (mut would, mut are_members) = (HashSet::new(), 0_i64);
    let mut why_not: BTreeMap<String, HashSet<String>> = BTreeMap::new();
    let mut after = None;
    loop {
        let which =
            Replayed { from, until, source: Some("shopify"), topic: None, about: None, ids: &[], after };
        let page = events::to_replay(tx, tenant.id, &which, PAGE).await?;
        let Some(end) = page.last() else { break };
        after = Some((end.received_at, end.id));
        for event in &page {
            erased += i64::from(
                event.body.is_none()
                    && matches!(
                        event.topic.as_str(),
                        "customers/create" | "customers/update" | "orders/paid"
                    ),
            );
            let Some((occasion, facts)) = facts(event, rule) else { continue };
            asked += 1;
            if would.contains(&facts.id) || members_before.contains(&facts.id) {
                continue;
            }
            let since = members::member_since(tx, tenant.id, &facts.id).await?;
            if since.is_some_and(|since| since < from) {
                members_before.insert(facts.id);
                continue;
            }
            match decide(tx, tenant, rule, &tiers, occasion, &facts).await? {
                Enrolment::Enrol { tier, .. } => {
                    *enrolled
                        .entry(tier.map_or_else(|| "none".to_owned(), |tier| tier.to_string()))
                        .or_default() += 1;
                    are_members += i64::from(since.is_some());
                    why_not.values_mut().for_each(|customers| {
                        customers.remove(&facts.id);
                    });
                    would.insert(facts.id);
                }
                Enrolment::No(reasons) => {
                    for reason in reasons {
                        why_not.entry(reason.to_string()).or_default().insert(facts.id.clone());
                    }
                }
                Enrolment::AlreadyMember | Enrolment::NeverAgain => {}
            }
        }
    }
    let mut sheet = Sheet::new(&["outcome", "customers"]);
    for (tier, customers) in &enrolled {
        sheet.push([Cell::Text(format!("would be enrolled in tier {tier}")), Cell::Number(*customers)]);
    }
    for (why, customers) in why_not.iter().filter(|(_, customers)| !customers.is_empty()) {
        sheet.push([Cell::text(why), Cell::Number(i64::try_from(customers.len()).unwrap_or(i64::MAX))]);
    }
    let words = format!(
        "{asked} words of the shop about customers: {} would be enrolled, of whom {are_members} are members today; {} \
         were members before. Of {erased} words the body was erased.",
        would.len(),
        members_before.len()
    );
    let summary = json!({ "events": asked, "would_enrol": would.len(), "of_them_members_today": are_members,
        "members_before": members_before.len(), "erased": erased });
    Ok(Found { summary, words, sheet })
}

async fn decide(
    tx: &mut Tx,
    tenant: &Tenant,
    rule: &EnrolmentRule,
    tiers: &[Tier],
    occasion: Occasion,
    facts: &Facts,
) -> anyhow::Result<Enrolment> {
    let tags: Option<Vec<&str>> = facts.tags.as_ref().map(|tags| tags.iter().map(String::as_str).collect());
    let by_tags = facts.tags.as_deref().and_then(|tags| tiers::by_tags(tags, tiers)?.handle.parse().ok());
    let known = CustomerFacts {
        tags: tags.as_deref(),
        tier_by_tags: by_tags.as_ref(),
        marketing_consent: facts.consent,
        spend_minor: Some(orders::spent_by_customer(tx, tenant.id, &facts.id).await?),
        country: facts.country.as_deref(),
        buys_membership: facts.buys,
    };
    Ok(rule.decide(occasion, &known, None))
}

async fn trade_in(
    tx: &mut Tx,
    tenant: &Tenant,
    rule: &TradeInRule,
    (from, until): (DateTime<Utc>, DateTime<Utc>),
) -> anyhow::Result<Found> {
    let (mut offered, mut tried, mut refused, mut reviewed) = (0_i64, 0_i64, 0_i64, 0_i64);
    let mut sheet = Sheet::new(&["trade_in", "offered_minor", "would_be_minor", "review"]);
    let submitted = trade_ins::submitted_within(tx, tenant.id, from, until).await?;
    for trade_in in &submitted {
        let id = trade_in.id;
        let before = trade_in.cash_minor + trade_in.bonus_minor;
        offered += before;
        let money = |minor| Cell::Money(minor, tenant.currency.clone());
        // A category or condition that the document does not have.
        let Ok(quote) = trade_in.quote(rule) else {
            refused += 1;
            sheet.push([Cell::Text(id.to_string()), money(before), money(0), Cell::text("refused")]);
            continue;
        };
        let after = quote.cash_minor + quote.bonus_minor;
        tried += after;
        reviewed += i64::from(quote.needs_review);
        if after != before {
            let review = if quote.needs_review { "yes" } else { "no" };
            sheet.push([Cell::Text(id.to_string()), money(before), money(after), Cell::text(review)]);
        }
    }
    let shown = |minor| money(minor, &tenant.currency);
    let words = format!(
        "{} trade-ins: {} were offered as credit, the rule offers {}. {reviewed} would be looked at by a person; {refused} \
         have goods that the document does not know.",
        submitted.len(),
        shown(offered),
        shown(tried)
    );
    let summary = json!({ "trade_ins": submitted.len(), "offered_minor": offered, "would_be_minor": tried,
        "review": reviewed, "refused": refused, "currency": tenant.currency });
    Ok(Found { summary, words, sheet })
}
