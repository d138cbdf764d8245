//! Overlap, contradicting policies, and the words of policies and decisions.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use tradeup_domain::schedule::{
    Decision, GapPolicy, MissedPolicy, OverlapPolicy, RepeatPolicy, ScheduleError, check_policies,
};

fn words<T>(all: &[T], expected: &[&str])
where
    T: Copy + Debug + Display + FromStr<Err = ScheduleError> + PartialEq,
{
    let written: Vec<String> = all.iter().map(ToString::to_string).collect();
    assert_eq!(written, expected);
    for (choice, word) in all.iter().zip(expected) {
        assert_eq!(word.parse::<T>().unwrap(), *choice);
    }
    let error = "Sometimes".parse::<T>().unwrap_err().to_string();
    assert!(error.contains("\"Sometimes\" is unknown; use "), "{error}");
}

#[test]
fn policies_and_decisions_have_words() {
    words(GapPolicy::ALL, &["skip", "after"]);
    words(RepeatPolicy::ALL, &["first", "both"]);
    words(OverlapPolicy::ALL, &["skip", "queue_one", "allow"]);
    words(Decision::ALL, &["fired", "late", "queued", "skipped", "missed", "paused", "skipped_overlap"]);
    let missed = [
        MissedPolicy::Skip,
        MissedPolicy::Latest,
        MissedPolicy::ALL,
        MissedPolicy::All { max: 1 },
        MissedPolicy::All { max: 12 },
    ];
    words(&missed, &["skip", "latest", "all", "all:1", "all:12"]);
    for bad in [
        "",
        "last",
        "all:",
        "all:0",
        "all:01",
        "all:-1",
        "all:+1",
        "all:10000",
        "all:99999999999",
        "ALL",
        "skip ",
    ] {
        let error = bad.parse::<MissedPolicy>().unwrap_err().to_string();
        assert!(error.contains("all:N with N from 1 to 9999"), "{bad:?}: {error}");
    }
}

#[test]
fn contradictions_are_refused() {
    use MissedPolicy::{All, Latest};
    use OverlapPolicy::{Allow, QueueOne, Skip};
    for (missed, overlap, good) in [
        (MissedPolicy::Skip, Skip, true),
        (Latest, Skip, true),
        (All { max: 1 }, Skip, true),
        (All { max: 2 }, Skip, false),
        (MissedPolicy::ALL, Skip, false),
        (All { max: 2 }, QueueOne, true),
        (All { max: 3 }, QueueOne, false),
        (MissedPolicy::ALL, QueueOne, false),
        (MissedPolicy::ALL, Allow, true),
    ] {
        assert_eq!(check_policies(missed, overlap).is_ok(), good, "{missed} {overlap}");
    }
    let said = check_policies(All { max: 5 }, Skip).unwrap_err().to_string();
    assert!(said.starts_with("overlap policy skip contradicts missed-fire policy all:5: "), "{said}");
    assert!(said.contains("use missed-fire policy latest"), "{said}");
}

#[test]
fn overlap_decides_only_about_fires_that_would_run() {
    use Decision::{Fired, Late, Queued, SkippedOverlap};
    use OverlapPolicy::{Allow, QueueOne, Skip};
    for (policy, unfinished, queued, expected) in [
        (Skip, false, false, Fired),
        (Skip, true, false, SkippedOverlap),
        (Skip, false, true, SkippedOverlap),
        (QueueOne, false, false, Fired),
        (QueueOne, true, false, Queued),
        (QueueOne, true, true, SkippedOverlap),
        (QueueOne, false, true, SkippedOverlap),
        (Allow, true, true, Fired),
    ] {
        assert_eq!(policy.decide(Fired, unfinished, queued), expected, "{policy} {unfinished} {queued}");
    }
    assert_eq!(Allow.decide(Late, true, false), Late);
    for policy in OverlapPolicy::ALL {
        for decision in [Decision::Skipped, Decision::Missed, Decision::Paused] {
            assert_eq!(policy.decide(decision, true, true), decision);
        }
    }
}
