//! Final test error against what it cost.

use plotters::prelude::*;

use super::style::{Look, legend};
use super::{Area, DrawingError, LEGEND, SIZE, error_range, error_ticks};
use crate::summary::Summary;

/// What a run costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Across {
    Parameters,
    Operations,
}

impl Across {
    fn of(self, summary: &Summary<'_>) -> f64 {
        match self {
            Self::Parameters => summary.parameters as f64 / 1000.0,
            Self::Operations => summary.giga_operations() / 1000.0,
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Parameters => "parameters, thousands (logarithmic)",
            Self::Operations => "operations of the training, 10¹² (logarithmic)",
        }
    }
}

pub(super) fn draw(root: &Area<'_>, summaries: &[&Summary<'_>], across: Across) -> Result<(), DrawingError> {
    let (left, right) = root.split_horizontally(SIZE.0 - LEGEND);
    let errors: Vec<_> = summaries.iter().map(|summary| summary.final_error()).collect();
    let (least, most) = error_range(errors.iter().flat_map(|error| [error.least, error.most]));
    let costs = || summaries.iter().map(|summary| across.of(summary));
    let from = costs().fold(f64::INFINITY, f64::min) * 0.8;
    let to = costs().fold(0.0, f64::max) * 1.25;
    let mut chart =
        ChartBuilder::on(&left).margin(12).x_label_area_size(46).y_label_area_size(64).build_cartesian_2d(
            (from..to).log_scale().with_key_points(cost_ticks(from, to)),
            (least..most).log_scale().with_key_points(error_ticks(least, most)),
        )?;
    chart
        .configure_mesh()
        .x_desc(across.title())
        .y_desc("test error, % (logarithmic)")
        .x_label_formatter(&|cost| format!("{cost}"))
        .y_label_formatter(&|error| format!("{error}"))
        .label_style(("sans-serif", 15))
        .light_line_style(TRANSPARENT)
        .draw()?;
    let (columns, rows) = root.get_pixel_range();
    for (place, (summary, error)) in summaries.iter().zip(&errors).enumerate() {
        let cost = across.of(summary);
        let ends = [(cost, error.least), (cost, error.most)];
        chart.draw_series([PathElement::new(ends, Look::of(place).colour().stroke_width(2))])?;
        let (x, y) = chart.backend_coord(&(cost, error.mean));
        Look::of(place).mark(root, (x - columns.start, y - rows.start))?;
    }
    let lines: Vec<_> = summaries
        .iter()
        .enumerate()
        .map(|(place, summary)| (Look::of(place), summary.label.to_owned()))
        .collect();
    legend(&right, &lines, false)
}

/// 1, 2 and 5 times the powers of ten between two numbers.
fn cost_ticks(from: f64, to: f64) -> Vec<f64> {
    let powers = (-3..7).map(|power| 10.0_f64.powi(power));
    let ticks = powers.flat_map(|power| [1.0, 2.0, 5.0].map(|digit| digit * power));
    ticks.filter(|tick| (from..=to).contains(tick)).collect()
}
