//! `which CATEGORY NAME`: who has a name, whom it shadows, and the rule that decided.

use std::fmt::Write;

use console::Style;
use serde::Serialize;

use super::document::EntryDocument;
use super::text::{paint, screen, wrapped};
use super::{Failure, Form};
use crate::cli::console::Screen;
use crate::exit::Exit;
use crate::plugin::category::Category;
use crate::plugin::registry::{Registry, Rule};

#[derive(Debug, Serialize)]
struct Document {
    category: String,
    #[serde(rename = "type")]
    name: String,
    /// What decided; nothing, where only one wants the name.
    rule: Option<Rule>,
    winner: EntryDocument,
    shadowed: Vec<EntryDocument>,
}

/// `aiperf plugins which CATEGORY NAME`
pub(super) fn tell(registry: &Registry, category: &Category, name: &str, form: Form) -> Result<Exit, Failure> {
    let mut entries = registry.list_implementations(&category.name, name)?.into_iter().map(EntryDocument::of);
    let winner = entries.next().expect("what has a name is among those that want it");
    let document = Document {
        category: winner.category.clone(),
        name: winner.name.clone(),
        // The first rival came nearest: the rule against it is the one that decided.
        rule: winner.shadows.first().map(|rival| rival.rule),
        winner,
        shadowed: entries.collect(),
    };
    form.tell(&document, |document| words(document, screen()));
    form.tell_troubles(registry);
    Ok(Exit::Success)
}

fn words(document: &Document, screen: Screen) -> String {
    let bold = |text: &str| paint(screen, Style::new().bold(), text);
    let Document { category, name, rule, winner, shadowed } = document;
    let mut text = format!("{}\n", bold(&format!("{category}:{name}")));
    let _ = writeln!(text, "{}", wrapped("  is       ", &described(winner), screen));
    let because = match rule {
        Some(rule) => rule.to_string(),
        None => "no other package offers the name".to_owned(),
    };
    let _ = writeln!(text, "{}", wrapped("  because  ", &because, screen));
    for (number, entry) in shadowed.iter().enumerate() {
        let label = if number == 0 { "  shadows  " } else { "           " };
        let other_rule = entry.shadowed_by.as_ref().map(|rival| rival.rule).filter(|one| Some(*one) != *rule);
        let words = other_rule.map(|rule| format!(": {rule}")).unwrap_or_default();
        let _ = writeln!(text, "{}", wrapped(label, &(described(entry) + &words), screen));
    }
    text
}

fn described(entry: &EntryDocument) -> String {
    let EntryDocument { class, package, package_version, priority, .. } = entry;
    format!("{class} of {package} {package_version}, priority {priority}")
}
