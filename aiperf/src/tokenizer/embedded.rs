//! The tokenizers inside the program: their names, their tables, how they encode. Knows no files and no network.

use std::sync::LazyLock;

use regex_automata::meta::Regex;
use regex_automata::{Anchored, Input};

use super::pair_merge;
use super::table::Table;
use crate::priority;

/// Bytes of text between two moments at which others may have the processor: about a tenth of a millisecond of work.
const GO: usize = 2048;

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

    /// Compiles the expression that cuts text into pieces (milliseconds) unless that was done.
    pub(super) fn warm(self) {
        self.pieces();
    }

    pub(super) fn count(self, text: &str) -> usize {
        self.encode(text).len()
    }

    pub(super) fn encode(self, text: &str) -> Vec<u32> {
        let (table, pieces) = (self.table(), self.pieces());
        let mut tokens = Vec::with_capacity(text.len() / 4 + 1);
        let (mut start, mut rest) = (0, GO);
        while start < text.len() {
            let end = end_of_piece(pieces, text, start);
            if start > rest {
                rest = start + GO;
                priority::give_way();
            }
            pair_merge::encode(&table, &text.as_bytes()[start..end], &mut tokens);
            start = end;
        }
        tokens
    }

    pub(super) fn decode(self, tokens: &[u32]) -> String {
        let table = self.table();
        let bytes: Vec<u8> = tokens.iter().filter_map(|token| table.bytes(*token)).flatten().copied().collect();
        String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }

    fn table(self) -> Table {
        Table::of(match self {
            Self::O200kBase => include_bytes!(concat!(env!("OUT_DIR"), "/o200k_base.table")),
            Self::Cl100kBase => include_bytes!(concat!(env!("OUT_DIR"), "/cl100k_base.table")),
            Self::Gpt2 => include_bytes!(concat!(env!("OUT_DIR"), "/r50k_base.table")),
        })
    }

    fn pieces(self) -> &'static Regex {
        static O200K_BASE: LazyLock<Regex> = LazyLock::new(|| compiled(O200K_PIECES));
        static CL100K_BASE: LazyLock<Regex> = LazyLock::new(|| compiled(CL100K_PIECES));
        static GPT2: LazyLock<Regex> = LazyLock::new(|| compiled(GPT2_PIECES));
        match self {
            Self::O200kBase => &O200K_BASE,
            Self::Cl100kBase => &CL100K_BASE,
            Self::Gpt2 => &GPT2,
        }
    }
}

/// How OpenAI cuts a text before encoding (tiktoken's `openai_public`), but for its last alternatives: see [`BLANKS`].
const O200K_PIECES: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+";
const CL100K_PIECES: &str =
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+";
const GPT2_PIECES: &str = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+";

/// What they all do with white space: `\s+(?!\S)|\s+`, said without looking ahead, which an engine that never goes back
/// cannot: a run that ends the text is one piece; one before something else leaves its last character to that.
const BLANKS: [&str; 3] = [r"\s+$", r"\s+\s", r"\s+"];
/// Number of the pattern of which the last character is not taken.
const AHEAD: usize = 2;

fn compiled(pieces: &str) -> Regex {
    let patterns = [pieces, BLANKS[0], BLANKS[1], BLANKS[2]];
    Regex::new_many(&patterns).expect("the patterns are fixed, and a test uses each")
}

/// Where the piece that starts at `start` ends; beyond `start` in any case.
fn end_of_piece(pieces: &Regex, text: &str, start: usize) -> usize {
    let input = Input::new(text).range(start..).anchored(Anchored::Yes);
    let Some(found) = pieces.search(&input).filter(|found| !found.is_empty()) else { return text.len() };
    if found.pattern().as_usize() != AHEAD {
        return found.end();
    }
    let last = text[..found.end()].chars().next_back().map_or(0, char::len_utf8);
    found.end() - last
}

fn fold(name: &str) -> String {
    name.to_ascii_lowercase().replace('-', "_")
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
        fn tokens_are_those_of_openais_own_algorithm(
            text in "\\PC{0,40}|[ a-zA-Z0-9\\n\\r\\t\u{a0}\u{2003}'/\u{e9}\u{301}\u{4e2d}\u{1f600}]{0,80}|[ab]{0,300}|[ \\n\\ra]{0,60}",
        ) {
            prop_assert_eq!(Embedded::O200kBase.encode(&text), tiktoken_rs::o200k_base_singleton().encode_ordinary(&text));
            prop_assert_eq!(Embedded::Cl100kBase.encode(&text), tiktoken_rs::cl100k_base_singleton().encode_ordinary(&text));
            prop_assert_eq!(Embedded::Gpt2.encode(&text), tiktoken_rs::r50k_base_singleton().encode_ordinary(&text));
        }

        #[test]
        fn decoding_what_was_encoded_gives_the_text_back(text in "\\PC{0,40}|[ a-zA-Z0-9\n\t'\u{e9}\u{4e2d}\u{1f600}]{0,60}") {
            for which in ALL {
                let tokens = which.encode(&text);
                prop_assert_eq!(which.count(&text), tokens.len());
                prop_assert_eq!(&which.decode(&tokens), &text);
            }
        }
    }
}
