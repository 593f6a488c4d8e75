//! Everything that can be checked of packages without running a line of their code: manifest, library, classes,
//! versions. Says what is wrong; prints nothing.

use std::fmt;
use std::path::{Path, PathBuf};

use super::discovery::{Candidate, DiscoveryOptions, packages_of};
use super::fault::{Fault, Problem};
use super::inspect::{self, Inspection};
use super::manifest::Manifest;
use super::{install, name, registry, resolve};

/// What a validation looked at and found.
#[derive(Debug, Default)]
pub struct Validation {
    /// How many packages were looked at.
    pub packages: usize,
    /// Everything that is wrong, by the check that found it.
    pub faults: Vec<(Check, Fault)>,
    /// What is not wrong but worth a line.
    pub warnings: Vec<String>,
}

/// One kind of check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// It is text, and YAML.
    Syntax,
    /// Of a version of the format that can be read.
    SchemaVersion,
    /// Keys, types, categories and metadata.
    Metadata,
    /// Entries in the order of the alphabet: a matter of taste, never a fault.
    Order,
    /// No name and no key twice.
    Duplicates,
    /// The file is there, is a library for this system, and speaks our ABI.
    Libraries,
    /// Every class is offered for its category.
    ClassPaths,
    /// Manifest and library are of the same version.
    Versions,
}

impl Check {
    /// All of them, in the order in which they are done.
    pub const ALL: [Self; 8] = [
        Self::Syntax,
        Self::SchemaVersion,
        Self::Metadata,
        Self::Order,
        Self::Duplicates,
        Self::Libraries,
        Self::ClassPaths,
        Self::Versions,
    ];

    /// The check that finds a fault of a manifest.
    fn of_manifest(problem: &Problem) -> Self {
        match problem {
            Problem::Unreadable(_) | Problem::TooLarge { .. } | Problem::NotUtf8 | Problem::Syntax(_) => Self::Syntax,
            Problem::SchemaVersion(_) => Self::SchemaVersion,
            Problem::Duplicate(_) => Self::Duplicates,
            _ => Self::Metadata,
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Syntax => "YAML syntax",
            Self::SchemaVersion => "Schema version",
            Self::Metadata => "Keys and metadata",
            Self::Order => "Alphabetical order",
            Self::Duplicates => "Duplicates",
            Self::Libraries => "Libraries",
            Self::ClassPaths => "Class paths",
            Self::Versions => "Versions",
        })
    }
}

impl Validation {
    /// Checks every package that discovery finds.
    pub fn of_all(options: &DiscoveryOptions) -> Self {
        let mut validation = Self::default();
        let found = options.find();
        validation.faults.extend(found.faults.into_iter().map(|fault| (Check::Syntax, fault)));
        for candidate in found.manifests {
            validation.package(&candidate);
        }
        validation
    }

    /// Checks what a path leads to: a manifest, a library (with its manifest, where one is near), a package's folder,
    /// or a folder of packages.
    ///
    /// # Errors
    /// When there is nothing at the path.
    pub fn of_path(path: &Path) -> Result<Self, Fault> {
        let mut validation = Self::default();
        if path.is_dir() {
            match packages_of(path) {
                manifests if manifests.is_empty() => return Err(Fault::of(path, Problem::NoManifest)),
                manifests => manifests.iter().for_each(|manifest| validation.source(manifest)),
            }
        } else if install::is_manifest(path).map_err(|error| Fault::of(path, Problem::Unreadable(error)))? {
            validation.source(path);
        } else {
            match install::manifest_near(path) {
                Some(manifest) => validation.pair(&manifest, path),
                None => validation.library(path),
            }
        }
        Ok(validation)
    }

    /// Checks a package that was found.
    pub fn package(&mut self, Candidate { manifest, origin }: &Candidate) {
        self.checked(manifest, |path, manifest| registry::check(path, manifest, *origin));
    }

    /// Checks a package by the manifest that lies with its source, where the library may be in cargo's `target` folder.
    pub fn source(&mut self, path: &Path) {
        self.checked(path, |path, manifest| {
            registry::check_manifest(path, manifest)?;
            resolve::source_library(path, manifest)
        });
    }

    fn checked(&mut self, path: &Path, check: impl Fn(&Path, &Manifest) -> Result<PathBuf, Fault>) {
        let Some(manifest) = self.manifest(path) else { return };
        match check(path, &manifest) {
            Ok(library) => self.contents(path, &manifest, &library),
            Err(fault) => {
                let check = match fault.problem {
                    Problem::ReservedName(_) | Problem::Empty => Check::Metadata,
                    _ => Check::Libraries,
                };
                self.faults.push((check, fault));
            }
        }
    }

    /// Checks a manifest with a library that lies elsewhere, as it does before it is installed.
    pub fn pair(&mut self, path: &Path, library: &Path) {
        let Some(manifest) = self.manifest(path) else { return };
        match registry::check_manifest(path, &manifest) {
            Ok(()) => self.contents(path, &manifest, library),
            Err(fault) => self.faults.push((Check::Metadata, fault)),
        }
    }

    /// Whether nothing is wrong.
    pub fn passed(&self) -> bool {
        self.faults.is_empty()
    }

    /// What a check found.
    pub fn faults_of(&self, check: Check) -> impl Iterator<Item = &Fault> {
        self.faults.iter().filter(move |(one, _)| *one == check).map(|(_, fault)| fault)
    }

    fn manifest(&mut self, path: &Path) -> Option<Manifest> {
        self.packages += 1;
        match Manifest::read(path) {
            Ok(manifest) => {
                self.warnings.extend(manifest.warnings.iter().map(|warning| format!("{}: {warning}", path.display())));
                self.order(path, &manifest);
                Some(manifest)
            }
            Err(faults) => {
                self.faults.extend(faults.into_iter().map(|fault| (Check::of_manifest(&fault.problem), fault)));
                None
            }
        }
    }

    fn order(&mut self, path: &Path, manifest: &Manifest) {
        for pair in manifest.entries.windows(2) {
            let [before, after] = pair else { continue };
            if before.category.name == after.category.name && name::fold(&after.name) < name::fold(&before.name) {
                let at = manifest.locate(&[&after.category.name, &after.name]);
                let at = at.map(|at| format!(":{}:{}", at.line, at.column)).unwrap_or_default();
                let (path, category) = (path.display(), &after.category.name);
                self.warnings.push(format!(
                    "{path}{at}: entries of `{category}` are not in alphabetical order: `{}` comes after `{}`",
                    after.name, before.name
                ));
            }
        }
    }

    fn library(&mut self, library: &Path) {
        self.packages += 1;
        if let Err(error) = inspect::inspect(library) {
            let problem = Problem::Library { library: PathBuf::from(library), error: Box::new(error) };
            self.faults.push((Check::Libraries, Fault::of(library, problem)));
        }
    }

    fn contents(&mut self, path: &Path, manifest: &Manifest, library: &Path) {
        match inspect::inspect(library) {
            Ok(inspection) => {
                self.classes(path, manifest, &inspection);
                self.versions(path, manifest, &inspection);
            }
            Err(error) => {
                let problem = Problem::Library { library: library.to_owned(), error: Box::new(error) };
                let at = manifest.locate(&["plugin", "library"]);
                self.faults.push((Check::Libraries, Fault::at(path, at, problem)));
            }
        }
    }

    fn classes(&mut self, path: &Path, manifest: &Manifest, inspection: &Inspection) {
        for entry in &manifest.entries {
            let category = &entry.category.name;
            let wanted = entry.class.type_name.as_str();
            let offered: Vec<_> = inspection.descriptor.types(category).collect();
            if offered.contains(&wanted) {
                continue;
            }
            let offered = match offered.is_empty() {
                true => "; it offers none there".to_owned(),
                false => {
                    let near = name::suggestion(wanted, offered.iter().copied());
                    format!("{near}; it offers {}", offered.join(", "))
                }
            };
            let problem = Problem::NoClass { class: entry.class.to_string(), category, offered };
            let at = manifest.locate(&[category, &entry.name, "class"]);
            self.faults.push((Check::ClassPaths, Fault::at(path, at, problem)));
        }
    }

    fn versions(&mut self, path: &Path, manifest: &Manifest, inspection: &Inspection) {
        let (said, built) = (manifest.package.version.to_string(), &inspection.descriptor.version);
        if said != *built {
            let problem = Problem::OtherVersion { manifest: said, library: built.clone() };
            self.faults.push((Check::Versions, Fault::at(path, manifest.locate(&["plugin", "version"]), problem)));
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
