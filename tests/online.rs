//! Training one sample at a time against gradients that are kept and plain gradient descent.

use gmlayer::diagonal::{Diagonal, Gradients, Online, Parameters, Rates};
use gmlayer::loss::cross_entropy;
use gmlayer::{Error, Real, Shape};
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64;

fn numbers<T: Real>(generator: &mut Pcg64, len: usize) -> Vec<T> {
    (0..len).map(|_| T::from_f64(f64::from(generator.next_u32()) / f64::from(u32::MAX) * 2.0 - 1.0)).collect()
}

/// The same steps by `backward` into zeroed gradients: to the bit with the portable instructions, which `.ci/run`
/// runs this with too.
fn same_steps<T: Real>(tolerance: f64) {
    let portable = std::env::var("GMLAYER_INSTRUCTIONS").is_ok_and(|value| value == "portable");
    let rate = |value: f64| T::from_f64(value);
    for (inputs, outputs, components) in [(1, 2, 1), (5, 3, 2), (64, 10, 4), (33, 4, 3)] {
        let shape = Shape::new(inputs, outputs, components).unwrap();
        let mut generator = Pcg64::seed_from_u64(inputs as u64);
        let start: Vec<T> = numbers(&mut generator, shape.parameter_count());
        let (mut together, mut apart) = (start.clone(), start);
        let mut work = vec![T::from_f64(f64::NAN); Online::<T>::scratch_len(shape)];
        let (mut y, mut g) = (vec![T::zero(); outputs], vec![T::zero(); outputs]);
        for step in 0..50 {
            let mut x: Vec<T> = numbers(&mut generator, inputs);
            match step % 5 {
                0 => x.fill(T::zero()),
                1 => x.iter_mut().for_each(|x| *x *= rate(1e-20)),
                _ => (),
            }
            let label = step % outputs;
            let mut layer = Online::new(shape, &mut together).unwrap();
            layer.forward(&x, &mut y, &mut work).unwrap();
            cross_entropy(&y, outputs, &[label], Some(&mut g)).unwrap();
            let rates = Rates {
                mu: Some(rate(0.1)),
                sigma: Some(rate(0.3)),
                u: Some(rate(0.05)),
                v: Some(rate(0.02)),
            };
            layer.step(&x, &g, &rates, &mut work).unwrap();

            let layer = Diagonal::new(shape, Parameters::from_flat(shape, &apart).unwrap()).unwrap();
            let mut scratch = vec![T::zero(); layer.scratch_len(1).unwrap()];
            layer.forward(&x, &mut y, &mut [], &mut scratch).unwrap();
            cross_entropy(&y, outputs, &[label], Some(&mut g)).unwrap();
            let mut gradient = vec![T::zero(); apart.len()];
            let blocks = Gradients::from_flat(shape, &mut gradient).unwrap();
            layer.backward(&x, &g, &[], blocks, None, &mut scratch).unwrap();
            let lengths = [shape.mu_len(), shape.sigma_len(), shape.u_len(), shape.v_len()];
            let each = lengths.into_iter().zip([0.1, 0.3, 0.05, 0.02]);
            let rates = each.flat_map(|(len, rate)| core::iter::repeat_n(T::from_f64(rate), len));
            for ((parameter, &gradient), rate) in apart.iter_mut().zip(&gradient).zip(rates) {
                *parameter -= rate * gradient;
            }
            for (got, want) in together.iter().zip(&apart) {
                let (got, want) = (got.to_f64(), want.to_f64());
                if portable {
                    assert_eq!(got.to_bits(), want.to_bits(), "{shape:?}, step {step}");
                }
                assert!((got - want).abs() <= tolerance, "{shape:?}, step {step}: {got} {want}");
            }
        }
    }
}

#[test]
fn steps_are_those_of_kept_gradients() {
    same_steps::<f32>(1e-4);
    same_steps::<f64>(1e-12);
}

#[test]
fn blocks_without_a_rate_stay_as_they_are() {
    let shape = Shape::new(5, 3, 2).unwrap();
    let mut generator = Pcg64::seed_from_u64(1);
    let start: Vec<f64> = numbers(&mut generator, shape.parameter_count());
    let (x, g): (Vec<f64>, Vec<f64>) = (numbers(&mut generator, 5), numbers(&mut generator, 3));
    let mut work = vec![0.0; Online::<f64>::scratch_len(shape)];
    let lengths = [shape.mu_len(), shape.sigma_len(), shape.u_len(), shape.v_len()];
    for trained in 0..4 {
        let rate = |block| (block == trained).then_some(0.1);
        let mut parameters = start.clone();
        let rates = Rates { mu: rate(0), sigma: rate(1), u: rate(2), v: rate(3) };
        Online::new(shape, &mut parameters).unwrap().step(&x, &g, &rates, &mut work).unwrap();
        let mut from = 0;
        for (block, len) in lengths.into_iter().enumerate() {
            let changed = parameters[from..from + len] != start[from..from + len];
            assert_eq!(changed, block == trained, "{block} with {trained}");
            from += len;
        }
    }
}

#[test]
fn wrong_lengths_are_named_and_change_nothing() {
    let shape = Shape::new(2, 1, 1).unwrap();
    let mut parameters = [1.0_f64; 7];
    let length = |argument, expected, got| Err(Error::Length { argument, expected, got });
    assert_eq!(Online::new(shape, &mut parameters[1..]).map(|_| ()), length("parameters", 7, 6));
    let rates = Rates::all(1.0);
    let mut layer = Online::new(shape, &mut parameters).unwrap();
    let (mut y, mut work) = ([0.0], [0.0; 7]);
    assert_eq!(layer.forward(&[1.0], &mut y, &mut work), length("x", 2, 1));
    assert_eq!(layer.forward(&[1.0; 2], &mut [], &mut work), length("y", 1, 0));
    assert_eq!(layer.step(&[1.0; 2], &[1.0; 2], &rates, &mut work), length("g", 1, 2));
    let short = Err(Error::Buffer { argument: "scratch", expected: 7, got: 6 });
    assert_eq!(layer.step(&[1.0; 2], &[1.0], &rates, &mut work[1..]), short);
    assert_eq!(parameters, [1.0; 7]);
}
