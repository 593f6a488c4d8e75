//! Real plugin libraries, good and bad, through the host's loader.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

// One file of unit-like tests per question: do good ones work, what is said of bad ones, what of those that misbehave
// once loaded or never come back, does a transport keep its promises, do the other categories do their part in a run, do versions grow together,
// and does a library work in whatever host and built however it was promised to.
#[path = "../support/mod.rs"]
mod answers;
mod fixtures;
#[path = "../run/harness.rs"]
#[expect(dead_code, reason = "the tests of runs use more of it")]
mod harness;
mod packages;
mod support;

mod dataset;
mod good;
mod hanging;
#[cfg(target_os = "linux")]
mod inspection;
mod messages;
mod moods;
mod promise;
#[cfg(target_os = "linux")]
mod refusals;
mod results;
mod schedule;
mod transport;
mod variants;
mod versions;
