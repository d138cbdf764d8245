//! Figures in columns, for people.

/// Prints rows below their heads, each column as wide as its widest.
pub(super) fn show(title: &str, heads: &[&str], rows: &[Vec<String>]) {
    let width = |n: usize| {
        let cells = rows.iter().filter_map(|row| row.get(n)).map(|cell| cell.chars().count());
        cells.chain(heads.get(n).map(|head| head.chars().count())).max().unwrap_or(0)
    };
    let line = |cells: &[String]| {
        let cells: Vec<String> =
            cells.iter().enumerate().map(|(n, cell)| format!("{cell:>width$}", width = width(n))).collect();
        format!("| {} |", cells.join(" | "))
    };
    println!("\n{title}\n");
    println!("{}", line(&heads.iter().map(|head| (*head).to_owned()).collect::<Vec<_>>()));
    println!("|{}|", (0..heads.len()).map(|n| "-".repeat(width(n) + 1) + ":").collect::<Vec<_>>().join("|"));
    rows.iter().for_each(|row| println!("{}", line(row)));
}

/// A number with thousands apart.
pub(super) fn count(n: f64) -> String {
    let digits = format!("{n:.0}");
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) && !grouped.ends_with('-') {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Seconds as people say them.
pub(super) fn time(seconds: f64) -> String {
    match seconds {
        s if !s.is_finite() => "-".to_owned(),
        s if s < 1.0 => format!("{:.0} ms", s * 1000.0),
        s if s < 120.0 => format!("{s:.1} s"),
        s if s < 7200.0 => format!("{:.1} min", s / 60.0),
        s if s < 172_800.0 => format!("{:.1} h", s / 3600.0),
        s => format!("{:.1} d", s / 86_400.0),
    }
}

/// Bytes as people say them.
pub(super) fn bytes(bytes: f64) -> String {
    let mut left = bytes;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if left < 1024.0 {
            return format!("{left:.1} {unit}");
        }
        left /= 1024.0;
    }
    format!("{left:.1} TiB")
}

/// A part of a whole.
pub(super) fn percent(part: f64) -> String {
    format!("{:.0} %", part * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_said_as_people_say_them() {
        assert_eq!(
            (count(1_234_567.4), count(999.0), count(0.0)),
            ("1,234,567".into(), "999".into(), "0".into())
        );
        assert_eq!(
            (time(0.25), time(90.0), time(7300.0)),
            ("250 ms".into(), "90.0 s".into(), "2.0 h".into())
        );
        assert_eq!(bytes(1536.0), "1.5 KiB");
    }
}
