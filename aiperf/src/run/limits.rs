//! What the system allows this process: as many open files as it may have, because every connection is one.

/// Raises the limit of open files to what this process may set without asking anybody. Where that fails, the limit stays;
/// the audit compares it with what the run needs.
pub fn raise_open_files() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        if current != maximum
            && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })
        {
            tracing::debug!("the limit of open files stays: {error}");
        }
    }
}

/// Whether the system lets this process open what every run needs: a few pipes and sockets of its own, and its results.
///
/// # Errors
/// When it does not.
pub fn enough_open_files() -> std::io::Result<()> {
    let mut held = Vec::with_capacity(LEAST_FILES);
    let tried = if cfg!(unix) { LEAST_FILES } else { 0 };
    for _ in 0..tried {
        held.push(std::fs::File::open("/dev/null")?);
    }
    Ok(())
}

/// Open files that a run needs before its first connection, with some to spare.
const LEAST_FILES: usize = 32;

/// Open files kept back for the results: connections may take every other one, and what was measured must still be written.
pub struct Reserve {
    _held: Vec<std::fs::File>,
}

impl Reserve {
    /// Files that are open at the same time at the end of a run, several times over.
    const FILES: usize = 16;

    /// Keeps some back until it is dropped; as many as there are.
    pub fn take() -> Self {
        Self { _held: (0..Self::FILES).map_while(|_| std::fs::File::open("/dev/null").ok()).collect() }
    }
}
