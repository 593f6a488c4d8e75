//! What the fuzzer kept, read again by the functions that it calls: what it once found wrong stays mended.

pub mod targets;

use std::path::{Path, PathBuf};

use targets::TARGETS;

fn corpus(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz/corpus").join(name)
}

#[test]
fn every_kept_input_is_read_or_refused_as_promised() {
    for (name, target) in TARGETS {
        let folder = corpus(name);
        let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("a file").path()).collect();
        files.sort();
        assert!(!files.is_empty(), "{name} has inputs");
        for file in files {
            let bytes = std::fs::read(&file).expect("it was listed");
            let read = std::panic::catch_unwind(|| target(&bytes));
            assert!(read.is_ok(), "{} breaks a promise: see above", file.display());
        }
    }
}
