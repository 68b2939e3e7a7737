//! The reader of checkpoints.

use gmlayer::train::checkpoint;

/// The file of a training, whose description is replaced.
const TRAINED: &[u8] = include_bytes!("../seeds/checkpoint/trained");

/// Any bytes, as a whole file, as the data behind a header of the right form, and as the description of a training, its
/// notes with it: a network all of whose numbers are finite, or one sentence; and what `train --resume` makes of it.
pub fn run(bytes: &[u8]) {
    open(bytes);
    if let Ok(text) = core::str::from_utf8(bytes)
        && text.starts_with('{')
    {
        open(&described(text));
    }
    // A header without the length in front, as a fuzzer finds it easier to change.
    if let Some(end) = bytes.iter().position(|&byte| byte == b'\n') {
        let (header, data) = bytes.split_at(end);
        open(&[&(header.len() as u64).to_le_bytes(), header, &data[1..]].concat());
    }
}

/// The file of a training with another description.
fn described(text: &str) -> Vec<u8> {
    let (length, rest) = TRAINED.split_first_chunk().expect("a header");
    let (header, data) = rest.split_at(u64::from_le_bytes(*length) as usize);
    let header = core::str::from_utf8(header).expect("JSON");
    let (start, _) = header.split_once("\"gmlayer\":\"").expect("a description");
    let (_, tensors) = header.split_once("\"},\"0.").expect("tensors");
    let header = format!("{start}\"gmlayer\":{}}},\"0.{tensors}", serde_json::json!(text));
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), data].concat()
}

fn open(bytes: &[u8]) {
    if let Err(message) = gmlayer_cli::resumable(bytes) {
        assert!(!message.contains(char::is_control), "{message}");
    }
    match checkpoint::from_bytes(bytes, 2) {
        Ok(checkpoint) => {
            let network = checkpoint.network;
            assert!(network.parameters().iter().all(|value| value.is_finite()));
            assert!(4 * network.parameters().len() <= bytes.len(), "more parameters than bytes");
            if let Some(training) = checkpoint.training {
                assert!(
                    training.optimizer.memory.iter().all(|(_, of)| of.len() == network.parameters().len())
                );
                assert_eq!(training.position.epoch(), training.position.records.len() + 1);
            }
        }
        Err(problem) => assert!(!problem.to_string().contains('\n'), "{problem}"),
    }
}
