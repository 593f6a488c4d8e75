//! The reference pages beside the contract are what the command says, and stand in the documentation of the traits.

use std::fs;
use std::path::{Path, PathBuf};

use aiperf::plugin::category;

use crate::place::Place;

/// A file of the contract's crate.
fn contract(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../aiperf-abi").join(path)
}

#[test]
fn the_page_of_every_category_is_what_the_command_says() {
    let place = Place::new();
    let mut stale = String::new();
    for category in category::names() {
        let file = contract("reference").join(category).with_extension("md");
        let said = place.plugins(&format!("protocols {category}"));
        if fs::read_to_string(file).unwrap_or_default() != said.quiet() {
            stale +=
                &format!("\n  target/debug/aiperf plugins protocols {category} > aiperf-abi/reference/{category}.md");
        }
    }
    assert!(stale.is_empty(), "pages are stale; `cargo build` and write them again:{stale}");
}

#[test]
fn every_page_stands_at_its_trait_and_has_a_category() {
    let authors = fs::read_dir(contract("src/author")).expect("the folder of the traits");
    let text: String = authors.map(|file| fs::read_to_string(file.expect("a file").path()).expect("text")).collect();
    for category in category::all() {
        let expected = format!(
            "#[cfg_attr(doc, doc = include_str!(\"../../reference/{}.md\"))]\npub trait {}:",
            category.name, category.protocol
        );
        assert!(text.contains(&expected), "aiperf-abi/src/author has to say:\n///\n{expected}");
    }
    for page in fs::read_dir(contract("reference")).expect("the folder of the pages") {
        let stem = page.expect("a file").path().with_extension("");
        let name = stem.file_name().and_then(|name| name.to_str()).expect("text");
        assert!(category::names().any(|category| category == name), "{name} is no category");
    }
}

#[test]
fn the_guide_has_every_trait() {
    let guide = fs::read_to_string(contract("src/guide/categories.rs")).expect("text");
    for category in category::all() {
        let row = format!("`{}` | [`{}`]", category.name, category.protocol);
        assert!(guide.contains(&row), "aiperf-abi/src/guide/categories.rs has no row with {row}");
    }
}
