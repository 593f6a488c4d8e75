//! Which file is the library of a package. Looks whether it is there and where it may be; does not look into it.

use std::path::{Path, PathBuf};

use super::discovery::Origin;
use super::fault::{Fault, Problem};
use super::manifest::Manifest;

/// How far above a package the `target` folder of its workspace may be.
const FOLDERS_UP: usize = 4;

/// The library of a manifest, canonical: beside the manifest or below, never outside its folder.
pub(super) fn library(path: &Path, manifest: &Manifest) -> Result<PathBuf, Fault> {
    let fault = |problem| Fault::at(path, manifest.locate(&["plugin", "library"]), problem);
    let folder = folder(path)?;
    let file = match &manifest.package.library {
        Some(library) => library.path(),
        None => default_name(manifest).map_err(fault)?.into(),
    };
    let wanted = folder.join(file);
    let library = match wanted.canonicalize() {
        Ok(library) if library.is_file() => library,
        _ => return Err(fault(Problem::NoLibrary(wanted))),
    };
    match library.starts_with(&folder) {
        true => Ok(library),
        false => Err(fault(Problem::Outside(library))),
    }
}

/// The library of a package that was found: of one that the user or the program named, also where cargo put it, so that it
/// can be tried where it is made.
pub(super) fn found_library(path: &Path, manifest: &Manifest, origin: Origin) -> Result<PathBuf, Fault> {
    match origin {
        Origin::Flag | Origin::Given => source_library(path, manifest),
        Origin::Environment | Origin::User | Origin::Program | Origin::System => library(path, manifest),
    }
}

/// The library of a manifest that lies with its source: beside it, or where cargo put the newest build of it.
pub(super) fn source_library(path: &Path, manifest: &Manifest) -> Result<PathBuf, Fault> {
    library(path, manifest).or_else(|fault| match &fault.problem {
        Problem::NoLibrary(wanted) => built(wanted).ok_or(fault),
        _ => Err(fault),
    })
}

/// The newest build of a library in the `target` folder of its package, or of the workspace around it.
fn built(wanted: &Path) -> Option<PathBuf> {
    let file = wanted.file_name()?;
    let targets = wanted.ancestors().skip(1).take(FOLDERS_UP).map(|folder| folder.join("target"));
    let builds = targets.flat_map(|target| ["release", "debug"].map(|profile| target.join(profile).join(file)));
    builds.filter(|build| build.is_file()).max_by_key(|build| build.metadata().and_then(|meta| meta.modified()).ok())
}

/// The folder a manifest lies in, canonical.
pub(super) fn folder(manifest: &Path) -> Result<PathBuf, Fault> {
    let unreadable = |error| Fault::of(manifest, Problem::Unreadable(error));
    let mut folder = manifest.canonicalize().map_err(unreadable)?;
    folder.pop();
    Ok(folder)
}

/// The file name that follows from the class paths, where the manifest names no library.
pub(super) fn default_name(manifest: &Manifest) -> Result<String, Problem> {
    let Some(first) = manifest.entries.first() else { return Err(Problem::Empty) };
    let mut names: Vec<_> = manifest.entries.iter().map(|entry| entry.class.library.clone()).collect();
    names.sort();
    names.dedup();
    match names.len() {
        1 => Ok(first.class.default_library()),
        _ => Err(Problem::ManyLibraries(names)),
    }
}
