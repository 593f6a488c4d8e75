//! `test` and `bench`: the conformance suite over the classes of a library, and what its calls cost. Each class is tried in
//! a process of its own.

use std::ffi::OsStr;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use console::Style;
use serde::Serialize;
use serde_json::Value;

use super::probe;
use super::text::{counted, in_a_row, paint, screen, table, wrapped};
use super::{Failure, Form, inspect};
use crate::cli::console::Screen;
use crate::conformance::{self, Call, Cost, Finding, Outcome, Progress, Subject};
use crate::exit::Exit;
use crate::plugin::install::manifest_near;
use crate::plugin::manifest::{Declared, Manifest};
use crate::plugin::registry::Registry;
use crate::plugin::validate::Validation;

/// How long one check, or one class to be measured, may take.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug, Serialize)]
struct Document {
    library: PathBuf,
    passed: bool,
    classes: Vec<Class>,
}

#[derive(Debug, Serialize)]
struct Class {
    class: String,
    findings: Vec<Finding>,
}

/// What the classes get.
#[derive(Debug, clap::Args)]
pub(super) struct Given {
    /// The settings every class gets
    #[arg(long, value_name = "JSON", default_value = "{}", value_parser = settings)]
    config: Value,
}

/// `aiperf plugins test LIBRARY`
pub(super) fn test(
    registry: &Registry,
    wanted: &Path,
    given: &Given,
    sample: Option<&Path>,
    form: Form,
) -> Result<Exit, Failure> {
    let (library, exports) = inspect::one(registry, wanted)?;
    if let Some(missing) = sample.filter(|sample| !sample.exists()) {
        return Err(Failure::saying(Exit::Usage, format!("there is no file {}", missing.display())));
    }
    let mut classes = vec![Class { class: "package".to_owned(), findings: vec![package(&library)] }];
    for class in exports {
        let findings = tried(&library, &class, &given.config, sample);
        classes.push(Class { class, findings });
    }
    let failed = classes.iter().flat_map(|class| &class.findings).any(|finding| finding.outcome == Outcome::Failed);
    form.tell(&Document { library, passed: !failed, classes }, |document| words(document, screen()));
    Ok(if failed { Exit::Failed } else { Exit::Success })
}

/// The manifest against its schema and the library.
fn package(library: &Path) -> Finding {
    let check = "manifest".to_owned();
    let Some(manifest) = manifest_near(library) else {
        let detail = "there is no `plugins.yaml` beside the library or above it".to_owned();
        return Finding { check, outcome: Outcome::Skipped, detail };
    };
    let mut validation = Validation::default();
    validation.pair(&manifest, library);
    let faults: Vec<_> = validation.faults.iter().map(|(_, fault)| fault.to_string()).collect();
    match faults.is_empty() {
        true => Finding { check, outcome: Outcome::Passed, detail: manifest.display().to_string() },
        false => Finding { check, outcome: Outcome::Failed, detail: faults.join("; ") },
    }
}

/// What the suite finds of one class, and of the end of its process.
fn tried(library: &Path, class: &str, config: &Value, sample: Option<&Path>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut trying = "loads".to_owned();
    let config = config.to_string();
    let mut arguments = vec![
        OsStr::new("try-class"),
        library.as_os_str(),
        OsStr::new(class),
        OsStr::new("--config"),
        OsStr::new(&config),
    ];
    arguments.extend(sample.into_iter().flat_map(|sample| [OsStr::new("--sample"), sample.as_os_str()]));
    let ended = probe::watched(&arguments, PATIENCE, |line| match serde_json::from_str(line) {
        Ok(Progress::Trying(check)) => trying = check,
        Ok(Progress::Found(finding)) => {
            "ends".clone_into(&mut trying);
            findings.push(finding);
        }
        Err(_) => {}
    });
    findings.push(match ended {
        Ok(()) => Finding {
            check: "ends".to_owned(),
            outcome: Outcome::Passed,
            detail: "the process that had it ended as it should".to_owned(),
        },
        Err(ending) => Finding { check: trying, outcome: Outcome::Failed, detail: ending.to_string() },
    });
    findings
}

/// The hidden command behind [`test`].
pub(super) fn try_class(library: &Path, export: &str, given: &Given, sample: Option<&Path>) -> Result<Exit, Failure> {
    let (settings, metadata) = (&given.config, &metadata_of(library, export));
    let subject = Subject { library, export, settings, metadata, sample };
    conformance::run(subject, &mut |progress| probe::tell(&progress));
    Ok(Exit::Success)
}

/// What the manifest near a library says of a class under `metadata`; without an entry for it there is none.
fn metadata_of(library: &Path, export: &str) -> Value {
    let manifest = manifest_near(library).and_then(|path| Manifest::read(&path).ok());
    let entries = manifest.map(|manifest| manifest.entries).unwrap_or_default();
    let of = |entry: &Declared| format!("{}:{}", entry.category.name, entry.class.type_name) == export;
    entries.into_iter().find(of).map_or_else(|| Value::Object(serde_json::Map::new()), |entry| entry.metadata)
}

fn words(document: &Document, screen: Screen) -> String {
    let mut text = format!("Testing {}\n", document.library.display());
    let mut counts = [0, 0, 0];
    for Class { class, findings } in &document.classes {
        let _ = writeln!(text, "\n{}", paint(screen, Style::new().bold(), class));
        for finding in findings {
            let (mark, style, count) = match finding.outcome {
                Outcome::Passed => ("✓", Style::new().green(), 0),
                Outcome::Skipped => ("-", Style::new().yellow(), 1),
                Outcome::Failed => ("✗", Style::new().red(), 2),
            };
            counts[count] += 1;
            let line = wrapped(&format!("    {:<17} ", finding.check), &in_a_row(&finding.detail), screen);
            let _ = writeln!(text, "  {} {}", paint(screen, style, mark), line.trim_start());
        }
    }
    let [passed, skipped, failed] = counts;
    let _ = writeln!(text, "\n{} passed, {skipped} skipped, {failed} failed", counted(passed, "check", "checks"));
    text
}

#[derive(Debug, Serialize)]
struct Costs {
    library: PathBuf,
    /// A build without optimisation on this side: its numbers are of no use.
    debug_build: bool,
    classes: Vec<ClassCost>,
}

#[derive(Debug, Serialize)]
struct ClassCost {
    class: String,
    #[serde(flatten)]
    cost: Cost,
}

/// `aiperf plugins bench LIBRARY`
pub(super) fn bench(registry: &Registry, wanted: &Path, given: &Given, form: Form) -> Result<Exit, Failure> {
    let (library, exports) = inspect::one(registry, wanted)?;
    let mut classes = Vec::new();
    for class in exports.iter().filter(|class| conformance::is_measured(class)) {
        let config = given.config.to_string();
        let arguments = [
            OsStr::new("cost-of-class"),
            library.as_os_str(),
            OsStr::new(class),
            OsStr::new("--config"),
            OsStr::new(&config),
        ];
        let measured: Result<Cost, String> = probe::apart(&arguments, PATIENCE)
            .map_err(|ending| Failure::saying(Exit::Plugin, format!("{class}: {ending}")))?;
        let cost = measured.map_err(|error| Failure::saying(Exit::Plugin, error))?;
        classes.push(ClassCost { class: class.clone(), cost });
    }
    if classes.is_empty() {
        let told = "nothing of the library is called for every request, so there is nothing to measure";
        return Err(Failure::saying(Exit::Usage, told));
    }
    let document = Costs { library, debug_build: cfg!(debug_assertions), classes };
    form.tell(&document, |document| costs(document, screen()));
    Ok(Exit::Success)
}

/// The hidden command behind [`bench`].
pub(super) fn cost(library: &Path, export: &str, given: &Given) -> Result<Exit, Failure> {
    let (settings, metadata) = (&given.config, &metadata_of(library, export));
    let subject = Subject { library, export, settings, metadata, sample: None };
    probe::tell(&conformance::cost(subject).map_err(|error| error.to_string()));
    Ok(Exit::Success)
}

fn costs(document: &Costs, screen: Screen) -> String {
    let mut text = String::new();
    for ClassCost { class, cost } in &document.classes {
        let rows = cost.calls.iter().map(|Call { call, library_ns, builtin_ns }| {
            let ratio = format!("{:.2}", library_ns / builtin_ns);
            vec![call.clone(), nanoseconds(*library_ns), nanoseconds(*builtin_ns), ratio]
        });
        let beside = format!("#Built-in {}", cost.builtin);
        let table = table(&["Call, in nanoseconds", "#Library", &beside, "#Ratio"], rows.collect(), screen);
        let _ = writeln!(text, "{}\n{table}", paint(screen, Style::new().bold(), class));
    }
    if document.debug_build {
        text.push_str("This aiperf is a debug build: its own numbers say nothing.\n");
    }
    text
}

/// Whole ones, where there are enough.
fn nanoseconds(ns: f64) -> String {
    if ns < 10.0 { format!("{ns:.1}") } else { format!("{ns:.0}") }
}

/// Reads the value of `--config`.
pub(super) fn settings(text: &str) -> Result<Value, String> {
    match serde_json::from_str(text) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err("it is no JSON object".to_owned()),
        Err(error) => Err(format!("it is no JSON: {error}")),
    }
}
