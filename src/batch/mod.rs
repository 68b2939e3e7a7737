//! What the layers share where many rows go at once, the batch in the vector lanes.
//!
//! Squares and divisions by s lose digits far from 1. So this way takes numbers of ordinary size
//! ([`Real::ORDINARY`](crate::Real::ORDINARY)), which is one comparison a number; or, where some are smaller, moderate
//! ones, none of which is so large that it would bring back the digits that a product below the normal numbers loses.
//! A trained layer has such numbers: a σ that nothing needs goes to 0 for ever. Inputs alone must not be so small that
//! their squares lose digits (10⁻¹⁹ for `f32`). Whatever else comes, a row or the whole layer, goes through a layer's
//! formulas for single rows. A row that goes in its chunk is called plain.
//!
//! In the diagonal layer what is prepared of the parameters and the cotangents, which may be of any size that is not
//! large, go through the batch [lifted](Lift).

mod lift;
mod numbers;
mod plain;
mod record;

pub(crate) use lift::Lift;
pub(crate) use numbers::{MODERATE_COTANGENT, are_moderate, are_ordinary, bounded, sizes};
pub(crate) use plain::{Level, Plain, share_plain, transpose_plain};
pub(crate) use record::{Record, write_product};

/// Rows that the forward pass works on together: what the vector lanes run along.
pub(crate) const CHUNK: usize = 64;

/// Rows that the backward pass works on together: the terms of its products.
pub(crate) const GROUP: usize = 4 * CHUNK;

/// Fewer rows than this go one by one: filling the lanes would cost more than it saves.
pub(crate) const LEAST_ROWS: usize = 8;
