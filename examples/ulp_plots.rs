//! The pictures of docs/accuracy and the comparison of docs/ACCURACY.md:
//!
//! ```text
//! cargo run --release --example ulp_plots
//! ```
//!
//! Draws, for each function, the largest error in ULP in each of 400 strips of t, in `f32` and `f64`; and
//! for Φ in `f64` that of the usual formulas too, on a logarithmic scale. Then prints the tables that
//! compare with these formulas, with statrs and with SciPy at the arguments of tests/data/normal.txt.

use std::error::Error;
use std::ops::Range;
use std::path::Path;

use gmlayer::normal;
use plotters::coord::Shift;
use plotters::prelude::*;
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64;

#[allow(clippy::expect_used)] // shared with the tests
#[path = "../tests/numbers/data.rs"]
mod data;
#[path = "../tests/numbers/double.rs"]
mod double;
#[path = "../tests/numbers/reference.rs"]
mod reference;
#[path = "../tests/numbers/reference_f32.rs"]
mod reference_f32;

#[path = "ulp_plots/others.rs"]
mod others;

use reference::Reference;

const STRIPS: usize = 400;
const POINTS_IN_A_STRIP: usize = 2000;

/// A function's name, its formula, its place among the reference values and its two forms.
struct Function {
    name: &'static str,
    formula: &'static str,
    place: usize,
    f32: fn(f32) -> f32,
    f64: fn(f64) -> f64,
}

const FUNCTIONS: [Function; 4] = [
    Function { name: "density", formula: "φ(t)", place: 0, f32: normal::density, f64: normal::density },
    Function {
        name: "cumulative",
        formula: "Φ(t)",
        place: 1,
        f32: normal::cumulative,
        f64: normal::cumulative,
    },
    Function {
        name: "ramp",
        formula: "ψ(t) = t Φ(t) + φ(t)",
        place: 2,
        f32: normal::ramp,
        f64: normal::ramp,
    },
    Function {
        name: "density_moment",
        formula: "t φ(t)",
        place: 3,
        f32: normal::density_moment,
        f64: normal::density_moment,
    },
];

/// (t, largest error) in each strip of a range.
fn strips(range: Range<f64>, error: impl Fn(f64) -> f64) -> Vec<(f64, f64)> {
    let mut random = Pcg64::seed_from_u64(1);
    let width = (range.end - range.start) / STRIPS as f64;
    let strip = |i: usize| {
        let start = range.start + i as f64 * width;
        let worst = (0..POINTS_IN_A_STRIP).fold(0.0_f64, |worst, _| {
            let place = (random.next_u64() >> 11) as f64 * 2.0_f64.powi(-53);
            worst.max(error(start + width * place))
        });
        (start + width / 2.0, worst)
    };
    (0..STRIPS).map(strip).collect()
}

fn error_f32(function: fn(f32) -> f32, place: usize, t: f64) -> f64 {
    let t = t as f32;
    reference_f32::ulp(function(t), reference_f32::values(t)[place])
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// One panel: the errors of one function in one format.
fn panel(area: &Area, title: &str, points: Vec<(f64, f64)>, range: Range<f64>) -> Result<(), Box<dyn Error>> {
    let top = points.iter().fold(0.0_f64, |top, point| top.max(point.1));
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(42)
        .y_label_area_size(56)
        .build_cartesian_2d(range, 0.0..(top * 1.15))?;
    chart
        .configure_mesh()
        .x_desc("t")
        .y_desc("largest error, ULP")
        .x_label_formatter(&|t| format!("{t:.0}"))
        .y_label_formatter(&|y| format!("{y:.1}"))
        .label_style(("sans-serif", 15))
        .light_line_style(TRANSPARENT)
        .draw()?;
    chart.draw_series(LineSeries::new(points, &BLUE))?;
    Ok(())
}

fn draw(function: &Function, reference: &Reference, folder: &Path) -> Result<(), Box<dyn Error>> {
    let path = folder.join(function.name).with_extension("svg");
    let root = SVGBackend::new(&path, (900, 680)).into_drawing_area();
    root.fill(&WHITE)?;
    let (upper, lower) = root.split_vertically(340);
    let (single, double) = (-15.0..8.0, -39.5..10.0);
    let points = strips(single.clone(), |t| error_f32(function.f32, function.place, t));
    panel(&upper, &format!("{}: {} in f32", function.name, function.formula), points, single)?;
    let points = strips(double.clone(), |t| data::ulp((function.f64)(t), reference.at(t)[function.place]));
    panel(&lower, &format!("{}: {} in f64", function.name, function.formula), points, double)?;
    root.present()?;
    Ok(())
}

/// Φ in `f64` by everybody's formulas, on a logarithmic scale.
fn draw_comparison(reference: &Reference, folder: &Path) -> Result<(), Box<dyn Error>> {
    let path = folder.join("comparison.svg");
    let root = SVGBackend::new(&path, (900, 480)).into_drawing_area();
    root.fill(&WHITE)?;
    let range = -38.5..8.0;
    let mut chart = ChartBuilder::on(&root)
        .caption("Φ(t) in f64 by different formulas", ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(42)
        .y_label_area_size(70)
        .build_cartesian_2d(range.clone(), (0.1..1e17).log_scale())?;
    chart
        .configure_mesh()
        .x_desc("t")
        .y_desc("largest error, ULP")
        .x_label_formatter(&|t| format!("{t:.0}"))
        .y_label_formatter(&|y| format!("{y:.0e}"))
        .label_style(("sans-serif", 15))
        .light_line_style(TRANSPARENT)
        .draw()?;
    for (method, colour) in others::CUMULATIVE_F64.iter().zip([&BLUE, &RED, &GREEN, &MAGENTA]) {
        let points = strips(range.clone(), |t| data::ulp((method.function)(t), reference.at(t)[1]));
        let points = points.into_iter().map(|(t, error)| (t, error.clamp(0.1, 1e17)));
        chart
            .draw_series(LineSeries::new(points, colour))?
            .label(method.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 24, y)], colour));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .background_style(WHITE)
        .border_style(BLACK)
        .label_font(("sans-serif", 15))
        .draw()?;
    root.present()?;
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/accuracy");
    std::fs::create_dir_all(&folder)?;
    let reference = Reference::new();
    for function in &FUNCTIONS {
        draw(function, &reference, &folder)?;
    }
    draw_comparison(&reference, &folder)?;
    others::print_tables();
    Ok(())
}
