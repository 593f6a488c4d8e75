//! Everything about one entry.

use std::fmt::Write;

use console::Style;
use serde_json::Value;

use super::document::{EntryDocument, SourceDocument};
use super::text::{one_line, paint, screen, wrapped};
use super::{Failure, Form};
use crate::cli::console::Screen;
use crate::exit::Exit;
use crate::plugin::registry::{Entry, Registry, Rival};

/// Room for the labels of the lines.
const LABELS: usize = 14;

/// `aiperf plugins CATEGORY NAME`
pub(super) fn entry(registry: &Registry, entry: &Entry, form: Form) -> Result<Exit, Failure> {
    form.tell(&EntryDocument::of(entry), |document| panel(document, screen()));
    form.tell_troubles(registry);
    Ok(Exit::Success)
}

fn panel(entry: &EntryDocument, screen: Screen) -> String {
    let mut text = paint(screen, Style::new().bold(), &format!("{}:{}", entry.category, entry.name)) + "\n\n";
    if !entry.description.is_empty() {
        let _ = writeln!(text, "{}\n", wrapped("  ", &entry.description, screen));
    }
    let mut line = |label: &str, value: &str| {
        let label = format!("  {label:<width$}", width = LABELS - 2);
        let rest = wrapped(&" ".repeat(LABELS), value, screen);
        let _ = writeln!(text, "{}{}", paint(screen, Style::new().cyan(), &label), &rest[LABELS..]);
    };
    line("Type", &entry.name);
    line("Category", &entry.category);
    line("Package", &format!("{} {}", entry.package, entry.package_version));
    line("Class", &entry.class);
    line("Priority", &entry.priority.to_string());
    match &entry.source {
        SourceDocument::Builtin => line("From", "what is built in"),
        SourceDocument::Program => line("From", "the program that uses aiperf"),
        SourceDocument::Library { origin, manifest, library } => {
            line("From", origin);
            line("Manifest", &manifest.display().to_string());
            line("Library", &library.display().to_string());
        }
    }
    for rival in &entry.shadows {
        line("Shadows", &decided(rival));
    }
    if let Some(rival) = &entry.shadowed_by {
        line("Shadowed by", &decided(rival));
        line("", &format!("Use it as `{}`.", entry.class));
    }
    for (number, (key, value)) in metadata(&entry.metadata).into_iter().enumerate() {
        let label = if number == 0 { "Metadata" } else { "" };
        let first = format!("{:LABELS$}{key:<24} ", "");
        let rest = wrapped(&first, &value, screen);
        let label = format!("  {label:<width$}", width = LABELS - 2);
        let _ = writeln!(text, "{}{}", paint(screen, Style::new().cyan(), &label), &rest[LABELS..]);
    }
    text
}

fn decided(Rival { package, class, priority, rule }: &Rival) -> String {
    format!("{class} of {package}, priority {priority}: {rule}")
}

/// Key and value of what is set; what is not, under one name each for `false` and for nothing.
fn metadata(metadata: &Value) -> Vec<(String, String)> {
    let Some(keys) = metadata.as_object() else { return Vec::new() };
    let mut lines = Vec::new();
    let (mut no, mut unset) = (Vec::new(), Vec::new());
    for (key, value) in keys {
        match value {
            Value::Null => unset.push(key.as_str()),
            Value::Bool(false) => no.push(key.as_str()),
            Value::String(text) => lines.push((key.clone(), one_line(text))),
            Value::Array(list) => {
                let words = list.iter().map(|one| one.as_str().map_or_else(|| one.to_string(), one_line));
                lines.push((key.clone(), words.collect::<Vec<_>>().join(", ")));
            }
            other => lines.push((key.clone(), other.to_string())),
        }
    }
    for (label, keys) in [("false:", no), ("not set:", unset)] {
        if !keys.is_empty() {
            lines.push((label.to_owned(), keys.join(", ")));
        }
    }
    lines
}
