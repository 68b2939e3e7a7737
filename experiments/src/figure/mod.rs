//! The figures, as SVG.

mod curves;
mod evolution;
mod scatter;
mod style;

use gmlayer_cli::internal::Failure;
use plotters::coord::Shift;
use plotters::prelude::*;

use crate::catalogue::{Figure, FigureKind};
use crate::summary::Summary;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Why a figure could not be drawn.
type DrawingError = Box<dyn core::error::Error>;

/// The pixels of a figure.
const SIZE: (u32, u32) = (960, 520);
/// The width of the legend on its right.
const LEGEND: u32 = 330;

/// The text of a figure's SVG file. The summaries are those of the whole experiment.
pub(super) fn draw(figure: &Figure, summaries: &[Summary<'_>]) -> Result<String, Failure> {
    let chosen: Vec<&Summary<'_>> = figure.runs.iter().filter_map(|&run| summaries.get(run)).collect();
    let mut text = String::new();
    let size = if figure.kind == FigureKind::Evolution { (960, 980) } else { SIZE };
    let drawn = {
        let root = SVGBackend::with_string(&mut text, size).into_drawing_area();
        draw_on(&root, figure, &chosen).and_then(|()| Ok(root.present()?))
    };
    drawn.map_err(|error| Failure::other(format!("cannot draw `{}`: {error}", figure.title)))?;
    Ok(text)
}

fn draw_on(root: &Area<'_>, figure: &Figure, chosen: &[&Summary<'_>]) -> Result<(), DrawingError> {
    root.fill(&WHITE)?;
    let root = root.titled(figure.title, ("sans-serif", 20))?;
    match figure.kind {
        FigureKind::Curves { epochs } => curves::draw(&root, chosen, epochs),
        FigureKind::Parameters => scatter::draw(&root, chosen, scatter::Across::Parameters),
        FigureKind::Operations => scatter::draw(&root, chosen, scatter::Across::Operations),
        FigureKind::Evolution => evolution::draw(&root, chosen),
    }
}

/// The errors, in percent, that an axis from `least` to `most` names; more of them on a short axis.
fn error_ticks(least: f64, most: f64) -> Vec<f64> {
    let few = [0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0, 10.0, 15.0, 20.0, 30.0, 50.0, 70.0, 100.0];
    let many = [
        0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 1.4, 1.6, 1.8, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0,
        10.0, 11.0, 12.0, 13.0, 14.0, 16.0, 18.0, 20.0, 25.0, 30.0, 40.0, 50.0, 60.0, 80.0, 100.0,
    ];
    let ticks = if most < 4.0 * least { &many[..] } else { &few[..] };
    ticks.iter().copied().filter(|tick| (least..=most).contains(tick)).collect()
}

/// The ends of an axis of errors around some numbers, a tick at or beyond each end.
fn error_range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (least, most) = values
        .filter(|value| value.is_finite() && *value > 0.0)
        .fold((f64::INFINITY, 0.0_f64), |(least, most), value| (least.min(value), most.max(value)));
    if least <= most { (least * 0.92, most * 1.08) } else { (0.5, 100.0) }
}
