//! `inspect`: what a library says of itself, read from its file.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use console::Style;
use serde::Serialize;

use super::text::{in_a_row, one_line, paint, screen, wrapped};
use super::{Failure, Form};
use crate::cli::console::Screen;
use crate::exit::Exit;
use crate::plugin::digest::sha256;
use crate::plugin::inspect::{self, Inspection};
use crate::plugin::install;
use crate::plugin::name;
use crate::plugin::registry::{Package, Registry, Source};

#[derive(Debug, Serialize)]
struct Libraries {
    libraries: Vec<Document>,
}

#[derive(Debug, Serialize)]
struct Document {
    library: PathBuf,
    bytes: Option<u64>,
    sha256: Option<String>,
    #[serde(flatten)]
    inspection: Option<Inspection>,
    /// Why it is none that can be used here.
    fault: Option<String>,
}

/// `aiperf plugins inspect [PACKAGE or LIBRARY]`
pub(super) fn library(registry: &Registry, wanted: Option<&Path>, form: Form) -> Result<Exit, Failure> {
    let libraries: Vec<Document> = libraries(registry, wanted)?.iter().map(|path| read(path)).collect();
    let faulty = libraries.iter().any(|document| document.fault.is_some());
    form.tell(&Libraries { libraries }, |document| {
        let screen = screen();
        match document.libraries.is_empty() {
            true => "No package with a library is installed.\n".to_owned(),
            false => document.libraries.iter().map(|one| words(one, screen)).collect::<Vec<_>>().join("\n"),
        }
    });
    Ok(if faulty { Exit::Failed } else { Exit::Success })
}

fn libraries(registry: &Registry, wanted: Option<&Path>) -> Result<Vec<PathBuf>, Failure> {
    let of = |package: &Package| match &package.source {
        Source::Library { path, .. } => Some(path.clone()),
        Source::Builtin | Source::Program => None,
    };
    let Some(wanted) = wanted else { return Ok(registry.packages().filter_map(of).collect()) };
    let word = wanted.to_string_lossy();
    let named = registry.packages().find(|package| name::same(package.name(), &word));
    match named.and_then(of) {
        Some(library) => Ok(vec![library]),
        None if wanted.exists() => Ok(vec![wanted.to_owned()]),
        None => {
            let packages = registry.packages().filter(|package| of(package).is_some()).map(Package::name);
            let told = format!("no package and no file `{word}`{}", name::suggestion(&word, packages));
            Err(Failure::saying(Exit::Usage, told).with_hint("`aiperf plugins` lists the packages"))
        }
    }
}

/// A library, by package or path, and the classes it exports.
///
/// # Errors
/// When there is none, or it is none that can be used.
pub(super) fn one(registry: &Registry, wanted: &Path) -> Result<(PathBuf, Vec<String>), Failure> {
    let given = match wanted.is_dir() {
        // A package as it lies in its folder, installed or with its source.
        true => of_folder(wanted)?,
        false => libraries(registry, Some(wanted))?.remove(0),
    };
    // A path without a folder would be looked up in the system's.
    let library = given.canonicalize().unwrap_or(given);
    match inspect::inspect(&library) {
        Ok(inspection) => Ok((library, inspection.descriptor.exports)),
        Err(error) => Err(Failure::saying(Exit::Plugin, format!("{} {error}", library.display()))),
    }
}

fn of_folder(folder: &Path) -> Result<PathBuf, Failure> {
    install::library_of(folder).map_err(|fault| Failure::saying(Exit::Usage, fault.to_string()))
}

fn read(path: &Path) -> Document {
    let (inspection, fault) = match inspect::inspect(path) {
        Ok(inspection) => (Some(inspection), None),
        Err(error) => (None, Some(error.to_string())),
    };
    let bytes = path.metadata().ok().filter(std::fs::Metadata::is_file).map(|meta| meta.len());
    Document { library: path.to_owned(), bytes, sha256: sha256(path).ok(), inspection, fault }
}

fn words(document: &Document, screen: Screen) -> String {
    let mut text = paint(screen, Style::new().bold(), &document.library.display().to_string()) + "\n";
    let mut line = |label: &str, value: &str| {
        if !value.is_empty() {
            let _ = writeln!(text, "{}", wrapped(&format!("  {label:<12} "), &one_line(value), screen));
        }
    };
    if let Some(Inspection { descriptor, needed, glibc }) = &document.inspection {
        line("package", &format!("{} {}", descriptor.package, descriptor.version));
        line("about", &descriptor.description);
        line("authors", &descriptor.authors.replace(':', ", "));
        line("license", &descriptor.license);
        line("homepage", &descriptor.homepage);
        line("aiperf-abi", &descriptor.abi);
        line("panic", &descriptor.panic);
        line("classes", &descriptor.exports.join(", "));
        line(
            "needs",
            &glibc
                .iter()
                .map(|version| format!("glibc {version}"))
                .chain(needed.iter().cloned())
                .collect::<Vec<_>>()
                .join(", "),
        );
    }
    line("fault", &document.fault.as_deref().map(in_a_row).unwrap_or_default());
    line("bytes", &document.bytes.map(|bytes| bytes.to_string()).unwrap_or_default());
    line("sha256", document.sha256.as_deref().unwrap_or_default());
    text
}
