//! A stand-in for Shopify; it comes with the next change.

fn main() {}
