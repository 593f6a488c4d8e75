//! Hosts and libraries of different minor versions: the older library loads, with what it does not have left out.

use std::process::Command;

use crate::fixtures::{built, cargo};
use crate::support::fixture;

#[test]
fn a_library_of_today_loads_in_a_host_of_the_next_minor_version() {
    let output = Command::new(built("dev").program("newer_host")).arg(fixture("fixture_many")).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    let said = String::from_utf8(output.stdout).unwrap();
    let expected = r#"fixture_many 0.3.0 has the later list: false; it says {"texts":["Hello, world!"],"#;
    assert!(said.starts_with(expected), "{said}");
}

#[test]
fn a_library_of_its_own_version_has_what_is_new() {
    // The same host finds nothing missing in a library of its own minor version, but the class it asks for.
    let output = Command::new(built("dev").program("newer_host")).arg(fixture("fixture_newer")).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("it has the class"), "{told}");
}

#[test]
fn a_plugin_cannot_be_built_so_that_its_panics_abort() {
    let (built, said) = cargo(&["rustc", "--lib", "-p", "fixture_newer", "--", "-C", "panic=abort"]);
    assert!(!built);
    let expected =
        "an aiperf plugin must be built with panic = \"unwind\": with \"abort\" its first panic would end the run";
    assert!(said.contains(expected), "{said}");
}
