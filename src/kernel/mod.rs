//! The dense products that the layers share, generic and safe.
//!
//! Two shapes of loop do all the work. `product` adds A·B to C, with the batch or the inputs in the
//! vector lanes; `dot` and its kin walk single rows, for the formulas that treat one row at a time.

mod product;
mod row;

pub(crate) use product::{Matrix, product, transpose};
pub(crate) use row::{LANES, add_scaled, dot, largest, sum, tree};
