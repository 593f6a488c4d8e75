//! Conversations made up from a corpus: how long, how many, for which sort of endpoint. Each depends on the seed and its
//! own index alone, so they can be made in any order, on any number of threads, or only when asked for.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;

use aiperf_abi::data::conversation::{Conversation, Media, Turn};
use rand_distr::{Distribution, Normal};
use serde::Serialize;

use super::{Corpus, Dataset, DatasetError, PromptSource};
use crate::random::{RootSeed, Stream};
use crate::tokenizer::Tokenizer;

/// What to make up.
#[derive(Debug, Clone, PartialEq)]
pub struct SyntheticOptions {
    /// How many conversations.
    pub entries: u64,
    /// Input tokens of a prompt.
    pub input_tokens: Spread,
    /// Output tokens asked for; `None`: no limit is sent.
    pub output_tokens: Option<Spread>,
    /// Text that prompts are cut from.
    pub corpus: Corpus,
    /// Prompts per turn.
    pub batch_size: u32,
    /// The sort of turns.
    pub composer: Composer,
}

/// A number drawn anew for each use: normal, rounded, at least 1. Without spread, the rounded mean.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// Mean, above 0.
    pub mean: f64,
    /// Standard deviation, at least 0.
    pub stddev: f64,
}

/// The sort of turns an endpoint wants.
#[derive(Debug, Clone, PartialEq)]
pub enum Composer {
    /// Texts to answer or to embed.
    Prompts,
    /// One query and passages to rank by it.
    Rankings(RankingsOptions),
}

/// What a ranking consists of.
#[derive(Debug, Clone, PartialEq)]
pub struct RankingsOptions {
    /// Passages per query.
    pub passages: Spread,
    /// Tokens of a passage.
    pub passage_tokens: Spread,
    /// Tokens of the query.
    pub query_tokens: Spread,
}

impl Spread {
    /// Always the same number.
    pub fn exactly(mean: f64) -> Self {
        Self { mean, stddev: 0.0 }
    }

    pub(super) fn draw(self, stream: &mut Stream) -> u32 {
        // `check` has refused what `Normal` would refuse; beyond u32 the cast saturates.
        let drawn = Normal::new(self.mean, self.stddev).map_or(self.mean, |normal| normal.sample(stream));
        drawn.round().max(1.0) as u32
    }

    pub(super) fn check(self, what: &'static str) -> Result<(), DatasetError> {
        let wrong = |value: f64, expected| Err(DatasetError::OutOfRange { what, value: value.to_string(), expected });
        if !(self.mean.is_finite() && self.mean > 0.0) {
            return wrong(self.mean, "a mean above 0");
        }
        if !(self.stddev.is_finite() && self.stddev >= 0.0) {
            return wrong(self.stddev, "a standard deviation of at least 0");
        }
        Ok(())
    }
}

impl SyntheticOptions {
    fn check(&self) -> Result<(), DatasetError> {
        let count = |what, value: u64| match value {
            0 => Err(DatasetError::OutOfRange { what, value: "0".to_owned(), expected: "at least 1" }),
            _ => Ok(()),
        };
        count("the number of dataset entries", self.entries)?;
        count("the batch size", self.batch_size.into())?;
        if let Some(output) = self.output_tokens {
            output.check("the output length")?;
        }
        match &self.composer {
            Composer::Prompts => self.input_tokens.check("the input length"),
            Composer::Rankings(rankings) => {
                rankings.passages.check("the number of passages")?;
                rankings.passage_tokens.check("the length of a passage")?;
                rankings.query_tokens.check("the length of a query")
            }
        }
    }
}

/// Made-up conversations. Each is made when it is first asked for and kept from then on.
#[derive(Debug)]
pub struct SyntheticDataset {
    options: SyntheticOptions,
    source: PromptSource,
    seed: RootSeed,
    made: Vec<OnceLock<Arc<Conversation>>>,
}

impl SyntheticDataset {
    /// A dataset of which nothing is made yet.
    ///
    /// # Errors
    /// When an option makes no sense.
    pub fn new(options: SyntheticOptions, tokenizer: Arc<Tokenizer>, seed: RootSeed) -> Result<Self, DatasetError> {
        options.check()?;
        let made = (0..options.entries).map(|_| OnceLock::new()).collect();
        let source = PromptSource::new(tokenizer, options.corpus);
        Ok(Self { options, source, seed, made })
    }

    /// Makes all that is not made yet, on all cores. Blocks; call it before the first request so that making a
    /// conversation never delays sending one.
    ///
    /// # Errors
    /// When one of them cannot be made.
    pub fn fill(&self) -> Result<(), DatasetError> {
        let next = AtomicU64::new(0);
        let work = || {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= self.len() {
                    return Ok(());
                }
                self.conversation(index)?;
            }
        };
        // A few are made faster than a thread is started.
        let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get).min(self.made.len() / 64 + 1);
        thread::scope(|scope| {
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
            let mine = work();
            let joined = others.into_iter().map(|other| match other.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            });
            joined.fold(mine, Result::and)
        })
    }

    fn make(&self, index: u64) -> Result<Conversation, DatasetError> {
        let mut stream = self.seed.stream_at("dataset.synthetic", index);
        let texts = match &self.options.composer {
            Composer::Prompts => vec![Media {
                name: "text".to_owned(),
                contents: self.texts(self.options.batch_size, self.options.input_tokens, &mut stream)?,
            }],
            Composer::Rankings(rankings) => {
                let passages = rankings.passages.draw(&mut stream);
                vec![
                    Media { name: "query".to_owned(), contents: self.texts(1, rankings.query_tokens, &mut stream)? },
                    Media {
                        name: "passages".to_owned(),
                        contents: self.texts(passages, rankings.passage_tokens, &mut stream)?,
                    },
                ]
            }
        };
        let max_tokens = self.options.output_tokens.map(|output| output.draw(&mut stream));
        Ok(Conversation {
            session_id: format!("session_{index:06}"),
            turns: vec![Turn { texts, max_tokens, ..Turn::default() }],
            ..Conversation::default()
        })
    }

    fn texts(&self, count: u32, length: Spread, stream: &mut Stream) -> Result<Vec<String>, DatasetError> {
        (0..count)
            .map(|_| {
                let tokens = length.draw(stream);
                self.source.text(tokens as usize, stream)
            })
            .collect()
    }
}

impl Dataset for SyntheticDataset {
    fn len(&self) -> u64 {
        self.options.entries
    }

    fn conversation(&self, index: u64) -> Result<Arc<Conversation>, DatasetError> {
        let index = index % self.options.entries;
        let cell = &self.made[index as usize];
        if let Some(conversation) = cell.get() {
            return Ok(Arc::clone(conversation));
        }
        // Two threads may make the same one; they make it equal, and one of the two is kept.
        let conversation = Arc::new(self.make(index)?);
        Ok(Arc::clone(cell.get_or_init(|| conversation)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokenizer::Embedded;

    fn prompts(entries: u64) -> SyntheticOptions {
        SyntheticOptions {
            entries,
            input_tokens: Spread::exactly(32.0),
            output_tokens: None,
            corpus: Corpus::Sonnet,
            batch_size: 1,
            composer: Composer::Prompts,
        }
    }

    fn dataset(options: SyntheticOptions, seed: u64) -> SyntheticDataset {
        let tokenizer = Arc::new(Tokenizer::embedded(Embedded::Gpt2));
        SyntheticDataset::new(options, tokenizer, RootSeed::new(seed)).unwrap()
    }

    fn all(dataset: &SyntheticDataset) -> Vec<Arc<Conversation>> {
        (0..dataset.len()).map(|index| dataset.conversation(index).unwrap()).collect()
    }

    #[test]
    fn prompts_have_their_length_a_session_each_and_no_limit_unless_asked() {
        for (index, conversation) in all(&dataset(prompts(200), 1)).iter().enumerate() {
            assert_eq!(conversation.session_id, format!("session_{index:06}"));
            let turn = &conversation.turns[0];
            assert_eq!(Tokenizer::embedded(Embedded::Gpt2).count(&turn.texts[0].contents[0]), 32);
            assert_eq!(turn.max_tokens, None);
        }
    }

    #[test]
    fn the_seed_decides_and_neither_order_nor_threads_do() {
        let options = SyntheticOptions { input_tokens: Spread { mean: 20.0, stddev: 9.0 }, ..prompts(300) };
        let forward = dataset(options.clone(), 5);
        let expected = all(&forward);
        let filled = dataset(options.clone(), 5);
        filled.fill().unwrap();
        assert_eq!(all(&filled), expected);
        let backward = dataset(options.clone(), 5);
        for index in (0..300).rev() {
            assert_eq!(backward.conversation(index).unwrap(), expected[index as usize]);
        }
        assert_ne!(all(&dataset(options, 6)), expected);
    }

    #[test]
    fn lengths_spread_around_their_mean_and_never_below_one() {
        let spread = Spread { mean: 10.0, stddev: 8.0 };
        let options = SyntheticOptions { output_tokens: Some(spread), ..prompts(2000) };
        let limits: Vec<f64> =
            all(&dataset(options, 2)).iter().map(|one| f64::from(one.turns[0].max_tokens.unwrap())).collect();
        let mean = limits.iter().sum::<f64>() / limits.len() as f64;
        // Cut off at 1, the mean of this normal rises to about 10.5.
        assert!((10.0..11.0).contains(&mean), "{mean}");
        assert!(limits.contains(&1.0) && limits.iter().all(|limit| *limit >= 1.0));
        assert!(limits.iter().any(|limit| *limit > 20.0));
    }

    #[test]
    fn a_mean_without_spread_is_rounded() {
        let options = SyntheticOptions { output_tokens: Some(Spread::exactly(7.5)), ..prompts(3) };
        assert!(all(&dataset(options, 2)).iter().all(|one| one.turns[0].max_tokens == Some(8)));
    }

    #[test]
    fn a_batch_is_several_texts_of_one_turn() {
        let one = dataset(SyntheticOptions { batch_size: 4, ..prompts(1) }, 1).conversation(0).unwrap();
        assert_eq!(one.turns[0].texts.len(), 1);
        assert_eq!(one.turns[0].texts[0].contents.len(), 4);
    }

    #[test]
    fn a_ranking_has_one_query_and_its_passages() {
        let rankings = RankingsOptions {
            passages: Spread::exactly(3.0),
            passage_tokens: Spread::exactly(12.0),
            query_tokens: Spread::exactly(5.0),
        };
        let options = SyntheticOptions { composer: Composer::Rankings(rankings), ..prompts(1) };
        let one = dataset(options, 1).conversation(0).unwrap();
        let tokenizer = Tokenizer::embedded(Embedded::Gpt2);
        let counts: Vec<(&str, Vec<usize>)> = one.turns[0]
            .texts
            .iter()
            .map(|media| (media.name.as_str(), media.contents.iter().map(|text| tokenizer.count(text)).collect()))
            .collect();
        assert_eq!(counts, [("query", vec![5]), ("passages", vec![12, 12, 12])]);
    }

    #[test]
    fn numbers_that_cannot_be_are_refused_by_name() {
        let tokenizer = Arc::new(Tokenizer::embedded(Embedded::Gpt2));
        let refused =
            |options| SyntheticDataset::new(options, Arc::clone(&tokenizer), RootSeed::new(0)).unwrap_err().to_string();
        assert_eq!(refused(prompts(0)), "the number of dataset entries is 0, but it must be at least 1");
        let negative = SyntheticOptions { input_tokens: Spread { mean: 5.0, stddev: -1.0 }, ..prompts(1) };
        assert!(refused(negative).contains("the input length is -1"));
        let endless = SyntheticOptions { output_tokens: Some(Spread::exactly(f64::NAN)), ..prompts(1) };
        assert!(refused(endless).contains("the output length is NaN"));
    }
}
