//! A time line: rows of waits and work, beside one another on one axis of time.

use std::io;

use plotters::drawing::DrawingAreaErrorKind;
use plotters::prelude::{
    BindKeyPoints as _, ChartBuilder, Color as _, IntoDrawingArea as _, IntoFont as _, Rectangle, SVGBackend,
    ShapeStyle, TextStyle,
};

use super::{BELOW, LINE, TEXT, TEXT_SIZE, Tone};

/// Its width, and the height of a row, in units of its own, which a browser fits into the room that there is.
const WIDTH: u32 = 720;
const ROW: u32 = 26;
/// Room for names, also in the larger letters of a narrow screen; longer ones are cut.
const BESIDE: u32 = 172;
const NAME_MAX: usize = 14;
const ABOVE: u32 = 8;
/// Units of the axis that a row takes, and of them what stays free on both sides.
const PLACE: i64 = 10;
const FREE: i64 = 2;
/// What takes a moment takes so many parts of the width at least.
const LEAST: i64 = 240;
/// Divisions of the width, at most.
const DIVISIONS: i64 = 5;
/// Units of time in milliseconds, each with how many of it a division may have.
const UNITS: [(&str, i64, &[i64]); 5] = [
    ("ms", 1, &[1, 2, 5, 10, 20, 50, 100, 200, 500]),
    ("s", 1_000, &[1, 2, 5, 10, 15, 30]),
    ("min", 60_000, &[1, 2, 5, 10, 15, 30]),
    ("h", 3_600_000, &[1, 2, 6, 12]),
    ("d", 86_400_000, &[1, 2, 7, 30, 100]),
];

/// A wait, or work and how it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// From when, in milliseconds since the time line begins.
    pub(crate) from: i64,
    /// Until when.
    pub(crate) to: i64,
    /// How it ended; nothing of a wait.
    pub(crate) tone: Option<Tone>,
}

/// What happened to one thing, one after another.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) parts: Vec<Part>,
}

/// What is drawn.
#[derive(Clone, Debug)]
pub(crate) struct Timeline {
    /// All of it in words, with the main figures, for whoever does not see it.
    pub(crate) says: String,
    /// What a look at it does not tell.
    pub(crate) note: String,
    pub(crate) rows: Vec<Row>,
}

impl Timeline {
    /// As SVG, with all that is written in it escaped; nothing if it has no rows.
    pub(crate) fn svg(&self) -> String {
        let mut svg = String::new();
        if let Err(error) = self.draw(&mut svg) {
            // All of it is on the page besides.
            tracing::error!("a time line can't be drawn: {error}");
            svg.clear();
        }
        svg
    }

    fn draw(&self, svg: &mut String) -> Result<(), DrawingAreaErrorKind<io::Error>> {
        let (Ok(high), Ok(rows)) = (u32::try_from(self.rows.len()), i64::try_from(self.rows.len())) else {
            return Ok(());
        };
        if rows == 0 {
            return Ok(());
        }
        let ends = self.rows.iter().flat_map(|row| &row.parts).map(|part| part.to);
        let span = ends.max().unwrap_or(0).max(1);
        let (unit, of_unit, ticks) = ticks(span);
        // The first row is the uppermost.
        let foot = |nth: usize| (rows - 1 - i64::try_from(nth).unwrap_or(0)) * PLACE;
        let middles: Vec<i64> = (0..self.rows.len()).map(|nth| foot(nth) + PLACE / 2).collect();
        let name = |at: &i64| {
            let nth = usize::try_from(rows - 1 - at / PLACE).ok();
            nth.and_then(|nth| self.rows.get(nth)).map(|row| cut(&row.name)).unwrap_or_default()
        };

        let area = SVGBackend::with_string(svg, (WIDTH, high * ROW + ABOVE + BELOW)).into_drawing_area();
        let mut chart = ChartBuilder::on(&area)
            .margin_top(ABOVE)
            .margin_right(24)
            .x_label_area_size(BELOW)
            .y_label_area_size(BESIDE)
            .build_cartesian_2d(
                (0..span).with_key_points(ticks),
                (0..rows * PLACE).with_key_points(middles),
            )?;
        let text = TextStyle::from(("sans-serif", TEXT_SIZE).into_font()).color(&TEXT);
        chart
            .configure_mesh()
            .disable_y_mesh()
            .bold_line_style(LINE)
            .axis_style(LINE)
            .label_style(text)
            .set_all_tick_mark_size(4)
            .x_label_formatter(&|at| format!("{} {unit}", at / of_unit))
            .y_label_formatter(&name)
            .draw()?;
        let bars = self.rows.iter().enumerate().flat_map(|(nth, row)| {
            let (low, high) = (foot(nth) + FREE, foot(nth) + PLACE - FREE);
            row.parts.iter().map(move |part| {
                let style: ShapeStyle = part.tone.map_or(LINE, Tone::colour).filled();
                Rectangle::new([(part.from, low), (part.to.max(part.from + span / LEAST), high)], style)
            })
        });
        chart.draw_series(bars)?;
        area.present()
    }
}

/// A name as it stands beside its row.
fn cut(name: &str) -> String {
    if name.chars().count() <= NAME_MAX {
        return name.to_owned();
    }
    let mut cut: String = name.chars().take(NAME_MAX - 1).collect();
    cut.push('…');
    cut
}

/// The unit of the axis, how many milliseconds it has, and round figures of it up to the end.
fn ticks(span: i64) -> (&'static str, i64, Vec<i64>) {
    let steps =
        || UNITS.iter().flat_map(|(unit, ms, counts)| counts.iter().map(move |n| (*unit, *ms, n * ms)));
    let fits = |(_, _, step): &(&str, i64, i64)| span / step <= DIVISIONS;
    let (unit, ms, step) = steps().find(fits).or_else(|| steps().last()).unwrap_or(("ms", 1, span));
    let most = span / step;
    // Years of it: then only where it ends.
    let every = ((most + DIVISIONS - 1) / DIVISIONS).max(1);
    (unit, ms, (0..=most).step_by(usize::try_from(every).unwrap_or(1)).map(|nth| nth * step).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const STYLE: &str = include_str!("../../assets/console.css");

    fn line(rows: Vec<Row>) -> Timeline {
        Timeline { says: String::new(), note: String::new(), rows }
    }

    fn part(from: i64, to: i64, tone: Option<Tone>) -> Part {
        Part { from, to, tone }
    }

    #[test]
    fn the_axis_is_round_whatever_the_length() {
        for (span, expected) in [
            (1, ("ms", vec![0, 1])),
            (7, ("ms", vec![0, 2, 4, 6])),
            (2_900, ("ms", vec![0, 500, 1_000, 1_500, 2_000, 2_500])),
            (61_000, ("s", vec![0, 15_000, 30_000, 45_000, 60_000])),
            (5 * 3_600_000, ("h", vec![0, 1, 2, 3, 4, 5].into_iter().map(|h| h * 3_600_000).collect())),
        ] {
            let (unit, _, found) = ticks(span);
            assert_eq!((unit, found), expected, "{span}");
        }
        assert!(ticks(i64::MAX).2.len() <= 6);
    }

    #[test]
    fn waits_and_work_of_each_row_are_drawn_in_colours_of_the_style_sheet_and_names_are_no_markup() {
        let hostile = "</text><script>".to_owned();
        let tones = [Tone::Good, Tone::Busy, Tone::Warn, Tone::Bad].map(Some);
        let parts = (0..).step_by(10).zip(tones.into_iter().chain([None]));
        let parts = parts.map(|(from, tone)| part(from, from + 10, tone)).collect();
        let svg = line(vec![Row { name: hostile, parts }, Row { name: "b".to_owned(), parts: vec![] }]).svg();
        assert_eq!(svg.matches("<rect").count(), 5, "{svg}");
        assert!(!svg.contains("<script") && !svg.contains("style="), "{svg}");
        for fill in svg.split(" fill=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(fill == "none" || STYLE.contains(&format!(".chart [fill=\"{fill}\"]")), "{fill}: {svg}");
        }
    }

    #[test]
    fn nothing_and_moments_are_drawn() {
        assert_eq!(line(vec![]).svg(), "");
        for parts in [vec![], vec![part(0, 0, None)], vec![part(0, 1, None), part(1, 400 * 86_400_000, None)]]
        {
            let rows = vec![Row { name: "attempt 1".to_owned(), parts }];
            let svg = line(rows).svg();
            assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"), "{svg}");
        }
    }
}
