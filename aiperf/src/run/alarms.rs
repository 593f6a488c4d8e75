//! Moments that requests wait for which were made ahead of them. Rung by the pacing thread.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// The moments that are waited for.
#[derive(Debug, Default)]
pub(super) struct Alarms {
    all: Mutex<BinaryHeap<Reverse<Alarm>>>,
}

/// A moment, nanoseconds of the run's clock, and who waits for it.
#[derive(Debug)]
struct Alarm {
    at_ns: u64,
    bell: oneshot::Sender<()>,
}

impl Alarms {
    /// Sets one. Returns what ends at its moment, and whether it is now the first of all.
    pub(super) fn set(&self, at_ns: u64) -> (oneshot::Receiver<()>, bool) {
        let (bell, rung) = oneshot::channel();
        let mut all = self.lock();
        let is_first = all.peek().is_none_or(|Reverse(first)| at_ns < first.at_ns);
        all.push(Reverse(Alarm { at_ns, bell }));
        (rung, is_first)
    }

    /// The first moment.
    pub(super) fn next_ns(&self) -> Option<u64> {
        self.lock().peek().map(|Reverse(alarm)| alarm.at_ns)
    }

    /// Rings all whose moment has come.
    pub(super) fn ring(&self, now_ns: u64) {
        let mut all = self.lock();
        while all.peek().is_some_and(|Reverse(alarm)| alarm.at_ns <= now_ns) {
            if let Some(Reverse(alarm)) = all.pop() {
                // Who gave up waiting is not missed.
                let _ = alarm.bell.send(());
            }
        }
    }

    /// How many wait.
    pub(super) fn len(&self) -> u64 {
        self.lock().len() as u64
    }

    fn lock(&self) -> MutexGuard<'_, BinaryHeap<Reverse<Alarm>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ord for Alarm {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.at_ns.cmp(&other.at_ns)
    }
}

impl PartialOrd for Alarm {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Alarm {
    fn eq(&self, other: &Self) -> bool {
        self.at_ns == other.at_ns
    }
}

impl Eq for Alarm {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rings_at_its_moment_and_the_first_is_known() {
        let alarms = Alarms::default();
        let (mut late, first) = alarms.set(30);
        assert!(first);
        let (mut soon, first) = alarms.set(10);
        assert!(first);
        let (mut between, first) = alarms.set(20);
        assert!(!first);
        assert_eq!((alarms.next_ns(), alarms.len()), (Some(10), 3));
        alarms.ring(9);
        assert!(soon.try_recv().is_err());
        alarms.ring(20);
        assert!(soon.try_recv().is_ok() && between.try_recv().is_ok() && late.try_recv().is_err());
        assert_eq!((alarms.next_ns(), alarms.len()), (Some(30), 1));
        drop(late);
        alarms.ring(30);
        assert_eq!(alarms.next_ns(), None);
    }
}
