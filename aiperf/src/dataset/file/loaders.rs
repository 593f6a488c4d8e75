//! The built-in sorts of files: by what each is told, how its rows stand, how a row is read, which rows belong together.

use std::path::Path;

use aiperf_abi::{Context, ConversationSink, CustomDatasetLoader, Error, FileSample, LoaderConfig, Plugin, Result};

use super::rows::{Reader, Source, stem};
use super::sample::files_at;
use super::scan::Shape;
use super::traces::{self, Columns};
use super::{payload, single_turn};

/// Tokens of a block of hash ids, unless the user says.
const MOONCAKE_BLOCK: u32 = 512;
const BAILIAN_BLOCK: u32 = 16;

/// A sort of file.
struct Sort {
    claims: fn(&FileSample) -> bool,
    /// How rows stand, given the first byte of the file.
    shape: fn(u8) -> Shape,
    reader: fn(&LoaderConfig) -> Reader,
    belonging: Belonging,
    times: Times,
}

/// Which rows are turns of one conversation.
#[derive(PartialEq)]
enum Belonging {
    /// Each row is a conversation.
    Alone,
    /// Those that name the same session.
    BySession,
    /// Those of a file, where a folder was named.
    ByFile,
}

/// What recorded times are counted from.
#[derive(PartialEq)]
enum Times {
    /// They are as they should be.
    FromStart,
    /// An arbitrary moment: the first row is time zero.
    Dates,
}

impl Sort {
    fn load(&self, config: &LoaderConfig, path: &Path, out: &mut dyn ConversationSink) -> Result<()> {
        let by_file = self.belonging == Belonging::ByFile && path.is_dir();
        let mut origin = None;
        for file in files_at(path)? {
            Source::walk(&file, (self.reader)(config), self.shape, |span, parsed| {
                let mut conversation = match parsed {
                    Ok(conversation) => conversation,
                    Err(fault) => return out.fault(fault.at(&file, span.line.into())),
                };
                if self.times == Times::Dates {
                    for time in conversation.turns.iter_mut().filter_map(|turn| turn.timestamp.as_mut()) {
                        *time -= *origin.get_or_insert(*time);
                    }
                }
                if by_file {
                    conversation.session_id = stem(&file);
                    return out.extend(conversation);
                }
                match self.belonging == Belonging::BySession && !conversation.session_id.is_empty() {
                    true => out.extend(conversation),
                    false => out.push(conversation),
                }
            })?;
        }
        Ok(())
    }
}

macro_rules! loaders {
    ($($(#[$doc:meta])* $class:ident: $sort:expr;)*) => {$(
        $(#[$doc])*
        pub struct $class(LoaderConfig);

        impl Plugin for $class {
            fn new(cx: &Context<'_>) -> Result<Self> {
                Ok(Self(config(cx)?))
            }
        }

        impl CustomDatasetLoader for $class {
            fn can_load(&mut self, sample: &FileSample) -> Result<bool> {
                const SORT: Sort = $sort;
                Ok((SORT.claims)(sample))
            }

            fn load(&mut self, path: &Path, out: &mut dyn ConversationSink) -> Result<()> {
                const SORT: Sort = $sort;
                SORT.load(&self.0, path, out)
            }
        }
    )*};
}

/// One row a line, each a conversation of its own.
const LINES: Sort = Sort {
    claims: |_| false,
    shape: |_| Shape::Lines,
    reader: |_| Reader::Rows(single_turn::parse),
    belonging: Belonging::Alone,
    times: Times::FromStart,
};

loaders! {
    /// A turn per line.
    SingleTurnLoader: Sort {
        claims: |sample| !sample.is_list && !sample.is_folder && has_content(sample),
        belonging: Belonging::BySession,
        ..LINES
    };
    /// A conversation per line.
    MultiTurnLoader: Sort {
        claims: |sample| !sample.is_list && sample.has("turns"),
        reader: |_| Reader::Rows(single_turn::parse_conversation),
        ..LINES
    };
    /// A request body per line.
    RawPayloadLoader: Sort {
        claims: |sample| {
            !sample.is_list && ["messages", "prompt", "input", "inputs", "query"].iter().any(|key| sample.has(key))
        },
        reader: |_| Reader::Rows(payload::parse),
        belonging: Belonging::ByFile,
        ..LINES
    };
    /// The `inputs.json` of a run.
    InputsJsonLoader: Sort {
        claims: |sample| match &sample.row {
            Some(row) => !sample.is_list && row.get("data").is_some_and(serde_json::Value::is_array),
            None => sample.first_line.starts_with('{'),
        },
        shape: |_| Shape::List("data"),
        reader: |_| Reader::Rows(payload::parse_session),
        ..LINES
    };
    /// Lengths, times and blocks, as Mooncake publishes them.
    MooncakeTraceLoader: Sort {
        claims: |sample| {
            !sample.is_list && !is_chat(sample) && sample.row.as_ref().is_some_and(traces::is_mooncake)
        },
        reader: |config| Reader::Blocks(traces::mooncake, config.block_size.unwrap_or(MOONCAKE_BLOCK)),
        belonging: Belonging::BySession,
        ..LINES
    };
    /// The same of chats, as Alibaba's Bailian publishes them.
    BailianTraceLoader: Sort {
        claims: |sample| !sample.is_list && is_chat(sample),
        reader: |config| Reader::Blocks(traces::bailian, config.block_size.unwrap_or(BAILIAN_BLOCK)),
        ..LINES
    };
    /// Lengths and times in a table, as BurstGPT publishes them.
    BurstGptTraceLoader: Sort {
        claims: |sample| has_columns(sample, traces::BURST_GPT),
        shape: |_| Shape::Table,
        reader: |_| Reader::Headless(traces::BURST_GPT, traces::burst_gpt),
        ..LINES
    };
    /// Lengths and dates in a table, as Azure publishes them.
    AzureTraceLoader: Sort {
        claims: |sample| has_columns(sample, traces::AZURE),
        shape: |_| Shape::Table,
        reader: |_| Reader::Headless(traces::AZURE, traces::azure),
        times: Times::Dates,
        ..LINES
    };
    /// Conversations as ShareGPT has them.
    ShareGptLoader: Sort {
        claims: |sample| sample.has("conversations"),
        shape: |first| if first == b'[' { Shape::List("") } else { Shape::Lines },
        reader: |_| Reader::Rows(traces::share_gpt),
        ..LINES
    };
}

impl ShareGptLoader {
    /// One without settings.
    pub(crate) fn plain() -> Self {
        Self(LoaderConfig::default())
    }
}

/// What a loader is told.
pub(super) fn config(cx: &Context<'_>) -> Result<LoaderConfig> {
    let config: LoaderConfig = cx.config()?;
    match config.block_size {
        Some(0) => Err(Error::invalid_config("the block size is 0, but it must be above 0")),
        _ => Ok(config),
    }
}

/// Whether the first row has texts or other contents.
pub(super) fn has_content(sample: &FileSample) -> bool {
    ["text", "texts", "image", "images", "audio", "audios", "video", "videos"].iter().any(|key| sample.has(key))
}

fn is_chat(sample: &FileSample) -> bool {
    sample.has("chat_id") && sample.has("parent_chat_id")
}

fn has_columns(sample: &FileSample, names: [&'static str; 3]) -> bool {
    !sample.first_line.starts_with(['{', '[']) && Columns::find(sample.first_line.as_bytes(), names).is_ok()
}
