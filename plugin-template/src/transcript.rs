//! `transcript`: chats as people write them down, to be sent again:
//!
//! ```text
//! system: You help customers.
//! user: Where is my parcel?
//! assistant: It left the depot on Monday.
//! user: And when is it here?
//! ```
//!
//! A blank line ends a chat. Reads files into conversations; what is sent when, and what it is answered, is aiperf's.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use aiperf_abi::data::conversation::{Conversation, Turn};
use aiperf_abi::{Context, ConversationSink, CustomDatasetLoader, Error, FileSample, Plugin, Result, RowFault};
use serde::Deserialize;

/// What `--plugin-option transcript.KEY=VALUE` may say. aiperf says more to a loader (`LoaderConfig`: a seed, how many
/// conversations are wanted), so other keys are no error.
#[derive(Debug, Deserialize)]
#[serde(default)]
pub struct TranscriptConfig {
    /// What stands before what the user says: `--plugin-option transcript.user=Customer`.
    user: String,
    /// What stands before what was answered.
    assistant: String,
}

impl Default for TranscriptConfig {
    fn default() -> Self {
        Self { user: "user".to_owned(), assistant: "assistant".to_owned() }
    }
}

const SYSTEM: &str = "system";

/// Reads transcripts.
#[derive(Debug)]
pub struct TranscriptLoader {
    config: TranscriptConfig,
}

impl Plugin for TranscriptLoader {
    fn new(cx: &Context<'_>) -> Result<Self> {
        Ok(Self { config: cx.config()? })
    }
}

impl CustomDatasetLoader for TranscriptLoader {
    fn can_load(&mut self, sample: &FileSample) -> Result<bool> {
        // Be sure: where two loaders say yes, the user has to decide.
        Ok([&*self.config.user, SYSTEM].contains(&spoken(&sample.first_line).0))
    }

    fn load(&mut self, path: &Path, out: &mut dyn ConversationSink) -> Result<()> {
        files(path)?.iter().try_for_each(|file| self.read(file, out))
    }
}

impl TranscriptLoader {
    /// Line by line: a file may be larger than the memory.
    fn read(&self, file: &Path, out: &mut dyn ConversationSink) -> Result<()> {
        let opened = File::open(file).map_err(|error| Error::from(error).context(file.display().to_string()))?;
        let mut chat = Conversation::default();
        for (line, text) in (1..).zip(BufReader::new(opened).lines()) {
            let text = text?;
            if text.trim().is_empty() {
                // One without turns is passed over, and the one without a name gets one.
                out.push(std::mem::take(&mut chat))?;
            } else if let Err(problem) = self.add(&mut chat, &text) {
                out.fault(RowFault { file: file.to_owned(), line, field: String::new(), problem })?;
            }
        }
        out.push(chat)
    }

    fn add(&self, chat: &mut Conversation, text: &str) -> Result<(), String> {
        let TranscriptConfig { user, assistant } = &self.config;
        match spoken(text) {
            (speaker, words) if speaker == user => chat.turns.push(Turn::text(words)),
            // Not sent: the server answers for itself. But where nothing else says how long it may answer, as long as this.
            (speaker, words) if speaker == assistant => match chat.turns.last_mut() {
                Some(turn) => turn.recorded_reply = Some(words.to_owned()),
                None => return Err(format!("answers nothing; expected `{user}: …` before it")),
            },
            (SYSTEM, words) => chat.system_message = Some(words.to_owned()),
            _ => return Err(format!("names no speaker; expected `{user}: …`, `{assistant}: …` or `{SYSTEM}: …`")),
        }
        Ok(())
    }
}

/// Who says what.
fn spoken(line: &str) -> (&str, &str) {
    line.split_once(':').map_or(("", line), |(speaker, words)| (speaker.trim(), words.trim()))
}

/// The file, or those of the folder, by name.
fn files(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = std::fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    files.retain(|file| file.is_file());
    files.sort();
    Ok(files)
}
