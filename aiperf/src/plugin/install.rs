//! Putting packages into the user's folder and taking them out. A package is there whole or not at all: it is made
//! ready beside its place and moved in by a rename.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::discovery::packages_in;
use super::fault::Fault;
use super::manifest::{FILE_NAME, Manifest};
use super::validate::{Check, Validation};
use super::{name, resolve};

/// How far above a built library its manifest may be: `target/<triple>/release/lib….so` has it three folders up.
const FOLDERS_UP: usize = 4;

/// What to do with a package of the same name that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// Leave it and say so.
    Keep,
    /// Put the new one in its place.
    Replace,
}

/// A package in the user's folder.
#[derive(Debug, serde::Serialize)]
pub struct Installed {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its folder.
    pub folder: PathBuf,
    /// The library file that was copied, where one was.
    pub library: Option<PathBuf>,
    /// (category, entry name) of what it offers.
    pub entries: Vec<(String, String)>,
}

/// Why a package was not put in or taken out. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// There is no manifest for what was given.
    #[error(
        "{}: no `{FILE_NAME}` beside it or in the folders above it; give the package's folder or its manifest",
        .0.display()
    )]
    NoManifest(PathBuf),
    /// The package has faults.
    #[error("the package was not added, it has {} fault{}", .0.len(), if .0.len() == 1 { "" } else { "s" })]
    Faulty(Vec<(Check, Fault)>),
    /// A package of that name is there.
    #[error("`{name}` {version} is already in {}; add `--force` to replace it", folder.display())]
    Exists {
        /// Its name.
        name: String,
        /// Its version.
        version: String,
        /// Where it is.
        folder: PathBuf,
    },
    /// No package of that name is in the user's folder.
    #[error("no package `{name}` in {}{}", folder.display(), name::suggestion(name, present.iter().map(String::as_str)))]
    NotInstalled {
        /// What was asked for.
        name: String,
        /// The user's folder.
        folder: PathBuf,
        /// What is there.
        present: Vec<String>,
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

/// Whether a file is meant as a manifest: it is named like one, or is text.
///
/// # Errors
/// When it cannot be read.
pub(super) fn is_manifest(path: &Path) -> io::Result<bool> {
    if path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
        return Ok(true);
    }
    let mut first = Vec::new();
    fs::File::open(path)?.take(512).read_to_end(&mut first)?;
    let library = path.extension().is_some_and(|extension| extension == "so" || extension == "dylib");
    Ok(!library && !first.is_empty() && first.iter().all(|byte| !matches!(byte, 0..=8 | 14..=31 | 127)))
}

/// The manifest that belongs to a library: beside it or in the folders above it.
pub fn manifest_near(library: &Path) -> Option<PathBuf> {
    let library = library.canonicalize().ok()?;
    library.ancestors().skip(1).take(FOLDERS_UP).map(|folder| folder.join(FILE_NAME)).find(|path| path.is_file())
}

/// The library of the package in a folder: beside its manifest, or where cargo built it.
///
/// # Errors
/// When there is no manifest in order there, or no library.
pub fn library_of(folder: &Path) -> Result<PathBuf, Fault> {
    let path = folder.join(FILE_NAME);
    let manifest = Manifest::read(&path).map_err(|mut faults| faults.remove(0))?;
    resolve::source_library(&path, &manifest)
}

/// Copies a package into `folder`: given as its folder, its manifest, or its library with a manifest near. A library that
/// is not beside its manifest is taken from where cargo built it.
///
/// # Errors
/// When it is not in order, is there already, or cannot be copied; then nothing is changed.
pub fn add(source: &Path, folder: &Path, existing: Existing) -> Result<Installed, InstallError> {
    let unreadable = |error| InstallError::Io { path: source.to_owned(), error };
    let (manifest_path, library) = if source.is_dir() {
        (source.join(FILE_NAME), None)
    } else if is_manifest(source).map_err(unreadable)? {
        (source.to_owned(), None)
    } else {
        let near = manifest_near(source).ok_or_else(|| InstallError::NoManifest(source.to_owned()))?;
        (near, Some(source))
    };
    if !manifest_path.is_file() {
        return Err(InstallError::NoManifest(source.to_owned()));
    }
    let mut validation = Validation::default();
    match library {
        Some(library) => validation.pair(&manifest_path, library),
        None => validation.source(&manifest_path),
    }
    if !validation.passed() {
        return Err(InstallError::Faulty(validation.faults));
    }
    let faulty = |fault| InstallError::Faulty(vec![(Check::Metadata, fault)]);
    let manifest = Manifest::read(&manifest_path).map_err(|mut faults| faulty(faults.remove(0)))?;
    let inside = match &manifest.package.library {
        Some(library) => library.path(),
        None => resolve::default_name(&manifest).map_err(|problem| faulty(Fault::of(&manifest_path, problem)))?.into(),
    };
    let library = match library {
        Some(library) => library.to_owned(),
        None => resolve::source_library(&manifest_path, &manifest).map_err(faulty)?,
    };
    put(
        &Ready { manifest_path: &manifest_path, manifest: &manifest, library: &library, inside: &inside },
        folder,
        existing,
    )
}

/// Takes a package out of `folder`.
///
/// # Errors
/// When there is none of that name, or it cannot be removed.
pub fn remove(wanted: &str, folder: &Path) -> Result<Installed, InstallError> {
    let Some(found) = present(folder).find(|package| name::same(&package.name, wanted)) else {
        let present = present(folder).map(|package| package.name).collect();
        return Err(InstallError::NotInstalled { name: wanted.to_owned(), folder: folder.to_owned(), present });
    };
    let gone = folder.join(format!(".gone-{}", std::process::id()));
    fs::rename(&found.folder, &gone).map_err(|error| InstallError::Io { path: found.folder.clone(), error })?;
    fs::remove_dir_all(&gone).map_err(|error| InstallError::Io { path: gone, error })?;
    Ok(found)
}

struct Ready<'a> {
    manifest_path: &'a Path,
    manifest: &'a Manifest,
    library: &'a Path,
    /// Where the library has its place, relative to the manifest.
    inside: &'a Path,
}

fn put(package: &Ready<'_>, folder: &Path, existing: Existing) -> Result<Installed, InstallError> {
    let info = &package.manifest.package;
    let there = present(folder).find(|one| name::same(&one.name, info.name.as_str()));
    if let (Some(there), Existing::Keep) = (&there, existing) {
        let Installed { name, version, folder, .. } = there;
        return Err(InstallError::Exists { name: name.clone(), version: version.clone(), folder: folder.clone() });
    }
    let ready = folder.join(format!(".new-{}", std::process::id()));
    let place = folder.join(info.name.as_str());
    let done = copy(package, &ready).and_then(|()| replace(there.as_ref(), &ready, &place));
    if done.is_err() {
        // Best effort: the error that matters is the first one.
        fs::remove_dir_all(&ready).ok();
    }
    done?;
    Ok(Installed { library: Some(package.library.to_owned()), ..installed(place, package.manifest) })
}

fn copy(package: &Ready<'_>, to: &Path) -> Result<(), InstallError> {
    let library = to.join(package.inside);
    let at = |path: &Path| {
        let path = path.to_owned();
        move |error| InstallError::Io { path, error }
    };
    if to.exists() {
        fs::remove_dir_all(to).map_err(at(to))?;
    }
    let parent = library.parent().unwrap_or(to);
    fs::create_dir_all(parent).map_err(at(parent))?;
    fs::copy(package.library, &library).map_err(at(package.library))?;
    let manifest = to.join(FILE_NAME);
    fs::copy(package.manifest_path, &manifest).map_err(at(package.manifest_path))?;
    Ok(())
}

/// Moves a package to its place. The one that was there is moved away first and comes back if that fails.
fn replace(there: Option<&Installed>, ready: &Path, place: &Path) -> Result<(), InstallError> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |error| InstallError::Io { path, error }
    };
    let Some(there) = there else { return fs::rename(ready, place).map_err(at(place)) };
    let old = place.with_file_name(format!(".old-{}", std::process::id()));
    fs::rename(&there.folder, &old).map_err(at(&there.folder))?;
    if let Err(error) = fs::rename(ready, place) {
        fs::rename(&old, &there.folder).map_err(at(&old))?;
        return Err(at(place)(error));
    }
    fs::remove_dir_all(&old).map_err(at(&old))
}

/// The packages of a folder; one whose manifest is broken goes by the name of its folder.
fn present(folder: &Path) -> impl Iterator<Item = Installed> {
    packages_in(folder).into_iter().map(|path| {
        let folder = path.parent().unwrap_or(&path).to_owned();
        match Manifest::read(&path) {
            Ok(manifest) => installed(folder, &manifest),
            Err(_) => {
                let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
                Installed { name, version: "(broken)".to_owned(), folder, library: None, entries: Vec::new() }
            }
        }
    })
}

fn installed(folder: PathBuf, manifest: &Manifest) -> Installed {
    let info = &manifest.package;
    let entries = manifest.entries.iter().map(|entry| (entry.category.name.clone(), entry.name.clone())).collect();
    let (name, version) = (info.name.as_str().to_owned(), info.version.to_string());
    Installed { name, version, folder, library: None, entries }
}

#[cfg(test)]
mod tests;
