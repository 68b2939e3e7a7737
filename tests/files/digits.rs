//! The built-in digits: the same bits for ever, and hard enough to be worth learning.

use gmlayer::Error;
use gmlayer::data::{DIGITS_SIDE, DIGITS_TEST, DIGITS_TRAIN, Dataset, Samples, digits};
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64;

const CLASSES: usize = 10;

/// The FNV-1a hash of all pixels.
fn hash(samples: &Samples) -> u64 {
    samples
        .images()
        .iter()
        .fold(0xCBF2_9CE4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3))
}

#[test]
fn the_bits_never_change() {
    for (seed, train, test) in [
        (0, 0xD52B_D181_4D73_8C86, 0xF9EE_08F2_127C_3315),
        (u64::MAX, 0x8B06_BFDA_229B_6316, 0xF0B4_8F10_BC7A_A664),
    ] {
        let data = digits(seed, 200, 50).unwrap();
        assert_eq!((seed, hash(&data.train), hash(&data.test)), (seed, train, test));
    }
}

#[test]
fn shape_and_labels() {
    let data = digits(3, 25, 11).unwrap();
    assert_eq!((data.name.as_str(), data.inputs, data.classes), ("digits", 784, 10));
    assert_eq!((data.train.len(), data.test.len()), (25, 11));
    for samples in [&data.train, &data.test] {
        assert_eq!(samples.images().len(), samples.len() * DIGITS_SIDE * DIGITS_SIDE);
        for (index, &label) in samples.labels().iter().enumerate() {
            assert_eq!(usize::from(label), index % CLASSES);
        }
    }
}

#[test]
fn fewer_samples_are_a_prefix_of_more() {
    let few = digits(9, 10, 20).unwrap();
    let many = digits(9, 40, 30).unwrap();
    assert_eq!(few.train.images(), &many.train.images()[..10 * 784]);
    assert_eq!(few.test.images(), &many.test.images()[..20 * 784]);
}

/// No image may occur twice, in either part or with another seed.
#[test]
fn every_image_is_another() {
    let mut images = Vec::new();
    for seed in [0, 1, 1 << 32, u64::MAX] {
        let data = digits(seed, 300, 300).unwrap();
        for samples in [data.train, data.test] {
            images.extend(samples.images().chunks(784).map(<[u8]>::to_vec));
        }
    }
    let count = images.len();
    images.sort_unstable();
    images.dedup();
    assert_eq!(images.len(), count);
}

/// Every digit leaves enough ink to be seen, and most of the paper blank.
#[test]
fn every_image_has_ink() {
    let data = digits(2, 1000, 1).unwrap();
    for image in data.train.images().chunks(784) {
        let inked = image.iter().filter(|&&pixel| pixel > 100).count();
        assert!((10..400).contains(&inked), "{inked} pixels with ink");
    }
}

#[test]
fn sizes_that_cannot_be() {
    assert_eq!(digits(0, 0, 1), Err(Error::Zero { argument: "train" }));
    assert_eq!(digits(0, 1, 0), Err(Error::Zero { argument: "test" }));
    assert_eq!(digits(0, usize::MAX, 1), Err(Error::Overflow { argument: "train" }));
    assert_eq!(digits(0, 1, usize::MAX / 784 - 1), Err(Error::Overflow { argument: "test" }));
}

/// The test error of a linear softmax classifier, trained by gradient descent in batches of 64.
fn linear_error(data: &Dataset, epochs: usize, rate: f32) -> f64 {
    let mut generator = Pcg64::seed_from_u64(0);
    let mut weights = vec![0.0; CLASSES * (data.inputs + 1)];
    let mut order: Vec<usize> = (0..data.train.len()).collect();
    let mut image = vec![0.0; data.inputs];
    for _ in 0..epochs {
        for last in (1..order.len()).rev() {
            order.swap(last, (generator.next_u64() % (last as u64 + 1)) as usize);
        }
        for batch in order.chunks(64) {
            let mut change = vec![0.0; weights.len()];
            for &index in batch {
                data.train.batch(&[index], &mut image).unwrap();
                let mut cotangent = probabilities(&weights, &image);
                cotangent[usize::from(data.train.labels()[index])] -= 1.0;
                for (change, cotangent) in change.chunks_mut(data.inputs + 1).zip(cotangent) {
                    let (bias, change) = change.split_last_mut().unwrap();
                    *bias += cotangent;
                    change.iter_mut().zip(&image).for_each(|(change, pixel)| *change += cotangent * pixel);
                }
            }
            let scale = rate / batch.len() as f32;
            weights.iter_mut().zip(change).for_each(|(weight, change)| *weight -= scale * change);
        }
    }
    let wrong = data.test.labels().iter().enumerate().filter(|&(index, &label)| {
        data.test.batch(&[index], &mut image).unwrap();
        let probabilities = probabilities(&weights, &image);
        probabilities.iter().any(|&other| other > probabilities[usize::from(label)])
    });
    wrong.count() as f64 / data.test.len() as f64
}

/// The softmax of the linear classifier's outputs.
fn probabilities(weights: &[f32], image: &[f32]) -> [f32; CLASSES] {
    let mut outputs = [0.0; CLASSES];
    for (output, weights) in outputs.iter_mut().zip(weights.chunks(image.len() + 1)) {
        let (bias, weights) = weights.split_last().unwrap();
        *output = bias + weights.iter().zip(image).map(|(weight, pixel)| weight * pixel).sum::<f32>();
    }
    let largest = outputs.iter().copied().fold(f32::MIN, f32::max);
    let exponentials = outputs.map(|output| (output - largest).exp());
    let sum: f32 = exponentials.iter().sum();
    exponentials.map(|exponential| exponential / sum)
}

/// A straight cut through the pixels neither tells the digits apart nor fails to see them.
#[test]
fn a_linear_classifier_does_not_suffice() {
    let error = linear_error(&digits(0, 4000, 2000).unwrap(), 10, 0.2);
    println!("linear classifier, 4000 samples, 10 epochs: test error {:.2} %", 100.0 * error);
    assert!((0.08..0.25).contains(&error), "test error {error}");
}

/// Nor with all the samples and time to converge. A minute in a release build.
#[test]
#[ignore = "half a minute even in release, where .ci/run runs it: --release -- --ignored"]
fn a_linear_classifier_does_not_suffice_at_full_size() {
    let error = linear_error(&digits(0, DIGITS_TRAIN, DIGITS_TEST).unwrap(), 40, 0.2);
    println!("linear classifier, {DIGITS_TRAIN} samples, 40 epochs: test error {:.2} %", 100.0 * error);
    assert!((0.07..0.10).contains(&error), "test error {error}");
}
