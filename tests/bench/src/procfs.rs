//! What the kernel says of a process: CPU time and memory.

use std::fs;

use anyhow::Context as _;

/// Clock ticks a second: the value that Linux shows to user space everywhere.
const TICKS: f64 = 100.0;

/// CPU seconds of a process and its children, PostgreSQL's sessions among them: those that are alive
/// and those that have ended. User and system together.
pub(crate) fn cpu_seconds_of_tree(id: u32) -> f64 {
    let own: f64 = cpu_ticks(id).unwrap_or_default().iter().sum();
    let alive = children(id).into_iter().filter_map(cpu_ticks).map(|[user, system, ..]| user + system);
    (own + alive.sum::<f64>()) / TICKS
}

/// utime, stime, cutime, cstime: proc_pid_stat(5), fields 14 to 17.
fn cpu_ticks(id: u32) -> Option<[f64; 4]> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks: Vec<f64> = fields.split_whitespace().skip(11).take(4).filter_map(|t| t.parse().ok()).collect();
    ticks.try_into().ok()
}

/// Found by their parent's id; the kernel's list of children leaves some out while they come and go.
fn children(id: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter(|child| parent(*child) == Some(id)).collect()
}

fn parent(id: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(1)?.parse().ok()
}

/// Peak resident memory of a process, in MiB.
pub(crate) fn peak_mib(id: u32) -> anyhow::Result<f64> {
    status_mib(id, "VmHWM:")
}

/// Resident memory of a process at this moment, in MiB.
pub(crate) fn now_mib(id: u32) -> anyhow::Result<f64> {
    status_mib(id, "VmRSS:")
}

fn status_mib(id: u32, field: &str) -> anyhow::Result<f64> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).context("reading /proc")?;
    let line =
        status.lines().find(|line| line.starts_with(field)).context("no such field in /proc status")?;
    let kib: f64 = line.split_whitespace().nth(1).context("reading a size")?.parse()?;
    Ok(kib / 1024.0)
}

/// Processor seconds that the whole machine has used since it was started.
pub(crate) fn machine_busy_seconds() -> anyhow::Result<f64> {
    let stat = fs::read_to_string("/proc/stat").context("reading /proc")?;
    let line = stat.lines().next().context("no line in /proc/stat")?;
    // user nice system idle iowait irq softirq steal: proc_stat(5).
    let ticks: Vec<f64> = line.split_whitespace().skip(1).take(8).filter_map(|t| t.parse().ok()).collect();
    let [user, nice, system, _idle, _iowait, irq, softirq, steal] =
        <[f64; 8]>::try_from(ticks).ok().context("reading /proc/stat")?;
    Ok((user + nice + system + irq + softirq + steal) / TICKS)
}
