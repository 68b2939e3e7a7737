//! Every combination of the numbers that break things, in all layers: never a panic, NaN in its row alone, finite
//! where the true value and all that it is made of are.

use gmlayer::nn::{Dense, Layer, Relu};
use gmlayer::{Dual, Real};

use super::case::{Case, nans};
use super::layer::{MixtureLayer, Passes};

for_each_layer! {
    tests:
        every_combination_in_single_rows_of_f32,
        every_combination_in_single_rows_of_f64,
        rows_stay_by_themselves_in_f32,
        rows_stay_by_themselves_in_f64;
}

/// A scalar with its extremes.
trait Extreme: Real {
    const NUMBERS: [Self; 15];
    /// log₂ of what is beyond the range.
    const MOST: f64;
    fn same(self, other: Self) -> bool;

    fn is_nan(self) -> bool {
        !(self >= Self::zero() || self <= Self::zero())
    }
}

macro_rules! extreme {
    ($($float:ident: $most:expr),*) => {
        $(impl Extreme for $float {
            const NUMBERS: [Self; 15] = [
                0.0, -0.0, $float::from_bits(1), -$float::from_bits(1), $float::MIN_POSITIVE, -$float::MIN_POSITIVE,
                1.0, -1.0, $float::MAX / 2.0, $float::MIN / 2.0, $float::MAX, $float::MIN, $float::INFINITY,
                $float::NEG_INFINITY, $float::NAN,
            ];
            const MOST: f64 = $most;
            fn same(self, other: Self) -> bool {
                self.to_bits() == other.to_bits() || self.is_nan() && other.is_nan()
            }
        })*
    };
}

extreme!(f32: 128.0, f64: 1024.0);

/// h of the forms for inference.
fn prepared<L: MixtureLayer, T: Extreme>(case: &Case<L, T>) -> [Vec<T>; 2] {
    let y = case.prepared_forward();
    let mut sparse = y.clone();
    case.passes().sparse_forward(&case.x, &mut sparse).unwrap();
    [y, sparse]
}

/// log₂ of the size of a number, −∞ where it is 0.
fn size<T: Real>(value: T) -> f64 {
    value.abs().to_f64().log2()
}

/// All 15⁶ combinations over a layer of one input, output, component and factor, one row at a time. Where every sum
/// that the outputs are made of stays below an eighth of the range, the outputs are finite; sizes are added as
/// logarithms, so nothing overflows here.
fn single_rows<L: MixtureLayer, T: Extreme>() {
    let layer = L::new([1; 4], 0);
    let in_range = |sizes: &[f64]| sizes.iter().all(|&size| size < T::MOST - 3.0);
    let mut finite = 0;
    for index in 0..15_usize.pow(6) {
        let numbers = [0, 1, 2, 3, 4, 5].map(|place| T::NUMBERS[index / 15_usize.pow(place) % 15]);
        let [one, two, three, four, x, g] = numbers.map(|number| vec![number]);
        let case = Case { layer, parameters: [one, two, three, four], x, g };
        let outputs = case.outputs();
        let [sums, constants] = L::sizes_of_sums(numbers.map(size));
        let must_be_finite = numbers.iter().all(|number| number.is_finite()) && in_range(&sums);
        if must_be_finite {
            finite += 1;
            let all_finite = outputs.iter().flatten().all(|value| value.is_finite());
            assert!(all_finite, "{case:?}: {outputs:?}");
        }
        // These do not depend on g. A constant out of range is an infinity, times an r or an x of 0 too.
        if numbers[5].same(T::NUMBERS[0]) {
            let forms = prepared(&case);
            let must_be_finite = must_be_finite && in_range(&constants);
            assert!(!must_be_finite || forms.iter().all(|h| h[0].is_finite()), "{case:?}: {forms:?}");
        }
        // NaN is never hidden where the output depends on the number.
        if numbers[..5].iter().any(|number| number.is_nan()) {
            assert!(outputs[0][0].is_nan(), "{case:?}: {outputs:?}");
        }
    }
    println!("{finite} of 15⁶ layers with all sums in range and all results finite");
}

/// Combinations over layers of two inputs, two outputs and two components: every pair of numbers in every pair of
/// blocks, among numbers near 1, in large batches too. The other rows keep their bits, dispatched and
/// portable alike.
fn rows_among_others<L: MixtureLayer, T: Extreme>() {
    let layer = L::new([2; 4], 0);
    let sines = |len: usize, step: f64| -> Vec<T> {
        (0..len).map(|index| T::from_f64(((index + 1) as f64 * step).sin())).collect()
    };
    for rows in [1, 9] {
        let lengths = layer.lengths();
        let parameters =
            [(0, 0.7), (1, 1.1), (2, 1.3), (3, 1.7)].map(|(block, step)| sines(lengths[block], step));
        let base = Case { layer, parameters, x: sines(2 * rows, 1.9), g: sines(2 * rows, 2.3) };
        let [h, .., dx] = base.outputs();
        let bad = 4 % rows;
        for (one, other) in (0..15).flat_map(|one| (0..15).map(move |other| (one, other))) {
            let numbers = [T::NUMBERS[one], T::NUMBERS[other]];
            // In an input and in the cotangent of one row: every other row is as it was.
            let mut case = base.clone();
            case.x[2 * bad..][..2].copy_from_slice(&numbers);
            let [got_h, .., got_dx] = case.outputs();
            let [portable, .., portable_dx] = case.convert(Dual::constant).outputs();
            for row in (0..rows).filter(|&row| row != bad) {
                let same = [(&got_h, &h), (&got_dx, &dx)].map(|(got, want)| {
                    got[2 * row..][..2].iter().zip(&want[2 * row..][..2]).all(|(got, want)| got.same(*want))
                });
                assert_eq!(same, [true; 2], "row {row} beside {numbers:?}");
                let finite = [&portable, &portable_dx].map(|numbers| numbers[2 * row].value.is_finite());
                assert_eq!(finite, [true; 2], "row {row} beside {numbers:?}");
            }
            if numbers.iter().any(|number| number.is_nan()) {
                assert!(got_h[2 * bad].is_nan() && portable[2 * bad].value.is_nan(), "{numbers:?}");
            }
            // In every pair of blocks: no panic.
            for (first, second) in (0..6).flat_map(|first| (0..6).map(move |second| (first, second))) {
                let mut case = base.clone();
                case.block_mut(first)[0] = numbers[0];
                *case.block_mut(second).last_mut().unwrap() = numbers[1];
                case.outputs();
                prepared(&case);
                if rows == 1 {
                    case.convert(Dual::constant).outputs();
                }
            }
        }
    }
}

fn every_combination_in_single_rows_of_f32<L: MixtureLayer>() {
    single_rows::<L, f32>();
}

fn every_combination_in_single_rows_of_f64<L: MixtureLayer>() {
    single_rows::<L, f64>();
}

fn rows_stay_by_themselves_in_f32<L: MixtureLayer>() {
    rows_among_others::<L, f32>();
}

fn rows_stay_by_themselves_in_f64<L: MixtureLayer>() {
    rows_among_others::<L, f64>();
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
            let (mut y, mut dx, mut gradients) = (nans(rows), nans(rows), [T::zero(); 2]);
            layer.forward(&[w, b], &xs, &mut y, &mut [], &mut scratch).unwrap();
            layer
                .backward(&[w, b], &xs, &gs, &[], &[false; 2], &mut gradients, Some(&mut dx), &mut scratch)
                .unwrap();
            // One product and one sum: rounding is that of the scalar, or of a fused operation.
            let (product, sum) = (w * x, w * x + b);
            assert!(y[0].same(sum) || product.is_finite() || y[0].is_finite(), "{w:?} {b:?} {x:?}: {y:?}");
            assert!(sum.is_finite() <= y[0].is_finite(), "{w:?} {b:?} {x:?}: {y:?}");
            assert!((w * g).is_finite() <= dx[0].is_finite());
            assert!(!sum.is_nan() || y.iter().all(|y| y.is_nan()));
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
