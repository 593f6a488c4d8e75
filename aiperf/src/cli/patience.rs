//! A command on a thread of its own, which is left behind where nothing else helps: a plugin does not come back before
//! anybody else could mind it, or the user wants out and is not heard.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use super::failure::Failure;
use crate::exit::Exit;
use crate::run::watchdog::Watchdog;

/// Between two looks at what happens elsewhere.
const LOOK: Duration = Duration::from_millis(200);

/// Looks after the second Ctrl-C while the command may still leave in order.
const LOOKS: u32 = 10;

/// As much as the first thread of a process has.
const STACK: usize = 8 << 20;

/// Runs a command and waits for it, but not for ever.
///
/// # Errors
/// Those of the command, and when it was left behind.
pub(super) fn patiently(
    watchdog: &Watchdog,
    command: impl FnOnce() -> Result<Exit, Failure> + Send + 'static,
) -> Result<Exit, Failure> {
    let (done, ended) = channel();
    let work = move || drop(done.send(command()));
    let thread = std::thread::Builder::new().name("aiperf-run".to_owned()).stack_size(STACK).spawn(work);
    let thread = thread.map_err(|error| Failure::saying(Exit::Failed, format!("cannot start a thread: {error}")))?;
    let mut looks = 0;
    loop {
        match ended.recv_timeout(LOOK) {
            Ok(result) => return result,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => match thread.join() {
                Ok(()) => unreachable!("a command that ends says so"),
                Err(panic) => std::panic::resume_unwind(panic),
            },
        }
        if let Some(stuck) = watchdog.unminded() {
            return Err(Failure::new(Exit::Plugin, &stuck).with_hint("nothing was sent"));
        }
        // The first asks for an orderly end, the second for one at once.
        looks += u32::from(watchdog.asked() > 1);
        if looks > LOOKS {
            let words = "interrupted: what does not come back was left behind, what was written until then is kept";
            return Err(Failure::saying(Exit::Interrupted, words));
        }
    }
}
