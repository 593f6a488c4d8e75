//! `dataset_sampler` and `url_selection_strategy`: which one is next. They know only how many there are.

use super::error::Result;

/// `dataset_sampler`: the order in which conversations are drawn. Its configuration is [`SelectionConfig`].
///
#[cfg_attr(doc, doc = include_str!("../../reference/dataset_sampler.md"))]
pub trait DatasetSampler: Send + 'static {
    /// The index of the next conversation, below [`SelectionConfig::len`].
    ///
    /// # Errors
    /// When there is none: the requests that would have been next fail with this error.
    fn next_index(&mut self) -> Result<u64>;

    /// The next ones, in order. This is what the host calls, for many at once and some time before they are sent.
    ///
    /// # Errors
    /// As [`next_index`](Self::next_index).
    fn fill(&mut self, indices: &mut [u64]) -> Result<()> {
        for index in indices {
            *index = self.next_index()?;
        }
        Ok(())
    }
}

numbers! {
    "dataset_sampler": DatasetSampler {
        1: next_index() -> u64 where |_| true;
        bulk 2: fill(indices: [u64]);
    }
}

/// `url_selection_strategy`: which of several servers a request goes to. Its configuration is [`SelectionConfig`].
///
#[cfg_attr(doc, doc = include_str!("../../reference/url_selection_strategy.md"))]
pub trait UrlSelectionStrategy: Send + 'static {
    /// The index of the next server, below [`SelectionConfig::len`].
    ///
    /// # Errors
    /// When there is none: the request fails with this error.
    fn next_url_index(&mut self) -> Result<u64>;
}

numbers! {
    "url_selection_strategy": UrlSelectionStrategy {
        1: next_url_index() -> u64 where |_| true;
    }
}

/// What whoever selects is told when it is made.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct SelectionConfig {
    /// How many there are; never 0.
    pub len: u64,
    /// Seed of every random choice.
    #[serde(default)]
    pub seed: u64,
}

impl SelectionConfig {
    /// Among `len`.
    pub fn new(len: u64, seed: u64) -> Self {
        Self { len, seed }
    }
}
