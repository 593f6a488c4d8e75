//! The right to send one request. Moved, never copied; comes back exactly once.

/// Stretch of a run a request belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Phase {
    /// Before the measurement; kept apart from the results.
    Warmup,
    /// The measurement.
    Profiling,
}

impl Phase {
    /// The word used in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Warmup => "warmup",
            Self::Profiling => "profiling",
        }
    }
}

/// The right to send one request, and what is known about it before it is sent.
#[derive(Debug)]
pub struct Credit {
    /// Running number in its phase, from 0.
    pub id: u64,
    /// The phase that issued it.
    pub phase: Phase,
    /// Running number of its session in the phase, from 0.
    pub session: u64,
    /// Which conversation of the dataset, by index.
    pub conversation: u64,
    /// Which turn of it, from 0.
    pub turn_index: u32,
    /// When the request was meant to be sent, nanoseconds of the run's clock.
    pub intended_ns: u64,
    /// When to give the request up on purpose, nanoseconds after it was sent; `None`: never.
    pub cancel_after_ns: Option<u64>,
    /// Whether it holds a prefill slot, which is wanted back at the first content of the reply.
    pub holds_prefill_slot: bool,
}
