//! What the parts tell about themselves: metrics by name, and the trace that work belongs to.
//!
//! Each is declared once, in a module of [`metrics`] named after what it is about, and counted where the thing happens.
//! A label's value is a `&'static str`: a word of the code. So no shop, member, run or address can become one, and the
//! number of series is bounded by the code.

mod metric;
pub mod metrics;
pub mod outbound;
mod process;
pub mod trace;

pub use metric::{Counters, Describe, Gauges, Histograms, Kind};
pub use metrics::{CONTENT_TYPE, all, text};
pub use process::is;
