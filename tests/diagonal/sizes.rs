//! A batch against its rows one at a time: small numbers, a large cotangent, batches of many sizes.

use super::layers::{Case, Recipe};
use gmlayer::diagonal::Form;

fn nine_rows() -> Case<f64> {
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

type Block = fn(&mut Case<f64>) -> &mut Vec<f64>;

/// One small number in any block.
#[test]
fn batches_with_a_small_number_agree_with_their_rows() {
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
            let mut case = nine_rows();
            block(&mut case)[3] *= factor;
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

/// A cotangent may be so large that ∂s/s overflows, though no gradient does.
#[test]
fn a_large_cotangent_of_a_small_row_stays_finite() {
    let mut case = nine_rows();
    case.x[15..20].iter_mut().for_each(|x| *x *= 1e-45);
    case.g[9..12].iter_mut().for_each(|g| *g *= 1e290);
    let all = case.backward();
    assert!(all.blocks().iter().all(|(_, block)| block.iter().all(|number| number.is_finite())));
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
