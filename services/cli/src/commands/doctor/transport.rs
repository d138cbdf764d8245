//! NATS: is it there, are streams and consumers as declared, how full are they, does anybody pull?

use tradeup_worker::{Broker, ConsumerLook, Look, ServiceError, StreamLook};

use super::{Finding, State, unanswered};
use crate::Context;
use crate::output::count;

/// From this fill on somebody should know, in hundredths.
const FULL_WARNING: u64 = 50;
/// From this fill on somebody should act.
const FULL_PROBLEM: u64 = 90;
/// So much in flight of what may be, in hundredths, holds up what comes next.
const IN_FLIGHT_WARNING: u64 = 80;

/// Connects, or says why not.
pub(super) async fn connect(context: &Context) -> Result<Broker, Finding> {
    context.broker.connect("tradeup doctor").await.map_err(|error| {
        let fix = match &error {
            ServiceError::Unset(_) => "export TRADEUP_NATS_URL=...",
            _ => "start NATS (locally: deploy/local/servers up)",
        };
        Finding::new("nats", State::Problem, error.to_string()).fix(fix)
    })
}

/// Looks at streams and consumers.
pub(super) async fn look(context: &Context, broker: &Broker) -> Vec<Finding> {
    match context.broker.look(broker).await {
        Ok(look) => findings(&look),
        Err(error) => vec![unanswered("nats", &error)],
    }
}

fn findings(look: &Look) -> Vec<Finding> {
    let mut findings = vec![Finding::ok("nats", format!("nats-server {}", look.version)), storage(look)];
    findings.extend(look.streams.iter().map(stream));
    findings.extend(look.streams.iter().filter_map(|stream| copies(stream, look.servers)));
    let of_consumers: Vec<Finding> = look.consumers.iter().flat_map(consumer).collect();
    if of_consumers.is_empty() {
        let (pending, in_flight) =
            look.consumers.iter().fold((0, 0), |(p, f), c| (p + c.pending, f + c.ack_pending));
        let found = format!(
            "{} as declared; {} pending, {in_flight} in flight",
            count(u64::try_from(look.consumers.len()).unwrap_or(u64::MAX), "consumer", "consumers"),
            count(pending, "message", "messages")
        );
        findings.push(Finding::ok("consumers", found));
    }
    findings.extend(of_consumers);
    if look.undeliverable > 0 {
        let found = format!(
            "{} in JOBS that no consumer will ever deliver",
            count(look.undeliverable, "message", "messages")
        );
        findings.push(
            Finding::new("undeliverable", State::Problem, found)
                .fix("nats stream view JOBS; their runs are published again from the database"),
        );
    }
    findings
}

/// How full the disk of JetStream is, as far as a client is told.
fn storage(look: &Look) -> Finding {
    let Some(max) = look.storage_max.filter(|max| *max > 0) else {
        let found = format!("{} on disk; the account has no limit", bytes(look.storage));
        return Finding::ok("storage", found);
    };
    let percent = look.storage.saturating_mul(100) / max;
    let found = format!("{} of {} on disk ({percent} %)", bytes(look.storage), bytes(max));
    Finding::new("storage", State::by(&percent, &FULL_WARNING.max(70), &FULL_PROBLEM), found)
        .fix("tradeup dead list and tradeup runs --state queued say what is kept; or a larger max_file_store")
}

/// Whether a stream survives the loss of a server, where there are several.
fn copies(look: &StreamLook, servers: usize) -> Option<Finding> {
    let finding = |state, found: String| Some(Finding::new("copies", state, found).of(&look.name));
    if !look.exists || servers == 0 {
        return None;
    }
    if !look.behind.is_empty() {
        let found = format!("copies that are away or behind: {}", look.behind.join(", "));
        return Some(
            finding(State::Problem, found)?
                .fix("bring that server of NATS back: nats server report jetstream"),
        );
    }
    if look.copies < 2 {
        let found = format!("one copy on a cluster of {servers}: it stands still while its server is away");
        let fix =
            format!("TRADEUP_STREAM_REPLICAS=3 everywhere, and nats stream edit {} --replicas 3", look.name);
        return Some(finding(State::Warning, found)?.fix(fix));
    }
    finding(State::Ok, format!("{} copies, all there", look.copies))
}

fn stream(look: &StreamLook) -> Finding {
    let finding = |state, found: String| Finding::new("stream", state, found).of(&look.name);
    if !look.exists {
        return finding(State::Problem, "is missing".to_owned()).fix("tradeup setup");
    }
    let percent = look.bytes_max.filter(|max| *max > 0).map(|max| look.bytes.saturating_mul(100) / max);
    let mut found = format!("{}, {}", count(look.messages, "message", "messages"), bytes(look.bytes));
    if let (Some(percent), Some(max)) = (percent, look.bytes_max) {
        found.push_str(&format!(" of {} ({percent} %)", bytes(max)));
    }
    // One that forgets is full by design.
    let fill = percent.filter(|_| !look.forgets).unwrap_or(0);
    let state = State::by(&fill, &FULL_WARNING, &FULL_PROBLEM);
    if !look.differs.is_empty() {
        found.push_str(&format!("; not as declared: {}", look.differs.join("; ")));
        return finding(state.max(State::Warning), found).fix(format!("nats stream edit {}", look.name));
    }
    let way_out = match look.name.as_str() {
        "DEAD" => "tradeup dead list, then replay or discard",
        _ => "start more workers, see tradeup runs --state queued",
    };
    let fix = format!("{way_out}; or nats stream edit {} --max-bytes", look.name);
    finding(state, found).fix(fix)
}

fn consumer(look: &ConsumerLook) -> Vec<Finding> {
    let finding = |state, found: String| Finding::new("consumer", state, found).of(&look.name);
    if !look.exists {
        return vec![finding(State::Problem, "is missing".to_owned()).fix("tradeup setup")];
    }
    let mut findings = Vec::new();
    if !look.differs.is_empty() {
        let found = format!("not as declared: {}", look.differs.join("; "));
        let fix = format!("nats consumer edit JOBS {}", look.name);
        findings.push(finding(State::Warning, found).fix(fix));
    }
    if look.is_abandoned() {
        let found = format!("{} pending and nobody pulls", count(look.pending, "message", "messages"));
        findings.push(finding(State::Problem, found).fix(format!("start {}", look.service)));
    }
    let most = look.ack_pending_max.filter(|max| *max > 0);
    if let Some(max) = most.filter(|max| look.ack_pending.saturating_mul(100) >= max * IN_FLIGHT_WARNING) {
        let found =
            format!("{} of {max} in flight; when all are, nothing more is delivered", look.ack_pending);
        findings.push(finding(State::Warning, found).fix("tradeup runs --state running"));
    }
    findings
}

pub(super) fn bytes(n: u64) -> String {
    const KIB: u64 = 1024;
    match n {
        0..KIB => format!("{n} B"),
        KIB..0x10_0000 => format!("{} KiB", n / KIB),
        _ => format!("{} MiB", n / (KIB * KIB)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full(percent: u64, forgets: bool) -> State {
        stream(&StreamLook {
            name: "JOBS".to_owned(),
            exists: true,
            differs: Vec::new(),
            messages: 1,
            bytes: percent,
            bytes_max: Some(100),
            forgets,
            copies: 1,
            behind: Vec::new(),
        })
        .state
    }

    #[test]
    fn copies_are_judged_on_a_cluster_alone() {
        let state = |copies, servers, behind: &[&str]| {
            let look = StreamLook {
                name: "JOBS".to_owned(),
                exists: true,
                differs: Vec::new(),
                messages: 1,
                bytes: 1,
                bytes_max: None,
                forgets: false,
                copies,
                behind: behind.iter().map(|name| (*name).to_owned()).collect(),
            };
            super::copies(&look, servers).map(|finding| finding.state)
        };
        assert_eq!(state(1, 0, &[]), None);
        assert_eq!(state(1, 3, &[]), Some(State::Warning));
        assert_eq!(state(3, 3, &[]), Some(State::Ok));
        assert_eq!(state(3, 3, &["nats-2"]), Some(State::Problem));
    }

    #[test]
    fn fill_is_judged_unless_the_stream_forgets() {
        assert_eq!(
            [49, 50, 89, 90, 100].map(|percent| full(percent, false)),
            [State::Ok, State::Warning, State::Warning, State::Problem, State::Problem]
        );
        assert_eq!(full(100, true), State::Ok);
    }

    #[test]
    fn messages_that_wait_while_all_workers_are_busy_are_no_fault() {
        let look = |ack_pending, pulls_waiting| ConsumerLook {
            stream: "JOBS",
            name: "credits-x".to_owned(),
            service: "credits",
            exists: true,
            differs: Vec::new(),
            pending: 5,
            ack_pending,
            ack_pending_max: Some(1000),
            pulls_waiting,
        };
        let states = |look| consumer(&look).iter().map(|finding| finding.state).collect::<Vec<_>>();
        assert_eq!(states(look(0, 0)), [State::Problem]);
        assert_eq!(states(look(8, 0)), []);
        assert_eq!(states(look(0, 1)), []);
        assert_eq!(states(look(800, 0)), [State::Warning]);
    }
}
