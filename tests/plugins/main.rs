//! `aiperf plugins` as a user runs it: the real binary, packages in folders, a library that was really built.

mod adding;
mod authoring;
mod completing;
mod finding;
#[path = "../loader/fixtures.rs"]
#[expect(dead_code, reason = "the tests of the loader use more of it")]
mod fixtures;
mod forms;
mod health;
mod place;
mod preferring;
mod reference;
mod suite;
mod trap;
