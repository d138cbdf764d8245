//! Stand-ins for the outside world, true to its wire: for tests and demonstrations.
