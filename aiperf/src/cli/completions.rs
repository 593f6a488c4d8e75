//! `aiperf completions SHELL`, and what it registers with the shell: this program, asked at each Tab for what may stand
//! there. Names of categories, entries and packages are those of the registry, those of plugins included.

use std::ffi::OsString;

use clap::Command;
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};
use clap_complete::env::Shells;

use super::failure::Failure;
use super::output;
use super::plugins::here;
use crate::exit::Exit;
use crate::plugin::category;
use crate::plugin::registry::{Entry, Package, Registry};

/// The variable by which the shell asks.
const VARIABLE: &str = "AIPERF_COMPLETE";

/// Flags of `aiperf profile` that take an entry of a category: (the flag's id, the category), the main one of a category
/// first. A category that is not here has no flag: all its entries take part in every run.
pub(super) const ENTRY_FLAGS: &[(&str, &str)] = &[
    ("endpoint_type", "endpoint"),
    ("transport", "transport"),
    ("url_strategy", "url_selection_strategy"),
    ("custom_dataset_type", "custom_dataset_loader"),
    ("public_dataset", "public_dataset_loader"),
    ("dataset_composer", "dataset_composer"),
    ("dataset_backing_store", "dataset_backing_store"),
    ("dataset_sampling_strategy", "dataset_sampler"),
    ("timing_strategy", "timing_strategy"),
    ("arrival_pattern", "arrival_pattern"),
    ("warmup_arrival_pattern", "arrival_pattern"),
    ("ramp", "ramp"),
    ("plot", "plot"),
    ("service", "service"),
    ("service_manager", "service_manager"),
    ("communication", "communication"),
    ("ui", "ui"),
];

/// Everything `aiperf completions` takes.
#[derive(Debug, clap::Args)]
pub struct CompletionsArgs {
    /// The shell: bash, elvish, fish, powershell or zsh
    #[arg(value_parser = ["bash", "elvish", "fish", "powershell", "zsh"])]
    shell: String,
}

/// Writes what the shell has to read at its start.
///
/// # Errors
/// None that a person can bring about.
pub fn run(args: &CompletionsArgs) -> Result<Exit, Failure> {
    let shells = Shells::builtins();
    let shell =
        shells.completer(&args.shell).expect("the shells of the command line are those of the crate: a test says so");
    let mut script = Vec::new();
    shell
        .write_registration(VARIABLE, "aiperf", "aiperf", "aiperf", &mut script)
        .map_err(|error| Failure::new(Exit::Failed, &error))?;
    output::stdout(&String::from_utf8_lossy(&script));
    Ok(Exit::Success)
}

/// Answers the shell, where it is the shell that asks. Gives back what was asked and not answered.
pub(super) fn answered(command: fn() -> Command) -> Option<Exit> {
    std::env::var_os(VARIABLE).filter(|shell| !shell.is_empty())?;
    let complete = clap_complete::CompleteEnv::with_factory(move || with_names(command())).var(VARIABLE);
    match complete.try_complete(std::env::args_os(), std::env::current_dir().ok().as_deref()) {
        Ok(true) => Some(Exit::Success),
        Ok(false) => None,
        Err(error) => {
            output::stderr(&error.to_string());
            Some(Exit::Usage)
        }
    }
}

/// The command line, with the names that stand at each place.
fn with_names(command: Command) -> Command {
    let command = command.mut_subcommand("profile", |mut profile| {
        for (flag, category) in ENTRY_FLAGS {
            profile = profile.mut_arg(flag, |arg| arg.add(ArgValueCandidates::new(|| entries(category))));
        }
        profile.mut_arg("require_plugin", |arg| arg.add(ArgValueCandidates::new(packages)))
    });
    command.mut_subcommand("plugins", |plugins| {
        let mut plugins = plugins
            .mut_arg("category", |arg| arg.add(ArgValueCandidates::new(categories)))
            .mut_arg("name", |arg| arg.add(ArgValueCandidates::new(entries_of_category)));
        for name in ["list-implementations", "use", "which", "info", "protocols"] {
            plugins = plugins.mut_subcommand(name, |one| {
                one.mut_args(|arg| match arg.get_id().as_str() {
                    "category" => arg.add(ArgValueCandidates::new(categories)),
                    "name" => arg.add(ArgValueCandidates::new(entries_of_category)),
                    "package" => arg.add(ArgValueCandidates::new(packages)),
                    _ => arg,
                })
            });
        }
        for name in ["show", "enable", "disable", "remove"] {
            plugins = plugins
                .mut_subcommand(name, |one| one.mut_arg("name", |arg| arg.add(ArgValueCandidates::new(packages))));
        }
        plugins
    })
}

fn registry() -> Option<Registry> {
    // Whatever is wrong here is told by the command itself, when it runs.
    here().ok()
}

fn categories() -> Vec<CompletionCandidate> {
    category::all().iter().map(|one| candidate(&one.name, &one.description)).collect()
}

fn entries(category: &str) -> Vec<CompletionCandidate> {
    let (Some(registry), Ok(category)) = (registry(), category::find(category)) else { return Vec::new() };
    registry.entries(category).map(|Entry { name, description, .. }| candidate(name, description)).collect()
}

/// The entries of the category among the words so far.
fn entries_of_category() -> Vec<CompletionCandidate> {
    let words: Vec<OsString> = std::env::args_os().collect();
    let named = words.iter().rev().find_map(|word| category::find(word.to_str()?).ok());
    named.map(|category| entries(&category.name)).unwrap_or_default()
}

fn packages() -> Vec<CompletionCandidate> {
    let Some(registry) = registry() else { return Vec::new() };
    let used = registry
        .packages()
        .map(|package: &Package| candidate(package.name(), package.info.description.as_deref().unwrap_or_default()));
    used.chain(registry.disabled().iter().map(|package| candidate(&package.name, "disabled"))).collect()
}

fn candidate(name: &str, about: &str) -> CompletionCandidate {
    let line = super::plugins::text::first_sentence(about);
    CompletionCandidate::new(name).help((!line.is_empty()).then(|| line.into()))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn every_flag_that_takes_an_entry_completes_the_names_of_its_category() {
        let command = Cli::command();
        let profile = command.find_subcommand("profile").unwrap();
        for arg in profile.get_arguments() {
            let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
            let told = help.split_once("n entry of the `").and_then(|(_, rest)| rest.split('`').next());
            let known = ENTRY_FLAGS.iter().find(|(id, _)| arg.get_id() == id).map(|(_, category)| *category);
            assert_eq!(told, known, "the help of {} (left), the table (right)", arg.get_id());
        }
        for (id, category) in ENTRY_FLAGS {
            assert!(profile.get_arguments().any(|arg| arg.get_id() == id), "there is no flag {id}");
            assert!(category::find(category).is_ok(), "there is no category {category}");
        }
    }

    #[test]
    fn every_shell_of_the_command_line_has_its_script() {
        let known: Vec<_> = Shells::builtins().names().collect();
        assert_eq!(known, ["bash", "elvish", "fish", "powershell", "zsh"]);
    }
}
