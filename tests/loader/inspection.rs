//! Inspection tells what a library offers and does not load it.

use aiperf::plugin::inspect::inspect;
use aiperf::plugin::library::Library;
use aiperf_abi::data::descriptor::ABI_VERSION;

use crate::support::{Copies, fixture};

fn mapped(name: &str) -> bool {
    std::fs::read_to_string("/proc/self/maps").unwrap().contains(name)
}

#[test]
fn inspecting_reads_a_library_and_opening_loads_it() {
    let copies = Copies::new();
    let path = copies.file("only_looked_at.so", &std::fs::read(fixture("fixture_many")).unwrap());
    let inspection = inspect(&path).unwrap();
    assert!(!mapped("only_looked_at.so"));
    let descriptor = inspection.descriptor;
    assert_eq!((&*descriptor.package, &*descriptor.version, &*descriptor.abi), ("fixture_many", "0.3.0", ABI_VERSION));
    assert_eq!(descriptor.exports, ["endpoint:Moody", "transport:Ways", "data_exporter:Counter"]);
    assert_eq!(descriptor.panic, "unwind");
    assert!(inspection.needed.iter().any(|name| name.starts_with("libc.so")), "{:?}", inspection.needed);
    assert!(inspection.glibc.is_some_and(|version| version.starts_with("2.")));
    Library::open(&path).map(drop).unwrap();
    assert!(mapped("only_looked_at.so"));
}

#[test]
fn a_stripped_library_says_the_same() {
    let copies = Copies::new();
    let path = copies.file("stripped.so", &std::fs::read(fixture("fixture_many")).unwrap());
    let whole = inspect(&path).unwrap();
    // Where there is no `strip`, there is nothing to show.
    if let Ok(status) = std::process::Command::new("strip").arg(&path).status() {
        assert!(status.success());
        assert_eq!(inspect(&path).unwrap(), whole);
        Library::open(&path).map(drop).unwrap();
    }
}

#[test]
fn a_library_cut_off_anywhere_is_refused_and_never_opened() {
    let bytes = std::fs::read(fixture("fixture_plain")).unwrap();
    let plugin = std::fs::read(fixture("fixture_many")).unwrap();
    let copies = Copies::new();
    for bytes in [bytes, plugin] {
        // Every length near both ends, and some between.
        let step = bytes.len() / 64;
        let lengths = (0..200).chain((200..bytes.len()).step_by(step)).chain(bytes.len() - 200..bytes.len());
        for length in lengths {
            let path = copies.file("cut.so", &bytes[..length]);
            assert!(Library::open(&path).is_err(), "{length} of {} bytes", bytes.len());
        }
    }
}
