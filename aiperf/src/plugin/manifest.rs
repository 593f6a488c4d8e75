//! What a `plugins.yaml` may say, and reading one: every fault with its line and column, every key accounted for.
//! The JSON Schema is made from the same types. Knows nothing of where manifests are or whether a library exists.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::category::{self, Category, MetadataSchema};
use super::fault::{Fault, Position, Problem};
use super::strict::{Strict, parse};

mod read;

/// The file name of a manifest.
pub const FILE_NAME: &str = "plugins.yaml";

/// Largest manifest that is read, in bytes.
pub const SIZE_LIMIT: u64 = 1 << 20;

/// The version of the manifest format that this host writes and reads.
pub const SCHEMA_VERSION: SchemaVersion = SchemaVersion { major: 1, minor: 0 };

/// A manifest, read and found in order.
#[derive(Debug)]
pub struct Manifest {
    /// The `plugin` section.
    pub package: PackageInfo,
    /// The entries, in the order of the file.
    pub entries: Vec<Declared>,
    /// What is not wrong but worth a line.
    pub warnings: Vec<String>,
    text: String,
}

/// The `plugin` section: who made the package and which library it is.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct PackageInfo {
    /// Name of the package, also of its folder: letters, digits, `-`, `_`, `.`.
    #[schemars(with = "String", regex(pattern = "^[A-Za-z0-9][A-Za-z0-9._-]*$"))]
    #[serde(deserialize_with = "parse")]
    pub name: PackageName,
    /// Version of the package, as in `1.2.3`.
    #[schemars(with = "String")]
    #[serde(deserialize_with = "version")]
    pub version: semver::Version,
    /// One line about it.
    #[serde(default)]
    pub description: Option<String>,
    /// Who made it.
    #[serde(default)]
    pub author: Option<String>,
    /// Its licence, by SPDX name.
    #[serde(default)]
    pub license: Option<String>,
    /// Its home page.
    #[serde(default)]
    pub homepage: Option<String>,
    /// The shared library, relative to the manifest: a file, or a bare name such as `my_plugins` for `libmy_plugins.so`
    /// (`.dylib` on macOS). Left out, it is the library that the class paths name.
    #[schemars(with = "Option<String>")]
    #[serde(default, deserialize_with = "optional_library")]
    pub library: Option<LibraryFile>,
}

// `M` is the metadata of the category.
/// One entry of the category.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
#[serde(bound = "M: Deserialize<'de>")]
struct Declaration<M> {
    /// The implementation: `library:Type`.
    #[schemars(with = "String", regex(pattern = "^[A-Za-z0-9_-]+:[A-Za-z_][A-Za-z0-9_]*$"))]
    #[serde(deserialize_with = "parse")]
    class: ClassPath,
    /// What it does, for people.
    #[serde(default)]
    description: Option<String>,
    /// Decides between entries of the same name: the higher wins. Built-in entries have 0.
    #[serde(default)]
    priority: i64,
    /// What the host has to know of it.
    #[schemars(with = "M")]
    metadata: Strict<M>,
}

/// The metadata of a category whose entries have none.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NoMetadata {}

/// One entry, whatever its category.
#[derive(Debug, Clone)]
pub struct Declared {
    /// The category it stands under.
    pub category: &'static Category,
    /// Its name.
    pub name: String,
    /// The implementation.
    pub class: ClassPath,
    /// What it does; empty where the manifest does not say.
    pub description: String,
    /// Decides between entries of the same name.
    pub priority: i64,
    /// The category's metadata as JSON, defaults filled in.
    pub metadata: Value,
}

/// The name of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageName(String);

/// `library:Type`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClassPath {
    /// The library, without `lib` and `.so`.
    pub library: String,
    /// The type it exports.
    pub type_name: String,
}

/// The library of a package, as the manifest gives it: relative, and never upwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LibraryFile(String);

/// Version of the manifest format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SchemaVersion {
    /// Changes when an old reader would misunderstand.
    pub major: u32,
    /// Changes when something was added.
    pub minor: u32,
}

impl Manifest {
    /// Reads a manifest file.
    ///
    /// # Errors
    /// Everything that is wrong with it, in the order of the file; never empty.
    pub fn read(path: &Path) -> Result<Self, Vec<Fault>> {
        let fault = |problem| vec![Fault::of(path, problem)];
        let bytes = read::bytes(path).map_err(fault)?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let at = Position::after(&error.as_bytes()[..error.utf8_error().valid_up_to()]);
            vec![Fault::at(path, Some(at), Problem::NotUtf8)]
        })?;
        Self::parse(text, path)
    }

    /// Reads the text of a manifest; `path` is for the faults.
    ///
    /// # Errors
    /// As [`Manifest::read`].
    pub fn parse(text: String, path: &Path) -> Result<Self, Vec<Fault>> {
        read::manifest(text, path)
    }

    /// The place of a value, by the keys that lead to it; of the nearest that exists, where it does not.
    pub fn locate(&self, keys: &[&str]) -> Option<Position> {
        (0..=keys.len()).rev().find_map(|depth| read::locate(&self.text, &keys[..depth]))
    }
}

impl PackageInfo {
    /// A package that says nothing of itself but its name and version.
    pub(super) fn named(name: &str, version: semver::Version) -> Self {
        Self {
            name: PackageName(name.to_owned()),
            version,
            description: None,
            author: None,
            license: None,
            homepage: None,
            library: None,
        }
    }
}

impl ClassPath {
    /// The file name of its library on this system, where the manifest does not say.
    pub fn default_library(&self) -> String {
        library_file(&self.library)
    }
}

/// The file name that this system gives to a library of that name.
fn library_file(name: &str) -> String {
    format!("{}{name}{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX)
}

impl PackageName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl LibraryFile {
    /// The path of the file, relative to the manifest's folder.
    pub fn path(&self) -> PathBuf {
        let path = Path::new(&self.0);
        match (path.extension(), path.file_name()) {
            (None, Some(name)) => path.with_file_name(library_file(&name.to_string_lossy())),
            _ => path.to_owned(),
        }
    }
}

impl FromStr for PackageName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let valid = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        match text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(valid) && text.len() <= 128 {
            true => Ok(Self(text.to_owned())),
            false => Err(format!("`{text}` is no package name; it takes letters, digits, `-`, `_`, `.`")),
        }
    }
}

impl FromStr for ClassPath {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once(':').filter(|(library, type_name)| {
            let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
            !library.is_empty()
                && library.chars().all(|c| word(c) || c == '-')
                && type_name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && type_name.chars().all(word)
        });
        match parts {
            Some((library, type_name)) => Ok(Self { library: library.to_owned(), type_name: type_name.to_owned() }),
            None => Err(format!("`{text}` is no class path; it has the form `library:Type`, as in `my_plugins:Echo`")),
        }
    }
}

impl fmt::Display for ClassPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.library, self.type_name)
    }
}

impl FromStr for LibraryFile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        use std::path::Component;
        let inside = |component| matches!(component, Component::Normal(_) | Component::CurDir);
        match !text.is_empty() && Path::new(text).components().all(inside) {
            true => Ok(Self(text.to_owned())),
            false => Err(format!("`{text}` is no file in the manifest's folder; give a name like `libmy_plugins.so`")),
        }
    }
}

impl FromStr for SchemaVersion {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once('.').unwrap_or((text, "0"));
        let (Ok(major), Ok(minor)) = (numbers.0.parse(), numbers.1.parse()) else {
            return Err(format!("`{text}` is no schema version; this aiperf writes `\"{SCHEMA_VERSION}\"`"));
        };
        if major != SCHEMA_VERSION.major {
            return Err(format!(
                "schema version {text} cannot be read by this aiperf, which reads {}.x; \
                 take a package made for this version",
                SCHEMA_VERSION.major
            ));
        }
        Ok(Self { major, minor })
    }
}

impl fmt::Display for SchemaVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

fn version<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<semver::Version, D::Error> {
    struct Told(semver::Version);
    impl FromStr for Told {
        type Err = String;

        fn from_str(text: &str) -> Result<Self, String> {
            let told = |error| format!("`{text}` is no version, which has three numbers, as in `1.2.3`: {error}");
            text.parse().map(Self).map_err(told)
        }
    }
    parse(deserializer).map(|Told(version)| version)
}

fn optional_library<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<LibraryFile>, D::Error> {
    parse(deserializer).map(Some)
}

/// The JSON Schema of a manifest, for editors.
pub fn json_schema() -> Schema {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let mut properties = Map::new();
    let version = json_schema!({
        "description": "Version of the manifest format.",
        "type": ["string", "number"],
        "default": SCHEMA_VERSION.to_string(),
    });
    properties.insert("schema_version".to_owned(), version.into());
    properties.insert("plugin".to_owned(), generator.subschema_for::<PackageInfo>().into());
    for category in category::all() {
        let declaration = match category.metadata {
            MetadataSchema::Endpoint => declaration::<aiperf_abi::EndpointMetadata>(&mut generator),
            MetadataSchema::Transport => declaration::<aiperf_abi::TransportMetadata>(&mut generator),
            MetadataSchema::CustomDatasetLoader => {
                declaration::<Option<aiperf_abi::CustomDatasetLoaderMetadata>>(&mut generator)
            }
            MetadataSchema::None => declaration::<Option<NoMetadata>>(&mut generator),
        };
        let entries = json_schema!({
            "description": category.description,
            "type": ["object", "null"],
            "additionalProperties": declaration,
        });
        properties.insert(category.name.clone(), entries.into());
    }
    let definitions = generator.take_definitions(true);
    json_schema!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "aiperf plugin manifest",
        "type": "object",
        "properties": properties,
        "required": ["schema_version", "plugin"],
        "additionalProperties": false,
        "$defs": definitions,
    })
}

/// What the YAML reader has against a text, with the place apart from the words.
pub fn told(text: &str, error: &serde_yaml::Error) -> (Option<Position>, String) {
    (read::position(text, error), read::message(error))
}

fn declaration<M: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    Declaration::<M>::json_schema(generator)
}

#[cfg(test)]
mod tests;
