//! A lock: the packages a team or a pipeline means, by version and digest, in a file that is kept with their work. Says
//! what differs; what to do about it is the caller's.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::digest::sha256;
use super::registry::{Registry, Source};

/// The name a lock has where nobody gives another.
pub const FILE_NAME: &str = "aiperf-plugins.lock";

const HEAD: &str = "# Written by `aiperf plugins lock`; `aiperf plugins lock --check` compares, \
                    `aiperf profile --plugin-lock` refuses what differs.\n";

/// Every package that takes part, as it was.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// Of this format: 1.
    version: u32,
    /// By name.
    packages: BTreeMap<String, Locked>,
}

/// One package of a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Locked {
    /// Its version.
    pub version: String,
    /// SHA-256 of its library.
    pub library: String,
    /// SHA-256 of its manifest.
    pub manifest: String,
}

/// One thing that is not as it was locked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The package.
    pub package: String,
    /// What differs.
    #[serde(flatten)]
    pub what: What,
}

/// What differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum What {
    /// It is locked and takes no part.
    Missing {
        /// The version that is locked.
        locked: String,
    },
    /// It takes part and is not locked.
    Added {
        /// Its version.
        found: String,
    },
    /// It is of another version.
    Version {
        /// The version that is locked.
        locked: String,
        /// The version it has.
        found: String,
    },
    /// Its library is another, of the same version.
    Library {
        /// The digest that is locked.
        locked: String,
        /// The digest it has.
        found: String,
    },
    /// Its manifest is another, of the same version.
    Manifest {
        /// The digest that is locked.
        locked: String,
        /// The digest it has.
        found: String,
    },
}

/// Why there is no lock to compare or keep.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// There is no such file.
    #[error("{}: no such lock; `aiperf plugins lock` writes one", .0.display())]
    None(PathBuf),
    /// The file is no lock.
    #[error("{}: {error}; write it again with `aiperf plugins lock`", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// What is wrong, with its place.
        error: String,
    },
    /// A file cannot be read or written.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        error: io::Error,
    },
}

impl Lock {
    /// The packages of a registry as they are now.
    ///
    /// # Errors
    /// When a library or a manifest cannot be read.
    pub fn of(registry: &Registry) -> Result<Self, LockError> {
        let digest = |path: &Path| sha256(path).map_err(|error| LockError::Io { path: path.to_owned(), error });
        let mut packages = BTreeMap::new();
        for package in registry.packages() {
            if let Source::Library { path, manifest, .. } = &package.source {
                let version = package.info.version.to_string();
                let locked = Locked { version, library: digest(path)?, manifest: digest(manifest)? };
                packages.insert(package.name().to_owned(), locked);
            }
        }
        Ok(Self { version: 1, packages })
    }

    /// Reads a lock.
    ///
    /// # Errors
    /// When there is none, or it cannot be understood.
    pub fn read(path: &Path) -> Result<Self, LockError> {
        let broken = |error: String| LockError::Broken { path: path.to_owned(), error };
        let text = std::fs::read_to_string(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => LockError::None(path.to_owned()),
            _ => LockError::Io { path: path.to_owned(), error },
        })?;
        let lock: Self = serde_yaml::from_str(&text).map_err(|error| broken(error.to_string()))?;
        match lock.version {
            1 => Ok(lock),
            other => Err(broken(format!("it is a lock of version {other}, and this aiperf reads version 1"))),
        }
    }

    /// Writes it.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), LockError> {
        let text = HEAD.to_owned() + &serde_yaml::to_string(self).expect("names and digests are YAML");
        std::fs::write(path, text).map_err(|error| LockError::Io { path: path.to_owned(), error })
    }

    /// Its packages, by name.
    pub fn packages(&self) -> &BTreeMap<String, Locked> {
        &self.packages
    }

    /// What is not as it was locked, by package.
    pub fn differences(&self, now: &Self) -> Vec<Difference> {
        let names = self.packages.keys().chain(now.packages.keys().filter(|name| !self.packages.contains_key(*name)));
        let found = names.filter_map(|name| {
            let what = match (self.packages.get(name), now.packages.get(name)) {
                (Some(locked), None) => What::Missing { locked: locked.version.clone() },
                (None, found) => What::Added { found: found?.version.clone() },
                (Some(locked), Some(found)) => compared(locked, found)?,
            };
            Some(Difference { package: name.clone(), what })
        });
        found.collect()
    }
}

fn compared(locked: &Locked, found: &Locked) -> Option<What> {
    let both = |locked: &str, found: &str| (locked.to_owned(), found.to_owned());
    if locked.version != found.version {
        let (locked, found) = both(&locked.version, &found.version);
        return Some(What::Version { locked, found });
    }
    if locked.library != found.library {
        let (locked, found) = both(&locked.library, &found.library);
        return Some(What::Library { locked, found });
    }
    if locked.manifest != found.manifest {
        let (locked, found) = both(&locked.manifest, &found.manifest);
        return Some(What::Manifest { locked, found });
    }
    None
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let package = &self.package;
        // Enough of a digest to see that it is another.
        let short = |digest: &str| digest.chars().take(12).collect::<String>();
        match &self.what {
            What::Missing { locked } => write!(f, "{package}: {locked} is locked, and takes no part"),
            What::Added { found } => write!(f, "{package}: {found} takes part, and is not locked"),
            What::Version { locked, found } => write!(f, "{package}: {locked} is locked, and {found} is here"),
            What::Library { locked, found } => write!(
                f,
                "{package}: the library is another than the one that is locked, though of the same version \
                 ({} is locked, {} is here)",
                short(locked),
                short(found)
            ),
            What::Manifest { locked, found } => write!(
                f,
                "{package}: `plugins.yaml` is another than the one that is locked, though of the same version \
                 ({} is locked, {} is here)",
                short(locked),
                short(found)
            ),
        }
    }
}
