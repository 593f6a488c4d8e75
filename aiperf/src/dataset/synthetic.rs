//! Conversations made up from a corpus: how long, how many, for which sort of endpoint. Each depends on the seed and its
//! own index alone, so they can be made in any order, on any number of threads, or only when asked for.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use aiperf_abi::data::conversation::{Conversation, Media, Turn};
use rand::RngExt;
use rand_distr::{Distribution, Normal};
use serde::Serialize;

use super::recent::Recent;
use super::{Corpus, Dataset, DatasetError, Mixture, PromptSource};
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
    /// Pairs of lengths that take the place of the two above.
    pub mixture: Option<Mixture>,
    /// Prompts per turn.
    pub batch_size: u32,
    /// Turns of a conversation.
    pub turns: Spread,
    /// Milliseconds between a reply and the next turn: normal, at least 0.
    pub delay: Option<Spread>,
    /// What stands before the prompts.
    pub prefixes: Prefixes,
    /// The sort of turns.
    pub composer: Composer,
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
        self.sample(stream).round().max(1.0) as u32
    }

    fn sample(self, stream: &mut Stream) -> f64 {
        Normal::new(self.mean, self.stddev).map_or(self.mean, |normal| normal.sample(stream))
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
    /// How many conversations are kept: all, or the latest.
    fn kept(&self) -> u64 {
        let tokens = match &self.composer {
            Composer::Prompts => {
                let input = self.mixture.as_ref().map_or(self.input_tokens.mean, Mixture::mean_input);
                let prefixes =
                    [Some(self.prefixes.pool_tokens), self.prefixes.system_tokens, self.prefixes.user_context_tokens];
                input * f64::from(self.batch_size) * self.turns.mean
                    + f64::from(prefixes.into_iter().flatten().sum::<u32>())
            }
            Composer::Rankings(rankings) => {
                rankings.query_tokens.mean + rankings.passages.mean * rankings.passage_tokens.mean
            }
        };
        let words = self.prefixes.system.as_ref().map_or(0, String::len) as f64;
        let all = self.entries as f64 * (CONVERSATION_BYTES + words + TOKEN_BYTES * tokens);
        if all <= KEPT_BYTES as f64 { self.entries } else { self.entries.min(RECENT) }
    }

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
            Composer::Prompts => {
                self.turns.check("the number of turns")?;
                self.input_tokens.check("the input length")
            }
            Composer::Rankings(rankings) => {
                rankings.passages.check("the number of passages")?;
                rankings.passage_tokens.check("the length of a passage")?;
                rankings.query_tokens.check("the length of a query")
            }
        }
    }
}

/// Bytes of conversations that are kept. Where all of them are more, only the latest are, and one that is asked for again
/// is made again: memory must not grow with the number of requests.
const KEPT_BYTES: u64 = 64 << 20;
/// Conversations that are kept of those that are too many.
const RECENT: u64 = 1024;
/// Bytes of a conversation beside its text, and of the text of a token, roughly.
const CONVERSATION_BYTES: f64 = 600.0;
const TOKEN_BYTES: f64 = 5.0;

/// Made-up conversations. Each is made when it is first asked for.
#[derive(Debug)]
pub struct SyntheticDataset {
    options: SyntheticOptions,
    source: PromptSource,
    seed: RootSeed,
    made: Recent,
}

impl SyntheticDataset {
    /// A dataset of which nothing is made yet.
    ///
    /// # Errors
    /// When an option makes no sense.
    pub fn new(options: SyntheticOptions, tokenizer: Arc<Tokenizer>, seed: RootSeed) -> Result<Self, DatasetError> {
        options.check()?;
        let made = Recent::new(options.kept());
        let source = PromptSource::new(tokenizer, options.corpus);
        Ok(Self { options, source, seed, made })
    }

    /// Makes all that is not made yet, on all cores, where all can be kept. Blocks; call it before the first request so
    /// that making a conversation never delays sending one.
    ///
    /// # Errors
    /// When one of them cannot be made.
    pub fn fill(&self) -> Result<(), DatasetError> {
        if !self.is_at_hand() {
            return Ok(());
        }
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
        let threads =
            thread::available_parallelism().map_or(1, NonZeroUsize::get).min(self.made.len() as usize / 64 + 1);
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
        // What most runs do not use has streams of its own: without it the prompts are the same.
        let mut shape = self.seed.stream_at("dataset.synthetic.shape", index);
        let count = match self.options.composer {
            Composer::Prompts => self.options.turns.draw(&mut shape),
            Composer::Rankings(_) => 1,
        };
        let mut turns = Vec::with_capacity(count as usize);
        for number in 0..count {
            let mut turn = self.turn(index, number, &mut stream, &mut shape)?;
            if let (1.., Some(delay)) = (number, self.options.delay) {
                turn.delay = Some(delay.sample(&mut shape).max(0.0));
            }
            turns.push(turn);
        }
        let prefixes = &self.options.prefixes;
        let made = |tokens: u32, mut stream: Stream| self.source.text(tokens as usize, &mut stream);
        let system =
            prefixes.system_tokens.map(|tokens| made(tokens, self.seed.stream("dataset.system"))).transpose()?;
        let context = |tokens| made(tokens, self.seed.stream_at("dataset.user_context", index));
        Ok(Conversation {
            session_id: format!("session_{index:06}"),
            turns,
            system_message: prefixes.system.clone().or(system),
            user_context_message: prefixes.user_context_tokens.map(context).transpose()?,
        })
    }

    fn turn(&self, index: u64, number: u32, stream: &mut Stream, shape: &mut Stream) -> Result<Turn, DatasetError> {
        let pair = self.options.mixture.as_ref().map(|mixture| mixture.draw(shape));
        let input = pair.map_or(self.options.input_tokens, |pair| pair.isl);
        let output = pair.map(|pair| pair.osl).or(self.options.output_tokens);
        let texts = match &self.options.composer {
            Composer::Prompts => vec![Media {
                name: "text".to_owned(),
                contents: match number == 0 && self.options.prefixes.pool > 0 {
                    false => self.texts(self.options.batch_size, input, stream)?,
                    true => self.prefixed(index, input, stream)?,
                },
            }],
            Composer::Rankings(rankings) => {
                let passages = rankings.passages.draw(stream);
                vec![
                    Media { name: "query".to_owned(), contents: self.texts(1, rankings.query_tokens, stream)? },
                    Media {
                        name: "passages".to_owned(),
                        contents: self.texts(passages, rankings.passage_tokens, stream)?,
                    },
                ]
            }
        };
        let max_tokens = output.map(|output| output.draw(stream));
        Ok(Turn { texts, max_tokens, ..Turn::default() })
    }

    /// The texts of a first turn, each after the conversation's text from the pool.
    fn prefixed(&self, index: u64, length: Spread, stream: &mut Stream) -> Result<Vec<String>, DatasetError> {
        let Prefixes { pool, pool_tokens, .. } = self.options.prefixes;
        let which = self.seed.stream_at("dataset.prefix.choice", index).random_range(0..pool);
        let prefix = (pool_tokens as usize, self.seed.stream_at("dataset.prefix", which.into()));
        (0..self.options.batch_size)
            .map(|text| {
                let tokens = length.draw(stream) as usize;
                let own = self.seed.stream_at("dataset.prefix.rest", index << 20 | u64::from(text));
                self.source.joined(vec![prefix.clone(), (tokens, own)])
            })
            .collect()
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
        self.made.of(index, || self.make(index))
    }

    fn is_at_hand(&self) -> bool {
        self.made.len() == self.options.entries
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
            mixture: None,
            turns: Spread::exactly(1.0),
            delay: None,
            prefixes: Prefixes::default(),
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
    fn of_more_than_can_be_kept_each_is_the_same_again() {
        let (few, many) = (dataset(prompts(3000), 5), dataset(prompts(1_000_000), 5));
        assert!(few.is_at_hand() && !many.is_at_hand());
        many.fill().unwrap();
        for index in [0, 2999, 0, 1024, 0] {
            assert_eq!(many.conversation(index).unwrap(), few.conversation(index).unwrap());
        }
        assert!(
            !dataset(SyntheticOptions { input_tokens: Spread::exactly(10_000.0), ..prompts(3000) }, 5).is_at_hand()
        );
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
    fn conversations_have_turns_and_delays_after_the_first() {
        let options = SyntheticOptions {
            turns: Spread { mean: 4.0, stddev: 1.5 },
            delay: Some(Spread { mean: 100.0, stddev: 80.0 }),
            ..prompts(200)
        };
        let all = all(&dataset(options, 1));
        let mean = all.iter().map(|one| one.turns.len()).sum::<usize>() as f64 / 200.0;
        assert!((3.5..4.5).contains(&mean), "{mean}");
        let delays: Vec<f64> = all.iter().flat_map(|one| &one.turns[1..]).map(|turn| turn.delay.unwrap()).collect();
        assert!(all.iter().all(|one| one.turns[0].delay.is_none()) && delays.iter().all(|delay| *delay >= 0.0));
        assert!(delays.iter().any(|delay| *delay > 150.0));
    }

    #[test]
    fn a_mixture_decides_both_lengths_of_a_turn_together() {
        let mixture = Mixture::parse("20,5:50;40,9:50").unwrap();
        let tokenizer = Tokenizer::embedded(Embedded::Gpt2);
        let options = SyntheticOptions { mixture: Some(mixture), ..prompts(100) };
        let pairs: std::collections::BTreeSet<_> = all(&dataset(options, 1))
            .iter()
            .map(|one| (tokenizer.count(&one.turns[0].texts[0].contents[0]), one.turns[0].max_tokens.unwrap()))
            .collect();
        assert_eq!(pairs.into_iter().collect::<Vec<_>>(), [(20, 5), (40, 9)]);
    }

    #[test]
    fn what_stands_before_a_prompt_is_shared_as_said() {
        let tokenizer = Tokenizer::embedded(Embedded::Gpt2);
        let prefixes = Prefixes { pool: 3, pool_tokens: 50, ..Prefixes::default() };
        let options = SyntheticOptions { prefixes, turns: Spread::exactly(2.0), ..prompts(60) };
        let all = self::all(&dataset(options, 1));
        let text = |one: &Conversation, turn: usize| one.turns[turn].texts[0].contents[0].clone();
        assert!(all.iter().all(|one| tokenizer.count(&text(one, 0)) == 82 && tokenizer.count(&text(one, 1)) == 32));
        let beginnings: std::collections::HashSet<String> =
            all.iter().map(|one| tokenizer.decode(&tokenizer.encode(&text(one, 0))[..50])).collect();
        assert_eq!(beginnings.len(), 3);
        let whole: std::collections::HashSet<String> = all.iter().map(|one| text(one, 0)).collect();
        assert_eq!(whole.len(), 60);

        let prefixes = Prefixes { system_tokens: Some(20), user_context_tokens: Some(30), ..Prefixes::default() };
        let all = self::all(&dataset(SyntheticOptions { prefixes, ..prompts(50) }, 1));
        let system: std::collections::HashSet<_> = all.iter().map(|one| one.system_message.clone().unwrap()).collect();
        let contexts: std::collections::HashSet<_> =
            all.iter().map(|one| one.user_context_message.clone().unwrap()).collect();
        assert_eq!((system.len(), contexts.len()), (1, 50));
        assert!(system.iter().all(|text| tokenizer.count(text) == 20));
        assert!(contexts.iter().all(|text| tokenizer.count(text) == 30));
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
