//! Components as ellipses and neurons as dots, the later the darker, a panel a run.

use plotters::prelude::*;

use super::style::Look;
use super::{Area, DrawingError};
use crate::follow::{Frame, Mark};
use crate::summary::Summary;

/// Epochs that are drawn: the start, the end, and some between.
const MOMENTS: usize = 6;
/// Corners of an ellipse.
const CORNERS: u32 = 48;

pub(super) fn draw(root: &Area<'_>, summaries: &[&Summary<'_>]) -> Result<(), DrawingError> {
    let panels = root.split_evenly((summaries.len().div_ceil(2).max(1), 2));
    for (panel, summary) in panels.iter().zip(summaries) {
        let frames = summary.trials.iter().find(|trial| !trial.frames.is_empty());
        draw_panel(panel, summary.label, &moments(frames.map_or(&[][..], |trial| &trial.frames)))?;
    }
    Ok(())
}

/// The frames that are drawn, closer together at the start, where most happens.
fn moments(frames: &[Frame]) -> Vec<&Frame> {
    let Some(last) = frames.len().checked_sub(1) else { return Vec::new() };
    let mut places: Vec<usize> = (0..MOMENTS)
        .map(|moment| ((moment as f64 / (MOMENTS - 1) as f64).powi(2) * last as f64).round() as usize)
        .collect();
    places.dedup();
    places.into_iter().filter_map(|place| frames.get(place)).collect()
}

fn draw_panel(panel: &Area<'_>, label: &str, frames: &[&Frame]) -> Result<(), DrawingError> {
    let epochs: Vec<String> = frames.iter().map(|frame| frame.epoch.to_string()).collect();
    let panel = panel.titled(label, ("sans-serif", 17))?;
    let panel =
        panel.titled(&format!("epochs {}, the later the darker", epochs.join(", ")), ("sans-serif", 14))?;
    let edges = frames.iter().flat_map(|frame| &frame.marks).flat_map(edges_of);
    // Equal scales on both axes: a square around everything.
    let [mut least, mut most] = [[f64::INFINITY; 2], [f64::NEG_INFINITY; 2]];
    for point in edges {
        for (axis, value) in point.into_iter().enumerate() {
            least[axis] = least[axis].min(value);
            most[axis] = most[axis].max(value);
        }
    }
    if !least.iter().chain(&most).all(|edge| edge.is_finite()) {
        return Ok(());
    }
    let half = (most[0] - least[0]).max(most[1] - least[1]) * 0.53;
    let [x, y] = [0, 1].map(|axis| (least[axis] + most[axis]) / 2.0);
    let mut chart = ChartBuilder::on(&panel)
        .margin(10)
        .x_label_area_size(42)
        .y_label_area_size(56)
        .build_cartesian_2d(x - half..x + half, y - half..y + half)?;
    chart
        .configure_mesh()
        .x_labels(6)
        .y_labels(6)
        .x_label_formatter(&|value| tick(*value))
        .y_label_formatter(&|value| tick(*value))
        .x_desc("first main axis")
        .y_desc("second main axis")
        .label_style(("sans-serif", 13))
        .light_line_style(TRANSPARENT)
        .bold_line_style(BLACK.mix(0.08))
        .draw()?;
    let count = frames.len() as f64;
    for (age, frame) in frames.iter().enumerate() {
        let opacity = 0.15 + 0.85 * ((age + 1) as f64 / count).powi(2);
        for (place, mark) in frame.marks.iter().enumerate() {
            // Few components have a look each; neurons share one.
            let colour = if frame.marks.len() <= 8 { Look::of(place).colour() } else { Look::of(1).colour() };
            if mark.covariance == [0.0; 3] {
                chart.draw_series([Circle::new(
                    (mark.mean[0], mark.mean[1]),
                    2,
                    colour.mix(opacity).filled(),
                )])?;
                continue;
            }
            chart.draw_series([PathElement::new(ellipse(mark), colour.mix(opacity).stroke_width(2))])?;
            chart.draw_series([Circle::new(
                (mark.mean[0], mark.mean[1]),
                3,
                colour.mix(opacity).filled(),
            )])?;
        }
    }
    Ok(())
}

/// A number of an axis; rounding leaves no −0.
fn tick(value: f64) -> String {
    let rounded = (value * 1e6).round() / 1e6;
    format!("{}", if rounded == 0.0 { 0.0 } else { rounded })
}

/// Points that must be in the picture: one standard deviation around the mean.
fn edges_of(mark: &Mark) -> [[f64; 2]; 2] {
    let [x, y] = mark.mean;
    let [along_x, _, along_y] = mark.covariance.map(|entry| entry.max(0.0).sqrt());
    [[x - along_x, y - along_y], [x + along_x, y + along_y]]
}

/// The ellipse of one standard deviation, by the Cholesky factor of the covariance.
fn ellipse(mark: &Mark) -> Vec<(f64, f64)> {
    let [xx, xy, yy] = mark.covariance;
    let first = xx.max(0.0).sqrt();
    let both = if first > 0.0 { xy / first } else { 0.0 };
    let second = (yy - both * both).max(0.0).sqrt();
    (0..=CORNERS)
        .map(|corner| {
            let angle = core::f64::consts::TAU * f64::from(corner) / f64::from(CORNERS);
            let (sine, cosine) = angle.sin_cos();
            (mark.mean[0] + first * cosine, mark.mean[1] + both * cosine + second * sine)
        })
        .collect()
}
