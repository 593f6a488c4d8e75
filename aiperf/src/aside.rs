//! Somebody on a thread of their own who is told things. Whatever they do, they cannot hold up who tells them: what they
//! have no time for is left out and counted, and who does not come to an end is left behind.

use std::fmt::Display;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Room for what is not to be left out, beside what may wait.
const RESERVE: usize = 8;

/// How long somebody may take to come to an end.
const PATIENCE: Duration = Duration::from_secs(2);

/// Somebody, `S`, who is told things, `T`.
pub struct Aside<T, S> {
    ear: Ear<T>,
    back: Receiver<(S, Option<String>)>,
}

/// Tells somebody. It can be copied, and does not keep them from ending.
pub struct Ear<T> {
    /// Gone when nothing more is to be told.
    things: Arc<Mutex<Option<SyncSender<T>>>>,
    counts: Arc<Counts>,
    /// So many may wait before one that can be left out is.
    room: usize,
}

#[derive(Default)]
struct Counts {
    waiting: AtomicUsize,
    left_out: AtomicU64,
}

/// How somebody came to their end.
#[derive(Debug, PartialEq, Eq)]
pub enum End<S> {
    /// They heard it all.
    Well(S),
    /// They heard nothing more after they failed, and said this.
    Failed(S, String),
    /// Their thread is gone, and they with it.
    Panicked,
    /// They have not come back.
    Hangs,
}

impl<T: Send + 'static, S: Send + 'static> Aside<T, S> {
    /// Puts somebody on a thread of this name, who takes a thing as `hear` says; `room` things may wait for them.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start<E: Display>(
        thread: &str,
        room: usize,
        mut who: S,
        mut hear: impl FnMut(&mut S, T) -> Result<(), E> + Send + 'static,
    ) -> std::io::Result<Self> {
        let (things, told) = sync_channel(room + RESERVE);
        let (done, back) = sync_channel(1);
        let counts = Arc::new(Counts::default());
        let ear = Ear { things: Arc::new(Mutex::new(Some(things))), counts: Arc::clone(&counts), room };
        let work = move || {
            let mut failure = None;
            for thing in told {
                counts.waiting.fetch_sub(1, Ordering::Relaxed);
                if let Err(error) = hear(&mut who, thing) {
                    failure = Some(error.to_string());
                    break;
                }
            }
            // Nobody is there to take them back where the run was given up.
            let _ = done.send((who, failure));
        };
        std::thread::Builder::new().name(thread.to_owned()).spawn(work)?;
        Ok(Self { ear, back })
    }

    /// Tells them.
    pub fn ear(&self) -> &Ear<T> {
        &self.ear
    }

    /// Waits until they have heard it all. Gives them back, and how many things were left out.
    pub fn finish(self) -> (End<S>, u64) {
        self.ear.hush();
        let end = match self.back.recv_timeout(PATIENCE) {
            Ok((who, None)) => End::Well(who),
            Ok((who, Some(failure))) => End::Failed(who, failure),
            Err(RecvTimeoutError::Disconnected) => End::Panicked,
            Err(RecvTimeoutError::Timeout) => End::Hangs,
        };
        (end, self.ear.counts.left_out.load(Ordering::Relaxed))
    }
}

impl<T> Ear<T> {
    /// Something that may be left out where much waits already.
    pub fn mention(&self, thing: T) {
        if self.counts.waiting.load(Ordering::Relaxed) < self.room {
            self.tell(thing);
        } else {
            self.counts.left_out.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Something that is left out only where nothing more can wait. Who has failed, or has ended, is not told.
    pub fn tell(&self, thing: T) {
        let things = self.things.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(things) = &*things else { return };
        self.counts.waiting.fetch_add(1, Ordering::Relaxed);
        if let Err(refused) = things.try_send(thing) {
            self.counts.waiting.fetch_sub(1, Ordering::Relaxed);
            if matches!(refused, std::sync::mpsc::TrySendError::Full(_)) {
                self.counts.left_out.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Nothing more is told by anybody.
    fn hush(&self) {
        *self.things.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl<T> Clone for Ear<T> {
    fn clone(&self) -> Self {
        Self { things: Arc::clone(&self.things), counts: Arc::clone(&self.counts), room: self.room }
    }
}

impl<T, S> Drop for Aside<T, S> {
    fn drop(&mut self) {
        // Who is not waited for still ends.
        self.ear.hush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hears a number when the gate lets it.
    fn gated(room: usize) -> (SyncSender<()>, Aside<u32, Vec<u32>>) {
        let (open, gate) = sync_channel::<()>(0);
        let hear = move |heard: &mut Vec<u32>, number| {
            let _ = gate.recv();
            heard.push(number);
            if number == 13 { Err("bad luck") } else { Ok(()) }
        };
        (open, Aside::start("test", room, Vec::new(), hear).unwrap())
    }

    #[test]
    fn who_is_slow_misses_what_may_be_left_out_and_it_is_counted() {
        let (open, aside) = gated(2);
        // One is taken, two wait: how soon the first is taken decides over one more.
        (0..1000).for_each(|number| aside.ear().mention(number));
        aside.ear().tell(5000);
        drop(open);
        let (End::Well(heard), left_out) = aside.finish() else { panic!("all is well") };
        assert_eq!(heard.last(), Some(&5000));
        assert!((2..=3).contains(&(heard.len() - 1)), "{heard:?}");
        assert_eq!(heard.len() as u64 - 1 + left_out, 1000);
    }

    #[test]
    fn there_is_an_end_to_what_can_wait() {
        let (open, aside) = gated(0);
        (0..1000).for_each(|number| aside.ear().tell(number));
        drop(open);
        let (End::Well(heard), left_out) = aside.finish() else { panic!("all is well") };
        assert!((8..=9).contains(&heard.len()), "{heard:?}");
        assert_eq!(heard.len() as u64 + left_out, 1000);
    }

    #[test]
    fn who_fails_is_given_back_with_what_it_said_and_heard_nothing_more() {
        let (open, aside) = gated(8);
        drop(open);
        [1, 13, 2].into_iter().for_each(|number| aside.ear().tell(number));
        let ear = aside.ear().clone();
        assert_eq!(aside.finish(), (End::Failed(vec![1, 13], "bad luck".to_owned()), 0));
        ear.tell(3);
        ear.mention(4);
    }

    #[test]
    fn who_panics_or_hangs_is_not_waited_for() {
        let aside = Aside::start("test", 1, (), |(), (): ()| -> Result<(), &str> { panic!("a bad day") }).unwrap();
        aside.ear().tell(());
        assert_eq!(aside.finish().0, End::Panicked);
        let (_closed, aside) = gated(1);
        aside.ear().tell(1);
        assert_eq!(aside.finish().0, End::Hangs);
    }
}
