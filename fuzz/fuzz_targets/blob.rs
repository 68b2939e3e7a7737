#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| gmlayer_fuzz::blob::run(bytes));
