//! `--input-file` from end to end: what each sort of file sends, and what a run leaves of it.

#[path = "../run/harness.rs"]
#[expect(dead_code, reason = "each test target uses a part of it")]
mod harness;

mod loaders;
mod looking;
mod synthetic;
mod traces;
