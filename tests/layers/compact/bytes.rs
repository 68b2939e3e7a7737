//! Models as bytes, written by hand as the table of `Blob` says.

use gmlayer::Error;
use gmlayer::compact::{Blob, BlobError, Checksum, Model, Number};
use rand_core::SeedableRng;
use rand_pcg::Pcg64;

use super::quantised::Integers;
use super::{Owned, bits, forward, forward_quantised, model, numbers};

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
