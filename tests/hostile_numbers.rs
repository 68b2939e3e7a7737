//! Every combination of the numbers that break things, in all layers: never a panic, NaN in its row alone, finite
//! where the true value and all that it is made of are.

use gmlayer::diagonal::{Diagonal, Gradients, Parameters, Sparse};
use gmlayer::nn::{Dense, Layer, Relu};
use gmlayer::{Dual, Real, Shape};

/// A scalar with its extremes.
trait Extreme: Real {
    const NUMBERS: [Self; 15];
    const NAN: Self;
    fn same(self, other: Self) -> bool;
}

macro_rules! extreme {
    ($($float:ident),*) => {
        $(impl Extreme for $float {
            const NUMBERS: [Self; 15] = [
                0.0, -0.0, $float::from_bits(1), -$float::from_bits(1), $float::MIN_POSITIVE, -$float::MIN_POSITIVE,
                1.0, -1.0, $float::MAX / 2.0, $float::MIN / 2.0, $float::MAX, $float::MIN, $float::INFINITY,
                $float::NEG_INFINITY, $float::NAN,
            ];
            const NAN: Self = $float::NAN;
            fn same(self, other: Self) -> bool {
                self.to_bits() == other.to_bits() || self.is_nan() && other.is_nan()
            }
        })*
    };
}

extreme!(f32, f64);

/// A layer of one output with one row, or with the same row among others.
#[derive(Debug, Clone)]
struct Small<T> {
    shape: Shape,
    mu: Vec<T>,
    sigma: Vec<T>,
    u: Vec<T>,
    v: Vec<T>,
    x: Vec<T>,
    g: Vec<T>,
}

/// h and the gradients of μ, σ, U, v and x.
#[derive(Debug, Clone)]
struct Outputs<T> {
    h: Vec<T>,
    parameters: [Vec<T>; 4],
    dx: Vec<T>,
}

impl<T: Real> Small<T> {
    /// Both passes.
    fn run(&self) -> Outputs<T> {
        let Self { shape, mu, sigma, u, v, x, g } = self;
        let layer = Diagonal::new(*shape, Parameters { mu, sigma, u, v }).unwrap();
        let rows = x.len() / shape.inputs();
        let zeros = |len: usize| vec![T::zero(); len];
        let (mut saved, mut scratch) =
            (zeros(layer.saved_len(rows).unwrap()), zeros(layer.scratch_len(rows).unwrap()));
        let mut h = zeros(g.len());
        layer.forward(x, &mut h, &mut saved, &mut scratch).unwrap();
        let mut parameters = [mu.len(), sigma.len(), u.len(), v.len()].map(zeros);
        let mut dx = zeros(x.len());
        let [of_mu, of_sigma, of_u, of_v] = &mut parameters;
        let gradients = Gradients { mu: Some(of_mu), sigma: Some(of_sigma), u: Some(of_u), v: Some(of_v) };
        layer.backward(x, g, &saved, gradients, Some(&mut dx), &mut scratch).unwrap();
        Outputs { h, parameters, dx }
    }

    /// h of the two forms for inference.
    fn prepared(&self) -> [Vec<T>; 2] {
        let Self { shape, mu, sigma, u, v, x, g } = self;
        let layer = Diagonal::new(*shape, Parameters { mu, sigma, u, v }).unwrap();
        let zeros = |len: usize| vec![T::zero(); len];
        let mut storage = zeros(layer.prepared_len());
        let prepared = layer.prepare(&mut storage).unwrap();
        let (mut y, mut of_sparse) = (zeros(g.len()), zeros(g.len()));
        let rows = x.len() / shape.inputs();
        prepared.forward(x, &mut y, &mut zeros(prepared.scratch_len(rows).unwrap())).unwrap();
        let mut columns = zeros(Sparse::<T>::storage_len(*shape).unwrap());
        let sparse = Sparse::new(prepared, &mut columns).unwrap();
        sparse.forward(x, &mut of_sparse, &mut zeros(sparse.scratch_len().unwrap())).unwrap();
        [y, of_sparse]
    }

    fn convert<S>(&self, convert: impl Fn(T) -> S) -> Small<S> {
        let all = |block: &[T]| block.iter().map(|&value| convert(value)).collect();
        Small {
            shape: self.shape,
            mu: all(&self.mu),
            sigma: all(&self.sigma),
            u: all(&self.u),
            v: all(&self.v),
            x: all(&self.x),
            g: all(&self.g),
        }
    }
}

/// log₂ of the size of a number; none where it is 0.
fn size<T: Real>(value: T) -> Option<f64> {
    (!value.is_zero()).then(|| value.abs().to_f64().log2())
}

/// Whether every sum that the outputs of a layer of one input, output and component are made of stays below half of
/// the range: Uμ + v, its product with r, U σ² x and so on. Sizes are added as logarithms, so nothing overflows here.
fn in_range<T: Extreme>(small: &Small<T>, most: f64) -> bool {
    let [mu, sigma, u, v, x, g] = [&small.mu, &small.sigma, &small.u, &small.v, &small.x, &small.g]
        .map(|block| size(block[0]).unwrap_or(f64::NEG_INFINITY));
    let spread = mu.max(sigma);
    let slope = (u + mu).max(v); // Uμ + v
    [
        slope + spread + x,      // h, a r
        u + 2.0 * sigma + x,     // W x
        u + g,                   // c
        u + g + spread,          // A, b
        g + slope,               // A
        g + spread + x + spread, // ∂U
        g + spread + x,          // ∂v
        u + g + spread + x,      // ∂μ, ∂σ
        g + slope + x,           // ∂μ, ∂σ
        u + g + 2.0 * spread,    // ∂x
        g + slope + spread,      // ∂x
        spread + x,              // m, s, r
        2.0 * spread + x,        // E[β ReLU(z)]
        2.0 * spread,            // σ²
    ]
    .into_iter()
    .all(|size| size < most - 3.0)
}

/// Whether the constants of a prepared layer, Uμ + v, U σ² and σ², stay below half of the range: one that does not is
/// an infinity, times an r or an x of 0 too.
fn constants_in_range<T: Extreme>(small: &Small<T>, most: f64) -> bool {
    let [mu, sigma, u, v] = [&small.mu, &small.sigma, &small.u, &small.v]
        .map(|block| size(block[0]).unwrap_or(f64::NEG_INFINITY));
    [(u + mu).max(v), u + 2.0 * sigma, 2.0 * sigma].into_iter().all(|size| size < most - 3.0)
}

/// All 15⁶ combinations over a layer of one input, output and component, one row at a time.
fn single_rows<T: Extreme>(most: f64) -> [usize; 2] {
    let shape = Shape::new(1, 1, 1).unwrap();
    let (mut finite, mut all) = (0, 0);
    for index in 0..15_usize.pow(6) {
        let pick = |place: u32| vec![T::NUMBERS[index / 15_usize.pow(place) % 15]];
        let small =
            Small { shape, mu: pick(0), sigma: pick(1), u: pick(2), v: pick(3), x: pick(4), g: pick(5) };
        let numbers = [&small.mu, &small.sigma, &small.u, &small.v, &small.x, &small.g];
        let outputs = small.run();
        all += 1;
        if numbers.iter().all(|block| block[0].is_finite()) && in_range(&small, most) {
            finite += 1;
            let results = outputs.parameters.iter().flatten().chain(&outputs.h).chain(&outputs.dx);
            assert!(results.into_iter().all(|value| value.is_finite()), "{small:?}: {outputs:?}");
        }
        // These do not depend on g.
        if small.g[0].same(T::NUMBERS[0]) {
            let in_range = numbers.iter().all(|block| block[0].is_finite())
                && in_range(&small, most)
                && constants_in_range(&small, most);
            let forms = small.prepared();
            assert!(!in_range || forms.iter().all(|h| h[0].is_finite()), "{small:?}: {forms:?}");
        }
        // NaN is never hidden where the output depends on the number.
        let nan = |block: &[T]| !(block[0] >= T::zero() || block[0] <= T::zero());
        if nan(&small.mu) || nan(&small.sigma) || nan(&small.x) || nan(&small.u) || nan(&small.v) {
            assert!(nan(&outputs.h), "{small:?}: {outputs:?}");
        }
    }
    [finite, all]
}

/// Combinations over layers of two inputs, two outputs and two components: every pair of numbers in every pair of
/// blocks, among numbers near 1, in large batches too. The other rows keep their bits, dispatched and
/// portable alike.
fn rows_among_others<T: Extreme>() {
    let shape = Shape::new(2, 2, 2).unwrap();
    let sines = |len: usize, step: f64| -> Vec<T> {
        (0..len).map(|index| T::from_f64(((index + 1) as f64 * step).sin())).collect()
    };
    for rows in [1, 9] {
        let base = Small {
            shape,
            mu: sines(4, 0.7),
            sigma: sines(4, 1.1),
            u: sines(8, 1.3),
            v: sines(4, 1.7),
            x: sines(2 * rows, 1.9),
            g: sines(2 * rows, 2.3),
        };
        let want = base.run();
        let bad = 4 % rows;
        for (one, other) in (0..15).flat_map(|one| (0..15).map(move |other| (one, other))) {
            let numbers = [T::NUMBERS[one], T::NUMBERS[other]];
            // In an input and in the cotangent of one row: every other row is as it was.
            let mut small = base.clone();
            small.x[2 * bad] = numbers[0];
            small.x[2 * bad + 1] = numbers[1];
            let got = small.run();
            let portable = small.convert(Dual::constant).run();
            for row in (0..rows).filter(|&row| row != bad) {
                let [h, dx] = [(&got.h, &want.h), (&got.dx, &want.dx)].map(|(got, want)| {
                    got[2 * row..][..2].iter().zip(&want[2 * row..][..2]).all(|(got, want)| got.same(*want))
                });
                assert!(h && dx, "row {row} beside {numbers:?}");
                assert!(portable.h[2 * row].value.is_finite(), "row {row} beside {numbers:?}");
            }
            if numbers.iter().any(|&number| !(number >= T::zero() || number <= T::zero())) {
                assert!(got.h[2 * bad].same(T::NAN) && portable.h[2 * bad].value.same(T::NAN), "{numbers:?}");
            }
            // In every pair of blocks: no panic.
            for (first, second) in (0..6).flat_map(|first| (0..6).map(move |second| (first, second))) {
                let mut small = base.clone();
                let Small { mu, sigma, u, v, x, g, .. } = &mut small;
                let blocks = [mu, sigma, u, v, x, g];
                blocks[first][0] = numbers[0];
                *blocks[second].last_mut().unwrap() = numbers[1];
                small.run();
                small.prepared();
                if rows == 1 {
                    small.convert(Dual::constant).run();
                }
            }
        }
    }
}

#[test]
fn every_combination_in_single_rows_of_f32() {
    let [finite, all] = single_rows::<f32>(128.0);
    println!("{all} layers, {finite} of them with all sums in range and all results finite");
}

#[test]
fn every_combination_in_single_rows_of_f64() {
    let [finite, all] = single_rows::<f64>(1024.0);
    println!("{all} layers, {finite} of them with all sums in range and all results finite");
}

#[test]
fn rows_stay_by_themselves_in_f32() {
    rows_among_others::<f32>();
}

#[test]
fn rows_stay_by_themselves_in_f64() {
    rows_among_others::<f64>();
}

/// W, b, x and g of a dense layer, and the rectifier: the sums of two products are finite where these are.
fn dense<T: Extreme>() {
    let layer = Dense::new(1, 1, true).unwrap();
    let relu = Relu::new(1).unwrap();
    let mut scratch = vec![T::zero(); Layer::<T>::scratch_len(&layer, 9).unwrap()];
    for rows in [1, 9] {
        for index in 0..15_usize.pow(4) {
            let [w, b, x, g] = [0, 1, 2, 3].map(|place| T::NUMBERS[index / 15_usize.pow(place) % 15]);
            let (xs, gs) = (vec![x; rows], vec![g; rows]);
            let (mut y, mut dx, mut gradients) = (vec![T::NAN; rows], vec![T::NAN; rows], [T::zero(); 2]);
            layer.forward(&[w, b], &xs, &mut y, &mut [], &mut scratch).unwrap();
            layer
                .backward(&[w, b], &xs, &gs, &[], &[false; 2], &mut gradients, Some(&mut dx), &mut scratch)
                .unwrap();
            // One product and one sum: rounding is that of the scalar, or of a fused operation.
            let (product, sum) = (w * x, w * x + b);
            assert!(y[0].same(sum) || product.is_finite() || y[0].is_finite(), "{w:?} {b:?} {x:?}: {y:?}");
            assert!(sum.is_finite() <= y[0].is_finite(), "{w:?} {b:?} {x:?}: {y:?}");
            assert!((w * g).is_finite() <= dx[0].is_finite());
            assert!((sum >= T::zero() || sum <= T::zero()) || y.iter().all(|y| y.same(T::NAN)));
            Layer::<T>::forward(&relu, &[], &xs, &mut y, &mut [], &mut []).unwrap();
            assert!(y[0].same(x.positive_part()));
            Layer::<T>::backward(&relu, &[], &xs, &gs, &[], &[], &mut [], Some(&mut dx), &mut []).unwrap();
            assert!(!x.is_finite() || g.is_finite() <= dx[0].is_finite());
        }
    }
}

#[test]
fn every_combination_in_dense_layers() {
    dense::<f32>();
    dense::<f64>();
}
