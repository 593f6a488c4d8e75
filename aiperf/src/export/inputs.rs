//! `inputs.json`: every request body of a run, by session, so that the run can be looked at and played again.
//! Written session by session; memory holds one at a time.

use std::path::PathBuf;

use aiperf_abi::{FileInfo, Value};
use serde::Serialize;

use super::file::{PendingFile, WriteError};
use crate::secret;

/// Writes the file; it appears when it is finished.
#[derive(Debug)]
pub struct InputsWriter {
    file: PendingFile,
    sessions: u64,
}

#[derive(Serialize)]
struct Session<'a> {
    session_id: &'a str,
    payloads: Vec<Value>,
}

impl InputsWriter {
    /// Starts the file.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn create(path: impl Into<PathBuf>) -> Result<Self, WriteError> {
        let mut file = PendingFile::create(path)?;
        file.write(|to| to.write_all(b"{\n  \"data\": ["))?;
        Ok(Self { file, sessions: 0 })
    }

    /// Adds a session with the bodies of its turns, in order. A body that is no JSON is kept as text.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn session<P: AsRef<[u8]>>(
        &mut self,
        session_id: &str,
        payloads: impl IntoIterator<Item = P>,
    ) -> Result<(), WriteError> {
        let payloads = payloads.into_iter().map(|payload| body(payload.as_ref())).collect();
        let text = serde_json::to_string_pretty(&Session { session_id, payloads })
            .expect("values made of JSON or text are JSON again");
        let separator = if self.sessions == 0 { "" } else { "," };
        self.sessions += 1;
        self.file.write(|to| {
            to.write_all(separator.as_bytes())?;
            // JSON keeps line ends out of strings, so lines can be moved to the right.
            text.lines().try_for_each(|line| write!(to, "\n    {line}"))
        })
    }

    /// Ends the file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> Result<FileInfo, WriteError> {
        let end = if self.sessions == 0 { "]\n}\n" } else { "\n  ]\n}\n" };
        self.file.write(|to| to.write_all(end.as_bytes()))?;
        let path = self.file.finish()?.display().to_string();
        Ok(FileInfo { kind: "Inputs".to_owned(), path })
    }
}

fn body(payload: &[u8]) -> Value {
    let mut body: Value =
        serde_json::from_slice(payload).unwrap_or_else(|_| String::from_utf8_lossy(payload).into_owned().into());
    if let Some(fields) = body.as_object_mut() {
        secret::redact_fields(fields);
    }
    body
}

#[cfg(test)]
mod tests {
    use std::fs;

    use aiperf_abi::json;

    use super::*;

    #[test]
    fn every_body_of_every_session_is_there_in_order_and_indented_by_two() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("inputs.json");
        let mut writer = InputsWriter::create(&path).unwrap();
        writer.session("session_000000", [br#"{"model":"m","stream":true}"#]).unwrap();
        writer.session("session_000001", [&br#"{"turn":1}"#[..], b"{\"text\":\"two\\nlines\"}"]).unwrap();
        assert!(!path.exists(), "half a file is not there yet");
        writer.finish().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            value,
            json!({"data": [
                {"session_id": "session_000000", "payloads": [{"model": "m", "stream": true}]},
                {"session_id": "session_000001", "payloads": [{"turn": 1}, {"text": "two\nlines"}]},
            ]})
        );
        assert_eq!(text, format!("{}\n", serde_json::to_string_pretty(&Shape { data: sessions(&value) }).unwrap()));
    }

    #[derive(Serialize)]
    struct Shape<'a> {
        data: Vec<Session<'a>>,
    }

    fn sessions(value: &Value) -> Vec<Session<'_>> {
        let session = |session: &'_ Value| -> (String, Vec<Value>) {
            (session["session_id"].as_str().unwrap().to_owned(), session["payloads"].as_array().unwrap().clone())
        };
        value["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| Session { session_id: item["session_id"].as_str().unwrap(), payloads: session(item).1 })
            .collect()
    }

    #[test]
    fn a_run_without_sessions_has_an_empty_list_and_text_bodies_stay_text() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("inputs.json");
        InputsWriter::create(&path).unwrap().finish().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "{\n  \"data\": []\n}\n");

        let mut writer = InputsWriter::create(&path).unwrap();
        writer.session("s", [b"not json"]).unwrap();
        writer.finish().unwrap();
        let value: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        assert_eq!(value["data"][0]["payloads"], json!(["not json"]));
    }
}
