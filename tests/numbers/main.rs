//! Numbers: the normal distribution, rectified numbers, losses and distances. The accuracy of the public numeric
//! functions is one table, and tests hold each function to it.

// A test fails by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod data;
mod derivatives;
mod double;
mod f32;
mod f64;
mod losses;
mod rectified;
mod reference;
mod reference_f32;
mod rule;
mod structure;
mod table;
mod wasserstein;

use gmlayer::{Real, normal};

/// The four functions, in the order of the table and of the data file.
const NAMES: [&str; 4] = ["density", "cumulative", "ramp", "density_moment"];

/// φ, Φ, ψ and tφ at t.
fn scalar<T: Real>(t: T) -> [T; 4] {
    [normal::density(t), normal::cumulative(t), normal::ramp(t), normal::density_moment(t)]
}

/// φ, Φ, ψ and tφ along a slice.
fn slices<T: Real>(t: &[T]) -> [Vec<T>; 4] {
    let mut out = [(); 4].map(|()| vec![T::zero(); t.len()]);
    let [density, cumulative, ramp, moment] = &mut out;
    normal::density_slice(t, density).expect("equal lengths");
    normal::cumulative_slice(t, cumulative).expect("equal lengths");
    normal::ramp_slice(t, ramp).expect("equal lengths");
    normal::density_moment_slice(t, moment).expect("equal lengths");
    out
}

/// The largest error of each function and where it is.
#[derive(Debug, Clone, Copy, Default)]
struct Worst {
    ulp: [f64; 4],
    at: [f64; 4],
}

impl Worst {
    /// Takes in an error; what is not a number counts as infinite.
    fn see(&mut self, function: usize, ulp: f64, at: f64) {
        let ulp = if ulp.is_nan() { f64::INFINITY } else { ulp };
        if ulp > self.ulp[function] {
            self.ulp[function] = ulp;
            self.at[function] = at;
        }
    }

    fn merge(&mut self, other: &Self) {
        for function in 0..4 {
            self.see(function, other.ulp[function], other.at[function]);
        }
    }

    /// Fails where a function exceeds its line of the table.
    fn hold(&self, what: &str, bound: impl Fn(&table::Line) -> f64) {
        for (function, name) in NAMES.iter().enumerate() {
            for name in [(*name).to_string(), format!("{name}_slice")] {
                let bound = bound(table::bound(&name));
                let (ulp, at) = (self.ulp[function], self.at[function]);
                println!("{what} {name}: {ulp:.3} ULP at {at:e}, bound {bound}");
                assert!(ulp <= bound, "{what} {name}: {ulp} ULP at {at:e}, bound {bound}");
            }
        }
    }
}
