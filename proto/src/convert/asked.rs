//! What agents are asked for: bounds that hold for whoever asks. Which segments, tiers and amounts a tenant has is looked
//! up by the task.

use super::ConvertError;
use crate::v1;

/// Longest text of who asks, in characters.
pub const ASKED_CHARS_MAX: usize = 1000;
/// Shortest and longest time for a goal, in days.
pub const TIMELINE_DAYS: std::ops::RangeInclusive<i32> = 7..=365;
/// Time for a goal if nobody says one, in days.
pub const TIMELINE_DAYS_DEFAULT: i32 = 90;
/// Longest handle of a segment or tier, in characters.
const HANDLE_CHARS_MAX: usize = 64;
/// Most tiers and most segments of a filter.
const HANDLES_MAX: usize = 20;
/// Most days that a filter may speak of: ten years.
const DAYS_MAX: i32 = 3650;

/// Checks a question about members.
///
/// # Errors
/// [`ConvertError::Asked`], naming the field.
pub fn analyze_member_insights(value: &v1::AnalyzeMemberInsights) -> Result<(), ConvertError> {
    optional_words("question", &value.question)
}

/// Checks a question about some members.
///
/// # Errors
/// [`ConvertError::Asked`], naming the field.
pub fn analyze_segment(value: &v1::AnalyzeSegment) -> Result<(), ConvertError> {
    optional_words("question", &value.question)?;
    let filter = value.filter.as_ref().ok_or(ConvertError::Missing { field: "filter" })?;
    if *filter == v1::SegmentFilter::default() {
        return asked("filter", "narrows nothing; say which members, or ask analyze-member-insights");
    }
    handles("filter.tiers", &filter.tiers)?;
    handles("filter.segments", &filter.segments)?;
    if !(0..=100).contains(&filter.risk_min) {
        return asked("filter.risk_min", "is a risk; give 0 to 100");
    }
    for (field, days) in [
        ("filter.inactive_days_min", filter.inactive_days_min),
        ("filter.expiring_within_days", filter.expiring_within_days),
    ] {
        if !(0..=DAYS_MAX).contains(&days) {
            return asked(field, "is a number of days; give 0 to 3650");
        }
    }
    for (field, amount) in [
        ("filter.balance_min_minor", filter.balance_min_minor),
        ("filter.spent_365d_min_minor", filter.spent_365d_min_minor),
    ] {
        if amount < 0 {
            return asked(field, "is an amount in minor units; give 0 or more");
        }
    }
    Ok(())
}

/// Checks what a campaign is asked for.
///
/// # Errors
/// [`ConvertError::Asked`], naming the field.
pub fn plan_campaign(value: &v1::PlanCampaign) -> Result<(), ConvertError> {
    words("objective", &value.objective)?;
    optional_handle("segment", &value.segment)?;
    if value.budget_minor < 0 {
        return asked("budget_minor", "is an amount in minor units; give 0 or more");
    }
    Ok(())
}

/// Checks a goal.
///
/// # Errors
/// [`ConvertError::Asked`], naming the field.
pub fn plan_strategic_goal(value: &v1::PlanStrategicGoal) -> Result<(), ConvertError> {
    words("goal", &value.goal)?;
    optional_handle("target_segment", &value.target_segment)?;
    if !TIMELINE_DAYS.contains(&value.timeline_days) {
        return asked("timeline_days", "is the time for the goal; give 7 to 365 days");
    }
    Ok(())
}

fn asked(field: &'static str, problem: &'static str) -> Result<(), ConvertError> {
    Err(ConvertError::Asked { field, problem })
}

fn words(field: &'static str, text: &str) -> Result<(), ConvertError> {
    if text.trim().is_empty() {
        return asked(field, "is empty; say in words what is wanted");
    }
    optional_words(field, text)
}

/// Lines may be broken; what can't be seen may not stand there, since who approves reads what was asked.
fn optional_words(field: &'static str, text: &str) -> Result<(), ConvertError> {
    if text.chars().count() > ASKED_CHARS_MAX {
        return asked(field, "is too long; give at most 1000 characters");
    }
    if text.chars().any(|c| (c.is_control() && c != '\n') || is_invisible(c)) {
        return asked(field, "has control or invisible characters; give plain text");
    }
    Ok(())
}

/// Characters that change how a text is read and are not seen: zero width, direction, tags.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

fn handles(field: &'static str, handles: &[String]) -> Result<(), ConvertError> {
    if handles.len() > HANDLES_MAX {
        return asked(field, "has too many; give at most 20");
    }
    handles.iter().try_for_each(|handle| one_handle(field, handle))
}

fn optional_handle(field: &'static str, handle: &str) -> Result<(), ConvertError> {
    if handle.is_empty() { Ok(()) } else { one_handle(field, handle) }
}

fn one_handle(field: &'static str, handle: &str) -> Result<(), ConvertError> {
    let good = (1..=HANDLE_CHARS_MAX).contains(&handle.len())
        && handle.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    if good { Ok(()) } else { asked(field, "is no handle; give letters, digits, - and _, at most 64") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn goal(goal: &str, timeline_days: i32, target_segment: &str) -> Result<(), ConvertError> {
        let (goal, target_segment) = (goal.to_owned(), target_segment.to_owned());
        plan_strategic_goal(&v1::PlanStrategicGoal { as_of: None, goal, timeline_days, target_segment })
    }

    #[test]
    fn a_goal_is_words_with_a_time() {
        assert_eq!(goal("Reduce churn 20 %\nby spring", 90, "at_risk"), Ok(()));
        assert_eq!(goal("Mehr Käufe", 7, ""), Ok(()));
        for (text, days, segment, field) in [
            (" ", 90, "", "goal"),
            ("a\u{202e}b", 90, "", "goal"),
            ("a\u{0}b", 90, "", "goal"),
            (&"x".repeat(1001), 90, "", "goal"),
            ("x", 6, "", "timeline_days"),
            ("x", 366, "", "timeline_days"),
            ("x", 90, "at risk", "target_segment"),
        ] {
            let error = goal(text, days, segment).unwrap_err().to_string();
            assert!(error.starts_with(&format!("field {field} ")), "{text:?} {days} {segment}: {error}");
        }
    }

    #[test]
    fn a_filter_narrows() {
        let check = |filter: Option<v1::SegmentFilter>| {
            analyze_segment(&v1::AnalyzeSegment { as_of: None, filter, question: String::new() })
        };
        assert!(check(None).is_err());
        assert!(check(Some(v1::SegmentFilter::default())).is_err());
        let gold = v1::SegmentFilter { tiers: vec!["gold".to_owned()], ..v1::SegmentFilter::default() };
        assert_eq!(check(Some(gold.clone())), Ok(()));
        for wrong in [
            v1::SegmentFilter { risk_min: 101, ..gold.clone() },
            v1::SegmentFilter { inactive_days_min: -1, ..gold.clone() },
            v1::SegmentFilter { balance_min_minor: -1, ..gold.clone() },
            v1::SegmentFilter { segments: vec!["'; drop".to_owned()], ..gold.clone() },
            v1::SegmentFilter { segments: vec!["x".to_owned(); 21], ..gold },
        ] {
            assert!(check(Some(wrong.clone())).is_err(), "{wrong:?}");
        }
    }
}
