//! The order in which conversations are drawn: the built-in orders, and the draws of any. Knows only how many there are.

use aiperf_abi::{Context, DatasetSampler, Plugin, Result, SelectionConfig};
use rand::RngExt;
use rand::seq::SliceRandom;

use crate::random::{RootSeed, Stream};

/// How many a sampler is asked for at once.
const AT_ONCE: usize = 64;

/// Draws indices without end, whatever sampler decides.
pub struct Sampler {
    order: Box<dyn DatasetSampler>,
    len: u64,
    ahead: Vec<u64>,
    next: usize,
}

impl Sampler {
    /// Draws among `len` (at least 1) in this order.
    pub fn new(order: Box<dyn DatasetSampler>, len: u64) -> Self {
        Self { order, len: len.max(1), ahead: vec![0; AT_ONCE], next: AT_ONCE }
    }

    /// The index to send next. What a sampler says beyond the end is counted from the start again.
    ///
    /// # Errors
    /// The sampler's.
    pub fn draw(&mut self) -> Result<u64> {
        if self.next == AT_ONCE {
            self.order.fill(&mut self.ahead)?;
            self.next = 0;
        }
        self.next += 1;
        Ok(self.ahead[self.next - 1] % self.len)
    }
}

/// In order, from the start again after the last.
pub struct SequentialSampler {
    len: u64,
    next: u64,
}

impl Plugin for SequentialSampler {
    fn new(cx: &Context<'_>) -> Result<Self> {
        let config: SelectionConfig = cx.config()?;
        Ok(Self { len: config.len.max(1), next: 0 })
    }
}

impl DatasetSampler for SequentialSampler {
    fn next_index(&mut self) -> Result<u64> {
        let index = self.next;
        self.next = (index + 1) % self.len;
        Ok(index)
    }
}

/// Each draw on its own, with replacement.
pub struct RandomSampler {
    len: u64,
    stream: Stream,
}

impl Plugin for RandomSampler {
    fn new(cx: &Context<'_>) -> Result<Self> {
        let config: SelectionConfig = cx.config()?;
        Ok(Self { len: config.len.max(1), stream: stream(&config) })
    }
}

impl DatasetSampler for RandomSampler {
    fn next_index(&mut self) -> Result<u64> {
        Ok(self.stream.random_range(0..self.len))
    }
}

/// In an order that is shuffled anew for each round, so that none comes twice in a round.
pub struct ShuffleSampler {
    stream: Stream,
    round: Vec<u64>,
    next: usize,
}

impl Plugin for ShuffleSampler {
    fn new(cx: &Context<'_>) -> Result<Self> {
        let config: SelectionConfig = cx.config()?;
        Ok(Self { stream: stream(&config), round: (0..config.len.max(1)).collect(), next: 0 })
    }
}

impl DatasetSampler for ShuffleSampler {
    fn next_index(&mut self) -> Result<u64> {
        if self.next == 0 {
            self.round.shuffle(&mut self.stream);
        }
        let index = self.round[self.next];
        self.next = (self.next + 1) % self.round.len();
        Ok(index)
    }
}

fn stream(config: &SelectionConfig) -> Stream {
    RootSeed::new(config.seed).stream("dataset.sampler")
}

#[cfg(test)]
mod tests {
    use super::*;
    use aiperf_abi::testing::construct;
    use proptest::prelude::*;

    fn draws<T: Plugin + DatasetSampler>(len: u64, seed: u64, count: usize) -> Vec<u64> {
        let order: T = construct(serde_json::json!({"len": len, "seed": seed})).unwrap();
        let mut sampler = Sampler::new(Box::new(order), len);
        (0..count).map(|_| sampler.draw().unwrap()).collect()
    }

    #[test]
    fn sequential_goes_around() {
        assert_eq!(draws::<SequentialSampler>(3, 0, 7), [0, 1, 2, 0, 1, 2, 0]);
    }

    #[test]
    fn random_repeats_before_all_were_seen_and_depends_on_the_seed() {
        let drawn = draws::<RandomSampler>(1000, 1, 1000);
        let distinct = drawn.iter().collect::<std::collections::BTreeSet<_>>().len();
        assert!((500..800).contains(&distinct), "{distinct}");
        assert_eq!(drawn, draws::<RandomSampler>(1000, 1, 1000));
        assert_ne!(drawn, draws::<RandomSampler>(1000, 2, 1000));
    }

    proptest! {
        #[test]
        fn each_round_of_a_shuffle_holds_each_index_once(len in 1u64..50, seed: u64) {
            let drawn = draws::<ShuffleSampler>(len, seed, len as usize * 3);
            for round in drawn.chunks(len as usize) {
                let mut sorted = round.to_vec();
                sorted.sort_unstable();
                prop_assert_eq!(sorted, (0..len).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn rounds_of_a_shuffle_differ() {
        let drawn = draws::<ShuffleSampler>(40, 3, 80);
        assert_ne!(drawn[..40], drawn[40..]);
    }

    #[test]
    fn a_sampler_that_leaves_the_dataset_is_brought_back() {
        struct Far(u64);
        impl DatasetSampler for Far {
            fn next_index(&mut self) -> Result<u64> {
                self.0 += 1;
                Ok(self.0)
            }
        }
        let mut sampler = Sampler::new(Box::new(Far(6)), 5);
        assert_eq!((0..4).map(|_| sampler.draw().unwrap()).collect::<Vec<_>>(), [2, 3, 4, 0]);
    }
}
