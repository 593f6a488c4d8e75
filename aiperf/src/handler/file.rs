//! The entry `file`: adds the results of each run as a line to a file of the user's, so that runs can be compared.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

use aiperf_abi::{Context, Error, Plugin, Result, ResultHandler, Results};
use serde::Deserialize;

/// The entry `file`.
#[derive(Debug)]
pub struct FileHandler {
    path: PathBuf,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// The file; made where there is none.
    path: Option<PathBuf>,
    /// When it is called among others.
    #[serde(rename = "priority")]
    _priority: Option<i64>,
}

impl Plugin for FileHandler {
    fn new(cx: &Context<'_>) -> Result<Self> {
        let Settings { path, .. } = cx.config()?;
        let path = path.ok_or_else(|| Error::disabled("no path is given: --plugin-option file.path=FILE"))?;
        Ok(Self { path })
    }
}

impl ResultHandler for FileHandler {
    fn handle(&mut self, results: &Results) -> Result<()> {
        let mut line = super::document(results).to_string();
        line.push('\n');
        let opened = OpenOptions::new().create(true).append(true).open(&self.path);
        opened
            .and_then(|mut file| file.write_all(line.as_bytes()))
            .map_err(|error| Error::from(error).context(format!("cannot write `{}`", self.path.display())))
    }
}

#[cfg(test)]
mod tests {
    use aiperf_abi::testing::construct;
    use aiperf_abi::{ErrorKind, Report, Value, json};

    use super::*;

    #[test]
    fn each_run_is_a_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runs.jsonl");
        let mut handler: FileHandler = construct(json!({"path": path, "priority": 5})).unwrap();
        for name in ["a", "b"] {
            handler.handle(&Results::new(name, Report::default(), Value::Null)).unwrap();
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let names: Vec<Value> =
            text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["batch_id"].take()).collect();
        assert_eq!(names, ["a", "b"]);
    }

    #[test]
    fn without_a_path_it_has_nothing_to_do_and_a_folder_that_is_not_there_is_named() {
        assert_eq!(construct::<FileHandler>(json!({})).unwrap_err().kind(), ErrorKind::Disabled);
        let mut handler: FileHandler = construct(json!({"path": "/nowhere/at/all.jsonl"})).unwrap();
        let error = handler.handle(&Results::default()).unwrap_err();
        assert!(error.to_string().contains("/nowhere/at/all.jsonl"), "{error}");
    }
}
