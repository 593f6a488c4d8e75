//! A corpus as words, and the tokens each adds to a text: for most tokenizers a text of words with a space between has as
//! many tokens as its words, so that texts can be made by adding up. Says so itself where that does not hold.

use std::collections::{BTreeMap, HashMap};

use rand::RngExt;

use crate::random::Stream;
use crate::tokenizer::Tokenizer;

/// What stands before a word when its tokens in the middle of a text are counted.
const BEFORE: &str = "the";

/// Words counted at once to see whether their tokens add up.
const STRETCH: usize = 32;

/// The words of a corpus in order.
#[derive(Debug)]
pub(super) struct Words {
    words: Vec<Word>,
    /// One word for each number of tokens there is, to end a text with.
    last: BTreeMap<usize, &'static str>,
}

#[derive(Debug, Clone, Copy)]
struct Word {
    text: &'static str,
    /// Its tokens at the start of a text.
    leading: usize,
    /// The tokens it adds after another word and a space; never 0.
    following: usize,
}

impl Words {
    /// The words of `corpus`; `None` where the tokens of some stretch of it are not those of its words.
    pub(super) fn of(corpus: &'static str, tokenizer: &Tokenizer) -> Option<Self> {
        let before = tokenizer.count(BEFORE);
        let mut known: HashMap<&str, Word> = HashMap::new();
        let mut words = Vec::new();
        for text in corpus.split_whitespace() {
            let word = known.entry(text).or_insert_with(|| {
                let following = tokenizer.count(&format!("{BEFORE} {text}")).saturating_sub(before);
                Word { text, leading: tokenizer.count(text), following }
            });
            words.push(*word);
        }
        // The last word of a stretch is the first of the next: every pair of neighbours is looked at.
        let mut stretches = (0..words.len()).step_by(STRETCH - 1).map(|at| &words[at..words.len().min(at + STRETCH)]);
        let adds_up = stretches.all(|stretch| adds_up(stretch, tokenizer));
        let last = words.iter().rev().map(|word| (word.following, word.text)).collect();
        (adds_up && !words.is_empty() && words.iter().all(|word| word.following > 0)).then_some(Self { words, last })
    }

    /// A text of `tokens` tokens: the corpus from a word chosen by `stream`, from its start again where it ends. Where
    /// the next word has too many tokens to be the last, another one ends the text. `None` where none is short enough.
    pub(super) fn text(&self, tokens: usize, stream: &mut Stream) -> Option<String> {
        let start = stream.random_range(0..self.words.len());
        let mut words = self.words[start..].iter().chain(self.words.iter().cycle());
        let first = words.by_ref().take(self.words.len()).find(|word| word.leading <= tokens)?;
        let mut text = String::with_capacity(tokens * 6);
        text.push_str(first.text);
        let mut left = tokens - first.leading;
        while left > 0 {
            let (added, word) = match words.next() {
                Some(word) if word.following <= left => (word.following, word.text),
                _ => self.last.range(..=left).next_back().map(|(added, word)| (*added, *word))?,
            };
            text.push(' ');
            text.push_str(word);
            left -= added;
        }
        Some(text)
    }
}

fn adds_up(stretch: &[Word], tokenizer: &Tokenizer) -> bool {
    let Some((first, others)) = stretch.split_first() else { return true };
    let expected = first.leading + others.iter().map(|word| word.following).sum::<usize>();
    let text: Vec<&str> = stretch.iter().map(|word| word.text).collect();
    tokenizer.count(&text.join(" ")) == expected
}
