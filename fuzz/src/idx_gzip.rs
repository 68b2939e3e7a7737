//! The reader of IDX files behind a gzip container.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::idx;

/// The bytes as a gzip file, and as the content of one; where the first byte is odd, in two members.
pub fn run(bytes: &[u8]) {
    idx::run(&[&[0x1F, 0x8B], bytes].concat());
    let (first, rest) = bytes.split_first().map_or((0, bytes), |(&first, rest)| (first, rest));
    let cut = if first % 2 == 0 { rest.len() } else { usize::from(first / 2) % (rest.len() + 1) };
    let (head, tail) = rest.split_at(cut);
    let mut packed = gzip(head);
    if first % 2 == 1 {
        packed.extend(gzip(tail));
    }
    idx::run(&packed);
    idx::run(rest);
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory can be written to")
}
