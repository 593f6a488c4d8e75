//! The calls into libraries that are under way. Every thread writes down its own, without a lock and without a clock: a few
//! plain stores. Whoever watches reads them all, and ends the waiting for one that does not come back. How long is too
//! long is not decided here.

use std::cell::RefCell;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;

use crate::author::error::{Error, ErrorKind, Result};

/// The name of a method, where every thread can find it.
pub(crate) type Method = &'static &'static str;

/// What a thread is doing in a library. Only its own thread writes.
struct Slot {
    thread: ThreadId,
    /// Another one after every beginning, end and sign of life.
    number: AtomicU64,
    /// Whose method: a place in [`WHOSE`].
    whose: AtomicU32,
    /// Null while the thread is in no library.
    method: AtomicPtr<&'static str>,
    /// Ends the waiting for a call that another thread makes for this one.
    waiting: Mutex<Option<Leave>>,
}

type Leave = Box<dyn FnOnce(Error) + Send>;

/// The slots of all threads that have called a library. Whoever looks on has no other way to them.
static SLOTS: Mutex<Vec<Arc<Slot>>> = Mutex::new(Vec::new());

/// Everybody who was ever called, once each.
static WHOSE: Mutex<Vec<Arc<str>>> = Mutex::new(Vec::new());

/// A thread's own slot, taken out of the list with the thread.
struct Own(Arc<Slot>);

impl Own {
    fn new() -> Self {
        let slot = Arc::new(Slot {
            thread: std::thread::current().id(),
            number: AtomicU64::new(0),
            whose: AtomicU32::new(0),
            method: AtomicPtr::new(null_mut()),
            waiting: Mutex::new(None),
        });
        lock(&SLOTS).push(Arc::clone(&slot));
        Self(slot)
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        lock(&SLOTS).retain(|slot| !Arc::ptr_eq(slot, &self.0));
    }
}

thread_local! {
    static OWN: Own = Own::new();
    /// The thread that makes this one's calls aside.
    static HAND: RefCell<Option<Sender<Job>>> = const { RefCell::new(None) };
}

type Job = Box<dyn FnOnce() + Send>;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The number under which somebody's calls are written down.
pub(crate) fn number_of(name: &str) -> u32 {
    let mut all = lock(&WHOSE);
    let place = all.iter().position(|known| **known == *name).unwrap_or_else(|| {
        all.push(name.into());
        all.len() - 1
    });
    u32::try_from(place).unwrap_or(u32::MAX)
}

impl Slot {
    /// The thread is in this method until the end of what is given back; then where it was before.
    fn enter(&self, whose: u32, method: Method) -> Inside<'_> {
        let before = (self.whose.load(Ordering::Relaxed), self.method.load(Ordering::Relaxed));
        self.set((whose, std::ptr::from_ref(method).cast_mut()));
        Inside { slot: self, before }
    }

    fn set(&self, (whose, method): (u32, *mut &'static str)) {
        self.whose.store(whose, Ordering::Relaxed);
        self.method.store(method, Ordering::Relaxed);
        self.count();
    }

    fn count(&self) {
        self.number.store(self.number.load(Ordering::Relaxed).wrapping_add(1), Ordering::Release);
    }
}

struct Inside<'a> {
    slot: &'a Slot,
    before: (u32, *mut &'static str),
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.slot.set(self.before);
    }
}

/// Runs a call on this thread, written down.
pub(crate) fn noted<T>(whose: u32, method: Method, body: impl FnOnce() -> T) -> T {
    let mut body = Some(body);
    let noted = OWN.try_with(|own| {
        let _inside = own.0.enter(whose, method);
        body.take().map(|body| body())
    });
    // Not while the thread ends.
    noted.ok().flatten().unwrap_or_else(|| body.take().expect("it has not been called")())
}

/// The call under way on this thread does something for the host: it is not stuck.
pub(crate) fn sign_of_life() {
    let _ = OWN.try_with(|own| own.0.count());
}

/// Runs a call on another thread and waits for it: it can be left behind, with all it has been given.
///
/// # Errors
/// What [`Call::leave_behind`] was told, if that was called.
pub(crate) fn aside<T: Send + 'static>(
    whose: u32,
    method: Method,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T> {
    let (done, answer) = channel();
    let leave = done.clone();
    OWN.with(|own| {
        let slot = &own.0;
        let _inside = slot.enter(whose, method);
        *lock(&slot.waiting) = Some(Box::new(move |error| drop(leave.send(Err(error)))));
        give_to_hand(Box::new(move || drop(done.send(Ok(work())))));
        let answered = answer.recv();
        // Nobody else ends a waiting that is over.
        let was_left = lock(&slot.waiting).take().is_none();
        if was_left {
            HAND.with(|hand| *hand.borrow_mut() = None);
        }
        answered.unwrap_or_else(|_| Err(Error::new(ErrorKind::Other, "its thread is gone")))
    })
}

/// Gives work to the thread that does it for this one; starts it where there is none. It has the priority of this one.
fn give_to_hand(job: Job) {
    HAND.with(|hand| {
        let mut hand = hand.borrow_mut();
        let unsent = match &*hand {
            Some(sender) => sender.send(job).err().map(|unsent| unsent.0),
            None => Some(job),
        };
        let Some(job) = unsent else { return };
        let (sender, jobs) = channel::<Job>();
        let work = move || jobs.into_iter().for_each(|job| job());
        match std::thread::Builder::new().name("aiperf-plugin".to_owned()).spawn(work) {
            Ok(_) => {
                let _ = sender.send(job);
                *hand = Some(sender);
            }
            // The system gives no thread: then it is waited for.
            Err(_) => job(),
        }
    });
}

/// A call that was under way when somebody looked.
#[derive(Clone)]
pub struct Call {
    slot: Arc<Slot>,
    number: u64,
    whose: Arc<str>,
    method: &'static str,
}

impl Call {
    /// The thread that waits for its end.
    pub fn thread(&self) -> ThreadId {
        self.slot.thread
    }

    /// Tells it from every other call, and from itself after a sign of life.
    pub fn id(&self) -> (ThreadId, u64) {
        (self.slot.thread, self.number)
    }

    /// Ends the waiting for it with an error, where another thread makes the call. The other is left behind for good.
    /// False: the thread itself is in it.
    pub fn leave_behind(&self, error: Error) -> bool {
        let mut waiting = lock(&self.slot.waiting);
        if self.slot.number.load(Ordering::Acquire) != self.number {
            return true;
        }
        match waiting.take() {
            Some(leave) => {
                leave(error);
                true
            }
            None => false,
        }
    }
}

impl std::fmt::Display for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, {}", self.whose, self.method)
    }
}

impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self} ({:?})", self.id())
    }
}

/// All calls under way, on whatever thread.
pub fn under_way() -> Vec<Call> {
    let (slots, whose) = (lock(&SLOTS).clone(), lock(&WHOSE));
    let seen = slots.into_iter().filter_map(|slot| {
        let number = slot.number.load(Ordering::Acquire);
        let (place, method) = (slot.whose.load(Ordering::Relaxed), slot.method.load(Ordering::Relaxed));
        // SAFETY: what is not null came from a `Method`, which lives for ever and is never written.
        let method = unsafe { method.cast_const().as_ref() }?;
        let whose = Arc::clone(whose.get(place as usize)?);
        // One that has gone on in the meantime is seen the next time.
        (slot.number.load(Ordering::Acquire) == number).then_some(Call { slot, number, whose, method })
    });
    seen.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls_of(name: &str) -> Vec<Call> {
        under_way().into_iter().filter(|call| *call.whose == *name).collect()
    }

    #[test]
    fn a_call_is_seen_from_its_beginning_to_its_end_and_the_outer_one_again_after_the_inner() {
        let (outer, inner) = (number_of("outer"), number_of("inner"));
        assert_eq!((number_of("outer"), calls_of("outer").len()), (outer, 0));
        noted(outer, &"load", || {
            let first = calls_of("outer");
            assert_eq!(first[0].to_string(), "outer, load");
            noted(inner, &"push", || assert!(calls_of("outer").is_empty() && calls_of("inner").len() == 1));
            let again = calls_of("outer");
            assert_ne!(again[0].id(), first[0].id(), "it was not stuck");
            sign_of_life();
            assert_ne!(calls_of("outer")[0].id(), again[0].id());
            assert!(!calls_of("outer")[0].leave_behind(Error::msg("late")), "this thread is in it");
        });
        assert!(calls_of("outer").is_empty());
    }

    #[test]
    fn a_call_aside_is_answered_and_one_that_hangs_is_left_behind() {
        let number = number_of("aside");
        assert_eq!(aside(number, &"count", || 7).unwrap(), 7);
        let (let_go, held) = channel::<()>();
        let looking = std::thread::spawn(|| {
            loop {
                if let Some(call) = calls_of("aside").pop() {
                    return call.leave_behind(Error::msg("too late"));
                }
                std::thread::yield_now();
            }
        });
        let error = aside(number, &"hang", move || held.recv().is_ok()).unwrap_err();
        assert!(looking.join().unwrap() && error.to_string() == "too late");
        assert_eq!(aside(number, &"count", || 8).unwrap(), 8, "another thread does it now");
        drop(let_go);
    }
}
