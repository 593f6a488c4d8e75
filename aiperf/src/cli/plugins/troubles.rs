//! Packages that are set aside or hidden, and other warnings of the registry, in words.

use std::fmt::Write;

use super::text::one_line;
use crate::plugin::registry::{DisabledPackage, HiddenPackage, Registry, SetAside};

/// A line for each package that is not used because of its faults, and for each warning.
pub(super) fn in_brief(registry: &Registry) -> Vec<String> {
    let set_aside = registry.faults().iter().filter_map(|package| {
        let first = one_line(&package.faults.first()?.to_string());
        let more = match package.faults.len() - 1 {
            0 => String::new(),
            more => format!(" (and {more} more; `aiperf plugins --validate` names them)"),
        };
        Some(format!("warning: {} is set aside: {first}{more}", called(package)))
    });
    set_aside.chain(warnings(registry)).collect()
}

/// The same with every fault, and with the packages that are hidden by another of their name.
pub(super) fn in_full(registry: &Registry) -> String {
    let mut text = String::new();
    for package in registry.faults() {
        let _ = writeln!(text, "warning: {} is set aside:", called(package));
        for fault in &package.faults {
            let _ = writeln!(text, "  {}", one_line(&fault.to_string()));
        }
    }
    for HiddenPackage { name, manifest, used } in registry.hidden() {
        let _ = writeln!(
            text,
            "note: package `{name}` of {} is not used, {} came first",
            manifest.display(),
            used.display()
        );
    }
    for DisabledPackage { name, .. } in registry.disabled() {
        let _ = writeln!(text, "note: package `{name}` is disabled; `aiperf plugins enable {name}` lets it take part");
    }
    for warning in warnings(registry) {
        let _ = writeln!(text, "{warning}");
    }
    text
}

fn called(package: &SetAside) -> String {
    match &package.name {
        Some(name) => format!("package `{name}`"),
        None => "a package".to_owned(),
    }
}

fn warnings(registry: &Registry) -> impl Iterator<Item = String> {
    registry.warnings().map(|warning| format!("warning: {}", one_line(warning)))
}
