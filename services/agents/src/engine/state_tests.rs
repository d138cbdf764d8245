#![allow(clippy::unwrap_used, clippy::panic, clippy::allow_attributes, reason = "tests fail loudly")]

use std::cell::{Cell, RefCell};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::world::{Says, World};
use super::*;

fn look(changing: bool) -> Says {
    Says::calls(&[("look", json!({ "changing": changing }))])
}

fn findings() -> Says {
    let finding = json!({ "statement": "There are {{F1}} members.", "weight": "high" });
    Says::calls(&[("submit_findings", json!({ "findings": [finding], "data_gaps": [] }))])
}

fn plan(summary: &str) -> Value {
    let phase = json!({ "title": "Begin", "weeks": 1, "goal": "Begin well.", "actions": ["Look."] });
    json!({
        "executive_summary": [summary], "current_state": ["There are {{F1}} members."], "calculations": [],
        "phases": [phase, phase, phase], "campaigns": [], "kpis": [], "risks": [], "assumptions": [],
        "data_gaps": ["Campaigns were not asked for."],
    })
}

fn good_plan() -> Says {
    Says::calls(&[("submit_plan", plan("All is well."))])
}

fn bad_plan() -> Says {
    Says::calls(&[("submit_plan", plan("There are 37 members."))])
}

/// A model that says these in order, and the last ever after.
fn in_order(says: Vec<Says>) -> impl FnMut(&Agent, &str, i32) -> Says {
    move |_agent, _path, seq| says[says.len().min(usize::try_from(seq).unwrap()) - 1].clone()
}

fn failed(says: Vec<Says>) -> (Failure, usize) {
    let mut world = World::new(in_order(says));
    match world.run() {
        Ok(Ended::Failed(failure)) => (failure, world.paid),
        other => panic!("{other:?}"),
    }
}

fn submitted(ended: &Result<Ended, super::super::world::Halted>) -> bool {
    matches!(ended, Ok(Ended::Submitted { .. }))
}

#[test]
fn a_run_of_three_agents_ends_with_a_plan() {
    let delegates = json!({ "objective": "o" });
    let both = [("delegate_insights", delegates.clone()), ("delegate_engagement", delegates)];
    let mut world = World::new(move |agent, _path, seq| match (agent.role, seq) {
        (Role::Orchestrator, 1) => look(false),
        (Role::Orchestrator, 2) => Says::calls(&both),
        (Role::Orchestrator, _) => good_plan(),
        (_, 1) => look(false),
        _ => findings(),
    });
    assert!(submitted(&world.run()));
    assert_eq!(world.paid, 7);
    let delegated = world.journal.calls.iter().find(|call| call.name == "delegate_insights").unwrap();
    let told: Value = serde_json::from_str(delegated.content.as_ref().unwrap()).unwrap();
    assert_eq!(told["findings"][0]["statement"], "There are {{F1}} members.");
    assert_eq!(told["facts"]["F1"]["value"], "120");
}

#[test]
fn a_refused_plan_is_repaired_twice_and_then_taken_as_it_is() {
    let mut world = World::new(in_order(vec![look(false), bad_plan(), good_plan()]));
    assert!(submitted(&world.run()));
    assert_eq!(world.paid, 3);
    let mut world = World::new(in_order(vec![look(false), bad_plan()]));
    assert!(submitted(&world.run()));
    assert_eq!(world.paid, 4, "the first and two repairs");
    let unreadable = Says::calls(&[("submit_plan", json!({ "plan": "none" }))]);
    assert_eq!(failed(vec![unreadable]), (Failure::Unreadable, 3));
}

#[test]
fn who_says_something_is_reminded_and_then_told_to_conclude() {
    assert_eq!(failed(vec![Says::text("Hello.")]), (Failure::TurnsExhausted, 3));
    let mut world = World::new(in_order(vec![look(false), Says::text(" "), good_plan()]));
    assert!(submitted(&world.run()), "an empty answer leaves no message");
    assert_eq!(world.journal.notes[0].content, prompt::REMINDER);
}

#[test]
fn after_its_turns_an_agent_may_only_hand_in() {
    assert_eq!(failed(vec![look(true)]), (Failure::TurnsExhausted, 14));
    let mut says = vec![look(true); 13];
    says.push(good_plan());
    let mut world = World::new(in_order(says));
    assert!(submitted(&world.run()));
    let closed = world.journal.calls.iter().find(|call| call.seq == 13).unwrap();
    assert!(closed.is_error && closed.content.as_ref().unwrap().contains("submit_plan"));
}

#[test]
fn the_same_question_is_answered_twice_refused_once_and_then_ends_it() {
    assert_eq!(failed(vec![look(false)]), (Failure::InCircles, 4));
    let mut world = World::new(in_order(vec![look(false), look(false), look(false), good_plan()]));
    assert!(submitted(&world.run()));
    let third = world.journal.calls.iter().find(|call| call.seq == 3).unwrap();
    assert!(third.is_error && third.content.as_ref().unwrap().contains("facts F2 to F2"));
    let ten = vec![("look", json!({})); 10];
    let mut world = World::new(in_order(vec![Says::calls(&ten), good_plan()]));
    assert!(submitted(&world.run()), "of one turn, the agent has not read yet that it repeats itself");
    assert_eq!(world.calls_made.len(), 2);
}

#[test]
fn calls_are_bounded_and_unknown_ones_are_refused() {
    let many: Vec<_> = (0..10).map(|n| ("look", json!({ "n": n }))).collect();
    let mut world = World::new(in_order(vec![Says::calls(&many), good_plan()]));
    assert!(submitted(&world.run()));
    assert_eq!(world.calls_made.len(), 8);
    let more = |turn: i32| {
        let calls: Vec<_> = (0..8).map(|n| ("look", json!({ "n": n, "turn": turn }))).collect();
        Says::calls(&calls)
    };
    let mut world = World::new(in_order((0..20).map(more).collect()));
    assert_eq!(world.run(), Ok(Ended::Failed(Failure::CallsExhausted)));
    assert_eq!(world.calls_made.len(), 40);
    let mut world = World::new(in_order(vec![Says::calls(&[("drop_tables", json!({}))]), good_plan()]));
    assert!(submitted(&world.run()));
    assert!(world.journal.calls[0].content.as_ref().unwrap().contains("look, delegate_insights"));
    let delegate = |n: i32| ("delegate_insights", json!({ "n": n }));
    let five: Vec<_> = (0..5).map(delegate).collect();
    let mut world = World::new(move |agent, _path, _seq| match agent.role {
        Role::Orchestrator if agent.brief.is_empty() && _seq == 1 => Says::calls(&five),
        Role::Orchestrator => good_plan(),
        _ => Says::calls(&[("submit_findings", json!({ "findings": [], "data_gaps": ["Nothing."] }))]),
    });
    assert!(submitted(&world.run()));
    assert!(world.journal.turns.iter().any(|turn| turn.agent == "insights-4"));
    assert!(!world.journal.turns.iter().any(|turn| turn.agent == "insights-5"));
}

#[test]
fn an_answer_that_was_cut_is_asked_for_once_more_with_more_room() {
    let cut = || Says { stop_reason: "max_tokens", ..look(false) };
    assert_eq!(failed(vec![cut()]), (Failure::Truncated, 2));
    let mut world = World::new(in_order(vec![cut(), look(false), good_plan()]));
    assert!(submitted(&world.run()));
    assert_eq!(world.calls_made.len(), 1, "no call of it is made");
    let room = |seq| {
        let body = &world.bodies[&("orchestrator".to_owned(), seq)];
        serde_json::from_str::<Value>(body).unwrap()["max_tokens"].as_u64().unwrap()
    };
    assert_eq!((room(1), room(2), room(3)), (100, 200, 100));
}

#[test]
fn other_ends_are_ends() {
    let stops = |stop_reason| failed(vec![Says { stop_reason, ..Says::text("I") }]).0;
    assert_eq!(stops("refusal"), Failure::Refused);
    assert_eq!(stops("model_context_window_exceeded"), Failure::WindowExceeded);
    assert_eq!(stops("compaction"), Failure::UnknownStop("compaction".to_owned()));
    assert_eq!(stops("stop_sequence"), Failure::UnknownStop("stop_sequence".to_owned()));
    assert_eq!(failed(vec![Says { stop_reason: "pause_turn", ..Says::text("I") }]).1, 4);
}

#[test]
fn a_model_that_is_gone_is_replaced_by_one_that_knows_what_was_found() {
    let gone = Cell::new(false);
    let mut world = World::new(|_agent, path, seq| match (path, seq) {
        ("orchestrator", 1) => {
            gone.set(true);
            look(false)
        }
        _ => good_plan(),
    });
    // After the first answer.
    while !gone.get() {
        match world.next(&Agent::orchestrator()) {
            Next::Ask(ask) => world.ask_for_test(&ask),
            other => panic!("{other:?}"),
        }
    }
    world.gone.insert("first".to_owned());
    assert!(submitted(&world.run()));
    let body = &world.bodies[&("orchestrator.2".to_owned(), 1)];
    assert!(body.contains("\"second\"") && body.contains("RESULT look") && body.contains("F1"), "{body}");
    world.gone.insert("second".to_owned());
    assert!(submitted(&world.run()), "what was handed in stays");
    let mut world = World::new(in_order(vec![look(false)]));
    world.gone.extend(["first".to_owned(), "second".to_owned()]);
    assert_eq!(world.run(), Ok(Ended::Failed(Failure::ModelsGone)));
    assert_eq!(world.paid, 0);
}

/// What a model may say, by a number.
fn anything(agent: &Agent, choice: u8, seq: i32) -> Says {
    let submit = agent.role.submits_by();
    let n = json!({ "n": choice, "seq": seq });
    match choice % 24 {
        0 => Says::text("Hm."),
        1 => Says { content: Vec::new(), stop_reason: "end_turn" },
        2 => Says::text("  "),
        3 => Says { stop_reason: "max_tokens", ..look(false) },
        4 => Says { stop_reason: "pause_turn", ..Says::text("And") },
        5 => Says::calls(&[("nothing", n)]),
        6 | 7 => Says::calls(&[("delegate_insights", n.clone()), ("look", n)]),
        8 => Says::calls(&[("delegate_insights", n.clone()), ("delegate_engagement", n)]),
        9 => look(true),
        10 => look(false),
        11 => Says::calls(&[(submit, json!({ "x": 1 })), ("look", n)]),
        12 if agent.role == Role::Orchestrator => bad_plan(),
        13 | 14 if agent.role == Role::Orchestrator => good_plan(),
        12..=14 => findings(),
        15 => {
            let mut says = look(true);
            says.content.insert(0, json!({ "type": "text", "text": "" }));
            says.content.insert(0, json!({ "type": "thinking", "thinking": "", "signature": "s" }));
            says
        }
        16 => Says::calls(&vec![("look", n); 10]),
        _ => Says::calls(&[("look", n.clone()), ("look", json!({})), ("look", n)]),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever models say and whenever the process dies: conversations are valid, no answered turn is asked again, the
    /// request of a turn is always the same, each call has one result, and the end is the end that an undisturbed run has.
    #[test]
    fn a_disturbed_run_ends_as_a_quiet_one(
        choices in prop::collection::vec(any::<u8>(), 1..40),
        deaths in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        let says = |agent: &Agent, path: &str, seq: i32| {
            let at = path.bytes().fold(usize::try_from(seq).unwrap() * 7, |sum, byte| sum + usize::from(byte));
            anything(agent, choices[at % choices.len()], seq)
        };
        let mut quiet = World::new(says);
        let end = quiet.run();
        let deaths = RefCell::new(deaths.iter());
        let mut disturbed = World::new(says);
        // A death in about eight.
        disturbed.dies = Box::new(|| deaths.borrow_mut().next().is_some_and(|death| death % 8 == 0));
        let disturbed_end = disturbed.run();
        let unknown = disturbed.journal.attempts.iter().filter(|attempt| attempt.state == "unknown").count();
        prop_assert_eq!(disturbed.paid, disturbed.journal.turns.len() + unknown, "paid is what is answered or unknown");
        if disturbed_end == Err(super::super::world::Halted::Lost) {
            return Ok(());
        }
        prop_assert_eq!(&disturbed_end, &end);
        let calls = |world: &World<'_>| -> Vec<_> {
            world.journal.calls.iter().map(|call| (call.tool_use_id.clone(), call.name.clone(), call.state.clone(), call.is_error)).collect()
        };
        prop_assert_eq!(calls(&disturbed), calls(&quiet));
        // Once more, nothing is asked and nothing is done.
        let paid = disturbed.paid;
        prop_assert_eq!(disturbed.run(), end);
        prop_assert_eq!(disturbed.paid, paid);
    }
}
