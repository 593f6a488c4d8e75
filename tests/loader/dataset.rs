//! Loaders, composers, stores, samplers and public datasets from a real library, in real runs.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

use crate::harness::{Place, Ran};
use crate::packages::{package, profile};

const LIBRARY: &str = "fixture_dataset";

pub(crate) const ENTRIES: &str = "
custom_dataset_loader:
  words: {class: 'fixture_dataset:Words', description: Words line by line.}
public_dataset_loader:
  published: {class: 'fixture_dataset:Published', description: The same from elsewhere.}
dataset_composer:
  staircase: {class: 'fixture_dataset:Staircase', description: Longer and longer.}
dataset_backing_store:
  shelf: {class: 'fixture_dataset:Shelf', description: A shelf.}
dataset_sampler:
  backwards: {class: 'fixture_dataset:Backwards', description: The last first.}
";

fn place() -> Place {
    let place = Place::new();
    package(&place, LIBRARY, ENTRIES);
    place
}

/// The length of each prompt as the records have it, in the order of sending.
fn lengths(ran: &Ran) -> Vec<f64> {
    let mut sent: Vec<(u64, f64)> = ran
        .records()
        .iter()
        .map(|record| {
            let at = record["metadata"]["credit_issued_ns"].as_u64().unwrap();
            (at, record["metrics"]["input_sequence_length"]["value"].as_f64().unwrap())
        })
        .collect();
    sent.sort_unstable_by_key(|(at, _)| *at);
    sent.into_iter().map(|(_, length)| length).collect()
}

#[test]
fn a_loader_is_asked_what_a_file_is_and_reads_it() {
    let place = place();
    std::fs::write(place.path().join("a.words"), "WORDS\none two\n17\n").unwrap();
    let ran = profile(&place, &["--input-file", "a.words", "--request-count", "2"]).expect_code(0);
    assert_eq!(lengths(&ran), [2.0, 17.0]);
    assert_eq!(ran.summary()["input_config"]["dataset"]["source"]["file"]["loader"], "words");

    std::fs::write(place.path().join("b.words"), "WORDS\none two\n\n").unwrap();
    let ran = profile(&place, &["--input-file", "b.words", "--request-count", "2"]).expect_code(2);
    assert!(ran.stderr.contains("b.words:3: the row is empty; expected words"), "{}", ran.stderr);
}

#[test]
fn a_composer_a_store_and_a_sampler_take_part_in_a_run() {
    let place = place();
    let args = ["--dataset-composer", "staircase", "--num-dataset-entries", "3", "--request-count", "4"];
    let more = ["--dataset-backing-store", "shelf", "--dataset-sampling-strategy", "backwards"];
    let ran = profile(&place, &[&args[..], &more].concat()).expect_code(0);
    assert_eq!(lengths(&ran), [3.0, 2.0, 1.0, 3.0]);
    let ids: Vec<String> =
        ran.records().iter().map(|record| record["metadata"]["conversation_id"].as_str().unwrap().to_owned()).collect();
    assert!(ids.iter().all(|id| id.starts_with("shelf-")), "{ids:?}");
}

#[test]
fn a_public_dataset_is_fetched_by_the_host_and_read_by_the_library() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let option = format!("published.url=http://{}/a.words", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let _: Vec<String> =
            BufReader::new(&stream).lines().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
        (&stream).write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\nWORDS\n11\n").unwrap();
    });
    let args = ["--public-dataset", "published", "--plugin-option", &option, "--request-count", "2"];
    let ran = profile(&place(), &args).expect_code(0);
    server.join().unwrap();
    assert_eq!(lengths(&ran), [11.0, 11.0]);
}
