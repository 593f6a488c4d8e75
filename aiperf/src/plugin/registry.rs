//! All entries by category and name: built once, then only read. Decides who wins a name and remembers why.
//! Loads nothing, ever.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use serde_json::Value;

use super::category::{self, Category, UnknownCategory};
use super::discovery::{Candidate, DiscoveryOptions, Origin};
use super::fault::{Fault, Problem};
use super::manifest::{ClassPath, Manifest, PackageInfo};
use super::preferences::Preferences;
use super::trust::{self, Trust};
use super::{name, resolve};

mod looking;
mod names;
mod registration;

pub use looking::Validity;
pub use registration::{Constructor, Mocked, New, PROGRAM_PACKAGE, Registration};

/// All entries of all packages.
#[derive(Debug, Default)]
pub struct Registry {
    packages: Vec<Arc<Package>>,
    entries: Vec<Entry>,
    set_aside: Vec<SetAside>,
    hidden: Vec<HiddenPackage>,
    disabled: Vec<DisabledPackage>,
    choices: Vec<Choice>,
    required: Vec<String>,
    /// What is not wrong but worth a line, of manifests and choices.
    said: Vec<String>,
    /// The same, of names that two packages want.
    contested: Vec<String>,
}

/// Somebody's decision about a name.
#[derive(Debug, Clone)]
struct Choice {
    category: &'static str,
    name: String,
    package: String,
    rule: Rule,
}

/// One installed unit of plugins.
#[derive(Debug)]
pub struct Package {
    /// What its manifest says of it.
    pub info: PackageInfo,
    /// Where it came from.
    pub source: Source,
    /// Its place in the order in which packages were found.
    order: usize,
    /// The digest its library has to have, once a lock says so.
    locked: OnceLock<String>,
}

/// Where a package came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Compiled into the program.
    Builtin,
    /// Registered by the program that uses this crate: [`Registry::register`].
    Program,
    /// A shared library and its manifest.
    Library {
        /// The library, canonical.
        path: PathBuf,
        /// Its manifest.
        manifest: PathBuf,
        /// How it was found.
        origin: Origin,
    },
}

/// One named thing of a category.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its category.
    pub category: &'static Category,
    /// Its name.
    pub name: String,
    /// The implementation.
    pub class: ClassPath,
    /// What it does.
    pub description: String,
    /// Decides between entries of the same name.
    pub priority: i64,
    /// What the manifest says under `metadata`, as JSON, defaults filled in.
    pub metadata: Value,
    /// The package it belongs to.
    pub package: Arc<Package>,
    /// Whether it has its name to itself.
    pub standing: Standing,
    /// How its values are made, where the program registered it.
    pub constructor: Option<Constructor>,
}

/// How an entry stands to others of the same category and name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// The name means this entry; the others are reachable by class path.
    Wins {
        /// Who else wanted the name, and which rule decided.
        over: Vec<Rival>,
    },
    /// The name means another entry; this one is reachable by class path.
    Loses {
        /// Who has the name, and which rule decided.
        to: Rival,
    },
}

/// The other side of a decision.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Rival {
    /// Its package.
    pub package: String,
    /// Its class path.
    pub class: String,
    /// Its priority.
    pub priority: i64,
    /// What decided between the two.
    pub rule: Rule,
}

/// What decides between two entries of the same name; the first that applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// It was chosen for this run: `--use`, [`Registry::use_implementation`].
    ChosenForThisRun,
    /// It was chosen and remembered: `aiperf plugins use`.
    Remembered,
    /// The higher priority wins.
    HigherPriority,
    /// At equal priority, what is not built in wins.
    ExternalBeatsBuiltin,
    /// Else the one found first wins, with a warning.
    FirstFound,
}

/// A package that is not used because something is wrong with it.
#[derive(Debug)]
pub struct SetAside {
    /// Its manifest, or the path that was given.
    pub manifest: PathBuf,
    /// Its name, where the manifest could be read.
    pub name: Option<String>,
    /// (category, name) of what it would offer, where the manifest could be read.
    pub entries: Vec<(&'static str, String)>,
    /// Everything that is wrong.
    pub faults: Vec<Fault>,
}

/// A package that is not used because one of the same name was found before it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct HiddenPackage {
    /// The name.
    pub name: String,
    /// Its manifest.
    pub manifest: PathBuf,
    /// The manifest of the package that is used.
    pub used: PathBuf,
}

/// A package that takes no part because the user said so.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct DisabledPackage {
    /// The name.
    pub name: String,
    /// Its manifest.
    pub manifest: PathBuf,
}

/// Why there is no entry to hand out.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// No such category.
    #[error(transparent)]
    Category(#[from] UnknownCategory),
    /// No such entry.
    #[error("type `{name}` not found in category `{category}`{}{}{}",
        name::suggestion(name, available.iter().map(String::as_str)),
        set_aside.as_ref().map(|fault| format!("\nA package that offers it is set aside: {fault}")).unwrap_or_default(),
        bullets(available))]
    TypeNotFound {
        /// The category.
        category: &'static str,
        /// What was asked for.
        name: String,
        /// What exists.
        available: Vec<String>,
        /// What is wrong with a package that has it, where there is one.
        set_aside: Option<String>,
    },
    /// A package that was required takes no part.
    #[error("package `{package}` is required, and takes no part: {reason}")]
    Required {
        /// The package.
        package: String,
        /// Why it takes none.
        reason: String,
    },
    /// No transport for the scheme of a URL.
    #[error("no transport for `{scheme}://` of {url}{}{}",
        name::suggestion(scheme, available.iter().map(String::as_str)), bullets(available))]
    NoTransport {
        /// The URL.
        url: String,
        /// Its scheme.
        scheme: String,
        /// The schemes that exist.
        available: Vec<String>,
    },
    /// A package was chosen for a name that it does not offer.
    #[error("package `{package}` offers no {category} `{name}`{}{}{}",
        if *disabled { "; it is disabled: `aiperf plugins enable` lets it take part" } else { "" },
        name::suggestion(package, offering.iter().map(String::as_str)),
        bullets(offering))]
    NotOffered {
        /// The category.
        category: &'static str,
        /// The name.
        name: String,
        /// The package that was chosen.
        package: String,
        /// The user has disabled it.
        disabled: bool,
        /// The packages that offer the name.
        offering: Vec<String>,
    },
}

fn bullets(names: &[String]) -> String {
    match names.is_empty() {
        true => "\nNothing is available.".to_owned(),
        false => names.iter().fold("\nAvailable:".to_owned(), |text, name| text + "\n  • " + name),
    }
}

impl Registry {
    /// The built-in entries and those of every package that is found and takes part.
    pub fn discover(builtin: Manifest, options: &DiscoveryOptions, preferences: &Preferences) -> Self {
        let found = options.find();
        let mut registry = Self::default();
        registry.admit(builtin, Source::Builtin);
        for fault in found.faults {
            registry.set_aside.push(SetAside {
                manifest: fault.file.clone(),
                name: None,
                entries: Vec::new(),
                faults: vec![fault],
            });
        }
        for candidate in found.manifests {
            registry.take(candidate, options.trust(), preferences);
        }
        registry.settle();
        for (category, name, package) in preferences.uses() {
            // A package that was taken out since, or is not found today, is no reason to stop.
            if let Err(error) = registry.choose(category, name, package, Rule::Remembered) {
                let words = error.to_string();
                let first = words.lines().next().unwrap_or_default();
                registry.said.push(format!(
                    "the remembered choice of {package} for {category} `{name}` has no effect: {first}; \
                     `aiperf plugins use {category} {name} --clear` forgets it"
                ));
            }
        }
        registry.settle();
        registry
    }

    /// Decides who has a name, whatever the priorities are.
    ///
    /// # Errors
    /// When the package does not offer that name; the error lists the packages that do.
    pub fn use_implementation(&mut self, category: &str, name: &str, package: &str) -> Result<&Entry, RegistryError> {
        self.choose(category, name, package, Rule::ChosenForThisRun)?;
        self.settle();
        self.entry(category, name)
    }

    /// Everything that wants a name: the winner first.
    ///
    /// # Errors
    /// When there is no such category or name.
    pub fn list_implementations(&self, category: &str, name: &str) -> Result<Vec<&Entry>, RegistryError> {
        let winner = self.entry(category, name)?;
        let wants =
            |entry: &&Entry| entry.category.name == winner.category.name && name::same(&entry.name, &winner.name);
        Ok(self.entries.iter().filter(wants).collect())
    }

    /// The entry that `wanted` means: a name, without regard to case and `-`/`_`, or a class path `library:Type`,
    /// which also reaches an entry that lost its name.
    ///
    /// # Errors
    /// When there is no such category or entry; the error lists what exists and the nearest.
    pub fn entry(&self, category: &str, wanted: &str) -> Result<&Entry, RegistryError> {
        let category = category::find(category)?;
        let mut of_category = self.entries.iter().filter(|entry| entry.category.name == category.name);
        let found = match wanted.contains(':') {
            true => of_category.find(|entry| entry.class.to_string() == wanted),
            false => of_category.find(|entry| entry.wins() && name::same(&entry.name, wanted)),
        };
        found.ok_or_else(|| RegistryError::TypeNotFound {
            category: &category.name,
            name: wanted.to_owned(),
            available: self.entries(category).map(|entry| entry.name.clone()).collect(),
            set_aside: self.set_aside.iter().find_map(|package| {
                let has = |(of, name): &(&str, String)| *of == category.name && name::same(name, wanted);
                package.entries.iter().any(has).then(|| package.faults.first().map(Fault::to_string))?
            }),
        })
    }

    /// Makes sure that a package takes part, and that a run does not go on without it.
    ///
    /// # Errors
    /// When it does not; the error says why.
    pub fn require(&mut self, package: &str) -> Result<&Package, RegistryError> {
        if let Some(found) = self.packages.iter().find(|one| name::same(one.name(), package)) {
            self.required.push(found.name().to_owned());
            return Ok(found);
        }
        let named = |name: &str| name::same(name, package);
        let faulty = self.set_aside.iter().find(|one| one.name.as_deref().is_some_and(named));
        let reason = match faulty.and_then(|one| one.faults.first()) {
            Some(fault) => fault.to_string(),
            None if self.disabled.iter().any(|one| named(&one.name)) => {
                format!("it is disabled; `aiperf plugins enable {package}` lets it take part")
            }
            None => {
                let near = name::suggestion(package, self.packages().map(Package::name));
                format!("it is not installed{near}; `aiperf plugins add` installs a package")
            }
        };
        Err(RegistryError::Required { package: package.to_owned(), reason })
    }

    /// Whether a run must not go on without what this package offers.
    pub fn is_required(&self, package: &Package) -> bool {
        self.required.iter().any(|required| required == package.name())
    }

    /// The entries of a category that have their name, by name.
    pub fn entries(&self, category: &Category) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.wins() && entry.category.name == category.name)
    }

    /// Every entry, also those that lost their name: by category, then name, the winner first.
    pub fn all(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// The packages in use, built-in first, then in the order in which they were found.
    pub fn packages(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().map(Arc::as_ref)
    }

    /// The packages that are not used because something is wrong with them.
    pub fn faults(&self) -> &[SetAside] {
        &self.set_aside
    }

    /// The packages that are not used because one of the same name was found before.
    pub fn hidden(&self) -> &[HiddenPackage] {
        &self.hidden
    }

    /// The packages that take no part because the user said so.
    pub fn disabled(&self) -> &[DisabledPackage] {
        &self.disabled
    }

    /// What is not wrong but worth a line, e.g. a name that two packages want equally.
    pub fn warnings(&self) -> impl Iterator<Item = &str> {
        self.said.iter().chain(&self.contested).map(String::as_str)
    }

    /// The transport for the scheme of a URL; one without a scheme counts as `http`.
    ///
    /// # Errors
    /// When no transport has that scheme; the error lists those that exist.
    pub fn transport_for_url(&self, url: &str) -> Result<&Entry, RegistryError> {
        let scheme = url.split_once("://").map_or("http", |(scheme, _)| scheme).to_lowercase();
        let transports = || self.entries.iter().filter(|entry| entry.wins() && entry.category.name == "transport");
        transports()
            .filter(|entry| schemes(entry).any(|one| one == scheme))
            .min_by_key(|entry| entry.rank())
            .ok_or_else(|| {
                let mut available: Vec<_> = transports().flat_map(schemes).map(|scheme| scheme + "://").collect();
                available.sort();
                available.dedup();
                RegistryError::NoTransport { url: url.to_owned(), scheme, available }
            })
    }
}

fn schemes(transport: &Entry) -> impl Iterator<Item = String> {
    let list = transport.metadata.get("url_schemes").and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).map(str::to_lowercase)
}

impl Entry {
    /// Whether its name means this entry.
    pub fn wins(&self) -> bool {
        matches!(self.standing, Standing::Wins { .. })
    }

    /// The smaller comes first where two want the same.
    fn rank(&self) -> (std::cmp::Reverse<i64>, bool) {
        (std::cmp::Reverse(self.priority), self.package.source == Source::Builtin)
    }

    fn rival(&self, rule: Rule) -> Rival {
        let package = self.package.name().to_owned();
        Rival { package, class: self.class.to_string(), priority: self.priority, rule }
    }
}

impl Package {
    /// Its name.
    pub fn name(&self) -> &str {
        self.info.name.as_str()
    }

    /// From here on only a library of this SHA-256 is loaded for it. The first word holds.
    pub fn lock_to(&self, sha256: &str) {
        self.locked.get_or_init(|| sha256.to_owned());
    }

    /// The digest that a lock asks for.
    pub fn locked(&self) -> Option<&str> {
        self.locked.get().map(String::as_str)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ChosenForThisRun => "chosen for this run",
            Self::Remembered => "the remembered choice",
            Self::HigherPriority => "higher priority",
            Self::ExternalBeatsBuiltin => "external beats built-in at equal priority",
            Self::FirstFound => "found first at equal priority",
        })
    }
}

impl Registry {
    fn take(&mut self, Candidate { manifest: path, origin }: Candidate, trust: Trust, preferences: &Preferences) {
        let manifest = match Manifest::read(&path) {
            Ok(manifest) => manifest,
            Err(faults) => {
                return self.set_aside.push(SetAside { manifest: path, name: None, entries: Vec::new(), faults });
            }
        };
        let wanted = manifest.package.name.as_str();
        if preferences.is_disabled(wanted) {
            return self.disabled.push(DisabledPackage { name: wanted.to_owned(), manifest: path });
        }
        if let Some(used) = self.packages.iter().find_map(|package| package.manifest_of(wanted)) {
            return self.hidden.push(HiddenPackage { name: wanted.to_owned(), used: used.to_owned(), manifest: path });
        }
        match check(&path, &manifest, origin).and_then(|library| trusted(&path, library, trust)) {
            Ok(library) => {
                self.said.extend(manifest.warnings.iter().map(|warning| format!("{}: {warning}", path.display())));
                self.admit(manifest, Source::Library { path: library, manifest: path, origin });
            }
            Err(fault) => {
                let name = Some(wanted.to_owned());
                let entries =
                    manifest.entries.iter().map(|one| (one.category.name.as_str(), one.name.clone())).collect();
                self.set_aside.push(SetAside { manifest: path, name, entries, faults: vec![fault] });
            }
        }
    }

    fn admit(&mut self, manifest: Manifest, source: Source) {
        let order = self.packages.len();
        let package = Arc::new(Package { info: manifest.package, source, order, locked: OnceLock::new() });
        self.entries.extend(manifest.entries.into_iter().map(|declared| Entry {
            category: declared.category,
            name: declared.name,
            class: declared.class,
            description: declared.description,
            priority: declared.priority,
            metadata: declared.metadata,
            package: Arc::clone(&package),
            standing: Standing::Wins { over: Vec::new() },
            constructor: None,
        }));
        self.packages.push(package);
    }
}

/// What must hold of a package before it is used, beyond a manifest in order: its name is free, its library is there.
pub(super) fn check(path: &Path, manifest: &Manifest, origin: Origin) -> Result<PathBuf, Fault> {
    check_manifest(path, manifest)?;
    resolve::found_library(path, manifest, origin)
}

/// The library, where nobody else can write it, its manifest and their folders.
fn trusted(manifest: &Path, library: PathBuf, trust: Trust) -> Result<PathBuf, Fault> {
    if trust == Trust::AnyFiles {
        return Ok(library);
    }
    let insecure = |problem| Fault::of(manifest, problem);
    let real = manifest.canonicalize().map_err(|error| insecure(Problem::Unreadable(error)))?;
    trust::check([library.as_path(), &real]).map_err(insecure)?;
    Ok(library)
}

/// The part of [`check`] that needs no library.
pub(super) fn check_manifest(path: &Path, manifest: &Manifest) -> Result<(), Fault> {
    let fault = |keys: &[&str], problem| Err(Fault::at(path, manifest.locate(keys), problem));
    if name::same(manifest.package.name.as_str(), BUILTIN_PACKAGE) {
        return fault(&["plugin", "name"], Problem::ReservedName(BUILTIN_PACKAGE.to_owned()));
    }
    if manifest.entries.is_empty() {
        return fault(&[], Problem::Empty);
    }
    Ok(())
}

/// The name of the package that is compiled in.
pub const BUILTIN_PACKAGE: &str = "aiperf";

impl Package {
    /// Its manifest, if the package has that name and one.
    fn manifest_of(&self, wanted: &str) -> Option<&Path> {
        match &self.source {
            Source::Library { manifest, .. } if name::same(self.name(), wanted) => Some(manifest),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
