//! Where manifests are looked for, and in which order. Finds files and folders; reads none of them.
//!
//! First the command line, then `AIPERF_PLUGIN_PATH`, the user's data folder, the folder beside the program, the
//! system's data folders; inside a folder by name. Never the current directory.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;

use super::fault::{Fault, Problem};
use super::manifest::FILE_NAME;
use super::trust::Trust;

/// Paths of packages, in the platform's form of a list.
pub const PATH_VARIABLE: &str = "AIPERF_PLUGIN_PATH";

/// `off` turns discovery off.
pub const SWITCH_VARIABLE: &str = "AIPERF_PLUGINS";

/// How a place came to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// `--plugin-path`
    Flag,
    /// `AIPERF_PLUGIN_PATH`
    Environment,
    /// The user's data folder, where `aiperf plugins add` puts packages.
    User,
    /// `../lib/aiperf/plugins`, seen from the program.
    Program,
    /// The system's data folders.
    System,
    /// The program that uses this crate named it.
    Given,
}

/// Where to look, in order.
#[derive(Debug, Clone, Default)]
pub struct DiscoveryOptions {
    places: Vec<Place>,
    trust: Trust,
}

#[derive(Debug, Clone)]
struct Place {
    origin: Origin,
    path: PathBuf,
}

/// Why it cannot be said where to look.
#[derive(Debug, thiserror::Error)]
pub enum DiscoveryError {
    /// A path of `--plugin-path` leads nowhere.
    #[error("--plugin-path {}: no such file or folder", .0.display())]
    NoSuchPath(PathBuf),
    /// The switch has a value it does not take.
    #[error("{SWITCH_VARIABLE}={0}: takes `on` or `off`")]
    Switch(String),
}

/// What discovery needs to know of the process: its environment, its program, its user's home.
pub struct Surroundings<'a> {
    /// An environment variable.
    pub variable: &'a dyn Fn(&str) -> Option<OsString>,
    /// The running program.
    pub program: Option<PathBuf>,
    /// The folder of the user's packages.
    pub user: Option<PathBuf>,
}

/// The manifests that were found, and the places that should have had one.
#[derive(Debug, Default)]
pub struct Found {
    /// In the order in which they count.
    pub manifests: Vec<Candidate>,
    /// Paths somebody gave where nothing is.
    pub faults: Vec<Fault>,
}

/// A manifest file and how it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The manifest.
    pub manifest: PathBuf,
    /// How it was found.
    pub origin: Origin,
}

/// What aiperf keeps for this user: `$XDG_DATA_HOME/aiperf`, on macOS in `~/Library/Application Support`.
pub fn data_folder() -> Option<PathBuf> {
    let strategy = etcetera::base_strategy::choose_native_strategy().ok()?;
    Some(strategy.data_dir().join("aiperf"))
}

/// The folder of the user's packages, in the data folder.
pub fn user_folder() -> Option<PathBuf> {
    Some(data_folder()?.join("plugins"))
}

impl DiscoveryOptions {
    /// Nowhere: only what is built in.
    pub fn nowhere() -> Self {
        Self::default()
    }

    /// The same places, with this answer to whose packages are used.
    pub fn trusting(self, trust: Trust) -> Self {
        Self { trust, ..self }
    }

    /// Whose packages are used.
    pub fn trust(&self) -> Trust {
        self.trust
    }

    /// Whether nothing but what is built in takes part.
    pub fn is_nowhere(&self) -> bool {
        self.places.is_empty()
    }

    /// The places of this process; `paths` are those of `--plugin-path`.
    ///
    /// # Errors
    /// When a path of `--plugin-path` leads nowhere, or `AIPERF_PLUGINS` is neither on nor off.
    pub fn of_process(paths: &[PathBuf]) -> Result<Self, DiscoveryError> {
        let surroundings = Surroundings {
            variable: &|name| std::env::var_os(name),
            program: std::env::current_exe().ok(),
            user: user_folder(),
        };
        Self::new(paths, &surroundings)
    }

    /// The places of some surroundings.
    ///
    /// # Errors
    /// As [`DiscoveryOptions::of_process`].
    pub fn new(paths: &[PathBuf], surroundings: &Surroundings<'_>) -> Result<Self, DiscoveryError> {
        if let Some(missing) = paths.iter().find(|path| !path.exists()) {
            return Err(DiscoveryError::NoSuchPath(missing.clone()));
        }
        let variable = |name| (surroundings.variable)(name).filter(|value| !value.is_empty());
        if let Some(switch) = variable(SWITCH_VARIABLE) {
            match switch.to_string_lossy().to_lowercase().as_str() {
                "on" | "1" | "true" => {}
                "off" | "0" | "false" => return Ok(Self::nowhere()),
                _ => return Err(DiscoveryError::Switch(switch.to_string_lossy().into_owned())),
            }
        }
        let list = |name| variable(name).map(|v| std::env::split_paths(&v).collect::<Vec<_>>()).unwrap_or_default();
        let mut places = Vec::new();
        let mut add = |origin, path: PathBuf| {
            // A relative path from the environment would depend on the current directory.
            if origin == Origin::Flag || path.is_absolute() {
                places.push(Place { origin, path });
            }
        };
        paths.iter().for_each(|path| add(Origin::Flag, path.clone()));
        list(PATH_VARIABLE).into_iter().for_each(|path| add(Origin::Environment, path));
        surroundings.user.iter().for_each(|path| add(Origin::User, path.clone()));
        let prefix = surroundings.program.as_deref().and_then(Path::parent).and_then(Path::parent);
        prefix.into_iter().for_each(|prefix| add(Origin::Program, prefix.join("lib/aiperf/plugins")));
        let data = match list("XDG_DATA_DIRS") {
            dirs if dirs.is_empty() => vec!["/usr/local/share".into(), "/usr/share".into()],
            dirs => dirs,
        };
        data.into_iter().for_each(|path| add(Origin::System, path.join("aiperf/plugins")));
        ["/usr/local/lib", "/usr/lib"]
            .iter()
            .for_each(|path| add(Origin::System, Path::new(path).join("aiperf/plugins")));
        Ok(Self { places, trust: Trust::default() })
    }

    /// Looks.
    pub fn find(&self) -> Found {
        let mut found = Found::default();
        let mut seen = BTreeSet::new();
        for place in &self.places {
            let manifests = place.manifests();
            if manifests.is_empty() && place.origin.was_asked_for() {
                found.faults.push(Fault::of(&place.path, Problem::NoManifest));
            }
            let new = manifests.into_iter().filter(|path| seen.insert(path.canonicalize().unwrap_or(path.clone())));
            found.manifests.extend(new.map(|manifest| Candidate { manifest, origin: place.origin }));
        }
        found
    }
}

impl Place {
    /// The manifest this place is, has, or has in its folders.
    fn manifests(&self) -> Vec<PathBuf> {
        match self.origin.was_asked_for() {
            true if self.path.is_file() => vec![self.path.clone()],
            true => packages_of(&self.path),
            false => packages_in(&self.path),
        }
    }
}

/// The manifest of a package's folder, or those of a folder of packages.
pub(super) fn packages_of(folder: &Path) -> Vec<PathBuf> {
    let own = folder.join(FILE_NAME);
    if own.is_file() { vec![own] } else { packages_in(folder) }
}

/// The manifests of a folder of packages, by the names of their folders. Hidden folders are not packages.
pub(super) fn packages_in(folder: &Path) -> Vec<PathBuf> {
    let Ok(list) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut folders: Vec<_> = list.flatten().map(|entry| entry.path()).collect();
    folders.sort();
    let hidden = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    folders.iter().filter(|path| !hidden(path)).map(|path| path.join(FILE_NAME)).filter(|path| path.is_file()).collect()
}

impl Origin {
    /// Somebody named the place, so finding nothing there is a fault.
    fn was_asked_for(self) -> bool {
        matches!(self, Self::Flag | Self::Environment)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Flag => "--plugin-path",
            Self::Environment => PATH_VARIABLE,
            Self::User => "the user's data folder",
            Self::Program => "the folder beside the program",
            Self::System => "a system data folder",
            Self::Given => "the program that uses aiperf",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn package(folder: &Path) {
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join(FILE_NAME), "").unwrap();
    }

    fn order(options: &DiscoveryOptions, root: &Path) -> Vec<(String, Origin)> {
        let inside = |path: &Path| path.strip_prefix(root).unwrap().parent().unwrap().display().to_string();
        options.find().manifests.iter().map(|c| (inside(&c.manifest), c.origin)).collect()
    }

    #[test]
    fn places_come_in_the_documented_order_and_folders_by_name() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        for folder in ["flag", "env/b", "env/a", "user/z", "user/.hidden", "prefix/lib/aiperf/plugins/p"] {
            package(&root.join(folder));
        }
        package(&root.join("share/aiperf/plugins/s"));
        let variable = |name: &str| match name {
            PATH_VARIABLE => Some(std::env::join_paths([root.join("env"), "relative".into()]).unwrap()),
            "XDG_DATA_DIRS" => Some(root.join("share").into()),
            _ => None,
        };
        let user = Some(root.join("user"));
        let surroundings = Surroundings { variable: &variable, program: Some(root.join("prefix/bin/aiperf")), user };
        let manifest = root.join("flag").join(FILE_NAME);
        let options = DiscoveryOptions::new(&[manifest, root.join("user")], &surroundings).unwrap();
        let expected = [
            ("flag", Origin::Flag),
            ("user/z", Origin::Flag),
            ("env/a", Origin::Environment),
            ("env/b", Origin::Environment),
            ("prefix/lib/aiperf/plugins/p", Origin::Program),
            ("share/aiperf/plugins/s", Origin::System),
        ];
        assert_eq!(order(&options, root), expected.map(|(path, origin)| (path.to_owned(), origin)));
    }

    #[test]
    fn the_switch_turns_everything_off_and_takes_no_other_word() {
        let root = tempfile::tempdir().unwrap();
        package(root.path());
        let with = |value: &'static str| {
            let variable = move |name: &str| (name == SWITCH_VARIABLE).then(|| value.into());
            let surroundings = Surroundings { variable: &variable, program: None, user: None };
            DiscoveryOptions::new(&[root.path().to_owned()], &surroundings)
        };
        assert_eq!(with("Off").unwrap().find().manifests.len(), 0);
        assert_eq!(with("on").unwrap().find().manifests.len(), 1);
        assert_eq!(with("maybe").unwrap_err().to_string(), "AIPERF_PLUGINS=maybe: takes `on` or `off`");
    }

    #[test]
    fn a_given_path_without_a_package_is_a_fault_and_one_that_is_not_there_an_error() {
        let root = tempfile::tempdir().unwrap();
        let nothing = Surroundings { variable: &|_| None, program: None, user: None };
        let found = DiscoveryOptions::new(&[root.path().to_owned()], &nothing).unwrap().find();
        assert!(matches!(found.faults[..], [Fault { problem: Problem::NoManifest, .. }]));
        let gone = root.path().join("gone");
        assert!(matches!(DiscoveryOptions::new(&[gone], &nothing), Err(DiscoveryError::NoSuchPath(_))));
    }
}
