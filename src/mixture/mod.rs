//! Code that both Gaussian mixture layers share.
//!
//! | file | contents |
//! |---|---|
//! | `parameters` | the four blocks of parameters, their gradients and rates, and the use of a gradient ([`Target`]) |
//! | `scale` | exact powers of two for rows and components of unusual size |
//! | `saved` | the activations that the forward pass saves for the backward pass |
//! | `row`, `pre_activations` | a single row with its cotangent, and its activations |
//! | `by_rows` | passes row by row: small batches, components of unusual size |
//! | `columns` | matrices stored input by input |
//! | `products` | the matrix products of both layers |
//! | `pull_back` | the gradients of m and s from those of r and p |
//! | `accumulate` | sums over a batch of any size |
//! | `fields` | buffers divided into fields, and among parts |

mod accumulate;
mod by_rows;
mod columns;
mod fields;
mod parameters;
mod pre_activations;
mod products;
mod pull_back;
mod row;
mod saved;
mod scale;

pub(crate) use accumulate::{PLAIN_ROWS, add_compensated, two_sum};
pub(crate) use by_rows::by_rows;
pub(crate) use columns::write_sums;
pub(crate) use fields::{Fields, Locals, Share, fields_len};
pub(crate) use parameters::{Target, blocks};
pub(crate) use pre_activations::PreActivations;
pub(crate) use products::{write_product, write_rows};
pub(crate) use pull_back::{most_d_s, pull_back};
pub(crate) use row::{Row, RowReader};
pub(crate) use saved::{Activations, activation_lens, invert, rectify, take_roots};
pub(crate) use scale::{
    Powers, any_scaled, back_factors, cotangent_scale, fits_batch, halves, input_scale, largest, largest_of,
    measure, power, scale_lanes, scale_row, transpose_scaled, unscale_rows,
};

/// Rows that the forward pass works on together: what the vector lanes run along.
pub(crate) const CHUNK: usize = 64;

/// Rows that the backward pass works on together: the terms of its products.
pub(crate) const GROUP: usize = 4 * CHUNK;

/// Fewer rows than this go one by one: filling the lanes would cost more than it saves.
pub(crate) const LEAST_ROWS: usize = 8;
