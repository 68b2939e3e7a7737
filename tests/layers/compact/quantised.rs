//! Constants in integers against arithmetic in `f64`.

use approx::assert_relative_eq;
use gmlayer::compact::{Quantised, QuantisedConstants, quantise};
use gmlayer::{Error, Shape, normal};
use rand_core::SeedableRng;
use rand_pcg::Pcg64;

use super::{Owned, SIZES, forward_quantised, numbers};

/// The constants of a layer in 8-bit integers.
pub(crate) struct Integers {
    shape: Shape,
    a: Vec<f32>,
    pub(crate) scales: [Vec<f32>; 3],
    pub(crate) integers: [Vec<i8>; 3],
}

impl Integers {
    pub(crate) fn new(owned: &Owned) -> Self {
        let inputs = owned.shape.inputs();
        let [w, mu, variance] = [&owned.w, &owned.mu, &owned.variance].map(|block| {
            let mut integers = vec![0; block.len()];
            let rows = block.chunks(inputs).zip(integers.chunks_mut(inputs));
            let scales: Vec<f32> = rows.map(|(row, integers)| quantise(row, integers).unwrap()).collect();
            (scales, integers)
        });
        Self {
            shape: owned.shape,
            a: owned.a.clone(),
            scales: [w.0, mu.0, variance.0],
            integers: [w.1, mu.1, variance.1],
        }
    }

    pub(crate) fn model(&self) -> Quantised<'_, i8> {
        let [w_scales, mu_scales, variance_scales] = &self.scales;
        let [w, mu, variance] = &self.integers;
        let constants =
            QuantisedConstants { a: &self.a, w_scales, w, mu_scales, mu, variance_scales, variance };
        Quantised::new(self.shape, constants).unwrap()
    }

    /// h(x) in `f64` with the stored numbers, and the sum of the absolute values of its terms.
    fn exact(&self, x: &[f32]) -> Vec<(f64, f64)> {
        let (inputs, outputs) = (self.shape.inputs(), self.shape.outputs());
        let row = |block: usize, row: usize| -> Vec<f64> {
            let integers = &self.integers[block][row * inputs..][..inputs];
            integers.iter().map(|&q| f64::from(q) * f64::from(self.scales[block][row])).collect()
        };
        let sum = |a: &[f64], power: i32| -> (f64, f64) {
            let terms = a.iter().zip(x).map(|(a, &x)| a * f64::from(x).powi(power));
            terms.fold((0.0, 0.0), |(sum, size), term| (sum + term, size + term.abs()))
        };
        let mut y = vec![(0.0, 0.0); outputs];
        for component in 0..self.shape.components() {
            let (m, m_size) = sum(&row(1, component), 1);
            let s = sum(&row(2, component), 2).0.sqrt();
            let t = if s > 0.0 { m / s } else { m.signum() * f64::INFINITY };
            let (r, p) = if s > 0.0 {
                (s * normal::ramp(t), normal::cumulative(t))
            } else {
                (m.max(0.0), m.signum().max(0.0))
            };
            for (output, y) in y.iter_mut().enumerate() {
                let (slope, slope_size) = sum(&row(0, component * outputs + output), 1);
                let a = f64::from(self.a[component * outputs + output]);
                y.0 += (a * r + slope * p) / self.shape.components() as f64;
                y.1 += (a.abs() * (m_size + s) + slope_size) / self.shape.components() as f64;
            }
        }
        y
    }
}

#[test]
fn i8_computes_with_its_values() {
    for (inputs, outputs, components) in SIZES {
        let owned = Owned::new(inputs, outputs, components);
        let integers = Integers::new(&owned);
        let mut generator = Pcg64::seed_from_u64(3);
        for _ in 0..20 {
            let x = numbers(&mut generator, inputs);
            for (got, (want, size)) in forward_quantised(&integers.model(), &x).iter().zip(integers.exact(&x))
            {
                // Inputs are rounded to 15 bits, and so are their squares.
                assert!((f64::from(*got) - want).abs() <= 2e-4 * size, "{:?}: {got} {want}", owned.shape);
            }
        }
    }
}

/// h is homogeneous, and so is its form in integers: a power of two in x comes out to the bit.
#[test]
fn i8_is_homogeneous_to_the_bit() {
    let owned = Owned::new(64, 10, 4);
    let integers = Integers::new(&owned);
    let x = numbers(&mut Pcg64::seed_from_u64(4), 64);
    let plain = forward_quantised(&integers.model(), &x);
    for power in [-80, -20, -1, 1, 20, 100] {
        let factor = 2.0_f32.powi(power);
        let scaled: Vec<f32> = x.iter().map(|x| x * factor).collect();
        let got = forward_quantised(&integers.model(), &scaled);
        assert_eq!(got, plain.iter().map(|y| y * factor).collect::<Vec<_>>(), "2^{power}");
    }
}

#[test]
fn i8_takes_any_input() {
    let owned = Owned::new(5, 3, 2);
    let integers = Integers::new(&owned);
    assert_eq!(forward_quantised(&integers.model(), &[0.0; 5]), [0.0; 3]);
    assert_eq!(forward_quantised(&integers.model(), &[1e-44; 5]), [0.0; 3]);
    for broken in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        assert!(
            forward_quantised(&integers.model(), &[0.5, broken, 0.0, 0.0, 1.0]).iter().all(|y| y.is_nan())
        );
    }
}

/// The largest sums that there can be: −128 everywhere, as many inputs as are allowed.
#[test]
fn sums_of_integers_do_not_overflow() {
    for inputs in [1, 64, 784, 1 << 17] {
        let shape = Shape::new(inputs, 1, 1).unwrap();
        let (least, most) = (vec![0x80_u8; inputs], vec![0x7f_u8; inputs]);
        let one = [1.0_f32.to_le_bytes()];
        let constants = QuantisedConstants {
            a: &one,
            w_scales: &one,
            w: &least,
            mu_scales: &one,
            mu: &least,
            variance_scales: &[[0; 4]],
            variance: &most,
        };
        let y = forward_quantised(&Quantised::new(shape, constants).unwrap(), &vec![-1.0; inputs]);
        // σ² = 0 and m = 128 d: h = m + W x = 256 d.
        assert_relative_eq!(y[0], 256.0 * inputs as f32, epsilon = 0.0, max_relative = 1e-5);
    }
    let too_many = Shape::new((1 << 17) + 1, 1, 1).unwrap();
    let constants = QuantisedConstants::<i8> {
        a: &[],
        w_scales: &[],
        w: &[],
        mu_scales: &[],
        mu: &[],
        variance_scales: &[],
        variance: &[],
    };
    let error = Quantised::new(too_many, constants).unwrap_err();
    assert_eq!(error, Error::Range { argument: "inputs", largest: 1 << 17, got: (1 << 17) + 1 });
}

#[test]
fn rows_are_quantised_to_half_a_scale() {
    let mut generator = Pcg64::seed_from_u64(5);
    for len in [1, 2, 63, 500] {
        let row = numbers(&mut generator, len);
        let mut integers = vec![0; len];
        let scale = quantise(&row, &mut integers).unwrap();
        assert!(integers.iter().any(|q| q.abs() == 127));
        for (&x, &q) in row.iter().zip(&integers) {
            assert!((x - scale * f32::from(q)).abs() <= 0.500_01 * scale);
        }
    }
    let mut integers = [1; 2];
    assert_eq!(quantise(&[0.0, -0.0], &mut integers), Ok(0.0));
    assert_eq!(integers, [0, 0]);
    assert!(quantise(&[1.0, f32::INFINITY], &mut integers).unwrap().is_nan());
    assert_eq!(
        quantise(&[1.0], &mut integers),
        Err(Error::Length { argument: "integers", expected: 1, got: 2 })
    );
}
