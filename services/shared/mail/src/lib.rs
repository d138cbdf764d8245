//! The e-mails to members: one warns that store credit expires within 7 days, one carries a campaign's message.
//!
//! [`ExpiryDigest`] → [`Template::render`], or [`CampaignMail::render`] → [`RenderedMail`] → [`Mailer::send`]. What is
//! in the warning follows the loyalty reference §1.4; who gets one, and that each gets one only, is the caller's to
//! decide.

mod campaign;
mod digest;
pub mod format;
mod link;
mod locale;
mod send;
mod template;
mod text;
pub mod unsubscribe;
mod wording;

pub use campaign::CampaignMail;
pub use digest::{DigestError, ExpiringLot, ExpiryDigest, LOTS_MAX, last_valid_day};
pub use format::FormatError;
pub use link::{InvalidLink, WebLink};
pub use locale::Locale;
pub use send::{
    Accepted, Address, InvalidAddress, Mailer, Note, Outgoing, Reply, SendError, Server, ServerError, Step,
};
pub use template::{
    Part, RenderError, RenderedMail, Template, TemplateError, TemplateSource, built_in_languages,
    built_in_source,
};
