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

/// Words drawn one by one at the start of a text: with them, two texts that go on at the same place of the corpus do not
/// begin alike, and a server that caches prefixes finds none that was not meant.
const OPENING: usize = 3;

/// The words of a corpus in order.
#[derive(Debug)]
pub(super) struct Words {
    words: Vec<Word>,
    /// All words with a space between, twice, so that a stretch may run over the end.
    joined: String,
    /// Of each word in `joined` and of its end: the byte where it begins, and the tokens before it.
    places: Vec<(usize, usize)>,
    /// One word for each number of tokens there is, to end a text with.
    last: BTreeMap<usize, &'static str>,
    /// Whether each word is drawn on its own.
    scattered: bool,
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
        if !adds_up || words.is_empty() || words.iter().any(|word| word.following == 0) {
            return None;
        }
        let last = words.iter().rev().map(|word| (word.following, word.text)).collect();
        let mut joined = String::with_capacity(corpus.len() * 2);
        let mut places = Vec::with_capacity(words.len() * 2 + 1);
        let mut tokens = 0;
        for word in words.iter().chain(&words) {
            places.push((joined.len(), tokens));
            joined.push_str(word.text);
            joined.push(' ');
            tokens += word.following;
        }
        places.push((joined.len(), tokens));
        Some(Self { words, joined, places, last, scattered: false })
    }

    /// The same words, each to be drawn on its own.
    pub(super) fn scattered(self) -> Self {
        Self { scattered: true, ..self }
    }

    /// A text of `tokens` tokens: a few words from anywhere, then the corpus from a word chosen by `stream`, from its start
    /// again where it ends. Where the next word has too many tokens to be the last, another one ends the text. `None` where
    /// none is short enough.
    pub(super) fn text(&self, tokens: usize, stream: &mut Stream) -> Option<String> {
        let mut text = String::with_capacity(tokens * 6);
        self.append(&mut text, tokens, stream)?;
        Some(text)
    }

    /// Adds `tokens` tokens to a text of words. `None` where no word is short enough for what is left to add.
    pub(super) fn append(&self, text: &mut String, tokens: usize, stream: &mut Stream) -> Option<()> {
        let mut left = tokens;
        let mut opening = OPENING;
        while left > 0 && (opening > 0 || self.scattered || text.is_empty()) {
            let at = stream.random_range(0..self.words.len());
            let cost = |word: &Word| if text.is_empty() { word.leading } else { word.following };
            let fits = |word: &&Word| (1..=left).contains(&cost(word));
            let word = *self.words[at..].iter().chain(&self.words[..at]).find(fits)?;
            left -= cost(&word);
            push(text, word.text);
            opening = opening.saturating_sub(1);
        }
        let mut next = if left > 0 { stream.random_range(0..self.words.len()) } else { 0 };
        while left > 0 {
            let (start, before) = self.places[next];
            let limit = (next + self.words.len()).min(self.places.len() - 1);
            let end = next + self.places[next..=limit].partition_point(|(_, tokens)| tokens - before <= left) - 1;
            if end == next {
                let (added, word) = self.last.range(..=left).next_back()?;
                push(text, word);
                left -= added;
            } else {
                let (past, after) = self.places[end];
                push(text, &self.joined[start..past - 1]);
                left -= after - before;
                next = end % self.words.len();
            }
        }
        Some(())
    }
}

fn push(text: &mut String, word: &str) {
    if !text.is_empty() {
        text.push(' ');
    }
    text.push_str(word);
}

fn adds_up(stretch: &[Word], tokenizer: &Tokenizer) -> bool {
    let Some((first, others)) = stretch.split_first() else { return true };
    let expected = first.leading + others.iter().map(|word| word.following).sum::<usize>();
    let text: Vec<&str> = stretch.iter().map(|word| word.text).collect();
    tokenizer.count(&text.join(" ")) == expected
}
