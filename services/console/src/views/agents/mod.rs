//! What the agents of shops have made, how, and for how much.

pub(crate) mod asking;
pub(crate) mod campaigns;
pub(crate) mod carried;
pub(crate) mod journal;
pub(crate) mod plan;
pub(crate) mod plans;
pub(crate) mod settings;
pub(crate) mod spend;
pub(crate) mod usd;
pub(crate) mod written;
