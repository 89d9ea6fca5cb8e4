//! The two shapes of plot that the studies draw, as SVG text: lines and points over a number, and horizontal bars.
//!
//! ```text
//!  +--------------------------------+----------------+
//!  | title                          |                |
//!  | y label                        | ── a series    |     the legend stands beside the plot, never on it
//!  |  ^     . ──                    | ●  another     |
//!  |  +──────────────────────> x    |                |
//!  +--------------------------------+----------------+
//! ```
//!
//! | file | holds |
//! | ---- | ----- |
//! | `lines.rs`, `bars.rs` | the shapes |
//! | this one | what they share: axes, colours, the sheet, the legend |
//!
//! The same figures give the same bytes. No font is measured: text is anchored, and the viewer sets it.

mod bars;
mod lines;

use anyhow::{Result, anyhow};
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

pub use bars::BarPlot;
pub use lines::{LinePlot, Series};

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

const LEGEND_WIDTH: u32 = 230;
const PLOT_WIDTH: u32 = 660;

/// Colours that can be told apart on white and on black, and by eyes that see no red or green (Okabe and Ito).
const COLOURS: [RGBColor; 8] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(148, 103, 189),
    RGBColor(128, 128, 128),
];

/// How an axis counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Equal steps; from 0 unless all values lie far above.
    Linear,
    /// Equal ratios; all values are above 0.
    Log,
}

/// What an axis shows, with its unit.
#[derive(Clone, Copy, Debug)]
pub struct Axis {
    /// What it shows.
    pub label: &'static str,
    /// How it counts.
    pub scale: Scale,
}

impl Axis {
    /// An axis of equal steps.
    #[must_use]
    pub fn linear(label: &'static str) -> Axis {
        Axis { label, scale: Scale::Linear }
    }

    /// An axis of equal ratios.
    #[must_use]
    pub fn log(label: &'static str) -> Axis {
        Axis { label, scale: Scale::Log }
    }

    /// From where to where, so that every value has its place.
    fn range(&self, values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
        let (low, high) = (values.clone().fold(f64::INFINITY, f64::min), values.fold(f64::NEG_INFINITY, f64::max));
        match self.scale {
            Scale::Linear if high <= 0.0 => (0.0, 1.0),
            // Reads begin at 1: an axis from 0 would waste the half of it.
            Scale::Linear if low >= 1.0 && high < 8.0 => (low.floor(), high + (high - low.floor()).max(0.5) * 0.05),
            Scale::Linear => (0.0, high * 1.05),
            Scale::Log => (low / 1.2, high * 1.2),
        }
    }
}

/// How a series is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// A line: what a formula says.
    Line,
    /// A dashed line.
    Dashed,
    /// Points: what was measured.
    Points,
    /// Points joined by a line.
    Joined,
    /// A bar from 0 to each point.
    Bars,
}

/// What stands at a measured point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Marker {
    Dot,
    Triangle,
}

impl Marker {
    /// Colours that come a second time are told from the first by it.
    fn of(colour: usize) -> Marker {
        if colour < COLOURS.len() { Marker::Dot } else { Marker::Triangle }
    }
}

/// A white sheet of this size with a title, and what `content` draws below.
fn draw(size: (u32, u32), title: &str, content: impl FnOnce(&Area<'_>) -> Result<()>) -> Result<String> {
    let mut svg = String::new();
    {
        let sheet = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        sheet.fill(&WHITE).map_err(failed)?;
        sheet.draw(&Text::new(title.to_string(), (16, 12), text(17))).map_err(failed)?;
        content(&sheet.margin(32, 0, 0, 0))?;
        sheet.present().map_err(failed)?;
    }
    Ok(svg)
}

fn draw_legend<'a>(area: &Area<'_>, entries: impl Iterator<Item = (&'a str, Style, usize)>) -> Result<()> {
    for (row, (name, style, colour)) in entries.enumerate() {
        let marker = Marker::of(colour);
        let colour = COLOURS[colour % COLOURS.len()];
        let y = 20 + 20 * row as i32;
        let line = [(4, y), (28, y)];
        let mark = || match marker {
            Marker::Dot => area.draw(&Circle::new((16, y), 4, colour.filled())),
            Marker::Triangle => area.draw(&TriangleMarker::new((16, y), 6, colour.filled())),
        };
        match style {
            Style::Line => area.draw(&PathElement::new(line, colour.stroke_width(2))),
            Style::Dashed => area.draw(&DashedPathElement::new(line, 6, 4, colour.stroke_width(2))),
            Style::Points => mark(),
            Style::Joined => area.draw(&PathElement::new(line, colour.stroke_width(2))).and_then(|()| mark()),
            Style::Bars => area.draw(&Rectangle::new([(10, y - 6), (22, y + 6)], colour.filled())),
        }
        .map_err(failed)?;
        let style = text(13).pos(Pos::new(HPos::Left, VPos::Center));
        area.draw(&Text::new(name.to_string(), (36, y), style)).map_err(failed)?;
    }
    Ok(())
}

fn text(size: i32) -> TextStyle<'static> {
    ("sans-serif", size).into_font().color(&BLACK)
}

fn failed(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("cannot draw a plot: {error}")
}

/// A number on an axis: thousands and millions by their letter, small ones with as many digits as they need.
fn number(value: f64) -> String {
    let trimmed = |value: f64, digits: usize| {
        let text = format!("{value:.digits$}");
        if digits == 0 { text } else { text.trim_end_matches('0').trim_end_matches('.').to_string() }
    };
    match value.abs() {
        size if size >= 1e6 => trimmed(value / 1e6, 2) + "M",
        size if size >= 1e4 => trimmed(value / 1e3, 1) + "k",
        size if size >= 100.0 => trimmed(value, 0),
        size if size >= 0.01 || size == 0.0 => trimmed(value, 2),
        _ => format!("{value:.0e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_on_an_axis_are_short() {
        let texts = [0.0, 0.00001, 0.25, 1.0, 1.5, 128.0, 16384.0, 131_072.0, 2e6].map(number);
        assert_eq!(texts, ["0", "1e-5", "0.25", "1", "1.5", "128", "16.4k", "131.1k", "2M"]);
    }

    #[test]
    fn every_series_and_bar_is_in_the_picture() {
        let series =
            |style| Series { name: format!("{style:?}"), style, colour: 0, points: vec![(1.0, 2.0), (10.0, 20.0)] };
        let styles = [Style::Line, Style::Dashed, Style::Points, Style::Joined];
        let plot = LinePlot {
            title: "A title".into(),
            x: Axis::log("pages"),
            y: Axis::linear("reads"),
            series: styles.map(series).to_vec(),
        };
        let svg = plot.svg().unwrap();
        assert!(["A title", "pages", "reads", "Dashed", "Joined"].iter().all(|word| svg.contains(word)), "{svg}");
        // Two series with points, two dots each, and a dot each in the legend.
        assert_eq!(svg.matches("<circle").count(), 6);
        let again = Series { colour: COLOURS.len(), ..series(Style::Joined) };
        let svg_again = LinePlot { series: vec![series(Style::Joined), again], ..plot.clone() }.svg().unwrap();
        assert_eq!(
            (svg_again.matches("<circle").count(), svg_again.matches("<polygon").count()),
            (3, 3),
            "{svg_again}"
        );
        assert_eq!(svg, plot.svg().unwrap());
        let bars = BarPlot {
            title: String::new(),
            x: Axis::linear("bytes"),
            names: vec!["one".into(), "two".into()],
            groups: vec![("a".into(), vec![1.0, f64::NAN])],
        };
        // The sheet, a bar, the legend.
        assert_eq!(bars.svg().unwrap().matches("<rect").count(), 3);
    }
}
