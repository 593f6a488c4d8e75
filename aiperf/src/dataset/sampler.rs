//! The order in which conversations are drawn. Knows only how many there are.

use rand::RngExt;
use rand::seq::SliceRandom;

use serde::Serialize;

use crate::plugin::name;
use crate::random::{RootSeed, Stream};

/// How conversations are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SamplerKind {
    /// In order, from the start again after the last.
    Sequential,
    /// Each draw on its own, with replacement.
    Random,
    /// In an order that is shuffled anew for each round, so that none comes twice in a round.
    Shuffle,
}

impl SamplerKind {
    /// All of them and their names.
    pub const ALL: [(&'static str, Self); 3] =
        [("sequential", Self::Sequential), ("shuffle", Self::Shuffle), ("random", Self::Random)];

    /// The order of a name.
    ///
    /// # Errors
    /// When there is none, in words for the user.
    pub fn named(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|(known, _)| name::same(known, text)).map(|(_, kind)| kind).ok_or_else(|| {
            let names = Self::ALL.map(|(name, _)| name);
            format!("no such order{}; expected one of: {}", name::suggestion(text, names), names.join(", "))
        })
    }
}

/// Draws indices without end.
#[derive(Debug)]
pub struct Sampler {
    len: u64,
    order: Order,
}

#[derive(Debug)]
enum Order {
    Sequential { next: u64 },
    Random { stream: Box<Stream> },
    Shuffle { stream: Box<Stream>, round: Vec<u64>, next: usize },
}

impl Sampler {
    /// A sampler over `len` conversations (at least 1).
    pub fn new(kind: SamplerKind, len: u64, seed: RootSeed) -> Self {
        let stream = Box::new(seed.stream("dataset.sampler"));
        let order = match kind {
            SamplerKind::Sequential => Order::Sequential { next: 0 },
            SamplerKind::Random => Order::Random { stream },
            SamplerKind::Shuffle => Order::Shuffle { stream, round: (0..len.max(1)).collect(), next: 0 },
        };
        Self { len: len.max(1), order }
    }

    /// The index to send next.
    pub fn draw(&mut self) -> u64 {
        match &mut self.order {
            Order::Sequential { next } => {
                let index = *next;
                *next = (index + 1) % self.len;
                index
            }
            Order::Random { stream } => stream.random_range(0..self.len),
            Order::Shuffle { stream, round, next } => {
                if *next == 0 {
                    round.shuffle(stream);
                }
                let index = round[*next];
                *next = (*next + 1) % round.len();
                index
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn draws(kind: SamplerKind, len: u64, seed: u64, count: usize) -> Vec<u64> {
        let mut sampler = Sampler::new(kind, len, RootSeed::new(seed));
        (0..count).map(|_| sampler.draw()).collect()
    }

    #[test]
    fn sequential_goes_around() {
        assert_eq!(draws(SamplerKind::Sequential, 3, 0, 7), [0, 1, 2, 0, 1, 2, 0]);
    }

    #[test]
    fn random_repeats_before_all_were_seen_and_depends_on_the_seed() {
        let drawn = draws(SamplerKind::Random, 1000, 1, 1000);
        let distinct = drawn.iter().collect::<std::collections::BTreeSet<_>>().len();
        assert!((500..800).contains(&distinct), "{distinct}");
        assert_eq!(drawn, draws(SamplerKind::Random, 1000, 1, 1000));
        assert_ne!(drawn, draws(SamplerKind::Random, 1000, 2, 1000));
    }

    proptest! {
        #[test]
        fn each_round_of_a_shuffle_holds_each_index_once(len in 1u64..50, seed: u64) {
            let drawn = draws(SamplerKind::Shuffle, len, seed, len as usize * 3);
            for round in drawn.chunks(len as usize) {
                let mut sorted = round.to_vec();
                sorted.sort_unstable();
                prop_assert_eq!(sorted, (0..len).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn rounds_of_a_shuffle_differ() {
        let drawn = draws(SamplerKind::Shuffle, 40, 3, 80);
        assert_ne!(drawn[..40], drawn[40..]);
    }
}
