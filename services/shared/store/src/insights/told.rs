//! An answer as it is put together: what is said of whom, and what is left out.

use tradeup_domain::figure::Figure;
use uuid::Uuid;

use super::cells::Cells;
use super::{Answer, GROUP_MIN, Row, Section};

/// Segments, the best first.
pub(super) const SEGMENTS: [&str; 8] =
    ["champions", "loyal", "promising", "new", "needs_attention", "at_risk", "hibernating", "lost"];

/// The longest label that comes from the shop, in characters.
const LABEL_MAX: usize = 80;

/// An answer on its way.
pub(super) struct Told<'a> {
    cells: &'a Cells,
    sections: Vec<Section>,
    notes: Vec<String>,
    left_out: usize,
}

impl<'a> Told<'a> {
    pub(super) fn of(cells: &'a Cells) -> Self {
        Self { cells, sections: Vec::new(), notes: Vec::new(), left_out: 0 }
    }

    /// Money of the shop.
    pub(super) fn minor(&self, name: impl Into<String>, value: i64) -> Figure {
        Figure::minor(name, value, &self.cells.snapshot.currency)
    }

    /// Figures of the whole shop.
    pub(super) fn shop(&mut self, name: &'static str, figures: impl IntoIterator<Item = Option<Figure>>) {
        let row = Row { labels: Vec::new(), member: None, figures: figures.into_iter().flatten().collect() };
        self.sections.push(Section { name, rows: vec![row], rows_in_all: 1 });
    }

    /// Groups, each with how many members it has; those of too few are left out.
    pub(super) fn groups(&mut self, name: &'static str, rows: impl IntoIterator<Item = (i64, Row)>) {
        let mut kept = Vec::new();
        for (members, row) in rows {
            if members >= GROUP_MIN {
                kept.push(row);
            } else if members > 0 {
                self.left_out += 1;
            }
        }
        let rows_in_all = count(kept.len());
        self.sections.push(Section { name, rows: kept, rows_in_all });
    }

    /// Rows that are about no group of members, or about members whose group is large enough.
    pub(super) fn rows(&mut self, name: &'static str, rows: Vec<Row>, rows_in_all: i64) {
        self.sections.push(Section { name, rows, rows_in_all });
    }

    pub(super) fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// The answer; nothing but how many members there are of a shop that has too few.
    pub(super) fn answer(mut self) -> Answer {
        let snapshot = &self.cells.snapshot;
        if snapshot.members < GROUP_MIN {
            self.sections.clear();
            self.shop("shop", [Some(Figure::count("members_total", snapshot.members))]);
            self.notes = vec![if snapshot.members == 0 {
                "This shop has no members, so there is nothing to tell. This is final.".to_owned()
            } else {
                format!(
                    "This shop has fewer than {GROUP_MIN} members: figures would describe persons and are not told. This is final."
                )
            }];
        } else if self.left_out > 0 {
            self.notes.push(format!(
                "{} groups of fewer than {GROUP_MIN} members are left out. This is final.",
                self.left_out
            ));
        }
        let empty =
            |section: &Section| section.rows.iter().all(|row| row.figures.is_empty() && row.member.is_none());
        if self.notes.is_empty() && self.sections.iter().all(empty) {
            self.notes.push("Nothing matched. This is final: asking again brings nothing.".to_owned());
        }
        Answer {
            currency: snapshot.currency.clone(),
            as_of: snapshot.as_of,
            sections: self.sections,
            note: (!self.notes.is_empty()).then(|| self.notes.join(" ")),
        }
    }
}

/// A group's row.
pub(super) fn row(
    labels: impl IntoIterator<Item = (&'static str, String)>,
    figures: impl IntoIterator<Item = Option<Figure>>,
) -> Row {
    Row {
        labels: labels.into_iter().collect(),
        member: None,
        figures: figures.into_iter().flatten().collect(),
    }
}

/// A member's row.
pub(super) fn member_row(
    member: Uuid,
    labels: impl IntoIterator<Item = (&'static str, String)>,
    figures: impl IntoIterator<Item = Figure>,
) -> Row {
    Row { labels: labels.into_iter().collect(), member: Some(member), figures: figures.into_iter().collect() }
}

/// A part of a whole in basis points, rounded half away from zero; `None` of nothing.
pub(super) fn share(name: impl Into<String>, part: i64, whole: i64) -> Option<Figure> {
    if whole <= 0 {
        return None;
    }
    let (part, whole) = (i128::from(part) * 10_000, i128::from(whole));
    let half = if part < 0 { -whole } else { whole };
    let value = (part * 2 + half) / (whole * 2);
    Some(Figure::bps(name, i64::try_from(value).ok()?))
}

/// The mean, rounded down; `None` of nothing.
pub(super) fn mean(total: i64, of: i64) -> Option<i64> {
    (of > 0).then(|| total / of)
}

/// An amount or number with two digits that say something: what is told of one member describes many.
pub(super) fn about(value: i64) -> i64 {
    let mut unit = 1;
    while value / unit >= 100 {
        unit *= 10;
    }
    value / unit * unit
}

/// Text that comes from the shop: short, and without what changes how it is read.
pub(super) fn label(text: &str) -> String {
    let plain = |char: &char| {
        !char.is_control()
            && !matches!(char, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
    };
    text.chars().filter(plain).take(LABEL_MAX).collect()
}

/// A length as the rows of an answer count.
pub(super) fn count(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_of_one_describes_many() {
        for (value, told) in [(0, 0), (7, 7), (99, 99), (100, 100), (129, 120), (98_765, 98_000)] {
            assert_eq!(about(value), told);
        }
    }

    #[test]
    fn shares_are_rounded_half_away_from_zero() {
        let of = |part, whole| share("s", part, whole).map(|figure| figure.value);
        assert_eq!(of(1, 3), Some(3_333));
        assert_eq!(of(2, 3), Some(6_667));
        assert_eq!(of(-1, 20_000), Some(-1));
        assert_eq!(of(i64::MAX, 1), None);
        assert_eq!(of(5, 0), None);
    }

    #[test]
    fn labels_hide_nothing() {
        assert_eq!(label("Sum\u{202e}mer\n\u{200b}sale\u{0}"), "Summersale");
        assert_eq!(label(&"ü".repeat(300)).chars().count(), 80);
    }
}
