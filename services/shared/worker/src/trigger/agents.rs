//! What agents do: by schedules of their own, and when they are asked.

use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};
use tradeup_proto::job_kind::{
    ANALYZE_MEMBER_INSIGHTS, ANALYZE_SEGMENT, DAILY_EXPIRATION_RESCUE, DAILY_EXPIRATION_RESCUE_TENANT,
    MONTHLY_STRATEGIC_REVIEW, MONTHLY_STRATEGIC_REVIEW_TENANT, PLAN_CAMPAIGN, PLAN_STRATEGIC_GOAL,
    WEEKLY_CHURN_PREVENTION_SCAN, WEEKLY_CHURN_PREVENTION_SCAN_TENANT,
};
use tradeup_proto::{ConvertError, JobKind, Message as _, convert, v1};
use tradeup_store::TenantRef;
use tradeup_store::runs::{NewRun, Trigger};

use super::{Fire, instant_key, new_run, told};

/// A plan that a schedule asks for, over all tenants or for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AgentScan {
    /// Name of the schedule.
    pub schedule: &'static str,
    /// When it fires, in UTC.
    pub cron: &'static str,
    /// The kind of the run over all tenants.
    pub kind: JobKind,
    /// The kind of a tenant's run.
    pub of_tenant: JobKind,
}

/// Who is about to stay away: Mondays, so that the week is there to act.
pub const CHURN_SCAN: AgentScan = AgentScan {
    schedule: "weekly-churn-prevention-scan",
    cron: "0 9 * * 1",
    kind: WEEKLY_CHURN_PREVENTION_SCAN,
    of_tenant: WEEKLY_CHURN_PREVENTION_SCAN_TENANT,
};

/// Credit that ends soon and is not used: daily, after members were warned.
pub const EXPIRATION_RESCUE: AgentScan = AgentScan {
    schedule: "daily-expiration-rescue",
    cron: "0 10 * * *",
    kind: DAILY_EXPIRATION_RESCUE,
    of_tenant: DAILY_EXPIRATION_RESCUE_TENANT,
};

/// The month behind and the quarter ahead: on the 1st, after monthly credits.
pub const STRATEGIC_REVIEW: AgentScan = AgentScan {
    schedule: "monthly-strategic-review",
    cron: "0 8 1 * *",
    kind: MONTHLY_STRATEGIC_REVIEW,
    of_tenant: MONTHLY_STRATEGIC_REVIEW_TENANT,
};

impl AgentScan {
    /// The run of a fire: over all tenants that have no schedule of this name of their own, or of one.
    #[must_use]
    pub fn run(&self, tenant: Option<TenantRef>, fire: Fire) -> NewRun {
        let as_of = Some(convert::timestamp(fire.due));
        let key = instant_key(fire.due);
        match tenant {
            None => {
                let input = v1::AgentScan { as_of, spread_ms: fire.spread.num_milliseconds() };
                new_run(self.kind, None, key, input.encode_to_vec(), fire)
            }
            Some(tenant) => {
                let input = v1::AgentScanTenant { as_of };
                new_run(self.of_tenant, Some(tenant), key, input.encode_to_vec(), fire)
            }
        }
    }
}

/// What agents are asked for, by a person or another system.
#[derive(Clone, Debug, PartialEq)]
pub enum Asked {
    /// A question about a tenant's members.
    Members(v1::AnalyzeMemberInsights),
    /// A question about some of them.
    Segment(v1::AnalyzeSegment),
    /// A campaign.
    Campaign(v1::PlanCampaign),
    /// A way to a goal. Without a time it has that of [`convert::TIMELINE_DAYS_DEFAULT`].
    Goal(v1::PlanStrategicGoal),
}

impl Asked {
    /// The kinds of run that may be asked for.
    pub const KINDS: [JobKind; 4] =
        [ANALYZE_MEMBER_INSIGHTS, ANALYZE_SEGMENT, PLAN_CAMPAIGN, PLAN_STRATEGIC_GOAL];

    /// The kind of its run.
    #[must_use]
    pub fn kind(&self) -> JobKind {
        match self {
            Self::Members(_) => ANALYZE_MEMBER_INSIGHTS,
            Self::Segment(_) => ANALYZE_SEGMENT,
            Self::Campaign(_) => PLAN_CAMPAIGN,
            Self::Goal(_) => PLAN_STRATEGIC_GOAL,
        }
    }

    /// The run that answers, about the tenant as it was when that was due.
    ///
    /// # Errors
    /// [`ConvertError`], naming the field.
    pub fn run(
        self,
        tenant: TenantRef,
        key: String,
        due: DateTime<Utc>,
        trigger: Trigger,
    ) -> Result<NewRun, ConvertError> {
        let kind = self.kind();
        let payload = self.payload(Some(due))?;
        Ok(told(kind, tenant, key, payload, due, trigger))
    }

    /// A key for whoever gives none: the same words on the same day (of UTC) are one run, so that a command given twice
    /// is paid once.
    ///
    /// # Errors
    /// [`ConvertError`], naming the field.
    pub fn key_of_the_day(&self, now: DateTime<Utc>) -> Result<String, ConvertError> {
        let payload = self.clone().payload(None)?;
        let words: String =
            Sha256::digest(&payload).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Ok(format!("manual:{}:{words}", now.date_naive()))
    }

    /// Whether a run with this input was asked for the same, whenever that was.
    #[must_use]
    pub fn is_asked_by(&self, payload: &[u8]) -> bool {
        let without_instant = match self {
            Self::Members(_) => v1::AnalyzeMemberInsights::decode(payload).map(Self::Members),
            Self::Segment(_) => v1::AnalyzeSegment::decode(payload).map(Self::Segment),
            Self::Campaign(_) => v1::PlanCampaign::decode(payload).map(Self::Campaign),
            Self::Goal(_) => v1::PlanStrategicGoal::decode(payload).map(Self::Goal),
        };
        without_instant.is_ok_and(|asked| {
            asked.payload(None).is_ok_and(|there| self.clone().payload(None).is_ok_and(|ours| ours == there))
        })
    }

    fn payload(self, as_of: Option<DateTime<Utc>>) -> Result<Vec<u8>, ConvertError> {
        let as_of = as_of.map(convert::timestamp);
        Ok(match self {
            Self::Members(mut input) => {
                input.as_of = as_of;
                convert::analyze_member_insights(&input)?;
                input.encode_to_vec()
            }
            Self::Segment(mut input) => {
                input.as_of = as_of;
                convert::analyze_segment(&input)?;
                input.encode_to_vec()
            }
            Self::Campaign(mut input) => {
                input.as_of = as_of;
                convert::plan_campaign(&input)?;
                input.encode_to_vec()
            }
            Self::Goal(mut input) => {
                input.as_of = as_of;
                if input.timeline_days == 0 {
                    input.timeline_days = convert::TIMELINE_DAYS_DEFAULT;
                }
                convert::plan_strategic_goal(&input)?;
                input.encode_to_vec()
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;
    use tradeup_store::TenantId;

    fn goal(text: &str) -> Asked {
        Asked::Goal(v1::PlanStrategicGoal { goal: text.to_owned(), ..v1::PlanStrategicGoal::default() })
    }

    #[test]
    fn a_goal_is_asked_about_the_instant_at_which_it_is_due() {
        let due: DateTime<Utc> = "2026-11-29T10:00:00Z".parse().unwrap();
        let tenant = TenantRef { id: TenantId(1), handle: "aurora".to_owned() };
        let by = Trigger::Event("till".to_owned());
        let run = goal("Reduce churn").run(tenant, "event:till:1".to_owned(), due, by).unwrap();
        let input = v1::PlanStrategicGoal::decode(run.payload.as_slice()).unwrap();
        assert_eq!((run.task.as_str(), run.scheduled_for), ("plan-strategic-goal", due));
        assert_eq!((input.timeline_days, input.as_of), (90, Some(convert::timestamp(due))));
    }

    #[test]
    fn the_same_words_on_one_day_have_one_key() {
        let now: DateTime<Utc> = "2026-11-29T10:00:00Z".parse().unwrap();
        let key = |asked: &Asked, at| asked.key_of_the_day(at).unwrap();
        let first = key(&goal("a"), now);
        assert!(first.starts_with("manual:2026-11-29:"), "{first}");
        assert_eq!(first, key(&goal("a"), now + TimeDelta::hours(13)));
        assert_ne!(first, key(&goal("b"), now));
        assert_ne!(first, key(&goal("a"), now + TimeDelta::hours(15)));
        assert!(goal(" ").key_of_the_day(now).is_err());

        let tenant = TenantRef { id: TenantId(1), handle: "aurora".to_owned() };
        let run = goal("a").run(tenant, first, now, Trigger::Manual("ann".to_owned())).unwrap();
        assert!(goal("a").is_asked_by(&run.payload));
        assert!(!goal("b").is_asked_by(&run.payload));
    }

    #[test]
    fn a_scan_of_one_shop_has_the_key_of_that_over_all() {
        let due: DateTime<Utc> = "2026-11-30T09:00:00Z".parse().unwrap();
        let fire = Fire::by_hand(due, due, "ann");
        let tenant = TenantRef { id: TenantId(1), handle: "aurora".to_owned() };
        let (all, one) = (CHURN_SCAN.run(None, fire.clone()), CHURN_SCAN.run(Some(tenant), fire));
        assert_eq!(all.key, one.key);
        assert_eq!(one.task, "weekly-churn-prevention-scan-tenant");
    }
}
