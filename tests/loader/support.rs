//! Where the libraries are that cargo built for these tests, and contexts to make their classes with.

use std::path::PathBuf;

use aiperf::clock::Clock;
use aiperf::plugin::library::Library;
use aiperf::plugin::services::HostServices;
use aiperf_abi::testing::Fixture;
use aiperf_abi::{Context, Host, Value};

/// The library of a crate that is a dev-dependency; cargo puts it beside this test.
pub fn built(stem: &str) -> PathBuf {
    let deps = std::env::current_exe().unwrap().parent().unwrap().to_owned();
    deps.join(format!("{}{stem}{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX))
}

/// Opens one of them.
pub fn open(stem: &str) -> &'static Library {
    Library::open(&built(stem)).unwrap_or_else(|error| panic!("{error}"))
}

/// Calls `make` with a context of the host, entry `test`.
pub fn with_context<T>(config: Value, make: impl FnOnce(&Context<'_>) -> T) -> T {
    let host: Box<dyn Host> = Box::new(HostServices::new("test", Clock::start(), 42));
    make(&Fixture::new(config).context(&*host))
}
