//! `agents`: looks at a shop with models, and writes plans in which each figure is proven.

fn main() {}
