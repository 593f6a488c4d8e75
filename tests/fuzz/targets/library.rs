//! A file that is said to be a library: read for each system, whatever this one is, and nothing in it believed.

use aiperf::plugin::inspect::{Target, preflight_for};

pub(super) fn library(bytes: &[u8]) {
    for target in [Target::LINUX, Target::LINUX_32, Target::MAC] {
        match preflight_for(target, bytes) {
            Ok(inspection) => {
                assert_eq!(inspection.descriptor.panic, "unwind");
                assert!(inspection.needed.iter().all(|name| name.len() <= bytes.len()));
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}
