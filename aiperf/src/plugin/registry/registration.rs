//! What a program that uses this crate does to a registry: registers its own classes, loads further manifests, puts a mock
//! in the place of an entry, and takes all of it back.

use std::any::{Any, type_name};
use std::fmt;
use std::ops::Deref;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use aiperf_abi::Context;
use aiperf_abi::host::Category;
use serde_json::{Value, json};

use super::{Candidate, Entry, Package, Registry, Source, Standing};
use crate::plugin::category;
use crate::plugin::discovery::Origin;
use crate::plugin::fault::Fault;
use crate::plugin::manifest::{ClassPath, PackageInfo};
use crate::plugin::preferences::Preferences;
use crate::plugin::trust::Trust;

/// The package of what a program registers.
pub const PROGRAM_PACKAGE: &str = "program";

/// Why a category of the ABI can be looked up.
const IN_THE_LIST: &str = "the list holds every category of the ABI";

/// Makes a value of a category: a trait object such as `dyn Endpoint`.
pub type New<C> = dyn Fn(&Context<'_>) -> aiperf_abi::Result<Box<C>> + Send + Sync;

/// How the values of a registered entry are made; which category it is of, only its maker and its user know.
#[derive(Clone)]
pub struct Constructor(Arc<dyn Any + Send + Sync>);

impl Constructor {
    fn of<C: Category + ?Sized>(new: Box<New<C>>) -> Self {
        Self(Arc::new(new))
    }

    /// The constructor, if it makes values of this kind.
    pub fn making<C: Category + ?Sized>(&self) -> Option<&New<C>> {
        self.0.downcast_ref::<Box<New<C>>>().map(|new| &**new)
    }
}

impl fmt::Debug for Constructor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Constructor")
    }
}

/// A class of this program, to be registered as an entry; `C` is the trait object of its category, `dyn Endpoint` for one.
pub struct Registration<C: Category + ?Sized> {
    name: String,
    type_name: &'static str,
    new: Box<New<C>>,
    priority: i64,
    description: String,
    metadata: Value,
}

impl<C: Category + ?Sized> Registration<C> {
    /// A class `T` by this name, with priority 0 and no metadata.
    pub fn new<T>(
        name: &str,
        new: impl Fn(&Context<'_>) -> aiperf_abi::Result<Box<C>> + Send + Sync + 'static,
    ) -> Self {
        let type_name = last_part(type_name::<T>());
        let (description, metadata) = (String::new(), json!({}));
        Self { name: name.to_owned(), type_name, new: Box::new(new), priority: 0, description, metadata }
    }

    /// With this priority.
    #[must_use]
    pub fn priority(self, priority: i64) -> Self {
        Self { priority, ..self }
    }

    /// With this description.
    #[must_use]
    pub fn description(self, description: &str) -> Self {
        Self { description: description.to_owned(), ..self }
    }

    /// With this metadata, as a manifest would have it.
    #[must_use]
    pub fn metadata(self, metadata: Value) -> Self {
        Self { metadata, ..self }
    }
}

/// The name of a type without its path.
pub(super) fn last_part(path: &'static str) -> &'static str {
    let plain = path.split('<').next().unwrap_or(path);
    plain.rsplit("::").next().unwrap_or(plain)
}

impl Registry {
    /// Registers a class of this program. It competes for its name like an entry of a package.
    ///
    /// ```
    /// use aiperf::builtin;
    /// use aiperf::plugin::registry::Registration;
    /// use aiperf_abi::{Endpoint, ParsedResponse, Payload, RequestInfo, Response, Result, json};
    ///
    /// struct Mine;
    /// impl Endpoint for Mine {
    ///     fn format_payload(&self, _: RequestInfo<'_>) -> Result<Payload> { Ok(json!({}).into()) }
    ///     fn parse_response(&self, _: Response<'_>) -> Result<Option<ParsedResponse>> { Ok(None) }
    /// }
    ///
    /// let mut registry = builtin::only();
    /// let mine = Registration::<dyn Endpoint>::new::<Mine>("mine", |_| Ok(Box::new(Mine))).priority(10);
    /// registry.register(mine);
    /// assert_eq!(registry.entry("endpoint", "mine").unwrap().class.to_string(), "program:Mine");
    /// assert_eq!(registry.name_of::<Mine>("endpoint"), Some("mine"));
    /// ```
    pub fn register<C: Category + ?Sized>(&mut self, registration: Registration<C>) {
        let Registration { name, type_name, new, priority, description, metadata } = registration;
        let category = category::find(C::NAME).expect(IN_THE_LIST);
        let package = self.program();
        self.entries.push(Entry {
            category,
            name,
            class: ClassPath { library: PROGRAM_PACKAGE.to_owned(), type_name: type_name.to_owned() },
            description,
            priority,
            metadata,
            package,
            standing: Standing::Wins { over: Vec::new() },
            constructor: Some(Constructor::of(new)),
        });
        self.settle();
    }

    /// The package of what the program registers; there from the first registration on.
    fn program(&mut self) -> Arc<Package> {
        if let Some(package) = self.packages.iter().find(|package| package.source == Source::Program) {
            return Arc::clone(package);
        }
        let info = PackageInfo::named(PROGRAM_PACKAGE, semver::Version::new(0, 0, 0));
        let order = self.packages.len();
        let package = Arc::new(Package { info, source: Source::Program, order, locked: OnceLock::new() });
        self.packages.push(Arc::clone(&package));
        package
    }

    /// Loads a further manifest, as discovery would; whether others can write its files is not asked.
    ///
    /// ```no_run
    /// let mut registry = aiperf::builtin::only();
    /// registry.load("my-plugins/plugins.yaml".as_ref()).unwrap();
    /// assert!(registry.package("my-plugins").is_some());
    /// ```
    ///
    /// # Errors
    /// Everything that is wrong with the package; it is then set aside.
    pub fn load(&mut self, manifest: &Path) -> Result<&Package, Vec<String>> {
        let candidate = Candidate { manifest: manifest.to_owned(), origin: Origin::Given };
        let (packages, hidden) = (self.packages.len(), self.hidden.len());
        self.take(candidate, Trust::AnyFiles, &Preferences::default());
        self.settle();
        if self.packages.len() > packages {
            return Ok(&self.packages[packages]);
        }
        Err(match self.hidden.get(hidden) {
            Some(hidden) => vec![format!("package `{}` is there already, from {}", hidden.name, hidden.used.display())],
            None => self.set_aside.last().into_iter().flat_map(|one| &one.faults).map(Fault::to_string).collect(),
        })
    }

    /// Puts a class in the place of whatever has a name, until the guard is dropped.
    ///
    /// ```
    /// # use aiperf::builtin;
    /// # use aiperf::plugin::registry::Registration;
    /// # use aiperf_abi::{Endpoint, ParsedResponse, Payload, RequestInfo, Response, Result, json};
    /// # struct Mock;
    /// # impl Endpoint for Mock {
    /// #     fn format_payload(&self, _: RequestInfo<'_>) -> Result<Payload> { Ok(json!({}).into()) }
    /// #     fn parse_response(&self, _: Response<'_>) -> Result<Option<ParsedResponse>> { Ok(None) }
    /// # }
    /// let mut registry = builtin::only();
    /// {
    ///     let mock = Registration::<dyn Endpoint>::new::<Mock>("chat", |_| Ok(Box::new(Mock)));
    ///     let mocked = registry.mock(mock);
    ///     assert_eq!(mocked.entry("endpoint", "chat").unwrap().class.to_string(), "program:Mock");
    /// }
    /// assert_eq!(registry.entry("endpoint", "chat").unwrap().class.to_string(), "aiperf:ChatEndpoint");
    /// ```
    pub fn mock<C: Category + ?Sized>(&mut self, registration: Registration<C>) -> Mocked<'_> {
        let before =
            Before { packages: self.packages.clone(), entries: self.entries.clone(), choices: self.choices.clone() };
        let name = registration.name.clone();
        self.register(registration);
        self.use_implementation(C::NAME, &name, PROGRAM_PACKAGE).expect("it was registered just now");
        Mocked { registry: self, before }
    }

    /// Back to nothing but what is built in, without any choice.
    ///
    /// ```
    /// let mut registry = aiperf::builtin::only();
    /// let entries = registry.all().count();
    /// registry.use_implementation("endpoint", "chat", "aiperf").unwrap();
    /// registry.reset();
    /// assert_eq!(registry.all().count(), entries);
    /// ```
    pub fn reset(&mut self) {
        let builtin = |source: &Source| *source == Source::Builtin;
        let packages = std::mem::take(&mut self.packages);
        let entries = std::mem::take(&mut self.entries);
        *self = Self {
            packages: packages.into_iter().filter(|package| builtin(&package.source)).collect(),
            entries: entries.into_iter().filter(|entry| builtin(&entry.package.source)).collect(),
            ..Self::default()
        };
        self.settle();
    }
}

/// What a mock changes, as it was.
struct Before {
    packages: Vec<Arc<Package>>,
    entries: Vec<Entry>,
    choices: Vec<super::Choice>,
}

/// A registry with a mock in it. Dropped, it is as it was.
pub struct Mocked<'a> {
    registry: &'a mut Registry,
    before: Before,
}

impl Deref for Mocked<'_> {
    type Target = Registry;

    fn deref(&self) -> &Registry {
        self.registry
    }
}

impl Drop for Mocked<'_> {
    fn drop(&mut self) {
        self.registry.packages = std::mem::take(&mut self.before.packages);
        self.registry.entries = std::mem::take(&mut self.before.entries);
        self.registry.choices = std::mem::take(&mut self.before.choices);
        self.registry.settle();
    }
}
