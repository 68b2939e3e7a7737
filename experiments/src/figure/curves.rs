//! Test error against the epoch: the mean over trials, and a band from the best to the worst.

use plotters::prelude::*;

use super::style::{Look, legend};
use super::{Area, DrawingError, LEGEND, SIZE, error_range, error_ticks};
use crate::summary::{Spread, Summary};

/// Epochs between two marks on a curve, so that there are about six.
fn between(epochs: usize) -> usize {
    epochs.div_ceil(6).max(1)
}

pub(super) fn draw(root: &Area<'_>, summaries: &[&Summary<'_>], epochs: usize) -> Result<(), DrawingError> {
    let (left, right) = root.split_horizontally(SIZE.0 - LEGEND);
    let curves: Vec<Vec<(usize, Spread)>> = summaries.iter().map(|summary| summary.errors(epochs)).collect();
    let spreads = || curves.iter().flatten().map(|(_, spread)| spread);
    let (least, most) =
        error_range(spreads().map(|spread| spread.least).chain(spreads().map(|spread| spread.most)));
    let mut chart =
        ChartBuilder::on(&left).margin(12).x_label_area_size(46).y_label_area_size(64).build_cartesian_2d(
            1..epochs.max(2),
            (least..most).log_scale().with_key_points(error_ticks(least, most)),
        )?;
    chart
        .configure_mesh()
        .x_desc("epoch")
        .y_desc("test error, % (logarithmic)")
        .x_labels(epochs.min(10))
        .y_label_formatter(&|error| format!("{error}"))
        .label_style(("sans-serif", 15))
        .light_line_style(TRANSPARENT)
        .draw()?;
    for (place, curve) in curves.iter().enumerate() {
        let upper = curve.iter().map(|&(epoch, spread)| (epoch, spread.most));
        let lower = curve.iter().rev().map(|&(epoch, spread)| (epoch, spread.least));
        let band: Vec<(usize, f64)> = upper.chain(lower).collect();
        chart.draw_series([Polygon::new(band, Look::of(place).colour().mix(0.18))])?;
    }
    for (place, curve) in curves.iter().enumerate() {
        let look = Look::of(place);
        let points: Vec<(i32, i32)> = curve
            .iter()
            .map(|&(epoch, spread)| chart.backend_coord(&(epoch, spread.mean)))
            .map(|(x, y)| inside(root, (x, y)))
            .collect();
        look.line(root, &points)?;
        // Marks at other epochs for each curve, so that they do not cover one another.
        let step = between(epochs);
        for (point, _) in points.iter().zip(1..).filter(|(_, epoch)| (epoch + place).is_multiple_of(step)) {
            look.mark(root, *point)?;
        }
    }
    let lines: Vec<_> = summaries
        .iter()
        .enumerate()
        .map(|(place, summary)| (Look::of(place), summary.label.to_owned()))
        .collect();
    legend(&right, &lines, true)
}

/// A place of the whole picture as one of an area of it.
fn inside(area: &Area<'_>, (x, y): (i32, i32)) -> (i32, i32) {
    let (columns, rows) = area.get_pixel_range();
    (x - columns.start, y - rows.start)
}
