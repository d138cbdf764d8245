//! Stand-ins for the outside world, true to its wire: for tests and demonstrations.
//!
//! Nothing of the product may use them, and they use nothing of the clients they stand in for: what
//! both sides got wrong in the same way would go unseen.

pub mod anthropic;
pub mod collector;
pub mod oidc;
pub mod shopify;
