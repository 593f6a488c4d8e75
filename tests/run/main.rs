//! `aiperf profile` as a user runs it: the real binary, a scripted server or the engine inside, the files it leaves behind.

mod artifacts;
mod calibration;
mod endings;
#[cfg(unix)]
mod following;
mod harness;
mod histories;
mod load;
mod load_phases;
mod plugins;
#[path = "../support/mod.rs"]
mod support;
