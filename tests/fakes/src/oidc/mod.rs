//! A stand-in for an OpenID Connect provider: discovery document, keys, authorization, token and user info endpoint of
//! the authorization code flow (OpenID Connect Core and Discovery 1.0, RFC 6749, RFC 7636).
//!
//! It has one client, and whoever it is told to has signed in already. It signs by ES256.

mod endpoints;
mod key;
mod server;

pub use server::{FakeProvider, Flaw, Person};
