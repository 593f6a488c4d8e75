//! The lists: packages, categories, and what there is in them.

use std::fmt::Write;

use console::Style;

use super::document::{Categories, CategoryDocument, EntryDocument, OneCategory, PackageDocument, Packages};
use super::document::{SourceDocument, Troubles};
use super::text::{counted, first_sentence, one_line, paint, screen, table, wrapped};
use super::{Failure, Form};
use crate::cli::console::Screen;
use crate::exit::Exit;
use crate::plugin::category::{self, Category};
use crate::plugin::name;
use crate::plugin::registry::{Entry, Registry};

/// `aiperf plugins`
pub(super) fn packages(registry: &Registry, form: Form) -> Result<Exit, Failure> {
    form.tell(&Packages::of(registry), |document| {
        let rows = document.packages.iter().map(|package| {
            let description = first_sentence(package.description.as_deref().unwrap_or_default());
            vec![package.name.clone(), package.version.clone(), package.entry_count.to_string(), description]
        });
        let screen = screen();
        let table = table(&["Package", "Version", "#Entries", "Description"], rows.collect(), screen);
        format!("{}\n{table}", heading(screen, "Packages"))
    });
    form.tell_troubles(registry);
    Ok(Exit::Success)
}

/// `aiperf plugins list-plugins`
pub(super) fn package_details(registry: &Registry, form: Form) -> Result<Exit, Failure> {
    form.tell(&Packages::of(registry), |document| {
        let screen = screen();
        let blocks: Vec<_> = document.packages.iter().map(|package| details(package, screen)).collect();
        blocks.join("\n")
    });
    form.tell_troubles(registry);
    Ok(Exit::Success)
}

/// `aiperf plugins show PACKAGE`
pub(super) fn one_package(registry: &Registry, wanted: &str, form: Form) -> Result<Exit, Failure> {
    let all = Packages::of(registry).packages;
    let names: Vec<_> = all.iter().map(|package| package.name.clone()).collect();
    let Some(package) = all.into_iter().find(|package| name::same(&package.name, wanted)) else {
        let near = name::suggestion(wanted, names.iter().map(String::as_str));
        let told = format!("no package `{wanted}` takes part{near}; packages are: {}", names.join(", "));
        return Err(Failure::saying(Exit::Usage, told));
    };
    form.tell(&package, |package| details(package, screen()));
    form.tell_troubles(registry);
    Ok(Exit::Success)
}

/// `aiperf plugins --all`
pub(super) fn everything(registry: &Registry, form: Form) -> Result<Exit, Failure> {
    let categories = category::all().iter().map(|category| CategoryDocument::of(category, registry, Entry::wins));
    let document = Categories { categories: categories.collect(), troubles: Troubles::of(registry) };
    form.tell(&document, |document| {
        let screen = screen();
        let blocks: Vec<_> = document.categories.iter().map(|category| types(category, screen)).collect();
        blocks.join("\n")
    });
    form.tell_troubles(registry);
    Ok(Exit::Success)
}

/// `aiperf plugins CATEGORY`
pub(super) fn category(registry: &Registry, category: &Category, form: Form) -> Result<Exit, Failure> {
    form.tell(&one(registry, category, Entry::wins), |document| {
        let screen = screen();
        let about = paint(screen, Style::new().dim(), &wrapped("", &document.category.description, screen));
        let more = format!("aiperf plugins {} NAME", document.category.category);
        let hint = match document.category.entries.is_empty() {
            true => String::new(),
            false => format!("{} shows everything about one.\n", paint(screen, Style::new().bold(), &more)),
        };
        format!("{}\n{about}\n{hint}", types(&document.category, screen))
    });
    form.tell_troubles(registry);
    Ok(Exit::Success)
}

/// `aiperf plugins list-implementations CATEGORY`
pub(super) fn implementations(registry: &Registry, category: &Category, form: Form) -> Result<Exit, Failure> {
    form.tell(&one(registry, category, |_| true), |document| {
        let rows = document.category.entries.iter().map(|entry| {
            let name = match &entry.shadowed_by {
                Some(_) => format!("{} (shadowed)", entry.name),
                None => entry.name.clone(),
            };
            [name, entry.class.clone(), entry.package.clone(), entry.priority.to_string()]
        });
        let (screen, rows) = (screen(), rows.collect::<Vec<_>>());
        let list = match fit(&rows, screen) {
            true => table(&HEADS, rows.into_iter().map(Vec::from).collect(), screen),
            // Half a class path is of no use to anybody.
            false => rows.iter().fold(String::new(), |text, [name, class, package, priority]| {
                text + &format!("{name}\n  {class}\n  of {package}, priority {priority}\n")
            }),
        };
        format!("{}\n{list}", heading(screen, &format!("{} Implementations", document.category.title)))
    });
    form.tell_troubles(registry);
    Ok(Exit::Success)
}

const HEADS: [&str; 4] = ["Type", "Class", "Package", "#Priority"];

/// Whether a table of these has every word whole.
fn fit(rows: &[[String; 4]], screen: Screen) -> bool {
    let widest = |column: usize| {
        let words = rows.iter().map(|row| row[column].chars().count());
        words.chain([HEADS[column].trim_start_matches('#').len()]).max().unwrap_or_default()
    };
    // A column has a line before it and a blank on both sides, and after the last is a line.
    (0..HEADS.len()).map(|column| widest(column) + 3).sum::<usize>() < screen.width
}

fn one(registry: &Registry, category: &Category, wanted: fn(&Entry) -> bool) -> OneCategory {
    OneCategory { category: CategoryDocument::of(category, registry, wanted), troubles: Troubles::of(registry) }
}

fn heading(screen: Screen, words: &str) -> String {
    paint(screen, Style::new().bold(), words)
}

fn types(category: &CategoryDocument, screen: Screen) -> String {
    // Where everything is of one package, its name in each row says nothing.
    let packages = category.entries.iter().any(|entry| entry.package != category.entries[0].package);
    let row = |entry: &EntryDocument| {
        let package = packages.then(|| entry.package.clone());
        [Some(entry.name.clone()), package, Some(first_sentence(&entry.description))].into_iter().flatten().collect()
    };
    let heading = heading(screen, &format!("{} Types", category.title));
    if category.entries.is_empty() {
        let none =
            format!("None yet. `aiperf plugins protocols {}` says what there is to implement.", category.category);
        return format!("{heading}\n{}\n", wrapped("", &none, screen));
    }
    let heads: &[&str] = if packages { &["Type", "Package", "Description"] } else { &["Type", "Description"] };
    let table = table(heads, category.entries.iter().map(row).collect(), screen);
    format!("{heading}\n{table}")
}

fn details(package: &PackageDocument, screen: Screen) -> String {
    let mut text = heading(screen, &format!("{} {}", package.name, package.version)) + "\n";
    if let Some(description) = &package.description {
        let _ = writeln!(text, "{}", wrapped("  ", description, screen));
    }
    match &package.source {
        SourceDocument::Builtin => text.push_str("  from       what is built in\n"),
        SourceDocument::Program => text.push_str("  from       the program that uses aiperf\n"),
        SourceDocument::Library { origin, manifest, library } => {
            let _ = writeln!(text, "  from       {origin}");
            let _ = writeln!(text, "  manifest   {}", manifest.display());
            let _ = writeln!(text, "  library    {}", library.display());
        }
    }
    for (label, value) in [("author", &package.author), ("license", &package.license), ("homepage", &package.homepage)]
    {
        if let Some(value) = value {
            let _ = writeln!(text, "  {label:<10} {}", one_line(value));
        }
    }
    let _ = writeln!(text, "  {}:", counted(package.entry_count, "entry", "entries"));
    let widest = package.entries.iter().map(|entry| entry.category.len()).max().unwrap_or_default();
    for category in category::names() {
        let names = package.entries.iter().filter(|entry| entry.category == category).map(|entry| entry.name.as_str());
        let names = names.collect::<Vec<_>>().join(", ");
        if !names.is_empty() {
            let _ = writeln!(text, "{}", wrapped(&format!("    {category:<widest$} "), &names, screen));
        }
    }
    text
}
