//! The layer as the textbook writes it: plain formulas in `f64`, one loop for each sum.
//!
//! It serves as the naive oracle for ordinary inputs. It is not accurate in the tails, and it divides by
//! s: where s is 0 the gradients are NaN.

use super::table::Case;

/// Every output of the layer, flat, in the layouts of the layer itself.
#[derive(Debug, Clone)]
pub struct Outputs {
    pub h: Vec<f64>,
    pub dmu: Vec<f64>,
    pub dsigma: Vec<f64>,
    pub du: Vec<f64>,
    pub dv: Vec<f64>,
    pub dx: Vec<f64>,
}

impl Outputs {
    /// The outputs in the order of [`Case::exact`].
    #[must_use]
    pub fn blocks(&self) -> [&[f64]; 6] {
        [&self.h, &self.dmu, &self.dsigma, &self.du, &self.dv, &self.dx]
    }
}

/// The density of the standard normal distribution.
#[must_use]
pub fn density(t: f64) -> f64 {
    libm::exp(-t * t / 2.0) / libm::sqrt(2.0 * std::f64::consts::PI)
}

/// The distribution function of the standard normal distribution.
#[must_use]
pub fn distribution(t: f64) -> f64 {
    libm::erfc(-t * std::f64::consts::FRAC_1_SQRT_2) / 2.0
}

/// h = 1/K Σ [(Uμ + v) r + U (σ²⊙x) p] and the gradients of Σ ⟨g, h(x)⟩.
#[must_use]
pub fn diagonal(case: &Case) -> Outputs {
    let (d, outputs) = (case.inputs, case.outputs);
    let weight = 1.0 / case.components as f64;
    let mut result = Outputs {
        h: vec![0.0; case.batch * outputs],
        dmu: vec![0.0; case.mu.len()],
        dsigma: vec![0.0; case.sigma.len()],
        du: vec![0.0; case.u.len()],
        dv: vec![0.0; case.v.len()],
        dx: vec![0.0; case.x.len()],
    };
    for k in 0..case.components {
        let mu = &case.mu[k * d..][..d];
        let sigma = &case.sigma[k * d..][..d];
        let u = &case.u[k * outputs * d..][..outputs * d];
        let v = &case.v[k * outputs..][..outputs];
        for b in 0..case.batch {
            let x = &case.x[b * d..][..d];
            let g = &case.g[b * outputs..][..outputs];

            let m: f64 = (0..d).map(|i| mu[i] * x[i]).sum();
            let s = libm::sqrt((0..d).map(|i| (sigma[i] * x[i]).powi(2)).sum());
            let t = m / s;
            let (p, phi) = (distribution(t), density(t));
            let r = m * p + s * phi;

            // ρ = ⟨g, a⟩ and π = ⟨g, Wx⟩ with a = Uμ + v and W = U diag(σ²).
            let (mut rho, mut pi) = (0.0, 0.0);
            for l in 0..outputs {
                let row = &u[l * d..][..d];
                let a = v[l] + (0..d).map(|i| row[i] * mu[i]).sum::<f64>();
                let wx: f64 = (0..d).map(|i| row[i] * sigma[i] * sigma[i] * x[i]).sum();
                result.h[b * outputs + l] += weight * (a * r + wx * p);
                rho += g[l] * a;
                pi += g[l] * wx;
            }
            let dm = weight * (rho * p + pi * phi / s);
            let ds = weight * (rho * phi - pi * t * phi / s);

            for (l, cotangent) in g.iter().enumerate() {
                result.dv[k * outputs + l] += weight * cotangent * r;
                for i in 0..d {
                    let inner = mu[i] * r + sigma[i] * sigma[i] * x[i] * p;
                    result.du[(k * outputs + l) * d + i] += weight * cotangent * inner;
                }
            }
            for i in 0..d {
                let c: f64 = (0..outputs).map(|l| u[l * d + i] * g[l]).sum::<f64>() * weight;
                result.dmu[k * d + i] += dm * x[i] + c * r;
                result.dsigma[k * d + i] += sigma[i] * (ds / s * x[i] * x[i] + 2.0 * p * c * x[i]);
                result.dx[b * d + i] += dm * mu[i] + sigma[i] * sigma[i] * (p * c + ds / s * x[i]);
            }
        }
    }
    result
}
