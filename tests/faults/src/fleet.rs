//! The services of a round, and a supervisor that starts again what has died.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use tradeup_harness::{Process, World, eventually};

/// After SIGTERM a service has this long.
const GRACE: Duration = Duration::from_secs(28);

/// A service of the fleet.
struct Member {
    name: &'static str,
    process: Option<Process>,
}

/// The services of a round.
pub(crate) struct Fleet {
    environment: HashMap<String, String>,
    logs: PathBuf,
    /// Folder in which fault points are armed.
    points: PathBuf,
    members: Vec<Member>,
    /// What has to live as long as they do.
    kept: Vec<Box<dyn Send + Sync>>,
}

impl Fleet {
    /// Starts services against the world's servers.
    pub(crate) async fn start(world: &World, names: &[&'static str]) -> Self {
        Self::start_in(world, world.environment.clone(), names).await
    }

    /// Starts services with an environment of their own: addresses of proxies, say.
    pub(crate) async fn start_in(
        world: &World,
        environment: HashMap<String, String>,
        names: &[&'static str],
    ) -> Self {
        let points = world.dir.path().join("points");
        for name in names {
            std::fs::create_dir_all(points.join(name)).unwrap();
        }
        let members = names.iter().map(|name| Member { name, process: None }).collect();
        let mut fleet =
            Self { environment, logs: world.dir.path().to_owned(), points, members, kept: Vec::new() };
        for index in 0..names.len() {
            fleet.revive(index).await;
        }
        fleet
    }

    /// Keeps something for as long as the services live.
    pub(crate) fn keep(mut self, what: impl Send + Sync + 'static) -> Self {
        self.kept.push(Box::new(what));
        self
    }

    pub(crate) fn size(&self) -> usize {
        self.members.len()
    }

    /// Starts a service that is not running, and waits until it is ready.
    pub(crate) async fn revive(&mut self, index: usize) {
        let member = &mut self.members[index];
        if member.process.is_none() {
            let mut environment = self.environment.clone();
            let points = self.points.join(member.name).to_str().unwrap().to_owned();
            environment.insert("TRADEUP_FAULTPOINTS".to_owned(), points);
            member.process = Some(Process::start(member.name, &environment, &self.logs).await);
        }
    }

    /// As a supervisor does: starts again whatever has ended by itself (because a server was down when
    /// it started, say), as often as it takes.
    pub(crate) async fn supervise(&mut self) {
        for index in 0..self.members.len() {
            let ended = self.members[index].process.as_mut().is_some_and(Process::has_ended);
            if ended {
                self.members[index].process = None;
            }
            self.revive(index).await;
        }
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self, index: usize) {
        if let Some(process) = self.members[index].process.take() {
            process.kill();
        }
    }

    /// SIGTERM: it has to end within the grace time, and well.
    pub(crate) async fn terminate(&mut self, index: usize) {
        if let Some(process) = self.members[index].process.take() {
            let ended = process.terminate(GRACE).await;
            assert!(ended.success(), "{} ended with {ended}", self.members[index].name);
        }
    }

    pub(crate) fn signal(&self, index: usize, signal: &str) {
        if let Some(process) = &self.members[index].process {
            process.signal(signal);
        }
    }

    /// Ends all, whatever they are doing.
    pub(crate) fn end(&mut self) {
        for index in 0..self.members.len() {
            self.kill(index);
        }
    }

    /// Arms a fault point: the first process of the service that comes by stays there.
    pub(crate) fn arm(&self, service: &str, point: &str) {
        std::fs::write(self.points.join(service).join(point), "").unwrap();
    }

    /// Waits until a service stays at a point; which one.
    pub(crate) async fn caught(&self, point: &str, within: Duration) -> usize {
        let what =
            format!("a process stays at {point} (were the binaries built with the feature faultpoints?)");
        eventually(&what, within, || {
            let at = |member: &Member| {
                let id = member.process.as_ref().map(Process::id)?;
                self.points.join(member.name).join(format!("{point}.{id}")).exists().then_some(())
            };
            let index = self.members.iter().position(|member| at(member).is_some());
            async move { index }
        })
        .await
    }

    /// Lets go of whoever stays at a point.
    pub(crate) fn release(&self) {
        for service in std::fs::read_dir(&self.points).unwrap() {
            for file in std::fs::read_dir(service.unwrap().path()).unwrap() {
                // Already gone is as good.
                std::fs::remove_file(file.unwrap().path()).ok();
            }
        }
    }
}
