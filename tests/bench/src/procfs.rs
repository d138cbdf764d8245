//! What the kernel says of a process: CPU time and memory.

use std::fs;

use anyhow::Context as _;

/// Clock ticks a second: the value that Linux shows to user space everywhere.
const TICKS: f64 = 100.0;

/// CPU seconds that a process has used, user and system together.
pub(crate) fn cpu_seconds(id: u32) -> anyhow::Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).context("reading /proc")?;
    let (_, fields) = stat.rsplit_once(')').context("reading /proc stat")?;
    let mut fields = fields.split_whitespace().skip(11);
    let mut next = || -> anyhow::Result<f64> { Ok(fields.next().context("reading /proc stat")?.parse()?) };
    Ok((next()? + next()?) / TICKS)
}

/// CPU seconds of a process and of all its children that are alive, PostgreSQL's sessions among them.
pub(crate) fn cpu_seconds_of_tree(id: u32) -> f64 {
    children(id).into_iter().filter_map(|child| cpu_seconds(child).ok()).sum::<f64>()
        + cpu_seconds(id).unwrap_or(0.0)
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
    let status = fs::read_to_string(format!("/proc/{id}/status")).context("reading /proc")?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).context("no VmHWM in /proc status")?;
    let kib: f64 = line.split_whitespace().nth(1).context("reading VmHWM")?.parse()?;
    Ok(kib / 1024.0)
}
