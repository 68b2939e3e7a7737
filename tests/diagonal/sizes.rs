//! Rows and components of every size: powers of two pass through exactly.

use super::layers::{All, Case, FORMS, Recipe};

/// A layer of three components and a batch of nine rows, or another number.
fn case(batch: usize) -> Case<f64> {
    let (inputs, outputs, components) = (5, 3, 3);
    let (exponents, zeros) = ([0.0; 6], 0.0);
    Recipe { inputs, outputs, components, batch, seed: 4, exponents, zeros, form: FORMS[0] }.build()
}

/// The row `b` of a case as a batch of one.
fn alone(case: &Case<f64>, b: usize) -> Case<f64> {
    let (d, outputs) = (case.shape.inputs(), case.shape.outputs());
    let (x, g) = (case.x[b * d..][..d].to_vec(), case.g[b * outputs..][..outputs].to_vec());
    Case { x, g, ..case.clone() }
}

/// 2ⁿ times every number.
fn times(numbers: &[f64], n: i32) -> Vec<f64> {
    numbers.iter().map(|x| x * 2.0_f64.powi(n)).collect()
}

/// The gradients of the parameters.
fn parameters(all: &All<f64>) -> [&[f64]; 4] {
    [&all.mu, &all.sigma, &all.u, &all.v]
}

/// x → 2ⁿ x and g → 2ⁿ g scale everything exactly, within the range of rows that are read as they are and far beyond.
#[test]
fn powers_of_two_of_all_rows_pass_through() {
    for (batch, n) in
        [1, 5, 9, 70].into_iter().flat_map(|batch| [-900, -100, 30, 90, 900].map(|n| (batch, n)))
    {
        let case = case(batch);
        let (y, all) = (case.forward(), case.backward());
        let of_x = Case { x: times(&case.x, n), ..case.clone() };
        assert_eq!(of_x.forward(), times(&y, n), "{batch} rows, 2^{n}");
        let of_x = of_x.backward();
        assert_eq!(of_x.x, all.x, "{batch} rows, 2^{n}");
        let of_g = Case { g: times(&case.g, n), ..case.clone() }.backward();
        assert_eq!(of_g.x, times(&all.x, n), "{batch} rows, 2^{n}");
        for (scaled, want) in [(&of_x, &all), (&of_g, &all)] {
            for (scaled, want) in parameters(scaled).into_iter().zip(parameters(want)) {
                assert_eq!(scaled, times(want, n), "{batch} rows, 2^{n}");
            }
        }
    }
}

/// One row of another size, or one cotangent, changes no bit of the other rows, and is itself to the bit.
#[test]
fn powers_of_two_of_one_row_pass_through() {
    let case = case(9);
    let (y, dx) = (case.forward(), case.backward().x);
    for n in [-900, -200, 200, 900] {
        let (mut of_x, mut of_g) = (case.clone(), case.clone());
        of_x.x[15..20].copy_from_slice(&times(&case.x[15..20], n));
        of_g.g[9..12].copy_from_slice(&times(&case.g[9..12], n));
        let mut want = y.clone();
        want[9..12].copy_from_slice(&times(&y[9..12], n));
        assert_eq!((of_x.forward(), of_x.backward().x), (want, dx.clone()), "2^{n}");
        let mut want = dx.clone();
        want[15..20].copy_from_slice(&times(&dx[15..20], n));
        assert_eq!(of_g.backward().x, want, "2^{n}");
    }
}

/// (μ, σ, U, v) → (2ᶠμ, 2ᶠσ, 2⁻²ᶠU, 2⁻ᶠv) leaves h as it is: in a batch, in a few rows, and for the gradients.
#[test]
fn a_component_of_any_size_is_the_same_function() {
    for (batch, form, f) in [1, 5, 9, 70].into_iter().flat_map(|batch| {
        FORMS.into_iter().flat_map(move |form| [-450, -300, 200, 300].map(|f| (batch, form, f)))
    }) {
        let case = Case { form, ..case(batch) };
        let mut scaled = case.clone();
        for (block, each, n) in [
            (&mut scaled.mu, 5, f),
            (&mut scaled.sigma, 5, f),
            (&mut scaled.u, 15, -2 * f),
            (&mut scaled.v, 3, -f),
        ] {
            block[each..2 * each].iter_mut().for_each(|x| *x *= 2.0_f64.powi(n));
        }
        let close = |got: &[f64], want: &[f64]| {
            got.iter().zip(want).all(|(got, want)| (got - want).abs() < 1e-11 * (1.0 + want.abs()))
        };
        assert!(close(&scaled.forward(), &case.forward()), "{batch} rows, {form:?}, 2^{f}");
        let (mut got, want) = (scaled.backward(), case.backward());
        let blocks =
            [(&mut got.mu, 5, f), (&mut got.sigma, 5, f), (&mut got.u, 15, -2 * f), (&mut got.v, 3, -f)];
        for (block, each, n) in blocks {
            block[each..2 * each].iter_mut().for_each(|x| *x *= 2.0_f64.powi(n));
        }
        for ((name, got), (_, want)) in got.blocks().into_iter().zip(want.blocks()) {
            assert!(close(got, want), "{batch} rows, {form:?}, 2^{f}: {name}");
        }
    }
}

/// Numbers however small beside others change nothing that can be seen.
#[test]
fn small_numbers_are_nothing_beside_others() {
    type Block = fn(&mut Case<f64>) -> &mut Vec<f64>;
    let blocks: [Block; 6] = [
        |case| &mut case.mu,
        |case| &mut case.sigma,
        |case| &mut case.u,
        |case| &mut case.v,
        |case| &mut case.x,
        |case| &mut case.g,
    ];
    for (block, factor) in blocks.into_iter().flat_map(|block| [1e-120, 1e-200, 1e-310].map(|f| (block, f))) {
        let (mut small, mut zero) = (case(9), case(9));
        block(&mut small)[3] *= factor;
        block(&mut zero)[3] = 0.0;
        let close = |got: &[f64], want: &[f64]| got.iter().zip(want).all(|(a, b)| (a - b).abs() < 1e-12);
        assert!(close(&small.forward(), &zero.forward()), "{factor:e}");
        for ((name, got), (_, want)) in small.backward().blocks().into_iter().zip(zero.backward().blocks()) {
            assert!(close(got, want), "{factor:e}: {name}");
        }
    }
}

/// Several chunks, several groups, and sizes that fill no vector: the gradients are the sums of those of the rows.
#[test]
fn large_batches_add_up() {
    for (inputs, batch) in
        [(5, 64), (19, 65), (16, 130), (70, 255), (5, 256), (19, 257), (33, 300), (64, 520)]
    {
        let recipe = Recipe {
            inputs,
            outputs: 3,
            components: 3,
            batch,
            seed: 8,
            exponents: [0.0; 6],
            zeros: 0.2,
            form: FORMS[0],
        };
        let case = recipe.build();
        let (y, whole) = (case.forward(), case.backward());
        let mut sums = whole.blocks().map(|(_, block)| vec![0.0; block.len()]);
        for b in 0..batch {
            let row = alone(&case, b);
            let close = |got: &[f64], want: &[f64]| got.iter().zip(want).all(|(a, b)| (a - b).abs() < 1e-10);
            assert!(close(&y[3 * b..][..3], &row.forward()), "{inputs}, {batch}: row {b}");
            let all = row.backward();
            assert!(close(&whole.x[inputs * b..][..inputs], &all.x), "{inputs}, {batch}: ∂x of row {b}");
            for (sums, (_, block)) in sums.iter_mut().zip(all.blocks()).take(4) {
                sums.iter_mut().zip(block).for_each(|(sum, part)| *sum += part);
            }
        }
        for ((name, block), sums) in whole.blocks().into_iter().zip(&sums).take(4) {
            let size = sums.iter().fold(1.0_f64, |size, sum| size.max(sum.abs()));
            assert!(
                block.iter().zip(sums).all(|(a, b)| (a - b).abs() < 1e-11 * size),
                "{inputs}, {batch}: {name}"
            );
        }
    }
}
