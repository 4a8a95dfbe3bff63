#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rnic_fuzz::targets::forged::run(data));
