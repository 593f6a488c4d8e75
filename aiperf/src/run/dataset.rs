//! From a plan to conversations: the loader, or the composer, and the store it fills; and the order in which they are drawn.

use std::sync::Arc;

use aiperf_abi::{
    ComposerConfig, CustomDatasetLoader, DatasetBackingStore, DatasetComposer, DatasetSampler, LoaderConfig, Map,
    PublicDatasetLoader, SelectionConfig, Value,
};

use super::parts::{Maker, PartsError};
use super::phases::{Draws, object};
use crate::dataset::{Collected, Collector, Finishing, Sampler, When, public};
use crate::plan::{DataSource, Plan};
use crate::plugin::registry::Registry;
use crate::random::RootSeed;
use crate::tokenizer::Tokenizer;

/// The conversations of the run, in their store.
pub(super) fn collect(
    plan: &Plan,
    registry: &Registry,
    maker: &mut Maker<'_>,
    tokenizer: &Arc<Tokenizer>,
) -> Result<Arc<Collected>, PartsError> {
    let input = &plan.input;
    let seed = RootSeed::new(plan.seed);
    let entry = registry.entry("dataset_backing_store", &input.store)?;
    let store = maker.make::<dyn DatasetBackingStore>(entry, with_options(plan, &input.store, Map::new()), None)?;
    let made_up = matches!(input.source, DataSource::Composer { .. });
    let finishing = Finishing {
        corpus: input.corpus,
        prefixes: input.prefixes.clone(),
        // A composer has said what is asked for.
        output_tokens: input.osl.filter(|_| !made_up),
        delay_ratio: input.delay_ratio,
        trace: input.trace,
    };
    // Prompts that do not stay at hand may be many and long: they are made when they are read.
    let when = if made_up && store.is_at_hand() { When::Stored } else { When::Read };
    let mut collector = Collector::new(store, when, finishing, Arc::clone(tokenizer), seed)?;
    let (ended, from) = match &input.source {
        DataSource::Composer { name } => {
            let entry = registry.entry("dataset_composer", name)?;
            let config = with_options(plan, name, object(&composer_config(plan)));
            let mut composer = maker.make::<dyn DatasetComposer>(entry, config, None)?;
            (composer.compose(&mut collector), format!("dataset composer `{name}`"))
        }
        DataSource::File { path, loader: name } => {
            let entry = registry.entry("custom_dataset_loader", name)?;
            let config = with_options(plan, name, object(&loader_config(plan)));
            let mut loader = maker.make::<dyn CustomDatasetLoader>(entry, config, None)?;
            (loader.load(path, &mut collector), path.display().to_string())
        }
        DataSource::Public { name } => {
            let entry = registry.entry("public_dataset_loader", name)?;
            let config = with_options(plan, name, object(&loader_config(plan)));
            let mut loader = maker.make::<dyn PublicDatasetLoader>(entry, config, None)?;
            let files = loader.files().map_err(|error| crate::dataset::DatasetError::Load(error.to_string()))?;
            let files = public::fetched(&files, &public::cache_folder())?;
            (loader.load(&files, &mut collector), format!("public dataset `{name}`"))
        }
    };
    Ok(Arc::new(collector.finish(ended, &from)?))
}

/// The order in which conversations are drawn; those that are not at hand are read ahead.
pub(super) fn draws(
    plan: &Plan,
    registry: &Registry,
    maker: &mut Maker<'_>,
    dataset: &Arc<Collected>,
) -> Result<Draws, PartsError> {
    use crate::dataset::Dataset;
    let name = &plan.input.sampler;
    let among = SelectionConfig::new(dataset.len(), RootSeed::new(plan.seed).derive("dataset.sampler"));
    let config = with_options(plan, name, object(&among));
    let order = maker.make::<dyn DatasetSampler>(registry.entry("dataset_sampler", name)?, config, None)?;
    let sampler = Sampler::new(order, dataset.len());
    match dataset.is_at_hand() {
        true => Ok(Draws::at_hand(sampler)),
        false => Draws::ahead(sampler, Arc::clone(dataset) as Arc<dyn Dataset>).map_err(PartsError::Thread),
    }
}

fn with_options(plan: &Plan, entry: &str, mut config: Map<String, Value>) -> Map<String, Value> {
    config.extend(plan.plugin_options.get(entry).cloned().unwrap_or_default());
    config
}

fn loader_config(plan: &Plan) -> LoaderConfig {
    LoaderConfig { block_size: plan.input.block_size, entries: Some(plan.input.entries), seed: plan.seed }
}

fn composer_config(plan: &Plan) -> ComposerConfig {
    let input = &plan.input;
    let config = ComposerConfig {
        entries: input.entries,
        seed: plan.seed,
        batch_size: u32::try_from(input.batch_size).unwrap_or(u32::MAX),
        input_tokens: input.isl,
        output_tokens: input.osl,
        lengths: input.mixture.as_ref().map(|mixture| mixture.pairs().to_vec()).unwrap_or_default(),
        turns: input.turns,
        delay_ms: input.delay_ms,
        images: input.images.clone(),
        audio: input.audio.clone(),
        ..ComposerConfig::default()
    };
    match &input.rankings {
        None => config,
        Some(rankings) => ComposerConfig {
            passages: rankings.passages,
            passage_tokens: rankings.passage_tokens,
            query_tokens: rankings.query_tokens,
            ..config
        },
    }
}
