//! The target `stream` for the fuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| aiperf_fuzz::call("stream", bytes));
