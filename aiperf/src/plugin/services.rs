//! What the host does for plugins: its log, its clock, its seeds. Knows neither libraries nor categories.

use std::sync::Arc;

use aiperf_abi::{Host, Level};

use crate::clock::Clock;
use crate::random::RootSeed;

/// The services one package gets. Its log lines carry the target `plugin` and the field `package`.
#[derive(Debug, Clone)]
pub struct HostServices {
    package: Arc<str>,
    clock: Clock,
    seed: RootSeed,
}

impl HostServices {
    /// Services for `package`, with the run's clock and seed.
    pub fn new(package: impl Into<Arc<str>>, clock: Clock, seed: u64) -> Self {
        Self { package: package.into(), clock, seed: RootSeed::new(seed) }
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
        self.seed.derive(purpose)
    }

    fn share(&self) -> Box<dyn Host> {
        Box::new(self.clone())
    }
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
    fn seeds_are_those_of_the_run() {
        let host = HostServices::new("my-plugins", Clock::start(), 42);
        assert_eq!(host.derive_seed("arrival"), RootSeed::new(42).derive("arrival"));
        assert_eq!(host.share().derive_seed("arrival"), host.derive_seed("arrival"));
        assert_ne!(host.derive_seed("arrival"), host.derive_seed("arrivals"));
    }
}
