//! Series over a number: lines, points, and bars that stand on the axis.

use anyhow::Result;
use plotters::coord::ranged1d::{AsRangedCoord, Ranged, ValueFormatter};
use plotters::element::DashedPathElement;
use plotters::prelude::*;

use super::{Area, Axis, COLOURS, LEGEND_WIDTH, Marker, PLOT_WIDTH, Scale, Style, draw, draw_legend, failed, number};

const PLOT_HEIGHT: u32 = 420;

/// Points of one kind.
#[derive(Clone, Debug)]
pub struct Series {
    /// Its name in the legend.
    pub name: String,
    /// How it is drawn.
    pub style: Style,
    /// Which of the colours it has: a formula and its measurement share one. From 8 on they come again, with other markers.
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
                    let path = DashedPathElement::new(points, 6, 4, colour.stroke_width(2));
                    chart.draw_series([path]).map(drop)
                }
                Style::Points | Style::Joined => {
                    if series.style == Style::Joined {
                        let line = PathElement::new(points.clone(), colour.stroke_width(2));
                        chart.draw_series([line]).map_err(failed)?;
                    }
                    let (points, fill) = (points.into_iter(), colour.filled());
                    match Marker::of(series.colour) {
                        Marker::Dot => chart.draw_series(points.map(|p| Circle::new(p, 4, fill))).map(drop),
                        Marker::Triangle => {
                            chart.draw_series(points.map(|p| TriangleMarker::new(p, 6, fill))).map(drop)
                        }
                    }
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
