//! The reader behind `Manifest`: one pass over the YAML that checks each key and value where it stands. A fault that
//! belongs to one entry or section is noted, and the text read again without that one, so that all faults are told.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fmt;
use std::io::Read;
use std::path::Path;

use serde::Serialize;
use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::{Declaration, Declared, Manifest, NoMetadata, PackageInfo, SCHEMA_VERSION, SIZE_LIMIT, SchemaVersion};
use crate::plugin::category::{self, Category, MetadataSchema};
use crate::plugin::fault::{Fault, Position, Problem};
use crate::plugin::name;
use crate::plugin::strict::{self, Strict};

/// What the reader says where there is no version.
const MISSING_VERSION: &str = "the key `schema_version` is missing";

/// A manifest with more faults than this is not a manifest.
const FAULT_LIMIT: usize = 20;

/// The bytes of a manifest file that is not too large to be one.
pub(super) fn bytes(path: &Path) -> Result<Vec<u8>, Problem> {
    let file = std::fs::File::open(path).map_err(Problem::Unreadable)?;
    let mut bytes = Vec::new();
    file.take(SIZE_LIMIT + 1).read_to_end(&mut bytes).map_err(Problem::Unreadable)?;
    match bytes.len() as u64 > SIZE_LIMIT {
        true => {
            let bytes = std::fs::metadata(path).map_or(bytes.len() as u64, |meta| meta.len());
            Err(Problem::TooLarge { bytes, limit: SIZE_LIMIT })
        }
        false => Ok(bytes),
    }
}

pub(super) fn manifest(text: String, path: &Path) -> Result<Manifest, Vec<Fault>> {
    let mut faults: Vec<Fault> = Vec::new();
    let mut skip = BTreeSet::new();
    // What is no YAML has one fault: behind it, nothing can be told from noise.
    IgnoredAny::deserialize(serde_yaml::Deserializer::from_str(&text))
        .map_err(|error| vec![Fault::at(path, position(&text, &error), Problem::Syntax(message(&error)))])?;
    let draft = loop {
        let items = Items { skip: &skip, count: Cell::new(0), current: Cell::new(None) };
        let error = match (Root { items: &items }).deserialize(serde_yaml::Deserializer::from_str(&text)) {
            Ok(draft) => break draft,
            Err(error) => error,
        };
        faults.push(Fault::at(path, position(&text, &error), problem(&text, &error)));
        match items.current.get() {
            Some(item) if faults.len() < FAULT_LIMIT => skip.insert(item),
            Some(_) => {
                faults.push(Fault::of(path, Problem::AndMore { shown: FAULT_LIMIT }));
                return Err(faults);
            }
            // Not a fault of one item: nothing behind it can be read.
            None => return Err(faults),
        };
    };
    match draft {
        Draft { package: Some(package), version: Some(version), entries } if faults.is_empty() => {
            let mut warnings = Vec::new();
            if version.minor > SCHEMA_VERSION.minor {
                warnings.push(format!(
                    "schema version {version} is newer than {SCHEMA_VERSION}, which this aiperf knows; read all the same"
                ));
            }
            Ok(Manifest { package, entries, warnings, text })
        }
        _ => {
            faults.sort_by_key(|fault| fault.at);
            Err(faults)
        }
    }
}

/// What kind of fault an error of the reader is.
fn problem(text: &str, error: &serde_yaml::Error) -> Problem {
    let words = message(error);
    let of_version = || {
        let version = locate(text, &["schema_version"]).map(|at| at.line);
        version.is_some() && version == position(text, error).map(|at| at.line) || words.contains(MISSING_VERSION)
    };
    match () {
        () if strict::is_duplicate(&words) => Problem::Duplicate(words),
        () if of_version() => Problem::SchemaVersion(words),
        () => Problem::Manifest(words),
    }
}

/// Everything that is skipped or kept as one, numbered in the order of the text: sections, and entries of categories.
struct Items<'a> {
    skip: &'a BTreeSet<usize>,
    count: Cell<usize>,
    current: Cell<Option<usize>>,
}

impl Items<'_> {
    /// Starts the next item; whether it is to be skipped.
    fn next(&self) -> Turn {
        let item = self.count.get();
        self.count.set(item + 1);
        self.current.set(Some(item));
        if self.skip.contains(&item) { Turn::Skip } else { Turn::Read }
    }

    fn done(&self) {
        self.current.set(None);
    }
}

#[derive(PartialEq)]
enum Turn {
    Read,
    Skip,
}

#[derive(Default)]
struct Draft {
    package: Option<PackageInfo>,
    version: Option<SchemaVersion>,
    entries: Vec<Declared>,
}

struct Root<'a> {
    items: &'a Items<'a>,
}

impl<'de> DeserializeSeed<'de> for Root<'_> {
    type Value = Draft;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Draft, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Root<'_> {
    type Value = Draft;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a plugin manifest: a mapping with `schema_version`, `plugin` and categories")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Draft, A::Error> {
        let mut draft = Draft::default();
        let mut seen = BTreeSet::new();
        while let Some(section) = map.next_key_seed(SectionKey { items: self.items, seen: &mut seen })? {
            match section {
                Section::Skipped => drop(map.next_value::<IgnoredAny>()?),
                Section::SchemaVersion => draft.version = Some(map.next_value::<Parsed<_>>()?.0),
                Section::Plugin => draft.package = Some(map.next_value::<Strict<_>>()?.0),
                Section::Category(category) => {
                    map.next_value_seed(Entries { items: self.items, category, into: &mut draft.entries })?;
                }
            }
            self.items.done();
        }
        for required in ["schema_version", "plugin"] {
            if !seen.contains(required) {
                return Err(de::Error::custom(format_args!("the key `{required}` is missing")));
            }
        }
        Ok(draft)
    }
}

struct Parsed<T>(T);

impl<'de, T: std::str::FromStr<Err: fmt::Display>> Deserialize<'de> for Parsed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        strict::parse(deserializer).map(Self)
    }
}

enum Section {
    Skipped,
    SchemaVersion,
    Plugin,
    Category(&'static Category),
}

struct SectionKey<'a> {
    items: &'a Items<'a>,
    seen: &'a mut BTreeSet<String>,
}

impl<'de> DeserializeSeed<'de> for SectionKey<'_> {
    type Value = Section;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Section, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for SectionKey<'_> {
    type Value = Section;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`schema_version`, `plugin` or the name of a category")
    }

    fn visit_str<E: de::Error>(self, key: &str) -> Result<Section, E> {
        let turn = self.items.next();
        let new = self.seen.insert(key.to_owned());
        if turn == Turn::Skip {
            return Ok(Section::Skipped);
        }
        if !new {
            return Err(strict::duplicate(key));
        }
        match key {
            "schema_version" => Ok(Section::SchemaVersion),
            "plugin" => Ok(Section::Plugin),
            _ => match category::all().iter().find(|category| category.name == key) {
                Some(category) => Ok(Section::Category(category)),
                None => {
                    let valid = ["schema_version", "plugin"].into_iter().chain(category::names());
                    Err(E::custom(strict::unknown("category", key, valid)))
                }
            },
        }
    }
}

struct Entries<'a> {
    items: &'a Items<'a>,
    category: &'static Category,
    into: &'a mut Vec<Declared>,
}

impl<'de> DeserializeSeed<'de> for Entries<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Entries<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a mapping from names to entries of `{}`", self.category)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = BTreeSet::new();
        while let Some(name) = map.next_key_seed(EntryName { items: self.items, seen: &mut seen })? {
            match name {
                Some(name) => {
                    let declared = match self.category.metadata {
                        MetadataSchema::Endpoint => {
                            declared::<aiperf_abi::EndpointMetadata, _>(&mut map, self.category, name)?
                        }
                        MetadataSchema::Transport => {
                            declared::<aiperf_abi::TransportMetadata, _>(&mut map, self.category, name)?
                        }
                        MetadataSchema::CustomDatasetLoader => declared::<
                            Option<aiperf_abi::CustomDatasetLoaderMetadata>,
                            _,
                        >(&mut map, self.category, name)?,
                        MetadataSchema::None => declared::<Option<NoMetadata>, _>(&mut map, self.category, name)?,
                    };
                    self.into.push(declared);
                }
                None => drop(map.next_value::<IgnoredAny>()?),
            }
            self.items.done();
        }
        Ok(())
    }
}

fn declared<'de, M, A>(map: &mut A, category: &'static Category, name: String) -> Result<Declared, A::Error>
where
    M: Deserialize<'de> + Serialize,
    A: MapAccess<'de>,
{
    let Strict(Declaration::<M> { class, description, priority, metadata: Strict(metadata) }) = map.next_value()?;
    let metadata = serde_json::to_value(metadata).map_err(de::Error::custom)?;
    let description = description.unwrap_or_default().trim().to_owned();
    Ok(Declared { category, name, class, description, priority, metadata })
}

struct EntryName<'a> {
    items: &'a Items<'a>,
    seen: &'a mut BTreeSet<String>,
}

impl<'de> DeserializeSeed<'de> for EntryName<'_> {
    type Value = Option<String>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<String>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for EntryName<'_> {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of an entry")
    }

    fn visit_str<E: de::Error>(self, key: &str) -> Result<Option<String>, E> {
        let turn = self.items.next();
        let new = self.seen.insert(name::fold(key));
        if turn == Turn::Skip {
            return Ok(None);
        }
        if !new {
            return Err(strict::duplicate(key));
        }
        let valid = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        match !key.is_empty() && key.chars().all(valid) {
            true => Ok(Some(key.to_owned())),
            false => {
                Err(E::custom(format_args!("`{key}` is no name for an entry; it takes letters, digits, `-`, `_`, `.`")))
            }
        }
    }
}

/// Asks the YAML reader where the value at `keys` is: by failing there on purpose and taking the place it reports.
pub(super) fn locate(text: &str, keys: &[&str]) -> Option<Position> {
    let found = Cell::new(false);
    let error = Probe { keys, found: &found }.deserialize(serde_yaml::Deserializer::from_str(text)).err()?;
    found.get().then(|| position(text, &error))?
}

struct Probe<'a> {
    keys: &'a [&'a str],
    found: &'a Cell<bool>,
}

impl<'de> DeserializeSeed<'de> for Probe<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match self.keys.is_empty() {
            true => deserializer.deserialize_any(self),
            false => deserializer.deserialize_map(self),
        }
    }
}

impl Probe<'_> {
    fn here<E: de::Error>(&self) -> Result<(), E> {
        self.found.set(self.keys.is_empty());
        Err(E::custom("here"))
    }
}

impl<'de> Visitor<'de> for Probe<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Some((wanted, rest)) = self.keys.split_first() else { return self.here() };
        while let Some(key) = map.next_key::<String>()? {
            match key == *wanted {
                true => map.next_value_seed(Probe { keys: rest, found: self.found })?,
                false => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<(), E> {
        self.here()
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<(), E> {
        self.here()
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<(), E> {
        self.here()
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<(), E> {
        self.here()
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<(), E> {
        self.here()
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        self.here()
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        self.here()
    }
}

pub(super) fn position(text: &str, error: &serde_yaml::Error) -> Option<Position> {
    match error.location() {
        Some(location) => Some(Position { line: location.line(), column: location.column() }),
        // Two cases where the reader has no place and there is one: a text that ends before it says anything, and one that
        // goes on after its end.
        None if is_second_document(error) => second_document(text),
        None => error.to_string().starts_with("EOF").then(|| Position::after(text.as_bytes())),
    }
}

fn is_second_document(error: &serde_yaml::Error) -> bool {
    error.to_string().ends_with("more than one document is not supported")
}

/// Where the first value of the second document is.
fn second_document(text: &str) -> Option<Position> {
    let second = serde_yaml::Deserializer::from_str(text).nth(1)?;
    let error = Probe { keys: &[], found: &Cell::new(false) }.deserialize(second).err()?;
    error.location().map(|location| Position { line: location.line(), column: location.column() })
}

/// The error's words without the place, which is told apart.
pub(super) fn message(error: &serde_yaml::Error) -> String {
    let text = error.to_string();
    match error.location() {
        None if is_second_document(error) => "a second document begins here; a file is one".to_owned(),
        Some(at) => {
            let place = format!(" at line {} column {}", at.line(), at.column());
            text.replacen(&place, "", 1)
        }
        None => text,
    }
}

impl Position {
    /// The place just behind some text.
    pub(super) fn after(text: &[u8]) -> Self {
        let line_start = text.iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1);
        Self {
            line: text.iter().filter(|&&byte| byte == b'\n').count() + 1,
            column: String::from_utf8_lossy(&text[line_start..]).chars().count() + 1,
        }
    }
}
