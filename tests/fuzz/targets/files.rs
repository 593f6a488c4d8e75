//! Files that a person or a package wrote: a manifest, a benchmark, a lock. Whatever is in them, they are read, or refused with
//! the file and, where something in it is wrong, the place.

use std::collections::BTreeSet;

use aiperf::config::file;
use aiperf::plugin::fault::{Position, Problem};
use aiperf::plugin::lock::Lock;
use aiperf::plugin::manifest::Manifest;

use super::written;

/// Most faults that are told of one manifest, and the one that says there are more.
const MOST_FAULTS: usize = 21;

pub(super) fn manifest(bytes: &[u8]) {
    let path = written("plugins.yaml", bytes);
    match Manifest::read(&path) {
        Ok(manifest) => {
            for entry in manifest.entries.iter().take(4) {
                let keys = [entry.category.name.as_str(), entry.name.as_str(), "class"];
                expect_inside(manifest.locate(&keys).expect("what was read is somewhere"), bytes);
            }
        }
        Err(faults) => {
            assert!((1..=MOST_FAULTS).contains(&faults.len()), "{} faults", faults.len());
            for fault in faults {
                assert!(fault.to_string().starts_with(&format!("{}:", path.display())), "{fault}");
                match fault.at {
                    Some(at) => expect_inside(at, bytes),
                    None => assert!(matches!(fault.problem, Problem::AndMore { .. }), "no place: {fault}"),
                }
            }
        }
    }
}

pub(super) fn benchmark(bytes: &[u8]) {
    let path = written("benchmark.yaml", bytes);
    match file::read(&path) {
        Ok(file) => {
            let phases = file.phases.iter();
            let names: BTreeSet<&str> = phases.clone().map(|phase| phase.name.as_str()).collect();
            assert!(names.len() == file.phases.len() && !names.contains(""), "{file:?}");
            assert!(file.phases.is_empty() || phases.clone().any(|phase| !phase.excluded), "{file:?}");
            let settings = file.run.iter().chain(phases.flat_map(|phase| &phase.settings));
            let words = settings.flat_map(|setting| &setting.words);
            words.for_each(|word| assert!(word.starts_with("--"), "{word}"));
        }
        Err(error) => match error.at {
            Some(at) => expect_inside(at, bytes),
            None => assert!(std::str::from_utf8(bytes).is_err(), "no place: {error}"),
        },
    }
}

pub(super) fn lock(bytes: &[u8]) {
    let path = written("aiperf-plugins.lock", bytes);
    match Lock::read(&path) {
        Ok(lock) => {
            lock.write(&path).expect("a file can be written");
            let again = Lock::read(&path).expect("a lock that was written can be read");
            assert_eq!(lock.differences(&again), []);
            assert_eq!(lock, again);
        }
        Err(error) => assert!(error.to_string().starts_with(&format!("{}: ", path.display())), "{error}"),
    }
}

fn expect_inside(at: Position, bytes: &[u8]) {
    // YAML knows more ends of a line than others do.
    let most = bytes.len() + 1;
    assert!((1..=most).contains(&at.line) && (1..=most).contains(&at.column), "{at:?} in {} bytes", bytes.len());
}
