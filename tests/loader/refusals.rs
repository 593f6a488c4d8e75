//! Every way a library can be bad, the text each gets, and that the host lives on.

use std::path::{Path, PathBuf};

use aiperf::plugin::library::{Library, LibraryError};
use aiperf_abi::data::descriptor::ABI_VERSION;
use aiperf_abi::{Endpoint, Transport, json};

use crate::fixtures::version_of;
use crate::support::{Copies, fixture, many, with_context};

fn refusal(path: &Path) -> LibraryError {
    Library::open(path).map(drop).expect_err("it is refused")
}

/// A processor that is not ours, its name and its number in an ELF header.
const OTHER: &str = if cfg!(target_arch = "aarch64") { "x86_64" } else { "aarch64" };
const OTHER_MACHINE: u8 = if cfg!(target_arch = "aarch64") { 62 } else { 183 };

/// The bad libraries, by what is wrong with them.
fn bad(copies: &Copies) -> Vec<(&'static str, PathBuf)> {
    let plugin = std::fs::read(fixture("fixture_many")).unwrap();
    let mut foreign = plugin.clone();
    // e_machine
    foreign[18] = OTHER_MACHINE;
    let mut damaged = plugin.clone();
    // e_phnum: no segments.
    damaged[56..58].fill(0);
    let mach =
        [0xcf, 0xfa, 0xed, 0xfe, 7, 0, 0, 1, 3, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let header = "_1as_0lib_1header_0root_bmodule_bloader";
    let abi = |version: &str| format!("\"abi\":\"{version}\"");
    let (ours, major, newer) = (abi(ABI_VERSION), abi(&version_of("major")), abi(&version_of("newer")));
    vec![
        ("no such file", copies.folder().join("missing.so")),
        ("a folder", copies.folder().to_owned()),
        ("empty", copies.file("empty.so", b"")),
        ("text", copies.file("text.so", b"plugin:\n  name: x\n")),
        ("a script", copies.file("script.so", b"#!/bin/sh\nexit 0\n")),
        ("a program", std::env::current_exe().unwrap()),
        ("a few bytes of a library", copies.file("start.so", &plugin[..40])),
        ("half of a library", copies.file("half.so", &plugin[..plugin.len() / 2])),
        ("all but the last byte", copies.file("short.so", &plugin[..plugin.len() - 1])),
        ("damaged", copies.file("damaged.so", &damaged)),
        ("wrong architecture", copies.file("foreign.so", &foreign)),
        ("for another system", copies.file("mac.dylib", &mach)),
        ("not a plugin", fixture("fixture_plain")),
        ("broken descriptor", copies.patched("garbled.so", "fixture_many", "{\"descriptor\":1,", "{\"descriptor\":?,")),
        (
            "descriptor of the future",
            copies.patched("future.so", "fixture_many", "\"descriptor\":1", "\"descriptor\":2"),
        ),
        (
            "built with panic = \"abort\"",
            copies.patched("abort.so", "fixture_many", "\"panic\":\"unwind\"", "\"panic\":\"abort\" "),
        ),
        ("other major version", fixture("fixture_major")),
        ("newer minor version", fixture("fixture_newer")),
        ("other major version that denies it", copies.patched("denied.so", "fixture_major", &major, &ours)),
        ("newer minor version that denies it", copies.patched("older.so", "fixture_newer", &newer, &ours)),
        ("other layout", fixture("fixture_layout")),
        (
            "missing header symbol",
            copies.patched("headless.so", "fixture_many", header, &header.replace("root", "rood")),
        ),
        ("missing function", copies.patched("unlinked.so", "fixture_many", "\0_Unwind_GetIP\0", "\0_Unwind_GotIP\0")),
        ("missing dependency", copies.patched("needy.so", "fixture_many", "libgcc_s.so.1", "libgone.so.19")),
        (
            "other classes than it says",
            copies.patched("impostor.so", "fixture_many", "endpoint:Moody", "endpoint:Merry"),
        ),
    ]
}

#[test]
fn each_bad_library_has_its_own_words() {
    let copies = Copies::new();
    let mut texts = String::new();
    for (what, path) in bad(&copies) {
        let text = refusal(&path).to_string();
        let real = path.canonicalize().unwrap_or(path.clone());
        let file = if path == copies.folder() { "folder".into() } else { path.file_name().unwrap().to_string_lossy() };
        let text = text.replace(&*real.to_string_lossy(), "DIR/FILE").replace(&*path.to_string_lossy(), "DIR/FILE");
        let text = text.replace(std::env::consts::ARCH, "OURS").replace(OTHER, "THEIRS");
        assert!(text.starts_with("DIR/FILE"), "{what}: {text}");
        let file = if what == "a program" { "program".into() } else { file };
        texts += &format!("{what}\n  {}\n\n", text.replace("DIR/FILE", &format!("DIR/{file}")));
    }
    let mut class = |what: &str, error: LibraryError| {
        let text = error.to_string().replace(&*many().path().to_string_lossy(), "DIR/libfixture_many.so");
        texts += &format!("{what}\n  {text}\n\n");
    };
    class(
        "no such class",
        with_context(json!({}), |cx| many().make::<dyn Endpoint>("Moodi", cx)).map(drop).unwrap_err(),
    );
    class(
        "nothing like it",
        with_context(json!({}), |cx| many().make::<dyn Endpoint>("Xyz", cx)).map(drop).unwrap_err(),
    );
    let wrong = with_context(json!({}), |cx| many().make::<dyn Transport>("Moody", cx)).map(drop);
    class("class of another category", wrong.unwrap_err());
    let failed = with_context(json!({"fails": "new"}), |cx| many().make::<dyn Endpoint>("Moody", cx)).map(drop);
    class("constructor that fails", failed.unwrap_err());
    insta::with_settings!({ prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("refusals", without_sizes(&texts));
    });
}

/// Sizes of files depend on the compiler.
fn without_sizes(text: &str) -> String {
    let mut out = String::new();
    for word in text.split_inclusive(char::is_whitespace) {
        let digits = word.bytes().take_while(u8::is_ascii_digit).count();
        out += if digits > 4 { "N" } else { &word[..digits] };
        out += &word[digits..];
    }
    out
}

#[test]
fn what_is_refused_stays_refused_and_what_is_mended_loads() {
    let copies = Copies::new();
    let plugin = std::fs::read(fixture("fixture_many")).unwrap();
    let path = copies.file("mended.so", &plugin[..plugin.len() / 2]);
    for _ in 0..3 {
        refusal(&path);
    }
    copies.file("mended.so", &plugin);
    Library::open(&path).map(drop).unwrap();
}

#[test]
fn a_library_is_loaded_only_with_the_digest_of_the_lock_and_its_digest_is_that_of_its_bytes() {
    let copies = Copies::new();
    let path = copies.file("locked.so", &std::fs::read(fixture("fixture_many")).unwrap());
    let locked = "0".repeat(64);
    let error = Library::open_locked(&path, Some(&locked)).map(drop).expect_err("it is refused");
    assert!(matches!(error, LibraryError::NotLocked { .. }), "{error}");
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    assert!(!maps.contains("locked.so"), "nothing of it was loaded");
    let digest = aiperf::plugin::digest::sha256(&path).unwrap();
    let library = Library::open_locked(&path, Some(&digest)).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(library.sha256(), digest);
    // One that is open already is held to it, too.
    assert!(matches!(Library::open_locked(&path, Some(&locked)).map(drop), Err(LibraryError::NotLocked { .. })));
}
