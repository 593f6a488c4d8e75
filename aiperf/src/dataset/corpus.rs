//! Texts that prompts are cut from: poems, program text, nonsense. Fixed for ever: the same seed gives the same prompts.

use std::sync::LazyLock;

use rand::RngExt;
use serde::Serialize;

use crate::plugin::name;
use crate::random::RootSeed;

/// Where prompts are cut from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Corpus {
    /// Forty-five sonnets of William Shakespeare (1609; public domain), in modern spelling.
    #[default]
    Sonnet,
    /// Program text, shell and data formats.
    Coding,
    /// Words of no language, each drawn on its own.
    Random,
}

/// Words of the random corpus.
const NONSENSE: usize = 4096;

static RANDOM: LazyLock<String> = LazyLock::new(|| {
    const STARTS: [&str; 16] = ["b", "br", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "st", "t", "v", "z"];
    const VOWELS: [&str; 8] = ["a", "e", "i", "o", "u", "ai", "ea", "ou"];
    let mut stream = RootSeed::new(0).stream("dataset.corpus.random");
    let mut text = String::with_capacity(NONSENSE * 8);
    for _ in 0..NONSENSE {
        for _ in 0..stream.random_range(1..=4) {
            text.push_str(STARTS[stream.random_range(0..STARTS.len())]);
            text.push_str(VOWELS[stream.random_range(0..VOWELS.len())]);
        }
        text.push(' ');
    }
    text
});

impl Corpus {
    /// All of them and their names.
    pub const ALL: [(&'static str, Self); 3] =
        [("sonnet", Self::Sonnet), ("coding", Self::Coding), ("random", Self::Random)];

    /// The corpus of a name.
    ///
    /// # Errors
    /// When there is none, in words for the user.
    pub fn named(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|(known, _)| name::same(known, text)).map(|(_, corpus)| corpus).ok_or_else(|| {
            let names = Self::ALL.map(|(name, _)| name);
            format!("no such corpus{}; expected one of: {}", name::suggestion(text, names), names.join(", "))
        })
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(_, corpus)| *corpus == self).map_or("", |(name, _)| name)
    }

    /// Its text.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Sonnet => include_str!("sonnets.txt"),
            Self::Coding => include_str!("coding.txt"),
            Self::Random => &RANDOM,
        }
    }
}
