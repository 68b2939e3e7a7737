//! Random joint layers that own their numbers.

use gmlayer::joint::{Gradients, Joint, JointShape, Parameters};
use gmlayer::{Real, Scale};
use proptest::prelude::*;
use rand_core::SeedableRng;
use rand_pcg::Pcg64;

use super::layers::{normal, uniform};

/// A layer with a batch and a cotangent.
#[derive(Debug, Clone)]
pub struct Case<T> {
    pub shape: JointShape,
    pub scale: Scale,
    pub mu_w: Vec<T>,
    pub c_w: Vec<T>,
    pub mu_b: Vec<T>,
    pub c_b: Vec<T>,
    pub x: Vec<T>,
    pub g: Vec<T>,
}

/// All gradients of a case.
#[derive(Debug, Clone, PartialEq)]
pub struct All<T> {
    pub mu_w: Vec<T>,
    pub c_w: Vec<T>,
    pub mu_b: Vec<T>,
    pub c_b: Vec<T>,
    pub x: Vec<T>,
}

impl<T: Real> All<T> {
    /// Zeros in the shape of a case.
    pub fn zeros<S>(case: &Case<S>) -> Self {
        let zeros = |block: &[S]| vec![T::zero(); block.len()];
        Self {
            mu_w: zeros(&case.mu_w),
            mu_b: zeros(&case.mu_b),
            c_w: zeros(&case.c_w),
            c_b: zeros(&case.c_b),
            x: zeros(&case.x),
        }
    }

    /// The blocks by name.
    pub fn blocks(&self) -> [(&'static str, &[T]); 5] {
        [("mu_w", &self.mu_w), ("c_w", &self.c_w), ("mu_b", &self.mu_b), ("c_b", &self.c_b), ("x", &self.x)]
    }

    /// Where the layer adds, and ∂x.
    pub fn targets(&mut self) -> (Gradients<'_, T>, &mut [T]) {
        let Self { mu_w, mu_b, c_w, c_b, x } = self;
        (Gradients { mu_w: Some(mu_w), mu_b: Some(mu_b), c_w: Some(c_w), c_b: Some(c_b) }, x)
    }
}

impl<T: Real> Case<T> {
    pub fn batch(&self) -> usize {
        self.x.len() / self.shape.inputs()
    }

    pub fn layer(&self) -> Joint<'_, T> {
        let parameters = Parameters { mu_w: &self.mu_w, mu_b: &self.mu_b, c_w: &self.c_w, c_b: &self.c_b };
        Joint::new(self.shape, parameters).unwrap().with_scale(self.scale)
    }

    /// What the forward pass saves, and scratch: full of NaN.
    pub fn buffers(&self) -> [Vec<T>; 2] {
        let (layer, batch) = (self.layer(), self.batch());
        [layer.saved_len(batch), layer.scratch_len(batch)]
            .map(|len| vec![T::from_f64(f64::NAN); len.unwrap()])
    }

    pub fn forward(&self) -> Vec<T> {
        let mut y = vec![T::from_f64(f64::NAN); self.g.len()];
        let [mut saved, mut scratch] = self.buffers();
        self.layer().forward(&self.x, &mut y, &mut saved, &mut scratch).unwrap();
        y
    }

    /// What the forward pass has saved.
    pub fn saved(&self) -> Vec<T> {
        let [mut saved, mut scratch] = self.buffers();
        self.layer().forward(&self.x, &mut self.g.clone(), &mut saved, &mut scratch).unwrap();
        saved
    }

    pub fn backward(&self) -> All<T> {
        let mut all = All::zeros(self);
        all.x.fill(T::from_f64(f64::NAN));
        let (gradients, dx) = all.targets();
        let [_, mut scratch] = self.buffers();
        self.layer().backward(&self.x, &self.g, &self.saved(), gradients, Some(dx), &mut scratch).unwrap();
        all
    }

    /// ℓ = Σ_b ⟨g_b, h(x_b)⟩.
    pub fn loss(&self) -> f64 {
        self.forward().iter().zip(&self.g).map(|(y, g)| y.to_f64() * g.to_f64()).sum()
    }

    /// The same case in another scalar.
    pub fn convert<S>(&self, convert: impl Fn(T) -> S) -> Case<S> {
        let all = |block: &[T]| block.iter().map(|&value| convert(value)).collect();
        Case {
            shape: self.shape,
            scale: self.scale,
            mu_w: all(&self.mu_w),
            mu_b: all(&self.mu_b),
            c_w: all(&self.c_w),
            c_b: all(&self.c_b),
            x: all(&self.x),
            g: all(&self.g),
        }
    }

    /// The blocks one after the other: μ_ω, C_ω, μ_β, C_β, x.
    pub fn flat(&self) -> Vec<T> {
        [&self.mu_w[..], &self.c_w, &self.mu_b, &self.c_b, &self.x].concat()
    }

    /// The row `b` alone.
    pub fn row(&self, b: usize) -> Self {
        let (d, outputs) = (self.shape.inputs(), self.shape.outputs());
        Self {
            x: self.x[b * d..][..d].to_vec(),
            g: self.g[b * outputs..][..outputs].to_vec(),
            ..self.clone()
        }
    }
}

/// How a random case is drawn.
#[derive(Debug, Clone, Copy)]
pub struct Recipe {
    pub inputs: usize,
    pub outputs: usize,
    pub components: usize,
    pub rank: usize,
    pub batch: usize,
    pub seed: u64,
    /// Decimal exponents of the scales of μ_ω, C_ω, μ_β, C_β, x, g.
    pub exponents: [f64; 6],
    /// The share of entries of C_β and x that are 0.
    pub zeros: f64,
}

impl Recipe {
    /// Ordinary numbers, none of them 0.
    pub fn plain([inputs, outputs, components, rank, batch]: [usize; 5], seed: u64) -> Case<f64> {
        Self { inputs, outputs, components, rank, batch, seed, exponents: [0.0; 6], zeros: 0.0 }.build()
    }

    pub fn build(self) -> Case<f64> {
        let shape = JointShape::new(self.inputs, self.outputs, self.components, self.rank).unwrap();
        let mut random = Pcg64::seed_from_u64(self.seed);
        let mut fill = |len: usize, exponent: f64, zeros: f64| -> Vec<f64> {
            let scale = 10.0_f64.powf(exponent);
            (0..len)
                .map(|_| {
                    let zero = uniform(&mut random) < zeros;
                    let value = normal(&mut random) * scale;
                    if zero { 0.0 } else { value }
                })
                .collect()
        };
        let [mu_w, c_w, mu_b, c_b, x, g] = self.exponents;
        Case {
            shape,
            scale: if self.seed.is_multiple_of(3) { Scale::Sum } else { Scale::Mean },
            mu_w: fill(shape.mu_w_len(), mu_w, 0.0),
            c_w: fill(shape.c_w_len(), c_w, 0.0),
            mu_b: fill(shape.mu_b_len(), mu_b, 0.0),
            c_b: fill(shape.c_b_len(), c_b, self.zeros),
            x: fill(self.batch * self.inputs, x, self.zeros),
            g: fill(self.batch * self.outputs, g, 0.0),
        }
    }
}

/// Shapes, ranks, scales and zero patterns.
pub fn recipes() -> impl Strategy<Value = Recipe> {
    // Below eight rows the layer goes row by row, above in chunks of 64.
    let batch = prop_oneof![4 => 1_usize..6, 3 => 8_usize..24, 1 => 60_usize..140];
    let sizes = (1_usize..24, 1_usize..7, 1_usize..5, batch);
    let rank = prop_oneof![3 => 1_usize..6, 1 => 1_usize..40];
    let exponents = prop::array::uniform6(-3.0..3.0_f64);
    let zeros = prop_oneof![Just(0.0), Just(0.3), Just(0.8), Just(1.0)];
    (sizes, rank, any::<u64>(), exponents, zeros).prop_map(
        |((inputs, outputs, components, batch), rank, seed, exponents, zeros)| Recipe {
            inputs,
            outputs,
            components,
            rank: rank.min(inputs + outputs),
            batch,
            seed,
            exponents,
            zeros,
        },
    )
}

/// How far rounding may carry a sum over all terms of a layer: each term in absolute value, each factor F of
/// {q, y, r, p, φ, tφ} counted as F + |dF|.
pub fn majorant<T: Real>(case: &Case<T>) -> f64 {
    let signed = case.convert(|value| value.to_f64());
    let sizes = signed.convert(f64::abs);
    let (d, outputs, rank) = (case.shape.inputs(), case.shape.outputs(), case.shape.rank());
    let mut sum = 0.0;
    for b in 0..case.batch() {
        let (x, g) = (&sizes.x[b * d..][..d], &sizes.g[b * outputs..][..outputs]);
        for k in 0..case.shape.components() {
            let of = |case: &Case<f64>, x: &[f64]| -> Vec<f64> {
                let c_b = &case.c_b[k * d * rank..][..d * rank];
                (0..rank).map(|r| (0..d).map(|i| c_b[r * d + i] * x[i]).sum()).collect()
            };
            let (q, sizes_of_q) = (of(&signed, &signed.x[b * d..][..d]), of(&sizes, x));
            let c_w = &sizes.c_w[k * outputs * rank..][..outputs * rank];
            let e: Vec<f64> =
                (0..rank).map(|r| (0..outputs).map(|l| c_w[r * outputs + l] * g[l]).sum()).collect();
            let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            let norm = |a: &[f64]| dot(a, a).sqrt();
            let a = dot(g, &sizes.mu_w[k * outputs..][..outputs]);
            let s = norm(&q);
            let spread = dot(&sizes.mu_b[k * d..][..d], x) + norm(&sizes_of_q);
            let along = dot(&e, &sizes_of_q) + norm(&e) * spread;
            sum += 4.0 * a * spread + 4.0 * along * (1.0 + if s > 0.0 { spread / s } else { 0.0 });
        }
    }
    match case.scale {
        Scale::Mean => sum / case.shape.components() as f64,
        Scale::Sum => sum,
    }
}

/// ⟨a, b⟩ in `f64`.
pub fn product<T: Real>(a: &[T], b: &[T]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a.to_f64() * b.to_f64()).sum()
}
