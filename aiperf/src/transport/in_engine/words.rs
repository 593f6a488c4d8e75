//! What the engine says: words that are one token each, alone and side by side, for every tokenizer at hand.

/// In order, again from the second on when they run out. All but the first carry the space before them.
const WORDS: [&str; 32] = [
    "The", " answer", " is", " a", " long", " story", " about", " the", " time", " it", " takes", " to", " read",
    " and", " write", " one", " word", " after", " another", " while", " people", " wait", " for", " the", " next",
    " part", " of", " what", " they", " want", " to", " know",
];

/// The `index`-th token of a reply.
pub(super) fn word(index: u32) -> &'static str {
    match index as usize {
        0 => WORDS[0],
        index => WORDS[1 + (index - 1) % (WORDS.len() - 1)],
    }
}

/// The first `tokens` tokens.
pub(super) fn text(tokens: u32) -> String {
    (0..tokens).map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokenizer::{Embedded, Tokenizer};

    #[test]
    fn a_text_has_as_many_tokens_as_words_and_each_word_is_one() {
        for which in [Embedded::O200kBase, Embedded::Cl100kBase, Embedded::Gpt2] {
            let tokenizer = Tokenizer::embedded(which);
            for tokens in (0..100).chain([1000]) {
                assert_eq!(tokenizer.count(&text(tokens)), tokens as usize, "{which:?}");
            }
            for index in 0..100 {
                assert_eq!(tokenizer.count(word(index)), 1, "{which:?}: {:?}", word(index));
            }
        }
    }

    #[test]
    fn words_need_no_escape_in_json() {
        assert!(WORDS.iter().all(|word| word.bytes().all(|byte| byte == b' ' || byte.is_ascii_alphabetic())));
    }
}
