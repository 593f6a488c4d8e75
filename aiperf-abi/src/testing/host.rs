//! A host for tests: its clock stands until it is moved, it keeps what is logged, and it counts who holds on to it.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::{MOCK_NOW_NS, lock};
use crate::author::context::{Host, Level};

/// A host whose clock stands at [`MOCK_NOW_NS`] until it is moved, whose seeds derive from 42, and which keeps what is logged.
/// Clones and shares are the same host.
///
/// ```
/// use aiperf_abi::testing::{MOCK_NOW_NS, MockHost};
/// use aiperf_abi::{Host, Level};
///
/// let host = MockHost::default();
/// let kept = host.share();
/// host.advance(500);
/// kept.log(Level::Warn, "half a microsecond later");
/// assert_eq!((kept.now_ns(), host.logs().len(), host.handles()), (MOCK_NOW_NS + 500, 1, 1));
/// drop(kept);
/// assert_eq!(host.handles(), 0);
/// ```
#[derive(Debug, Clone, Default)]
pub struct MockHost {
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    logs: Mutex<Vec<(Level, String)>>,
    passed_ns: AtomicU64,
    handles: AtomicUsize,
}

impl MockHost {
    /// Everything logged so far.
    pub fn logs(&self) -> Vec<(Level, String)> {
        lock(&self.state.logs).clone()
    }

    /// Moves the clock forward by so many nanoseconds.
    pub fn advance(&self, by_ns: u64) {
        self.state.passed_ns.fetch_add(by_ns, Ordering::Relaxed);
    }

    /// How many handles that were given to plugins are still held.
    pub fn handles(&self) -> usize {
        self.state.handles.load(Ordering::SeqCst)
    }
}

impl Host for MockHost {
    fn log_enabled(&self, _: Level) -> bool {
        true
    }

    fn log(&self, level: Level, message: &str) {
        lock(&self.state.logs).push((level, message.to_owned()));
    }

    fn now_ns(&self) -> u64 {
        MOCK_NOW_NS + self.state.passed_ns.load(Ordering::Relaxed)
    }

    fn derive_seed(&self, purpose: &str) -> u64 {
        purpose.bytes().fold(42, |seed, byte| seed.wrapping_mul(31).wrapping_add(byte.into()))
    }

    fn share(&self) -> Box<dyn Host> {
        self.state.handles.fetch_add(1, Ordering::SeqCst);
        Box::new(Handle(self.clone()))
    }
}

/// What a plugin holds of it.
struct Handle(MockHost);

impl Host for Handle {
    fn log_enabled(&self, level: Level) -> bool {
        self.0.log_enabled(level)
    }

    fn log(&self, level: Level, message: &str) {
        self.0.log(level, message);
    }

    fn now_ns(&self) -> u64 {
        self.0.now_ns()
    }

    fn derive_seed(&self, purpose: &str) -> u64 {
        self.0.derive_seed(purpose)
    }

    fn share(&self) -> Box<dyn Host> {
        self.0.share()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.state.handles.fetch_sub(1, Ordering::SeqCst);
    }
}
