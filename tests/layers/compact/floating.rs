//! Constants in floating point: the bits of the prepared layer, whatever the storage.

use gmlayer::compact::Floating;
use gmlayer::diagonal::Prepared;

use super::{Owned, SIZES, bits, forward, model};

/// The same bits as a row by itself in the prepared layer: `.ci/run` runs this with the portable instructions too.
#[test]
fn f32_is_a_row_of_the_prepared_layer() {
    let portable = std::env::var("GMLAYER_INSTRUCTIONS").is_ok_and(|value| value == "portable");
    for (inputs, outputs, components) in SIZES {
        let owned = Owned::new(inputs, outputs, components);
        let model = Floating::new(owned.shape, owned.constants()).unwrap();
        let prepared = Prepared::new(owned.shape, owned.constants()).unwrap();
        let mut scratch = vec![0.0; prepared.scratch_len(1).unwrap()];
        for x in owned.inputs() {
            let (got, mut want) = (forward(&model, &x), vec![0.0; outputs]);
            prepared.forward(&x, &mut want, &mut scratch).unwrap();
            // A row of another size the prepared layer reads times a power of two.
            let largest = x.iter().fold(0.0_f32, |largest, x| largest.max(x.abs()));
            let as_it_is = largest == 0.0 || (2.0_f32.powi(-10)..=2.0_f32.powi(10)).contains(&largest);
            if portable && as_it_is {
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
