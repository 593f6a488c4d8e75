//! `doctor`: how every package is, its library loaded in a process of its own.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use console::Style;
use serde::Serialize;

use super::probe::{self, Loading};
use super::text::{counted, in_a_row, paint, screen, wrapped};
use super::{Failure, Form};
use crate::cli::console::Screen;
use crate::exit::Exit;
use crate::plugin::discovery::DiscoveryOptions;
use crate::plugin::health::{self, Finding, Health};
use crate::plugin::lock::{self, Lock, LockError};
use crate::plugin::registry::{Registry, Standing};

#[derive(Debug, Serialize)]
struct Document {
    healthy: bool,
    packages: Vec<PackageHealth>,
    /// Names that more than one package has or wants.
    names: Vec<Finding>,
}

#[derive(Debug, Serialize)]
struct PackageHealth {
    name: Option<String>,
    version: Option<String>,
    manifest: PathBuf,
    disabled: bool,
    healthy: bool,
    findings: Vec<Finding>,
}

/// `aiperf plugins doctor`
pub(super) fn tell(options: &DiscoveryOptions, registry: &Registry, form: Form) -> Result<Exit, Failure> {
    let lock = match Lock::read(Path::new(lock::FILE_NAME)) {
        Ok(lock) => Some(lock),
        Err(LockError::None(_)) => None,
        Err(error) => return Err(error.into()),
    };
    let packages: Vec<_> =
        health::of_all(options, lock.as_ref()).into_iter().map(|health| examined(health, registry)).collect();
    let names = names(registry);
    let findings = packages.iter().flat_map(|package| &package.findings).chain(&names);
    let faults = findings.filter(|finding| !finding.healthy).count();
    form.tell(&Document { healthy: faults == 0, packages, names }, |document| words(document, faults, screen()));
    Ok(if faults == 0 { Exit::Success } else { Exit::Failed })
}

fn examined(health: Health, registry: &Registry) -> PackageHealth {
    let Health { manifest, package, library, mut findings } = health;
    findings.extend(library.map(|library| loading(&library)));
    let (name, version) = package.unzip();
    PackageHealth {
        disabled: registry.disabled().iter().any(|disabled| disabled.manifest == manifest),
        healthy: findings.iter().all(|finding| finding.healthy),
        name,
        version,
        manifest,
        findings,
    }
}

fn loading(library: &Path) -> Finding {
    match probe::load(library) {
        Ok(Loading::Loaded { .. }) => Finding::good("loads", "in a process of its own: its layout fits, and it starts"),
        Ok(Loading::Refused(why)) => Finding::bad("loads", why),
        Err(ending) => Finding::bad("loads", format!("{ending}, in a process of its own; do not use it")),
    }
}

/// Packages of one name, and names that only the order of finding decides, are faults; a name that was decided is not.
fn names(registry: &Registry) -> Vec<Finding> {
    let hidden = registry.hidden().iter().map(|hidden| {
        let (one, used) = (hidden.manifest.display(), hidden.used.display());
        Finding::bad("packages", format!("`{}` is there twice: {used} is used, {one} is not", hidden.name))
    });
    let warnings = registry.warnings().map(|warning| Finding::bad("names", warning));
    let shadowed = registry.all().filter_map(|entry| match &entry.standing {
        Standing::Loses { to } => Some(Finding::good(
            "shadowed",
            format!(
                "{} {}: {} of {} by {} of {}, {}",
                entry.category,
                entry.name,
                entry.class,
                entry.package.name(),
                to.class,
                to.package,
                to.rule
            ),
        )),
        Standing::Wins { .. } => None,
    });
    hidden.chain(warnings).chain(shadowed).collect()
}

fn words(document: &Document, faults: usize, screen: Screen) -> String {
    let mut text = String::new();
    for package in &document.packages {
        let title = match (&package.name, &package.version) {
            (Some(name), Some(version)) => format!("{name} {version}"),
            _ => "a package".to_owned(),
        };
        let disabled = if package.disabled { " (disabled)" } else { "" };
        let title = paint(screen, Style::new().bold(), &format!("{title}{disabled}"));
        let _ = writeln!(text, "{title}\n  {}", package.manifest.display());
        lines(&mut text, &package.findings, screen);
        text.push('\n');
    }
    if !document.names.is_empty() {
        let _ = writeln!(text, "{}", paint(screen, Style::new().bold(), "Names"));
        lines(&mut text, &document.names, screen);
        text.push('\n');
    }
    let packages = counted(document.packages.len(), "package", "packages");
    let end = match faults {
        0 => "nothing is wrong".to_owned(),
        faults => counted(faults, "fault", "faults"),
    };
    let _ = writeln!(text, "{packages}, {end}");
    text
}

fn lines(text: &mut String, findings: &[Finding], screen: Screen) {
    for finding in findings {
        let (mark, style) = if finding.healthy { ("✓", Style::new().green()) } else { ("✗", Style::new().red()) };
        // The mark is drawn afterwards: its colours have no width.
        let line = wrapped(&format!("    {:<11} ", finding.check), &in_a_row(&finding.detail), screen);
        let _ = writeln!(text, "  {} {}", paint(screen, style, mark), line.trim_start());
    }
}
