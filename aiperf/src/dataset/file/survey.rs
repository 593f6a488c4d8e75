//! What is in a file without sending it: how many rows, which of them are bad, how long they are, and how much of their
//! prompts a cache of prefixes could have kept.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use aiperf_abi::data::conversation::{Conversation, Recipe, Turn};
use aiperf_abi::{ConversationSink, CustomDatasetLoader, Error, Result, RowFault};
use serde::Serialize;

use crate::dataset::DatasetError;
use crate::tokenizer::Tokenizer;

/// What a look at every row found.
#[derive(Debug, Clone, Serialize)]
pub struct Survey {
    /// The file or folder.
    pub path: PathBuf,
    /// What it is.
    pub kind: String,
    /// Rows, good and bad.
    pub rows: u64,
    /// Requests in the good ones.
    pub requests: u64,
    /// Good rows that hold no request and are passed over.
    pub empty: u64,
    /// Bad rows.
    pub bad: u64,
    /// The first of them.
    pub faults: Vec<RowFault>,
}

/// A file and who reads it.
pub struct Looked<'a> {
    /// The file or folder.
    pub path: &'a Path,
    /// Name of the loader.
    pub kind: &'a str,
    /// The loader.
    pub loader: &'a mut dyn CustomDatasetLoader,
}

impl Looked<'_> {
    fn load(&mut self, sink: &mut dyn ConversationSink) -> Result<(), DatasetError> {
        self.loader.load(self.path, sink).map_err(|error| DatasetError::Load(error.to_string()))
    }
}

/// Looks at every row of a file and remembers the first `most` faults.
///
/// # Errors
/// When the file cannot be read.
pub fn survey(mut looked: Looked<'_>, most: usize) -> Result<Survey, DatasetError> {
    let (path, kind) = (looked.path.to_owned(), looked.kind.to_owned());
    let survey = Survey { path, kind, rows: 0, requests: 0, empty: 0, bad: 0, faults: Vec::new() };
    let mut counting = Counting { survey, most };
    looked.load(&mut counting)?;
    Ok(counting.survey)
}

struct Counting {
    survey: Survey,
    most: usize,
}

impl ConversationSink for Counting {
    fn push(&mut self, conversation: Conversation) -> Result<()> {
        self.survey.rows += 1;
        self.survey.requests += conversation.turns.len() as u64;
        self.survey.empty += u64::from(conversation.turns.is_empty());
        Ok(())
    }

    fn extend(&mut self, conversation: Conversation) -> Result<()> {
        self.push(conversation)
    }

    fn fault(&mut self, fault: RowFault) -> Result<()> {
        self.survey.rows += 1;
        self.survey.bad += 1;
        if self.survey.faults.len() < self.most {
            self.survey.faults.push(fault);
        }
        Ok(())
    }
}

/// Statistics of a file of requests.
#[derive(Debug, Clone, Serialize)]
pub struct Analysis {
    /// The file or folder.
    pub path: PathBuf,
    /// What it is.
    pub kind: String,
    /// Requests.
    pub requests: u64,
    /// Milliseconds from the earliest to the latest time stamp, where there are some.
    pub duration_ms: Option<f64>,
    /// Requests per second over that time.
    pub rate: Option<f64>,
    /// Input tokens of a request.
    pub input_length: Quantiles,
    /// Output tokens asked for, of the requests that say.
    pub output_length: Option<Quantiles>,
    /// What hash ids say about shared prefixes; absent where there are none.
    pub sharing: Option<Sharing>,
}

/// How prompts begin alike.
#[derive(Debug, Clone, Serialize)]
pub struct Sharing {
    /// Tokens of a block.
    pub block_size: u32,
    /// Blocks of all requests.
    pub blocks: u64,
    /// Different ones among them.
    pub distinct_blocks: u64,
    /// Tokens at the start of a prompt that stand in another prompt too.
    pub context_length: Quantiles,
    /// The other tokens of the prompt.
    pub unique_length: Quantiles,
    /// Share of a prompt's blocks that a cache without limit had when the request came.
    pub hit_rate: Quantiles,
    /// Share of all input tokens that such a cache had.
    pub overall_hit_rate: f64,
}

/// A distribution in a few numbers; quantiles interpolate linearly between the two nearest.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Quantiles {
    /// Mean.
    pub mean: f64,
    /// Standard deviation of the values themselves.
    pub stddev: f64,
    /// Smallest.
    pub min: f64,
    /// A quarter is below.
    pub p25: f64,
    /// Half is below.
    pub p50: f64,
    /// Three quarters are below.
    pub p75: f64,
    /// Nine of ten are below.
    pub p90: f64,
    /// 99 of 100 are below.
    pub p99: f64,
    /// Largest.
    pub max: f64,
}

impl Quantiles {
    /// Of at least one value.
    fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_unstable_by(f64::total_cmp);
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
        let at = |share: f64| {
            let place = share * (count - 1.0);
            let (below, above) = (values[place.floor() as usize], values[place.ceil() as usize]);
            below + (above - below) * place.fract()
        };
        (!values.is_empty()).then(|| Self {
            mean,
            stddev: variance.sqrt(),
            min: at(0.0),
            p25: at(0.25),
            p50: at(0.5),
            p75: at(0.75),
            p90: at(0.9),
            p99: at(0.99),
            max: at(1.0),
        })
    }
}

/// Goes through a file twice: once to count blocks, once to see which of them were there before.
///
/// # Errors
/// When the file cannot be read, a row is bad, or there is no request in it.
pub fn analyze(mut looked: Looked<'_>, tokenizer: &Tokenizer) -> Result<Analysis, DatasetError> {
    let mut uses: HashMap<i64, u32> = HashMap::new();
    let mut block_size = 1;
    each_turn(&mut looked, |turn| {
        let (ids, block) = blocks(turn);
        block_size = block_size.max(block);
        ids.iter().for_each(|id| *uses.entry(*id).or_default() += 1);
    })?;
    let mut seen: HashSet<i64> = HashSet::with_capacity(uses.len());
    let (mut inputs, mut outputs, mut times) = (Vec::new(), Vec::new(), Vec::new());
    let (mut contexts, mut uniques, mut hits) = (Vec::new(), Vec::new(), Vec::new());
    let (mut hit_tokens, mut all_tokens) = (0.0, 0.0);
    each_turn(&mut looked, |turn| {
        let tokens = f64::from(input_tokens(turn, tokenizer));
        inputs.push(tokens);
        outputs.extend(turn.max_tokens.map(f64::from));
        times.extend(turn.timestamp);
        let (ids, block) = blocks(turn);
        if ids.is_empty() {
            return;
        }
        let leading = |known: &dyn Fn(&i64) -> bool| ids.iter().take_while(|id| known(id)).count() as f64;
        let length = |blocks: f64| (blocks * f64::from(block)).min(tokens);
        let context = length(leading(&|id| uses.get(id).is_some_and(|uses| *uses > 1)));
        let hit = leading(&|id| seen.contains(id));
        contexts.push(context);
        uniques.push(tokens - context);
        hits.push(hit / ids.len() as f64);
        hit_tokens += length(hit);
        all_tokens += tokens;
        seen.extend(ids);
    })?;
    let requests = inputs.len() as u64;
    let nothing = || DatasetError::Nothing {
        from: looked.path.display().to_string(),
        reason: "no row holds a request".to_owned(),
    };
    let span = Quantiles::of(times).map(|times| times.max - times.min);
    Ok(Analysis {
        path: looked.path.to_owned(),
        kind: looked.kind.to_owned(),
        requests,
        duration_ms: span,
        rate: span.filter(|span| *span > 0.0).map(|span| requests as f64 / (span / 1000.0)),
        input_length: Quantiles::of(inputs).ok_or_else(nothing)?,
        output_length: Quantiles::of(outputs),
        sharing: Quantiles::of(contexts).zip(Quantiles::of(uniques)).zip(Quantiles::of(hits)).map(
            |((context_length, unique_length), hit_rate)| Sharing {
                block_size,
                blocks: uses.values().map(|uses| u64::from(*uses)).sum(),
                distinct_blocks: uses.len() as u64,
                context_length,
                unique_length,
                hit_rate,
                overall_hit_rate: hit_tokens / all_tokens,
            },
        ),
    })
}

/// Shows every turn to `each`.
fn each_turn(looked: &mut Looked<'_>, each: impl FnMut(&Turn)) -> Result<(), DatasetError> {
    let mut turns = Turns { each, fault: None };
    let loaded = looked.load(&mut turns);
    match turns.fault {
        Some(fault) => Err(DatasetError::Row(Box::new(fault))),
        None => loaded,
    }
}

struct Turns<F> {
    each: F,
    fault: Option<RowFault>,
}

impl<F: FnMut(&Turn)> ConversationSink for Turns<F> {
    fn push(&mut self, conversation: Conversation) -> Result<()> {
        conversation.turns.iter().for_each(&mut self.each);
        Ok(())
    }

    fn extend(&mut self, conversation: Conversation) -> Result<()> {
        self.push(conversation)
    }

    fn fault(&mut self, fault: RowFault) -> Result<()> {
        let error = Error::invalid_input(fault.to_string());
        self.fault = Some(fault);
        Err(error)
    }
}

/// The ids of the blocks of a prompt, and the tokens of a block.
fn blocks(turn: &Turn) -> (&[i64], u32) {
    turn.recipes
        .iter()
        .find_map(|recipe| match recipe {
            Recipe::Text { ids, block, .. } if !ids.is_empty() => Some((ids.as_slice(), *block)),
            _ => None,
        })
        .unwrap_or((&[], 1))
}

/// As recorded, where the row gives a number and no text.
fn input_tokens(turn: &Turn, tokenizer: &Tokenizer) -> u32 {
    super::recorded_tokens(turn).unwrap_or_else(|| {
        let texts: Vec<&str> = turn.texts.iter().flat_map(|media| &media.contents).map(String::as_str).collect();
        u32::try_from(tokenizer.count(&texts.join(" "))).unwrap_or(u32::MAX)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::file::loaders::{MooncakeTraceLoader, SingleTurnLoader};
    use crate::tokenizer::Embedded;
    use aiperf_abi::testing::construct;
    use serde_json::json;

    fn written(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jsonl");
        std::fs::write(&path, text).unwrap();
        (folder, path)
    }

    #[test]
    fn good_and_bad_rows_are_counted_and_the_first_faults_kept() {
        let (_folder, path) = written("{\"text\":\"a\"}\n{\"text\":1}\n{\"txt\":\"b\"}\n{\"text\":\"c\"}\n{}\n");
        let mut loader: SingleTurnLoader = construct(json!({})).unwrap();
        let survey = survey(Looked { path: &path, kind: "single_turn", loader: &mut loader }, 2).unwrap();
        assert_eq!((survey.rows, survey.requests, survey.bad), (5, 2, 3));
        assert_eq!(survey.faults.iter().map(|fault| fault.line).collect::<Vec<_>>(), [2, 3]);
    }

    #[test]
    fn sharing_is_what_a_cache_without_limit_would_have_had() {
        let (_folder, path) = written(concat!(
            "{\"timestamp\":0,\"input_length\":20,\"output_length\":1,\"hash_ids\":[1,2]}\n",
            "{\"timestamp\":1000,\"input_length\":25,\"output_length\":2,\"hash_ids\":[1,3,4]}\n",
            "{\"timestamp\":4000,\"input_length\":30,\"output_length\":3,\"hash_ids\":[1,3,5]}\n",
        ));
        let tokenizer = Tokenizer::embedded(Embedded::O200kBase);
        let mut loader: MooncakeTraceLoader = construct(json!({"block_size": 10})).unwrap();
        let looked = Looked { path: &path, kind: "mooncake_trace", loader: &mut loader };
        let analysis = analyze(looked, &tokenizer).unwrap();
        assert_eq!((analysis.requests, analysis.duration_ms, analysis.rate), (3, Some(4000.0), Some(0.75)));
        assert_eq!((analysis.input_length.mean, analysis.input_length.p25), (25.0, 22.5));
        let sharing = analysis.sharing.unwrap();
        assert_eq!((sharing.blocks, sharing.distinct_blocks), (8, 5));
        // Shared with some other row: 10, 20, 20 tokens. There before: none, one block of three, two of three.
        assert_eq!((sharing.context_length.min, sharing.context_length.max), (10.0, 20.0));
        assert_eq!((sharing.unique_length.min, sharing.unique_length.max), (5.0, 10.0));
        assert!((sharing.hit_rate.mean - 1.0 / 3.0).abs() < 1e-9);
        assert!((sharing.overall_hit_rate - 30.0 / 75.0).abs() < 1e-9);
    }
}
