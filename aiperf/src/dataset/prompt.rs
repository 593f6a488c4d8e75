//! Texts of exactly so many tokens, cut from a corpus. Knows the tokenizer of the run and nothing of conversations.

use std::sync::{Arc, OnceLock};

use rand::RngExt;

use super::words::Words;
use super::{Corpus, DatasetError};
use crate::random::{RootSeed, Stream};
use crate::tokenizer::Tokenizer;

/// Cutting between two tokens can make others of them; nearly always one or two rounds put that right.
const ROUNDS: usize = 10;

/// What is added where cutting alone does not come out even: pieces that are mostly one token.
const FILLERS: &[&str] = &[" the", " and", " of", " to", ".", ",", "the", "a", "e", "\n"];

/// Makes texts of exact token counts.
///
/// Where tokens add up word by word, texts are put together from words whose tokens were counted once; that is a
/// hundred times faster than counting each text. Elsewhere texts are cut between tokens and counted.
#[derive(Debug)]
pub struct PromptSource {
    tokenizer: Arc<Tokenizer>,
    corpus: Corpus,
    words: Option<Words>,
    /// The corpus in tokens, made when it is first needed.
    ids: OnceLock<Vec<u32>>,
}

impl PromptSource {
    /// A source whose texts are cut from `corpus` and counted by `tokenizer`. Counts the words of the corpus once.
    pub fn new(tokenizer: Arc<Tokenizer>, corpus: Corpus) -> Self {
        let words = Words::of(corpus.text(), &tokenizer);
        let words = if corpus == Corpus::Random { words.map(Words::scattered) } else { words };
        Self { tokenizer, corpus, words, ids: OnceLock::new() }
    }

    /// A text of exactly `tokens` tokens: a few words from anywhere, so that no two texts begin alike, then the corpus from
    /// a place chosen by `stream`, from its start again where it ends.
    ///
    /// # Errors
    /// When the tokenizer gives no text that count.
    pub fn text(&self, tokens: usize, stream: &mut Stream) -> Result<String, DatasetError> {
        if tokens == 0 {
            return Ok(String::new());
        }
        match self.words.as_ref().and_then(|words| words.text(tokens, stream)) {
            Some(text) => Ok(text),
            None => self.cut(tokens, stream),
        }
    }

    /// A text of exactly `tokens` tokens in blocks of `block` tokens, the last one shorter where they do not come out even.
    /// Equal ids are equal text, whatever stands around them; the seed decides which.
    ///
    /// # Errors
    /// When the tokenizer gives no text that count.
    pub fn blocks(&self, tokens: usize, block: usize, ids: &[i64], seed: RootSeed) -> Result<String, DatasetError> {
        let size = |at: usize| block.min(tokens.saturating_sub(at * block));
        let stream = |id: &i64| seed.stream_at("dataset.block", id.cast_unsigned());
        self.joined(ids.iter().enumerate().map(|(at, id)| (size(at), stream(id))).collect())
    }

    /// A text of stretches, each of so many tokens from a stream of its own. A stretch is the same text in every text it
    /// begins at the same place.
    ///
    /// # Errors
    /// When the tokenizer gives no text that count.
    pub fn joined(&self, stretches: Vec<(usize, Stream)>) -> Result<String, DatasetError> {
        let tokens: usize = stretches.iter().map(|(size, _)| size).sum();
        if let Some(words) = &self.words {
            let mut text = String::with_capacity(tokens * 6);
            let mut added = stretches.iter().map(|(size, stream)| words.append(&mut text, *size, &mut stream.clone()));
            if added.all(|added| added.is_some()) {
                return Ok(text);
            }
        }
        let cut = |(size, stream): &(usize, Stream)| self.cut(*size, &mut stream.clone());
        let mut pieces = stretches.iter().map(cut).collect::<Result<Vec<_>, _>>()?;
        // Where stretches meet, tokens can merge or part: the end makes up for it.
        let Some((mut size, last)) = stretches.into_iter().next_back() else { return Ok(String::new()) };
        for _ in 0..ROUNDS {
            let text = pieces.join(" ");
            let count = self.tokenizer.count(&text);
            if count == tokens {
                return Ok(text);
            }
            size = (size + tokens).saturating_sub(count);
            pieces.pop();
            pieces.push(cut(&(size, last.clone()))?);
        }
        self.exact_or_error(self.fit(pieces.join(" "), tokens), tokens)
    }

    /// A text cut between tokens, and mended until its count is right.
    fn cut(&self, tokens: usize, stream: &mut Stream) -> Result<String, DatasetError> {
        if tokens == 0 {
            return Ok(String::new());
        }
        if self.corpus().is_empty() {
            return self.exact_or_error(String::new(), tokens);
        }
        let mut ids = Vec::with_capacity(tokens);
        let mut next = stream.random_range(0..self.corpus().len());
        self.extend(&mut ids, &mut next, tokens);
        let mut text = self.tokenizer.decode(&ids);
        for _ in 0..ROUNDS {
            // Counting is cheaper than encoding, and mostly the first cut fits.
            let count = self.tokenizer.count(&text);
            if count == tokens {
                return Ok(text);
            }
            ids = self.tokenizer.encode(&text);
            ids.truncate(tokens);
            self.extend(&mut ids, &mut next, tokens);
            text = self.tokenizer.decode(&ids);
        }
        self.exact_or_error(self.fit(text, tokens), tokens)
    }

    fn corpus(&self) -> &[u32] {
        self.ids.get_or_init(|| self.tokenizer.encode(self.corpus.text()))
    }

    /// Continues `ids` along the corpus until there are `length`.
    fn extend(&self, ids: &mut Vec<u32>, next: &mut usize, length: usize) {
        let corpus = self.corpus();
        while ids.len() < length {
            let end = corpus.len().min(*next + length - ids.len());
            ids.extend_from_slice(&corpus[*next..end]);
            *next = end % corpus.len();
        }
    }

    /// The last resort: shortens by words, or characters where there are no words, then lengthens by fillers.
    fn fit(&self, mut text: String, tokens: usize) -> String {
        let mut count = self.tokenizer.count(&text);
        while count > tokens {
            match text.rfind(char::is_whitespace) {
                Some(at) if at > 0 => text.truncate(at),
                _ => drop(text.pop()),
            }
            count = self.tokenizer.count(&text);
        }
        while count < tokens {
            let longer = FILLERS.iter().find_map(|filler| {
                let longer = format!("{text}{filler}");
                let longer_count = self.tokenizer.count(&longer);
                (longer_count > count && longer_count <= tokens).then_some((longer, longer_count))
            });
            match longer {
                Some(longer) => (text, count) = longer,
                None => break,
            }
        }
        text
    }

    fn exact_or_error(&self, text: String, wanted: usize) -> Result<String, DatasetError> {
        let nearest = self.tokenizer.count(&text);
        if nearest == wanted {
            return Ok(text);
        }
        Err(DatasetError::Inexact { tokenizer: self.tokenizer.name().to_owned(), wanted, nearest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokenizer::{Embedded, Hub, TokenizerChoice, load_with};
    use proptest::prelude::*;
    use std::path::Path;
    use std::sync::LazyLock;

    fn of_file(path: &Path) -> Arc<Tokenizer> {
        let choice = TokenizerChoice { name: Some(path.to_str().unwrap().to_owned()), ..Default::default() };
        load_with(&choice, &Hub::offline_at(Path::new("/nowhere"))).unwrap().tokenizer
    }

    fn of_json(json: &str) -> Arc<Tokenizer> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tokenizer.json");
        std::fs::write(&file, json).unwrap();
        of_file(&file)
    }

    /// One token a byte: no merges at all.
    fn bytewise() -> Arc<Tokenizer> {
        let alphabet = tokenizers::pre_tokenizers::byte_level::ByteLevel::alphabet();
        let mut symbols: Vec<char> = alphabet.into_iter().collect();
        symbols.sort_unstable();
        let vocab: std::collections::BTreeMap<String, usize> =
            symbols.iter().enumerate().map(|(id, symbol)| (symbol.to_string(), id)).collect();
        let level = serde_json::json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true});
        of_json(
            &serde_json::json!({"version": "1.0", "added_tokens": [], "pre_tokenizer": level, "decoder": level,
            "model": {"type": "BPE", "vocab": vocab, "merges": []}})
            .to_string(),
        )
    }

    fn sonnet(tokenizer: Arc<Tokenizer>) -> PromptSource {
        PromptSource::new(tokenizer, Corpus::Sonnet)
    }

    static SOURCES: LazyLock<Vec<PromptSource>> = LazyLock::new(|| {
        let bert = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/tokenizers/bert-minilm");
        let embedded = [Embedded::O200kBase, Embedded::Cl100kBase, Embedded::Gpt2];
        let embedded = embedded.into_iter().map(|which| Arc::new(Tokenizer::embedded(which)));
        embedded.chain([of_file(&bert), bytewise()]).map(sonnet).collect()
    });

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn a_text_has_exactly_the_tokens_asked_for(tokens in prop_oneof![1usize..40, 1usize..1200], seed: u64) {
            for source in SOURCES.iter() {
                let text = source.text(tokens, &mut RootSeed::new(seed).stream("x")).unwrap();
                prop_assert_eq!(source.tokenizer.count(&text), tokens, "{}", source.tokenizer.name());
                let cut = source.cut(tokens, &mut RootSeed::new(seed).stream("x")).unwrap();
                prop_assert_eq!(source.tokenizer.count(&cut), tokens, "{}", source.tokenizer.name());
            }
        }
    }

    #[test]
    fn tokens_add_up_word_by_word_for_the_tokenizers_at_hand() {
        for source in SOURCES.iter() {
            assert!(source.words.is_some(), "{}", source.tokenizer.name());
        }
    }

    #[test]
    fn a_tokenizer_whose_words_run_into_each_other_is_cut_between_tokens_and_still_exact() {
        // No pre-tokenizer: a merge reaches over the space between two words.
        let vocab: Vec<char> =
            Corpus::Sonnet.text().chars().collect::<std::collections::BTreeSet<_>>().into_iter().collect();
        let mut vocab: std::collections::BTreeMap<String, usize> =
            vocab.iter().enumerate().map(|(id, symbol)| (symbol.to_string(), id)).collect();
        vocab.insert("e ".to_owned(), vocab.len());
        let fused = of_json(
            &serde_json::json!({"version": "1.0", "added_tokens": [], "decoder": {"type": "Fuse"},
            "model": {"type": "BPE", "vocab": vocab, "merges": [["e", " "]]}})
            .to_string(),
        );
        let source = sonnet(fused);
        assert!(source.words.is_none());
        for tokens in [1, 7, 300] {
            let text = source.text(tokens, &mut RootSeed::new(9).stream("x")).unwrap();
            assert_eq!(source.tokenizer.count(&text), tokens);
        }
    }

    #[test]
    fn a_text_longer_than_the_corpus_goes_around() {
        for source in SOURCES.iter() {
            let tokens = source.corpus().len() * 2 + 17;
            let text = source.text(tokens, &mut RootSeed::new(7).stream("x")).unwrap();
            assert_eq!(source.tokenizer.count(&text), tokens);
        }
    }

    #[test]
    fn a_text_is_a_stretch_of_the_corpus_after_an_opening_of_its_own() {
        let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let corpus = flat(Corpus::Sonnet.text());
        let texts: Vec<String> =
            (0..3000).map(|at| SOURCES[0].text(60, &mut RootSeed::new(3).stream_at("x", at)).unwrap()).collect();
        let first = flat(&texts[0]);
        let (_, stretch) =
            first.splitn(4, ' ').nth(3).unwrap().rsplit_once(' ').map(|(stretch, end)| (end, stretch)).unwrap();
        assert!(corpus.contains(stretch), "{first}");
        let beginnings: std::collections::HashSet<&str> = texts.iter().map(|text| &text[..20]).collect();
        assert!(beginnings.len() > 2990, "a prefix cache would find texts that begin alike: {}", beginnings.len());
    }

    #[test]
    fn blocks_of_equal_ids_are_equal_text_and_the_whole_has_its_tokens() {
        for source in SOURCES.iter() {
            let seed = RootSeed::new(5);
            let whole = source.blocks(70, 16, &[3, 4, 5, 6, 7], seed).unwrap();
            assert_eq!(source.tokenizer.count(&whole), 70, "{}", source.tokenizer.name());
            let start = source.blocks(48, 16, &[3, 4, 5], seed).unwrap();
            assert!(whole.starts_with(&start));
            assert_ne!(source.blocks(48, 16, &[3, 4, 9], seed).unwrap(), start);
            assert_ne!(source.blocks(48, 16, &[3, 4, 5], RootSeed::new(6)).unwrap(), start);
        }
    }

    #[test]
    fn every_corpus_gives_texts_of_exact_length() {
        let tokenizer = Arc::new(Tokenizer::embedded(Embedded::O200kBase));
        for (name, corpus) in Corpus::ALL {
            let source = PromptSource::new(Arc::clone(&tokenizer), corpus);
            assert!(source.words.is_some(), "{name}");
            for tokens in [1, 2, 3, 50, 1000] {
                let text = source.text(tokens, &mut RootSeed::new(1).stream("x")).unwrap();
                assert_eq!(tokenizer.count(&text), tokens, "{name}: {text}");
            }
        }
    }

    #[test]
    fn a_count_that_no_text_has_is_an_error_not_a_hang() {
        // Every word is two tokens in this one: an odd count cannot be.
        let even = of_json(
            r###"{"version":"1.0","added_tokens":[],"normalizer":{"type":"Replace","pattern":{"Regex":"\\S+"},"content":"ab"},
            "pre_tokenizer":{"type":"Whitespace"},"decoder":null,
            "model":{"type":"WordPiece","vocab":{"[UNK]":0,"a":1,"##b":2},"unk_token":"[UNK]","continuing_subword_prefix":"##","max_input_chars_per_word":100}}"###,
        );
        let source = sonnet(even);
        let error = source.text(5, &mut RootSeed::new(1).stream("x")).unwrap_err();
        assert!(matches!(error, DatasetError::Inexact { wanted: 5, nearest: 4, .. }), "{error}");
        assert!(source.text(4, &mut RootSeed::new(1).stream("x")).is_ok());
    }
}
