//! `add` and `remove`: putting packages into the user's folder and taking them out.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::text::one_line;
use super::{Failure, Form};
use crate::exit::Exit;
use crate::plugin::discovery;
use crate::plugin::install::{self, Existing, InstallError, Installed};

/// `aiperf plugins add PATH`
pub(super) fn add(path: &Path, force: bool, form: Form) -> Result<Exit, Failure> {
    #[derive(Serialize)]
    struct Document {
        added: Installed,
    }
    let existing = if force { Existing::Replace } else { Existing::Keep };
    let added = install::add(path, &user_folder()?, existing)?;
    form.tell(&Document { added }, |Document { added }| {
        let library = added.library.as_deref().map(|path| format!("with the library {}\n", path.display()));
        let entries = added.entries.iter().map(|(category, name)| format!("  aiperf plugins {category} {name}\n"));
        format!(
            "Added {} {} to {}\n{}\nSee what it offers:\n{}",
            added.name,
            added.version,
            added.folder.display(),
            library.unwrap_or_default(),
            entries.collect::<String>()
        )
    });
    Ok(Exit::Success)
}

/// `aiperf plugins remove NAME`
pub(super) fn remove(name: &str, form: Form) -> Result<Exit, Failure> {
    #[derive(Serialize)]
    struct Document {
        removed: Removed,
    }
    #[derive(Serialize)]
    struct Removed {
        name: String,
        version: String,
        folder: PathBuf,
    }
    let Installed { name, version, folder, .. } = install::remove(name, &user_folder()?)?;
    form.tell(&Document { removed: Removed { name, version, folder } }, |Document { removed }| {
        format!("Removed {} {} from {}\n", removed.name, removed.version, removed.folder.display())
    });
    Ok(Exit::Success)
}

fn user_folder() -> Result<PathBuf, Failure> {
    discovery::user_folder().ok_or_else(|| {
        Failure::saying(Exit::Usage, "there is no folder for the user's packages: no home folder is known")
            .with_hint("set HOME or XDG_DATA_HOME")
    })
}

impl From<InstallError> for Failure {
    fn from(error: InstallError) -> Self {
        match &error {
            InstallError::Faulty(faults) => {
                let details = faults.iter().map(|(_, fault)| one_line(&fault.to_string())).collect();
                Self::saying(Exit::Failed, error.to_string()).with_details(details)
            }
            InstallError::NoManifest(_) | InstallError::Exists { .. } | InstallError::NotInstalled { .. } => {
                Self::new(Exit::Usage, &error)
            }
            InstallError::Io { .. } => Self::new(Exit::Failed, &error),
        }
    }
}
