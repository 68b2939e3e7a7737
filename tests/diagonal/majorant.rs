//! How far rounding may carry a sum over all terms of a layer: the textbook formulas in absolute values.

use gmlayer::Real;

use super::layers::Case;

/// The first-order budget of ℓ and of every sum of parameter times gradient: each term of the layer in
/// absolute value, each factor F of {r, p, φ, tφ} counted as F + |dF|.
pub fn majorant<T: Real>(case: &Case<T>) -> f64 {
    let case = case.convert(|value| value.to_f64().abs());
    let (inputs, outputs) = (case.shape.inputs(), case.shape.outputs());
    let mut sum = 0.0;
    for (x, g) in case.x.chunks(inputs).zip(case.g.chunks(outputs)) {
        for k in 0..case.shape.components() {
            let mu = &case.mu[k * inputs..][..inputs];
            let sigma = &case.sigma[k * inputs..][..inputs];
            let u = &case.u[k * outputs * inputs..][..outputs * inputs];
            let v = &case.v[k * outputs..][..outputs];
            let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();

            let c: Vec<f64> =
                (0..inputs).map(|i| (0..outputs).map(|l| g[l] * u[l * inputs + i]).sum()).collect();
            let m = dot(mu, x);
            let s = (0..inputs).map(|i| (sigma[i] * x[i]).powi(2)).sum::<f64>().sqrt();
            let a = case.through_mean() * dot(&c, mu) + dot(g, v);
            let c_sigma: f64 = dot(&c, sigma);
            let stein: f64 = (0..inputs).map(|i| c[i] * sigma[i] * sigma[i] * x[i]).sum();
            // Every factor is at most 1, and so is its sensitivity but for dt ≤ |m|/s, which the
            // densities outweigh: φ, |tφ|, t²φ, |t³|φ are all below 1.
            sum += a * (4.0 * m + 3.0 * s) + 4.0 * c_sigma * (m.min(s * 40.0) + s) + 4.0 * stein;
            // Cancellation in m moves t by Σ|μᵢxᵢ|/s.
            if s > 0.0 {
                sum += c_sigma * m + stein * m / s;
            }
        }
    }
    sum * case.share()
}
