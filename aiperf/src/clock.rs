//! The only room that reads a clock. One clock per process start: monotonic nanoseconds, and the wall time they stand for.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Monotonic nanoseconds since it was started, with the wall time of that moment. Copies tell the same time.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    anchor: Instant,
    anchor_wall_ns: u64,
}

impl Clock {
    /// A clock whose zero is now.
    #[expect(clippy::disallowed_methods, reason = "this is the room for it")]
    pub fn start() -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { anchor: Instant::now(), anchor_wall_ns: wall.as_nanos() as u64 }
    }

    /// Nanoseconds since the clock was started.
    #[expect(clippy::disallowed_methods, reason = "this is the room for it")]
    pub fn now_ns(self) -> u64 {
        Instant::now().duration_since(self.anchor).as_nanos() as u64
    }

    /// The moment `at_ns` of this clock, as the runtime's timers want it.
    pub fn instant(self, at_ns: u64) -> Instant {
        self.anchor + std::time::Duration::from_nanos(at_ns)
    }

    /// The moment of this clock that is as long ago as the wall time says: for what only the system has stamped. A wall
    /// clock that was set in between is wrong by as much.
    #[expect(clippy::disallowed_methods, reason = "this is the room for it")]
    pub fn at_wall(self, wall_ns: u64) -> u64 {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let age = (wall.as_nanos() as u64).saturating_sub(wall_ns);
        self.now_ns().saturating_sub(age)
    }

    /// Nanoseconds since the Unix epoch at `at_ns` of this clock.
    pub fn wall_ns(self, at_ns: u64) -> u64 {
        self.anchor_wall_ns + at_ns
    }
}
