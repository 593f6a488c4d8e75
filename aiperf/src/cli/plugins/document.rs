//! The JSON documents of `aiperf plugins`: their keys are a contract with scripts. The texts are made from the same.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;

use crate::plugin::category::Category;
use crate::plugin::fault::{Fault, Position};
use crate::plugin::registry::{DisabledPackage, Entry, HiddenPackage, Package, Registry, Rival, Source, Standing};

/// The packages.
#[derive(Debug, Serialize)]
pub(super) struct Packages {
    pub(super) packages: Vec<PackageDocument>,
    #[serde(flatten)]
    pub(super) troubles: Troubles,
}

/// Categories with what there is in them.
#[derive(Debug, Serialize)]
pub(super) struct Categories {
    pub(super) categories: Vec<CategoryDocument>,
    #[serde(flatten)]
    pub(super) troubles: Troubles,
}

/// One category with what there is in it.
#[derive(Debug, Serialize)]
pub(super) struct OneCategory {
    #[serde(flatten)]
    pub(super) category: CategoryDocument,
    #[serde(flatten)]
    pub(super) troubles: Troubles,
}

/// One package.
#[derive(Debug, Serialize)]
pub(super) struct PackageDocument {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) description: Option<String>,
    pub(super) author: Option<String>,
    pub(super) license: Option<String>,
    pub(super) homepage: Option<String>,
    pub(super) source: SourceDocument,
    pub(super) entry_count: usize,
    pub(super) entries: Vec<EntryName>,
}

/// Where a package came from.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum SourceDocument {
    Builtin,
    Program,
    Library { origin: String, manifest: PathBuf, library: PathBuf },
}

/// An entry by its name.
#[derive(Debug, Serialize)]
pub(super) struct EntryName {
    pub(super) category: String,
    pub(super) name: String,
}

/// One category.
#[derive(Debug, Serialize)]
pub(super) struct CategoryDocument {
    pub(super) category: String,
    #[serde(skip)]
    pub(super) title: String,
    pub(super) description: String,
    pub(super) protocol: String,
    pub(super) entries: Vec<EntryDocument>,
}

/// One entry.
#[derive(Debug, Serialize)]
pub(super) struct EntryDocument {
    #[serde(rename = "type")]
    pub(super) name: String,
    pub(super) category: String,
    pub(super) package: String,
    pub(super) package_version: String,
    pub(super) class: String,
    pub(super) priority: i64,
    pub(super) description: String,
    pub(super) metadata: Value,
    pub(super) source: SourceDocument,
    pub(super) shadows: Vec<Rival>,
    pub(super) shadowed_by: Option<Rival>,
}

/// What is wrong with packages, or worth a line.
#[derive(Debug, Serialize)]
pub(super) struct Troubles {
    pub(super) set_aside: Vec<SetAsideDocument>,
    pub(super) hidden: Vec<HiddenPackage>,
    pub(super) disabled: Vec<DisabledPackage>,
    pub(super) warnings: Vec<String>,
}

/// A package that is not used because something is wrong with it.
#[derive(Debug, Serialize)]
pub(super) struct SetAsideDocument {
    pub(super) name: Option<String>,
    pub(super) manifest: PathBuf,
    pub(super) faults: Vec<FaultDocument>,
}

/// One thing that is wrong.
#[derive(Debug, Serialize)]
pub(super) struct FaultDocument {
    pub(super) file: PathBuf,
    #[serde(flatten)]
    pub(super) at: Option<Position>,
    pub(super) message: String,
}

impl Packages {
    pub(super) fn of(registry: &Registry) -> Self {
        let packages = registry.packages().map(|package| PackageDocument::of(package, registry)).collect();
        Self { packages, troubles: Troubles::of(registry) }
    }
}

impl PackageDocument {
    fn of(package: &Package, registry: &Registry) -> Self {
        let info = &package.info;
        let own = registry.all().filter(|entry| std::ptr::eq(entry.package.as_ref(), package));
        let entries: Vec<_> =
            own.map(|entry| EntryName { category: entry.category.name.clone(), name: entry.name.clone() }).collect();
        Self {
            name: package.name().to_owned(),
            version: info.version.to_string(),
            description: info.description.clone(),
            author: info.author.clone(),
            license: info.license.clone(),
            homepage: info.homepage.clone(),
            source: SourceDocument::of(&package.source),
            entry_count: entries.len(),
            entries,
        }
    }
}

impl SourceDocument {
    fn of(source: &Source) -> Self {
        match source {
            Source::Builtin => Self::Builtin,
            Source::Program => Self::Program,
            Source::Library { path, manifest, origin } => {
                Self::Library { origin: origin.to_string(), manifest: absolute(manifest), library: path.clone() }
            }
        }
    }
}

impl CategoryDocument {
    /// A category and those of its entries that `wanted` says.
    pub(super) fn of(category: &Category, registry: &Registry, wanted: fn(&Entry) -> bool) -> Self {
        let entries = registry.all().filter(|entry| entry.category.name == category.name && wanted(entry));
        Self {
            category: category.name.clone(),
            title: category.title(),
            description: category.description.trim().to_owned(),
            protocol: category.protocol.clone(),
            entries: entries.map(EntryDocument::of).collect(),
        }
    }
}

impl EntryDocument {
    pub(super) fn of(entry: &Entry) -> Self {
        let (shadows, shadowed_by) = match &entry.standing {
            Standing::Wins { over } => (over.clone(), None),
            Standing::Loses { to } => (Vec::new(), Some(to.clone())),
        };
        Self {
            name: entry.name.clone(),
            category: entry.category.name.clone(),
            package: entry.package.name().to_owned(),
            package_version: entry.package.info.version.to_string(),
            class: entry.class.to_string(),
            priority: entry.priority,
            description: entry.description.clone(),
            metadata: entry.metadata.clone(),
            source: SourceDocument::of(&entry.package.source),
            shadows,
            shadowed_by,
        }
    }
}

impl Troubles {
    pub(super) fn of(registry: &Registry) -> Self {
        let set_aside = registry.faults().iter().map(|package| SetAsideDocument {
            name: package.name.clone(),
            manifest: package.manifest.clone(),
            faults: package.faults.iter().map(FaultDocument::of).collect(),
        });
        Self {
            set_aside: set_aside.collect(),
            hidden: registry.hidden().to_vec(),
            disabled: registry.disabled().to_vec(),
            warnings: registry.warnings().map(str::to_owned).collect(),
        }
    }
}

impl FaultDocument {
    pub(super) fn of(fault: &Fault) -> Self {
        Self { file: fault.file.clone(), at: fault.at, message: fault.problem.to_string() }
    }
}

/// A path that says the same from anywhere.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
