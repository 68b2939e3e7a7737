#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| gmlayer_fuzz::command_line::run(bytes));
