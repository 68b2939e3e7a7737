//! Every wrong length is named, and nothing is written.

use gmlayer::{Error, Shape};

use super::case::{Case, Recipe};
use super::layer::{Descent, MixtureLayer, Passes};

for_each_layer! {
    tests:
        every_wrong_length_is_named,
        every_wrong_length_of_gradients_is_named,
        prepared_lengths_are_named,
        wrong_lengths_of_a_step_are_named_and_nothing_is_written,
        wrong_lengths_online_are_named_and_change_nothing;
}

/// The blocks of a case, one of them a number short.
fn short<L: MixtureLayer>(case: &Case<L, f64>, short: usize) -> [&[f64]; 4] {
    let mut parameters = case.parameters.each_ref().map(Vec::as_slice);
    parameters[short] = &parameters[short][1..];
    parameters
}

fn too_short(argument: &'static str, expected: usize) -> Error {
    Error::Length { argument, expected, got: expected - 1 }
}

fn short_buffer(argument: &'static str, expected: usize) -> Error {
    Error::Buffer { argument, expected, got: expected - 1 }
}

fn every_wrong_length_is_named<L: MixtureLayer>() {
    // Below eight rows the layer goes row by row, above in chunks.
    for batch in [5, 8, 9] {
        let case = Recipe::<L>::plain([3, 2, 4, 2, batch], 9);
        for (block, len) in case.layer.lengths().into_iter().enumerate() {
            let error = case.layer.passes(short(&case, block), None).err();
            assert_eq!(error, Some(too_short(L::NAMES[block], len)));
        }
        let flat = vec![0.0; case.flat_parameters().len() - 1];
        let error = case.layer.passes_from_flat(&flat).err();
        assert_eq!(error, Some(too_short("parameters", flat.len() + 1)));

        let (layer, [mut saved, mut scratch], mut y) = (case.passes(), case.buffers(), vec![0.0; 2 * batch]);
        let rows = Error::Rows { argument: "x", row: 3, got: 3 * batch - 1 };
        assert_eq!(layer.forward(&case.x[1..], &mut y, &mut saved, &mut scratch), Err(rows));
        let none = Err(Error::Zero { argument: "x" });
        assert_eq!(layer.forward(&[], &mut y, &mut saved, &mut scratch), none);
        let length = Err(too_short("y", 2 * batch));
        assert_eq!(layer.forward(&case.x, &mut y[1..], &mut saved, &mut scratch), length);
        let scratch_short = Err(short_buffer("scratch", scratch.len()));
        assert_eq!(layer.forward(&case.x, &mut y, &mut saved, &mut scratch[1..]), scratch_short);

        let none = || [None, None, None, None];
        let (x, g) = (&case.x, &case.g);
        assert_eq!(layer.backward(&x[1..], g, &saved, none(), None, &mut scratch), Err(rows));
        let length = Err(too_short("g", 2 * batch));
        assert_eq!(layer.backward(x, &g[1..], &saved, none(), None, &mut scratch), length);
        assert_eq!(layer.backward(x, g, &saved, none(), None, &mut scratch[1..]), scratch_short);
        let (length, mut dx) = (Err(too_short("dx", x.len())), vec![0.0; x.len() - 1]);
        assert_eq!(layer.backward(x, g, &saved, none(), Some(&mut dx), &mut scratch), length);
        if !saved.is_empty() {
            let saved_short = Err(short_buffer("saved", saved.len()));
            assert_eq!(layer.backward(x, g, &saved[1..], none(), None, &mut scratch), saved_short);
            assert_eq!(layer.forward(x, &mut y, &mut saved[1..], &mut scratch), saved_short);
        }
        assert_eq!(saved.is_empty(), batch < 8);
    }
}

fn every_wrong_length_of_gradients_is_named<L: MixtureLayer>() {
    for (batch, wrong) in [5, 8].into_iter().flat_map(|batch| (0..4).map(move |wrong| (batch, wrong))) {
        let case = Recipe::<L>::plain([3, 2, 4, 2, batch], 9);
        let [saved, mut scratch] = case.buffers();
        let mut blocks = case.layer.lengths().map(|len| vec![0.0; len]);
        let expected = blocks[wrong].len();
        blocks[wrong].pop();
        let gradients = blocks.each_mut().map(|block| Some(block.as_mut_slice()));
        let error = case.passes().backward(&case.x, &case.g, &saved, gradients, None, &mut scratch).err();
        let Some(Error::Length { argument, expected: wanted, got }) = error else { panic!("{error:?}") };
        assert_eq!(argument, format!("gradients.{}", L::NAMES[wrong]));
        assert_eq!((wanted, got), (expected, expected - 1));
        assert!(blocks.concat().iter().all(|&value| value == 0.0), "nothing is written");
    }
}

fn prepared_lengths_are_named<L: MixtureLayer>() {
    let case = Recipe::<L>::plain([3, 2, 4, 2, 5], 9);
    let layer = case.passes();
    for (constant, name) in L::CONSTANTS.into_iter().enumerate() {
        let error = layer.prepared_from_short(constant).unwrap_err();
        assert!(matches!(error, Error::Length { argument, .. } if argument == name), "{error}");
    }
    let mut scratch = vec![0.0; layer.prepared_scratch_len(5).unwrap()];
    let mut forward = |x: &[f64], y: &mut [f64], short: usize| {
        layer.prepared_forward(x, y, &mut scratch[short..]).unwrap_err()
    };
    assert_eq!(forward(&[], &mut [], 0), Error::Zero { argument: "x" });
    assert_eq!(forward(&case.x, &mut [0.0; 9], 0), too_short("y", 10));
    assert!(matches!(forward(&case.x, &mut [0.0; 10], 1), Error::Buffer { argument: "scratch", .. }));
}

fn wrong_lengths_of_a_step_are_named_and_nothing_is_written<L: MixtureLayer>() {
    let case = Recipe::<L>::plain([3, 2, 2, 2, 9], 1);
    let mut parameters = case.parameters.clone();
    for block in 0..4 {
        let mut blocks = parameters.each_mut().map(Vec::as_mut_slice);
        let expected = blocks[block].len();
        blocks[block] = &mut std::mem::take(&mut blocks[block])[1..];
        let error = case.layer.descent(blocks, None).err();
        assert_eq!(error, Some(too_short(L::NAMES[block], expected)));
    }
    let mut flat = vec![0.0; case.flat_parameters().len() - 1];
    let expected = flat.len() + 1;
    assert_eq!(case.layer.descent_from_flat(&mut flat).err(), Some(too_short("parameters", expected)));

    let mut layer = case.layer.descent(parameters.each_mut().map(Vec::as_mut_slice), None).unwrap();
    let [saved, mut scratch] = [layer.saved_len(9), layer.scratch_len(9)].map(|len| vec![0.0; len.unwrap()]);
    let short = [short_buffer("saved", saved.len()), short_buffer("scratch", scratch.len())];
    let mut descend = |x: &[f64], g: &[f64], dx: Option<&mut [f64]>, [of_saved, of_scratch]: [usize; 2]| {
        let (saved, scratch) = (&saved[of_saved..], &mut scratch[of_scratch..]);
        layer.descend(x, g, saved, [Some(1.0); 4], dx, scratch).unwrap_err()
    };
    let rows = Error::Rows { argument: "x", row: 3, got: 26 };
    assert_eq!(descend(&case.x[1..], &case.g, None, [0, 0]), rows);
    assert_eq!(descend(&case.x, &case.g[1..], None, [0, 0]), too_short("g", 18));
    assert_eq!(descend(&case.x, &case.g, Some(&mut [0.0; 26]), [0, 0]), too_short("dx", 27));
    assert_eq!(descend(&case.x, &case.g, None, [1, 0]), short[0]);
    assert_eq!(descend(&case.x, &case.g, None, [0, 1]), short[1]);
    drop(layer);
    assert_eq!(parameters, case.parameters);
}

fn wrong_lengths_online_are_named_and_change_nothing<L: MixtureLayer>() {
    let case = Recipe::<L>::plain([5, 3, 4, 2, 1], 2);
    let (layer, mut flat) = (case.layer, case.flat_parameters());
    let (mut y, mut work) = ([0.0; 3], vec![0.0; layer.online_scratch_len::<f64>()]);
    let (len, short_flat) = (flat.len(), &mut flat.clone()[1..]);
    let parameters = Err(too_short("parameters", len));
    assert_eq!(layer.online_forward(short_flat, &case.x, &mut y, &mut work), parameters);
    assert_eq!(layer.online_forward(&mut flat, &case.x[1..], &mut y, &mut work), Err(too_short("x", 5)));
    assert_eq!(layer.online_forward(&mut flat, &case.x, &mut y[1..], &mut work), Err(too_short("y", 3)));
    let rates = [Some(1.0); 4];
    assert_eq!(layer.online_step(&mut flat, &case.x[1..], &case.g, rates, &mut work), Err(too_short("x", 5)));
    assert_eq!(layer.online_step(&mut flat, &case.x, &case.g[1..], rates, &mut work), Err(too_short("g", 3)));
    let short = Err(short_buffer("scratch", work.len()));
    assert_eq!(layer.online_step(&mut flat, &case.x, &case.g, rates, &mut work[1..]), short);
    assert_eq!(flat, case.flat_parameters());
}

/// A diagonal layer needs storage for what it prepares.
#[test]
fn a_wrong_length_of_storage_is_named() {
    let case = Recipe::<crate::diagonal::DiagonalLayer>::plain([3, 2, 4, 1, 5], 9);
    let error = case.passes().prepare(&mut [0.0; 3]).unwrap_err();
    assert!(matches!(error, Error::Length { argument: "storage", got: 3, .. }));
}

#[test]
fn messages_name_argument_expected_and_got() {
    let message = Error::Length { argument: "y", expected: 10, got: 9 }.to_string();
    assert_eq!(message, "`y` must have 10 elements, but has 9");
}

#[test]
fn shapes_report_their_lengths() {
    let shape = Shape::new(3, 2, 4).unwrap();
    assert_eq!((shape.inputs(), shape.outputs(), shape.components()), (3, 2, 4));
    assert_eq!((shape.mu_len(), shape.sigma_len(), shape.u_len(), shape.v_len()), (12, 12, 24, 8));
    assert_eq!(shape.parameter_count(), 56);
}
