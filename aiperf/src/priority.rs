//! Threads that step back: parsing and counting can wait, a send and the arrival of a byte cannot.

/// Lets every other thread go before this one where there are too few processors. On Linux a nice value belongs to a
/// thread; elsewhere nothing is done.
pub fn step_back() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(Some(rustix::thread::gettid()), YIELDING) {
        tracing::debug!("a thread keeps its priority: {error}");
    }
}

/// Nice value of a thread that steps back.
#[cfg(target_os = "linux")]
const YIELDING: i32 = 10;
