//! Threads that step back: parsing and counting can wait, a send and the arrival of a byte cannot.

use std::cell::Cell;

thread_local! {
    static STEPS_BACK: Cell<bool> = const { Cell::new(false) };
}

/// Lets every other thread go before this one where there are too few processors. On Linux a nice value belongs to a
/// thread; elsewhere only [`give_way`] is left.
pub fn step_back() {
    STEPS_BACK.set(true);
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(Some(rustix::thread::gettid()), YIELDING) {
        tracing::debug!("a thread keeps its priority: {error}");
    }
}

/// For a thread that steps back, between two pieces of its work: whoever waits for the processor has it now. The system lets a
/// thread that runs go on for milliseconds, whatever its nice value, though one that has to send is awake.
pub fn give_way() {
    if STEPS_BACK.get() {
        std::thread::yield_now();
    }
}

/// Nice value of a thread that steps back.
#[cfg(target_os = "linux")]
const YIELDING: i32 = 10;
