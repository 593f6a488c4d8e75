//! What is promised of the boundary: a library works in every host of its major version that is not older, whichever
//! compiler, options and allocator the two were built with. Shown with one plugin that everything goes through, built in
//! several ways, in real runs and in another host.

use std::path::{Path, PathBuf};
use std::process::Command;

use aiperf_abi::data::descriptor::ABI_VERSION;
use aiperf_abi::{Value, json};

use crate::harness::Place;
use crate::packages::{package_of, profile};
use crate::support::fixture;
use crate::variants::{RELEASED, built_then, other_host, shuffled};

const ENTRIES: &str = "
endpoint:
  dialect:
    class: 'LIBRARY:Dialect'
    description: Its own dialect.
    metadata:
      {metrics_title: Promised, endpoint_path: null, supports_streaming: false, produces_tokens: true, tokenizes_input: true}
transport:
  mirror:
    {class: 'LIBRARY:Mirror', description: Answers itself., metadata: {transport_type: mirror, url_schemes: [promised]}}
custom_dataset_loader:
  lengths: {class: 'LIBRARY:Lengths', description: Texts of these lengths.}
arrival_pattern:
  even: {class: 'LIBRARY:Even', description: Evenly.}
data_exporter:
  digest: {class: 'LIBRARY:Digest', description: What it was given.}
";

/// Where the six equal fields of a struct are that is laid out as it is declared.
const DECLARED: [u64; 6] = [0, 8, 16, 24, 32, 40];

/// Runs 300 requests of which everything but the counting is the library's: what they say, how they are sent and when,
/// and a file of results. Returns how its compiler lays out structs.
fn works_in_a_run(name: &str, library: &Path) -> Vec<u64> {
    let place = Place::new();
    package_of(&place, name, library, &ENTRIES.replace("LIBRARY", name));
    let lengths: String = (0..150).map(|row| format!("{}\n", row % 50 + 1)).collect();
    std::fs::write(place.path().join("a.promise"), format!("PROMISE\n{lengths}")).unwrap();
    let args = ["--url", "promised://here", "--endpoint-type", "dialect", "--input-file", "a.promise"];
    let more = ["--request-count", "300", "--request-rate", "2000", "--arrival-pattern", "even", "--model", "any"];
    let ran = profile(&place, &[&args[..], &more].concat()).expect_code(0);
    assert!(ran.stdout.contains("Promised"), "{}", ran.stdout);
    let summary = ran.summary();
    assert_eq!((ran.avg("request_count"), summary.get("error_request_count")), (300.0, None), "{summary:#}");
    // Each reply says everything again that was said so far.
    let (sent, back) = (ran.avg("input_sequence_length"), ran.avg("output_sequence_length"));
    assert!(sent > 25.0 && (sent - back).abs() < 0.2 * sent, "{sent} tokens sent, {back} came back");
    let digest: Value = serde_json::from_str(&ran.file("digest.json")).unwrap();
    assert_eq!((&digest["records"], &digest["request_count"]), (&json!(300), &json!(300.0)));
    assert_eq!(digest["conversations"].as_array().unwrap().len(), 150);
    serde_json::from_value(digest["layout"].clone()).unwrap()
}

/// What another host says of a library after making every call of it.
fn in_host(host: &Path, library: &Path) -> String {
    let place = Place::new();
    let output = Command::new(host).arg(library).arg(place.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let name = library.display();
    assert!(output.status.success(), "{name}: {}: {said}{}", output.status, String::from_utf8_lossy(&output.stderr));
    said
}

#[test]
fn libraries_of_every_version_that_was_promised_work_in_a_run_of_today() {
    for version in RELEASED {
        let library = built_then(version).library("fixture_then");
        works_in_a_run("fixture_then", &library);
    }
}

/// Whoever appends something to what crosses raises the minor version; otherwise an older host would believe that such a
/// library fits, and refuse its layout.
#[test]
fn a_host_of_each_version_takes_the_libraries_of_today_unless_they_say_that_they_are_newer() {
    let minor = |version: &str| version.split('.').nth(1).unwrap().parse::<u32>().unwrap();
    for version in RELEASED {
        let said = in_host(&built_then(version).program("host_then"), &fixture("fixture_promise"));
        let newer = format!("Version {{ library: \"{ABI_VERSION}\", host: \"{version}\" }}");
        let expected = if minor(ABI_VERSION) > minor(version) { &newer } else { "every call works" };
        assert_eq!(said.trim(), expected, "in a host of {version}");
    }
}

#[test]
fn a_library_whose_compiler_lays_out_structs_otherwise_works_in_a_run() {
    let layout = works_in_a_run("fixture_promise", &shuffled());
    assert!(layout != DECLARED, "the structs of this one are laid out otherwise");
    let mut sorted = layout;
    sorted.sort_unstable();
    assert_eq!(sorted, DECLARED);
}

#[test]
fn a_library_with_its_own_allocator_works_in_a_run() {
    assert_eq!(works_in_a_run("fixture_allocator", &fixture("fixture_allocator")), DECLARED);
}

#[test]
fn a_host_with_other_features_and_optimised_takes_all_these_libraries() {
    let host = other_host();
    let plain: [PathBuf; 2] = [fixture("fixture_promise"), shuffled()];
    let then = RELEASED.map(|version| built_then(version).library("fixture_then"));
    for library in plain.iter().chain(&then) {
        assert_eq!(in_host(&host, library), "every call works\n", "{}", library.display());
    }
    let own = in_host(&host, &fixture("fixture_allocator"));
    assert_eq!(own, "every call works, and every block is freed by who made it\n");
}
