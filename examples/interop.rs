//! Trains a small network, saves it and writes what it computes in `f64`, for `interop/check.py` to compare with.
//!
//! `cargo run --example interop --features checkpoint -- FOLDER`

use std::error::Error;
use std::ops::ControlFlow;
use std::path::PathBuf;

use gmlayer::joint::JointShape;
use gmlayer::nn::{Adam, AdamSettings, Diagonal, Joint, JointStart, Network};
use gmlayer::random::StandardNormal;
use gmlayer::train::{Event, Regularisation, Settings, checkpoint, generator, train};
use gmlayer::{Shape, data};

/// Rows of the batch: enough for the way of large batches.
const ROWS: usize = 9;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args_os().nth(1).ok_or("a folder to write to is missing")?);
    std::fs::create_dir_all(&folder)?;
    let model = folder.join("model.safetensors");
    let data = data::digits(0, 200, 50)?;
    let first = Diagonal::new(Shape::new(data.inputs, 6, 3)?, 0.5);
    let start = JointStart { gamma: 0.5, output_gamma: 0.5 };
    let second = Joint::new(JointShape::new(6, 5, 3, 2)?, start);
    let third = Joint::new(JointShape::new(5, 5, 4, 2)?.tied(), start);
    let last = Diagonal::new(Shape::new(5, data.classes, 3)?, 0.5);
    let settings = Settings { epochs: 2, batch_size: 20, seed: 0, regularisation: Regularisation::NONE };
    let mut network = Network::<f32>::new(
        vec![Box::new(first), Box::new(second), Box::new(third), Box::new(last)],
        settings.batch_size,
    )?;
    network.initialise(&mut generator(settings.seed, 0))?;
    let mut optimizer = Adam::new(network.blocks(), |_| 0.003, AdamSettings::default());
    let mut saved = Ok(());
    train(&mut network, &mut optimizer, &data, &settings, |event| {
        if let Event::Epoch { state, .. } = event {
            saved = checkpoint::save_training(&state, &Default::default(), &model);
        }
        ControlFlow::Continue(())
    })?;
    saved?;

    // The same numbers in f64, from the file.
    let loaded = checkpoint::load(&model, 1)?;
    let layers = loaded.layers().filter_map(|layer| layer.kind().build::<f64>().transpose());
    let mut network = Network::new(layers.collect::<Result<_, _>>()?, ROWS)?;
    for (parameter, &value) in network.parameters_mut().iter_mut().zip(loaded.parameters()) {
        *parameter = f64::from(value);
    }
    let mut x = vec![0.0; ROWS * network.inputs()];
    data.test.batch(&(0..ROWS).collect::<Vec<_>>(), &mut x)?;
    let (mut random, mut normal) = (generator(1, 0), StandardNormal::new());
    let g: Vec<f64> = (0..ROWS * network.outputs()).map(|_| normal.sample(&mut random)).collect();
    let y = network.forward(&x)?.to_vec();
    network.backward(&x, &g)?;
    let mut blocks = serde_json::Map::new();
    for block in network.blocks() {
        let gradient = network.gradients().get(block.range.clone()).unwrap_or(&[]);
        blocks.insert(block.name.clone(), gradient.into());
    }
    let values = serde_json::json!({ "rows": ROWS, "x": x, "g": g, "y": y, "gradients": blocks });
    std::fs::write(folder.join("values.json"), values.to_string())?;
    Ok(())
}
