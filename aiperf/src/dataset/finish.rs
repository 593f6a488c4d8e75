//! From what loaders and composers say to what is sent: texts, images and audio by their recipes, what stands before the
//! prompts, times, delays and limits. The same conversation comes out whenever, and on whatever thread, it is finished.

use std::sync::{Arc, OnceLock};

use aiperf_abi::Spread;
use aiperf_abi::data::conversation::{Conversation, Media, Recipe, Turn};
use rand::RngExt;
use serde::Serialize;

use super::spread::Draw;
use super::{Corpus, DatasetError, PromptSource, TraceOptions, media, pictures, sound};
use crate::random::{RootSeed, Stream};
use crate::tokenizer::Tokenizer;

/// How conversations are finished.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Finishing {
    /// Text that prompts are cut from.
    pub corpus: Corpus,
    /// What stands before the prompts.
    pub prefixes: Prefixes,
    /// Output tokens asked for where nothing else says.
    pub output_tokens: Option<Spread>,
    /// Every delay is multiplied by this.
    pub delay_ratio: f64,
    /// What is done to recorded traffic.
    pub trace: TraceOptions,
}

/// What stands before the prompts of a conversation: shared by all, by some, or its own.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Prefixes {
    /// How many texts there are, one of which begins the first prompt of a conversation.
    pub pool: u32,
    /// Tokens of such a text.
    pub pool_tokens: u32,
    /// The system message of all conversations, word for word.
    pub system: Option<String>,
    /// Tokens of a made-up system message of all conversations.
    pub system_tokens: Option<u32>,
    /// Tokens of a text that each conversation has for itself.
    pub user_context_tokens: Option<u32>,
}

/// Finishes conversations.
#[derive(Debug)]
pub(super) struct Finisher {
    options: Finishing,
    tokenizer: Arc<Tokenizer>,
    source: OnceLock<PromptSource>,
    seed: RootSeed,
}

impl Finisher {
    pub(super) fn new(options: Finishing, tokenizer: Arc<Tokenizer>, seed: RootSeed) -> Self {
        Self { options, tokenizer, source: OnceLock::new(), seed }
    }

    /// The conversation of an index, with `zero_ms` as the start of recorded time.
    pub(super) fn finish(
        &self,
        index: u64,
        mut conversation: Conversation,
        zero_ms: f64,
    ) -> Result<Conversation, DatasetError> {
        if conversation.session_id.is_empty() {
            conversation.session_id = format!("session_{index:06}");
        }
        let mut stream = self.seed.stream_at("dataset.text", index);
        for (number, turn) in conversation.turns.iter_mut().enumerate() {
            for recipe in std::mem::take(&mut turn.recipes) {
                let pooled = number == 0 && self.options.prefixes.pool > 0;
                self.cook(turn, recipe, (index, pooled), &mut stream)?;
            }
            media::resolve(turn).map_err(DatasetError::Load)?;
            self.limit(turn, zero_ms, &mut stream);
        }
        let prefixes = &self.options.prefixes;
        let made = |tokens: Option<u32>, mut stream: Stream| {
            tokens.map(|tokens| self.source().text(tokens as usize, &mut stream)).transpose()
        };
        if conversation.system_message.is_none() {
            let system = made(prefixes.system_tokens, self.seed.stream("dataset.system"))?;
            conversation.system_message = prefixes.system.clone().or(system);
        }
        if conversation.user_context_message.is_none() {
            let own = self.seed.stream_at("dataset.user_context", index);
            conversation.user_context_message = made(prefixes.user_context_tokens, own)?;
        }
        Ok(conversation)
    }

    fn source(&self) -> &PromptSource {
        self.source.get_or_init(|| PromptSource::new(Arc::clone(&self.tokenizer), self.options.corpus))
    }

    fn cook(
        &self,
        turn: &mut Turn,
        recipe: Recipe,
        (index, pooled): (u64, bool),
        stream: &mut Stream,
    ) -> Result<(), DatasetError> {
        match recipe {
            Recipe::Text { name, tokens, block, ids } => {
                let text = match (ids.is_empty(), pooled) {
                    (false, _) => self.source().blocks(tokens as usize, block.max(1) as usize, &ids, self.seed)?,
                    (true, false) => self.source().text(tokens as usize, stream)?,
                    (true, true) => {
                        let Prefixes { pool, pool_tokens, .. } = self.options.prefixes;
                        let which = self.seed.stream_at("dataset.prefix.choice", index).random_range(0..pool);
                        let prefix = (pool_tokens as usize, self.seed.stream_at("dataset.prefix", which.into()));
                        let own = (tokens as usize, RootSeed::new(stream.random()).stream("dataset.prefix.rest"));
                        self.source().joined(vec![prefix, own])?
                    }
                };
                add(&mut turn.texts, &name, text);
            }
            Recipe::Image { width, height, format } => {
                add(
                    &mut turn.images,
                    "image",
                    pictures::image(width, height, format, stream).map_err(DatasetError::Load)?,
                );
            }
            Recipe::Audio { seconds, sample_rate, depth, channels } => {
                let clip = sound::Clip { seconds, sample_rate, depth, channels };
                add(&mut turn.audios, "audio", sound::wav(clip, stream).map_err(DatasetError::Load)?);
            }
            other => {
                return Err(DatasetError::Load(format!("a turn asks for {other:?}, which this aiperf cannot make")));
            }
        }
        Ok(())
    }

    fn limit(&self, turn: &mut Turn, zero_ms: f64, stream: &mut Stream) {
        turn.timestamp = turn.timestamp.map(|time| (time - zero_ms) / self.options.trace.speedup);
        turn.delay = turn.delay.map(|delay| delay * self.options.delay_ratio);
        let reply = turn.recorded_reply.take();
        let as_recorded = || reply.map(|reply| u32::try_from(self.tokenizer.count(&reply)).unwrap_or(u32::MAX).max(1));
        let drawn = |stream: &mut Stream| self.options.output_tokens.map(|spread| spread.draw(stream));
        turn.max_tokens = turn.max_tokens.or_else(as_recorded).or_else(|| drawn(stream));
        if let Some(most) = self.options.trace.max_output {
            turn.max_tokens = turn.max_tokens.map(|limit| limit.min(most));
        }
    }
}

/// Adds to the last contents of that name.
fn add(all: &mut Vec<Media>, name: &str, content: String) {
    match all.last_mut().filter(|last| last.name == name) {
        Some(last) => last.contents.push(content),
        None => all.push(Media::new(name, content)),
    }
}
