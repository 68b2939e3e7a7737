//! Uses every hot loop of the library once, in `f32` and `f64`: `tests/codegen` reads its machine code.

use std::error::Error;

use gmlayer::data::Samples;
use gmlayer::diagonal::{Diagonal, DiagonalMut, Gradients, Parameters, ParametersMut, Rates, Sparse};
use gmlayer::joint::{self, Joint, JointMut, JointShape};
use gmlayer::{Aligned, Real, Shape};

/// Every pass of a layer over images, and the form for inference; returns a number that depends on all of them.
fn passes<T: Real>(shape: Shape, images: &Samples) -> Result<f64, Box<dyn Error>> {
    let batch = images.len();
    let indices: Vec<usize> = (0..batch).collect();
    let mut x = Aligned::zeros(batch * shape.inputs())?;
    images.batch(&indices, &mut x)?;
    let mut parameters = Aligned::<T>::zeros(shape.parameter_count())?;
    parameters.fill(T::one());
    let mut gradient = Aligned::zeros(parameters.len())?;
    let (mut y, mut dx) = (Aligned::zeros(batch * shape.outputs())?, Aligned::zeros(x.len())?);

    let layer = Diagonal::new(shape, Parameters::from_flat(shape, &parameters)?)?;
    let mut saved = Aligned::zeros(layer.saved_len(batch)?)?;
    let mut scratch = Aligned::zeros(layer.scratch_len(batch)?)?;
    layer.forward(&x, &mut y, &mut saved, &mut scratch)?;
    let g = Aligned::copy_of(&y)?;
    let all = Gradients::from_flat(shape, &mut gradient)?;
    layer.backward(&x, &g, &saved, all, Some(&mut dx), &mut scratch)?;
    let some = Gradients { u: None, ..Gradients::from_flat(shape, &mut gradient)? };
    layer.backward(&x, &g, &saved, some, None, &mut scratch)?;

    let mut storage = Aligned::zeros(layer.prepared_len())?;
    let prepared = layer.prepare(&mut storage)?;
    let mut scratch = Aligned::zeros(prepared.scratch_len(batch)?)?;
    prepared.forward(&x, &mut y, &mut scratch)?;
    let mut columns = Aligned::zeros(Sparse::<T>::storage_len(shape)?)?;
    let sparse = Sparse::new(prepared, &mut columns)?;
    sparse.forward(&x, &mut y, &mut Aligned::zeros(sparse.scratch_len()?)?)?;

    let mut layer = DiagonalMut::new(shape, ParametersMut::from_flat(shape, &mut parameters)?)?;
    let mut scratch = Aligned::zeros(layer.scratch_len(batch)?)?;
    layer.as_diagonal().forward(&x, &mut y, &mut saved, &mut scratch)?;
    layer.descend(&x, &g, &saved, Rates::all(T::one()), None, &mut scratch)?;

    let results = y.iter().chain(dx.iter()).chain(gradient.iter()).chain(parameters.iter());
    Ok(results.map(|result| result.to_f64()).sum())
}

/// Every pass of a joint layer.
fn joint_passes<T: Real>(shape: JointShape, x: &[T], batch: usize) -> Result<f64, Box<dyn Error>> {
    let mut parameters = Aligned::<T>::zeros(shape.parameter_count())?;
    parameters.fill(T::one());
    let mut gradient = Aligned::zeros(parameters.len())?;
    let (mut y, mut dx) = (Aligned::zeros(batch * shape.outputs())?, Aligned::zeros(x.len())?);
    let layer = Joint::new(shape, joint::Parameters::from_flat(shape, &parameters)?)?;
    let mut saved = Aligned::zeros(layer.saved_len(batch)?)?;
    let mut scratch = Aligned::zeros(layer.scratch_len(batch)?)?;
    layer.forward(x, &mut y, &mut saved, &mut scratch)?;
    let g = Aligned::copy_of(&y)?;
    let all = joint::Gradients::from_flat(shape, &mut gradient)?;
    layer.backward(x, &g, &saved, all, Some(&mut dx), &mut scratch)?;
    let prepared = layer.prepare();
    prepared.forward(x, &mut y, &mut Aligned::zeros(prepared.scratch_len(batch)?)?)?;
    let mut columns = Aligned::zeros(joint::Sparse::<T>::storage_len(shape)?)?;
    let sparse = joint::Sparse::new(prepared, &mut columns)?;
    sparse.forward(x, &mut y, &mut Aligned::zeros(sparse.scratch_len()?)?)?;

    let mut layer = JointMut::new(shape, joint::ParametersMut::from_flat(shape, &mut parameters)?)?;
    let mut scratch = Aligned::zeros(layer.scratch_len(batch)?)?;
    layer.as_joint().forward(x, &mut y, &mut saved, &mut scratch)?;
    layer.descend(x, &g, &saved, joint::Rates::all(T::one()), None, &mut scratch)?;
    let results = y.iter().chain(dx.iter()).chain(gradient.iter()).chain(parameters.iter());
    Ok(results.map(|result| result.to_f64()).sum())
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut sizes = [17, 5, 3, 9, 4];
    for (size, argument) in sizes.iter_mut().zip(std::env::args().skip(1)) {
        *size = argument.parse()?;
    }
    let [inputs, outputs, components, batch, rank] = sizes;
    let shape = Shape::new(inputs, outputs, components)?;
    let images = Samples::new(vec![1; batch * inputs], vec![0; batch], inputs)?;
    println!("{} {}", passes::<f32>(shape, &images)?, passes::<f64>(shape, &images)?);
    let shape = JointShape::new(inputs, outputs, components, rank)?;
    let (single, double) = (vec![1.0_f32; batch * inputs], vec![1.0_f64; batch * inputs]);
    println!("{} {}", joint_passes(shape, &single, batch)?, joint_passes(shape, &double, batch)?);
    Ok(())
}
