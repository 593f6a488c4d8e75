//! Where `unsafe` may stand, and that each block says why it is sound. The boundary's own crate appears only there too.

use crate::code::{line_of, only_code, words};
use crate::expect_none;
use crate::sources;

/// The rooms of `unsafe`: both sides of the boundary, and the one file that opens libraries.
const ROOMS: &[&str] =
    &["aiperf-abi/src/ffi/", "aiperf-abi/src/host/", "aiperf-abi/src/export.rs", "aiperf/src/plugin/library.rs"];

/// What forbids it for a whole package.
const FORBIDDEN: &str = "#![forbid(unsafe_code)]";

fn may(path: &str) -> bool {
    ROOMS.iter().any(|room| path.starts_with(room))
}

#[test]
fn unsafe_stays_in_its_rooms() {
    let mut faults = Vec::new();
    for source in sources::shipped().into_iter().filter(|source| !may(&source.path)) {
        let code = only_code(&source.text);
        faults.extend(words(&code, "unsafe").map(|at| format!("{}:{}", source.path, line_of(&code, at))));
    }
    expect_none(&faults, "`unsafe` stays at the library boundary (tests/house/unsafety.rs lists its rooms):");
}

#[test]
fn every_unsafe_block_says_why_it_is_sound() {
    let mut faults = Vec::new();
    for source in sources::shipped() {
        let code = only_code(&source.text);
        let lines: Vec<&str> = source.text.lines().collect();
        for at in words(&code, "unsafe") {
            let next = code[at + "unsafe".len()..].trim_start();
            let claims = next.starts_with('{') || next.starts_with("impl");
            let line = line_of(&code, at);
            if claims && !is_justified(&lines, line) {
                faults.push(format!("{}:{line}", source.path));
            }
        }
    }
    expect_none(&faults, "An unsafe block or impl has `// SAFETY:` above it, saying what makes it sound:");
}

/// Whether a comment above the statement of a line (from 1) begins with `SAFETY:`, or stands in the line.
fn is_justified(lines: &[&str], line: usize) -> bool {
    let statement = lines[..line - 1].iter().rev().take_while(|above| {
        let above = above.trim();
        above.starts_with("//") || !(above.is_empty() || above.ends_with([';', '{', '}']))
    });
    statement.chain([&lines[line - 1]]).any(|above| above.contains("SAFETY:"))
}

#[test]
fn the_boundary_s_crate_is_used_at_the_boundary_only() {
    let boundary = |path: &str| path.starts_with("aiperf-abi/src/") || may(path);
    let mut faults = Vec::new();
    for source in sources::shipped().into_iter().filter(|source| !boundary(&source.path)) {
        let code = only_code(&source.text);
        faults.extend(words(&code, "abi_stable").map(|at| format!("{}:{}", source.path, line_of(&code, at))));
    }
    expect_none(&faults, "`abi_stable` is the business of aiperf-abi; authors and the host see safe traits:");
}

#[test]
fn plugins_forbid_unsafe() {
    let root = |path: &str| {
        path.ends_with("/src/lib.rs") && (path.starts_with("plugins/") || path.starts_with("plugin-template/"))
    };
    let roots: Vec<_> = sources::shipped().into_iter().filter(|source| root(&source.path)).collect();
    assert!(roots.len() >= 2, "the template and at least one plugin are there");
    let faults: Vec<_> =
        roots.into_iter().filter(|source| !source.text.contains(FORBIDDEN)).map(|source| source.path).collect();
    expect_none(&faults, "A plugin is `#![forbid(unsafe_code)]`; the macro's unsafe code is aiperf-abi's:");
}

#[test]
fn a_missing_reason_is_seen() {
    let good = ["// SAFETY: the pointer is ours,", "// and not null.", "let a =", "    unsafe { *p };"];
    assert!(is_justified(&good, 4));
    assert!(!is_justified(&["// SAFETY: another one", "let b = 1;", "let a = unsafe { *p };"], 3));
}
