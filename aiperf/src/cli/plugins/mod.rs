//! `aiperf plugins`: what is installed, what it offers, and putting packages in and out. Reads manifests and library
//! files; never loads a library.

mod check;
mod doctor;
mod document;
mod inspect;
mod list;
pub(super) mod lock;
mod new;
mod package;
mod preferences;
mod probe;
mod reference;
mod show;
mod suite;
pub(super) mod text;
mod troubles;
mod which;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::failure::Failure;
use super::output;
use crate::builtin;
use crate::exit::Exit;
use crate::plugin::category::{self, Category};
use crate::plugin::discovery::DiscoveryOptions;
use crate::plugin::preferences::Preferences;
use crate::plugin::registry::{Registry, RegistryError};
use crate::plugin::trust::Trust;
use crate::plugin::{manifest, name};

/// Where packages are looked for.
#[derive(Debug, Clone, Args)]
pub struct DiscoveryArgs {
    /// Folder with plugin packages, or one package, also where cargo built it; searched before `AIPERF_PLUGIN_PATH` and all
    /// others. Repeatable
    #[arg(long, value_name = "PATH", global = true, help_heading = "Plugins")]
    plugin_path: Vec<PathBuf>,

    /// Use nothing but what is built in
    #[arg(long, global = true, help_heading = "Plugins", conflicts_with = "plugin_path")]
    no_plugins: bool,

    /// Use packages that others can write, too: whoever can put other code there decides what this run does
    #[arg(long, global = true, help_heading = "Plugins")]
    allow_insecure_plugin_path: bool,

    /// Which package a name means, for this once: `--use endpoint:chat=aiperf` is what is built in. Repeatable
    #[arg(
        long = "use",
        value_name = "CATEGORY:NAME=PACKAGE",
        value_parser = preferences::chosen,
        global = true,
        help_heading = "Plugins"
    )]
    uses: Vec<preferences::Chosen>,
}

impl DiscoveryArgs {
    /// Where to look.
    ///
    /// # Errors
    /// When a path that was given is not there.
    pub fn options(&self) -> Result<DiscoveryOptions, Failure> {
        let options = match self.no_plugins {
            true => DiscoveryOptions::nowhere(),
            false => DiscoveryOptions::of_process(&self.plugin_path)?,
        };
        let trust = if self.allow_insecure_plugin_path { Trust::AnyFiles } else { Trust::OwnFiles };
        Ok(options.trusting(trust))
    }

    /// Everything that is found, for a command that uses it: packages that are set aside are named on the standard
    /// error, one line each.
    ///
    /// # Errors
    /// As [`DiscoveryArgs::options`].
    pub fn registry(&self) -> Result<Registry, Failure> {
        let registry = self.silent_registry()?;
        for line in troubles::in_brief(&registry) {
            output::stderr(&format!("{}\n", output::fitted_to_stderr(&line)));
        }
        Ok(registry)
    }

    /// Everything that is found, with the user's choices and those of `--use`.
    ///
    /// # Errors
    /// As [`DiscoveryArgs::options`], when the remembered choices cannot be read, and when a package was chosen that does
    /// not offer the name.
    fn silent_registry(&self) -> Result<Registry, Failure> {
        let options = self.options()?;
        let preferences = match options.is_nowhere() {
            true => Preferences::default(),
            false => preferences::remembered()?,
        };
        let mut registry = builtin::registry(&options, &preferences);
        for preferences::Chosen { category, name, package } in &self.uses {
            registry.use_implementation(category, name, package)?;
        }
        Ok(registry)
    }
}

/// Everything `aiperf plugins` takes.
#[derive(Debug, Args)]
#[command(disable_help_subcommand = true, after_help = FORMS)]
pub struct PluginsArgs {
    /// A category: what there is in it
    #[arg(value_name = "CATEGORY")]
    category: Option<String>,

    /// A name in it, or a class path `library:Type`: everything about that one
    #[arg(value_name = "NAME")]
    name: Option<String>,

    /// Every category with what there is in it
    #[arg(long, short, conflicts_with_all = ["category", "validate"])]
    all: bool,

    /// Check every package that is found, without running any of its code
    #[arg(long, conflicts_with = "category")]
    validate: bool,

    /// Write one JSON document instead of text
    #[arg(long, global = true)]
    json: bool,

    #[command(subcommand)]
    command: Option<PluginsCommand>,
}

#[derive(Debug, Subcommand)]
enum PluginsCommand {
    /// Every category with what there is in it, like `--all`
    List {
        /// Only what is built in
        #[arg(long)]
        builtin_only: bool,
    },
    /// The packages: where they are and what each offers
    ListPlugins,
    /// One package: where it is and what it offers
    Show {
        /// Name of the package
        name: String,
    },
    /// Everything about one entry, like `aiperf plugins CATEGORY NAME`
    Info {
        /// The category
        category: String,
        /// The name, or a class path
        name: String,
    },
    /// What a library says of itself, read from its file; no code of it is run
    Inspect {
        /// A package, or a library; every package, where none is given
        #[arg(value_name = "PACKAGE or LIBRARY")]
        what: Option<PathBuf>,
    },
    /// The categories: the trait to implement, and the type of the metadata; or the reference page of one, in Markdown
    Protocols {
        /// The category
        category: Option<String>,
    },
    /// Make a package of your own in the current folder: what `cargo generate` makes of the template, without that tool
    New {
        /// Name of the package, as in `my-plugins`
        name: String,
        /// What the plugin in it is to be
        #[arg(long, value_name = "CATEGORY", default_value = new::DEFAULT_CATEGORY, value_parser = new::categories())]
        category: String,
        /// The clone of aiperf to build against; found, where it is here, above or beside
        #[arg(long, value_name = "PATH")]
        aiperf: Option<PathBuf>,
    },
    /// Every implementation of a category, also those that lost their name
    ListImplementations {
        /// The category
        category: String,
    },
    /// Check a manifest, a library, a package, or a folder of packages, without running any of its code
    Validate {
        /// A `plugins.yaml`, a library, or a folder
        path: PathBuf,
    },
    /// Copy a package into the user's folder
    Add {
        /// The package's folder, its manifest, or its library with the manifest near
        path: PathBuf,
        /// Replace the package of that name that is there
        #[arg(long)]
        force: bool,
    },
    /// Take a package out of the user's folder
    Remove {
        /// Name of the package
        name: String,
    },
    /// Decide which package a name means, from now on
    Use {
        /// The category
        category: String,
        /// The name
        name: String,
        /// The package that offers it; `aiperf` is what is built in
        #[arg(required_unless_present = "clear", conflicts_with = "clear")]
        package: Option<String>,
        /// Forget the choice
        #[arg(long)]
        clear: bool,
    },
    /// Which implementation a name means, which ones it shadows, and the rule that decided
    Which {
        /// The category
        category: String,
        /// The name
        name: String,
    },
    /// How every package is: manifest, permissions, library, ABI, C library, digest, names. Each library is loaded in a
    /// process of its own; digests are compared with `aiperf-plugins.lock`, where that is in the current folder
    Doctor,
    /// Write down the packages that take part, by version and digest, for a team or a pipeline
    Lock {
        /// Compare with what was written down, and write nothing
        #[arg(long)]
        check: bool,
        /// The lock
        #[arg(long, value_name = "FILE", default_value = crate::plugin::lock::FILE_NAME)]
        file: PathBuf,
    },
    /// Put a library to the test: every class made, called as a run calls it and worse, and dropped, in a process of its own
    Test {
        /// A library, a package that is installed, or the folder of one
        #[arg(value_name = "LIBRARY")]
        what: PathBuf,
        #[command(flatten)]
        given: suite::Given,
        /// A file for its loaders of datasets, of their sort
        #[arg(long, value_name = "FILE")]
        sample: Option<PathBuf>,
    },
    /// What calls of a library cost that are made for every request, beside those of what is built in
    Bench {
        /// A library, a package that is installed, or the folder of one
        #[arg(value_name = "LIBRARY")]
        what: PathBuf,
        #[command(flatten)]
        given: suite::Given,
    },
    /// Put one class to the test: run by `test` in a process of its own
    #[command(hide = true)]
    TryClass {
        /// The library
        path: PathBuf,
        /// The class, `category:Type`
        class: String,
        #[command(flatten)]
        given: suite::Given,
        /// A file for a loader
        #[arg(long)]
        sample: Option<PathBuf>,
    },
    /// Measure one class: run by `bench` in a process of its own
    #[command(hide = true)]
    CostOfClass {
        /// The library
        path: PathBuf,
        /// The class, `category:Type`
        class: String,
        #[command(flatten)]
        given: suite::Given,
    },
    /// Load a library and say what came of it: run by `doctor` in a process of its own
    #[command(hide = true)]
    LoadLibrary {
        /// The library
        path: PathBuf,
    },
    /// Let a package take part again
    Enable {
        /// Name of the package
        name: String,
    },
    /// Leave a package out until it is enabled; it stays where it is
    Disable {
        /// Name of the package
        name: String,
    },
    /// The JSON Schema of `plugins.yaml`, for editors
    Schema,
}

/// The sub-words, for a slip of the finger that looks like a category.
const WORDS: [&str; 20] = [
    "list",
    "list-plugins",
    "list-implementations",
    "show",
    "info",
    "inspect",
    "protocols",
    "validate",
    "new",
    "add",
    "remove",
    "use",
    "which",
    "enable",
    "disable",
    "doctor",
    "lock",
    "test",
    "bench",
    "schema",
];

const FORMS: &str = "\
Examples:
  aiperf plugins                     the packages
  aiperf plugins endpoint            the endpoints
  aiperf plugins endpoint chat       everything about one
  aiperf plugins --validate          is every package in order?
  aiperf plugins new my-plugins      make a package of your own (--category: which sort)
  aiperf plugins add ./my-plugins    install a package
  aiperf plugins which endpoint chat             who has the name, and why
  aiperf plugins use endpoint chat my-plugins    who is to have it";

/// How the results are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    Json,
}

impl Form {
    /// Tells the results on the standard output: the document, or the text of it.
    fn tell<T: Serialize>(self, document: &T, text: impl FnOnce(&T) -> String) {
        match self {
            Self::Json => {
                let json = serde_json::to_string_pretty(document).expect("names and plain values are JSON");
                output::stdout(&(json + "\n"));
            }
            Self::Text => output::stdout(&text::fitted(&text(document), text::columns())),
        }
    }

    /// Says something on the standard output as it is.
    fn say(text: &str) {
        output::stdout(text);
    }

    /// Tells on the standard error what is wrong with packages. The JSON documents have it inside.
    fn tell_troubles(self, registry: &Registry) {
        if self == Self::Text {
            output::stderr(&output::fitted_to_stderr(&troubles::in_full(registry)));
        }
    }
}

/// Runs the command.
///
/// # Errors
/// When a name does not exist, or a package cannot be put in or taken out.
pub fn run(args: &PluginsArgs, discovery: &DiscoveryArgs) -> Result<Exit, Failure> {
    let form = if args.json { Form::Json } else { Form::Text };
    let registry = || discovery.silent_registry();
    if let Some(command) = &args.command {
        if let Some(word) = &args.category {
            return Err(Failure::saying(Exit::Usage, format!("`{word}` stands before a command of `aiperf plugins`"))
                .with_hint("give either a category, and a name of it, or a command"));
        }
        return match command {
            PluginsCommand::List { builtin_only: true } => list::everything(&builtin::only(), form),
            PluginsCommand::List { builtin_only: false } => list::everything(&registry()?, form),
            PluginsCommand::Show { name } => list::one_package(&registry()?, name, form),
            PluginsCommand::Info { category, name } => {
                let registry = registry()?;
                let category = find_category(category, &registry)?;
                show::entry(&registry, registry.entry(&category.name, name)?, form)
            }
            PluginsCommand::Inspect { what } => inspect::library(&registry()?, what.as_deref(), form),
            PluginsCommand::Protocols { category: None } => reference::protocols(form),
            PluginsCommand::Protocols { category: Some(category) } => {
                reference::page(find_category(category, &registry()?)?, form)
            }
            PluginsCommand::New { name, category, aiperf } => new::make(name, category, aiperf.as_deref(), form),
            PluginsCommand::ListPlugins => list::package_details(&registry()?, form),
            PluginsCommand::ListImplementations { category } => {
                let registry = registry()?;
                list::implementations(&registry, find_category(category, &registry)?, form)
            }
            PluginsCommand::Validate { path } => check::path(path, form),
            PluginsCommand::Add { path, force } => package::add(path, *force, form),
            PluginsCommand::Remove { name } => package::remove(name, form),
            PluginsCommand::Use { category, name, package, clear: _ } => {
                let registry = registry()?;
                let category = find_category(category, &registry)?;
                match package {
                    Some(package) => preferences::remember(registry, category, name, package, form),
                    None => preferences::forget(category, name, form),
                }
            }
            PluginsCommand::Which { category, name } => {
                let registry = registry()?;
                which::tell(&registry, find_category(category, &registry)?, name, form)
            }
            PluginsCommand::Doctor => doctor::tell(&discovery.options()?, &registry()?, form),
            PluginsCommand::Lock { check: false, file } => lock::write(&registry()?, file, form),
            PluginsCommand::Lock { check: true, file } => lock::check(&registry()?, file, form),
            PluginsCommand::Test { what, given, sample } => {
                suite::test(&registry()?, what, given, sample.as_deref(), form)
            }
            PluginsCommand::Bench { what, given } => suite::bench(&registry()?, what, given, form),
            PluginsCommand::TryClass { path, class, given, sample } => {
                suite::try_class(path, class, given, sample.as_deref())
            }
            PluginsCommand::CostOfClass { path, class, given } => suite::cost(path, class, given),
            PluginsCommand::LoadLibrary { path } => probe::load_here(path),
            PluginsCommand::Enable { name } => preferences::enable(&registry()?, name, form),
            PluginsCommand::Disable { name } => preferences::disable(&registry()?, name, form),
            PluginsCommand::Schema => {
                Form::Json.tell(&manifest::json_schema(), |_| String::new());
                Ok(Exit::Success)
            }
        };
    }
    if args.validate {
        return check::all(&discovery.options()?, &registry()?, form);
    }
    let registry = registry()?;
    match (&args.category, &args.name) {
        (None, _) if args.all => list::everything(&registry, form),
        (None, _) => list::packages(&registry, form),
        (Some(category), None) => list::category(&registry, find_category(category, &registry)?, form),
        (Some(category), Some(name)) => {
            let category = find_category(category, &registry)?;
            show::entry(&registry, registry.entry(&category.name, name)?, form)
        }
    }
}

/// What a process without flags finds: for who only wants the names.
pub(in crate::cli) fn here() -> Result<Registry, Failure> {
    let none = DiscoveryArgs {
        plugin_path: Vec::new(),
        no_plugins: false,
        allow_insecure_plugin_path: false,
        uses: Vec::new(),
    };
    none.silent_registry()
}

/// The category that was meant; where there is none, the error points to what the word may be instead.
fn find_category(word: &str, registry: &Registry) -> Result<&'static Category, Failure> {
    let unknown = match category::find(word) {
        Ok(category) => return Ok(category),
        Err(unknown) => unknown,
    };
    let failure = Failure::from(RegistryError::Category(unknown));
    if let Some(entry) = registry.all().find(|entry| name::same(&entry.name, word)) {
        let (category, name) = (&entry.category.name, &entry.name);
        return Err(failure
            .with_hint(format!("`{name}` is a name in `{category}`: `aiperf plugins {category} {name}` shows it")));
    }
    match name::nearest(word, WORDS) {
        Some(near) if name::nearest(word, category::names()).is_none() => {
            Err(failure.with_hint(format!("there is a command `aiperf plugins {near}`")))
        }
        _ => Err(failure),
    }
}
