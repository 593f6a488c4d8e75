//! `protocols` and its page of one category: what there is to implement, what is built in, how one is chosen, what the host
//! tells it, and what a manifest says. Made from the list of categories, the built-in manifest, the types of `aiperf-abi` and
//! the command line; the pages are kept in `aiperf-abi/reference`, for its documentation.

use std::fmt::Write;

use clap::CommandFactory;
use console::Style;
use schemars::{JsonSchema, schema_for};
use serde::Serialize;
use serde_json::{Map, Value};

use super::text::{one_line, paint, screen, table, wrapped};
use super::{Failure, Form};
use crate::builtin;
use crate::cli::Cli;
use crate::cli::completions::ENTRY_FLAGS;
use crate::cli::console::{Colour, Screen};
use crate::exit::Exit;
use crate::plugin::category::{self, Category, ConfigSchema, MetadataSchema};
use crate::plugin::registry::Entry;

#[derive(Debug, Serialize)]
struct Protocols {
    protocols: Vec<Protocol>,
}

#[derive(Debug, Serialize)]
struct Protocol {
    category: String,
    protocol: String,
    /// The type its entries' `metadata` is read as.
    metadata: Option<String>,
    /// The type of what the host tells its values of the run.
    config: Option<String>,
    description: String,
}

impl Protocol {
    fn of(category: &Category) -> Self {
        Self {
            category: category.name.clone(),
            protocol: format!("aiperf_abi::{}", category.protocol),
            metadata: name_of(&category.metadata),
            config: name_of(&category.config),
            description: one_line(&category.description),
        }
    }
}

/// The type behind one of the two schemas of a category; none, where there is none.
fn name_of(schema: &impl Serialize) -> Option<String> {
    let name = serde_json::to_value(schema).ok()?;
    Some(format!("aiperf_abi::{}", name.as_str()?))
}

/// `aiperf plugins protocols`
pub(super) fn protocols(form: Form) -> Result<Exit, Failure> {
    form.tell(&Protocols { protocols: category::all().iter().map(Protocol::of).collect() }, |document| {
        let rows = document.protocols.iter().map(|one| {
            let types = [Some(&one.protocol), one.metadata.as_ref(), one.config.as_ref()];
            let short = types.into_iter().flatten().map(|path| path.trim_start_matches("aiperf_abi::"));
            vec![one.category.clone(), short.collect::<Vec<_>>().join(", ")]
        });
        let screen = screen();
        let table = table(&["Category", "Trait, and types of its metadata and settings"], rows.collect(), screen);
        let heading = paint(screen, Style::new().bold(), "Protocols: traits and types of the crate aiperf_abi");
        let more = paint(screen, Style::new().bold(), "aiperf plugins protocols CATEGORY");
        format!("{heading}\n{table}\n{more} is the reference of one.\n")
    });
    Ok(Exit::Success)
}

/// Everything an author has to know of a category beside its trait.
#[derive(Debug, Serialize)]
struct Reference {
    #[serde(flatten)]
    protocol: Protocol,
    /// The option of `aiperf profile` that chooses one; none, where all take part.
    flag: Option<Flag>,
    builtin: Vec<BuiltIn>,
    config_keys: Vec<Keys>,
    metadata_keys: Vec<Keys>,
    /// What a manifest says of an entry.
    manifest: String,
}

#[derive(Debug, Serialize)]
struct Flag {
    flag: String,
    about: String,
    default: Option<String>,
}

#[derive(Debug, Serialize)]
struct BuiltIn {
    name: String,
    class: String,
    description: String,
    /// Where it says something else than the default.
    metadata: Map<String, Value>,
}

/// The keys of a type.
#[derive(Debug, Serialize)]
struct Keys {
    of: String,
    keys: Vec<Key>,
}

#[derive(Debug, Serialize)]
struct Key {
    key: String,
    /// What JSON calls its values, or another of the types.
    values: String,
    required: bool,
    default: Option<Value>,
    description: String,
}

/// `aiperf plugins protocols CATEGORY`
pub(super) fn page(category: &Category, form: Form) -> Result<Exit, Failure> {
    form.tell(&Reference::of(category), |reference| {
        // Markdown has no colours.
        markdown(reference, Screen { colour: Colour::Plain, ..screen() })
    });
    Ok(Exit::Success)
}

impl Reference {
    fn of(category: &Category) -> Self {
        let registry = builtin::only();
        let metadata_keys = match category.metadata {
            MetadataSchema::Endpoint => keys::<aiperf_abi::EndpointMetadata>(),
            MetadataSchema::Transport => keys::<aiperf_abi::TransportMetadata>(),
            MetadataSchema::CustomDatasetLoader => keys::<aiperf_abi::CustomDatasetLoaderMetadata>(),
            MetadataSchema::None => Vec::new(),
        };
        let config_keys = match category.config {
            ConfigSchema::Arrival => keys::<aiperf_abi::ArrivalConfig>(),
            ConfigSchema::Ramp => keys::<aiperf_abi::RampConfig>(),
            ConfigSchema::Selection => keys::<aiperf_abi::SelectionConfig>(),
            ConfigSchema::Loader => keys::<aiperf_abi::LoaderConfig>(),
            ConfigSchema::Composer => keys::<aiperf_abi::ComposerConfig>(),
            ConfigSchema::None => Vec::new(),
        };
        // In the order of the manifest: the one that is most used comes first.
        let manifest = builtin::manifest();
        let declared = manifest.entries.iter().filter(|entry| entry.category.name == category.name);
        let entries = declared.filter_map(|entry| registry.entry(&category.name, &entry.name).ok());
        let builtin: Vec<_> = entries.map(|entry| BuiltIn::of(entry, metadata_keys.first())).collect();
        Self {
            protocol: Protocol::of(category),
            flag: Flag::of(category),
            manifest: example(category, metadata_keys.first(), builtin.first()),
            builtin,
            config_keys,
            metadata_keys,
        }
    }
}

impl Flag {
    /// The option that takes an entry of the category, as the command line knows it.
    fn of(category: &Category) -> Option<Self> {
        let (id, _) = ENTRY_FLAGS.iter().find(|(_, of)| *of == category.name)?;
        let command = Cli::command();
        let profile = command.find_subcommand("profile").expect("there is a command `profile`");
        let flag = profile.get_arguments().find(|arg| arg.get_id() == id).expect("a test compares the two");
        Some(Self {
            flag: format!("--{}", flag.get_long().expect("an option has a long form")),
            about: flag.get_help().map(|help| one_line(&help.to_string())).unwrap_or_default(),
            default: flag.get_default_values().first().map(|value| value.to_string_lossy().into_owned()),
        })
    }
}

impl BuiltIn {
    fn of(entry: &Entry, keys: Option<&Keys>) -> Self {
        let said = |(key, value): &(&String, &Value)| {
            let declared = keys.into_iter().flat_map(|keys| &keys.keys).find(|one| one.key == **key);
            let default = declared.and_then(|one| one.default.clone()).unwrap_or(Value::Null);
            **value != default && !value.is_null() && **value != Value::Bool(false)
        };
        let metadata = entry.metadata.as_object().into_iter().flatten().filter(said);
        Self {
            name: entry.name.clone(),
            class: entry.class.to_string(),
            description: one_line(&entry.description),
            metadata: metadata.map(|(key, value)| (key.clone(), value.clone())).collect(),
        }
    }
}

/// The keys of a type, and those of the types within it.
fn keys<T: JsonSchema>() -> Vec<Keys> {
    let schema = schema_for!(T).to_value();
    let own = keys_of(T::schema_name().into_owned(), &schema);
    let within = schema["$defs"].as_object().into_iter().flatten();
    let within = within.map(|(name, schema)| keys_of(name.clone(), schema)).filter(|keys| !keys.keys.is_empty());
    std::iter::once(own).chain(within).collect()
}

fn keys_of(of: String, schema: &Value) -> Keys {
    let required = |key: &str| schema["required"].as_array().is_some_and(|list| list.iter().any(|one| one == key));
    let properties = schema["properties"].as_object().into_iter().flatten();
    let mut keys: Vec<_> = properties
        .map(|(key, schema)| Key {
            key: key.clone(),
            values: values(schema),
            required: required(key),
            default: schema.get("default").filter(|default| !default.is_null()).cloned(),
            description: schema["description"].as_str().map(one_line).unwrap_or_default(),
        })
        .collect();
    // A type of a few words has none but those.
    keys.extend(schema["oneOf"].as_array().into_iter().flatten().filter_map(|word| {
        let description = word["description"].as_str().map(one_line).unwrap_or_default();
        let key = word["const"].as_str()?.to_owned();
        Some(Key { key, values: "string".to_owned(), required: false, default: None, description })
    }));
    keys.sort_by_key(|key| !key.required);
    Keys { of, keys }
}

/// What JSON calls the values of a schema.
fn values(schema: &Value) -> String {
    let name = |reference: &str| reference.rsplit('/').next().unwrap_or(reference).to_owned();
    let several = |list: &[Value], one: fn(&Value) -> String| list.iter().map(one).collect::<Vec<_>>().join(" or ");
    if let Some(reference) = schema["$ref"].as_str() {
        return name(reference);
    }
    if let Some(list) = schema["anyOf"].as_array() {
        return several(list, values);
    }
    match &schema["type"] {
        Value::String(word) if word == "array" => format!("array of {}", values(&schema["items"])),
        Value::String(word) => word.clone(),
        Value::Array(words) => several(words, |word| word.as_str().unwrap_or_default().to_owned()),
        _ => "any".to_owned(),
    }
}

/// An entry of one's own, with the metadata it must have and those of the first built-in one.
fn example(category: &Category, keys: Option<&Keys>, first: Option<&BuiltIn>) -> String {
    let mut text = format!(
        "{}:\n  mine:\n    class: my_plugins:My{}\n    description: What it does, in a sentence.\n",
        category.name, category.protocol
    );
    let mut metadata = serde_yaml::Mapping::new();
    for key in keys.into_iter().flat_map(|keys| &keys.keys) {
        let said = first.and_then(|first| first.metadata.get(&key.key)).cloned();
        let Some(value) = said.or_else(|| key.required.then_some(Value::Null)) else { continue };
        metadata.insert(key.key.clone().into(), serde_yaml::to_value(value).expect("JSON is YAML"));
    }
    if !metadata.is_empty() {
        text += "    metadata:\n";
        for line in serde_yaml::to_string(&metadata).expect("plain values are YAML").lines() {
            let _ = writeln!(text, "      {line}");
        }
    }
    text
}

fn markdown(reference: &Reference, screen: Screen) -> String {
    let Reference { protocol, flag, builtin, config_keys, metadata_keys, manifest } = reference;
    let Protocol { category, protocol, metadata, config, description } = protocol;
    let mut text = format!("# The category `{category}`\n\n");
    let mut write = |words: String| {
        text.push_str(&words);
        text.push('\n');
    };
    let words = |words: &str| wrapped("", words, screen);
    let item = |words: &str| wrapped("- ", words, screen);
    write(words(description));
    write(format!("\n- Trait: `{protocol}`"));
    for (label, one) in [("Settings", config), ("Metadata", metadata)] {
        if let Some(path) = one {
            write(format!("- {label}: `{path}`"));
        }
    }
    write("\n## How one is chosen\n".to_owned());
    write(match flag {
        Some(Flag { flag, about, default }) => {
            let default = default.as_ref().map(|default| format!(" [default: {default}]")).unwrap_or_default();
            words(&format!("`aiperf profile {flag} NAME`: {about}{default}"))
        }
        None => words(
            "Every entry takes part in every run. One that has nothing to do in a run says so: its constructor \
             returns `Error::disabled`.",
        ),
    });
    write("\n## What is built in\n".to_owned());
    if builtin.is_empty() {
        write("Nothing: it is there for packages.".to_owned());
    }
    for BuiltIn { name, class, description, metadata } in builtin {
        write(item(&format!("`{name}` (`{class}`): {}", no_links(description))));
        if !metadata.is_empty() {
            let said = metadata.iter().map(|(key, value)| match value {
                Value::Bool(_) => format!("`{key}`"),
                value => format!("`{key}`: {}", plain(value)),
            });
            write(wrapped("  ", &said.collect::<Vec<_>>().join(", "), screen));
        }
    }
    write("\n## Settings\n".to_owned());
    if let Some(keys) = config_keys.first() {
        let of = &keys.of;
        write(words(&format!("What the host says of the run, read with `cx.config::<{of}>()`:")));
        write(String::new());
    }
    write_keys(&mut write, config_keys, screen);
    let own = "`--plugin-option NAME.KEY=VALUE`, a setting of the entry `NAME`, read with `cx.config`.";
    write(match config_keys.is_empty() {
        true => words(own),
        false => format!("\n{}", words(&format!("Laid over these: {own}"))),
    });
    if let Some(keys) = metadata_keys.first() {
        write("\n## Metadata\n".to_owned());
        let of = &keys.of;
        write(words(&format!("What the manifest says of an entry, read with `cx.metadata::<{of}>()`:")));
        write(String::new());
        write_keys(&mut write, metadata_keys, screen);
    }
    write("\n## In a manifest\n".to_owned());
    write(format!("```yaml\n{manifest}```\n"));
    let name = protocol.trim_start_matches("aiperf_abi::");
    write(words(&format!("And in the library: `export_plugin! {{ {category}: {{ My{name} }} }}`.")));
    text
}

fn write_keys(write: &mut impl FnMut(String), all: &[Keys], screen: Screen) {
    for (number, Keys { of, keys }) in all.iter().enumerate() {
        if number > 0 {
            write(format!("\nOf `{of}`:\n"));
        }
        for Key { key, values, required, default, description } in keys {
            let required = if *required { ", required" } else { "" };
            let default = default.as_ref().filter(|default| !default.is_object());
            let default = default.map(|default| format!(", else `{}`", plain(default))).unwrap_or_default();
            write(wrapped("- ", &format!("`{key}` ({values}{required}{default}): {description}"), screen));
        }
    }
}

/// Text whose addresses stand as they are: they are examples, not links.
fn no_links(text: &str) -> String {
    let words = text.split(' ').map(|word| match word.contains("://") {
        true => {
            let bare = word.trim_end_matches(['.', ',', ';']);
            format!("`{bare}`{}", &word[bare.len()..])
        }
        false => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// A value as it stands in a manifest.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::plugin::manifest::Manifest;

    const PAGE: Screen = Screen { width: 80, colour: Colour::Plain };

    #[test]
    fn the_example_of_every_category_is_a_manifest() {
        for category in category::all() {
            let head = "schema_version: \"1.0\"\nplugin:\n  name: my-plugins\n  version: 1.0.0\n";
            let text = head.to_owned() + &Reference::of(category).manifest;
            let manifest = Manifest::parse(text.clone(), Path::new("plugins.yaml"));
            let manifest = manifest.unwrap_or_else(|faults| panic!("{category}: {faults:?}\n{text}"));
            assert_eq!(manifest.entries.len(), 1, "{category}");
            assert!(manifest.warnings.is_empty(), "{category}: {:?}", manifest.warnings);
        }
    }

    #[test]
    fn a_key_says_its_values_its_default_and_what_it_is_for() {
        let page = markdown(&Reference::of(category::find("transport").unwrap()), PAGE);
        for part in [
            "- `transport_type` (string, required): ",
            "- `marks_sent` (boolean, else `false`): ",
            "`aiperf profile --transport NAME`: ",
            "- `http` (`aiperf:HttpTransport`): ",
            "export_plugin! { transport: { MyTransport } }",
        ] {
            assert!(page.contains(part), "{part}\n{page}");
        }
        let composer = markdown(&Reference::of(category::find("dataset_composer").unwrap()), PAGE);
        assert!(composer.contains("\nOf `Spread`:\n"), "the types within are told:\n{composer}");
    }

    #[test]
    fn what_is_not_chosen_takes_part_always() {
        let page = markdown(&Reference::of(category::find("data_exporter").unwrap()), PAGE);
        assert!(page.contains("Every entry takes part in every run."), "{page}");
    }
}
