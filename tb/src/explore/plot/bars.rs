//! Horizontal bars: a group for each name, which stands at the left and has room there.

use anyhow::Result;
use plotters::coord::ranged1d::{AsRangedCoord, Ranged, ValueFormatter};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::{Area, Axis, COLOURS, LEGEND_WIDTH, PLOT_WIDTH, Scale, Style, draw, draw_legend, failed, number, text};

const BAR_HEIGHT: u32 = 14;
/// Room for a bar's name, at the left.
const NAMES_WIDTH: i32 = 150;

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
