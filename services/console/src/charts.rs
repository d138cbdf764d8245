//! Charts: figures of some places on an axis, drawn as SVG on the server, so that no script is needed to see them.
//!
//! The library writes each colour as an attribute. Those are the ones below and no others, and the style sheet puts the
//! theme's in their places: a page holds no style of its own (see [`crate::frame`]).

pub(crate) mod timeline;

use std::io;

use plotters::drawing::DrawingAreaErrorKind;
use plotters::prelude::{
    BindKeyPoints as _, ChartBuilder, Color as _, IntoDrawingArea as _, IntoFont as _, RGBColor, Rectangle,
    SVGBackend, ShapeStyle, TextStyle,
};

/// Its size in units of its own, which a browser fits into the room that there is.
const SIZE: (u32, u32) = (720, 240);
/// Room for what stands at the axes, also in the larger letters of a narrow screen.
const BELOW: u32 = 34;
const BESIDE: u32 = 66;
const TEXT_SIZE: f64 = 16.12;
/// Units of an axis that a place takes, and of them what stays free on both sides.
const PLACE: usize = 60;
const FREE: usize = 6;
/// Divisions of the height, at most.
const DIVISIONS: i128 = 4;
/// What is not nothing takes so many parts of the height at least: one that failed is seen among a million.
const LEAST: i128 = 80;

const TEXT: RGBColor = RGBColor(0x55, 0x62, 0x75);
const LINE: RGBColor = RGBColor(0xD8, 0xDE, 0xE7);

/// What a colour says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Busy,
    Warn,
    Bad,
}

impl Tone {
    /// The class of whatever has its colour.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Busy => "busy",
            Self::Warn => "warn",
            Self::Bad => "bad",
        }
    }

    fn colour(self) -> RGBColor {
        match self {
            Self::Good => RGBColor(0x14, 0x6C, 0x36),
            Self::Busy => RGBColor(0x14, 0x50, 0xB4),
            Self::Warn => RGBColor(0x7A, 0x52, 0x00),
            Self::Bad => RGBColor(0xA1, 0x1C, 0x1C),
        }
    }
}

/// One kind of figure: one for each place.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    pub(crate) name: &'static str,
    pub(crate) tone: Tone,
    pub(crate) values: Vec<i64>,
}

/// How the figures of a place stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stand {
    /// On one another, since they are parts of a whole.
    Stacked,
    Beside,
}

/// What is drawn. Figures below zero are not.
#[derive(Clone, Debug)]
pub(crate) struct Chart {
    /// All of it in words, with the main figures, for whoever does not see it.
    pub(crate) says: String,
    /// What a look at it does not tell, like the unit.
    pub(crate) note: String,
    /// What stands below each place; nothing for most, or it would not be readable.
    pub(crate) places: Vec<String>,
    pub(crate) series: Vec<Series>,
    pub(crate) stand: Stand,
    /// Decimals of the unit: figures are in its smallest parts.
    pub(crate) decimals: u32,
}

impl Chart {
    /// As SVG, with all that is written in it escaped; nothing if it has no places.
    pub(crate) fn svg(&self) -> String {
        let mut svg = String::new();
        if self.places.is_empty() {
            return svg;
        }
        if let Err(error) = self.draw(&mut svg) {
            // The figures are on the page besides.
            tracing::error!("a chart can't be drawn: {error}");
            svg.clear();
        }
        svg
    }

    fn draw(&self, svg: &mut String) -> Result<(), DrawingAreaErrorKind<io::Error>> {
        let ticks = ticks(self.highest());
        let top = ticks.last().copied().unwrap_or(1);
        let named = |place: usize| self.places.get(place).filter(|name| !name.is_empty());
        let middles = (0..self.places.len()).filter(|place| named(*place).is_some());
        let middles: Vec<usize> = middles.map(|place| place * PLACE + PLACE / 2).collect();

        let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
        let mut chart = ChartBuilder::on(&area)
            .margin_top(12)
            .margin_right(12)
            .x_label_area_size(BELOW)
            .y_label_area_size(BESIDE)
            .build_cartesian_2d(
                (0..self.places.len() * PLACE).with_key_points(middles),
                (0..top).with_key_points(ticks),
            )?;
        let text = TextStyle::from(("sans-serif", TEXT_SIZE).into_font()).color(&TEXT);
        chart
            .configure_mesh()
            .disable_x_mesh()
            .bold_line_style(LINE)
            .axis_style(LINE)
            .label_style(text)
            .set_all_tick_mark_size(4)
            .x_label_formatter(&|at| named(at / PLACE).cloned().unwrap_or_default())
            .y_label_formatter(&|value| short(*value, self.decimals))
            .draw()?;
        chart.draw_series(self.bars(top))?;
        area.present()
    }

    /// What the axis has to reach.
    fn highest(&self) -> i128 {
        let each = (0..self.places.len()).map(|place| {
            let values = self.series.iter().map(|series| value(series, place));
            match self.stand {
                Stand::Stacked => values.sum(),
                Stand::Beside => values.max().unwrap_or(0),
            }
        });
        each.max().unwrap_or(0)
    }

    fn bars(&self, top: i128) -> Vec<Rectangle<(usize, i128)>> {
        let width = match self.stand {
            Stand::Stacked => PLACE - 2 * FREE,
            Stand::Beside => (PLACE - 2 * FREE) / self.series.len().max(1),
        };
        let mut bars = Vec::new();
        for place in 0..self.places.len() {
            let mut left = place * PLACE + FREE;
            let mut foot = 0;
            for series in &self.series {
                let value = value(series, place);
                if value > 0 {
                    let head = foot + value.max(top / LEAST);
                    let style: ShapeStyle = series.tone.colour().filled();
                    bars.push(Rectangle::new([(left, foot), (left + width, head)], style));
                    if self.stand == Stand::Stacked {
                        foot = head;
                    }
                }
                if self.stand == Stand::Beside {
                    left += width;
                }
            }
        }
        bars
    }
}

fn value(series: &Series, place: usize) -> i128 {
    series.values.get(place).map_or(0, |value| i128::from(*value).max(0))
}

/// Round figures from nothing up to what has to be reached.
fn ticks(highest: i128) -> Vec<i128> {
    let mut steps = (0..).flat_map(|power| [1, 2, 5].map(|first| first * 10_i128.pow(power)));
    let step = steps.find(|step| step * DIVISIONS >= highest).unwrap_or(highest);
    let mut ticks = vec![0];
    let mut tick = step;
    while tick - step < highest.max(1) {
        ticks.push(tick);
        tick += step;
    }
    ticks
}

/// A figure in as few characters as it can be told in.
fn short(value: i128, decimals: u32) -> String {
    let unit = 10_i128.pow(decimals);
    let larger = [("E", 18), ("P", 15), ("T", 12), ("G", 9), ("M", 6), ("k", 3)];
    let (sign, unit) = larger
        .into_iter()
        .map(|(sign, power)| (sign, unit * 10_i128.pow(power)))
        .find(|(_, unit)| value >= *unit)
        .unwrap_or(("", unit));
    let parts = format!("{}.{:03}", value / unit, value % unit * 1000 / unit);
    format!("{}{sign}", parts.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests;
