//! The tables of exact values of the joint layer, written by `scripts/joint_table.py`.

use serde::Deserialize;

use super::table::{Exact, read, through_f32};

/// The tables.
pub const JOINT: [&str; 6] = ["ordinary", "tails", "degenerate", "extreme", "wide", "rows"];

/// One layer with one batch, and what it must give.
#[derive(Debug, Clone, Deserialize)]
pub struct JointCase {
    pub name: String,
    /// Whether the inputs are `f32` numbers and the outputs fit that type.
    pub f32: bool,
    pub inputs: usize,
    pub outputs: usize,
    pub components: usize,
    pub rank: usize,
    pub batch: usize,
    pub mu_w: Vec<f64>,
    pub mu_b: Vec<f64>,
    pub c_w: Vec<f64>,
    pub c_b: Vec<f64>,
    pub x: Vec<f64>,
    /// The cotangent of h.
    pub g: Vec<f64>,
    pub h: Exact,
    pub dmu_w: Exact,
    pub dmu_b: Exact,
    pub dc_w: Exact,
    pub dc_b: Exact,
    pub dx: Exact,
}

impl JointCase {
    /// The outputs by name.
    #[must_use]
    pub fn exact(&self) -> [(&'static str, &Exact); 6] {
        [
            ("h", &self.h),
            ("dmu_w", &self.dmu_w),
            ("dmu_b", &self.dmu_b),
            ("dc_w", &self.dc_w),
            ("dc_b", &self.dc_b),
            ("dx", &self.dx),
        ]
    }
}

/// The cases of one table of the joint layer.
///
/// # Panics
///
/// When the file is missing or damaged.
#[must_use]
pub fn joint(name: &str) -> Vec<JointCase> {
    let mut cases: Vec<JointCase> = read(&format!("joint_{name}.json"));
    for case in cases.iter_mut().filter(|case| case.f32) {
        let JointCase { mu_w, mu_b, c_w, c_b, x, g, .. } = case;
        through_f32([mu_w, mu_b, c_w, c_b, x, g]);
    }
    cases
}

/// The cases of all tables of the joint layer.
#[must_use]
pub fn all_joint() -> Vec<JointCase> {
    JOINT.iter().flat_map(|name| joint(name)).collect()
}
