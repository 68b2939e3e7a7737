//! The entry points of the joint layer, and the distances between Gaussians.

use core::hint::black_box;

use gmlayer::joint::{
    Constants, Gradients, Joint, JointMut, JointShape, Online, Parameters, ParametersMut, Prepared, Rates,
    Scale, Sparse, descend_scratch_len, saved_len, scratch_len,
};
use gmlayer::{Error, Real, wasserstein};

use crate::entries::Buffers;

/// The layer, its prepared form, training in batches, distances.
pub fn joint<T: Real>(shape: JointShape, buffers: Buffers<'_, T>) -> Result<T, Error> {
    let Buffers { parameters, gradients, columns, dx, x, y, saved, scratch, .. } = buffers;
    let _ = black_box((
        saved_len(shape, black_box(8))?,
        scratch_len(shape, black_box(8))?,
        shape.parameter_count(),
    ));
    let _ = black_box((shape.inputs(), shape.outputs(), shape.components(), shape.rank()));
    let _ = black_box((shape.mu_w_len(), shape.mu_b_len(), shape.c_w_len(), shape.c_b_len()));

    let shape = if black_box(true) { shape.tied() } else { shape };
    let _ = black_box(shape.is_tied());

    let layer =
        Joint::new(shape, Parameters::from_flat(shape, parameters)?)?.with_scale(black_box(Scale::Sum));
    let _ = black_box((layer.saved_len(black_box(9))?, layer.scratch_len(black_box(9))?));
    let _ = black_box((layer.shape(), layer.scale(), layer.parameters()));
    layer.forward(x, y, saved, scratch)?;
    layer.backward(x, y, saved, Gradients::from_flat(shape, gradients)?, None, scratch)?;
    let gradient = Gradients { c_b: Some(&mut *gradients), ..Gradients::none() };
    layer.backward(x, y, saved, gradient, Some(&mut *dx), scratch)?;
    let made = layer.prepare();
    let Constants { mu_w, c_w, mu_b, c_b } = made.constants();
    let made = Prepared::new(made.shape(), Constants { mu_w, c_w, mu_b, c_b })?;
    let made = made.with_scale(black_box(Scale::Mean));
    let _ = black_box(made.scratch_len(black_box(7))?);
    made.forward(x, y, scratch)?;
    let _ = black_box(Sparse::<T>::storage_len(shape)?);
    let sparse = Sparse::new(made, columns)?;
    let _ = black_box(sparse.scratch_len()?);
    sparse.forward(x, y, scratch)?;

    let flat = ParametersMut::from_flat(shape, parameters)?;
    let _ = black_box((flat.as_ref(), descend_scratch_len(shape, black_box(9))?));
    let mut descending = JointMut::new(shape, flat)?.with_scale(black_box(Scale::Sum));
    let _ = black_box((descending.saved_len(black_box(9))?, descending.scratch_len(black_box(9))?));
    descending.as_joint().forward(x, y, saved, scratch)?;
    let rates = black_box(Rates { c_w: None, ..Rates::all(T::one()) });
    descending.descend(x, y, saved, rates, Some(&mut *dx), scratch)?;

    let mut online = Online::new(shape, parameters)?.with_scale(black_box(Scale::Sum));
    let _ = black_box((online.shape(), online.parameters(), Online::<T>::scratch_len(shape)));
    let row = x.get(..shape.inputs()).unwrap_or(&[]);
    let y_row = y.get_mut(..shape.outputs()).unwrap_or(&mut []);
    online.forward(row, y_row, scratch)?;
    online.step(row, y_row, &rates, scratch)?;

    let _ = black_box(wasserstein::scratch_len(black_box(2), black_box(3))?);
    Ok(wasserstein::squared(x, parameters, y, gradients, scratch)?
        + wasserstein::squared_diagonal(x, y, parameters, dx)?)
}
