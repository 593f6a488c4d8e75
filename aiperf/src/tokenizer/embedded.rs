//! The tokenizers inside the program: their names, their tables, how they encode. Knows no files and no network.

use tiktoken_rs::CoreBPE;

/// A tokenizer that needs no file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Embedded {
    /// OpenAI's o200k_base (GPT-4o and later); also called `builtin`.
    O200kBase,
    /// OpenAI's cl100k_base (GPT-3.5 and GPT-4).
    Cl100kBase,
    /// GPT-2's, the same as OpenAI's r50k_base.
    Gpt2,
}

/// Every name an embedded tokenizer answers to.
pub(super) const NAMES: &[(&str, Embedded)] = &[
    ("builtin", Embedded::O200kBase),
    ("o200k_base", Embedded::O200kBase),
    ("cl100k_base", Embedded::Cl100kBase),
    ("gpt2", Embedded::Gpt2),
    ("r50k_base", Embedded::Gpt2),
];

/// The regular expression engine gives up on a run of white space beyond a million characters; such a run is
/// encoded in parts of this many bytes.
const LONGEST_BLANK: usize = 100_000;

impl Embedded {
    /// The tokenizer of a name; case and `-`/`_` do not matter.
    pub fn of_name(name: &str) -> Option<Self> {
        let wanted = fold(name);
        NAMES.iter().find(|(name, _)| fold(name) == wanted).map(|(_, which)| *which)
    }

    /// The tokenizer OpenAI uses for one of its models, if it is one of these.
    pub fn of_openai_model(model: &str) -> Option<Self> {
        use tiktoken_rs::tokenizer::Tokenizer as Known;
        // A name with an organisation is a hub name, whatever it starts with.
        if model.contains('/') {
            return None;
        }
        match tiktoken_rs::tokenizer::get_tokenizer(model)? {
            Known::O200kBase | Known::O200kHarmony => Some(Self::O200kBase),
            Known::Cl100kBase => Some(Self::Cl100kBase),
            Known::R50kBase | Known::Gpt2 => Some(Self::Gpt2),
            Known::P50kBase | Known::P50kEdit => None,
        }
    }

    /// Its own name.
    pub fn name(self) -> &'static str {
        match self {
            Self::O200kBase => "o200k_base",
            Self::Cl100kBase => "cl100k_base",
            Self::Gpt2 => "gpt2",
        }
    }

    /// Reads the tables (some hundred milliseconds at most) unless that was done.
    pub(super) fn warm(self) {
        self.tables();
    }

    pub(super) fn count(self, text: &str) -> usize {
        parts(text).map(|part| self.tables().count_ordinary(part)).sum()
    }

    pub(super) fn encode(self, text: &str) -> Vec<u32> {
        parts(text).flat_map(|part| self.tables().encode_ordinary(part)).collect()
    }

    pub(super) fn decode(self, tokens: &[u32]) -> String {
        let bytes = tokens.iter().flat_map(|token| self.tables().decode_bytes(&[*token]).unwrap_or_default()).collect();
        String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }

    fn tables(self) -> &'static CoreBPE {
        match self {
            Self::O200kBase => tiktoken_rs::o200k_base_singleton(),
            Self::Cl100kBase => tiktoken_rs::cl100k_base_singleton(),
            Self::Gpt2 => tiktoken_rs::r50k_base_singleton(),
        }
    }
}

fn fold(name: &str) -> String {
    name.to_ascii_lowercase().replace('-', "_")
}

/// The text, cut where a run of white space is longer than [`LONGEST_BLANK`].
fn parts(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (part, after) = rest.split_at(first_cut(rest));
        rest = after;
        Some(part)
    })
}

fn first_cut(text: &str) -> usize {
    if text.len() <= LONGEST_BLANK {
        return text.len();
    }
    let mut run_start = 0;
    for (at, character) in text.char_indices() {
        if !character.is_whitespace() {
            run_start = at + character.len_utf8();
        } else if at - run_start >= LONGEST_BLANK {
            return at;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: [Embedded; 3] = [Embedded::O200kBase, Embedded::Cl100kBase, Embedded::Gpt2];

    #[test]
    fn known_texts_have_the_published_counts() {
        // Token ids as OpenAI's tiktoken gives them.
        assert_eq!(Embedded::O200kBase.encode("Hello, world!"), [13225, 11, 2375, 0]);
        assert_eq!(Embedded::Cl100kBase.encode("Hello, world!"), [9906, 11, 1917, 0]);
        assert_eq!(Embedded::Gpt2.encode("Hello, world!"), [15496, 11, 995, 0]);
        assert_eq!(Embedded::Cl100kBase.encode("tiktoken is great!"), [83, 1609, 5963, 374, 2294, 0]);
        assert_eq!(Embedded::Gpt2.count("antidisestablishmentarianism"), 5);
        assert!(ALL.iter().all(|which| which.count("") == 0));
    }

    #[test]
    fn special_tokens_in_a_text_are_only_text() {
        for which in ALL {
            assert!(which.count("<|endoftext|>") > 1, "{which:?}");
        }
    }

    #[test]
    fn names_match_without_regard_to_case_and_dash() {
        assert_eq!(Embedded::of_name("BUILTIN"), Some(Embedded::O200kBase));
        assert_eq!(Embedded::of_name("cl100k-base"), Some(Embedded::Cl100kBase));
        assert_eq!(Embedded::of_name("gpt3"), None);
    }

    #[test]
    fn openai_models_have_their_tokenizer_and_hub_names_do_not() {
        assert_eq!(Embedded::of_openai_model("gpt-4o-mini"), Some(Embedded::O200kBase));
        assert_eq!(Embedded::of_openai_model("gpt-3.5-turbo"), Some(Embedded::Cl100kBase));
        assert_eq!(Embedded::of_openai_model("openai/gpt-4o"), None);
        assert_eq!(Embedded::of_openai_model("my-llama"), None);
    }

    #[test]
    fn a_token_that_does_not_exist_decodes_to_nothing() {
        for which in ALL {
            assert_eq!(which.decode(&[u32::MAX]), "", "{which:?}");
        }
    }

    #[test]
    fn endless_white_space_is_counted_and_nothing_is_lost() {
        let text = format!("a{}b", " ".repeat(1_200_000));
        for which in ALL {
            assert_eq!(which.decode(&which.encode(&text)), text);
        }
    }

    proptest! {
        #[test]
        fn decoding_what_was_encoded_gives_the_text_back(text in "\\PC{0,40}|[ a-zA-Z0-9\n\t'\u{e9}\u{4e2d}\u{1f600}]{0,60}") {
            for which in ALL {
                let tokens = which.encode(&text);
                prop_assert_eq!(which.count(&text), tokens.len());
                prop_assert_eq!(&which.decode(&tokens), &text);
            }
        }

        #[test]
        fn cutting_at_blanks_keeps_every_byte(lead in "[a ]{0,4}", blanks in 0usize..250_000, tail in "[b ]{0,4}") {
            let text = format!("{lead}{}{tail}", " ".repeat(blanks));
            prop_assert_eq!(parts(&text).collect::<String>(), text.clone());
            prop_assert!(parts(&text).all(|part| part.len() <= LONGEST_BLANK + 9));
        }
    }
}
