//! Where a calibration is kept between runs, and on which machine it counts. Knows nothing of how it is made.

use std::path::{Path, PathBuf};

use aiperf_abi::{Calibration, Machine};

use crate::export::file::{WriteError, write_whole};
use crate::plugin::discovery::data_folder;

/// Name of the file in the user's data folder.
const FILE: &str = "calibration.json";

/// `calibration.json` in the user's data folder; none where the user has no home.
pub fn path() -> Option<PathBuf> {
    Some(data_folder()?.join(FILE))
}

/// Keeps it, in place of an earlier one.
///
/// # Errors
/// When the folder or the file cannot be written.
pub fn keep(calibration: &Calibration, path: &Path) -> Result<(), WriteError> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|reason| WriteError { path: path.to_owned(), reason })?;
    }
    write_whole(path, format!("{:#}\n", serde_json::json!(calibration)).as_bytes())
}

/// The calibration of this machine, if there is one. One of another machine, or one that cannot be read, is none.
pub fn of_this_machine(path: &Path) -> Option<Calibration> {
    let text = std::fs::read_to_string(path).ok()?;
    match serde_json::from_str::<Calibration>(&text) {
        Ok(kept) => Some(kept).filter(|kept| kept.machine == machine()),
        Err(error) => {
            tracing::warn!("{} is not read: {error}; `aiperf calibrate` makes it anew", path.display());
            None
        }
    }
}

/// This machine.
pub fn machine() -> Machine {
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let named = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    Machine {
        processor: named.map_or(std::env::consts::ARCH, |(_, name)| name.trim()).to_owned(),
        processors: std::thread::available_parallelism().map_or(1, |count| count.get() as u64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_found_again_on_the_same_machine_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/folder").join(FILE);
        assert_eq!(of_this_machine(&path), None);
        let mut made = Calibration { machine: machine(), max_requests_per_second: 1234.5, ..Calibration::default() };
        keep(&made, &path).unwrap();
        assert_eq!(of_this_machine(&path), Some(made.clone()));
        made.machine.processors += 1;
        keep(&made, &path).unwrap();
        assert_eq!(of_this_machine(&path), None);
        std::fs::write(&path, "{").unwrap();
        assert_eq!(of_this_machine(&path), None);
    }
}
