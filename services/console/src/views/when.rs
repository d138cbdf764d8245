//! Instants and lengths, for people and for programs.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::{Serialize, Serializer};
use utoipa::openapi::schema::Type;
use utoipa::openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat};
use utoipa::{PartialSchema, ToSchema};

/// An instant. Programs get it as RFC 3339; a page shows UTC, and a browser with script the reader's own zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct When(pub(crate) DateTime<Utc>);

impl When {
    /// For the attribute of a `time` element.
    pub(crate) fn machine(&self) -> String {
        self.0.to_rfc3339_opts(SecondsFormat::AutoSi, true)
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.format("%Y-%m-%d %H:%M:%S UTC"))
    }
}

impl Serialize for When {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.machine())
    }
}

impl PartialSchema for When {
    fn schema() -> RefOr<Schema> {
        let format = SchemaFormat::KnownFormat(KnownFormat::DateTime);
        ObjectBuilder::new().schema_type(Type::String).format(Some(format)).into()
    }
}

impl ToSchema for When {}

/// A length in seconds, as the database reckons it.
pub(crate) fn seconds(of: f64) -> TimeDelta {
    let whole = Duration::try_from_secs_f64(of).unwrap_or_default();
    TimeDelta::from_std(whole).unwrap_or_default()
}

/// A length of time, in the two largest units that say something.
pub(crate) fn length(of: TimeDelta) -> String {
    let ms = of.num_milliseconds().max(0);
    let (s, min, h, d) = (ms / 1000, ms / 60_000, ms / 3_600_000, ms / 86_400_000);
    match () {
        () if ms < 1000 => format!("{ms} ms"),
        () if s < 10 => format!("{}.{} s", s, ms % 1000 / 100),
        () if s < 60 => format!("{s} s"),
        () if min < 60 => format!("{min} min {} s", s % 60),
        () if h < 48 => format!("{h} h {} min", min % 60),
        () => format!("{d} d {} h", h % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_said_in_units_that_say_something() {
        for (ms, said) in [
            (0, "0 ms"),
            (999, "999 ms"),
            (1_500, "1.5 s"),
            (59_999, "59 s"),
            (61_000, "1 min 1 s"),
            (3_600_000, "1 h 0 min"),
            (50 * 3_600_000, "2 d 2 h"),
        ] {
            assert_eq!(length(TimeDelta::milliseconds(ms)), said);
        }
        assert_eq!(length(seconds(12.5)), "12 s");
        assert_eq!(length(seconds(-3.0)), "0 ms");
    }
}
