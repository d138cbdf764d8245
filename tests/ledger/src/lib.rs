//! The promises are in `tests/it`, one file each.
