//! The entry points of the joint layer, and the distances between Gaussians.

use core::hint::black_box;

use gmlayer::joint::{
    Constants, Gradients, Joint, JointMut, JointShape, Parameters, ParametersMut, Prepared, Rates, Scale,
    workspace_len,
};
use gmlayer::{Error, Real, wasserstein};

use crate::entries::Buffers;

/// The layer, its prepared form, training in batches, distances.
pub fn joint<T: Real>(shape: JointShape, buffers: Buffers<'_, T>) -> Result<T, Error> {
    let Buffers { parameters, gradients, prepared, dx, x, y, work, .. } = buffers;
    let _ = black_box((workspace_len(shape, black_box(8))?, shape.parameter_count()));
    let _ = black_box((shape.inputs(), shape.outputs(), shape.components(), shape.rank()));
    let _ = black_box((shape.mu_w_len(), shape.mu_b_len(), shape.c_w_len(), shape.c_b_len()));

    let layer =
        Joint::new(shape, Parameters::from_flat(shape, parameters)?)?.with_scale(black_box(Scale::Sum));
    let _ = black_box((layer.workspace_len(black_box(9))?, layer.prepared_len()));
    let _ = black_box((layer.shape(), layer.parameters()));
    layer.forward(x, y, work)?;
    layer.backward_after_forward(x, y, Gradients::from_flat(shape, gradients)?, None, work)?;
    let gradient = Gradients { c_b: Some(&mut *gradients), ..Gradients::none() };
    layer.backward(x, y, gradient, Some(&mut *dx), work)?;
    let made = layer.prepare(prepared)?;
    let Constants { mu_w, mu_b, c_w, columns } = made.constants();
    let made = Prepared::new(made.shape(), Constants { mu_w, mu_b, c_w, columns })?;
    let made = made.with_scale(black_box(Scale::Mean));
    let _ = black_box(made.workspace_len(black_box(7))?);
    made.forward(x, y, work)?;

    let flat = ParametersMut::from_flat(shape, parameters)?;
    let _ = black_box(flat.as_ref());
    let mut descending = JointMut::new(shape, flat)?.with_scale(black_box(Scale::Sum));
    let _ = black_box(descending.workspace_len(black_box(9))?);
    descending.as_joint().forward(x, y, work)?;
    let rates = black_box(Rates { c_w: None, ..Rates::all(T::one()) });
    descending.descend_after_forward(x, y, rates, Some(&mut *dx), work)?;

    let _ = black_box(wasserstein::workspace_len(black_box(2), black_box(3))?);
    Ok(wasserstein::squared(x, parameters, y, gradients, work)?
        + wasserstein::squared_diagonal(x, y, parameters, dx)?)
}
