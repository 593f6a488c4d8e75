//! What the user prefers, remembered in one file: which package has a name, and which packages take no part. Knows no
//! package; that what is preferred exists is found out by the registry.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use serde::{Deserialize, Serialize};

use super::name;

/// First line of the file, for who opens it.
const HEAD: &str = "# Written by `aiperf plugins use`, `enable` and `disable`.\n";

/// What is remembered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preferences {
    /// Category → name → package.
    #[serde(rename = "use", default)]
    uses: BTreeMap<String, BTreeMap<String, String>>,
    /// Packages that take no part.
    #[serde(default)]
    disabled: BTreeSet<String>,
}

/// Why they cannot be read or kept.
#[derive(Debug, thiserror::Error)]
pub enum PreferencesError {
    /// The file is not what was written.
    #[error("{}: {error}; correct it, or remove it to forget all choices", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// What is wrong, with its place.
        error: String,
    },
    /// The file system would not.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What it said.
        #[source]
        error: io::Error,
    },
}

/// The file they are remembered in: `$XDG_CONFIG_HOME/aiperf/plugins.yaml`.
pub fn user_file() -> Option<PathBuf> {
    let strategy = etcetera::base_strategy::choose_native_strategy().ok()?;
    Some(strategy.config_dir().join("aiperf").join("plugins.yaml"))
}

impl Preferences {
    /// Reads what is remembered; nothing, where there is no file.
    ///
    /// # Errors
    /// When the file is there and cannot be read or understood.
    pub fn read(path: &Path) -> Result<Self, PreferencesError> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(PreferencesError::Io { path: path.to_owned(), error }),
        };
        serde_yaml::from_str::<Option<Self>>(&text)
            .map(Option::unwrap_or_default)
            .map_err(|error| PreferencesError::Broken { path: path.to_owned(), error: error.to_string() })
    }

    /// Writes them, whole or not at all.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn write(&self, path: &Path) -> Result<(), PreferencesError> {
        let at = |path: &Path| {
            let path = path.to_owned();
            move |error| PreferencesError::Io { path, error }
        };
        let text = HEAD.to_owned() + &serde_yaml::to_string(self).expect("names are YAML");
        let folder = path.parent().unwrap_or(path);
        let new = path.with_extension(format!("new-{}", std::process::id()));
        std::fs::create_dir_all(folder).map_err(at(folder))?;
        std::fs::write(&new, text).map_err(at(&new))?;
        std::fs::rename(&new, path).map_err(at(path))
    }

    /// Remembers that a name of a category means what a package offers.
    pub fn remember(&mut self, category: &str, name: &str, package: &str) {
        self.forget(category, name);
        self.uses.entry(category.to_owned()).or_default().insert(name.to_owned(), package.to_owned());
    }

    /// Forgets it; gives the package that was remembered.
    pub fn forget(&mut self, category: &str, name: &str) -> Option<String> {
        let names = self.uses.get_mut(category)?;
        let known = names.keys().find(|known| name::same(known, name))?.clone();
        let package = names.remove(&known);
        if names.is_empty() {
            self.uses.remove(category);
        }
        package
    }

    /// Leaves a package out from now on; whether it took part until now.
    pub fn disable(&mut self, package: &str) -> bool {
        !self.is_disabled(package) && self.disabled.insert(package.to_owned())
    }

    /// Lets a package take part again; whether it did not until now.
    pub fn enable(&mut self, package: &str) -> bool {
        let before = self.disabled.len();
        self.disabled.retain(|disabled| !name::same(disabled, package));
        self.disabled.len() < before
    }

    /// Whether a package takes no part.
    pub fn is_disabled(&self, package: &str) -> bool {
        self.disabled.iter().any(|disabled| name::same(disabled, package))
    }

    /// The packages that take no part.
    pub fn disabled(&self) -> impl Iterator<Item = &str> + Clone {
        self.disabled.iter().map(String::as_str)
    }

    /// (category, name, package) of every choice.
    pub fn uses(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.uses.iter().flat_map(|(category, names)| {
            names.iter().map(move |(name, package)| (category.as_str(), name.as_str(), package.as_str()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_comes_back_and_what_is_forgotten_does_not() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("deep/plugins.yaml");
        assert_eq!(Preferences::read(&file).unwrap(), Preferences::default());
        let mut wanted = Preferences::default();
        wanted.remember("endpoint", "nim_rankings", "one");
        wanted.remember("endpoint", "NIM-Rankings", "two");
        assert!(wanted.disable("my-plugins") && !wanted.disable("My_Plugins"));
        wanted.write(&file).unwrap();
        let mut read = Preferences::read(&file).unwrap();
        assert_eq!(read.uses().collect::<Vec<_>>(), [("endpoint", "NIM-Rankings", "two")]);
        assert!(read.is_disabled("my_plugins"));
        assert_eq!(read.forget("endpoint", "nim-rankings").as_deref(), Some("two"));
        assert!(read.enable("my_plugins") && !read.enable("my_plugins"));
        assert_eq!(read, Preferences::default());
        assert_eq!(std::fs::read_dir(place.path().join("deep")).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn a_file_that_was_edited_wrongly_is_an_error_with_its_place() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("plugins.yaml");
        std::fs::write(&file, "use:\n  endpoint: {chat: x}\nuses: {}\n").unwrap();
        let told = Preferences::read(&file).unwrap_err().to_string();
        assert!(told.contains("unknown field `uses`") && told.contains("line 3"), "{told}");
    }
}
