//! Which of our own connections a request may go over: everybody's, a new one, or that of its session. Sends nothing.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::clients::{IDLE, Reuse, SESSION_IDLE, SESSIONS_FIRST_LOOK};
use super::connection::Connection;
use crate::clock::Clock;

/// Those that are open and free.
pub(super) struct Connections {
    reuse: Reuse,
    clock: Clock,
    free: Mutex<Free>,
}

struct Free {
    /// By server, and by session where each has its own; the one that was used last is the last.
    all: HashMap<String, VecDeque<Kept>>,
    next_look: usize,
}

struct Kept {
    connection: Connection,
    since_ns: u64,
}

impl Connections {
    pub(super) fn new(reuse: Reuse, clock: Clock) -> Self {
        Self { reuse, clock, free: Mutex::new(Free { all: HashMap::new(), next_look: SESSIONS_FIRST_LOOK }) }
    }

    /// Where connections to a server are kept for a request of a session.
    pub(super) fn place(&self, server: &str, session: Option<&str>) -> String {
        match session.filter(|_| self.reuse == Reuse::StickyUserSessions) {
            Some(session) => format!("{server} {session}"),
            None => server.to_owned(),
        }
    }

    /// One that is free, the last one used first.
    pub(super) async fn take(&self, place: &str) -> Option<Connection> {
        loop {
            let Kept { mut connection, since_ns } = self.lock().all.get_mut(place)?.pop_back()?;
            if self.clock.now_ns().saturating_sub(since_ns) < self.idle_ns() && connection.is_free().await {
                return Some(connection);
            }
        }
    }

    /// Keeps one that has done its request, if it may be used again.
    pub(super) async fn keep(&self, place: String, mut connection: Connection) {
        if self.reuse == Reuse::Never || !connection.is_free().await {
            return;
        }
        let since_ns = self.clock.now_ns();
        let (most, oldest) = (self.most(), since_ns.saturating_sub(self.idle_ns()));
        let mut free = self.lock();
        free.make_room(oldest);
        let kept = free.all.entry(place).or_default();
        while kept.len() >= most || kept.front().is_some_and(|first| first.since_ns < oldest) {
            kept.pop_front();
        }
        kept.push_back(Kept { connection, since_ns });
    }

    /// A pause between turns may be long, and the connection is what ties the session to its server.
    fn idle_ns(&self) -> u64 {
        let idle = if self.reuse == Reuse::StickyUserSessions { SESSION_IDLE } else { IDLE };
        idle.as_nanos() as u64
    }

    fn most(&self) -> usize {
        if self.reuse == Reuse::StickyUserSessions { 1 } else { usize::MAX }
    }

    fn lock(&self) -> MutexGuard<'_, Free> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Free {
    /// Forgets sessions that are over, each time their number has doubled.
    fn make_room(&mut self, oldest: u64) {
        if self.all.len() < self.next_look {
            return;
        }
        self.all.retain(|_, kept| kept.back().is_some_and(|last| last.since_ns >= oldest));
        self.next_look = SESSIONS_FIRST_LOOK.max(2 * self.all.len());
    }
}
