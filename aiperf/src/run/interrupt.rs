//! Signals that ask a run to end: Ctrl-C and termination. A thread of its own counts them, so that they are heard whatever
//! else stands still.

use tokio::sync::watch;

/// The signals, one at a time.
pub struct Interrupts {
    count: watch::Receiver<u32>,
    seen: u32,
}

impl Interrupts {
    /// Those that come from now on.
    pub(super) fn new(count: watch::Receiver<u32>) -> Self {
        let seen = *count.borrow();
        Self { count, seen }
    }

    /// Waits for the next one.
    pub async fn next(&mut self) {
        let seen = self.seen;
        // The thread that counts lives as long as the process.
        let _ = self.count.wait_for(|count| *count > seen).await;
        self.seen += 1;
    }
}

/// Takes over the signals from here on; gives their number.
///
/// # Errors
/// When the system does not let us, or gives no thread.
pub(super) fn listen() -> std::io::Result<watch::Receiver<u32>> {
    let (count, counted) = watch::channel(0);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let mut signals = {
        let _inside = runtime.enter();
        Signals::new()?
    };
    let work = move || {
        runtime.block_on(async {
            loop {
                signals.next().await;
                count.send_modify(|count| *count += 1);
            }
        });
    };
    std::thread::Builder::new().name("aiperf-signals".to_owned()).spawn(work)?;
    Ok(counted)
}

struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    #[cfg(unix)]
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    #[cfg(not(unix))]
    #[expect(clippy::unnecessary_wraps, reason = "as on other systems")]
    fn new() -> std::io::Result<Self> {
        Ok(Self {})
    }

    async fn next(&mut self) {
        #[cfg(unix)]
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
        #[cfg(not(unix))]
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
