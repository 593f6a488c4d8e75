//! Finding things in a registry by what they are, and checking all of them without running any.

use std::any::type_name;
use std::collections::BTreeMap;
use std::path::Path;

use super::registration::last_part;
use super::{Entry, Package, Registry, Source};
use crate::plugin::inspect::{self, Inspection};
use crate::plugin::{category, name};

/// An entry and what is wrong with it.
#[derive(Debug)]
pub struct Validity<'a> {
    /// The entry.
    pub entry: &'a Entry,
    /// Why its class cannot be used; nothing, where it can, as far as that can be told without running it.
    pub fault: Option<String>,
}

impl Registry {
    /// A package by name.
    ///
    /// ```
    /// let registry = aiperf::builtin::only();
    /// assert_eq!(registry.package("aiperf").unwrap().info.license.as_deref(), Some("Apache-2.0"));
    /// ```
    pub fn package(&self, wanted: &str) -> Option<&Package> {
        self.packages().find(|package| name::same(package.name(), wanted))
    }

    /// The name under which a class path is registered; of one that lost its name, that name too.
    ///
    /// ```
    /// let registry = aiperf::builtin::only();
    /// assert_eq!(registry.find_registered_name("endpoint", "aiperf:ChatEndpoint"), Some("chat"));
    /// assert_eq!(registry.find_registered_name("endpoint", "aiperf:Nobody"), None);
    /// ```
    pub fn find_registered_name(&self, category: &str, class: &str) -> Option<&str> {
        let category = category::find(category).ok()?;
        let mut of_category = self.all().filter(|entry| entry.category.name == category.name);
        of_category.find(|entry| entry.class.to_string() == class).map(|entry| entry.name.as_str())
    }

    /// The name under which a type of this program is registered, whether built in or by
    /// [`Registry::register`]. A type of a loaded library is not one of this program.
    ///
    /// ```
    /// let registry = aiperf::builtin::only();
    /// assert_eq!(registry.name_of::<aiperf::endpoint::ChatEndpoint>("endpoint"), Some("chat"));
    /// ```
    pub fn name_of<T>(&self, category: &str) -> Option<&str> {
        let category = category::find(category).ok()?;
        let wanted = last_part(type_name::<T>());
        let own = |entry: &&Entry| !matches!(entry.package.source, Source::Library { .. });
        let mut of_category = self.all().filter(|entry| entry.category.name == category.name).filter(own);
        of_category.find(|entry| entry.class.type_name == wanted).map(|entry| entry.name.as_str())
    }

    /// Checks every entry without running any code: that its library is one that can be used here, and has the class.
    ///
    /// ```
    /// let registry = aiperf::builtin::only();
    /// assert!(registry.validate_all().iter().all(|validity| validity.fault.is_none()));
    /// ```
    pub fn validate_all(&self) -> Vec<Validity<'_>> {
        let mut read: BTreeMap<&Path, Result<Inspection, String>> = BTreeMap::new();
        let fault = |entry: &Entry, inspection: &Result<Inspection, String>| match inspection {
            Err(fault) => Some(fault.clone()),
            Ok(inspection) => {
                let wanted = entry.class.type_name.as_str();
                let offered: Vec<_> = inspection.descriptor.types(&entry.category.name).collect();
                let missing = || {
                    let near = name::suggestion(wanted, offered.iter().copied());
                    format!("its library offers no {} `{wanted}`{near}", entry.category)
                };
                (!offered.contains(&wanted)).then(missing)
            }
        };
        let mut all = Vec::new();
        for entry in self.all() {
            let fault = match &entry.package.source {
                Source::Builtin | Source::Program => None,
                Source::Library { path, .. } => {
                    let inspected = || inspect::inspect(path).map_err(|error| format!("{} {error}", path.display()));
                    fault(entry, read.entry(path).or_insert_with(inspected))
                }
            };
            all.push(Validity { entry, fault });
        }
        all
    }
}
