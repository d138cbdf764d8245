//! End to end: one file for each promise, real processes, real servers.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    clippy::allow_attributes,
    reason = "tests fail loudly"
)]

mod agents;
mod authorisations;
mod bad_input;
mod blocked;
mod broken_tenant;
mod by_message;
mod cancel;
mod checkout;
mod configuration;
mod console;
mod dead_letters;
mod delayed;
mod docs;
mod doctor;
mod doctor_deployment;
mod duplicates;
mod endpoints;
mod events;
mod expiration;
mod grant;
mod holds;
mod http;
mod import;
mod isolation;
mod kill;
mod least_privilege;
mod ledger_guards;
mod ledger_verification;
mod mail_templates;
mod mailing;
mod merging;
mod metrics;
mod money_commands;
mod monthly;
mod nats_users;
mod old_credits;
mod one_run;
mod order_events;
mod plans;
mod probes;
mod published;
mod publishing;
mod pulling;
mod restore;
mod schedules;
mod secrets;
mod servers;
mod shadow;
mod shop_events;
mod tiers;
mod tls;
mod together;
mod traces;
mod trade_ins;
mod undecodable;
mod unsubscribe;
mod upgrade;
mod verify;
mod wallets;
mod warning_mails;
mod warnings;
