//! Whose files a package is made of: code that others can change is not run. Looks at owners and permissions only.

#[cfg(unix)]
use std::collections::BTreeSet;
use std::path::Path;

use super::fault::Problem;

/// Whose packages are used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Trust {
    /// Those that nobody but the user and the system's administrator can write.
    #[default]
    OwnFiles,
    /// Any: `--allow-insecure-plugin-path`.
    AnyFiles,
}

/// Whether nobody else can change these files, or put others in their place. Paths are canonical.
#[cfg(unix)]
pub(super) fn check<'a>(files: impl IntoIterator<Item = &'a Path> + Clone) -> Result<(), Problem> {
    let own: BTreeSet<&Path> = files.clone().into_iter().flat_map(|file| file.ancestors().take(2)).collect();
    // Who can write a folder above can move the package away and put another there.
    let above: BTreeSet<&Path> = files.into_iter().flat_map(|file| file.ancestors().skip(2)).collect();
    for path in &own {
        examined(path, judge)?;
    }
    for path in above.difference(&own) {
        examined(path, |status| open_to_all(status).then(|| "can be written by everybody".to_owned()))?;
    }
    Ok(())
}

/// Nothing is known of permissions here, and no library is loaded either.
#[cfg(not(unix))]
pub(super) fn check<'a>(_: impl IntoIterator<Item = &'a Path>) -> Result<(), Problem> {
    Ok(())
}

/// What is looked at.
#[cfg(unix)]
struct Status {
    owner: u32,
    group: u32,
    mode: u32,
}

#[cfg(unix)]
fn examined(path: &Path, judge: impl FnOnce(&Status) -> Option<String>) -> Result<(), Problem> {
    use std::os::unix::fs::MetadataExt;
    let found = path.metadata().map_err(Problem::Unreadable)?;
    match judge(&Status { owner: found.uid(), group: found.gid(), mode: found.mode() }) {
        Some(why) => Err(Problem::Insecure { path: path.to_owned(), why }),
        None => Ok(()),
    }
}

#[cfg(unix)]
fn judge(status: &Status) -> Option<String> {
    judge_for(rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw(), status)
}

#[cfg(unix)]
fn judge_for(user: u32, group: u32, status: &Status) -> Option<String> {
    const GROUP_WRITES: u32 = 0o020;
    match status {
        Status { owner, .. } if *owner != user && *owner != 0 => Some(format!("belongs to another user ({owner})")),
        status if open_to_all(status) => Some("can be written by everybody".to_owned()),
        // One's own group is often nobody but oneself.
        Status { group: one, mode, .. } if mode & GROUP_WRITES != 0 && *one != group && *one != 0 => {
            Some(format!("can be written by the group {one}"))
        }
        _ => None,
    }
}

/// Writable by everybody, and not a folder in which each can only touch what is theirs.
#[cfg(unix)]
fn open_to_all(status: &Status) -> bool {
    const ALL_WRITE: u32 = 0o002;
    const STICKY: u32 = 0o1000;
    status.mode & ALL_WRITE != 0 && status.mode & STICKY == 0
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn told(owner: u32, group: u32, mode: u32) -> Option<String> {
        judge_for(1000, 1000, &Status { owner, group, mode })
    }

    #[test]
    fn what_nobody_else_can_write_is_trusted() {
        for (owner, group, mode) in [(1000, 1000, 0o755), (1000, 1000, 0o775), (0, 0, 0o644), (0, 0, 0o1777)] {
            assert_eq!(told(owner, group, mode), None, "{owner} {group} {mode:o}");
        }
    }

    #[test]
    fn what_others_can_write_is_not() {
        assert_eq!(told(1001, 1000, 0o644).unwrap(), "belongs to another user (1001)");
        assert_eq!(told(1000, 100, 0o664).unwrap(), "can be written by the group 100");
        assert_eq!(told(0, 0, 0o666).unwrap(), "can be written by everybody");
    }
}
