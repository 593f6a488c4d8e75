//! `use`, `enable` and `disable`: what the user prefers, and where it is remembered.

use std::path::PathBuf;

use serde::Serialize;

use super::{Failure, Form};
use crate::exit::Exit;
use crate::plugin::category::Category;
use crate::plugin::name;
use crate::plugin::preferences::{self, Preferences, PreferencesError};
use crate::plugin::registry::{BUILTIN_PACKAGE, Package, Registry};

/// A choice of `--use`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chosen {
    /// The category.
    pub category: String,
    /// The name.
    pub name: String,
    /// The package it is to mean.
    pub package: String,
}

/// Reads the value of `--use`.
pub(super) fn chosen(text: &str) -> Result<Chosen, String> {
    let parts = text.split_once('=').and_then(|(what, package)| Some((what.split_once(':')?, package)));
    match parts {
        Some(((category, name), package)) if ![category, name, package].contains(&"") => {
            Ok(Chosen { category: category.to_owned(), name: name.to_owned(), package: package.to_owned() })
        }
        _ => Err("it has the form CATEGORY:NAME=PACKAGE, as in `endpoint:chat=my-plugins`".to_owned()),
    }
}

/// What is remembered for the user of this process.
pub(super) fn remembered() -> Result<Preferences, Failure> {
    match preferences::user_file() {
        Some(file) => Ok(Preferences::read(&file)?),
        None => Ok(Preferences::default()),
    }
}

/// `aiperf plugins use CATEGORY NAME PACKAGE`
pub(super) fn remember(
    mut registry: Registry,
    category: &Category,
    name: &str,
    package: &str,
    form: Form,
) -> Result<Exit, Failure> {
    #[derive(Serialize)]
    struct Document {
        category: String,
        #[serde(rename = "type")]
        name: String,
        package: String,
        class: String,
        /// The class the name meant until now.
        before: String,
        remembered_in: PathBuf,
    }
    let before = registry.entry(&category.name, name)?.class.to_string();
    let entry = registry.use_implementation(&category.name, name, package)?;
    let remembered_in = change(|preferences| preferences.remember(&category.name, &entry.name, entry.package.name()))?;
    let document = Document {
        category: category.name.clone(),
        name: entry.name.clone(),
        package: entry.package.name().to_owned(),
        class: entry.class.to_string(),
        before,
        remembered_in,
    };
    form.tell(&document, |Document { category, name, package, class, before, remembered_in }| {
        let was = if before == class { String::new() } else { format!(" (was {before})") };
        format!(
            "{category} {name} is {class} of {package} from now on{was}\nRemembered in {}\n\
             `aiperf plugins use {category} {name} --clear` forgets it.\n",
            remembered_in.display()
        )
    });
    Ok(Exit::Success)
}

/// `aiperf plugins use CATEGORY NAME --clear`
pub(super) fn forget(category: &Category, name: &str, form: Form) -> Result<Exit, Failure> {
    #[derive(Serialize)]
    struct Document {
        category: String,
        #[serde(rename = "type")]
        name: String,
        /// The package that was remembered; nothing, where none was.
        forgotten: Option<String>,
    }
    let mut forgotten = None;
    change(|preferences| forgotten = preferences.forget(&category.name, name))?;
    let document = Document { category: category.name.clone(), name: name.to_owned(), forgotten };
    form.tell(&document, |Document { category, name, forgotten }| match forgotten {
        Some(package) => format!("Forgot the choice of {package} for {category} {name}.\n"),
        None => format!("Nothing was remembered for {category} {name}.\n"),
    });
    Ok(Exit::Success)
}

/// What became of a package.
#[derive(Serialize)]
struct Switched {
    package: String,
    enabled: bool,
    /// Whether it was not so before.
    changed: bool,
}

/// `aiperf plugins enable PACKAGE`
pub(super) fn enable(registry: &Registry, wanted: &str, form: Form) -> Result<Exit, Failure> {
    let remembered = remembered()?;
    let off = remembered.disabled().find(|disabled| name::same(disabled, wanted));
    let package = off.map_or_else(|| installed(registry, wanted), |package| Ok(package.to_owned()))?;
    let mut changed = false;
    if off.is_some() {
        change(|preferences| changed = preferences.enable(&package))?;
    }
    form.tell(&Switched { package, enabled: true, changed }, |Switched { package, changed, .. }| match changed {
        true => format!("{package} takes part again.\n"),
        false => format!("{package} is not disabled.\n"),
    });
    Ok(Exit::Success)
}

/// `aiperf plugins disable PACKAGE`
pub(super) fn disable(registry: &Registry, wanted: &str, form: Form) -> Result<Exit, Failure> {
    if name::same(wanted, BUILTIN_PACKAGE) {
        let told = "what is built in cannot be disabled";
        return Err(Failure::saying(Exit::Usage, told)
            .with_hint("`aiperf plugins use CATEGORY NAME PACKAGE` prefers a package for one name"));
    }
    let package = installed(registry, wanted)?;
    let mut changed = false;
    change(|preferences| changed = preferences.disable(&package))?;
    form.tell(&Switched { package, enabled: false, changed }, |Switched { package, changed, .. }| match changed {
        true => format!("{package} takes no part until `aiperf plugins enable {package}`.\n"),
        false => format!("{package} is disabled already.\n"),
    });
    Ok(Exit::Success)
}

/// The name of the package that is meant, whether or not it is in order and takes part.
fn installed(registry: &Registry, wanted: &str) -> Result<String, Failure> {
    let known = || {
        let used = registry.packages().map(Package::name).filter(|name| *name != BUILTIN_PACKAGE);
        let set_aside = registry.faults().iter().filter_map(|package| package.name.as_deref());
        used.chain(set_aside).chain(registry.disabled().iter().map(|package| package.name.as_str()))
    };
    known().find(|known| name::same(known, wanted)).map(str::to_owned).ok_or_else(|| {
        let told = format!("no package `{wanted}` is installed{}", name::suggestion(wanted, known()));
        Failure::saying(Exit::Usage, told).with_hint("`aiperf plugins` lists the packages")
    })
}

/// Changes what is remembered; gives the file.
fn change(change: impl FnOnce(&mut Preferences)) -> Result<PathBuf, Failure> {
    let file = preferences::user_file().ok_or_else(|| {
        Failure::saying(Exit::Usage, "there is no folder for the user's settings: no home folder is known")
            .with_hint("set HOME or XDG_CONFIG_HOME")
    })?;
    let mut preferences = Preferences::read(&file)?;
    change(&mut preferences);
    preferences.write(&file)?;
    Ok(file)
}

impl From<PreferencesError> for Failure {
    fn from(error: PreferencesError) -> Self {
        match &error {
            PreferencesError::Broken { .. } => Self::new(Exit::Usage, &error),
            PreferencesError::Io { .. } => Self::new(Exit::Failed, &error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_has_three_parts() {
        let expected =
            Chosen { category: "endpoint".to_owned(), name: "chat".to_owned(), package: "my-plugins".to_owned() };
        assert_eq!(chosen("endpoint:chat=my-plugins"), Ok(expected));
        for wrong in ["chat=my-plugins", "endpoint:chat", "endpoint:=x", ":chat=x", "endpoint:chat="] {
            assert!(chosen(wrong).unwrap_err().contains("CATEGORY:NAME=PACKAGE"), "{wrong}");
        }
    }
}
