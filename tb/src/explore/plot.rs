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
//! The same figures give the same bytes. No font is measured: text is anchored, and the viewer sets it.

use anyhow::{Result, anyhow};
use plotters::coord::ranged1d::{AsRangedCoord, Ranged, ValueFormatter};
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

const LEGEND_WIDTH: u32 = 230;
const PLOT_WIDTH: u32 = 660;
const PLOT_HEIGHT: u32 = 420;
const BAR_HEIGHT: u32 = 14;
/// Room for a bar's name, at the left.
const NAMES_WIDTH: i32 = 150;

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

/// Points of one kind.
#[derive(Clone, Debug)]
pub struct Series {
    /// Its name in the legend.
    pub name: String,
    /// How it is drawn.
    pub style: Style,
    /// Which of the colours it has: a formula and its measurement share one.
    pub colour: usize,
    /// The points, x ascending.
    pub points: Vec<(f64, f64)>,
}

/// Series over a number.
#[derive(Clone, Debug)]
pub struct LinePlot {
    /// What it shows.
    pub title: String,
    /// The axis below.
    pub x: Axis,
    /// The axis at the left.
    pub y: Axis,
    /// What is drawn.
    pub series: Vec<Series>,
}

/// A group of bars for each name.
#[derive(Clone, Debug)]
pub struct BarPlot {
    /// What it shows.
    pub title: String,
    /// The axis below.
    pub x: Axis,
    /// The names, from above.
    pub names: Vec<String>,
    /// What the bars of a group are, and their lengths, one for each name; one that is not there is not a number.
    pub groups: Vec<(String, Vec<f64>)>,
}

impl LinePlot {
    /// The plot as SVG.
    ///
    /// # Errors
    /// A value is no number, or the library cannot draw it.
    pub fn svg(&self) -> Result<String> {
        let points = || self.series.iter().flat_map(|series| series.points.iter());
        let (mut x, y) = (self.x.range(points().map(|p| p.0)), self.y.range(points().map(|p| p.1)));
        if self.series.iter().any(|series| series.style == Style::Bars) {
            // Bars stand around their x: the first and the last need room on both sides.
            x = points().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), p| (low.min(p.0), high.max(p.0)));
            x = (x.0 - 0.6, x.1 + 0.6);
        }
        draw((PLOT_WIDTH + LEGEND_WIDTH, PLOT_HEIGHT), &self.title, |area| {
            let (plot, legend) = area.split_horizontally(PLOT_WIDTH);
            match (self.x.scale, self.y.scale) {
                (Scale::Linear, Scale::Linear) => self.draw(&plot, x.0..x.1, y.0..y.1),
                (Scale::Linear, Scale::Log) => self.draw(&plot, x.0..x.1, (y.0..y.1).log_scale()),
                (Scale::Log, Scale::Linear) => self.draw(&plot, (x.0..x.1).log_scale(), y.0..y.1),
                (Scale::Log, Scale::Log) => self.draw(&plot, (x.0..x.1).log_scale(), (y.0..y.1).log_scale()),
            }?;
            let entries = self.series.iter().map(|series| (series.name.as_str(), series.style, series.colour));
            draw_legend(&legend, entries)
        })
    }

    fn draw<X, Y>(
        &self,
        plot: &Area<'_>,
        x: impl AsRangedCoord<CoordDescType = X, Value = f64>,
        y: impl AsRangedCoord<CoordDescType = Y, Value = f64>,
    ) -> Result<()>
    where
        X: Ranged<ValueType = f64> + ValueFormatter<f64>,
        Y: Ranged<ValueType = f64> + ValueFormatter<f64>,
    {
        let mut chart = ChartBuilder::on(plot)
            .margin(12)
            .set_label_area_size(LabelAreaPosition::Left, 62)
            .set_label_area_size(LabelAreaPosition::Bottom, 44)
            .build_cartesian_2d(x, y)
            .map_err(failed)?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(BLACK.mix(0.12))
            .x_desc(self.x.label)
            .y_desc(self.y.label)
            .x_labels(9)
            .y_labels(8)
            .x_label_formatter(&|value| number(*value))
            .y_label_formatter(&|value| number(*value))
            .label_style(("sans-serif", 13))
            .axis_desc_style(("sans-serif", 14))
            .draw()
            .map_err(failed)?;
        for series in &self.series {
            let colour = COLOURS[series.colour % COLOURS.len()];
            let points = series.points.clone();
            match series.style {
                Style::Line => chart.draw_series([PathElement::new(points, colour.stroke_width(2))]).map(drop),
                Style::Dashed => {
                    let path = DashedPathElement::new(points.into_iter(), 6, 4, colour.stroke_width(2));
                    chart.draw_series([path]).map(drop)
                }
                Style::Points => chart.draw_series(points.into_iter().map(|p| dot(p, colour))).map(drop),
                Style::Joined => {
                    let line = PathElement::new(points.clone(), colour.stroke_width(2));
                    chart.draw_series([line]).map_err(failed)?;
                    chart.draw_series(points.into_iter().map(|p| dot(p, colour))).map(drop)
                }
                Style::Bars => {
                    // Bars of several series stand side by side around their x.
                    let all = self.series.iter().filter(|other| other.style == Style::Bars).count() as f64;
                    let before = self.series.iter().take_while(|other| !std::ptr::eq(*other, series));
                    let place = before.filter(|other| other.style == Style::Bars).count() as f64;
                    let width = 0.8 / all;
                    let bar = |(x, y): (f64, f64)| {
                        let left = x - 0.4 + place * width;
                        Rectangle::new([(left, 0.0), (left + width * 0.92, y)], colour.filled())
                    };
                    chart.draw_series(points.into_iter().map(bar)).map(drop)
                }
            }
            .map_err(failed)?;
        }
        Ok(())
    }
}

impl BarPlot {
    /// The plot as SVG.
    ///
    /// # Errors
    /// A value is no number, or the library cannot draw it.
    pub fn svg(&self) -> Result<String> {
        let values =
            self.groups.iter().flat_map(|(_, values)| values.iter().copied()).filter(|value| value.is_finite());
        let (_, high) = Axis { scale: Scale::Linear, ..self.x }.range(values.clone());
        let low = match self.x.scale {
            Scale::Linear => 0.0,
            Scale::Log => values.fold(f64::INFINITY, f64::min) / 1.5,
        };
        let height = self.names.len() as u32 * (self.groups.len() as u32 * BAR_HEIGHT + 10) + 110;
        draw((PLOT_WIDTH + LEGEND_WIDTH, height), &self.title, |area| {
            let (plot, legend) = area.split_horizontally(PLOT_WIDTH);
            match self.x.scale {
                Scale::Linear => self.draw(&plot, 0.0, low..high),
                Scale::Log => self.draw(&plot, low, (low..high * 1.2).log_scale()),
            }?;
            let entries = self.groups.iter().enumerate().map(|(i, (name, _))| (name.as_str(), Style::Bars, i));
            draw_legend(&legend, entries)
        })
    }

    fn draw<X>(&self, plot: &Area<'_>, low: f64, x: impl AsRangedCoord<CoordDescType = X, Value = f64>) -> Result<()>
    where
        X: Ranged<ValueType = f64> + ValueFormatter<f64>,
    {
        let rows = self.names.len() as f64;
        let mut chart = ChartBuilder::on(plot)
            .margin(12)
            .set_label_area_size(LabelAreaPosition::Left, NAMES_WIDTH)
            .set_label_area_size(LabelAreaPosition::Bottom, 44)
            .build_cartesian_2d(x, rows..0.0)
            .map_err(failed)?;
        chart
            .configure_mesh()
            .disable_y_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(BLACK.mix(0.12))
            .x_desc(self.x.label)
            .x_labels(9)
            .y_labels(0)
            .x_label_formatter(&|value| number(*value))
            .label_style(("sans-serif", 13))
            .axis_desc_style(("sans-serif", 14))
            .draw()
            .map_err(failed)?;
        let width = 0.8 / self.groups.len() as f64;
        for (group, (_, values)) in self.groups.iter().enumerate() {
            let colour = COLOURS[group % COLOURS.len()];
            for (row, value) in values.iter().enumerate().filter(|(_, value)| value.is_finite()) {
                let top = row as f64 + 0.1 + group as f64 * width;
                let bar = Rectangle::new([(low, top), (*value, top + width * 0.92)], colour.filled());
                chart.draw_series([bar]).map_err(failed)?;
            }
        }
        let left = chart.backend_coord(&(low, 0.0)).0 - plot.get_base_pixel().0;
        for (row, name) in self.names.iter().enumerate() {
            let middle = chart.backend_coord(&(low, row as f64 + 0.5)).1 - plot.get_base_pixel().1;
            let style = text(13).pos(Pos::new(HPos::Right, VPos::Center));
            plot.draw(&Text::new(name.clone(), (left - 8, middle), style)).map_err(failed)?;
        }
        Ok(())
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
        let colour = COLOURS[colour % COLOURS.len()];
        let y = 20 + 20 * row as i32;
        let line = [(4, y), (28, y)];
        match style {
            Style::Line => area.draw(&PathElement::new(line, colour.stroke_width(2))),
            Style::Dashed => area.draw(&DashedPathElement::new(line.into_iter(), 6, 4, colour.stroke_width(2))),
            Style::Points => area.draw(&Circle::new((16, y), 4, colour.filled())),
            Style::Joined => area
                .draw(&PathElement::new(line, colour.stroke_width(2)))
                .and_then(|()| area.draw(&Circle::new((16, y), 4, colour.filled()))),
            Style::Bars => area.draw(&Rectangle::new([(10, y - 6), (22, y + 6)], colour.filled())),
        }
        .map_err(failed)?;
        let style = text(13).pos(Pos::new(HPos::Left, VPos::Center));
        area.draw(&Text::new(name.to_string(), (36, y), style)).map_err(failed)?;
    }
    Ok(())
}

fn dot(at: (f64, f64), colour: RGBColor) -> Circle<(f64, f64), i32> {
    Circle::new(at, 4, colour.filled())
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
