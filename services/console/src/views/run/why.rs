//! Why a run does not go on, in words.

use tradeup_proto::JobKind;
use tradeup_store::Pool;
use tradeup_store::runs::RunView;

use super::Counts;
use crate::failure::Failure;
use crate::views::overview::{is_served, processes};
use crate::views::when::When;

/// Why a run does not go on. `unserved` names the service whose work it is, if no process of it runs.
pub(super) fn waits(run: &RunView, counts: Option<&Counts>, unserved: Option<&str>) -> Option<String> {
    if run.finished_at.is_some() {
        return None;
    }
    if let Some(because) = &run.held_because {
        return Some(format!("It is held back: {because}."));
    }
    let at = run.next_attempt_at.map_or(String::new(), |at| format!(", at {}", When(at)));
    Some(match (run.state.as_str(), unserved) {
        ("scheduled", _) => format!("Its time has not come: it is due at {}.", When(run.scheduled_for)),
        ("queued" | "retrying", Some(service)) => {
            format!("No process of {service} runs, and nobody else would take it.")
        }
        ("retrying", None) => format!("An attempt failed; the next one waits for its time{at}."),
        ("queued", None) => "It is in the stream, and no worker has taken it yet.".to_owned(),
        ("waiting", _) => match counts {
            Some(counts) => format!(
                "Its batches are under way: {} of {} have ended.",
                counts.batches_done + counts.batches_dead,
                counts.batches
            ),
            None => "It waits for the runs below it.".to_owned(),
        },
        _ => "A worker is at it.".to_owned(),
    })
}

/// The service whose work a run is that waits for a worker, if no process of it runs.
pub(super) async fn unserved(
    pool: &Pool,
    run: &RunView,
    kind: Option<JobKind>,
) -> Result<Option<&'static str>, Failure> {
    let Some(kind) = kind.filter(|_| matches!(run.state.as_str(), "queued" | "retrying")) else {
        return Ok(None);
    };
    let alive = is_served(&processes(pool).await?, kind.service);
    Ok((!alive).then_some(kind.service))
}
