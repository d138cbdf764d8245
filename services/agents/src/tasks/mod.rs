//! The tasks of `agents`, one file each.

mod analyze_member_insights;
mod analyze_segment;
mod daily_expiration_rescue_tenant;
mod monthly_strategic_review_tenant;
mod plan_campaign;
mod plan_strategic_goal;
mod weekly_churn_prevention_scan_tenant;

use std::time::Duration;

use tradeup_domain::Dependency;
use tradeup_worker::{ProbeAgents, Registry, RegistryError, RetryPolicy};

use crate::models::Provider;

/// As for all that is outside: an hour. What was answered stands, so that trying again costs nothing; and while the
/// provider is down nobody's attempts are used up.
const RETRY: RetryPolicy =
    RetryPolicy { attempts_max: 10, base: Duration::from_secs(1), factor: 4, cap: Duration::from_secs(900) };
/// An attempt begins no call after half an hour; one that is under way then has its eight minutes.
const TIME_LIMIT: Duration = Duration::from_secs(45 * 60);
const NEEDS: &[Dependency] = &[Dependency::Anthropic];

/// All tasks that this service executes.
pub(crate) fn registry(provider: &Provider) -> Result<Registry, RegistryError> {
    let provider = || provider.clone();
    Registry::new()
        .register(analyze_member_insights::AnalyzeMemberInsights { provider: provider() })?
        .register(analyze_segment::AnalyzeSegment { provider: provider() })?
        .register(daily_expiration_rescue_tenant::DailyExpirationRescueTenant { provider: provider() })?
        .register(monthly_strategic_review_tenant::MonthlyStrategicReviewTenant { provider: provider() })?
        .register(plan_campaign::PlanCampaign { provider: provider() })?
        .register(plan_strategic_goal::PlanStrategicGoal { provider: provider() })?
        .register(weekly_churn_prevention_scan_tenant::WeeklyChurnPreventionScanTenant {
            provider: provider(),
        })?
        .register(ProbeAgents)
}
