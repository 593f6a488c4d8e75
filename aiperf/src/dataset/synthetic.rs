//! The built-in composers: conversations made up by number, length and sort. They say what is wanted; the texts themselves
//! are made by the host. Each conversation depends on the seed and its own index alone.

use std::path::PathBuf;

use aiperf_abi::data::conversation::{Conversation, Media, Recipe, Turn};
use aiperf_abi::{
    ComposerConfig, Context, ConversationSink, DatasetComposer, Error, LengthPair, Plugin, Result, Spread,
};
use rand::RngExt;

use super::spread::Draw;
use super::{DatasetError, mixture, pictures};
use crate::random::{RootSeed, Stream};

/// Turns of texts to answer or to embed, with images and audio where wanted.
pub struct SyntheticComposer {
    config: ComposerConfig,
    pictures: Vec<PathBuf>,
}

impl Plugin for SyntheticComposer {
    fn new(cx: &Context<'_>) -> Result<Self> {
        let config: ComposerConfig = cx.config()?;
        checked(&config, || {
            config.turns.check("the number of turns")?;
            config.input_tokens.check("the input length")?;
            if let Some(images) = &config.images {
                images.width.check("the width of an image")?;
                images.height.check("the height of an image")?;
                at_least_one("the number of images", images.batch_size.into())?;
            }
            config.audio.as_ref().map_or(Ok(()), |audio| {
                audio.seconds.check("the length of an audio clip")?;
                at_least_one("the number of audio clips", audio.batch_size.into())
            })
        })?;
        let folder = config.images.as_ref().and_then(|images| images.folder.as_deref());
        let pictures = folder.map(pictures::in_folder).transpose()?.unwrap_or_default();
        Ok(Self { config, pictures })
    }
}

impl DatasetComposer for SyntheticComposer {
    fn compose(&mut self, out: &mut dyn ConversationSink) -> Result<()> {
        (0..self.config.entries).try_for_each(|index| out.push(self.conversation(index)))
    }
}

impl SyntheticComposer {
    fn conversation(&self, index: u64) -> Conversation {
        let config = &self.config;
        let seed = RootSeed::new(config.seed);
        let mut stream = seed.stream_at("dataset.synthetic", index);
        // What most runs do not use has streams of its own: without it the rest is the same.
        let mut shape = seed.stream_at("dataset.synthetic.shape", index);
        let mut media = seed.stream_at("dataset.synthetic.media", index);
        let count = config.turns.draw(&mut shape);
        let turns = (0..count).map(|number| {
            let pair = mixture::drawn(&config.lengths, &mut shape);
            let own = LengthPair { isl: config.input_tokens, osl: Spread::default(), percent: 0.0 };
            let input = pair.unwrap_or(own).isl;
            let output = pair.map(|pair| pair.osl).or(config.output_tokens);
            let texts = (0..config.batch_size).map(|_| Recipe::tokens("text", input.draw(&mut stream)));
            let mut turn = Turn { recipes: texts.collect(), ..Turn::default() };
            turn.max_tokens = output.map(|output| output.draw(&mut stream));
            self.add_media(&mut turn, &mut media);
            if let (1.., Some(delay)) = (number, config.delay_ms) {
                turn.delay = Some(delay.sample(&mut shape).max(0.0));
            }
            turn
        });
        Conversation { turns: turns.collect(), ..Conversation::default() }
    }

    fn add_media(&self, turn: &mut Turn, stream: &mut Stream) {
        if let Some(images) = &self.config.images {
            for _ in 0..images.batch_size {
                if !self.pictures.is_empty() {
                    let picture = &self.pictures[stream.random_range(0..self.pictures.len())];
                    turn.images.push(Media::new("image", format!("file://{}", picture.display())));
                    continue;
                }
                let (width, height) = (images.width.draw(stream), images.height.draw(stream));
                let either = pictures::FORMATS[stream.random_range(0..pictures::FORMATS.len())];
                turn.recipes.push(Recipe::Image { width, height, format: images.format.unwrap_or(either) });
            }
        }
        if let Some(audio) = &self.config.audio {
            for _ in 0..audio.batch_size {
                let seconds = audio.seconds.sample(stream).max(0.1);
                let khz = *drawn(&audio.sample_rates_khz, stream).unwrap_or(&16.0);
                let depth = *drawn(&audio.depths, stream).unwrap_or(&16);
                let sample_rate = (khz * 1000.0).round() as u32;
                turn.recipes.push(Recipe::Audio { seconds, sample_rate, depth, channels: audio.channels });
            }
        }
    }
}

fn drawn<'a, T>(among: &'a [T], stream: &mut Stream) -> Option<&'a T> {
    match among.len() {
        0 => None,
        len => among.get(stream.random_range(0..len)),
    }
}

/// One query and passages to rank by it.
pub struct RankingsComposer {
    config: ComposerConfig,
}

impl Plugin for RankingsComposer {
    fn new(cx: &Context<'_>) -> Result<Self> {
        let config: ComposerConfig = cx.config()?;
        checked(&config, || {
            config.passages.check("the number of passages")?;
            config.passage_tokens.check("the length of a passage")?;
            config.query_tokens.check("the length of a query")
        })?;
        Ok(Self { config })
    }
}

impl DatasetComposer for RankingsComposer {
    fn compose(&mut self, out: &mut dyn ConversationSink) -> Result<()> {
        let config = &self.config;
        (0..config.entries).try_for_each(|index| {
            let mut stream = RootSeed::new(config.seed).stream_at("dataset.synthetic", index);
            let passages = config.passages.draw(&mut stream);
            let mut recipes = vec![Recipe::tokens("query", config.query_tokens.draw(&mut stream))];
            let passage = |_| Recipe::tokens("passages", config.passage_tokens.draw(&mut stream));
            recipes.extend((0..passages).map(passage));
            let max_tokens = config.output_tokens.map(|output| output.draw(&mut stream));
            let turn = Turn { recipes, max_tokens, ..Turn::default() };
            out.push(Conversation { turns: vec![turn], ..Conversation::default() })
        })
    }
}

/// Refuses what makes no sense: what all composers need, and `more`.
fn checked(config: &ComposerConfig, more: impl FnOnce() -> Result<(), DatasetError>) -> Result<()> {
    let all = || {
        at_least_one("the number of dataset entries", config.entries)?;
        at_least_one("the batch size", config.batch_size.into())?;
        config.output_tokens.map_or(Ok(()), |output| output.check("the output length"))?;
        more()
    };
    all().map_err(|error| Error::invalid_config(error.to_string()))
}

fn at_least_one(what: &'static str, value: u64) -> Result<(), DatasetError> {
    match value {
        0 => Err(DatasetError::OutOfRange { what, value: "0".to_owned(), expected: "at least 1" }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::dataset::{Collected, Collector, Dataset, FileStore, Finishing, MemoryStore, Mixture, Prefixes, When};
    use crate::tokenizer::{Embedded, Tokenizer};
    use aiperf_abi::testing::construct;
    use aiperf_abi::{AudioConfig, ImageConfig};

    fn prompts(entries: u64) -> ComposerConfig {
        ComposerConfig { entries, batch_size: 1, input_tokens: Spread::exactly(32.0), ..ComposerConfig::default() }
    }

    fn composed<T: Plugin + DatasetComposer>(mut config: ComposerConfig, prefixes: Prefixes, seed: u64) -> Collected {
        config.seed = seed;
        let mut composer: T = construct(serde_json::to_value(&config).unwrap()).unwrap();
        let tokenizer = Arc::new(Tokenizer::embedded(Embedded::Gpt2));
        let finishing = Finishing { delay_ratio: 1.0, prefixes, ..Finishing::default() };
        let store = Box::new(MemoryStore::default());
        let seed = RootSeed::new(seed);
        let mut collector = Collector::new(store, When::Stored, finishing, tokenizer, seed).unwrap();
        let ended = composer.compose(&mut collector);
        collector.finish(ended, "a test").unwrap()
    }

    fn dataset(config: ComposerConfig, seed: u64) -> Collected {
        composed::<SyntheticComposer>(config, Prefixes::default(), seed)
    }

    fn all(dataset: &Collected) -> Vec<Arc<Conversation>> {
        (0..dataset.len()).map(|index| dataset.conversation(index).unwrap()).collect()
    }

    #[test]
    fn prompts_have_their_length_a_session_each_and_no_limit_unless_asked() {
        for (index, conversation) in all(&dataset(prompts(200), 1)).iter().enumerate() {
            assert_eq!(conversation.session_id, format!("session_{index:06}"));
            let turn = &conversation.turns[0];
            assert_eq!(Tokenizer::embedded(Embedded::Gpt2).count(&turn.texts[0].contents[0]), 32);
            assert_eq!(turn.max_tokens, None);
        }
    }

    #[test]
    fn what_is_kept_as_text_and_what_is_made_again_is_the_same() {
        let options =
            ComposerConfig { turns: Spread::exactly(2.0), delay_ms: Some(Spread::exactly(50.0)), ..prompts(300) };
        let at_hand = dataset(options.clone(), 5);
        let mut composer: SyntheticComposer =
            construct(serde_json::to_value(ComposerConfig { seed: 5, ..options }).unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let store: FileStore = construct(serde_json::json!({"folder": folder.path()})).unwrap();
        let finishing = Finishing { delay_ratio: 1.0, ..Finishing::default() };
        let tokenizer = Arc::new(Tokenizer::embedded(Embedded::Gpt2));
        let mut collector =
            Collector::new(Box::new(store), When::Read, finishing, tokenizer, RootSeed::new(5)).unwrap();
        let ended = composer.compose(&mut collector);
        let made_again = collector.finish(ended, "a test").unwrap();
        assert!(at_hand.is_at_hand() && !made_again.is_at_hand());
        for index in [0, 299, 0, 64, 128] {
            assert_eq!(made_again.conversation(index).unwrap(), at_hand.conversation(index).unwrap());
        }
    }

    #[test]
    fn the_seed_decides_and_the_number_of_conversations_does_not() {
        let options = ComposerConfig { input_tokens: Spread { mean: 20.0, stddev: 9.0 }, ..prompts(700) };
        let expected = all(&dataset(options.clone(), 5));
        assert_eq!(all(&dataset(options.clone(), 5)), expected);
        assert_eq!(all(&dataset(ComposerConfig { entries: 3, ..options.clone() }, 5)), expected[..3]);
        assert_ne!(all(&dataset(options, 6)), expected);
    }

    #[test]
    fn lengths_spread_around_their_mean_and_never_below_one() {
        let spread = Spread { mean: 10.0, stddev: 8.0 };
        let options = ComposerConfig { output_tokens: Some(spread), ..prompts(2000) };
        let limits: Vec<f64> =
            all(&dataset(options, 2)).iter().map(|one| f64::from(one.turns[0].max_tokens.unwrap())).collect();
        let mean = limits.iter().sum::<f64>() / limits.len() as f64;
        // Cut off at 1, the mean of this normal rises to about 10.5.
        assert!((10.0..11.0).contains(&mean), "{mean}");
        assert!(limits.contains(&1.0) && limits.iter().all(|limit| *limit >= 1.0));
        assert!(limits.iter().any(|limit| *limit > 20.0));
    }

    #[test]
    fn a_mean_without_spread_is_rounded() {
        let options = ComposerConfig { output_tokens: Some(Spread::exactly(7.5)), ..prompts(3) };
        assert!(all(&dataset(options, 2)).iter().all(|one| one.turns[0].max_tokens == Some(8)));
    }

    #[test]
    fn a_batch_is_several_texts_of_one_turn() {
        let one = dataset(ComposerConfig { batch_size: 4, ..prompts(1) }, 1).conversation(0).unwrap();
        assert_eq!(one.turns[0].texts.len(), 1);
        assert_eq!(one.turns[0].texts[0].contents.len(), 4);
    }

    #[test]
    fn conversations_have_turns_and_delays_after_the_first() {
        let options = ComposerConfig {
            turns: Spread { mean: 4.0, stddev: 1.5 },
            delay_ms: Some(Spread { mean: 100.0, stddev: 80.0 }),
            ..prompts(200)
        };
        let all = all(&dataset(options, 1));
        let mean = all.iter().map(|one| one.turns.len()).sum::<usize>() as f64 / 200.0;
        assert!((3.5..4.5).contains(&mean), "{mean}");
        let delays: Vec<f64> = all.iter().flat_map(|one| &one.turns[1..]).map(|turn| turn.delay.unwrap()).collect();
        assert!(all.iter().all(|one| one.turns[0].delay.is_none()) && delays.iter().all(|delay| *delay >= 0.0));
        assert!(delays.iter().any(|delay| *delay > 150.0));
    }

    #[test]
    fn a_mixture_decides_both_lengths_of_a_turn_together() {
        let mixture = Mixture::parse("20,5:50;40,9:50").unwrap();
        let tokenizer = Tokenizer::embedded(Embedded::Gpt2);
        let options = ComposerConfig { lengths: mixture.pairs().to_vec(), ..prompts(100) };
        let pairs: std::collections::BTreeSet<_> = all(&dataset(options, 1))
            .iter()
            .map(|one| (tokenizer.count(&one.turns[0].texts[0].contents[0]), one.turns[0].max_tokens.unwrap()))
            .collect();
        assert_eq!(pairs.into_iter().collect::<Vec<_>>(), [(20, 5), (40, 9)]);
    }

    #[test]
    fn what_stands_before_a_prompt_is_shared_as_said() {
        let tokenizer = Tokenizer::embedded(Embedded::Gpt2);
        let prefixes = Prefixes { pool: 3, pool_tokens: 50, ..Prefixes::default() };
        let options = ComposerConfig { turns: Spread::exactly(2.0), ..prompts(60) };
        let all = self::all(&composed::<SyntheticComposer>(options, prefixes, 1));
        let text = |one: &Conversation, turn: usize| one.turns[turn].texts[0].contents[0].clone();
        assert!(all.iter().all(|one| tokenizer.count(&text(one, 0)) == 82 && tokenizer.count(&text(one, 1)) == 32));
        let beginnings: std::collections::HashSet<String> =
            all.iter().map(|one| tokenizer.decode(&tokenizer.encode(&text(one, 0))[..50])).collect();
        assert_eq!(beginnings.len(), 3);
        let whole: std::collections::HashSet<String> = all.iter().map(|one| text(one, 0)).collect();
        assert_eq!(whole.len(), 60);

        let prefixes = Prefixes { system_tokens: Some(20), user_context_tokens: Some(30), ..Prefixes::default() };
        let all = self::all(&composed::<SyntheticComposer>(prompts(50), prefixes, 1));
        let system: std::collections::HashSet<_> = all.iter().map(|one| one.system_message.clone().unwrap()).collect();
        let contexts: std::collections::HashSet<_> =
            all.iter().map(|one| one.user_context_message.clone().unwrap()).collect();
        assert_eq!((system.len(), contexts.len()), (1, 50));
        assert!(system.iter().all(|text| tokenizer.count(text) == 20));
        assert!(contexts.iter().all(|text| tokenizer.count(text) == 30));
    }

    #[test]
    fn a_ranking_has_one_query_and_its_passages() {
        let config = ComposerConfig {
            passages: Spread::exactly(3.0),
            passage_tokens: Spread::exactly(12.0),
            query_tokens: Spread::exactly(5.0),
            ..prompts(1)
        };
        let one = composed::<RankingsComposer>(config, Prefixes::default(), 1).conversation(0).unwrap();
        let tokenizer = Tokenizer::embedded(Embedded::Gpt2);
        let counts: Vec<(&str, Vec<usize>)> = one.turns[0]
            .texts
            .iter()
            .map(|media| (media.name.as_str(), media.contents.iter().map(|text| tokenizer.count(text)).collect()))
            .collect();
        assert_eq!(counts, [("query", vec![5]), ("passages", vec![12, 12, 12])]);
    }

    #[test]
    fn numbers_that_cannot_be_are_refused_by_name() {
        let refused = |config: ComposerConfig| {
            let made = construct::<SyntheticComposer>(serde_json::to_value(&config).unwrap());
            made.err().expect("a refusal").to_string()
        };
        assert_eq!(refused(prompts(0)), "the number of dataset entries is 0, but it must be at least 1");
        let negative = ComposerConfig { input_tokens: Spread { mean: 5.0, stddev: -1.0 }, ..prompts(1) };
        assert!(refused(negative).contains("the input length is -1"));
        let nothing = ComposerConfig { output_tokens: Some(Spread::exactly(0.0)), ..prompts(1) };
        assert!(refused(nothing).contains("the output length is 0"));
    }

    #[test]
    fn turns_have_images_and_audio_where_wanted_and_the_same_texts_as_without() {
        let images = ImageConfig {
            width: Spread::exactly(8.0),
            height: Spread::exactly(6.0),
            batch_size: 2,
            format: None,
            folder: None,
        };
        let audio = AudioConfig {
            seconds: Spread::exactly(0.2),
            batch_size: 1,
            depths: vec![16],
            sample_rates_khz: vec![8.0],
            channels: 1,
        };
        let config = ComposerConfig { images: Some(images), audio: Some(audio), ..prompts(20) };
        let (with, without) = (all(&dataset(config, 1)), all(&dataset(prompts(20), 1)));
        let mut formats = std::collections::BTreeSet::new();
        for (with, without) in with.iter().zip(&without) {
            assert_eq!(with.turns[0].texts, without.turns[0].texts);
            let pictures = &with.turns[0].images[0].contents;
            assert_eq!((pictures.len(), with.turns[0].audios[0].contents.len()), (2, 1));
            formats.extend(pictures.iter().map(|url| url.split(';').next().unwrap().to_owned()));
        }
        assert_eq!(formats.into_iter().collect::<Vec<_>>(), ["data:image/jpeg", "data:image/png"]);
    }
}
