//! Alerts: what somebody has to look at, found by rules, each told of once and over by itself (decision 0017).

mod notices;
mod rule;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

pub use notices::{Channel, Due, LEASE, Tried, channels, ended, is_there, take_due, tell_all};
pub use rule::{Rule, UnknownRule};

use crate::audit::{self, Actor};
use crate::error::{Doing, StoreError};
use crate::{Connection, Pool, TenantId, TenantRef, Tx};

/// Not to be seen for so long, and twice in a row, it is over: less would ring twice for what comes and goes.
const OVER_AFTER_SECONDS: f64 = 60.0;
/// Open, and taken by nobody, it is told of again after so many hours.
const REMIND_HOURS: i32 = 4;
/// Days for which alerts that are over are kept, and messages that ended.
const KEEP_DAYS: i32 = 90;

/// How a rule is set.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The rule's name.
    pub rule: String,
    /// Whether it is looked for at all.
    pub enabled: bool,
    /// What is too much, in the rule's [unit](Rule::unit).
    pub threshold: i32,
    /// When it was last looked at.
    pub looked_at: Option<DateTime<Utc>>,
}

/// How rules are set.
///
/// # Errors
/// As any statement.
pub async fn settings(pool: &Pool) -> Result<Vec<Setting>, StoreError> {
    sqlx::query_as!(Setting, "select rule, enabled, threshold, looked_at from alert_rules order by rule")
        .fetch_all(pool)
        .await
        .doing("reading the rules of alerts")
}

/// Sets a rule: what is `None` stays. Its alerts are over when it is switched off.
///
/// # Errors
/// As any statement.
pub async fn set(
    tx: &mut Tx,
    rule: Rule,
    threshold: Option<i32>,
    enabled: Option<bool>,
    actor: &Actor,
) -> Result<(), StoreError> {
    let before = sqlx::query!(
        r#"update alert_rules r
           set threshold = coalesce($2, r.threshold), enabled = coalesce($3, r.enabled), looked_at = null
           from alert_rules b where b.rule = r.rule and r.rule = $1
           returning b.threshold, b.enabled"#,
        rule.as_str(),
        threshold,
        enabled,
    )
    .fetch_one(&mut **tx)
    .await
    .doing("setting a rule of alerts")?;
    if enabled == Some(false) {
        sqlx::query!(
            "update alerts set resolved_at = now() where rule = $1 and resolved_at is null",
            rule.as_str()
        )
        .execute(&mut **tx)
        .await
        .doing("ending a rule's alerts")?;
    }
    let subject = json!({ "rule": rule.as_str(),
        "before": { "threshold": before.threshold, "enabled": before.enabled },
        "after": { "threshold": threshold.unwrap_or(before.threshold), "enabled": enabled.unwrap_or(before.enabled) } });
    audit::record(tx, actor, "alert_rule.set", &subject).await
}

/// Takes the rules that are due to be looked at, with their thresholds: of several consoles one has each.
///
/// # Errors
/// As any statement.
pub async fn take_rules(pool: &Pool) -> Result<Vec<(String, i32)>, StoreError> {
    let rows = sqlx::query!(
        "update alert_rules set looked_at = now()
         where enabled and (looked_at is null or looked_at <= now() - every) returning rule, threshold"
    )
    .fetch_all(pool)
    .await
    .doing("taking the rules of alerts")?;
    Ok(rows.into_iter().map(|row| (row.rule, row.threshold)).collect())
}

/// Something that a rule has found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// By which rule.
    pub rule: Rule,
    /// What it is about: one alert is open for each rule and subject.
    pub subject: String,
    /// Whose it is, if it is a shop's.
    pub tenant_id: Option<TenantId>,
    /// All of it in a sentence, without personal data.
    pub summary: String,
    /// Where the console shows it: a path.
    pub page: String,
}

/// What a rule finds that looks at the engine's own tables.
///
/// # Errors
/// As any statement.
pub async fn find(
    pool: &Pool,
    rule: Rule,
    threshold: i32,
    services: &[&str],
) -> Result<Vec<Finding>, StoreError> {
    let services: Vec<String> = services.iter().map(|service| (*service).to_owned()).collect();
    let rows = sqlx::query_file!("src/alerts/find.sql", rule.as_str(), f64::from(threshold), &services)
        .fetch_all(pool)
        .await
        .doing("looking for what is wrong")?;
    let found = rows.into_iter().map(|row| Finding {
        rule,
        subject: row.subject,
        tenant_id: None,
        summary: row.summary,
        page: row.page,
    });
    Ok(found.collect())
}

/// How far what a shop owes is from what it was a day ago.
#[derive(Clone, Debug)]
pub struct Jump {
    /// In this currency.
    pub currency: String,
    /// A day ago, in minor units.
    pub before_minor: i64,
    /// Now, in minor units.
    pub now_minor: i64,
}

/// Marks what a shop owes now, and says where it is off by more than `per_cent` from what it was a day ago.
///
/// # Errors
/// As any statement.
pub async fn liability_jumps(
    pool: &Pool,
    tenant: &TenantRef,
    per_cent: i32,
) -> Result<Vec<Jump>, StoreError> {
    let mut tx = Tx::of_tenant(pool, tenant.id).await?;
    let jumps = sqlx::query_file_as!(Jump, "src/alerts/liability.sql", tenant.id as TenantId, per_cent)
        .fetch_all(&mut *tx)
        .await
        .doing("marking what a shop owes")?;
    tx.commit().await?;
    Ok(jumps)
}

/// What has changed, by alerts' ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// Found for the first time.
    pub opened: Vec<Uuid>,
    /// Not to be seen any more.
    pub resolved: Vec<Uuid>,
    /// Still open, and nobody has taken them.
    pub reminded: Vec<Uuid>,
}

impl Settled {
    /// Nothing is to be told.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.opened.is_empty() && self.resolved.is_empty() && self.reminded.is_empty()
    }
}

/// Brings alerts in line with what `rules` have found, and writes one message to each channel about what has changed.
/// The unique index of open alerts decides what is new.
///
/// # Errors
/// As any statement.
pub async fn settle(tx: &mut Tx, rules: &[Rule], findings: &[Finding]) -> Result<Settled, StoreError> {
    let rules: Vec<String> = rules.iter().map(|rule| rule.as_str().to_owned()).collect();
    let rows = sqlx::query_file!("src/alerts/open.sql", json!(findings))
        .fetch_all(&mut **tx)
        .await
        .doing("opening alerts")?;
    let opened = rows.into_iter().filter(|row| row.is_new).map(|row| row.id).collect();
    let resolved = sqlx::query_scalar!(
        "update alerts a set resolved_at = now()
         from alert_rules r
         where r.rule = a.rule and a.resolved_at is null and a.rule = any ($1)
             and a.seen_at < now() - greatest(make_interval(secs => $2), 2 * r.every)
         returning a.id",
        &rules,
        OVER_AFTER_SECONDS,
    )
    .fetch_all(&mut **tx)
    .await
    .doing("ending alerts")?;
    let reminded = sqlx::query_scalar!(
        "update alerts set reminded_at = now()
         where resolved_at is null and acknowledged_at is null and reminded_at < now() - make_interval(hours => $1)
         returning id",
        REMIND_HOURS,
    )
    .fetch_all(&mut **tx)
    .await
    .doing("reminding of alerts")?;
    let settled = Settled { opened, resolved, reminded };
    if !settled.is_empty() {
        notices::tell(tx, &settled).await?;
        forget(tx).await?;
    }
    Ok(settled)
}

async fn forget(db: &mut Connection) -> Result<(), StoreError> {
    sqlx::query!("delete from alerts where resolved_at < now() - make_interval(days => $1)", KEEP_DAYS)
        .execute(&mut *db)
        .await
        .doing("forgetting old alerts")?;
    sqlx::query!("delete from alert_notices where ended_at < now() - make_interval(days => $1)", KEEP_DAYS)
        .execute(db)
        .await
        .doing("forgetting old messages of alerts")
        .map(drop)
}

/// An alert as it is shown.
#[derive(Clone, Debug)]
pub struct Alert {
    /// Its id.
    pub id: Uuid,
    /// The rule that found it.
    pub rule: String,
    /// What it is about.
    pub subject: String,
    /// The shop's handle, if it is a shop's.
    pub tenant_handle: Option<String>,
    /// All of it in a sentence.
    pub summary: String,
    /// Where the console shows it: a path.
    pub page: String,
    /// When it was first found.
    pub opened_at: DateTime<Utc>,
    /// When it was last found.
    pub seen_at: DateTime<Utc>,
    /// When somebody took it.
    pub acknowledged_at: Option<DateTime<Utc>>,
    /// Who.
    pub acknowledged_by: Option<String>,
    /// When it was over.
    pub resolved_at: Option<DateTime<Utc>>,
}

/// Alerts that are open, those that nobody has taken first; then those that ended within so many days.
///
/// # Errors
/// As any statement.
pub async fn list(pool: &Pool, days: i32) -> Result<Vec<Alert>, StoreError> {
    sqlx::query_file_as!(Alert, "src/alerts/list.sql", days).fetch_all(pool).await.doing("listing alerts")
}

/// These alerts, as they are now.
///
/// # Errors
/// As any statement.
pub async fn by_ids(pool: &Pool, ids: &[Uuid]) -> Result<Vec<Alert>, StoreError> {
    sqlx::query_as!(
        Alert,
        r#"select a.id, a.rule, a.subject, t.handle as "tenant_handle?", a.summary, a.page, a.opened_at, a.seen_at,
               a.acknowledged_at, a.acknowledged_by, a.resolved_at
           from alerts a left join tenants t on t.id = a.tenant_id where a.id = any ($1) order by a.opened_at, a.id"#,
        ids,
    )
    .fetch_all(pool)
    .await
    .doing("reading alerts")
}

/// Somebody takes alerts: nobody is reminded of them any more. Those that are over or taken stay as they are. Returns
/// the ids of those that were taken now.
///
/// # Errors
/// As any statement.
pub async fn acknowledge(tx: &mut Tx, ids: &[Uuid], actor: &Actor) -> Result<Vec<Uuid>, StoreError> {
    let taken = sqlx::query_scalar!(
        "update alerts set acknowledged_at = now(), acknowledged_by = $2
         where id = any ($1) and acknowledged_at is null and resolved_at is null returning id",
        ids,
        actor.name,
    )
    .fetch_all(&mut **tx)
    .await
    .doing("taking alerts")?;
    if !taken.is_empty() {
        audit::record(tx, actor, "alert.acknowledge", &json!({ "alerts": taken })).await?;
    }
    Ok(taken)
}
