//! How a package is: every check of its files that needs none of its code run, each with what was found. Whether the
//! library can be loaded is for the caller to try, in a process of its own.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::digest::sha256;
use super::discovery::{Candidate, DiscoveryOptions};
use super::fault::Fault;
use super::inspect::{self, Inspection};
use super::lock::Lock;
use super::manifest::Manifest;
use super::validate::{Check, Validation};
use super::{registry, resolve, trust};

/// How one package is.
#[derive(Debug)]
pub struct Health {
    /// Its manifest.
    pub manifest: PathBuf,
    /// Name and version, where the manifest can be read.
    pub package: Option<(String, String)>,
    /// Its library, where it was found and can be tried.
    pub library: Option<PathBuf>,
    /// What was found, in the order in which it was looked at.
    pub findings: Vec<Finding>,
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub check: &'static str,
    /// Whether it is as it should be.
    pub healthy: bool,
    /// What was found, in words.
    pub detail: String,
}

impl Finding {
    /// It is as it should be.
    pub fn good(check: &'static str, detail: impl Into<String>) -> Self {
        Self { check, healthy: true, detail: detail.into() }
    }

    /// It is not.
    pub fn bad(check: &'static str, detail: impl Into<String>) -> Self {
        Self { check, healthy: false, detail: detail.into() }
    }
}

/// Looks at every package that discovery finds, whether or not it is used; digests are compared with a lock, if there is
/// one.
pub fn of_all(options: &DiscoveryOptions, lock: Option<&Lock>) -> Vec<Health> {
    options.find().manifests.into_iter().map(|candidate| of(&candidate, lock)).collect()
}

fn of(Candidate { manifest: path, origin }: &Candidate, lock: Option<&Lock>) -> Health {
    let mut health = Health { manifest: path.clone(), package: None, library: None, findings: Vec::new() };
    let manifest = match Manifest::read(path) {
        Ok(manifest) => manifest,
        Err(faults) => {
            let told = |fault: &Fault| match fault.at {
                Some(at) => format!("{}:{}: {}", at.line, at.column, fault.problem),
                None => fault.problem.to_string(),
            };
            health.findings.extend(faults.iter().map(|fault| Finding::bad("manifest", told(fault))));
            return health;
        }
    };
    let info = &manifest.package;
    health.package = Some((info.name.as_str().to_owned(), info.version.to_string()));
    if let Err(fault) = registry::check_manifest(path, &manifest) {
        health.findings.push(Finding::bad("manifest", fault.problem.to_string()));
        return health;
    }
    let entries: Vec<_> = manifest.entries.iter().map(|one| format!("{}:{}", one.category, one.name)).collect();
    health.findings.push(Finding::good("manifest", entries.join(", ")));
    let library = match resolve::found_library(path, &manifest, *origin) {
        Ok(library) => library,
        Err(fault) => {
            health.findings.push(Finding::bad("library", fault.problem.to_string()));
            return health;
        }
    };
    health.findings.push(permissions(path, &library));
    match inspect::inspect(&library) {
        Ok(inspection) => health.findings.extend(contents(path, &library, &inspection)),
        Err(error) => {
            health.findings.push(Finding::bad("library", format!("{} {error}", library.display())));
            return health;
        }
    }
    health.findings.push(digest(info.name.as_str(), &library, lock));
    health.library = Some(library);
    health
}

fn permissions(manifest: &Path, library: &Path) -> Finding {
    let real = manifest.canonicalize().unwrap_or_else(|_| manifest.to_owned());
    match trust::check([library, &real]) {
        Ok(()) => Finding::good("permissions", "nobody else can write its files"),
        Err(problem) => Finding::bad("permissions", problem.to_string()),
    }
}

fn contents(manifest: &Path, library: &Path, inspection: &Inspection) -> Vec<Finding> {
    let descriptor = &inspection.descriptor;
    let needs =
        inspection.glibc.iter().map(|version| format!("glibc {version}")).chain(inspection.needed.iter().cloned());
    let needs = needs.collect::<Vec<_>>().join(", ");
    let built = format!("aiperf-abi {}, panic = \"{}\"", descriptor.abi, descriptor.panic);
    let mut findings = vec![Finding::good("library", built), Finding::good("needs", needs)];
    let mut validation = Validation::default();
    validation.pair(manifest, library);
    for (check, name) in [(Check::ClassPaths, "classes"), (Check::Versions, "version")] {
        let faults: Vec<_> = validation.faults_of(check).map(|fault| fault.problem.to_string()).collect();
        findings.push(match (faults.is_empty(), check) {
            (true, Check::ClassPaths) => Finding::good(name, descriptor.exports.join(", ")),
            (true, _) => Finding::good(name, descriptor.version.clone()),
            (false, _) => Finding::bad(name, faults.join("; ")),
        });
    }
    findings
}

fn digest(package: &str, library: &Path, lock: Option<&Lock>) -> Finding {
    let found = match sha256(library) {
        Ok(digest) => digest,
        Err(error) => return Finding::bad("digest", format!("{}: {error}", library.display())),
    };
    match lock.map(|lock| lock.packages().get(package)) {
        None => Finding::good("digest", format!("sha256 {found}")),
        Some(Some(locked)) if locked.library == found => Finding::good("digest", format!("as locked: sha256 {found}")),
        Some(Some(_)) => Finding::bad("digest", format!("not the one that is locked: sha256 {found}")),
        Some(None) => Finding::bad("digest", format!("not in the lock: sha256 {found}")),
    }
}
