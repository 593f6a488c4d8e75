//! A package of one's own: where it can be made, and what is said where it cannot. That it is what `cargo generate` makes is
//! tested with that tool.

use std::path::Path;

use crate::place::Place;

fn clone() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the clone").to_owned()
}

#[test]
fn a_package_is_made_beside_the_clone_or_where_it_is_named() {
    let place = Place::new();
    let made = place.plugins(&format!("new my-plugins --aiperf {}", clone().display()));
    assert!(made.quiet().starts_with("Made [place]/my-plugins, built against "), "{}", made.stdout);
    std::os::unix::fs::symlink(clone(), place.path("aiperf")).expect("a link");
    let json = place.plugins("new other --json").json();
    assert_eq!(json["aiperf"], "[place]/aiperf");
    let manifest = std::fs::read_to_string(place.path("other/plugins.yaml")).expect("text");
    assert!(manifest.contains("name: other\n") && manifest.contains("class: other:EchoEndpoint"), "{manifest}");
    let checked = place.plugins("validate other");
    assert!(checked.stdout.contains("does not exist; build it"), "only the build is missing: {}", checked.stdout);
}

#[test]
fn a_package_of_each_category_holds_its_skeleton_and_no_other() {
    let place = Place::new();
    for (category, entry) in [
        ("custom_dataset_loader", "transcript"),
        ("data_exporter", "markdown"),
        ("endpoint", "echo"),
        ("record_processor", "cost"),
        ("result_handler", "baseline"),
        ("timing_strategy", "batches"),
        ("transport", "unix"),
    ] {
        let name = category.replace('_', "-");
        let line = format!("new {name} --category {category} --aiperf {}", clone().display());
        let made = place.plugins(&line);
        assert!(made.quiet().contains(&format!("aiperf plugins {category} {entry}\n")), "{}", made.stdout);
        let sources = std::fs::read_dir(place.path(&format!("{name}/src"))).expect("a folder");
        let mut sources: Vec<_> = sources.map(|file| file.expect("a file").file_name()).collect();
        sources.sort();
        assert_eq!(sources.len(), 2, "{sources:?}");
        assert!(sources.contains(&format!("{entry}.rs").into()) && sources.contains(&"lib.rs".into()), "{sources:?}");
        let checked = place.plugins(&format!("validate {name}"));
        assert!(checked.stdout.contains("does not exist; build it"), "only the build is missing: {}", checked.stdout);
    }
}

#[test]
fn where_no_package_can_be_made_it_says_what_to_do() {
    let place = Place::new();
    let told = |line: &str| {
        let ran = place.plugins(line);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{line}");
        ran.stderr
    };
    assert!(told("new my-plugins").contains("say where it is: --aiperf PATH"));
    assert!(told("new my-plugins --aiperf .").contains("there is no clone of aiperf at"));
    assert!(told("new My_Plugins").contains("hint: for example `my-plugins`"));
    assert!(told("new 7").contains("hint: for example `my-plugins`"));
    let ramp = told("new my-plugins --category ramp");
    assert!(ramp.contains("invalid value 'ramp'") && ramp.contains("timing_strategy, transport"), "{ramp}");
    std::fs::create_dir(place.path("there")).expect("a folder");
    assert!(told("new there").contains("[place]/there is there already"));
}
