//! What is not of ordinary size goes row by row: a batch gives the bits of its rows.

use super::layers::{Case, Recipe};
use gmlayer::diagonal::Form;

fn ordinary() -> Case<f64> {
    Recipe {
        inputs: 5,
        outputs: 3,
        components: 3,
        batch: 9,
        seed: 4,
        exponents: [0.0; 6],
        zeros: 0.0,
        form: Form::default(),
    }
    .build()
}

/// The row `b` of a case as a batch of one.
fn alone(case: &Case<f64>, b: usize) -> Case<f64> {
    let (d, outputs) = (case.shape.inputs(), case.shape.outputs());
    let (x, g) = (case.x[b * d..][..d].to_vec(), case.g[b * outputs..][..outputs].to_vec());
    Case { x, g, ..case.clone() }
}

/// Whether y and ∂x of a row have the same bits in the batch and alone; all of them are finite.
fn is_itself(case: &Case<f64>, b: usize) -> bool {
    let (d, outputs) = (case.shape.inputs(), case.shape.outputs());
    let row = alone(case, b);
    let (y, dx) = (row.forward(), row.backward().x);
    assert!(y.iter().chain(&dx).all(|number| number.is_finite()));
    case.forward()[b * outputs..][..outputs] == y[..] && case.backward().x[b * d..][..d] == dx[..]
}

type Block = fn(&mut Case<f64>) -> &mut Vec<f64>;

/// Numbers of ordinary size, one of them so large that it would bring lost digits back.
fn large() -> Case<f64> {
    let mut case = ordinary();
    case.v[0] *= 1e6;
    case
}

/// One number of a block times a factor, beside a large one.
fn with(block: Block, factor: f64) -> Case<f64> {
    let mut case = large();
    block(&mut case)[3] *= factor;
    case
}

#[test]
fn a_layer_that_is_not_ordinary_is_its_rows_to_the_bit() {
    let (mu, sigma, u, v): (Block, Block, Block, Block) =
        (|case| &mut case.mu, |case| &mut case.sigma, |case| &mut case.u, |case| &mut case.v);
    // Beyond the bounds; σ² subnormal; σ² = 0; and the row path itself is told from the chunks.
    for (block, factor) in
        [(mu, 1e60), (sigma, 1e60), (u, 1e60), (v, 1e60), (sigma, 1e-160), (sigma, 1e-200), (u, 1e-310)]
    {
        let case = with(block, factor);
        assert!((0..9).all(|b| is_itself(&case, b)), "{factor:e}");
    }
    // μ, σ and u of one input times factors: σ² = 0 where u is 0, W = 0, and u beyond the bound alone.
    for [of_mu, of_sigma, of_u] in [[1.0, 1e-200, 0.0], [1.0, 1e-20, 1e-300], [1e-60, 1e-40, 1e60]] {
        let mut case = large();
        case.mu[3] *= of_mu;
        case.sigma[3] *= of_sigma;
        (0..3).for_each(|l| case.u[5 * l + 3] *= of_u);
        assert!((0..9).all(|b| is_itself(&case, b)), "{of_mu:e}, {of_sigma:e}, {of_u:e}");
    }
    assert!((0..9).any(|b| !is_itself(&large(), b)), "the chunks round differently");
}

/// Numbers however small, where none is large, go with their chunk; and so do cotangents.
#[test]
fn small_numbers_among_moderate_ones_stay_in_the_chunk() {
    let blocks: [Block; 6] = [
        |case| &mut case.mu,
        |case| &mut case.sigma,
        |case| &mut case.u,
        |case| &mut case.v,
        |case| &mut case.x,
        |case| &mut case.g,
    ];
    for block in blocks {
        for factor in [1e-120, 1e-200, 1e-310] {
            let mut case = ordinary();
            block(&mut case)[3] *= factor;
            assert!((0..9).any(|b| !is_itself(&case, b)), "{factor:e}");
            let all = case.backward();
            for b in 0..9 {
                let (y, dx) = (alone(&case, b).forward(), alone(&case, b).backward().x);
                let close =
                    |got: &[f64], want: &[f64]| got.iter().zip(want).all(|(a, b)| (a - b).abs() < 1e-12);
                assert!(close(&case.forward()[3 * b..][..3], &y) && close(&all.x[5 * b..][..5], &dx));
            }
        }
    }
}

/// Inputs beyond the bounds, and an s² below them; the other rows stay in the chunk.
#[test]
fn a_row_that_is_not_ordinary_is_itself_to_the_bit() {
    for (elements, factor) in [(1, 1e-120), (1, 1e60), (5, 1e-50), (5, 1e-60), (5, 1e30)] {
        let mut case = large();
        case.x[15..][..elements].iter_mut().for_each(|x| *x *= factor);
        assert!(is_itself(&case, 3), "{elements} × {factor:e}");
        assert!((0..9).any(|b| !is_itself(&case, b)), "{elements} × {factor:e}");
    }
}

/// A cotangent may be so large that ∂s/s overflows, though no gradient does.
#[test]
fn a_large_cotangent_leaves_its_row_to_the_other_path() {
    let mut case = ordinary();
    case.x[15..20].iter_mut().for_each(|x| *x *= 1e-45);
    case.g[9..12].iter_mut().for_each(|g| *g *= 1e290);
    let all = case.backward();
    assert_eq!(all.x[15..20], alone(&case, 3).backward().x[..]);
    assert!(all.blocks().iter().all(|(_, block)| block.iter().all(|number| number.is_finite())));
}

/// The prepared layer too, for constants beyond the bounds.
#[test]
fn a_prepared_layer_that_is_not_ordinary_is_its_rows_to_the_bit() {
    let forward = |case: &Case<f64>| {
        let layer = case.layer();
        let mut storage = vec![0.0; layer.prepared_len()];
        let prepared = layer.prepare(&mut storage).unwrap();
        let mut y = vec![0.0; case.g.len()];
        let mut work = vec![0.0; prepared.workspace_len(case.batch()).unwrap()];
        prepared.forward(&case.x, &mut y, &mut work).unwrap();
        y
    };
    let rows = |case: &Case<f64>| (0..9).flat_map(|b| forward(&alone(case, b))).collect::<Vec<_>>();
    let blocks: [Block; 4] =
        [|case| &mut case.mu, |case| &mut case.sigma, |case| &mut case.u, |case| &mut case.v];
    for block in blocks {
        let case = with(block, 1e60);
        assert_eq!(forward(&case), rows(&case));
    }
    assert_ne!(forward(&ordinary()), rows(&ordinary()), "the chunks round differently");
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
            form: Form::default(),
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
