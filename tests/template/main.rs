//! The way of a plugin author, start to end, for every category that the template has a skeleton of: the real `cargo generate`
//! makes packages outside the clone; cargo tests and builds them as they are; aiperf validates, installs and shows them, puts
//! them to the test, and runs benchmarks in which each can be seen at work.
//!
//! Needs `cargo-generate`. Without it the tests say so and pass; with `AIPERF_REQUIRE_TOOLS=1`, as in CI, they fail.

#![expect(clippy::unwrap_used, reason = "a test ends where what it needs is not there")]

mod benchmarks;
mod package;
mod server;

use std::process::Command;

use package::{ALL, Author, Package, ended, is_tool_there, root, run};

#[test]
fn from_the_template_to_a_benchmark_with_each_generated_plugin() {
    if !is_tool_there() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let author = Author::new(place.path());
    ALL.iter().for_each(|package| author.generate(package));
    author.test_and_build();

    ALL.iter().for_each(|package| verify_and_install(&author, package));
    let valid = author.aiperf(&["plugins", "--validate"]);
    assert!(valid.contains("All checks passed"), "{valid}");

    benchmarks::an_endpoint_makes_the_bodies_and_reads_the_replies(&author);
    benchmarks::a_transport_is_chosen_by_the_url(&author);
    benchmarks::a_metric_and_a_file_are_among_those_of_aiperf(&author);
    benchmarks::a_strategy_says_when(&author);
    benchmarks::a_loader_says_what(&author);
    benchmarks::a_handler_fails_a_run_that_got_worse(&author);

    ALL.iter().for_each(|package| remove(&author, package));
}

fn verify_and_install(author: &Author, package: &Package) {
    let Package { name, category, entry, class } = package;
    let checked = author.aiperf_of(package, &["plugins", "validate", "."]);
    assert!(checked.contains("All checks passed"), "{checked}");
    let tried = author.aiperf_of(package, &["plugins", "test", "."]);
    assert!(tried.contains(&format!("{category}:{class}")) && tried.contains(" 0 failed"), "{tried}");

    let added = author.aiperf_of(package, &["plugins", "add", "."]);
    assert!(added.contains(name) && added.contains(entry), "names the package and what it offers: {added}");
    assert!(author.installed(package).join("plugins.yaml").is_file(), "the package is in the user's folder");

    let listed = author.aiperf(&["plugins", category]);
    assert!(listed.contains(entry), "{listed}");
    let shown = author.aiperf(&["plugins", category, entry]);
    for part in [*name, &format!("{}:{class}", name.replace('-', "_"))] {
        assert!(shown.contains(part), "`{part}` is missing in:\n{shown}");
    }
}

fn remove(author: &Author, package: &Package) {
    let removed = author.aiperf(&["plugins", "remove", package.name]);
    assert!(removed.contains(package.name), "{removed}");
    assert!(!author.installed(package).exists(), "nothing is left in the user's folder");
    let output = ended(&mut author.aiperf_in("", &["plugins", package.category, package.entry]));
    assert!(!output.status.success(), "the entry is gone with its package");
}

#[test]
fn where_it_cannot_be_made_the_tool_says_what_it_needs() {
    if !is_tool_there() {
        return;
    }
    let here = format!("aiperf={}", root().display());
    for (defined, needed) in [
        (["aiperf=/nowhere", "category=endpoint"], "no clone of aiperf at `/nowhere`"),
        ([&*here, "category=ramp"], "There is no skeleton for `ramp`. There are: [\"custom_dataset_loader\""),
    ] {
        let place = tempfile::tempdir().unwrap();
        let mut generate = Command::new("cargo-generate");
        generate.args(["generate", "--silent", "--name", "my-plugins", "--path"]).arg(root().join("plugin-template"));
        for value in defined {
            generate.args(["--define", value]);
        }
        let output = ended(generate.current_dir(place.path()));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(needed), "{said}");
    }
    assert!(run(Command::new("cargo-generate").arg("--version")).contains("cargo"), "the tool itself works");
}

#[test]
fn the_program_makes_the_same_packages_without_the_tool() {
    if !is_tool_there() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let author = Author::new(place.path());
    for package in &ALL {
        author.generate(package);
        let generated = author.files(package.name);
        std::fs::remove_dir_all(author.place(package.name)).unwrap();
        let mut new = vec!["plugins", "new", package.name];
        if package.category != ALL[0].category {
            new.extend(["--category", package.category]);
        }
        author.aiperf(&new);
        let made = author.files(package.name);
        assert_eq!(made.keys().collect::<Vec<_>>(), generated.keys().collect::<Vec<_>>(), "{}", package.category);
        for (path, text) in made {
            assert_eq!(text, generated[&path], "{}: {path}", package.category);
        }
    }
}
