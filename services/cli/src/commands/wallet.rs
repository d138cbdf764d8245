//! `tradeup wallet`.

mod connect;
mod differences;
mod pushes;
mod standing;

use std::process::ExitCode;

use clap::Subcommand;

use crate::Context;

/// Wallets at Shopify: the shop's connection, who decides what can be spent, what the shop was told, and where
/// it differs from the ledger.
#[derive(Subcommand)]
pub(crate) enum Wallet {
    /// Connect a tenant to its shop: reads the answer of Shopify's token request, JSON, from standard input.
    Connect(Box<connect::Connect>),
    /// Seal all tokens with the current key again, after a new key was put first.
    Reseal(connect::Reseal),
    /// Say who decides what of a tenant's credit can be spent.
    Set(standing::Set),
    /// Show a tenant's connection and what its shop was told.
    Show(standing::Show),
    /// List what the shop was told or is to be told, newest first.
    Pushes(pushes::Pushes),
    /// Decide about what nobody knows whether the shop has booked it, or what it has refused.
    Resolve(pushes::Resolve),
    /// Compare a tenant's ledger with its shop now.
    Reconcile(differences::Reconcile),
    /// List where ledger and shop differ, as last compared.
    Differences(differences::Differences),
    /// Repair a difference: tell the shop, or book it.
    Repair(differences::Repair),
}

impl Wallet {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        match self {
            Self::Connect(connect) => connect.run(context).await,
            Self::Reseal(reseal) => reseal.run(context).await,
            Self::Set(set) => set.run(context).await,
            Self::Show(show) => show.run(context).await,
            Self::Pushes(pushes) => pushes.run(context).await,
            Self::Resolve(resolve) => resolve.run(context).await,
            Self::Reconcile(reconcile) => reconcile.run(context).await,
            Self::Differences(differences) => differences.run(context).await,
            Self::Repair(repair) => repair.run(context).await,
        }
    }
}
