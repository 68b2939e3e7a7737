//! The normal distribution to about 28 digits, by Taylor series from a grid: nothing here is in the kernels.
//!
//! With mₙ(a) = ∫₀^∞ xⁿ e^(−x²/2 − ax) dx / n!, Mills' ratio is m₀ and ψ(−a)/φ(a) is m₁. All mₙ are
//! positive, m₀(a + h) = Σ (−h)ⁿ mₙ(a), m₁ is minus its derivative, and (n+1) mₙ₊₁ = mₙ₋₁ − a mₙ with
//! m₋₁ = 1. The recurrence runs backwards where a ≥ 1 (Miller) and forwards from a power series below.

use super::double::Double;

/// Distance of the grid's points.
const STEP: f64 = 1.0 / 64.0;

/// The grid's end.
const END: f64 = 41.0;

/// Terms of a series.
const TERMS: usize = 14;

/// The first terms, which need all digits.
const LONG_TERMS: usize = 6;

/// The factor of every value, as in the table of tests/data.
pub(crate) const SCALE: f64 = f64::from_bits((1023 + 200) << 52);

/// φ, Φ, ψ and tφ, times [`SCALE`].
pub(crate) type Values = [Double; 4];

#[derive(Debug)]
pub(crate) struct Reference {
    grid: Vec<Node>,
    exponential: Vec<Double>,
}

#[derive(Debug)]
struct Node {
    /// φ at the node, times [`SCALE`].
    density: Double,
    /// mₙ at the node.
    moments: [Double; TERMS],
}

/// A small integer's reciprocal.
fn one_over(n: usize) -> Double {
    Double::from(n as f64).reciprocal()
}

/// Σ cₙ xⁿ, the later terms in plain `f64`: they are below 2⁻⁴⁰ of the first.
fn series(coefficients: &[Double], long: usize, x: Double) -> Double {
    let (long, short) = coefficients.split_at(long);
    let rest = short.iter().rev().fold(0.0, |sum, c| sum * x.high + c.high);
    long.iter().rev().fold(Double::from(rest), |sum, &c| sum * x + c)
}

impl Reference {
    pub(crate) fn new() -> Self {
        // 1/n!; |x| ≤ 0.33 where it is used.
        let mut exponential = vec![Double::from(1.0)];
        for n in 1..20 {
            exponential.push(exponential[n - 1] * one_over(n));
        }
        let mut reference = Self { grid: Vec::new(), exponential };
        for i in 0..=(END / STEP) as usize {
            let node = reference.node(i as f64 * STEP);
            reference.grid.push(node);
        }
        reference
    }

    /// eˣ for |x| ≤ 0.33.
    fn small_exponential(&self, x: Double) -> Double {
        series(&self.exponential, 11, x)
    }

    /// e^(−x) 2^n for any x ≥ 0: e^(−x/2ᵏ), squared k times, with the factor 2^n spread over the squarings.
    fn exponential(&self, x: Double, scale: Double) -> Double {
        let mut argument = x;
        let mut halvings = 0;
        while argument.high > 0.25 {
            argument = argument * 0.5;
            halvings += 1;
        }
        let mut value = self.small_exponential(-argument);
        // Scaling up before the last squaring keeps the low part away from the subnormal numbers.
        for _ in 1..halvings {
            value = value * value;
        }
        if halvings > 0 { (value * scale) * value } else { value * scale }
    }

    fn node(&self, a: f64) -> Node {
        // 1/√(2π).
        let norm = Double { high: 0.398_942_280_401_432_7, low: -2.492_327_202_277_73e-17 };
        let square = Double::from(a) * Double::from(a);
        let growth = self.exponential(square * 0.5, Double::from(SCALE));
        let mut moments = [Double::from(0.0); TERMS];
        let long_a = Double::from(a);
        if a >= 1.0 {
            // From far out down to m₋₁, which tells the scale.
            let (mut next, mut this) = (Double::from(0.0), Double::from(1e-250));
            for n in (0..900).rev() {
                // Here `this` is mₙ and `next` mₙ₊₁, up to the scale.
                if n < TERMS {
                    moments[n] = this;
                }
                let before = Double::from((n + 1) as f64) * next + long_a * this;
                (next, this) = (this, before);
                if this.high > 1e200 {
                    (next, this) = (next * 2.0_f64.powi(-800), this * 2.0_f64.powi(-800));
                    moments = moments.map(|m| m * 2.0_f64.powi(-800));
                }
            }
            let scale = this.reciprocal();
            moments = moments.map(|m| m * scale);
        } else {
            // m₀ = √(π/2) e^(a²/2) − Σ a^(2n+1)/(2n+1)!!.
            let root = Double { high: 1.253_314_137_315_500_3, low: -9.164_289_990_229_583e-17 };
            let mut term = long_a;
            let mut sum = term;
            for n in 1..40 {
                term = term * square * one_over(2 * n + 1);
                sum = sum + term;
            }
            let up = self.exponential(square * 0.5, Double::from(1.0)).reciprocal();
            moments[0] = root * up - sum;
            moments[1] = Double::from(1.0) - long_a * moments[0];
            for n in 1..TERMS - 1 {
                moments[n + 1] = (moments[n - 1] - long_a * moments[n]) * one_over(n + 1);
            }
        }
        Node { density: norm * growth, moments }
    }

    /// φ, Φ, ψ and tφ at t, times [`SCALE`]; |t| must not exceed 40.
    pub(crate) fn at(&self, t: f64) -> Values {
        let a = t.abs();
        let index = (a / STEP + 0.5) as usize;
        let node = &self.grid[index];
        let start = index as f64 * STEP;
        let h = a - start;
        // φ(a) = φ(start) e^(−h (start + h/2)).
        let exponent = Double::from(h) * (Double::from(start) + Double::from(0.5 * h));
        let density = node.density * self.small_exponential(-exponent);
        let minus_h = Double::from(-h);
        let mills = series(&node.moments, LONG_TERMS, minus_h);
        let mut slopes = [Double::from(0.0); TERMS - 1];
        for (n, slope) in slopes.iter_mut().enumerate() {
            let count = (n + 1) as f64;
            *slope = if n < LONG_TERMS {
                node.moments[n + 1] * Double::from(count)
            } else {
                Double::from(node.moments[n + 1].high * count)
            };
        }
        let tail = density * mills;
        let ramp_tail = density * series(&slopes, LONG_TERMS, minus_h);
        let one = Double::from(SCALE);
        if t > 0.0 {
            [density, one - tail, Double::from(t) * one + ramp_tail, density * Double::from(t)]
        } else {
            [density, tail, ramp_tail, density * Double::from(t)]
        }
    }
}
