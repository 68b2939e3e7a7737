//! The four blocks of parameters: μ_ω, C_ω, μ_β, C_β.

use super::JointShape;
use crate::kernel::Split;
use crate::mixture::{Target, blocks};
use crate::{Error, Real, shape, slices};

blocks! {
    JointShape, Family, families,
    "Component k holds the Gaussian (ω, β) ~ N((μ_ω, μ_β), CCᵀ) with C = \\[C_ω; C_β\\]. Its factors, the columns of C, are rows here. In a [tied](JointShape::tied) layer C_β is one for all components.":
    mu_w, mu_w_len, outputs, "Means of the outputs μ_ω", "components × outputs";
    c_w, c_w_len, outputs, "Factors of the outputs C_ω", "components × rank × outputs";
    mu_b, mu_b_len, inputs, "Means of the weights μ_β", "components × inputs";
    c_b, c_b_len, inputs, "Factors of the weights C_β", "components × rank × inputs`, or, tied, `rank × inputs";
}
