//! Random layers that own their numbers.

use gmlayer::diagonal::{Coordinates, Form, Gradients, Parameters};
use gmlayer::{Diagonal, Real, Scale, Shape};
use proptest::prelude::*;
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64;

/// A layer with a batch and a cotangent.
#[derive(Debug, Clone)]
pub struct Case<T> {
    pub shape: Shape,
    pub form: Form,
    pub mu: Vec<T>,
    pub sigma: Vec<T>,
    pub u: Vec<T>,
    pub v: Vec<T>,
    pub x: Vec<T>,
    pub g: Vec<T>,
}

/// All gradients of a case.
#[derive(Debug, Clone, PartialEq)]
pub struct All<T> {
    pub mu: Vec<T>,
    pub sigma: Vec<T>,
    pub u: Vec<T>,
    pub v: Vec<T>,
    pub x: Vec<T>,
}

impl<T> All<T> {
    /// The blocks by name.
    pub fn blocks(&self) -> [(&'static str, &[T]); 5] {
        [("mu", &self.mu), ("sigma", &self.sigma), ("u", &self.u), ("v", &self.v), ("x", &self.x)]
    }
}

/// Both coordinates, with a mean and with a sum.
pub const FORMS: [Form; 4] = [
    Form { coordinates: Coordinates::Paper, scale: Scale::Mean },
    Form { coordinates: Coordinates::Centred, scale: Scale::Mean },
    Form { coordinates: Coordinates::Paper, scale: Scale::Sum },
    Form { coordinates: Coordinates::Centred, scale: Scale::Sum },
];

impl<T: Real> Case<T> {
    /// 1 where E[ω|β] = Uβ + v, 0 where it is U(β − μ) + v.
    pub fn through_mean(&self) -> f64 {
        if self.form.coordinates == Coordinates::Paper { 1.0 } else { 0.0 }
    }

    /// What the sum over the components is multiplied by.
    pub fn share(&self) -> f64 {
        if self.form.scale == Scale::Mean { 1.0 / self.shape.components() as f64 } else { 1.0 }
    }

    pub fn batch(&self) -> usize {
        self.x.len() / self.shape.inputs()
    }

    pub fn layer(&self) -> Diagonal<'_, T> {
        let parameters = Parameters { mu: &self.mu, sigma: &self.sigma, u: &self.u, v: &self.v };
        Diagonal::new(self.shape, parameters).unwrap().with_form(self.form)
    }

    /// Room for what is saved, and scratch, in which every number is NaN.
    pub fn buffers(&self) -> [Vec<T>; 2] {
        let (layer, batch) = (self.layer(), self.batch());
        [layer.saved_len(batch).unwrap(), layer.scratch_len(batch).unwrap()]
            .map(|len| vec![T::from_f64(f64::NAN); len])
    }

    pub fn forward(&self) -> Vec<T> {
        self.forward_into(&mut self.buffers())
    }

    /// h, with what is saved in the first buffer.
    pub fn forward_into(&self, [saved, scratch]: &mut [Vec<T>; 2]) -> Vec<T> {
        let mut y = vec![T::from_f64(f64::NAN); self.batch() * self.shape.outputs()];
        self.layer().forward(&self.x, &mut y, saved, scratch).unwrap();
        y
    }

    pub fn backward(&self) -> All<T> {
        let mut buffers = self.buffers();
        self.forward_into(&mut buffers);
        self.backward_from(&mut buffers)
    }

    /// The gradients, from what is saved in the first buffer; the other is filled with NaN first.
    pub fn backward_from(&self, [saved, scratch]: &mut [Vec<T>; 2]) -> All<T> {
        scratch.fill(T::from_f64(f64::NAN));
        let zeros = |len| vec![T::zero(); len];
        let shape = self.shape;
        let mut all = All {
            mu: zeros(shape.mu_len()),
            sigma: zeros(shape.sigma_len()),
            u: zeros(shape.u_len()),
            v: zeros(shape.v_len()),
            x: vec![T::from_f64(f64::NAN); self.x.len()],
        };
        let gradients = Gradients {
            mu: Some(&mut all.mu),
            sigma: Some(&mut all.sigma),
            u: Some(&mut all.u),
            v: Some(&mut all.v),
        };
        self.layer().backward(&self.x, &self.g, saved, gradients, Some(&mut all.x), scratch).unwrap();
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
            form: self.form,
            mu: all(&self.mu),
            sigma: all(&self.sigma),
            u: all(&self.u),
            v: all(&self.v),
            x: all(&self.x),
            g: all(&self.g),
        }
    }
}

/// How a random case is drawn.
#[derive(Debug, Clone, Copy)]
pub struct Recipe {
    pub inputs: usize,
    pub outputs: usize,
    pub components: usize,
    pub batch: usize,
    pub seed: u64,
    /// Decimal exponents of the scales of μ, σ, U, v, x, g.
    pub exponents: [f64; 6],
    /// The share of entries of σ and x that are 0.
    pub zeros: f64,
    pub form: Form,
}

impl Recipe {
    pub fn build(self) -> Case<f64> {
        let shape = Shape::new(self.inputs, self.outputs, self.components).unwrap();
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
        let [mu, sigma, u, v, x, g] = self.exponents;
        Case {
            shape,
            form: self.form,
            mu: fill(shape.mu_len(), mu, 0.0),
            sigma: fill(shape.sigma_len(), sigma, self.zeros),
            u: fill(shape.u_len(), u, 0.0),
            v: fill(shape.v_len(), v, 0.0),
            x: fill(self.batch * self.inputs, x, self.zeros),
            g: fill(self.batch * self.outputs, g, 0.0),
        }
    }
}

/// Shapes, scales and zero patterns.
pub fn recipes() -> impl Strategy<Value = Recipe> {
    // Below eight rows the layer goes row by row, above in chunks of 64.
    let batch = prop_oneof![4 => 1_usize..6, 3 => 8_usize..24, 1 => 60_usize..140];
    let sizes = (1_usize..40, 1_usize..7, 1_usize..6, batch);
    let exponents = prop::array::uniform6(-3.0..3.0_f64);
    let zeros = prop_oneof![Just(0.0), Just(0.3), Just(0.8), Just(1.0)];
    let form = prop::sample::select(&FORMS[..]);
    (sizes, any::<u64>(), exponents, zeros, form).prop_map(
        |((inputs, outputs, components, batch), seed, exponents, zeros, form)| Recipe {
            inputs,
            outputs,
            components,
            batch,
            seed,
            exponents,
            zeros,
            form,
        },
    )
}

/// A number in [0, 1).
pub fn uniform(random: &mut Pcg64) -> f64 {
    (random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

/// A standard normal number, by Box and Muller.
pub fn normal(random: &mut Pcg64) -> f64 {
    let radius = (-2.0 * (1.0 - uniform(random)).ln()).sqrt();
    radius * (std::f64::consts::TAU * uniform(random)).cos()
}
