//! Models in little memory against the prepared layer, against arithmetic in `f64`, and as bytes.

use gmlayer::compact::{
    Blob, BlobError, Checksum, Floating, Integer, Model, Number, Quantised, QuantisedConstants, quantise,
};
use gmlayer::diagonal::{Constants, Prepared};
use gmlayer::{Error, Shape, normal};
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64;

const SIZES: [(usize, usize, usize); 7] =
    [(1, 1, 1), (5, 3, 2), (16, 4, 5), (64, 10, 4), (65, 2, 3), (130, 7, 2), (300, 3, 2)];

/// Numbers from −1 to 1.
fn numbers(generator: &mut Pcg64, len: usize) -> Vec<f32> {
    (0..len)
        .map(|_| f64::from(generator.next_u32()) / f64::from(u32::MAX) * 2.0 - 1.0)
        .map(|x| x as f32)
        .collect()
}

/// The constants of a layer, in `f32`.
struct Owned {
    shape: Shape,
    a: Vec<f32>,
    w: Vec<f32>,
    mu: Vec<f32>,
    variance: Vec<f32>,
}

impl Owned {
    fn new(inputs: usize, outputs: usize, components: usize) -> Self {
        let shape = Shape::new(inputs, outputs, components).unwrap();
        let mut generator = Pcg64::seed_from_u64(inputs as u64);
        let mut variance = numbers(&mut generator, shape.sigma_len());
        variance.iter_mut().for_each(|v| *v = (*v).max(0.0)); // half of the inputs deterministic
        Self {
            shape,
            a: numbers(&mut generator, shape.v_len()),
            w: numbers(&mut generator, shape.u_len()),
            mu: numbers(&mut generator, shape.mu_len()),
            variance,
        }
    }

    fn constants(&self) -> Constants<'_, f32> {
        Constants { a: &self.a, w: &self.w, mu: &self.mu, variance: &self.variance }
    }

    fn map<N>(&self, store: impl Fn(f32) -> N) -> [Vec<N>; 4] {
        [&self.a, &self.w, &self.mu, &self.variance].map(|block| block.iter().map(|&x| store(x)).collect())
    }

    /// Ordinary rows, and rows of every unusual kind.
    fn inputs(&self) -> Vec<Vec<f32>> {
        let inputs = self.shape.inputs();
        let mut generator = Pcg64::seed_from_u64(7);
        let row = numbers(&mut generator, inputs);
        let times = |factor: f32| row.iter().map(|x| x * factor).collect::<Vec<_>>();
        let mut rows = vec![numbers(&mut generator, inputs), vec![0.0; inputs], vec![-0.0; inputs]];
        rows.extend([1.0, 30.0, 1e-25, 1e-38, 1e18, 1e30].map(times));
        let mut broken = row.clone();
        broken[inputs / 2] = f32::NAN;
        rows.push(broken);
        rows
    }
}

fn forward<N: Number>(model: &Floating<'_, N>, x: &[f32]) -> Vec<f32> {
    let mut y = vec![9.0; model.shape().outputs()];
    model.forward(x, &mut y, &mut vec![f32::NAN; model.workspace_len()]).unwrap();
    y
}

fn forward_quantised<I: Integer>(model: &Quantised<'_, I>, x: &[f32]) -> Vec<f32> {
    let mut y = vec![9.0; model.shape().outputs()];
    model.forward(x, &mut y, &mut vec![-1; model.workspace_len()]).unwrap();
    y
}

fn bits(y: &[f32]) -> Vec<u32> {
    y.iter().map(|y| if y.is_nan() { u32::MAX } else { y.to_bits() }).collect()
}

/// The same bits as a row by itself in the prepared layer: `.ci/run` runs this with the portable instructions too.
#[test]
fn f32_is_a_row_of_the_prepared_layer() {
    let portable = std::env::var("GMLAYER_INSTRUCTIONS").is_ok_and(|value| value == "portable");
    for (inputs, outputs, components) in SIZES {
        let owned = Owned::new(inputs, outputs, components);
        let model = Floating::new(owned.shape, owned.constants()).unwrap();
        let prepared = Prepared::new(owned.shape, owned.constants()).unwrap();
        let mut work = vec![0.0; prepared.workspace_len(1).unwrap()];
        for x in owned.inputs() {
            let (got, mut want) = (forward(&model, &x), vec![0.0; outputs]);
            prepared.forward(&x, &mut want, &mut work).unwrap();
            if portable {
                assert_eq!(bits(&got), bits(&want), "{:?} {x:?}", owned.shape);
            }
            let size: f32 =
                want.iter().map(|y| y.abs()).sum::<f32>() + x.iter().map(|x| x.abs()).sum::<f32>();
            for (got, want) in got.iter().zip(&want) {
                let near = (got - want).abs() <= 1e-5 * size || got.is_nan() && want.is_nan();
                assert!(near, "{:?} {got} {want}", owned.shape);
            }
        }
    }
}

/// Whatever the storage, the arithmetic is that of the values.
#[test]
fn every_storage_computes_with_its_values() {
    for (inputs, outputs, components) in SIZES {
        let owned = Owned::new(inputs, outputs, components);
        let halves = owned.map(|x| half::f16::from_f32(x).to_bits());
        let values = owned.map(|x| half::f16::from_f32(x).to_f32());
        let half_bytes = owned.map(|x| half::f16::from_f32(x).to_le_bytes());
        let bytes = owned.map(f32::to_le_bytes);
        for x in owned.inputs() {
            let plain = bits(&forward(&model(owned.shape, &owned.map(|x| x)), &x));
            assert_eq!(bits(&forward(&model(owned.shape, &bytes), &x)), plain);
            let rounded = bits(&forward(&model(owned.shape, &values), &x));
            assert_eq!(bits(&forward(&model(owned.shape, &halves), &x)), rounded);
            assert_eq!(bits(&forward(&model(owned.shape, &half_bytes), &x)), rounded);
        }
    }
}

fn model<N: Number>(shape: Shape, [a, w, mu, variance]: &[Vec<N>; 4]) -> Floating<'_, N> {
    Floating::new(shape, Constants { a, w, mu, variance }).unwrap()
}

/// The constants of a layer in 8-bit integers.
struct Integers {
    shape: Shape,
    a: Vec<f32>,
    scales: [Vec<f32>; 3],
    integers: [Vec<i8>; 3],
}

impl Integers {
    fn new(owned: &Owned) -> Self {
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

    fn model(&self) -> Quantised<'_, i8> {
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
        assert!((y[0] / (256.0 * inputs as f32) - 1.0).abs() < 1e-5, "{inputs}: {y:?}");
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

#[test]
fn wrong_lengths_are_named() {
    let owned = Owned::new(5, 3, 2);
    let model = Floating::new(owned.shape, owned.constants()).unwrap();
    let (mut y, mut work) = ([0.0; 3], [0.0; 10]);
    let length = |argument, expected, got| Err(Error::Length { argument, expected, got });
    assert_eq!(model.forward(&[0.0; 4], &mut y, &mut work), length("x", 5, 4));
    assert_eq!(model.forward(&[0.0; 5], &mut y[..2], &mut work), length("y", 3, 2));
    let short = Err(Error::Workspace { expected: 10, got: 9 });
    assert_eq!(model.forward(&[0.0; 5], &mut y, &mut work[..9]), short);
    let wrong = Constants { variance: &owned.variance[1..], ..owned.constants() };
    assert_eq!(Floating::new(owned.shape, wrong).map(|_| ()), length("variance", 10, 9));

    let integers = Integers::new(&owned);
    let model = integers.model();
    assert_eq!(model.forward(&[0.0; 4], &mut y, &mut [0; 10]), length("x", 5, 4));
    assert_eq!(model.forward(&[0.0; 5], &mut y, &mut [0; 9]), short);
    let wrong = QuantisedConstants { mu_scales: &[1.0], ..model.constants() };
    assert_eq!(Quantised::new(owned.shape, wrong).map(|_| ()), length("mu_scales", 2, 1));
}

/// The bytes of a model, written as the table of `Blob` says.
fn bytes(words: [u32; 5], body: &[u8]) -> Vec<u8> {
    let mut head = b"gmlayer\0".to_vec();
    head.extend(words.iter().flat_map(|word| word.to_le_bytes()));
    let mut crc = remainder(&[&head, body]);
    head.append(&mut crc);
    head.extend(body);
    head
}

/// CRC-32 by its definition as a remainder of polynomials, most significant bit first.
fn remainder(parts: &[&[u8]]) -> Vec<u8> {
    let bits =
        parts.iter().flat_map(|part| part.iter()).flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1));
    let padded =
        bits.chain([0; 32]).enumerate().map(|(at, bit)| u64::from(if at < 32 { bit ^ 1 } else { bit }));
    let remainder = padded.fold(0_u64, |remainder, bit| {
        let next = remainder << 1 | bit;
        if next >> 32 == 1 { next ^ 0x1_04c1_1db7 } else { next }
    });
    (!(remainder as u32)).reverse_bits().to_le_bytes().to_vec()
}

fn body(owned: &Owned, precision: u32) -> Vec<u8> {
    let x: Vec<f32> = vec![0.5; owned.shape.inputs()];
    let y: Vec<f32> = vec![0.25; owned.shape.outputs()];
    let floats = |values: &[f32]| values.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
    let mut body = [floats(&x), floats(&y)].concat();
    let blocks = [&owned.a, &owned.mu, &owned.variance, &owned.w];
    match precision {
        32 => blocks.iter().for_each(|block| body.extend(floats(block))),
        16 => {
            let halves = blocks.into_iter().flatten().flat_map(|&x| half::f16::from_f32(x).to_le_bytes());
            body.extend(halves);
        }
        _ => {
            let integers = Integers::new(owned);
            let ([w_scales, mu_scales, variance_scales], [w, mu, variance]) =
                (&integers.scales, &integers.integers);
            for block in [&owned.a, w_scales, mu_scales, variance_scales] {
                body.extend(floats(block));
            }
            for block in [mu, variance, w] {
                body.extend(block.iter().map(|q| q.cast_unsigned()));
            }
        }
    }
    body
}

#[test]
fn models_are_read_from_bytes() {
    let owned = Owned::new(5, 3, 2);
    let integers = Integers::new(&owned);
    let x = numbers(&mut Pcg64::seed_from_u64(6), 5);
    for precision in [32, 16, 8] {
        // At every alignment.
        for offset in 0..4 {
            let file = [vec![0; offset], bytes([1, precision, 5, 3, 2], &body(&owned, precision))].concat();
            let blob = Blob::new(&file[offset..]).unwrap();
            assert_eq!(blob.model.shape(), owned.shape);
            assert!(blob.input.iter().all(|x| x.value() == 0.5) && blob.input.len() == 5);
            assert!(blob.output.iter().all(|y| y.value() == 0.25) && blob.output.len() == 3);
            let (got, want) = match blob.model {
                Model::F32(read) => (forward(&read, &x), forward(&model(owned.shape, &owned.map(|x| x)), &x)),
                Model::F16(read) => {
                    let halves = owned.map(|x| half::f16::from_f32(x).to_bits());
                    (forward(&read, &x), forward(&model(owned.shape, &halves), &x))
                }
                Model::I8(read) => (forward_quantised(&read, &x), forward_quantised(&integers.model(), &x)),
            };
            assert_eq!(bits(&got), bits(&want), "{precision}");
        }
    }
}

#[test]
fn damaged_bytes_are_refused() {
    let owned = Owned::new(5, 3, 2);
    for precision in [32, 16, 8] {
        let file = bytes([1, precision, 5, 3, 2], &body(&owned, precision));
        for at in 0..file.len() {
            for change in [1, 0x80, 0xff] {
                let mut damaged = file.clone();
                damaged[at] ^= change;
                assert!(Blob::new(&damaged).is_err(), "{at}");
            }
            assert!(Blob::new(&file[..at]).is_err(), "{at}");
        }
        assert!(matches!(Blob::new(&[&file[..], &[0]].concat()), Err(BlobError::Checksum { .. })));
    }
}

#[test]
fn what_is_wrong_with_bytes_is_named() {
    let owned = Owned::new(5, 3, 2);
    let body = body(&owned, 32);
    let error = |words, body: &[u8]| Blob::new(&bytes(words, body)).unwrap_err();
    assert_eq!(Blob::new(b"").unwrap_err(), BlobError::NoModel);
    assert_eq!(Blob::new(b"not a model at all, but some text").unwrap_err(), BlobError::NoModel);
    assert_eq!(error([2, 32, 5, 3, 2], &body), BlobError::Version { expected: 1, got: 2 });
    assert_eq!(error([1, 64, 5, 3, 2], &body), BlobError::Precision { got: 64 });
    assert_eq!(error([1, 32, 0, 3, 2], &body), BlobError::Size(Error::Zero { argument: "inputs" }));
    assert_eq!(error([1, 32, 5, 3, 1], &body), BlobError::Length);
    assert_eq!(error([1, 32, 5, 3, 3], &body), BlobError::Length);
    let huge = error([1, 32, u32::MAX, u32::MAX, u32::MAX], &body);
    assert_eq!(huge, BlobError::Size(Error::Overflow { argument: "parameters" }));
    assert!(matches!(error([1, 8, u32::MAX, 1, 1], &body), BlobError::Length));
    let checksum = Checksum::new().with(b"123456789").value();
    assert_eq!(remainder(&[b"1234", b"56789"]), checksum.to_le_bytes());
}
