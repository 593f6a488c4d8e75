//! What the host does for plugins: its log, its clock, its seeds. Knows neither libraries nor categories.

use std::sync::Arc;

use aiperf_abi::{Host, Level};

use crate::clock::Clock;

/// The services one package gets. Its log lines carry the target `plugin` and the field `package`.
#[derive(Debug, Clone)]
pub struct HostServices {
    package: Arc<str>,
    clock: Clock,
    seed: u64,
}

impl HostServices {
    /// Services for `package`, with the run's clock and seed.
    pub fn new(package: impl Into<Arc<str>>, clock: Clock, seed: u64) -> Self {
        Self { package: package.into(), clock, seed }
    }
}

impl Host for HostServices {
    fn log_enabled(&self, level: Level) -> bool {
        match level {
            Level::Error => tracing::enabled!(target: "plugin", tracing::Level::ERROR),
            Level::Warn => tracing::enabled!(target: "plugin", tracing::Level::WARN),
            Level::Info => tracing::enabled!(target: "plugin", tracing::Level::INFO),
            Level::Debug => tracing::enabled!(target: "plugin", tracing::Level::DEBUG),
            Level::Trace => tracing::enabled!(target: "plugin", tracing::Level::TRACE),
        }
    }

    fn log(&self, level: Level, message: &str) {
        let package = &*self.package;
        match level {
            Level::Error => tracing::error!(target: "plugin", package, "{message}"),
            Level::Warn => tracing::warn!(target: "plugin", package, "{message}"),
            Level::Info => tracing::info!(target: "plugin", package, "{message}"),
            Level::Debug => tracing::debug!(target: "plugin", package, "{message}"),
            Level::Trace => tracing::trace!(target: "plugin", package, "{message}"),
        }
    }

    fn now_ns(&self) -> u64 {
        self.clock.now_ns()
    }

    fn derive_seed(&self, purpose: &str) -> u64 {
        derive_seed(self.seed, purpose)
    }

    fn share(&self) -> Box<dyn Host> {
        Box::new(self.clone())
    }
}

/// The seed of one purpose: FNV-1a (64 bit) of its name, added to the run's seed, mixed by the finaliser of SplitMix64.
/// Part of what makes a run repeatable: never change it.
fn derive_seed(seed: u64, purpose: &str) -> u64 {
    let name = purpose
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    let mut mixed = seed.wrapping_add(name).wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::Mutex;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn log_lines_carry_package_and_level() {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::INFO)
            .with_ansi(false)
            .without_time()
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            let host = HostServices::new("my-plugins", Clock::start(), 0).share();
            assert!(host.log_enabled(Level::Info) && !host.log_enabled(Level::Debug));
            host.log(Level::Warn, "beware of {braces}");
            host.log(Level::Debug, "too fine");
        });
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text, " WARN plugin: beware of {braces} package=\"my-plugins\"\n");
    }

    #[test]
    fn seeds_depend_on_run_and_purpose_and_never_change() {
        assert_eq!(derive_seed(42, "arrival"), 0);
        assert_ne!(derive_seed(42, "arrival"), derive_seed(43, "arrival"));
        assert_ne!(derive_seed(42, "arrival"), derive_seed(42, "arrivals"));
    }
}
