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
