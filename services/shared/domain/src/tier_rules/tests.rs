use proptest::prelude::*;

use super::*;

const TERMS: Terms = Terms { reviews_imports: false, undoes: false };
const REVIEWS: Terms = Terms { reviews_imports: true, undoes: false };

/// Gold from 1000.00, silver from 500.00, bronze from nothing.
fn rules() -> Vec<Threshold> {
    [(11, 1, 100_000), (12, 2, 50_000), (13, 3, 0)]
        .map(|(tier_id, rank, threshold_minor)| Threshold { tier_id, rank, threshold_minor })
        .to_vec()
}

fn place(rank: i32, source: Source) -> Place {
    Place { tier_id: rank + 10, rank, source }
}

fn held(rank: i32, source: Source) -> Held {
    Held { place: place(rank, source), active: true, pinned: false, under: None }
}

#[test]
fn a_threshold_is_reached_at_its_amount() {
    for (spend, rank) in
        [(0, 3), (49_999, 3), (50_000, 2), (50_001, 2), (99_999, 2), (100_000, 1), (i64::MAX, 1)]
    {
        assert_eq!(reached(&rules(), spend).unwrap().rank, rank, "{spend}");
    }
    assert_eq!(reached(&rules()[..2], 49_999), None, "nobody is in a tier for nothing unless a rule says so");
    assert_eq!(reached(&[], i64::MAX), None);
    assert_eq!(next_above(&rules(), Some(3)).unwrap().rank, 2);
    assert_eq!(next_above(&rules(), None).unwrap().rank, 3);
    assert_eq!(next_above(&rules(), Some(1)), None);
}

#[test]
fn a_higher_tier_asks_for_more() {
    assert_eq!(check_order(&rules()), Ok(()));
    let mut wrong = rules();
    wrong[0].threshold_minor = 50_000;
    assert_eq!(check_order(&wrong), Err(Disorder { higher: 11, lower: 12 }));
}

#[test]
fn what_is_pinned_paused_or_higher_is_not_raised() {
    let silver = held(2, Source::Import);
    assert_eq!(raised(Some(&silver), &rules(), 100_000).unwrap().rank, 1);
    assert_eq!(raised(Some(&silver), &rules(), 99_999), None);
    assert_eq!(raised(None, &rules(), 0).unwrap().rank, 3);
    assert_eq!(raised(Some(&Held { active: false, ..silver }), &rules(), 100_000), None);
    let by_hand = held(2, Source::Manual);
    assert_eq!(raised(Some(&by_hand), &rules(), 100_000).unwrap().rank, 1);
    assert_eq!(raised(Some(&Held { pinned: true, ..by_hand }), &rules(), 100_000), None);
    assert_eq!(under_raised(Some(&by_hand), TERMS), Some(by_hand.place));
    assert_eq!(under_raised(Some(&silver), TERMS), Some(silver.place));
    assert_eq!(under_raised(Some(&silver), REVIEWS), None);
}

#[test]
fn only_what_rules_decided_is_lowered_and_never_below_what_others_decided() {
    let gold = held(1, Source::Spend);
    let to = |held: &Held, spend, terms, floor: Option<Place>| {
        lowered(held, &rules(), spend, terms, floor.as_slice())
    };
    assert_eq!(to(&gold, 100_000, TERMS, None), None);
    assert_eq!(to(&gold, 99_999, TERMS, None).unwrap().to, Some(place(2, Source::Spend)));
    assert_eq!(to(&gold, 0, TERMS, None).unwrap().to, Some(place(3, Source::Spend)));
    // Nothing reaches a tier: none is left.
    assert_eq!(lowered(&gold, &rules()[..2], 0, TERMS, &[]).unwrap().to, None);
    // Who was told silver does not fall to bronze.
    assert_eq!(to(&gold, 0, TERMS, Some(place(2, Source::Spend))).unwrap().to, Some(place(2, Source::Spend)));

    let imported = Held { under: Some(place(2, Source::Import)), ..gold };
    assert_eq!(
        to(&imported, 0, TERMS, None).unwrap(),
        Lowered { to: Some(place(2, Source::Import)), under: None }
    );
    assert_eq!(to(&imported, 0, REVIEWS, None).unwrap().to, Some(place(3, Source::Spend)));
    let silver_too = to(&imported, 50_000, TERMS, None).unwrap();
    assert_eq!(silver_too, Lowered { to: Some(place(2, Source::Spend)), under: imported.under });

    for left_alone in [
        held(1, Source::Import),
        held(1, Source::Manual),
        Held { active: false, ..gold },
        Held { pinned: true, ..held(1, Source::Manual) },
        Held { under: Some(place(1, Source::Manual)), ..gold },
    ] {
        assert_eq!(to(&left_alone, 0, TERMS, None), None, "{left_alone:?}");
    }
    assert!(to(&held(1, Source::Import), 0, REVIEWS, None).is_some());
    // A tier that no rule speaks of is none that a rule takes away.
    assert_eq!(lowered(&gold, &rules()[1..], 0, TERMS, &[]), None);
}

#[test]
fn sources_have_one_name() {
    for source in [Source::Import, Source::Manual, Source::Spend] {
        assert_eq!(source.as_str().parse(), Ok(source));
    }
    assert_eq!("bought".parse::<Source>(), Err(UnknownSource));
}

fn any_rules() -> impl Strategy<Value = Vec<Threshold>> {
    prop::collection::btree_set(0..1_000_000_i64, 0..6).prop_map(|amounts| {
        let ranked = amounts.into_iter().rev().enumerate();
        ranked
            .map(|(n, threshold_minor)| {
                let rank = i32::try_from(n).unwrap() + 1;
                Threshold { tier_id: rank + 10, rank, threshold_minor }
            })
            .collect()
    })
}

proptest! {
    /// More spend never reaches a lower tier, and what is reached is what was asked for.
    #[test]
    fn more_spend_never_lowers(rules in any_rules(), spend in 0..1_100_000_i64, more in 0..1_100_000_i64) {
        prop_assert_eq!(check_order(&rules), Ok(()));
        let (before, after) = (reached(&rules, spend), reached(&rules, spend + more));
        if let Some(before) = before {
            prop_assert!(before.threshold_minor <= spend);
            prop_assert!(after.is_some_and(|after| after.rank <= before.rank));
        }
    }

    /// Nobody is raised and lowered by the same spend, and each move goes where it says.
    #[test]
    fn raising_and_lowering_exclude_one_another(
        rules in any_rules(), rank in 1..7, spend in 0..1_100_000_i64,
        source in prop::sample::select(vec![Source::Import, Source::Manual, Source::Spend]),
        under in prop::option::of(1..7), reviews_imports in any::<bool>(),
    ) {
        let under = under.map(|rank| place(rank, Source::Import)).filter(|_| source == Source::Spend);
        let held = Held { under, ..held(rank, source) };
        let terms = Terms { reviews_imports, undoes: false };
        let up = raised(Some(&held), &rules, spend);
        let down = lowered(&held, &rules, spend, terms, &[]);
        prop_assert!(up.is_none() || down.is_none());
        prop_assert!(up.is_none_or(|up| up.rank < rank));
        if let Some(down) = down {
            prop_assert!(down.to.is_none_or(|to| to.rank > rank));
            prop_assert!(source != Source::Manual);
            prop_assert!(source == Source::Spend || reviews_imports);
            let asked = rules.iter().find(|rule| rule.rank == rank).unwrap().threshold_minor;
            prop_assert!(spend < asked);
        }
    }

    /// What follows a raise at the same spend is rest.
    #[test]
    fn a_raised_member_stays(rules in any_rules(), rank in prop::option::of(1..7), spend in 0..1_100_000_i64) {
        let before = rank.map(|rank| held(rank, Source::Import));
        if let Some(up) = raised(before.as_ref(), &rules, spend) {
            let after = Held { under: under_raised(before.as_ref(), TERMS), ..held(up.rank, Source::Spend) };
            prop_assert_eq!(raised(Some(&after), &rules, spend), None);
            prop_assert_eq!(lowered(&after, &rules, spend, TERMS, &[]), None);
        }
    }
}
