//! Fixtures for what says what is sent: configurations, how a file begins, a conversation, a sink that keeps what it gets.

use serde_json::Value;

use crate::author::dataset::ConversationSink;
use crate::author::error::{Error, Result};
use crate::data::conversation::{Conversation, Turn};
use crate::data::dataset::{ComposerConfig, FileSample, LoaderConfig, RowFault, Spread};

/// 10 conversations of one text of 32 tokens, to be answered with 16; rankings of 3 passages. Seed 42.
pub fn mock_composer_config() -> ComposerConfig {
    ComposerConfig {
        entries: 10,
        seed: 42,
        batch_size: 1,
        input_tokens: Spread::exactly(32.0),
        output_tokens: Some(Spread::exactly(16.0)),
        passages: Spread::exactly(3.0),
        passage_tokens: Spread::exactly(16.0),
        query_tokens: Spread::exactly(8.0),
        ..ComposerConfig::default()
    }
}

/// 10 conversations, seed 42.
pub fn mock_loader_config() -> LoaderConfig {
    LoaderConfig { block_size: None, entries: Some(10), seed: 42 }
}

/// A [`ConversationSink`] that keeps what it gets.
///
/// ```
/// # use aiperf_abi::*;
/// # use aiperf_abi::data::conversation::{Conversation, Turn};
/// # struct Stairs(u64);
/// # impl Plugin for Stairs { fn new(cx: &Context<'_>) -> Result<Self> { Ok(Self(cx.config::<ComposerConfig>()?.entries)) } }
/// # impl DatasetComposer for Stairs {
/// #     fn compose(&mut self, out: &mut dyn ConversationSink) -> Result<()> {
/// #         (0..self.0).try_for_each(|n| out.push(Conversation { turns: vec![Turn::of_tokens(n as u32 + 1)], ..Default::default() }))
/// #     }
/// # }
/// use aiperf_abi::testing::{CollectingConversations, mock_composer_config, via_abi};
///
/// let config = serde_json::to_value(mock_composer_config()).unwrap();
/// let mut composer = via_abi::<dyn DatasetComposer, Stairs>(config).unwrap();
/// let mut out = CollectingConversations::default();
/// composer.compose(&mut out).unwrap();
/// assert_eq!(out.pushed.len(), 10);
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CollectingConversations {
    /// Whole conversations, in order.
    pub pushed: Vec<Conversation>,
    /// More turns of conversations, in order.
    pub extended: Vec<Conversation>,
    /// Bad rows, in order.
    pub faults: Vec<RowFault>,
    /// Whether a bad row ends it, as it does in a run.
    pub stops_at_fault: bool,
}

impl ConversationSink for CollectingConversations {
    fn push(&mut self, conversation: Conversation) -> Result<()> {
        self.pushed.push(conversation);
        Ok(())
    }

    fn extend(&mut self, conversation: Conversation) -> Result<()> {
        self.extended.push(conversation);
        Ok(())
    }

    fn fault(&mut self, fault: RowFault) -> Result<()> {
        let stop = self.stops_at_fault.then(|| Error::invalid_input(fault.to_string()));
        self.faults.push(fault);
        stop.map_or(Ok(()), Err)
    }
}

/// A conversation of two turns, the second half a second after the reply to the first.
pub fn mock_conversation() -> Conversation {
    let second = Turn { delay: Some(500.0), ..Turn::text("And then?") };
    Conversation {
        session_id: "test-conversation".to_owned(),
        turns: vec![Turn::text("Hello, world!"), second],
        ..Conversation::default()
    }
}

/// How a file begins whose first line is this row, for [`can_load`](crate::CustomDatasetLoader::can_load).
pub fn mock_sample(row: &Value) -> FileSample {
    FileSample {
        path: "rows.jsonl".into(),
        first_line: row.to_string(),
        row: row.as_object().cloned(),
        ..FileSample::default()
    }
}
