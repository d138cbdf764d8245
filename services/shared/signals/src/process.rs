//! What the kernel says of this process, under the names that all client libraries use.

use std::fs;
use std::sync::Mutex;
use std::sync::PoisonError;

use crate::metric::float;
use crate::{Counters, Describe, Gauges};

/// Parts of a second in which the kernel tells times. It is this on every machine that we build for.
const TICKS_PER_SECOND: f64 = 100.0;

static CPU: Counters<0> =
    Counters::new("process_cpu_seconds_total", "Time that this process has used of processors", []);
static RESIDENT: Gauges<0> =
    Gauges::new("process_resident_memory_bytes", "Memory of this process that is in use", []);
static VIRTUAL: Gauges<0> = Gauges::new("process_virtual_memory_bytes", "Addresses of this process", []);
static OPEN_FDS: Gauges<0> = Gauges::new("process_open_fds", "Files and connections that are open", []);
static MAX_FDS: Gauges<0> =
    Gauges::new("process_max_fds", "Files and connections that may be open at once", []);
static STARTED: Gauges<0> =
    Gauges::new("process_start_time_seconds", "When this process was started, as seconds since 1970", []);
static BUILD: Gauges<2> =
    Gauges::new("tradeup_build_info", "1; which service this is and of which build", ["service", "version"]);

/// All of them.
pub(crate) static ALL: &[&dyn Describe] = &[&CPU, &RESIDENT, &VIRTUAL, &OPEN_FDS, &MAX_FDS, &STARTED, &BUILD];

/// Says which service this process is, once, at its start.
pub fn is(service: &'static str, version: &'static str) {
    BUILD.set(1.0, [service, version]);
}

/// Reads what is told of the process now. What can't be read is left out.
pub(crate) fn look() {
    if let Some(stat) = Stat::read() {
        // A counter is told what has come to it since the last look.
        static COUNTED: Mutex<f64> = Mutex::new(0.0);
        let mut counted = COUNTED.lock().unwrap_or_else(PoisonError::into_inner);
        CPU.add_of(stat.cpu_seconds - *counted, []);
        *counted = stat.cpu_seconds.max(*counted);
        VIRTUAL.set(stat.virtual_bytes, []);
        if let Some(booted) = booted() {
            STARTED.set(booted + stat.started_after, []);
        }
    }
    if let Some(kib) = number_after("/proc/self/status", "VmRSS:") {
        RESIDENT.set(float(kib) * 1024.0, []);
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        OPEN_FDS.count(u64::try_from(open.count()).unwrap_or(u64::MAX), []);
    }
    if let Some(most) = number_after("/proc/self/limits", "Max open files") {
        MAX_FDS.count(most, []);
    }
}

/// The first number after a word at the beginning of a line.
fn number_after(file: &str, word: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(word))?;
    line.split_whitespace().next()?.parse().ok()
}

/// When the machine was started, in seconds since 1970.
fn booted() -> Option<f64> {
    number_after("/proc/stat", "btime").map(float)
}

struct Stat {
    cpu_seconds: f64,
    virtual_bytes: f64,
    /// Seconds after the start of the machine.
    started_after: f64,
}

impl Stat {
    fn read() -> Option<Self> {
        Self::of(&fs::read_to_string("/proc/self/stat").ok()?)
    }

    /// Fields are counted from 1 in proc(5); the second one, the name, may hold anything but ends with the last bracket.
    fn of(text: &str) -> Option<Self> {
        let (_, rest) = text.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let field = |number: usize| Some(float(fields.get(number.checked_sub(3)?)?.parse().ok()?));
        Some(Self {
            cpu_seconds: (field(14)? + field(15)?) / TICKS_PER_SECOND,
            virtual_bytes: field(23)?,
            started_after: field(22)? / TICKS_PER_SECOND,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::float_cmp, clippy::allow_attributes, reason = "tests fail loudly")]

    use super::*;

    #[test]
    fn the_kernel_s_line_is_read_whatever_the_process_is_called() {
        let line = "7 (a) b) S 1 7 7 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 9 0 12300 4096000 99 18446744073709551615 1";
        let stat = Stat::of(line).unwrap();
        assert_eq!((stat.cpu_seconds, stat.started_after, stat.virtual_bytes), (3.0, 123.0, 4_096_000.0));
        assert!(Stat::of("7 (a) S").is_none());
    }

    #[test]
    fn this_process_is_found() {
        let stat = Stat::read().unwrap();
        assert!(stat.virtual_bytes > 0.0 && booted().unwrap() > 1.0e9);
        assert!(number_after("/proc/self/status", "VmRSS:").unwrap() > 0);
    }
}
