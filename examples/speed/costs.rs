//! The time of every form of the layers on unusual inputs and parameters, as a multiple of that on ordinary ones.
//!
//! Each run starts from the same parameters and from gradients of 0. Restoring them, the forward pass before a backward
//! pass and the preparation of a layer are not timed.

use std::error::Error;
use std::time::{Duration, Instant};

use gmlayer::diagonal::{self, Diagonal, Online, Sparse};
use gmlayer::joint::{self, Joint, JointShape};
use gmlayer::{Aligned, Shape};
use serde::Serialize;

use super::cases::Passes;
use super::diagonal::DiagonalState;
use super::joint::JointState;
use super::median;
use super::numbers::{KINDS, Numbers};

/// The name of these configurations.
pub(crate) const CONFIG: &str = "cost";
/// Rounds of all forms.
const ROUNDS: usize = 11;
/// The least time of one measurement in seconds, including what is not timed.
const LEAST: f64 = 1e-2;

/// One form on numbers of one kind.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    config: &'static str,
    batch: usize,
    what: &'static str,
    numbers: &'static str,
    us: f64,
    /// The time over that of the kind's base in the same round: the median of all rounds.
    ratio: f64,
    /// The upper bound of the ratio.
    bar: Option<f64>,
}

impl Row {
    fn is_above(&self) -> bool {
        self.bar.is_some_and(|bar| self.ratio > bar)
    }
}

type Outcome<T> = Result<T, gmlayer::Error>;

/// Seconds of one pass on some numbers.
type Measure = Box<dyn FnMut(&Numbers) -> Outcome<f64>>;

/// One pass of one form.
struct Form {
    what: &'static str,
    measure: Measure,
    /// Seconds of each round, in the order of [`KINDS`].
    rounds: Vec<Vec<f64>>,
}

/// The forms of one layer at one size of batch, and their numbers in the order of [`KINDS`].
struct Group {
    batch: usize,
    numbers: Vec<Numbers>,
    forms: Vec<Form>,
}

impl Group {
    fn new(batch: usize, ordinary: &Numbers, forms: Vec<(&'static str, Measure)>) -> Self {
        let numbers = KINDS.iter().map(|kind| ordinary.changed(kind)).collect();
        let form = |(what, measure)| Form { what, measure, rounds: Vec::new() };
        Self { batch, numbers, forms: forms.into_iter().map(form).collect() }
    }
}

/// Measures every form on every kind of numbers, in interleaved rounds.
pub(crate) fn measure() -> Result<Vec<Row>, Box<dyn Error>> {
    let shape = Shape::new(784, 10, 20)?;
    let joint_shape = JointShape::new(784, 10, 20, 4)?;
    let mut groups =
        [diagonal(shape, 1)?, diagonal(shape, 64)?, joint(joint_shape, 1)?, joint(joint_shape, 64)?];
    for _ in 0..ROUNDS {
        for Group { numbers, forms, .. } in &mut groups {
            for Form { measure, rounds, .. } in forms {
                // Fills the caches, which the form before has used.
                numbers.first().map(&mut *measure).transpose()?;
                rounds.push(numbers.iter().map(measure).collect::<Outcome<_>>()?);
            }
        }
    }
    let rows =
        |group: &Group| group.forms.iter().flat_map(|form| rows(group.batch, form)).collect::<Vec<_>>();
    Ok(groups.iter().flat_map(rows).collect())
}

/// The rows of one form.
fn rows(batch: usize, Form { what, rounds, .. }: &Form) -> impl Iterator<Item = Row> {
    KINDS.iter().enumerate().map(move |(index, kind)| {
        let base = KINDS.iter().position(|other| other.name == kind.base).unwrap_or(index);
        let over_rounds = |value: &dyn Fn(&[f64]) -> f64| median(rounds.iter().map(|of| value(of)).collect());
        Row {
            config: CONFIG,
            batch,
            what,
            numbers: kind.name,
            us: over_rounds(&|seconds| seconds[index]) * 1e6,
            ratio: over_rounds(&|seconds| seconds[index] / seconds[base]),
            bar: kind.bar,
        }
    })
}

/// The median of the times that repeated runs return, in seconds.
fn repeat(mut run: impl FnMut() -> Outcome<Duration>) -> Outcome<f64> {
    let (start, mut times) = (Instant::now(), Vec::new());
    while start.elapsed().as_secs_f64() < LEAST {
        times.push(run()?.as_secs_f64());
    }
    Ok(median(times))
}

fn timed(run: impl FnOnce() -> Outcome<()>) -> Outcome<Duration> {
    let start = Instant::now();
    run()?;
    Ok(start.elapsed())
}

/// The forward pass.
fn forward(mut layer: impl Passes + 'static) -> Measure {
    Box::new(move |numbers| {
        layer.set(&numbers.flat, &numbers.x);
        repeat(|| timed(|| layer.forward()))
    })
}

/// The backward pass with the gradients of all parameters and of x.
fn backward(mut layer: impl Passes + 'static) -> Measure {
    Box::new(move |numbers| {
        repeat(|| {
            layer.set(&numbers.flat, &numbers.x);
            layer.forward()?;
            timed(|| layer.backward(true))
        })
    })
}

/// The backward pass joined with gradient descent.
fn descend(mut layer: impl Passes + 'static) -> Measure {
    Box::new(move |numbers| {
        repeat(|| {
            layer.set(&numbers.flat, &numbers.x);
            layer.forward()?;
            timed(|| layer.descend())
        })
    })
}

fn online_forward(shape: Shape) -> Outcome<Measure> {
    let DiagonalState { mut flat, mut y, .. } = DiagonalState::new(shape, 1, None)?;
    let mut scratch = vec![0.0; Online::<f32>::scratch_len(shape)];
    Ok(Box::new(move |numbers| {
        flat.copy_from_slice(&numbers.flat);
        let layer = Online::new(shape, &mut flat)?;
        repeat(|| timed(|| layer.forward(&numbers.x, &mut y, &mut scratch)))
    }))
}

fn online_step(shape: Shape) -> Outcome<Measure> {
    let DiagonalState { mut flat, g, .. } = DiagonalState::new(shape, 1, None)?;
    let mut scratch = vec![0.0; Online::<f32>::scratch_len(shape)];
    Ok(Box::new(move |numbers| {
        repeat(|| {
            flat.copy_from_slice(&numbers.flat);
            let mut layer = Online::new(shape, &mut flat)?;
            timed(|| layer.step(&numbers.x, &g, &diagonal::Rates::all(1e-6), &mut scratch))
        })
    }))
}

fn prepared(shape: Shape, batch: usize) -> Outcome<Measure> {
    let DiagonalState { mut flat, mut x, mut y, .. } = DiagonalState::new(shape, batch, None)?;
    let layer = Diagonal::new(shape, diagonal::Parameters::from_flat(shape, &flat)?)?;
    let mut storage = Aligned::zeros(layer.prepared_len())?;
    let mut scratch = Aligned::zeros(layer.prepare(&mut storage)?.scratch_len(batch)?)?;
    Ok(Box::new(move |numbers| {
        flat.copy_from_slice(&numbers.flat);
        x.copy_from_slice(&numbers.x);
        let layer = Diagonal::new(shape, diagonal::Parameters::from_flat(shape, &flat)?)?;
        let prepared = layer.prepare(&mut storage)?;
        repeat(|| timed(|| prepared.forward(&x, &mut y, &mut scratch)))
    }))
}

fn sparse(shape: Shape, batch: usize) -> Outcome<Measure> {
    let DiagonalState { mut flat, mut x, mut y, .. } = DiagonalState::new(shape, batch, None)?;
    let layer = Diagonal::new(shape, diagonal::Parameters::from_flat(shape, &flat)?)?;
    let mut storage = Aligned::zeros(layer.prepared_len())?;
    let mut columns = Aligned::zeros(Sparse::<f32>::storage_len(shape)?)?;
    let sparse = Sparse::new(layer.prepare(&mut storage)?, &mut columns)?;
    let mut scratch = Aligned::zeros(sparse.scratch_len()?)?;
    Ok(Box::new(move |numbers| {
        flat.copy_from_slice(&numbers.flat);
        x.copy_from_slice(&numbers.x);
        let layer = Diagonal::new(shape, diagonal::Parameters::from_flat(shape, &flat)?)?;
        let sparse = Sparse::new(layer.prepare(&mut storage)?, &mut columns)?;
        repeat(|| timed(|| sparse.forward(&x, &mut y, &mut scratch)))
    }))
}

fn joint_prepared(shape: JointShape, batch: usize) -> Outcome<Measure> {
    let JointState { mut flat, mut x, mut y, .. } = JointState::new(shape, batch, None)?;
    let layer = Joint::new(shape, joint::Parameters::from_flat(shape, &flat)?)?;
    let mut scratch = Aligned::zeros(layer.prepare().scratch_len(batch)?)?;
    Ok(Box::new(move |numbers| {
        flat.copy_from_slice(&numbers.flat);
        x.copy_from_slice(&numbers.x);
        let layer = Joint::new(shape, joint::Parameters::from_flat(shape, &flat)?)?;
        let prepared = layer.prepare();
        repeat(|| timed(|| prepared.forward(&x, &mut y, &mut scratch)))
    }))
}

fn joint_sparse(shape: JointShape, batch: usize) -> Outcome<Measure> {
    let JointState { mut flat, mut x, mut y, .. } = JointState::new(shape, batch, None)?;
    let layer = Joint::new(shape, joint::Parameters::from_flat(shape, &flat)?)?;
    let mut columns = Aligned::zeros(joint::Sparse::<f32>::storage_len(shape)?)?;
    let mut scratch = Aligned::zeros(joint::Sparse::new(layer.prepare(), &mut columns)?.scratch_len()?)?;
    Ok(Box::new(move |numbers| {
        flat.copy_from_slice(&numbers.flat);
        x.copy_from_slice(&numbers.x);
        let layer = Joint::new(shape, joint::Parameters::from_flat(shape, &flat)?)?;
        let sparse = joint::Sparse::new(layer.prepare(), &mut columns)?;
        repeat(|| timed(|| sparse.forward(&x, &mut y, &mut scratch)))
    }))
}

fn diagonal(shape: Shape, batch: usize) -> Outcome<Group> {
    let layer = || DiagonalState::new(shape, batch, None);
    let mut forms = vec![
        ("Diagonal forward", forward(layer()?)),
        ("Diagonal backward", backward(layer()?)),
        ("DiagonalMut descend", descend(layer()?)),
        ("Prepared forward", prepared(shape, batch)?),
        ("Sparse forward", sparse(shape, batch)?),
    ];
    if batch == 1 {
        forms.extend([("Online forward", online_forward(shape)?), ("Online step", online_step(shape)?)]);
    }
    let DiagonalState { flat, x, .. } = layer()?;
    let ordinary = Numbers::diagonal(shape, &flat, &x);
    Ok(Group::new(batch, &ordinary, forms))
}

fn joint(shape: JointShape, batch: usize) -> Outcome<Group> {
    let layer = || JointState::new(shape, batch, None);
    let forms = vec![
        ("Joint forward", forward(layer()?)),
        ("Joint backward", backward(layer()?)),
        ("JointMut descend", descend(layer()?)),
        ("joint Prepared forward", joint_prepared(shape, batch)?),
        ("joint Sparse forward", joint_sparse(shape, batch)?),
    ];
    let JointState { flat, x, .. } = layer()?;
    let ordinary = Numbers::joint(shape, &flat, &x);
    Ok(Group::new(batch, &ordinary, forms))
}

/// Prints the table, and the rows above their bars.
pub(crate) fn print(rows: &[Row]) {
    println!(
        "\n{:<8} {:>5}  {:<22} {:<21} {:>10} {:>8} {:>5}",
        "config", "batch", "what", "numbers", "µs", "ratio", "bar"
    );
    for Row { config, batch, what, numbers, us, ratio, bar } in rows {
        let bar = bar.map(|bar| bar.to_string()).unwrap_or_default();
        println!("{config:<8} {batch:>5}  {what:<22} {numbers:<21} {us:>10.2} {ratio:>8.2} {bar:>5}");
    }
    let above: Vec<String> = rows
        .iter()
        .filter(|row| row.is_above())
        .map(|Row { batch, what, numbers, ratio, .. }| format!("{what} at {batch}, {numbers} ({ratio:.2})"))
        .collect();
    match above.len() {
        0 => println!("No row is above its bar."),
        count => println!("{count} rows are above their bars: {}.", above.join("; ")),
    }
}
