//! Sending the mails that warn members, and those of campaigns: the service's mail server, a shop's words, one mail after another.

mod letterhead;
mod options;
mod post;

pub(crate) use letterhead::Letterhead;
pub(crate) use options::MailOptions;
pub(crate) use post::{ATTEMPT_WITHIN, Delivery, Post};
