//! Compiles the `.proto` files with protox, so that no `protoc` has to be installed.

use std::error::Error;
use std::path::PathBuf;

use protox::prost::Message as _;

const FILES: [&str; 24] = [
    "tradeup/v1/money.proto",
    "tradeup/v1/job.proto",
    "tradeup/v1/monthly_credits.proto",
    "tradeup/v1/credit_expiration.proto",
    "tradeup/v1/expiration_warning.proto",
    "tradeup/v1/grant_credit.proto",
    "tradeup/v1/orders.proto",
    "tradeup/v1/spends.proto",
    "tradeup/v1/merges.proto",
    "tradeup/v1/trade_ins.proto",
    "tradeup/v1/reversal.proto",
    "tradeup/v1/wallets.proto",
    "tradeup/v1/tier_review.proto",
    "tradeup/v1/events.proto",
    "tradeup/v1/replay.proto",
    "tradeup/v1/gaps.proto",
    "tradeup/v1/ledger_verification.proto",
    "tradeup/v1/plan.proto",
    "tradeup/v1/dead_letter.proto",
    "tradeup/v1/live.proto",
    "tradeup/v1/agents.proto",
    "tradeup/v1/campaigns.proto",
    "tradeup/v1/probe.proto",
    "tradeup/v1/control.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    for file in FILES {
        println!("cargo::rerun-if-changed={file}");
    }
    let descriptors = protox::compile(FILES, ["."])?;
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    std::fs::write(out.join("descriptors.binpb"), descriptors.encode_to_vec())?;
    prost_build::Config::new().enable_type_names().compile_fds(descriptors)?;
    Ok(())
}
