//! Kinds of metrics: what is declared is a name, a help text and the names of labels; series come with their first value.

use std::sync::atomic::AtomicU64;
use std::sync::{LazyLock, OnceLock};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Names and values of a series' labels.
type Labels<const N: usize> = [(&'static str, &'static str); N];
type CounterFamily<const N: usize> = Family<Labels<N>, Counter<f64, AtomicU64>>;
type GaugeFamily<const N: usize> = Family<Labels<N>, Gauge<f64, AtomicU64>>;
type HistogramFamily<const N: usize> = Family<Labels<N>, Histogram, Buckets>;

/// What a metric is, as Prometheus names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts by size.
    Histogram,
}

impl Kind {
    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// What is said of a metric.
pub trait Describe: Sync {
    /// Its name, as it is queried: that of a counter ends in `_total`.
    fn name(&self) -> &'static str;
    /// What it counts, in one sentence without its full stop.
    fn help(&self) -> &'static str;
    /// Its kind.
    fn kind(&self) -> Kind;
    /// Names of its labels.
    fn labels(&self) -> &[&'static str];
    /// Adds it to what is to be shown. Without a series it is not.
    fn show(&self, registry: &mut Registry);
}

/// Values of labels in the order of their names.
fn labelled<const N: usize>(names: &[&'static str; N], values: [&'static str; N]) -> Labels<N> {
    let mut values = values.into_iter();
    names.map(|name| (name, values.next().unwrap_or_default()))
}

/// Counters that differ in their labels.
pub struct Counters<const N: usize> {
    name: &'static str,
    help: &'static str,
    labels: [&'static str; N],
    family: LazyLock<CounterFamily<N>>,
}

impl<const N: usize> Counters<N> {
    /// Declares them. The name ends in `_total`.
    #[must_use]
    pub const fn new(name: &'static str, help: &'static str, labels: [&'static str; N]) -> Self {
        Self { name, help, labels, family: LazyLock::new(CounterFamily::<N>::default) }
    }

    /// Counts one.
    pub fn one(&self, values: [&'static str; N]) {
        self.add(1, values);
    }

    /// Counts several; none makes the series be there, at 0.
    pub fn add(&self, count: u64, values: [&'static str; N]) {
        self.add_of(float(count), values);
    }

    /// Counts what is no whole number. What is less than nothing is not counted.
    pub fn add_of(&self, amount: f64, values: [&'static str; N]) {
        self.family.get_or_create(&labelled(&self.labels, values)).inc_by(amount.max(0.0));
    }
}

impl<const N: usize> Describe for Counters<N> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn help(&self) -> &'static str {
        self.help
    }

    fn kind(&self) -> Kind {
        Kind::Counter
    }

    fn labels(&self) -> &[&'static str] {
        &self.labels
    }

    fn show(&self, registry: &mut Registry) {
        // The encoder adds the end that names of counters have.
        registry.register(self.name.trim_end_matches("_total"), self.help, self.family.clone());
    }
}

/// Gauges that differ in their labels.
pub struct Gauges<const N: usize> {
    name: &'static str,
    help: &'static str,
    labels: [&'static str; N],
    family: LazyLock<GaugeFamily<N>>,
}

impl<const N: usize> Gauges<N> {
    /// Declares them.
    #[must_use]
    pub const fn new(name: &'static str, help: &'static str, labels: [&'static str; N]) -> Self {
        Self { name, help, labels, family: LazyLock::new(GaugeFamily::<N>::default) }
    }

    /// What it is now.
    pub fn set(&self, value: f64, values: [&'static str; N]) {
        self.family.get_or_create(&labelled(&self.labels, values)).set(value);
    }

    /// How many there are now.
    pub fn count(&self, count: u64, values: [&'static str; N]) {
        self.set(float(count), values);
    }

    /// One more, until what is returned is dropped.
    #[must_use]
    pub fn held(&self, values: [&'static str; N]) -> Held {
        let gauge = self.family.get_or_create_owned(&labelled(&self.labels, values));
        gauge.inc();
        Held(gauge)
    }

    /// Adds to what it is.
    pub fn more(&self, count: u64, values: [&'static str; N]) {
        self.family.get_or_create(&labelled(&self.labels, values)).inc_by(float(count));
    }

    /// Raises it to this if it is less.
    pub fn at_least(&self, value: f64, values: [&'static str; N]) {
        let gauge = self.family.get_or_create_owned(&labelled(&self.labels, values));
        if gauge.get() < value {
            gauge.set(value);
        }
    }

    /// Nothing is known any more: no series is better than an old one.
    pub fn forget(&self) {
        self.family.clear();
    }
}

/// Something that a gauge counts as long as it is there.
pub struct Held(Gauge<f64, AtomicU64>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl<const N: usize> Describe for Gauges<N> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn help(&self) -> &'static str {
        self.help
    }

    fn kind(&self) -> Kind {
        Kind::Gauge
    }

    fn labels(&self) -> &[&'static str] {
        &self.labels
    }

    fn show(&self, registry: &mut Registry) {
        registry.register(self.name, self.help, self.family.clone());
    }
}

/// Upper ends of buckets.
#[derive(Clone, Copy)]
struct Buckets(&'static [f64]);

impl MetricConstructor<Histogram> for Buckets {
    fn new_metric(&self) -> Histogram {
        Histogram::new(self.0.iter().copied())
    }
}

/// Histograms that differ in their labels.
pub struct Histograms<const N: usize> {
    name: &'static str,
    help: &'static str,
    labels: [&'static str; N],
    buckets: Buckets,
    family: OnceLock<HistogramFamily<N>>,
}

impl<const N: usize> Histograms<N> {
    /// Upper ends for what is quick: from a millisecond to ten seconds.
    pub const QUICK: &'static [f64] =
        &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
    /// Upper ends for work and waits: from ten milliseconds to an hour.
    pub const LONG: &'static [f64] =
        &[0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0];

    /// Declares them, with the upper ends of their buckets.
    #[must_use]
    pub const fn new(
        name: &'static str,
        help: &'static str,
        labels: [&'static str; N],
        buckets: &'static [f64],
    ) -> Self {
        Self { name, help, labels, buckets: Buckets(buckets), family: OnceLock::new() }
    }

    fn family(&self) -> &HistogramFamily<N> {
        self.family.get_or_init(|| HistogramFamily::new_with_constructor(self.buckets))
    }

    /// Something took so long.
    pub fn took(&self, duration: Duration, values: [&'static str; N]) {
        self.observe(duration.as_secs_f64(), values);
    }

    /// Makes the series be there, with nothing in it.
    pub fn be_there(&self, values: [&'static str; N]) {
        drop(self.family().get_or_create(&labelled(&self.labels, values)));
    }

    /// Something was of this size.
    pub fn observe(&self, size: f64, values: [&'static str; N]) {
        self.family().get_or_create(&labelled(&self.labels, values)).observe(size);
    }
}

impl<const N: usize> Describe for Histograms<N> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn help(&self) -> &'static str {
        self.help
    }

    fn kind(&self) -> Kind {
        Kind::Histogram
    }

    fn labels(&self) -> &[&'static str] {
        &self.labels
    }

    fn show(&self, registry: &mut Registry) {
        registry.register(self.name, self.help, self.family().clone());
    }
}

/// A whole number as a metric has it: exact up to 2^53.
#[expect(
    clippy::cast_precision_loss,
    reason = "metrics are floats; what is larger than 2^53 may be a little off"
)]
pub(crate) fn float(number: u64) -> f64 {
    number as f64
}
