//! Hosts and libraries of different minor versions: the older library loads, with what it does not have left out.

use std::process::Command;

use crate::fixtures::{built, cargo};
use crate::support::fixture;

/// What the host of the next minor version says of a class.
fn in_newer_host(library: &str, class: &str) -> String {
    let program = built("dev", &[]).program("newer_host");
    let output = Command::new(program).arg(fixture(library)).arg(class).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_library_of_today_loads_in_a_host_of_the_next_minor_version() {
    let said = in_newer_host("fixture_many", "Moody");
    let expected = r#"fixture_many 0.3.0 has the later list: false; it says {"texts":["Hello, world!"],"#;
    assert!(said.starts_with(expected), "{said}");
}

#[test]
fn a_library_of_that_version_has_what_is_new_in_it() {
    assert_eq!(in_newer_host("fixture_newer", "One"), "fixture_newer 0.3.0 has the later list: true; it says {}\n");
}

#[test]
fn a_plugin_cannot_be_built_so_that_its_panics_abort() {
    let (built, said) = cargo(&["rustc", "--lib", "-p", "fixture_newer", "--", "-C", "panic=abort"]);
    assert!(!built);
    let expected =
        "an aiperf plugin must be built with panic = \"unwind\": with \"abort\" its first panic would end the run";
    assert!(said.contains(expected), "{said}");
}
