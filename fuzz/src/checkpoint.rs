//! The reader of checkpoints.

use gmlayer::train::checkpoint;

/// Any bytes, as a whole file, and as the data behind a header of the right form: a network all of whose numbers are
/// finite, or one sentence.
pub fn run(bytes: &[u8]) {
    open(bytes);
    // A header without the length in front, as a fuzzer finds it easier to change.
    if let Some(end) = bytes.iter().position(|&byte| byte == b'\n') {
        let (header, data) = bytes.split_at(end);
        open(&[&(header.len() as u64).to_le_bytes(), header, &data[1..]].concat());
    }
}

fn open(bytes: &[u8]) {
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
