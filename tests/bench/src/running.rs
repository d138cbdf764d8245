//! The processes that carry a month, and the processor seconds of each.

use std::ops::Sub;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use tradeup_harness::{Process, World};

use crate::procfs;

/// Scheduler, credits, and the servers of their world. The services end with it.
pub(crate) struct Running {
    pub(crate) scheduler: Process,
    pub(crate) credits: Process,
    postgres: u32,
    nats: u32,
}

impl Running {
    pub(crate) async fn start(world: &World) -> anyhow::Result<Self> {
        let status = world.servers.status();
        let id = |server: &str| -> anyhow::Result<u32> {
            let id = status[server]["pid"]
                .as_u64()
                .with_context(|| format!("no process id of {server}: {status}"))?;
            Ok(u32::try_from(id)?)
        };
        let (postgres, nats) = (id("postgres")?, id("nats")?);
        let (scheduler, credits) = world.start_both().await;
        Ok(Self { scheduler, credits, postgres, nats })
    }

    pub(crate) fn cpu(&self) -> Cpu {
        Cpu {
            postgres: procfs::cpu_seconds_of_tree(self.postgres),
            credits: procfs::cpu_seconds_of_tree(self.credits.id()),
            scheduler: procfs::cpu_seconds_of_tree(self.scheduler.id()),
            nats: procfs::cpu_seconds_of_tree(self.nats),
        }
    }
}

/// Processor seconds of each process.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cpu {
    pub(crate) postgres: f64,
    pub(crate) credits: f64,
    pub(crate) scheduler: f64,
    pub(crate) nats: f64,
}

impl Sub for Cpu {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            postgres: self.postgres - other.postgres,
            credits: self.credits - other.credits,
            scheduler: self.scheduler - other.scheduler,
            nats: self.nats - other.nats,
        }
    }
}

impl Cpu {
    /// All of it together.
    pub(crate) fn sum(self) -> f64 {
        self.postgres + self.credits + self.scheduler + self.nats
    }

    /// None of it below zero.
    pub(crate) fn at_least_zero(self) -> Self {
        Self {
            postgres: self.postgres.max(0.0),
            credits: self.credits.max(0.0),
            scheduler: self.scheduler.max(0.0),
            nats: self.nats.max(0.0),
        }
    }
}
