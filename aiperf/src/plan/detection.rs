//! What a file is when nobody says: its loaders are asked, all of them, and one has to say yes.

use std::path::Path;

use aiperf_abi::CustomDatasetLoader;
use aiperf_abi::author::context::Setup;
use serde_json::Value;
use serde_json::value::to_raw_value;

use super::PlanError;
use crate::builtin::table::{self, MakeError};
use crate::clock::Clock;
use crate::dataset::{DatasetError, file};
use crate::plugin::category;
use crate::plugin::name;
use crate::plugin::registry::{Entry, Registry};
use crate::plugin::services::HostServices;

/// The category of loaders.
pub(super) const CATEGORY: &str = "custom_dataset_loader";

/// A loader by itself, for looking at a file.
type Loader = Box<dyn CustomDatasetLoader>;

/// The loader of a file, for looking at it, and the name of its entry: as the user says, else as [`detect`] finds.
///
/// # Errors
/// As of [`detect`], and when there is no entry of that name, or it cannot be made.
pub fn reader(
    path: &Path,
    named: Option<&str>,
    block_size: Option<u32>,
    registry: &Registry,
) -> Result<(String, Loader), PlanError> {
    let entry = match named {
        Some(name) => registry.entry(CATEGORY, name)?,
        None => detect(path, registry)?,
    };
    Ok((entry.name.clone(), loader(entry, block_size)?))
}

/// The loader of an entry, made only to look at files.
fn loader(entry: &Entry, block_size: Option<u32>) -> Result<Loader, MakeError> {
    let config = to_raw_value(&serde_json::json!({ "block_size": block_size })).expect("JSON is JSON");
    let metadata = to_raw_value(&entry.metadata).expect("JSON is JSON");
    let setup = Setup { config: Some(&config), metadata: Some(&metadata), ..Setup::default() };
    table::make(entry, setup, &HostServices::new(entry.package.name(), Clock::start(), 0))
}

/// The entry whose loader says that a file is of its sort; the first row may name it too, by its field `type`. All are
/// asked, in the order of the registry. One that cannot be made has no say.
///
/// # Errors
/// When the file cannot be read, or none or several say so.
pub fn detect<'a>(path: &Path, registry: &'a Registry) -> Result<&'a Entry, PlanError> {
    let sample = file::sample(path)?;
    let category = category::find(CATEGORY).expect("the category is one of ours");
    let loaders: Vec<&Entry> = registry.entries(category).filter(|entry| entry.wins()).collect();
    let named = sample.row.as_ref().and_then(|row| row.get("type")).and_then(Value::as_str);
    if let Some(entry) = named.and_then(|named| loaders.iter().find(|entry| name::same(&entry.name, named))) {
        return Ok(entry);
    }
    let claims = |entry: &&&Entry| {
        let asked = loader(entry, None).map_err(|error| error.to_string());
        match asked.and_then(|mut loader| loader.can_load(&sample).map_err(|error| error.to_string())) {
            Ok(claims) => claims,
            Err(error) => {
                tracing::warn!(
                    "custom_dataset_loader `{}` was not asked what {} is: {error}",
                    entry.name,
                    path.display()
                );
                false
            }
        }
    };
    let claiming: Vec<&Entry> = loaders.iter().filter(claims).copied().collect();
    match claiming[..] {
        [entry] => Ok(entry),
        _ => {
            let claimed = !claiming.is_empty();
            let candidates = if claimed { claiming } else { loaders };
            let candidates = candidates.iter().map(|entry| entry.name.clone()).collect();
            Err(DatasetError::UnknownKind { path: path.to_owned(), candidates, claimed }.into())
        }
    }
}
