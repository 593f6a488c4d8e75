//! Conversations from the user's file. Every row is looked at once before anything is sent, so that a bad one is refused
//! by file, line and field; after that only the places of the rows are kept, and a row is read when it is sent.

mod fault;
mod kind;
mod object;
mod payload;
mod row;
mod scan;
mod single_turn;
mod store;
mod survey;
#[cfg(test)]
mod tests;
mod traces;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use aiperf_abi::data::conversation::{Conversation, Turn};
use rand::RngExt;
use serde::Serialize;

pub use fault::RowFault;
pub use kind::{FileKind, detect};
use row::{Draft, Parsed, Prompt};
use store::{Row, Store};
pub use survey::{Analysis, Quantiles, Sharing, Survey, analyze, survey};

use super::recent::Recent;
use super::{Corpus, Dataset, DatasetError, PromptSource, Spread};
use crate::random::{RootSeed, Stream};
use crate::tokenizer::Tokenizer;

/// What to read, and what to make of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FileOptions {
    /// The file or folder.
    pub path: PathBuf,
    /// What sort of file it is.
    pub kind: FileKind,
    /// How many conversations to draw from pools.
    pub pool_entries: u64,
    /// Output tokens asked for where a row does not say.
    pub output_tokens: Option<Spread>,
    /// Every delay is multiplied by this.
    pub delay_ratio: f64,
    /// Where prompts are cut from that a row gives no text for.
    pub corpus: Corpus,
    /// The system message of conversations that have none.
    pub system: Option<String>,
    /// What is done to recorded traffic.
    pub trace: TraceOptions,
}

/// What is done to recorded traffic.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TraceOptions {
    /// Times are divided by this.
    pub speedup: f64,
    /// Rows before this time (ms, as recorded) are left out, and it is time zero.
    pub start_ms: Option<f64>,
    /// Rows after this time (ms, as recorded) are left out.
    pub end_ms: Option<f64>,
    /// The earliest row that is left is time zero.
    pub from_zero: bool,
    /// Rows with more input tokens are left out.
    pub max_input: Option<u32>,
    /// No more output tokens are asked for.
    pub max_output: Option<u32>,
    /// Tokens of a block of hash ids, where they are not those of the kind.
    pub block_size: Option<u32>,
}

impl Default for TraceOptions {
    fn default() -> Self {
        Self {
            speedup: 1.0,
            start_ms: None,
            end_ms: None,
            from_zero: false,
            max_input: None,
            max_output: None,
            block_size: None,
        }
    }
}

/// Conversations of a file.
#[derive(Debug)]
pub struct FileDataset {
    options: FileOptions,
    store: Store,
    rows: Rows,
    /// What is subtracted from a recorded time.
    zero_ms: f64,
    tokenizer: Arc<Tokenizer>,
    source: OnceLock<PromptSource>,
    seed: RootSeed,
    notices: Vec<String>,
    /// The last conversations that were asked for, each in the slot of its index: who plans a session and who sends it ask
    /// for the same one shortly after each other.
    recent: Recent,
}

/// Conversations that are kept after they were asked for.
const RECENT: u64 = 64;

/// Which rows are which conversation.
#[derive(Debug)]
enum Rows {
    /// Each is one.
    Single(Vec<Row>, Vec<f64>),
    /// Conversation `i` is the rows from `starts[i]` to `starts[i + 1]`.
    Grouped(Vec<Row>, Vec<u32>, Vec<f64>),
    /// Each conversation is drawn from these pools.
    Pools(Vec<Vec<Row>>),
}

/// What is learned of the rows while they are looked at.
#[derive(Default)]
struct Index {
    rows: Vec<Row>,
    /// Recorded time of each row; NaN where it has none.
    times: Vec<f64>,
    /// Conversation of each row, where rows are grouped.
    conversations: Vec<u32>,
    sessions: HashMap<Box<str>, u32>,
    count: u32,
    /// The moment from which dates are counted.
    origin: Option<f64>,
    empty: u64,
    left_out: u64,
}

/// Whether the first row of a file that holds a request says when it is to be sent. A row that cannot be read says nothing;
/// what is wrong with it is told when the file is opened.
pub fn starts_with_a_time(path: &Path, kind: FileKind) -> bool {
    let mut has_time = false;
    // The refusal ends the walk.
    let _ = Store::open(path, kind, None, |_, _, parsed| match parsed.map(|parsed| parsed.turns.into_iter().next()) {
        Ok(None) => Ok(()),
        first => {
            has_time = first.is_ok_and(|draft| draft.is_some_and(|draft| draft.turn.timestamp.is_some()));
            Err(DatasetError::Nothing { path: path.to_owned(), reason: String::new() })
        }
    });
    has_time
}

impl FileDataset {
    /// Looks at every row of the file.
    ///
    /// # Errors
    /// When the file cannot be read, a row of it cannot be used, or nothing is left to send.
    pub fn open(options: FileOptions, tokenizer: Arc<Tokenizer>, seed: RootSeed) -> Result<Self, DatasetError> {
        options.check()?;
        let mut index = Index::default();
        let groups = options.groups();
        let store = Store::open(&options.path, options.kind, options.trace.block_size, |_, row, parsed| {
            let parsed = parsed.map_err(|fault| DatasetError::Row(Box::new(fault)))?;
            index.add(row, &parsed, &options, groups);
            Ok(())
        })?;
        let notices = index.notices(&options);
        if index.rows.is_empty() {
            let reason = notices.first().cloned().unwrap_or_else(|| "it has no rows".to_owned());
            return Err(DatasetError::Nothing { path: options.path, reason });
        }
        let zero_ms = index.origin.unwrap_or(0.0)
            + match options.trace.start_ms {
                Some(start) => start,
                None if options.trace.from_zero => {
                    index.times.iter().copied().fold(f64::NAN, f64::min) - index.origin.unwrap_or(0.0)
                }
                None => 0.0,
            };
        let rows = match options.kind {
            FileKind::RandomPool => index.pools(store.files()),
            _ => index.grouped(),
        };
        let recent = Recent::new(RECENT);
        Ok(Self { options, store, rows, zero_ms, tokenizer, source: OnceLock::new(), seed, notices, recent })
    }

    /// What the user should know about what was left out.
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    fn source(&self) -> &PromptSource {
        self.source.get_or_init(|| PromptSource::new(Arc::clone(&self.tokenizer), self.options.corpus))
    }

    fn assemble(&self, index: u64, rows: &[Row]) -> Result<Conversation, DatasetError> {
        let mut conversation = Conversation { session_id: format!("session_{index:06}"), ..Conversation::default() };
        let mut stream = self.seed.stream_at("dataset.file", index);
        for (at, row) in rows.iter().enumerate() {
            let Parsed { session, system, turns } = self.store.read(*row)?;
            if at == 0 {
                conversation.system_message = system.or_else(|| self.options.system.clone());
                let named = session.or_else(|| self.options.groups_by_file().then(|| self.store.stem(row.file)));
                conversation.session_id = named.unwrap_or(conversation.session_id);
            }
            for draft in turns {
                let mut turn = self.turn(draft, &mut stream)?;
                super::media::resolve(&mut turn, self.store.folder(row.file)).map_err(|reason| DatasetError::File {
                    path: self.options.path.clone(),
                    reason: format!("line {}: {reason}", row.line()),
                })?;
                conversation.turns.push(turn);
            }
        }
        Ok(conversation)
    }

    fn turn(&self, draft: Draft, stream: &mut Stream) -> Result<Turn, DatasetError> {
        let Draft { mut turn, prompt, reply } = draft;
        let text = match prompt {
            Prompt::Written => None,
            Prompt::Tokens(tokens) => Some(self.source().text(tokens as usize, stream)?),
            Prompt::Blocks { tokens, ids } => {
                let block = self.options.trace.block_size.or(self.options.kind.default_block()).unwrap_or(tokens);
                Some(self.source().blocks(tokens as usize, block as usize, &ids, self.seed)?)
            }
        };
        if let Some(text) = text {
            turn.texts = Turn::text(text).texts;
        }
        turn.timestamp = turn.timestamp.map(|time| (time - self.zero_ms) / self.options.trace.speedup);
        turn.delay = turn.delay.map(|delay| delay * self.options.delay_ratio);
        let as_recorded = || reply.map(|reply| u32::try_from(self.tokenizer.count(&reply)).unwrap_or(u32::MAX).max(1));
        let drawn = |stream: &mut Stream| self.options.output_tokens.map(|spread| spread.draw(stream));
        turn.max_tokens = turn.max_tokens.or_else(as_recorded).or_else(|| drawn(stream));
        if let Some(most) = self.options.trace.max_output {
            turn.max_tokens = turn.max_tokens.map(|limit| limit.min(most));
        }
        Ok(turn)
    }

    /// One content of each pool, as one turn.
    fn drawn(&self, index: u64, pools: &[Vec<Row>]) -> Result<Conversation, DatasetError> {
        let mut stream = self.seed.stream_at("dataset.random_pool", index);
        let mut whole = Turn::default();
        for pool in pools.iter().filter(|pool| !pool.is_empty()) {
            let row = pool[stream.random_range(0..pool.len())];
            for mut turn in self.assemble(index, &[row])?.turns {
                if pools.len() > 1 {
                    let modalities = [&mut turn.texts, &mut turn.images, &mut turn.audios, &mut turn.videos];
                    modalities.into_iter().flatten().for_each(|media| media.name = self.store.stem(row.file));
                }
                whole.texts.append(&mut turn.texts);
                whole.images.append(&mut turn.images);
                whole.audios.append(&mut turn.audios);
                whole.videos.append(&mut turn.videos);
                whole.max_tokens = whole.max_tokens.or(turn.max_tokens);
            }
        }
        Ok(Conversation { session_id: format!("session_{index:06}"), turns: vec![whole], ..Conversation::default() })
    }
}

impl FileOptions {
    fn check(&self) -> Result<(), DatasetError> {
        let positive = |what, value: f64| match value > 0.0 && value.is_finite() {
            true => Ok(()),
            false => Err(DatasetError::OutOfRange { what, value: value.to_string(), expected: "a number above 0" }),
        };
        positive("the speed-up", self.trace.speedup)?;
        positive("the number of dataset entries", self.pool_entries as f64)?;
        if self.trace.block_size == Some(0) {
            positive("the block size", 0.0)?;
        }
        self.output_tokens.map_or(Ok(()), |output| output.check("the output length"))
    }

    /// Whether rows that name the same session belong together.
    fn groups(&self) -> bool {
        matches!(self.kind, FileKind::SingleTurn | FileKind::MooncakeTrace) || self.groups_by_file()
    }

    /// Whether each file of a folder is a conversation.
    fn groups_by_file(&self) -> bool {
        self.kind == FileKind::RawPayload && self.path.is_dir()
    }

    /// Whether a row is to be sent, by its length and its time since the first one.
    fn keeps(&self, parsed: &Parsed, time: f64) -> bool {
        let too_long = |draft: &Draft| {
            draft.recorded_tokens().zip(self.trace.max_input).is_some_and(|(tokens, most)| tokens > most)
        };
        // A row without a time (NaN) is neither before nor after.
        let early = self.trace.start_ms.is_some_and(|start| time < start);
        let late = self.trace.end_ms.is_some_and(|end| time > end);
        !early && !late && !parsed.turns.iter().any(too_long)
    }
}

impl Index {
    fn add(&mut self, row: Row, parsed: &Parsed, options: &FileOptions, groups: bool) {
        let Some(first) = parsed.turns.first() else {
            self.empty += 1;
            return;
        };
        let time = first.turn.timestamp.unwrap_or(f64::NAN);
        if options.kind.times_are_dates() {
            self.origin.get_or_insert(time);
        }
        if !options.keeps(parsed, time - self.origin.unwrap_or(0.0)) {
            self.left_out += 1;
            return;
        }
        let session = match &parsed.session {
            _ if options.groups_by_file() => Some(row.file.to_string()),
            Some(session) if groups => Some(session.clone()),
            _ => None,
        };
        let next = self.count;
        let conversation = match session {
            Some(session) => *self.sessions.entry(session.into()).or_insert(next),
            None => next,
        };
        self.count += u32::from(conversation == next);
        self.rows.push(row);
        self.times.push(time);
        self.conversations.push(conversation);
    }

    fn notices(&self, options: &FileOptions) -> Vec<String> {
        let all = self.rows.len() as u64 + self.empty + self.left_out;
        let path = options.path.display();
        let mut notices = Vec::new();
        if self.empty > 0 {
            notices.push(format!("{} of {all} rows of {path} hold no request and were passed over", self.empty));
        }
        if self.left_out > 0 {
            notices.push(format!(
                "{} of {all} rows of {path} were left out: before the start offset, after the end offset or above the input limit",
                self.left_out
            ));
        }
        notices
    }

    fn pools(self, files: usize) -> Rows {
        let mut pools = vec![Vec::new(); files];
        for row in self.rows {
            pools[row.file as usize].push(row);
        }
        Rows::Pools(pools)
    }

    fn grouped(self) -> Rows {
        let timed = self.times.iter().any(|time| !time.is_nan());
        let mut starts = vec![0u32; self.count as usize + 1];
        for conversation in &self.conversations {
            starts[*conversation as usize + 1] += 1;
        }
        if starts.iter().all(|rows| *rows <= 1) {
            return Rows::Single(self.rows, if timed { self.times } else { Vec::new() });
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut next = starts.clone();
        let mut ordered = self.rows.clone();
        let mut times = vec![f64::NAN; if timed { self.count as usize } else { 0 }];
        for ((row, conversation), time) in self.rows.iter().zip(&self.conversations).zip(&self.times) {
            let conversation = *conversation as usize;
            if timed && next[conversation] == starts[conversation] {
                times[conversation] = *time;
            }
            ordered[next[conversation] as usize] = *row;
            next[conversation] += 1;
        }
        Rows::Grouped(ordered, starts, times)
    }
}

impl Dataset for FileDataset {
    fn len(&self) -> u64 {
        match &self.rows {
            Rows::Single(rows, _) => rows.len() as u64,
            Rows::Grouped(_, starts, _) => starts.len() as u64 - 1,
            Rows::Pools(_) => self.options.pool_entries,
        }
    }

    fn conversation(&self, index: u64) -> Result<Arc<Conversation>, DatasetError> {
        let index = index % self.len();
        let at = index as usize;
        self.recent.of(index, || match &self.rows {
            Rows::Single(rows, _) => self.assemble(index, &rows[at..=at]),
            Rows::Grouped(rows, starts, _) => self.assemble(index, &rows[starts[at] as usize..starts[at + 1] as usize]),
            Rows::Pools(pools) => self.drawn(index, pools),
        })
    }

    fn start_ms(&self, index: u64) -> Option<f64> {
        let (Rows::Single(_, times) | Rows::Grouped(_, _, times)) = &self.rows else { return None };
        let time = times.get((index % self.len()) as usize).copied().filter(|time| !time.is_nan())?;
        Some((time - self.zero_ms) / self.options.trace.speedup)
    }
}
