//! Rows and components of every size: powers of two pass through exactly.

use super::case::{Case, Recipe};
use super::layer::MixtureLayer;

for_each_layer! {
    tests:
        powers_of_two_of_all_rows_pass_through,
        powers_of_two_of_one_row_pass_through,
        a_component_of_any_size_is_the_same_function,
        small_numbers_are_nothing_beside_others,
        large_batches_add_up;
}

/// A layer of three components and a batch of some rows.
fn case<L: MixtureLayer>(form: usize, batch: usize) -> Case<L, f64> {
    Recipe::new(L::new([5, 3, 3, 4], form), batch, 4).build()
}

/// 2ⁿ times every number.
fn times(numbers: &[f64], n: i32) -> Vec<f64> {
    numbers.iter().map(|x| x * 2.0_f64.powi(n)).collect()
}

/// x → 2ⁿ x and g → 2ⁿ g scale everything exactly, within the range of rows that are read as they are and far beyond.
fn powers_of_two_of_all_rows_pass_through<L: MixtureLayer>() {
    for (batch, n) in
        [1, 5, 9, 70].into_iter().flat_map(|batch| [-900, -100, 30, 90, 900].map(|n| (batch, n)))
    {
        let case = case::<L>(0, batch);
        let ([parameters @ .., dx], place) = (case.backward(), format!("{batch} rows, 2^{n}"));
        let of_x = Case { x: times(&case.x, n), ..case.clone() };
        assert_eq!(of_x.forward(), times(&case.forward(), n), "{place}");
        let [scaled @ .., of_x] = of_x.backward();
        assert_eq!(of_x, dx, "{place}");
        assert_eq!(scaled, parameters.each_ref().map(|block| times(block, n)), "{place}");
        let [scaled @ .., of_g] = Case { g: times(&case.g, n), ..case.clone() }.backward();
        assert_eq!(of_g, times(&dx, n), "{place}");
        assert_eq!(scaled, parameters.map(|block| times(&block, n)), "{place}");
    }
}

/// One row of another size, or one cotangent, changes no bit of the other rows, and is itself to the bit.
fn powers_of_two_of_one_row_pass_through<L: MixtureLayer>() {
    let case = case::<L>(0, 9);
    let (y, [.., dx]) = (case.forward(), case.backward());
    for n in [-900, -200, 200, 900] {
        let (mut of_x, mut of_g) = (case.clone(), case.clone());
        of_x.x[15..20].copy_from_slice(&times(&case.x[15..20], n));
        of_g.g[9..12].copy_from_slice(&times(&case.g[9..12], n));
        let mut want = y.clone();
        want[9..12].copy_from_slice(&times(&y[9..12], n));
        assert_eq!((of_x.forward(), &of_x.backward()[4]), (want, &dx), "2^{n}");
        let mut want = dx.clone();
        want[15..20].copy_from_slice(&times(&dx[15..20], n));
        assert_eq!(of_g.backward()[4], want, "2^{n}");
    }
}

/// β → 2ᶠ β in one component, or in all of a tied layer, with what undoes it in ω, leaves h as it is: in a batch, in a few rows, and for the
/// gradients.
fn a_component_of_any_size_is_the_same_function<L: MixtureLayer>() {
    let scale = |layer: L, blocks: &mut [Vec<f64>; 4], f: i32| {
        for (block, numbers) in blocks.iter_mut().enumerate() {
            let factor = 2.0_f64.powi(f * L::POWERS[block]);
            numbers[layer.range_of_family(block, 1)].iter_mut().for_each(|x| *x *= factor);
        }
    };
    let close = |got: &[f64], want: &[f64]| {
        got.iter().zip(want).all(|(got, want)| (got - want).abs() < 1e-11 * (1.0 + want.abs()))
    };
    for (batch, form, f) in [1, 5, 9, 70].into_iter().flat_map(|batch| {
        (0..L::FORMS).flat_map(move |form| [-450, -300, 200, 300].map(|f| (batch, form, f)))
    }) {
        let case = case::<L>(form, batch);
        let mut scaled = case.clone();
        scale(case.layer, &mut scaled.parameters, f);
        let place = format!("{batch} rows, form {form}, 2^{f}");
        assert!(close(&scaled.forward(), &case.forward()), "{place}");
        let ([mut got @ .., dx], [want @ .., want_dx]) = (scaled.backward(), case.backward());
        scale(case.layer, &mut got, f);
        assert!(close(&dx, &want_dx), "{place}: x");
        for ((name, got), want) in L::NAMES.iter().zip(&got).zip(&want) {
            assert!(close(got, want), "{place}: {name}");
        }
    }
}

/// Numbers however small beside others change nothing that can be seen.
fn small_numbers_are_nothing_beside_others<L: MixtureLayer>() {
    for (block, factor) in (0..6).flat_map(|block| [1e-120, 1e-200, 1e-310].map(|factor| (block, factor))) {
        let (mut small, mut zero) = (case::<L>(0, 9), case::<L>(0, 9));
        small.block_mut(block)[3] *= factor;
        zero.block_mut(block)[3] = 0.0;
        for (output, (got, want)) in small.outputs().iter().zip(zero.outputs()).enumerate() {
            let close = got.iter().zip(want).all(|(got, want)| (got - want).abs() < 1e-12);
            assert!(close, "{factor:e} in block {block}: output {output}");
        }
    }
}

/// Several chunks, several groups, and sizes that fill no vector: the gradients are the sums of those of the rows.
fn large_batches_add_up<L: MixtureLayer>() {
    for (inputs, batch) in
        [(5, 64), (19, 65), (16, 130), (70, 255), (5, 256), (19, 257), (33, 300), (64, 520)]
    {
        let recipe = Recipe::new(L::new([inputs, 3, 3, 4], 0), batch, 8);
        let case = Recipe { zeros: 0.2, ..recipe }.build();
        let [y, whole @ .., dx] = case.outputs();
        let mut sums = whole.each_ref().map(|block| vec![0.0; block.len()]);
        for b in 0..batch {
            let [h, gradients @ .., of_x] = case.row(b).outputs();
            let close = |got: &[f64], want: &[f64]| got.iter().zip(want).all(|(a, b)| (a - b).abs() < 1e-10);
            assert!(close(&y[3 * b..][..3], &h), "{inputs}, {batch}: row {b}");
            assert!(close(&dx[inputs * b..][..inputs], &of_x), "{inputs}, {batch}: ∂x of row {b}");
            for (sums, block) in sums.iter_mut().zip(gradients) {
                sums.iter_mut().zip(block).for_each(|(sum, part)| *sum += part);
            }
        }
        for ((name, block), sums) in L::NAMES.iter().zip(&whole).zip(&sums) {
            let size = sums.iter().fold(1.0_f64, |size, sum| size.max(sum.abs()));
            let close = block.iter().zip(sums).all(|(a, b)| (a - b).abs() < 1e-11 * size);
            assert!(close, "{inputs}, {batch}: {name}");
        }
    }
}
