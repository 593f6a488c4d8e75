//! Putting packages in and taking them out.

use crate::place::{Place, library};

#[test]
fn a_package_goes_in_shows_up_and_comes_out() {
    let place = Place::new();
    place.built_echo("own/echo");
    let added = place.plugins("add own/echo");
    let shown = place.plugins("endpoint echo --json");
    let again = place.plugins("add own/echo");
    let forced = place.plugins("add own/echo/plugins.yaml --force --json");
    let removed = place.plugins("remove Aiperf_Plugin_Echo");
    let gone = place.plugins("endpoint echo");
    assert_eq!(shown.json()["source"]["origin"], "the user's data folder");
    assert_eq!(forced.json()["added"]["name"], "aiperf-plugin-echo");
    assert_eq!(again.code, Some(2));
    assert_eq!(gone.code, Some(2));
    let told = format!("{}{}{}", added.quiet(), again.stderr, removed.quiet());
    insta::assert_snapshot!(told.replace(&library("aiperf_echo"), "[library]"));
    assert!(place.path("own/echo/plugins.yaml").is_file(), "what was added stays where it was");
}

#[test]
fn a_package_is_added_from_its_source_folder_after_a_build() {
    let place = Place::new();
    let built = place.echo("own/echo");
    let unbuilt = place.plugins("add own/echo");
    assert_eq!(unbuilt.code, Some(1));
    assert!(unbuilt.stderr.contains("does not exist; build it"), "{}", unbuilt.stderr);

    std::fs::create_dir_all(place.path("own/echo/target/release")).expect("a folder");
    std::fs::copy(built, place.path("own/echo/target/release").join(library("aiperf_echo"))).expect("copied");
    assert!(place.plugins("validate own/echo").quiet().ends_with("All checks passed\n"));
    let tried = place.plugins("endpoint echo --plugin-path own/echo");
    assert!(
        tried.quiet().contains("own/echo/target/release"),
        "used where it is made, not installed: {}",
        tried.stdout
    );
    let added = place.plugins("add own/echo");
    assert!(added.quiet().contains("target/release"), "{}", added.stdout);
    place.plugins(&format!("add own/echo/target/release/{} --force", library("aiperf_echo"))).quiet();
    assert!(place.plugins("--validate").quiet().contains("1 package\n"));
    assert_eq!(place.plugins("remove aiperf-plugin-echo --json").json()["removed"]["version"], "0.1.0");
}

#[test]
fn a_package_with_faults_is_refused_with_all_of_them() {
    let place = Place::new();
    place.built_echo("echo");
    let manifest = place.path("echo/plugins.yaml");
    let text = std::fs::read_to_string(&manifest).expect("text");
    std::fs::write(&manifest, text.replace("version: 0.1.0", "version: 9.0.0").replace(":EchoEndpoint", ":Eco"))
        .expect("written");
    let ran = place.plugins("add echo");
    assert_eq!(ran.code, Some(1));
    insta::assert_snapshot!(ran.whole());
    assert!(!place.path("data/aiperf/plugins").exists(), "nothing was put there");
}
