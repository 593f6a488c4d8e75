//! The categories, as data: `categories.yaml` is the list, this file the way to ask it. Knows no entry of any.

use std::fmt;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::name;

/// An extension point.
#[derive(Debug)]
pub struct Category {
    /// Its name in manifests, e.g. `endpoint`.
    pub name: String,
    /// What entries of it do, one paragraph.
    pub description: String,
    /// The trait of `aiperf_abi` its classes implement.
    pub protocol: String,
    /// What its entries say under `metadata`.
    pub metadata: MetadataSchema,
    /// What the host tells its values of the run, in the settings they are made with.
    pub config: ConfigSchema,
}

/// The type an entry's `metadata` is read as.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
pub enum MetadataSchema {
    /// [`aiperf_abi::EndpointMetadata`]
    #[serde(rename = "EndpointMetadata")]
    Endpoint,
    /// [`aiperf_abi::TransportMetadata`]
    #[serde(rename = "TransportMetadata")]
    Transport,
    /// [`aiperf_abi::CustomDatasetLoaderMetadata`], which may be missing
    #[serde(rename = "CustomDatasetLoaderMetadata")]
    CustomDatasetLoader,
    /// No keys at all.
    #[default]
    #[serde(skip)]
    None,
}

/// The type of what the host tells a value of the run when it is made; the settings of the user stand beside.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
pub enum ConfigSchema {
    /// [`aiperf_abi::ArrivalConfig`]
    #[serde(rename = "ArrivalConfig")]
    Arrival,
    /// [`aiperf_abi::RampConfig`]
    #[serde(rename = "RampConfig")]
    Ramp,
    /// [`aiperf_abi::SelectionConfig`]
    #[serde(rename = "SelectionConfig")]
    Selection,
    /// [`aiperf_abi::LoaderConfig`]
    #[serde(rename = "LoaderConfig")]
    Loader,
    /// [`aiperf_abi::ComposerConfig`]
    #[serde(rename = "ComposerConfig")]
    Composer,
    /// Nothing.
    #[default]
    #[serde(skip)]
    None,
}

/// A name that is no category.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown category `{name}`{}; categories are: {}",
    name::suggestion(name, names()),
    names().collect::<Vec<_>>().join(", ")
)]
pub struct UnknownCategory {
    /// What was asked for.
    pub name: String,
}

/// All categories, in the order of the list.
pub fn all() -> &'static [Category] {
    static ALL: LazyLock<Vec<Category>> =
        LazyLock::new(|| read(include_str!("categories.yaml")).expect("the embedded list is tested"));
    &ALL
}

/// The names of all categories.
pub fn names() -> impl Iterator<Item = &'static str> + Clone {
    all().iter().map(|category| category.name.as_str())
}

/// The category of a name, without regard to case and `-`/`_`.
///
/// # Errors
/// When there is none; the error lists what exists and the nearest.
pub fn find(name: &str) -> Result<&'static Category, UnknownCategory> {
    all()
        .iter()
        .find(|category| name::same(&category.name, name))
        .ok_or_else(|| UnknownCategory { name: name.to_owned() })
}

impl Category {
    /// Its name for headings: `Data Exporter`.
    pub fn title(&self) -> String {
        let words = self.name.split('_').map(|word| match word {
            "api" | "gpu" | "http" | "csv" | "json" | "hf" | "tei" | "ui" | "url" => word.to_uppercase(),
            _ => {
                let (first, rest) = word.split_at(word.len().min(1));
                first.to_uppercase() + rest
            }
        });
        words.collect::<Vec<_>>().join(" ")
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

fn read(text: &str) -> serde_yaml::Result<Vec<Category>> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Row {
        description: String,
        protocol: String,
        #[serde(default)]
        metadata: MetadataSchema,
        #[serde(default)]
        config: ConfigSchema,
    }
    // A mapping of the YAML crate keeps the order and refuses a name twice.
    let rows: serde_yaml::Mapping = serde_yaml::from_str(text)?;
    rows.into_iter()
        .map(|(name, row)| {
            let Row { description, protocol, metadata, config } = serde_yaml::from_value(row)?;
            Ok(Category { name: serde_yaml::from_value(name)?, description, protocol, metadata, config })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_list_is_well_formed() {
        let list = read(include_str!("categories.yaml")).unwrap();
        let names: Vec<_> = list.iter().map(|c| &*c.name).collect();
        assert!(names.starts_with(&["endpoint", "transport", "data_exporter"]), "{names:?}");
        for category in &list {
            assert_eq!(category.name, category.name.to_lowercase().replace('-', "_"), "names are snake_case");
            assert!(category.description.ends_with('.'), "{}: a description is a sentence", category.name);
            assert!(!category.protocol.is_empty());
        }
    }

    #[test]
    fn a_category_is_found_however_it_is_spelt_and_a_slip_is_answered() {
        assert_eq!(find("Data-Exporter").unwrap().name, "data_exporter");
        let error = find("endpiont").unwrap_err().to_string();
        let expected = "unknown category `endpiont` (did you mean `endpoint`?); categories are: endpoint, transport, ";
        assert!(error.starts_with(expected), "{error}");
    }

    #[test]
    fn titles_are_for_headings() {
        assert_eq!(find("data_exporter").unwrap().title(), "Data Exporter");
    }
}
