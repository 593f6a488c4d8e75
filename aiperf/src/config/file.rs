//! A benchmark in a YAML file. Every key of it stands for a flag of `aiperf profile`, by a short name or by the flag's own, in
//! snake case or camel case; the values are read by the flags' parsers. So a file knows no default and no rule that the
//! flags do not have. Reads and checks; who wins where a flag is also on the command line is decided where both are at hand.

mod section;
mod value;

use std::cell::RefCell;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::de::{self, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use crate::plugin::fault::Position;
use crate::plugin::manifest;
use section::{ARTIFACTS, BENCHMARK, DATASET, ENDPOINT, Flags, Key, PHASE, Place, ROOT, Section, Special};
use value::{Text, Value};

pub use section::first_sentence;

/// A file that is no benchmark.
#[derive(Debug, thiserror::Error)]
#[error("{}{}: {reason}", path.display(), at.map(|at| format!(":{}:{}", at.line, at.column)).unwrap_or_default())]
pub struct FileError {
    /// The file.
    pub path: PathBuf,
    /// The place in it.
    pub at: Option<Position>,
    /// What is wrong.
    pub reason: String,
}

/// One flag as the file sets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The flag's id.
    pub id: String,
    /// How the command line would say it.
    pub words: Vec<String>,
}

/// What a file says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileSettings {
    /// What holds for the whole run.
    pub run: Vec<Setting>,
    /// Its phases in order; none: the flags say.
    pub phases: Vec<PhaseSettings>,
}

/// What a file says of one phase.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PhaseSettings {
    /// Its name.
    pub name: String,
    /// Whether it only warms up what follows.
    pub excluded: bool,
    /// Its flags.
    pub settings: Vec<Setting>,
}

/// Reads a file.
///
/// # Errors
/// When it cannot be read, or says something that no flag can mean; with the place.
pub fn read(path: &Path) -> Result<FileSettings, FileError> {
    let fault = |at, reason| FileError { path: path.to_owned(), at, reason };
    let text = std::fs::read_to_string(path).map_err(|error| fault(None, error.to_string()))?;
    parse(&text).map_err(|(at, reason)| fault(at, reason))
}

fn parse(text: &str) -> Result<FileSettings, (Option<Position>, String)> {
    let flags = Flags::new();
    let said = RefCell::default();
    let root = Mapping { section: &ROOT, flags: &flags, said: &said };
    root.deserialize(serde_yaml::Deserializer::from_str(text)).map_err(|error| manifest::told(text, &error))?;
    Ok(said.into_inner().file)
}

/// Everything read so far.
#[derive(Default)]
struct Said {
    file: FileSettings,
    /// Whether the phases are a list, which has room for all of them.
    is_list: bool,
    /// The phase that is being read.
    phase: Option<PhaseSettings>,
    /// Its `type` and its `rate`, which mean something only together.
    kind: Option<String>,
    rate: Option<String>,
}

impl Said {
    fn set(&mut self, flag: &str, words: Vec<String>) {
        let setting = Setting { id: flag.to_owned(), words };
        match &mut self.phase {
            Some(phase) => phase.settings.push(setting),
            None => self.file.run.push(setting),
        }
    }

    /// What the type of a phase says by flags.
    fn end_phase(&mut self, flags: &Flags) -> Result<(), String> {
        let (kind, rate) = (self.kind.take(), self.rate.take());
        let mut rate_flag = "request-rate";
        let closed = match kind.as_deref().map(section::folded).as_deref() {
            None => None,
            Some("concurrency") => Some("no-fixed-schedule"),
            Some("fixed-schedule") => Some("fixed-schedule"),
            Some("user-centric") => {
                rate_flag = "user-centric-rate";
                None
            }
            Some(_) => {
                let pattern = kind.clone().unwrap_or_default();
                self.set(&flags.id("arrival-pattern"), vec![format!("--arrival-pattern={pattern}")]);
                None
            }
        };
        if let Some(flag) = closed {
            if rate.is_some() {
                return Err(format!("a phase of type `{}` has no `rate`", kind.unwrap_or_default()));
            }
            self.set(&flags.id(flag), vec![format!("--{flag}")]);
        }
        if let Some(rate) = rate {
            self.set(&flags.id(rate_flag), vec![format!("--{rate_flag}={rate}")]);
        }
        let phase = self.phase.take().expect("a phase that ends has begun");
        let phases = &mut self.file.phases;
        if phase.excluded && phases.last().is_some_and(|last| last.excluded) {
            return Err("two phases in a row are excluded from the results: one may warm up what follows".to_owned());
        }
        phases.push(phase);
        Ok(())
    }

    fn name_phase(&mut self, name: &str) -> Result<(), String> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        if name.is_empty() || !name.chars().all(plain) {
            return Err(format!("`{name}` is no name for a phase; it takes letters, digits, `-` and `_`"));
        }
        if self.file.phases.iter().any(|phase| phase.name == name) {
            return Err(format!("there is a phase `{name}` already"));
        }
        if let Some(phase) = &mut self.phase {
            name.clone_into(&mut phase.name);
        }
        Ok(())
    }
}

/// A mapping with the keys of a section.
struct Mapping<'a> {
    section: &'static Section,
    flags: &'a Flags,
    said: &'a RefCell<Said>,
}

impl<'de> DeserializeSeed<'de> for Mapping<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Mapping<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.section.what)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = Vec::new();
        while let Some(place) = map.next_key_seed(Key { section: self.section, flags: self.flags, seen: &mut seen })? {
            match place {
                Place::Flag(arg) => {
                    let words = map.next_value_seed(Value { arg, flags: self.flags })?;
                    self.said.borrow_mut().set(arg.get_id().as_str(), words);
                }
                Place::Special(special) => self.special(special, &mut map)?,
            }
        }
        for (key, special) in self.section.required {
            if !seen.iter().any(|seen| *seen == *key) {
                return Err(A::Error::custom(format_args!("the key `{key}` is missing: {special}")));
            }
        }
        Ok(())
    }
}

impl Mapping<'_> {
    fn into<'de, A: MapAccess<'de>>(&self, section: &'static Section, map: &mut A) -> Result<(), A::Error> {
        map.next_value_seed(Mapping { section, flags: self.flags, said: self.said })
    }

    fn text<'de, A: MapAccess<'de>>(
        &self,
        map: &mut A,
        mut take: impl FnMut(&mut Said, &str) -> Result<(), String>,
    ) -> Result<(), A::Error> {
        map.next_value_seed(Text(|text: &str| take(&mut self.said.borrow_mut(), text)))
    }

    fn special<'de, A: MapAccess<'de>>(&self, special: Special, map: &mut A) -> Result<(), A::Error> {
        match special {
            Special::Version => self.text(map, |_, version| match version.split('.').next() {
                Some("2") => Ok(()),
                _ => Err(format!("schema version `{version}` is not known; this aiperf reads 2.0")),
            }),
            Special::Benchmark => {
                self.into(&BENCHMARK, map)?;
                match self.said.borrow().file.phases.last() {
                    Some(last) if last.excluded => Err(A::Error::custom(
                        "there is a `warmup` and nothing that is measured after it: add `profiling`, `{}` where the flags say all",
                    )),
                    _ => Ok(()),
                }
            }
            Special::Endpoint => self.into(&ENDPOINT, map),
            Special::Dataset => self.into(&DATASET, map),
            Special::Artifacts => self.into(&ARTIFACTS, map),
            Special::Phases => map.next_value_seed(Phases(self)),
            Special::Only { name, excluded } => {
                if self.said.borrow().is_list {
                    return Err(A::Error::custom("`phases` and `warmup` or `profiling` exclude each other: give one"));
                }
                self.said.borrow_mut().phase =
                    Some(PhaseSettings { name: name.to_owned(), excluded, settings: Vec::new() });
                self.into(&PHASE, map)?;
                let mut said = self.said.borrow_mut();
                said.end_phase(self.flags).map_err(A::Error::custom)?;
                // The file may say them in any order; the warm-up comes first.
                said.file.phases.sort_by_key(|phase| !phase.excluded);
                Ok(())
            }
            Special::Name => self.text(map, Said::name_phase),
            Special::Kind => self.text(map, |said, kind| {
                said.kind = Some(kind.to_owned());
                Ok(())
            }),
            Special::Rate => {
                let rate = self.flags.named("request-rate");
                let words = map.next_value_seed(Value { arg: rate, flags: self.flags })?;
                let words = words.concat();
                self.said.borrow_mut().rate = words.split_once('=').map(|(_, rate)| rate.to_owned());
                Ok(())
            }
            Special::Excluded => self.text(map, |said, text| {
                let excluded = text.parse().map_err(|_| "expected true or false".to_owned())?;
                if let Some(phase) = &mut said.phase {
                    phase.excluded = excluded;
                }
                Ok(())
            }),
            Special::DataType => self.text(map, |said, kind| {
                if !["synthetic", "file"].contains(&kind) {
                    let words = vec![format!("--custom-dataset-type={kind}")];
                    self.flags.check(&words)?;
                    said.set(&self.flags.id("custom-dataset-type"), words);
                }
                Ok(())
            }),
        }
    }
}

/// The list under `phases`.
struct Phases<'a, 'b>(&'b Mapping<'a>);

impl<'de> DeserializeSeed<'de> for Phases<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Phases<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of phases")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        if !self.0.said.borrow().file.phases.is_empty() {
            return Err(A::Error::custom("`phases` and `warmup` or `profiling` exclude each other: give one"));
        }
        self.0.said.borrow_mut().is_list = true;
        while list.next_element_seed(OnePhase(self.0))?.is_some() {}
        match self.0.said.borrow().file.phases.last() {
            Some(last) if !last.excluded => Ok(()),
            Some(_) => {
                Err(A::Error::custom("the last phase is excluded from the results: nothing would be measured after it"))
            }
            None => Err(A::Error::custom("there are no phases: nothing would be measured")),
        }
    }
}

struct OnePhase<'a, 'b>(&'b Mapping<'a>);

impl<'de> DeserializeSeed<'de> for OnePhase<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let Mapping { flags, said, .. } = *self.0;
        said.borrow_mut().phase = Some(PhaseSettings::default());
        Mapping { section: &section::NAMED_PHASE, flags, said }.deserialize(deserializer)?;
        said.borrow_mut().end_phase(flags).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
