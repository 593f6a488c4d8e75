//! The command line and the file of `--config` as one: the file's settings are put before the user's own, but for those that
//! the user gave. What both together say is then read by the same parser as any command line.

use std::ffi::OsString;
use std::path::Path;

use clap::parser::ValueSource;
use clap::{CommandFactory, Parser};

use super::failure::Failure;
use super::{Cli, Command};
use crate::config::ProfileFlags;
use crate::config::file::{self, FileSettings, PhaseSettings, Setting, first_sentence};
use crate::config::flags::PhaseFlags;
use crate::exit::Exit;

/// The flags of a run whose options name a file.
///
/// # Errors
/// When the file is no benchmark, or disagrees with the options.
pub(super) fn flags(path: &Path, line: &[OsString]) -> Result<ProfileFlags, Failure> {
    let file = file::read(path).map_err(|error| Failure::new(Exit::Usage, &error))?;
    let line = Line::new(line);
    let told = |error: clap::Error| {
        Failure::saying(Exit::Usage, format!("{}: with the command line: {}", path.display(), first_sentence(&error)))
    };
    line.all(&file).map_err(told)
}

/// The user's command line.
struct Line<'a> {
    /// Up to the name of the command.
    head: &'a [OsString],
    /// What follows it.
    tail: &'a [OsString],
    /// Flags that are on it.
    given: Vec<String>,
}

impl<'a> Line<'a> {
    fn new(line: &'a [OsString]) -> Self {
        let parsed = |words: &[OsString]| Cli::command().ignore_errors(true).try_get_matches_from(words).ok();
        let is_command = |place: &usize| {
            let words = line.get(..=*place).unwrap_or_default();
            line[*place] == "profile"
                && parsed(words).is_some_and(|matches| matches.subcommand_name() == Some("profile"))
        };
        let place = (1..line.len()).find(is_command).unwrap_or(line.len().saturating_sub(1));
        let (head, tail) = line.split_at(place + 1);
        let matches = parsed(line);
        let own = matches.as_ref().and_then(|matches| matches.subcommand_matches("profile"));
        let given = own.map_or_else(Vec::new, |own| {
            let said = |id: &&clap::Id| {
                own.value_source(id.as_str()).is_some_and(|source| source != ValueSource::DefaultValue)
            };
            own.ids().filter(said).map(ToString::to_string).collect()
        });
        Self { head, tail, given }
    }

    fn all(&self, file: &FileSettings) -> Result<ProfileFlags, clap::Error> {
        let mut measured = file.phases.iter().enumerate().filter(|(_, phase)| !phase.excluded).peekable();
        if measured.peek().is_none() {
            return self.with(file.run.iter());
        }
        let mut all: Option<ProfileFlags> = None;
        let mut phases = Vec::new();
        for (place, phase) in measured {
            let flags = self.with(file.run.iter().chain(&phase.settings))?;
            let before = place.checked_sub(1).map(|before| &file.phases[before]).filter(|before| before.excluded);
            let warmup = before.map(|before| self.alone(before)).transpose()?.map(|flags| flags.load);
            phases.push(PhaseFlags { name: phase.name.clone(), warmup, load: flags.load.clone() });
            all.get_or_insert(flags);
        }
        let mut all = all.expect("there is a phase");
        all.phases = phases;
        Ok(all)
    }

    /// The file's settings, and the user's over them.
    fn with<'s>(&self, settings: impl Iterator<Item = &'s Setting>) -> Result<ProfileFlags, clap::Error> {
        let own = settings.filter(|setting| !self.given.contains(&setting.id)).flat_map(|setting| &setting.words);
        let words = self.head.iter().cloned().chain(own.map(OsString::from)).chain(self.tail.iter().cloned());
        profile_flags(words)
    }

    /// A warm-up is as the file says it: what the user says is about what is measured.
    fn alone(&self, phase: &PhaseSettings) -> Result<ProfileFlags, clap::Error> {
        let own = phase.settings.iter().flat_map(|setting| &setting.words);
        profile_flags(self.head.iter().cloned().chain(own.map(OsString::from)))
    }
}

fn profile_flags(words: impl Iterator<Item = OsString>) -> Result<ProfileFlags, clap::Error> {
    match Cli::try_parse_from(words)?.command {
        Command::Profile(args) => Ok(args.flags),
        _ => {
            Err(Cli::command()
                .error(clap::error::ErrorKind::InvalidSubcommand, "a file of `--config` is for `profile`"))
        }
    }
}
