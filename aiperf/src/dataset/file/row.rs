//! What a row of any sort says, before its prompts are made: the same for all sorts of files.

use aiperf_abi::data::conversation::Turn;

/// A row, understood.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Parsed {
    /// Rows that name the same session are turns of one conversation.
    pub(super) session: Option<String>,
    /// System message of the conversation.
    pub(super) system: Option<String>,
    /// What is to be sent. None: the row is no request, and is passed over.
    pub(super) turns: Vec<Draft>,
}

/// A turn whose prompt may still have to be made.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Draft {
    /// All that the row says.
    pub(super) turn: Turn,
    /// What it says about the prompt.
    pub(super) prompt: Prompt,
    /// The recorded reply: where nothing else says how long the reply may be, as long as this one.
    pub(super) reply: Option<String>,
}

/// A prompt as a row gives it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Prompt {
    /// The texts of the turn.
    #[default]
    Written,
    /// So many tokens.
    Tokens(u32),
    /// So many tokens in blocks; equal ids are equal text.
    Blocks {
        /// Tokens of all blocks together.
        tokens: u32,
        /// Ids of the blocks; the last one may be cut short.
        ids: Vec<i64>,
    },
}

impl Parsed {
    /// A row of one turn.
    pub(super) fn turn(session: Option<String>, draft: Draft) -> Self {
        Self { session, system: None, turns: vec![draft] }
    }
}

impl Draft {
    /// Input tokens as recorded, where the row gives a number and no text.
    pub(super) fn recorded_tokens(&self) -> Option<u32> {
        match &self.prompt {
            Prompt::Written => None,
            Prompt::Tokens(tokens) | Prompt::Blocks { tokens, .. } => Some(*tokens),
        }
    }
}

impl From<Turn> for Draft {
    fn from(turn: Turn) -> Self {
        Self { turn, ..Self::default() }
    }
}
