//! The four blocks of parameters: μ, σ, U, v.

use crate::kernel::Split;
use crate::mixture::{Target, blocks};
use crate::{Error, Real, Shape, shape, slices};

blocks! {
    Shape, Component, components,
    "Component k holds β ~ N(μ, diag σ²) and E\\[ω|β\\] = Uβ + v. σ enters squared: negative entries are legal, and zeros make that input deterministic.":
    mu, mu_len, inputs, "Means μ", "components × inputs";
    sigma, sigma_len, inputs, "Standard deviations σ", "components × inputs";
    u, u_len, inputs, "Output slopes U", "components × outputs × inputs";
    v, v_len, outputs, "Output offsets v", "components × outputs";
}
