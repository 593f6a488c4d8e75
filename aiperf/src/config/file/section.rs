//! The sections of a benchmark file, and which keys each has: a few short names, and the name of every flag under the
//! section's headings in the help.

use std::fmt;

use clap::{Arg, Args, Command};
use serde::de::{DeserializeSeed, Deserializer, Error, Visitor};

use super::super::ProfileFlags;
use crate::plugin::name;

/// A mapping in the file.
pub(super) struct Section {
    /// What it is, for a reader who gave something else.
    pub(super) what: &'static str,
    /// Headings of the help whose flags are its keys.
    headings: &'static [&'static str],
    /// Short names of flags.
    short: &'static [(&'static str, &'static str)],
    /// Keys that stand for no flag.
    special: &'static [(&'static str, Special)],
    /// Keys it cannot be without, and what they are.
    pub(super) required: &'static [(&'static str, &'static str)],
}

/// A key that stands for no flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Special {
    Version,
    Benchmark,
    Endpoint,
    Dataset,
    Artifacts,
    Phases,
    /// One phase by its role.
    Only {
        name: &'static str,
        excluded: bool,
    },
    Name,
    Kind,
    Rate,
    Excluded,
    DataType,
}

/// The whole file.
pub(super) static ROOT: Section = Section {
    what: "a benchmark: a mapping with `schemaVersion` and `benchmark`",
    headings: &[],
    short: &[("random-seed", "random-seed")],
    special: &[("schema-version", Special::Version), ("benchmark", Special::Benchmark)],
    required: &[("benchmark", "it says whom to ask, what, and when")],
};

/// What is run.
pub(super) static BENCHMARK: Section = Section {
    what: "a mapping with `model`, `endpoint`, `dataset`, `phases`",
    headings: &["Tokenizer"],
    short: &[
        ("model", "model-names"),
        ("models", "model-names"),
        ("slos", "goodput"),
        ("random-seed", "random-seed"),
        ("workers", "workers-max"),
    ],
    special: &[
        ("endpoint", Special::Endpoint),
        ("dataset", Special::Dataset),
        ("artifacts", Special::Artifacts),
        ("phases", Special::Phases),
        ("warmup", Special::Only { name: "warmup", excluded: true }),
        ("profiling", Special::Only { name: "profiling", excluded: false }),
    ],
    required: &[],
};

/// Whom to ask and how.
pub(super) static ENDPOINT: Section = Section {
    what: "a mapping with `url`, `type`, `streaming`",
    headings: &["Endpoint"],
    short: &[
        ("urls", "url"),
        ("type", "endpoint-type"),
        ("path", "custom-endpoint"),
        ("timeout", "request-timeout-seconds"),
        ("headers", "header"),
        ("extra", "extra-inputs"),
    ],
    special: &[],
    required: &[],
};

/// What to send.
pub(super) static DATASET: Section = Section {
    what: "a mapping with `type`, `entries`, `prompts` or `path`",
    headings: &["Input", "Prefixes", "Rankings", "Trace"],
    short: &[
        ("path", "input-file"),
        ("file", "input-file"),
        ("entries", "num-dataset-entries"),
        ("sampling", "dataset-sampling-strategy"),
    ],
    // `prompts` groups keys that may also stand without it.
    special: &[("type", Special::DataType), ("prompts", Special::Dataset)],
    required: &[],
};

/// Where results go.
pub(super) static ARTIFACTS: Section = Section {
    what: "a mapping with `dir`, `prefix`, `level`",
    headings: &["Output"],
    short: &[("dir", "output-artifact-dir"), ("prefix", "profile-export-prefix"), ("level", "export-level")],
    special: &[],
    required: &[],
};

const PHASE_FLAGS: &[(&str, &str)] = &[
    ("requests", "request-count"),
    ("sessions", "conversation-num"),
    ("conversations", "conversation-num"),
    ("duration", "benchmark-duration"),
    ("grace-period", "benchmark-grace-period"),
    ("users", "num-users"),
    ("smoothness", "arrival-smoothness"),
    ("rate-series", "request-rate-series"),
];

/// A phase that its key names.
pub(super) static PHASE: Section = Section {
    what: "a phase: a mapping with `type` and what belongs to it",
    headings: &["Load"],
    short: PHASE_FLAGS,
    special: &[("type", Special::Kind), ("rate", Special::Rate)],
    required: &[],
};

/// One of several phases.
pub(super) static NAMED_PHASE: Section = Section {
    what: "a phase: a mapping with `name`, `type` and what belongs to it",
    headings: &["Load"],
    short: PHASE_FLAGS,
    special: &[
        ("name", Special::Name),
        ("type", Special::Kind),
        ("rate", Special::Rate),
        ("exclude-from-results", Special::Excluded),
    ],
    required: &[("name", "its results are under this name")],
};

/// What a key stands for.
pub(super) enum Place<'a> {
    Flag(&'a Arg),
    Special(Special),
}

/// The flags of `aiperf profile`.
pub(super) struct Flags(Command);

impl Flags {
    pub(super) fn new() -> Self {
        let mut command = ProfileFlags::augment_args(Command::new("profile").no_binary_name(true));
        command.build();
        Self(command)
    }

    /// The flag of a long name.
    pub(super) fn named(&self, long: &str) -> &Arg {
        self.0.get_arguments().find(|arg| arg.get_long() == Some(long)).expect("the tables name flags that exist")
    }

    pub(super) fn id(&self, long: &str) -> String {
        self.named(long).get_id().to_string()
    }

    /// What the flag's parser has against these words.
    pub(super) fn check(&self, words: &[String]) -> Result<(), String> {
        use clap::error::ErrorKind;
        match self.0.clone().try_get_matches_from(words) {
            // What depends on other flags is seen when all are together.
            Err(error) if !matches!(error.kind(), ErrorKind::ArgumentConflict | ErrorKind::MissingRequiredArgument) => {
                Err(first_sentence(&error))
            }
            _ => Ok(()),
        }
    }

    fn of_headings(&self, headings: &'static [&'static str]) -> impl Iterator<Item = &Arg> {
        let belongs = move |arg: &&Arg| arg.get_help_heading().is_some_and(|heading| headings.contains(&heading));
        self.0.get_arguments().filter(belongs)
    }
}

/// The words of an error of the command line, without its usage.
pub fn first_sentence(error: &clap::Error) -> String {
    let text = error.to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    text.lines().take_while(|line| !line.is_empty()).map(str::trim).collect::<Vec<_>>().join(" ")
}

/// The form in which keys are compared: `camelCase`, `snake_case` and `kebab-case` are one.
pub(super) fn folded(key: &str) -> String {
    let mut kebab = String::with_capacity(key.len() + 4);
    let mut before_small = false;
    for c in key.chars() {
        if c.is_uppercase() && before_small {
            kebab.push('-');
        }
        before_small = c.is_lowercase() || c.is_ascii_digit();
        kebab.push(c);
    }
    name::fold(&kebab)
}

/// Reads a key of a section.
pub(super) struct Key<'a, 'b> {
    pub(super) section: &'static Section,
    pub(super) flags: &'a Flags,
    /// What was set already: names of special keys and ids of flags.
    pub(super) seen: &'b mut Vec<String>,
}

impl<'de, 'a> DeserializeSeed<'de> for Key<'a, '_> {
    type Value = Place<'a>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Place<'a>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'a> Visitor<'_> for Key<'a, '_> {
    type Value = Place<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Place<'a>, E> {
        let Self { section, flags, seen } = self;
        let wanted = folded(key);
        let place = if let Some((known, special)) = section.special.iter().find(|(known, _)| *known == wanted) {
            ((*known).to_owned(), Place::Special(*special))
        } else {
            let short = section.short.iter().find(|(short, _)| *short == wanted).map(|(_, long)| flags.named(long));
            let has_name = |arg: &&Arg| {
                arg.get_long() == Some(wanted.as_str())
                    || arg.get_all_aliases().unwrap_or_default().contains(&wanted.as_str())
            };
            let Some(arg) = short.or_else(|| flags.of_headings(section.headings).find(has_name)) else {
                return Err(E::custom(unknown(key, section, flags)));
            };
            (arg.get_id().to_string(), Place::Flag(arg))
        };
        match seen.contains(&place.0) {
            true => Err(E::custom(format_args!("`{key}` is here a second time; keep one"))),
            false => {
                seen.push(place.0);
                Ok(place.1)
            }
        }
    }
}

fn unknown(key: &str, section: &'static Section, flags: &Flags) -> String {
    let plain = section.special.iter().map(|(key, _)| *key).chain(section.short.iter().map(|(key, _)| *key));
    let usual: Vec<String> = plain.map(|key| key.replace('-', "_")).collect();
    let own: Vec<String> = flags
        .of_headings(section.headings)
        .flat_map(|arg| arg.get_long().into_iter().chain(arg.get_all_aliases().unwrap_or_default()))
        .map(|long| long.replace('-', "_"))
        .collect();
    let all = usual.iter().chain(&own).map(String::as_str);
    let suggestion = name::suggestion(&folded(key), all);
    let more = if own.is_empty() { "" } else { ", and the flags of `aiperf profile --help` that belong here" };
    format!("unknown key `{key}`{suggestion}; valid: {}{more}", usual.join(", "))
}
