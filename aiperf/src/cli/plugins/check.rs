//! `--validate` and `validate PATH`: which checks passed, and each fault of those that did not.

use std::fmt::Write;
use std::path::Path;

use console::Style;
use serde::Serialize;

use super::document::FaultDocument;
use super::text::{counted, one_line, paint, screen};
use super::{Failure, Form};
use crate::cli::console::Screen;
use crate::exit::Exit;
use crate::plugin::discovery::DiscoveryOptions;
use crate::plugin::registry::Registry;
use crate::plugin::validate::{Check, Validation};

#[derive(Debug, Serialize)]
struct Document {
    packages: usize,
    passed: bool,
    checks: Vec<CheckDocument>,
    warnings: Vec<String>,
}

#[derive(Debug, Serialize)]
struct CheckDocument {
    number: usize,
    check: Check,
    passed: bool,
    faults: Vec<FaultDocument>,
}

/// `aiperf plugins --validate`
pub(super) fn all(options: &DiscoveryOptions, registry: &Registry, form: Form) -> Result<Exit, Failure> {
    let mut validation = Validation::of_all(options);
    // Who wins a name is seen only where all packages are together; its list has the warnings of manifests as well.
    validation.warnings = registry.warnings().map(str::to_owned).collect();
    Ok(tell(&validation, form))
}

/// `aiperf plugins validate PATH`
pub(super) fn path(path: &Path, form: Form) -> Result<Exit, Failure> {
    let validation = Validation::of_path(path).map_err(|fault| Failure::saying(Exit::Usage, fault.to_string()))?;
    Ok(tell(&validation, form))
}

fn tell(validation: &Validation, form: Form) -> Exit {
    let checks = (1..).zip(Check::ALL).map(|(number, check)| {
        let faults: Vec<_> = validation.faults_of(check).map(FaultDocument::of).collect();
        CheckDocument { number, check, passed: faults.is_empty(), faults }
    });
    let passed = validation.passed();
    let (packages, warnings) = (validation.packages, validation.warnings.clone());
    form.tell(&Document { packages, passed, checks: checks.collect(), warnings }, |_| words(validation, screen()));
    if passed { Exit::Success } else { Exit::Failed }
}

/// What was checked and found, for a person.
fn words(validation: &Validation, screen: Screen) -> String {
    let mut text = format!("Validating plugins: {}\n\n", counted(validation.packages, "package", "packages"));
    for (number, check) in (1..).zip(Check::ALL) {
        let mut faults = validation.faults_of(check).peekable();
        let mark = match faults.peek() {
            None => paint(screen, Style::new().green(), "✓"),
            Some(_) => paint(screen, Style::new().red(), "✗"),
        };
        let _ = writeln!(text, "{number}. {mark} {check}");
        for fault in faults {
            let _ = writeln!(text, "    {}", one_line(&fault.to_string()));
        }
    }
    for warning in &validation.warnings {
        let _ = writeln!(text, "{} {}", paint(screen, Style::new().yellow(), "!"), one_line(warning));
    }
    let end = match validation.faults.len() {
        0 => "All checks passed".to_owned(),
        count => format!("{} found", counted(count, "fault", "faults")),
    };
    let _ = writeln!(text, "\n{end}");
    text
}
