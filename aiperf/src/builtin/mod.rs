//! What is built in: its manifest, and the table from its classes to constructors. The one place that names
//! implementations.

pub mod table;

use std::path::Path;

use crate::plugin::discovery::DiscoveryOptions;
use crate::plugin::manifest::Manifest;
use crate::plugin::preferences::Preferences;
use crate::plugin::registry::Registry;

/// The built-in manifest.
pub fn manifest() -> Manifest {
    let text = include_str!("plugins.yaml").to_owned();
    Manifest::parse(text, Path::new("built-in plugins.yaml")).expect("the embedded manifest is tested")
}

/// A registry of what is built in, for a program that adds to it, and for tests.
pub fn only() -> Registry {
    registry(&DiscoveryOptions::nowhere(), &Preferences::default())
}

/// The registry of this process: what is built in, and every package that is found and not disabled.
pub fn registry(options: &DiscoveryOptions, preferences: &Preferences) -> Registry {
    Registry::discover(manifest(), options, preferences)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::category;

    #[test]
    fn every_class_of_the_manifest_has_its_row_and_every_row_its_entry() {
        let manifest = manifest();
        for category in category::all() {
            let declared = manifest.entries.iter().filter(|entry| entry.category.name == category.name);
            let mut declared: Vec<_> = declared.map(|entry| entry.class.type_name.as_str()).collect();
            let mut rows: Vec<_> = table::classes(&category.name).collect();
            declared.sort_unstable();
            rows.sort_unstable();
            assert_eq!(declared, rows, "{category}");
        }
    }

    #[test]
    fn built_in_entries_are_at_priority_zero_and_tell_what_they_do() {
        let manifest = manifest();
        assert!(manifest.warnings.is_empty());
        for entry in &manifest.entries {
            assert_eq!(entry.priority, 0, "{}", entry.name);
            assert_eq!(entry.class.library, "aiperf", "{}", entry.name);
            assert!(entry.description.ends_with('.'), "{}: a description is of sentences", entry.name);
        }
    }
}
