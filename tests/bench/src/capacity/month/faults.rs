//! What goes down in a month, and comes back.

use super::Simulation;
use super::parts::{Flight, FlightState, Timer};
use crate::capacity::setting::Fault;

/// A delivery that nobody answered for comes again after this long.
const ACK_WAIT: f64 = 15.0;

impl Simulation {
    pub(super) fn breaks(&mut self, fault: Fault) {
        match fault {
            Fault::Postgres { .. } => self.machines[self.of.postgres].stop(self.now, true),
            Fault::Nats { lasts, .. } => {
                self.nats_down = true;
                self.store.delay(self.now, lasts);
            }
            Fault::Credits { process: gone, .. } => {
                self.places[gone] = 0;
                for Flight { batches, process, state } in &mut self.flights {
                    if *process == gone && *state == FlightState::Under {
                        *state = FlightState::Lost;
                        for batch in batches {
                            self.timers.add(self.now + ACK_WAIT, Timer::Again(*batch));
                        }
                    }
                }
            }
        }
    }

    pub(super) fn is_back(&mut self, fault: Fault) {
        match fault {
            Fault::Postgres { .. } => self.machines[self.of.postgres].stop(self.now, false),
            Fault::Nats { .. } => self.nats_down = false,
            Fault::Credits { process, .. } => self.places[process] = self.of.concurrency,
        }
    }
}
