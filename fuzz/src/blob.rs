//! The reader of exported models, and what they give for their own test input.

use gmlayer::compact::{Blob, Checksum, Floating, HEADER_LEN, MAGIC, Model, Quantised, VERSION};
use gmlayer::diagonal::Constants;

/// Where the checksum lies.
const CHECKSUM: usize = HEADER_LEN - 4;

/// Numbers up to here give finite outputs, whatever their signs: no product of four leaves the range.
const TAME: f32 = 1e8;

/// Any bytes as a whole file, with their checksum put right, and as the numbers of a model of the right length.
pub fn run(bytes: &[u8]) {
    open(bytes);
    let mut sealed = bytes.to_vec();
    seal(&mut sealed);
    open(&sealed);
    open(&model(bytes));
}

/// Writes the checksum that the bytes have.
fn seal(bytes: &mut [u8]) {
    let (Some(head), Some(body)) = (bytes.get(..CHECKSUM), bytes.get(HEADER_LEN..)) else { return };
    let checksum = Checksum::new().with(head).with(body).value();
    bytes[CHECKSUM..HEADER_LEN].copy_from_slice(&checksum.to_le_bytes());
}

/// A model of small sizes whose numbers are the bytes, again and again.
fn model(bytes: &[u8]) -> Vec<u8> {
    let mut tape = bytes.iter().copied().cycle();
    let mut byte = || usize::from(tape.next().unwrap_or(0));
    let precision = [32, 16, 8][byte() % 3];
    let (inputs, outputs, components) = (byte() % 35 + 1, byte() % 6 + 1, byte() % 4 + 1);
    let (rows, numbers) = (components * outputs, components * (2 + outputs) * inputs);
    let len = 4 * (inputs + outputs)
        + match precision {
            32 => 4 * (rows + numbers),
            16 => 2 * (rows + numbers),
            _ => 4 * (2 * rows + 2 * components) + numbers,
        };
    let mut file = MAGIC.to_vec();
    for word in [VERSION, precision, inputs as u32, outputs as u32, components as u32, 0] {
        file.extend(word.to_le_bytes());
    }
    file.extend((0..len).map(|_| byte() as u8));
    seal(&mut file);
    assert!(Blob::new(&file).is_ok(), "a file of the right length is refused");
    file
}

/// Reads a file and, where it is a model, lets it work.
fn open(bytes: &[u8]) {
    match Blob::new(bytes) {
        Ok(Blob { model, input, output }) => {
            assert_eq!((input.len(), output.len()), (model.shape().inputs(), model.shape().outputs()));
            let x: Vec<f32> = input.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
            match model {
                Model::F32(model) => floating(&model, &x),
                Model::F16(model) => floating(&model, &x),
                Model::I8(model) => quantised(&model, &x),
            }
        }
        Err(problem) => assert!(!problem.to_string().contains('\n'), "{problem}"),
    }
}

/// The stored numbers give what the same numbers give as an array; tame ones give finite outputs.
fn floating<N: gmlayer::compact::Number>(model: &Floating<'_, N>, x: &[f32]) {
    let values = |block: &[N]| block.iter().map(|number| number.value()).collect::<Vec<f32>>();
    let Constants { a, w, mu, variance } = model.constants();
    let [a, w, mu, variance] = [a, w, mu, variance].map(values);
    let constants = Constants { a: &a[..], w: &w, mu: &mu, variance: &variance };
    let plain = Floating::new(model.shape(), constants).expect("the lengths fit");
    let run = |forward: &dyn Fn(&mut [f32])| {
        let mut y = vec![f32::NAN; model.shape().outputs()];
        forward(&mut y);
        y
    };
    let y = run(&|y| model.forward(x, y, &mut vec![f32::NAN; model.scratch_len()]).expect("lengths fit"));
    let same = run(&|y| plain.forward(x, y, &mut vec![f32::NAN; plain.scratch_len()]).expect("lengths fit"));
    assert_eq!(bits(&y), bits(&same));
    let positive = variance.iter().all(|&variance| variance >= 0.0);
    if positive && [&a[..], &w, &mu, &variance, x].into_iter().all(tame) {
        assert!(y.iter().all(|y| y.is_finite()), "{y:?}");
    }
}

/// Tame scales, none of them negative, and finite inputs give finite outputs.
fn quantised(model: &Quantised<'_, u8>, x: &[f32]) {
    let mut y = vec![f32::NAN; model.shape().outputs()];
    model.forward(x, &mut y, &mut vec![-1; model.scratch_len()]).expect("the lengths fit");
    let constants = model.constants();
    let values = |block: &[[u8; 4]]| block.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect::<Vec<_>>();
    let scales =
        [constants.a, constants.w_scales, constants.mu_scales, constants.variance_scales].map(values);
    let positive = constants.variance.iter().all(|&variance| variance < 128)
        && scales[3].iter().all(|&scale| scale >= 0.0);
    if positive && scales.iter().all(|block| tame(block)) && tame(x) {
        assert!(y.iter().all(|y| y.is_finite()), "{y:?}");
    }
}

fn tame(block: &[f32]) -> bool {
    block.iter().all(|value| value.abs() <= TAME)
}

/// The bits, all NaNs alike.
fn bits(y: &[f32]) -> Vec<u32> {
    y.iter().map(|y| if y.is_nan() { u32::MAX } else { y.to_bits() }).collect()
}
