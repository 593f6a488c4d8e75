//! House rules, read from the sources: where an import may point, where `unsafe` may stand, how files begin, how long they
//! get, what things are called, and that the documents tell the truth. A rule that is wrong is changed in its table here,
//! with the reason.

#![expect(clippy::unwrap_used, reason = "a test ends where what it needs is not there")]

mod arrows;
mod code;
mod documents;
mod floors;
mod packages;
mod sources;
mod style;
mod unsafety;

/// Fails with every fault, one a line, under what is asked of the code.
fn expect_none(faults: &[String], rule: &str) {
    assert!(faults.is_empty(), "{rule}\n  {}\n", faults.join("\n  "));
}
