//! `dataset_sampler` and `url_selection_strategy`: which one is next. They know only how many there are.

/// `dataset_sampler`: the order in which conversations are drawn. Its configuration is [`SelectionConfig`].
pub trait DatasetSampler: Send + 'static {
    /// The index of the next conversation, below [`SelectionConfig::len`].
    fn next_index(&mut self) -> u64;

    /// The next ones, in order. This is what the host calls, for many at once and some time before they are sent.
    fn fill(&mut self, indices: &mut [u64]) {
        indices.iter_mut().for_each(|index| *index = self.next_index());
    }
}

/// `url_selection_strategy`: which of several servers a request goes to. Its configuration is [`SelectionConfig`].
pub trait UrlSelectionStrategy: Send + 'static {
    /// The index of the next server, below [`SelectionConfig::len`].
    fn next_url_index(&mut self) -> u64;
}

/// What whoever selects is told when it is made.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
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
