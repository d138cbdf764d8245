//! Durable execution: what a task is, and everything around it that makes it happen once.
//!
//! A message says "execute this run". The runner claims the run in the database (a committed row, so
//! that an attempt which kills its process counts too), lets the task do its work in one
//! transaction, ends the run in that same transaction, commits, and only then acknowledges. A crash
//! anywhere leads to a redelivery that finds either nothing done or all done.
//!
//! Nothing here knows what tasks are about; tasks know nothing of messages.

mod bury;
mod by_message;
pub mod certificates;
mod consumer;
mod execute;
pub mod faultpoint;
mod health;
pub mod intake;
mod live;
mod options;
mod places;
pub mod planning;
pub mod presence;
mod preview;
mod probe;
mod registry;
mod relay;
pub mod restore;
mod retry;
mod runner;
pub mod service;
pub mod settings;
mod sweep;
mod task;
mod together;
mod told;
pub mod trigger;
mod watchdog;

pub use options::{ServiceError, ServiceOptions, StoreOptions, TopologyOptions, given};
pub use probe::{ProbeAgents, ProbeCredits, ProbeScheduler, ProbeWebhooks};
pub use registry::{Registry, RegistryError};
pub use relay::Relay;
pub use retry::RetryPolicy;
pub use runner::{Runner, Worker};
pub use service::Service;
pub use sweep::{Swept, sweep};
pub use task::{Applied, Task, TaskContext, TaskError};
pub use together::{Each, GroupTask, RunGroup};
pub use told::{ToldEvent, told_event};
/// What commands that look around find in NATS, and what they need to look.
pub use tradeup_broker::{
    Backlog, Broker, ConsumerBacklog, ConsumerLook, JobsLook, Look, Outgoing, StreamLook,
};

/// Every service, by the name of its program.
pub const SERVICES: [&str; 5] = ["scheduler", "credits", "webhooks", "agents", "console"];
/// Those of which a process has to run: without `agents` nothing is planned, and whoever looks at the console runs it.
pub const SERVICES_NEEDED: [&str; 3] = ["scheduler", "credits", "webhooks"];
/// The build, as attempts and dead letters name it.
pub const BUILD: &str = env!("CARGO_PKG_VERSION");
