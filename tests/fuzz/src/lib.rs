//! The targets are in `tests/it`, one file each. As tests they run for a moment; to run one for hours, with coverage to
//! guide it (nightly Rust): `cargo install cargo-bolero`, then
//! `cargo bolero test -p tradeup-fuzz webhooks::a_mutated_body_is_read_or_refused`.
