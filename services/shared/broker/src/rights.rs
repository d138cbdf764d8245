//! What each user of NATS may, made from the declared streams and consumers: deploy/nats/users.conf is this, and the test
//! below holds it so. `RIGHTS=write cargo test -p tradeup-broker rights` writes it anew.

use std::fmt::Write as _;
use std::path::PathBuf;

use crate::topology::{CONTROL, EVENTS, JOBS, LIVE, NamedConsumer, STREAMS, named_consumers};

const HEAD: &str = r#"# Users of NATS and what each may. Made from what is declared (services/shared/broker/src/rights.rs); a test holds it so.
#
# Who may publish what; who pulls from which consumer and answers for its messages; who makes streams and consumers (all of them
# LIVE, which a server that was started again has lost). Nobody changes or deletes a stream: whoever has to, does it by a user of
# their own. Replies come to an inbox that only its user may listen to.

# SCHEDULER_PASSWORD and so on, one line each.
include "../../run/secrets/nats_passwords.conf"

"#;

/// What those publish who tell of what goes on.
const LIVE_SUBJECTS: &str = "live.>";

/// A user, and what it may besides asking.
struct User {
    name: &'static str,
    says: &'static str,
    /// Subjects of ours that it may publish.
    publishes: &'static [&'static str],
    /// Whether it may look at messages in streams.
    looks: bool,
    /// Whether it may make what is missing.
    makes: bool,
}

const USERS: [User; 6] = [
    User {
        name: "scheduler",
        says: "plans and sweeps: publishes whatever was not, remembers how far the database is, and makes again what NATS has lost",
        publishes: &["jobs.>", "dead.>", "events.>", LIVE_SUBJECTS, "control.>"],
        looks: true,
        makes: true,
    },
    User {
        name: "credits",
        says: "moves money",
        publishes: &["jobs.>", "dead.credits.>", LIVE_SUBJECTS],
        looks: false,
        makes: false,
    },
    User {
        name: "webhooks",
        says: "keeps what shops and systems tell, and takes it in",
        publishes: &["jobs.>", "dead.>", "events.>", LIVE_SUBJECTS],
        looks: false,
        makes: false,
    },
    User {
        name: "agents",
        says: "asks models: hears nothing of events, and begins no work of others",
        publishes: &["jobs.agents.>", "jobs.scheduler.>", "dead.agents.>", LIVE_SUBJECTS],
        looks: false,
        makes: false,
    },
    User {
        name: "console",
        says: "begins what people ask for, and looks at what waits",
        publishes: &["jobs.>", "dead.>", LIVE_SUBJECTS],
        looks: true,
        makes: false,
    },
    User {
        name: "cli",
        says: "the operators' command: as console, and decides after a restore",
        publishes: &["jobs.>", "dead.>", "control.>", LIVE_SUBJECTS],
        looks: true,
        makes: false,
    },
];

/// Consumers of JOBS that services of the release before pull from and those of this one do not: while a release is rolled out or
/// gone back to, the old ones work on.
const BEFORE: [(&str, &str); 2] = [
    ("scheduler", "scheduler-monthly-credits-tenant"),
    ("scheduler", "scheduler-monthly-credits-tenant-urgent"),
];

fn may_publish(user: &User) -> Vec<String> {
    let mut subjects: Vec<String> = user.publishes.iter().map(|subject| (*subject).to_owned()).collect();
    subjects.extend(asking());
    subjects.push(format!("$JS.API.STREAM.MSG.GET.{CONTROL}"));
    if user.looks {
        for stream in [JOBS, EVENTS] {
            subjects.push(format!("$JS.API.DIRECT.GET.{stream}"));
        }
    }
    if user.makes {
        subjects.extend(making());
    } else if user.publishes.contains(&LIVE_SUBJECTS) {
        // It is held in memory, so a server that was started again has lost it, and whoever starts next needs it.
        subjects.push(format!("$JS.API.STREAM.CREATE.{LIVE}"));
    }
    let own = named_consumers().into_iter().filter(|consumer| consumer.service == user.name);
    let own = own.map(|NamedConsumer { stream, name, .. }| (stream, name));
    let before = BEFORE.into_iter().filter(|(service, _)| *service == user.name);
    for (stream, name) in own.chain(before.map(|(_, name)| (JOBS, name.to_owned()))) {
        subjects.push(format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.{name}"));
        subjects.push(format!("$JS.ACK.{stream}.{name}.>"));
        // As newer servers write it, with a domain and an account.
        subjects.push(format!("$JS.ACK.*.*.{stream}.{name}.>"));
    }
    subjects
}

/// Whether something is there, and how much.
fn asking() -> [String; 3] {
    ["$JS.API.INFO".to_owned(), "$JS.API.STREAM.INFO.*".to_owned(), "$JS.API.CONSUMER.INFO.*.*".to_owned()]
}

/// What is declared is made; changed or deleted it is by nobody here.
fn making() -> Vec<String> {
    let streams = STREAMS.into_iter().chain([LIVE]).map(|stream| format!("$JS.API.STREAM.CREATE.{stream}"));
    streams.chain([JOBS, EVENTS].map(|stream| format!("$JS.API.CONSUMER.CREATE.{stream}.>"))).collect()
}

fn user(out: &mut String, name: &str, says: &str, publish: &[String]) {
    let quoted = |subjects: &[String]| {
        subjects.iter().map(|subject| format!("        \"{subject}\"\n")).collect::<String>()
    };
    let password = format!("{}_PASSWORD", name.to_uppercase());
    // Writing to a String can't fail.
    let _infallible = write!(
        out,
        "  # {says}\n  {{\n    user: {name}\n    password: ${password}\n    permissions: {{\n      publish: {{ allow: [\n{}      ] }}\n      \
         subscribe: {{ allow: [\"_INBOX_{name}.>\"] }}\n    }}\n  }}\n",
        quoted(publish)
    );
}

fn conf() -> String {
    let mut out = HEAD.to_owned();
    out.push_str("users: [\n");
    for one in &USERS {
        user(&mut out, one.name, one.says, &may_publish(one));
    }
    let mut makes = asking().to_vec();
    makes.extend(making());
    user(&mut out, "setup", "makes streams and consumers; reads and writes no message", &makes);
    user(
        &mut out,
        "publisher",
        "systems outside that publish events: docs/publishing.md",
        &["events.>".to_owned()],
    );
    out.push_str("]\n");
    out
}

#[test]
fn users_are_as_they_are_declared() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../deploy/nats/users.conf");
    if std::env::var("RIGHTS").as_deref() == Ok("write") {
        std::fs::write(&path, conf()).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap();
    assert_eq!(found, conf(), "RIGHTS=write cargo test -p tradeup-broker rights");
}
