//! Lengths of time as people write them: `35d`, `12h`, `90m`, `0s`.

use std::time::Duration;

/// Longest length that can be given: ten years.
const LENGTH_MAX: u64 = 10 * 366 * 86_400;
/// The units, longest first.
const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3600), ('m', 60), ('s', 1)];

/// Why a text is no length of time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is no length; write a whole number with s, m, h or d, like 90m; ten years at most")]
pub struct InvalidLength {
    given: String,
}

/// Reads a whole number with s, m, h or d.
///
/// # Errors
/// [`InvalidLength`].
pub fn parse_length(text: &str) -> Result<Duration, InvalidLength> {
    let mut letters = text.chars();
    let unit = letters.next_back().and_then(|last| UNITS.iter().find(|(letter, _)| *letter == last));
    // A sign is a number's, too, and no length's.
    let number = Some(letters.as_str()).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    unit.zip(number.and_then(|number| number.parse::<u64>().ok()))
        .and_then(|((_, seconds), number)| number.checked_mul(*seconds))
        .filter(|seconds| *seconds <= LENGTH_MAX)
        .map(Duration::from_secs)
        .ok_or_else(|| InvalidLength { given: text.chars().take(40).collect() })
}

/// Writes whole seconds as [`parse_length`] reads them, in the longest unit that says all of it.
#[must_use]
pub fn length_text(length: Duration) -> String {
    let seconds = length.as_secs();
    let fits = UNITS.iter().find(|(_, unit)| seconds > 0 && seconds.is_multiple_of(*unit));
    fits.map_or_else(|| format!("{seconds}s"), |(letter, unit)| format!("{}{letter}", seconds / unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_and_written_alike() {
        for (text, seconds) in
            [("35d", 35 * 86_400), ("36h", 36 * 3600), ("90m", 5400), ("61s", 61), ("0s", 0)]
        {
            assert_eq!(parse_length(text), Ok(Duration::from_secs(seconds)));
            assert_eq!(length_text(Duration::from_secs(seconds)), text);
        }
        for bad in ["", "d", "5", "-1d", "+1d", "1.5h", "1w", "99999999999999999999s", "4000d", "1 d"] {
            assert!(parse_length(bad).is_err(), "{bad:?}");
        }
    }
}
