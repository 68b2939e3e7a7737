//! Whether a component at one row goes the [usual way](super::row), or its numbers are so [far](super::far) from
//! ordinary that it takes a wider scalar: told from the sizes of its numbers alone.

use crate::Real;
use crate::batch::{Lift, MODERATE_COTANGENT, are_moderate, sizes};
use crate::kernel::{Along, Simd, Vector};
use crate::rectified::Projection;

use super::parameters::Component;

/// Of each of some blocks, the smallest size that is not 0, and 1; and the largest size, NaN where one is.
#[derive(Debug, Clone, Copy)]
struct Sizes<T, const N: usize> {
    least: [T; N],
    most: [T; N],
}

impl<T: Real, const N: usize> Sizes<T, N> {
    #[inline(always)]
    fn of<S: Simd>(simd: S, blocks: [&[T]; N]) -> Self {
        let (mut least, mut most) = ([T::one(); N], [T::zero(); N]);
        // A closure would be compiled without the vectors at hand.
        for ((least, most), block) in least.iter_mut().zip(&mut most).zip(blocks) {
            (*least, *most) = sizes(simd, block);
        }
        Self { least, most }
    }
}

/// The smallest sizes that are not 0, and 1, and the largest of all numbers that were seen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Together<T> {
    smallest: Vector<T>,
    largest: Vector<T>,
}

impl<T: Real> Together<T> {
    #[inline(always)]
    pub(super) fn none<S: Simd>(simd: S) -> Self {
        Self { smallest: simd.splat(T::one()), largest: simd.splat(T::zero()) }
    }

    #[inline(always)]
    pub(super) fn see<S: Simd>(&mut self, simd: S, numbers: Vector<T>) {
        self.smallest = simd.smaller_size(self.smallest, numbers);
        self.largest = simd.larger_size(self.largest, numbers);
    }

    #[inline(always)]
    pub(super) fn see_row<S: Simd>(&mut self, simd: S, row: &[T]) {
        *self = Seen { simd, row, together: *self }.along(row.len()).together;
    }

    /// Both, of all lanes.
    #[inline(always)]
    pub(super) fn sizes<S: Simd>(self, simd: S) -> (T, T) {
        (simd.smallest(self.smallest), simd.largest(self.largest))
    }

    /// Whether a layer whose μ, σ and x were seen [goes the usual way](forward_lift) for certain, with any r and p
    /// of these: so it nearly always is.
    #[inline(always)]
    pub(super) fn are_usual<S: Simd>(self, simd: S, means: &[T], probabilities: &[T]) -> bool {
        let (least, most) = self.sizes(simd);
        let mut of_z = Self::none(simd);
        of_z.see_row(simd, means);
        of_z.see_row(simd, probabilities);
        let (least_of_z, most_of_z) = of_z.sizes(simd);
        // `least` is 1 at most: this product is below either of those with r and p, and one test serves for both.
        usual(most, least * (least * least) * least_of_z) && most_of_z.partial_cmp(&most_of_z).is_some()
    }
}

/// The way along a row that is seen.
struct Seen<'a, T, S> {
    simd: S,
    row: &'a [T],
    together: Together<T>,
}

impl<T: Real, S: Simd> Along for Seen<'_, T, S> {
    #[inline(always)]
    fn step<const WHOLE: bool>(&mut self, at: usize) -> Option<()> {
        self.together.see(self.simd, self.simd.load::<WHOLE, T>(self.row, at)?);
        Some(())
    }
}

/// The size of a factor, or 1 where it is 0 and so are its products, or above 1.
fn size<T: Real>(factor: T) -> T {
    if factor.is_zero() { T::one() } else { smaller(factor.abs(), T::one()) }
}

/// The smaller one.
fn smaller<T: Real>(a: T, b: T) -> T {
    if a <= b { a } else { b }
}

/// Whether products of numbers between these stay in range: four of the largest, and the smallest product.
fn usual<T: Real>(most: T, least: T) -> bool {
    let square = most * most;
    square * square <= T::SAFE_SQUARES.1 && least >= T::LEAST_NORMAL
}

/// The largest of some sizes, NaN where one is.
fn largest<T: Real, const N: usize>(sizes: [T; N]) -> T {
    let mut most = T::zero();
    for size in sizes {
        let is_nan = size.partial_cmp(&size).is_none();
        most = if size > most || is_nan { size } else { most };
    }
    most
}

/// The lift of E[β ReLU(z)] with which no product of the forward pass overflows or loses digits that matter below the normal numbers,
/// but for those with U and v, which are the terms of the result.
#[inline(always)]
pub(super) fn forward_lift<T: Real, S: Simd>(
    simd: S,
    component: &Component<'_, T>,
    x: &[T],
    (r, p): (T, T),
) -> Option<Lift<T>> {
    let Sizes { least: [mu, sigma, least_x], most } = Sizes::of(simd, [component.mu, component.sigma, x]);
    if usual(largest(most), smaller(mu * size(r), sigma * (sigma * least_x) * size(p))) {
        return Some(Lift::none());
    }
    let [mu, sigma, x] = most;
    let Sizes { most: [u, v], .. } = Sizes::of(simd, [component.u, component.v]);
    are_moderate(x, largest([mu, sigma, u, v])).then(Lift::prepared)
}

/// The same of the backward pass, for a `share` that `unit` takes to the cotangent; `direction` is y, and `u` the
/// smallest size in U that is not 0 and the largest.
#[inline(always)]
pub(super) fn backward_lift<T: Real, S: Simd>(
    simd: S,
    component: &Component<'_, T>,
    x: &[T],
    (share, unit): (&[T], T),
    at: &Projection<T>,
    direction: &[T],
    (u, most_u): (T, T),
) -> Option<Lift<T>> {
    let Sizes { least: [mu, sigma, v, least_x, least_g], most } =
        Sizes::of(simd, [component.mu, component.sigma, component.v, x, share]);
    let y = sizes(simd, direction).0;
    let of_z = at.rectified;
    let [r, p, phi, moment] = [of_z.mean, of_z.probability, of_z.density, of_z.density_moment].map(size);
    let q = smaller(mu * r, sigma * (sigma * least_x) * p);
    let c = u * least_g;
    let (a, b) = (smaller(c * mu, least_g * v), c * sigma * y);
    let of_z = smaller(a * smaller(p, phi), b * smaller(phi, moment));
    let through_spread = smaller(of_z * y, p * (c * sigma)) * smaller(least_x, sigma);
    let through_mean = smaller(of_z * smaller(least_x, mu), c * r);
    let least = smaller(least_g * smaller(q, r), smaller(through_mean, through_spread));
    if usual(largest(most), least) && usual(most_u, T::one()) {
        return Some(Lift::none());
    }
    let [mu, sigma, v, x, g] = most;
    // y is off by what σx loses below the normal numbers, over s.
    let spread_is_moderate = at.unit <= T::from_usize(16);
    let cotangent_is_moderate = g * unit <= T::from_usize(MODERATE_COTANGENT);
    let moderate =
        are_moderate(x, largest([mu, sigma, most_u, v])) && cotangent_is_moderate && spread_is_moderate;
    moderate.then(Lift::prepared)
}

#[cfg(test)]
mod tests {
    use rand_core::SeedableRng;
    use rand_pcg::Pcg64;

    use super::{Together, backward_lift, forward_lift};
    use crate::Rectified;
    use crate::batch::{Lift, sizes};
    use crate::diagonal::Coordinates;
    use crate::diagonal::parameters::Component;
    use crate::kernel::Portable;
    use crate::random::StandardNormal;
    use crate::rectified::Projection;

    const INPUTS: usize = 19;
    const OUTPUTS: usize = 3;

    /// Ordinary numbers in the place of μ, σ, U, v, x, g, and one block of them times a power of two.
    fn numbers(block: usize, factor: f32) -> [Vec<f32>; 6] {
        let (mut random, mut normal) = (Pcg64::seed_from_u64(5), StandardNormal::new());
        let mut numbers = [INPUTS, INPUTS, OUTPUTS * INPUTS, OUTPUTS, INPUTS, OUTPUTS]
            .map(|len| (0..len).map(|_| normal.sample(&mut random) as f32).collect::<Vec<_>>());
        numbers[block].iter_mut().for_each(|number| *number *= factor);
        numbers
    }

    const AT: Rectified<f32> = Rectified { mean: 0.7, probability: 0.6, density: 0.3, density_moment: 0.1 };

    /// The lifts of forward and backward; 1/s is `unit`, and `of_g` takes g to the cotangent.
    fn lifts(
        [mu, sigma, u, v, x, g]: &[Vec<f32>; 6],
        at: Rectified<f32>,
        (unit, of_g): (f32, f32),
    ) -> [Option<f32>; 2] {
        let component = Component { coordinates: Coordinates::Paper, mu, sigma, u, v };
        let direction = vec![0.25; INPUTS];
        let projection = Projection { rectified: at, unit };
        let of_u = sizes(Portable, u);
        [
            forward_lift(Portable, &component, x, (at.mean, at.probability)),
            backward_lift(Portable, &component, x, (g, of_g), &projection, &direction, of_u),
        ]
        .map(|lift| lift.map(|Lift { factor, unit }| if factor * unit == 1.0 { factor } else { f32::NAN }))
    }

    const USUAL: Option<f32> = Some(1.0);
    const MODERATE: Option<f32> = Some((1 << 24) as f32);

    /// Beside large numbers, every product below the normal ones is seen.
    #[test]
    fn products_out_of_range_are_foreseen() {
        let both = |numbers: &[Vec<f32>; 6], at| lifts(numbers, at, (1.0, 1.0));
        let usual = |usual: [bool; 2]| usual.map(|usual| if usual { USUAL } else { None });
        let tame = numbers(4, 2.0_f32.powi(16));
        assert_eq!(both(&tame, AT), [USUAL; 2]);
        assert_eq!(both(&tame, Rectified { probability: 0.0, density: 0.0, ..AT }), [USUAL; 2]);
        assert_eq!(both(&tame, Rectified { probability: 1e-38, ..AT }), [None; 2]);
        assert_eq!(both(&tame, Rectified { density: 1e-37, ..AT }), [USUAL, None]);
        for block in 0..6 {
            let in_q = [0, 1, 4].contains(&block);
            for (number, fits) in [(0.0, true), (1e-6, true), (1e7, true), (1e-38, false), (1e-44, false)] {
                let mut numbers = tame.clone();
                numbers[block][1] = number;
                assert_eq!(both(&numbers, AT), usual([fits || !in_q, fits]), "{block} {number}");
            }
            for number in [1e9, f32::INFINITY, f32::NAN] {
                let mut numbers = tame.clone();
                numbers[block][1] = number;
                assert_eq!(both(&numbers, AT), usual([!in_q, false]), "{block} {number}");
            }
        }
    }

    /// What is told of all components at once holds for each of them.
    #[test]
    fn a_layer_that_is_usual_has_usual_components() {
        let sizes =
            [0.0, 1e-45, 1e-38, 1e-30, 1e-19, 1e-12, 1e-6, 1.0, 1e6, 1e9, 1e38, f32::INFINITY, f32::NAN];
        let mut seen = [0; 2];
        for (block, number) in [0, 1, 4].into_iter().flat_map(|block| sizes.map(|number| (block, number))) {
            let mut numbers = numbers(4, 2.0_f32.powi(16));
            numbers[block][1] = number;
            let [mu, sigma, u, v, x, _] = &numbers;
            let component = Component { coordinates: Coordinates::Paper, mu, sigma, u, v };
            let mut together = Together::none(Portable);
            [mu, sigma, x].into_iter().for_each(|row| together.see_row(Portable, row));
            for (r, p) in sizes.into_iter().flat_map(|r| sizes.map(|p| (r, p))) {
                let usual = together.are_usual(Portable, &[0.7, r], &[0.6, p]);
                if usual {
                    let lift = forward_lift(Portable, &component, x, (r, p));
                    assert_eq!(lift.map(|lift| lift.factor), USUAL, "{number} {r} {p}");
                }
                seen[usize::from(usual)] += 1;
            }
        }
        assert!(seen.iter().all(|&count| count > 500), "{seen:?}");
    }

    /// Where nothing is large, nothing can bring back the digits that finer products lose.
    #[test]
    fn moderate_numbers_may_be_as_small_as_they_like() {
        let both = |numbers: &[Vec<f32>; 6], at| lifts(numbers, at, (1.0, 1.0));
        for block in 0..6 {
            for number in [1e-38, 1e-44] {
                let mut moderate = numbers(block, 1.0);
                moderate[block][1] = number;
                let in_q = [0, 1, 4].contains(&block);
                let forward = if in_q { MODERATE } else { USUAL };
                assert_eq!(both(&moderate, AT), [forward, MODERATE], "{block} {number}");
                let faint = Rectified { probability: 1e-38, density: 1e-44, ..AT };
                assert_eq!(both(&moderate, faint), [MODERATE; 2], "{block} {number}");
            }
        }
        let mut moderate = numbers(1, 1.0);
        moderate[1][1] = 1e-38;
        assert_eq!(lifts(&moderate, AT, (100.0, 1.0)), [MODERATE, None], "s is small");
        assert_eq!(lifts(&moderate, AT, (1.0, 256.0)), [MODERATE, None], "a cotangent is large");
        for (block, large) in [(0, 100.0), (2, 100.0), (3, 100.0), (4, 1e5)] {
            let mut numbers = moderate.clone();
            numbers[block][0] = large;
            assert_eq!(both(&numbers, AT), [None; 2], "{block}");
        }
    }
}
