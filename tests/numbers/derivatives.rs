//! The derivatives that dual numbers carry through the special functions, against closed forms at the values of
//! the two references.

use approx::assert_abs_diff_eq;
use gmlayer::{Dual, Real, Rectified, rectified};

use crate::reference::{Reference, SCALE};
use crate::{NAMES, reference_f32, scalar, slices};

/// Errors in roundings: what a derivative may be off by, beside the rounding of t = m/s.
const BUDGETS: f64 = 8.0;

/// Values of φ, Φ, ψ and tφ, and the arguments at which the formulas change.
struct Format<T> {
    values: Box<dyn Fn(f64) -> [f64; 4]>,
    /// Beyond this all tails are 0.
    end: [T; 3],
    /// The least s at which 1/s, times the factor of the tails, is in range.
    least_s: f64,
    most: f64,
}

fn single() -> Format<f32> {
    Format {
        values: Box::new(|t| reference_f32::values(t as f32)),
        end: [15.0_f32.next_down(), 15.0, 15.0_f32.next_up()],
        least_s: 1e-18,
        most: f32::MAX.into(),
    }
}

fn double() -> Format<f64> {
    let reference = Reference::new();
    Format {
        values: Box::new(move |t| match t {
            t if t > 40.0 => [0.0, 1.0, t, 0.0],
            t if t < -40.0 => [0.0; 4],
            t => reference.at(t).map(|value| value.high / SCALE),
        }),
        end: [40.0_f64.next_down(), 40.0, 40.0_f64.next_up()],
        least_s: 1e-240,
        most: f64::MAX,
    }
}

impl<T: Real> Format<T> {
    /// Arguments of every kind: 0, subnormal, ordinary, at the end of the tails and beyond.
    fn arguments(&self) -> Vec<T> {
        let mut sizes = vec![T::zero(), T::from_f64(Self::least()), Self::least_normal(), T::from_f64(1e-20)];
        sizes.extend((1..=45 * 16).map(|i| T::from_f64(f64::from(i) / 16.0)));
        sizes.extend(self.end);
        sizes.extend([1e30, f64::INFINITY].map(T::from_f64));
        sizes.iter().flat_map(|&t| [t, -t]).collect()
    }

    /// The smallest normal number.
    fn least_normal() -> T {
        T::one().times_power_of_two(T::LEAST_EXPONENT)
    }

    /// The smallest subnormal number.
    fn least() -> f64 {
        Self::least_normal().to_f64() * 2.0 * T::UNIT_ROUNDOFF
    }

    /// Whether a derivative is what it should be, up to roundings of numbers of a size and of subnormal numbers
    /// times a factor.
    fn agrees(got: T, want: f64, size: f64, factor: f64) -> bool {
        let budget = T::UNIT_ROUNDOFF * size + Self::least() * factor;
        (got.to_f64() - want).abs() <= BUDGETS * budget
    }
}

/// φ′ = −tφ, Φ′ = φ, ψ′ = Φ and (tφ)′ = (1 − t²)φ.
fn at_every_argument<T: Real>(format: &Format<T>) {
    for t in format.arguments() {
        let [density, cumulative, _, moment] = (format.values)(t.to_f64());
        // Within the range of the squares: beyond, the density is 0.
        let a = t.to_f64().clamp(-50.0, 50.0);
        let want = [-moment, density, cumulative, density - a * moment];
        let sizes = [moment.abs(), density, cumulative, (1.0 + a * a) * density];
        let at = Dual::new(t, T::one());
        let (got, along, values) = (scalar(at), slices(&[at]), scalar(t));
        for (function, name) in NAMES.iter().enumerate() {
            let got = got[function];
            assert_eq!(got.value, values[function], "{name} at {t:?}");
            assert_eq!(got.derivative, along[function][0].derivative, "{name} at {t:?} along a slice");
            let want = want[function];
            assert!(
                Format::agrees(got.derivative, want, sizes[function], 1.0 + a * a),
                "{name} at {t:?}: {got:?}, want {want:e}"
            );
        }
    }
}

/// m and s of every size: t at 0 and about it, at the ends of the tails, subnormal, underflowing and overflowing.
fn pairs<T: Real>(format: &Format<T>) -> Vec<(T, T)> {
    let below_one = T::one() - T::from_f64(T::UNIT_ROUNDOFF);
    let above_one = T::one() + T::from_f64(2.0 * T::UNIT_ROUNDOFF);
    let mut all_s = vec![T::zero(), T::from_f64(Format::<T>::least()), Format::<T>::least_normal()];
    all_s.extend([1e-25, 1e-20, 1e-17, 0.3, 1.7, 64.0, 1e20].map(T::from_f64));
    all_s.extend([below_one, T::one(), above_one]);
    let mut pairs = Vec::new();
    for &s in &all_s {
        for t in format.arguments() {
            let m = s * t;
            if m.is_finite() {
                pairs.extend([(m, s), (t, s)].into_iter().filter(|(m, _)| m.is_finite()));
            }
        }
    }
    pairs
}

/// r′ = p m′ + φ s′, and with t′ = (m′ − t s′)/s: p′ = φ t′, φ′ = −tφ t′, (tφ)′ = (1 − t²)φ t′. At s = 0 the mean
/// alone moves, by the limit of central differences.
fn at_every_pair<T: Real>(format: &Format<T>) {
    for (m, s) in pairs(format) {
        let ratio = m.to_f64() / s.to_f64();
        let t = if ratio.is_nan() { 0.0 } else { ratio };
        let [density, cumulative, _, _] = (format.values)(t);
        let a = t.clamp(-50.0, 50.0);
        let density = if s.is_zero() { 0.0 } else { density };
        let moment = (1.0 - a * a) * density;
        let plain = Rectified::new(m, s);
        for (of_m, of_s) in [(1.0, 0.0), (0.0, 1.0)] {
            let rate = |value, derivative| Dual::new(value, T::from_f64(derivative));
            let got = Rectified::new(rate(m, of_m), rate(s, of_s));
            let of_t = if s.is_zero() { 0.0 } else { (of_m - a * of_s) / s.to_f64() };
            let want =
                [cumulative * of_m + density * of_s, density * of_t, -a * density * of_t, moment * of_t];
            // Each formula is φ t′ times a polynomial of t: of a degree, and 2 more for the rounding of t.
            let size = |degree: i32| density * of_t.abs() * (1.0 + a.abs()).powi(degree + 2);
            let sizes = [cumulative * of_m + (1.0 + a * a) * density, size(0), size(1), size(2)];
            let got = [got.mean, got.probability, got.density, got.density_moment];
            let plain = [plain.mean, plain.probability, plain.density, plain.density_moment];
            let names = ["mean", "probability", "density", "density_moment"];
            let checked = if s.is_zero() || s.to_f64() >= format.least_s { 4 } else { 2 };
            for i in 0..checked {
                assert_eq!(got[i].value, plain[i], "{} at {m:?}, {s:?}", names[i]);
                let factor = (1.0 + a.abs()).powi(3) * if i == 0 { 1.0 } else { 1.0 + of_t.abs() };
                let in_range = want[i].abs() <= format.most && factor <= format.most;
                assert!(
                    !in_range || Format::agrees(got[i].derivative, want[i], sizes[i], factor),
                    "{} at {m:?}, {s:?} along ({of_m}, {of_s}): {:?}, want {:e}",
                    names[i],
                    got[i],
                    want[i]
                );
            }
        }
    }
}

#[test]
fn normal_in_f32() {
    at_every_argument(&single());
}

#[test]
fn normal_in_f64() {
    at_every_argument(&double());
}

#[test]
fn rectified_in_f32() {
    at_every_pair(&single());
}

#[test]
fn rectified_in_f64() {
    at_every_pair(&double());
}

/// r = E max(⟨β, x⟩, 0) has ∂r/∂xᵢ = p μᵢ + φ σᵢ²xᵢ/s, the same at inputs of every size.
#[test]
fn projections_of_every_size() {
    let (mu, sigma, x) = ([0.5, -0.25], [1.0, 2.0], [1.0, -0.75]);
    let s = 3.25_f64.sqrt();
    let [density, cumulative, ..] = (double().values)(0.6875 / s);
    for power in -120..=120 {
        for i in 0..2 {
            let constants = |values: [f64; 2]| values.map(|value| Dual::constant(value as f32));
            let mut x_dual = constants(x).map(|x| x.times_power_of_two(power));
            x_dual[i].derivative = 1.0;
            let mut direction = constants([0.0; 2]);
            let z = rectified::project(&constants(mu), &constants(sigma), &x_dual, &mut direction).unwrap();
            let want = cumulative * mu[i] + density * sigma[i] * sigma[i] * x[i] / s;
            let got = z.rectified.mean.derivative;
            assert_abs_diff_eq!(f64::from(got), want, epsilon = 1e-6);
        }
    }
}

/// The same derivatives once more along the same direction: φ, −tφ, Φ′ and so on have derivatives of their own.
#[test]
fn second_derivatives_at_zero() {
    let t = Dual::new(Dual::new(0.0_f64, 1.0), Dual::constant(1.0));
    let density = 0.398_942_280_401_432_7;
    let second = scalar(t).map(|value| value.derivative.derivative);
    let want = [-density, 0.0, density, 0.0];
    assert_abs_diff_eq!(&second[..], &want[..], epsilon = 1e-15);
    let mean = Rectified::new(t, Dual::constant(Dual::constant(1.0))).mean;
    assert_abs_diff_eq!(mean.derivative.derivative, density, epsilon = 1e-15);
}
