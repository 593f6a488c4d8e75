//! What is built in: its manifest, and the table from its classes to constructors. The one place that names
//! implementations.

pub mod table;

use std::path::Path;

use crate::plugin::discovery::DiscoveryOptions;
use crate::plugin::manifest::Manifest;
use crate::plugin::registry::Registry;

/// The built-in manifest.
pub fn manifest() -> Manifest {
    let text = include_str!("plugins.yaml").to_owned();
    Manifest::parse(text, Path::new("built-in plugins.yaml")).expect("the embedded manifest is tested")
}

/// The registry of this process: what is built in, and every package that is found.
pub fn registry(options: &DiscoveryOptions) -> Registry {
    Registry::discover(manifest(), options)
}
