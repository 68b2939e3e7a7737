//! Every entry point of the core, called with sizes and numbers that the compiler cannot know.

use core::hint::black_box;

use gmlayer::compact::{
    Blob, Checksum, Floating, Integer, Model, Number, Quantised, QuantisedConstants, quantise,
};
use gmlayer::diagonal::{
    Constants, Coordinates, Diagonal, DiagonalMut, Form, Gradients, Online, Parameters, ParametersMut,
    Prepared, Rates, Scale, Sparse, descend_scratch_len, saved_len, scratch_len,
};
use gmlayer::gradcheck::{Block, Check};
use gmlayer::loss::{cross_entropy, squared};
use gmlayer::{Dual, Error, Real, Rectified, Shape, normal, rectified};

/// The buffers of the caller.
pub struct Buffers<'a, T> {
    pub parameters: &'a mut [T],
    pub gradients: &'a mut [T],
    pub prepared: &'a mut [T],
    pub columns: &'a mut [T],
    pub dx: &'a mut [T],
    pub x: &'a mut [T],
    pub y: &'a mut [T],
    pub saved: &'a mut [T],
    pub scratch: &'a mut [T],
    pub dual: &'a mut [Dual<T>],
}

impl<T> Buffers<'_, T> {
    /// The same for a shorter time.
    pub fn reborrow(&mut self) -> Buffers<'_, T> {
        Buffers {
            parameters: self.parameters,
            gradients: self.gradients,
            prepared: self.prepared,
            columns: self.columns,
            dx: self.dx,
            x: self.x,
            y: self.y,
            saved: self.saved,
            scratch: self.scratch,
            dual: self.dual,
        }
    }
}

/// The layer, its prepared forms, training in batches and one sample at a time, losses, the normal distribution,
/// gradient checks.
pub fn generic<T: Real>(shape: Shape, buffers: Buffers<'_, T>) -> Result<T, Error> {
    let Buffers { parameters, gradients, prepared, columns, dx, x, y, saved, scratch, dual } = buffers;
    let _ = black_box((
        saved_len(shape, black_box(8))?,
        scratch_len(shape, black_box(8))?,
        shape.parameter_count(),
    ));
    let _ = black_box((shape.inputs(), shape.outputs(), shape.components()));
    let _ = black_box((shape.mu_len(), shape.sigma_len(), shape.u_len(), shape.v_len()));

    let form = black_box(Form { coordinates: Coordinates::Centred, scale: Scale::Sum });
    let flat = ParametersMut::from_flat(shape, parameters)?;
    black_box(Coordinates::Paper).change(form.coordinates, shape, flat)?;
    let layer = Diagonal::new(shape, Parameters::from_flat(shape, parameters)?)?.with_form(form);
    let lens = (layer.saved_len(black_box(9))?, layer.scratch_len(black_box(9))?, layer.prepared_len());
    let _ = black_box(lens);
    let _ = black_box((layer.shape(), layer.form(), layer.parameters()));
    layer.forward(x, y, saved, scratch)?;
    layer.backward(x, y, saved, Gradients::from_flat(shape, gradients)?, None, scratch)?;
    let gradient = Gradients { u: Some(&mut *gradients), ..Gradients::none() };
    layer.backward(x, y, saved, gradient, Some(&mut *dx), scratch)?;
    let made = layer.prepare(prepared)?;
    let Constants { a, w, mu, variance } = made.constants();
    let made = Prepared::new(made.shape(), Constants { a, w, mu, variance })?.with_scale(form.scale);
    let _ = black_box(made.scratch_len(black_box(7))?);
    made.forward(x, y, scratch)?;
    let _ = black_box(Sparse::<T>::storage_len(shape)?);
    let sparse = Sparse::new(made, columns)?;
    let _ = black_box(sparse.scratch_len()?);
    sparse.forward(x, y, scratch)?;

    let flat = ParametersMut::from_flat(shape, parameters)?;
    let _ = black_box((flat.as_ref(), descend_scratch_len(shape, black_box(9))?));
    let mut descending = DiagonalMut::new(shape, flat)?.with_form(form);
    let _ = black_box((descending.saved_len(black_box(9))?, descending.scratch_len(black_box(9))?));
    descending.as_diagonal().forward(x, y, saved, scratch)?;
    let rates = black_box(Rates { u: None, ..Rates::all(T::one()) });
    descending.descend(x, y, saved, rates, Some(&mut *dx), scratch)?;

    let check =
        Check::new([Block::new("x", black_box(3)), Block::new("z", black_box(2)).frozen()], black_box(2))?
            .seed(black_box(1))
            .backward_roundoff(black_box(1e-7));
    let _ = black_box((check.scratch_len(), check.dual_scratch_len()));
    let report = check.run(black_box(double), black_box(double_backward), x, scratch)?;
    let adjoint = check.adjoint(black_box(double), black_box(double_backward), x, scratch, dual)?;
    let _ = black_box(check.cotangent(y).is_ok());
    let worst = report.blocks.iter().filter_map(|block| block.finding).map(|finding| finding.worst);
    let _ = black_box(worst.fold(0.0, |sum, entry| sum + entry.absolute_error() + entry.relative_error()));
    let _ = black_box((report.verdict().passes(), report.laws.hold(), report.laws.by_name()));
    let _ = black_box(adjoint.blocks.iter().all(|block| block.verdict().passes()));
    let _ = black_box((report.into_result().is_ok(), adjoint.into_result().is_ok()));

    let loss = cross_entropy(x, black_box(2), &black_box([0, 1]), Some(&mut *y))?
        + squared(x, black_box(2), prepared, Some(&mut *y))?;
    let mut online = Online::new(shape, parameters)?.with_form(form);
    let _ = black_box((online.shape(), online.parameters(), Online::<T>::scratch_len(shape)));
    online.forward(x, y, scratch)?;
    online.step(x, y, &black_box(Rates { sigma: None, ..Rates::all(loss) }), scratch)?;

    normal::density_slice(x, y)?;
    normal::cumulative_slice(x, y)?;
    normal::ramp_slice(x, y)?;
    normal::density_moment_slice(x, y)?;
    let z = Rectified::new(loss, loss);
    let scalars = normal::cumulative(z.mean) + normal::density(loss) + normal::ramp(z.density);
    let projection = rectified::project(parameters, gradients, x, y)?;
    let dual =
        Dual::new(loss, scalars).sqrt() * Dual::constant(scalars).exp() / Dual::new(scalars, loss).ln();
    let powers = loss.times_power_of_two(black_box(3)).exponent();
    Ok(normal::density_moment(scalars) + projection.unit + dual.derivative + T::from_usize(powers as usize))
}

fn double<T: Real>(x: &[T], y: &mut [T]) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y = x + x;
    }
}

fn double_backward<T: Real>(_: &[T], g: &[T], dx: &mut [T]) {
    for (dx, &g) in dx.iter_mut().zip(g) {
        *dx += g + g;
    }
}

/// Models in little memory, from arrays and from bytes.
pub fn compact(
    shape: Shape,
    bytes: &mut [u8],
    x: &mut [f32],
    y: &mut [f32],
    scratch: &mut [f32],
) -> Option<f32> {
    let (halves, _) = bytes.as_chunks::<2>();
    floating(shape, halves, x, y, scratch).ok()?;
    floating(shape, &*x, &black_box([0.5; 64]), y, scratch).ok()?;
    floating(shape, &black_box([0x3c00_u16; 64]), x, y, scratch).ok()?;
    let mut integers = black_box([0_i16; 32]);
    quantised(shape, &*x, &black_box([1_i8; 64]), y, &mut integers).ok()?;
    let scale = quantise(x, &mut black_box([0; 8])).ok()?;
    let blob = Blob::new(bytes).ok()?;
    match blob.model {
        Model::F32(model) => model.forward(x, y, scratch).ok()?,
        Model::F16(model) => model.forward(x, y, scratch).ok()?,
        Model::I8(model) => model.forward(x, y, &mut integers).ok()?,
    }
    let sum = blob.input.iter().chain(blob.output).fold(scale, |sum, number| sum + number.value());
    Some(sum + Checksum::new().with(bytes).value() as f32 + blob.model.shape().inputs() as f32)
}

fn floating<N: Number>(
    shape: Shape,
    numbers: &[N],
    x: &[f32],
    y: &mut [f32],
    scratch: &mut [f32],
) -> Result<(), Error> {
    let model = Floating::new(shape, Constants { a: numbers, w: numbers, mu: numbers, variance: numbers })?;
    let _ = black_box((model.scratch_len(), model.shape(), model.constants()));
    model.forward(x, y, scratch)
}

fn quantised<I: Integer>(
    shape: Shape,
    scales: &[I::Scale],
    integers: &[I],
    y: &mut [f32],
    scratch: &mut [i16],
) -> Result<(), Error> {
    let constants = QuantisedConstants {
        a: scales,
        w_scales: scales,
        w: integers,
        mu_scales: scales,
        mu: integers,
        variance_scales: scales,
        variance: integers,
    };
    let model = Quantised::new(shape, constants)?;
    let _ = black_box((model.scratch_len(), model.shape(), model.constants()));
    model.forward(&black_box([0.5; 8]), y, scratch)
}
