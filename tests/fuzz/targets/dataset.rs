//! A file of prompts through each loader: its rows are conversations that can be sent, or are refused by file and line.

use aiperf::builtin::table::BuiltIn;
use aiperf::dataset::file::sample;
use aiperf_abi::data::conversation::Conversation;
use aiperf_abi::testing::{Fixture, MockHost};
use aiperf_abi::{ConversationSink, CustomDatasetLoader, Result, RowFault};
use serde_json::json;

use super::{Input, lines, written};

/// Rows that are drawn from a pool.
const DRAWN: usize = 3;

pub(super) fn dataset(bytes: &[u8]) {
    let mut input = Input::of(bytes);
    let classes = <dyn CustomDatasetLoader as BuiltIn>::CLASSES;
    let (class, new) = &classes[usize::from(input.byte()) % classes.len()];
    let block_size = Some(input.byte()).filter(|block| *block > 0);
    let config = json!({"block_size": block_size, "entries": DRAWN, "seed": 1});
    let mut loader = new(&Fixture::new(config).context(&MockHost::default())).expect("a loader");
    let path = written("rows", input.rest);
    if let Ok(sample) = sample(&path) {
        loader.can_load(&sample).unwrap_or_else(|error| panic!("{class}: {error}"));
    }
    let mut seen = Seen { rows: 0, lines: lines(input.rest), prefix: format!("{}:", path.display()) };
    if let Err(error) = loader.load(&path, &mut seen) {
        assert!(error.to_string().starts_with(&path.display().to_string()), "{class}: {error}");
    }
    assert!(seen.rows <= input.rest.len() + DRAWN, "{class}: {} rows", seen.rows);
}

struct Seen {
    rows: usize,
    lines: usize,
    prefix: String,
}

impl ConversationSink for Seen {
    fn push(&mut self, conversation: Conversation) -> Result<()> {
        self.rows += 1;
        for turn in &conversation.turns {
            assert!(turn.timestamp.is_none_or(f64::is_finite), "sent at {:?}", turn.timestamp);
            assert!(turn.delay.is_none_or(|delay| delay.is_finite() && delay >= 0.0), "sent after {:?}", turn.delay);
            assert!(turn.max_tokens != Some(0));
        }
        Ok(())
    }

    fn extend(&mut self, conversation: Conversation) -> Result<()> {
        self.push(conversation)
    }

    fn fault(&mut self, fault: RowFault) -> Result<()> {
        self.rows += 1;
        assert!((1..=self.lines as u64).contains(&fault.line), "{fault} of {} lines", self.lines);
        assert!(fault.to_string().starts_with(&self.prefix) && !fault.problem.is_empty(), "{fault}");
        Ok(())
    }
}
