//! What the flags say about what is sent, resolved: whence it comes, in which order, where it is kept, what is in it.

use std::path::Path;

use aiperf_abi::data::conversation::ImageFormat;
use aiperf_abi::{AudioConfig, CustomDatasetLoaderMetadata, ImageConfig};

use super::{DataSource, Input, PlanError, Spread, detection};
use crate::config::flags::ProfileFlags;
use crate::config::input::ImageFormatFlag;
use crate::config::load::LoadFlags;
use crate::dataset::{DatasetError, Mixture, Prefixes, TraceOptions, file};
use crate::plugin::registry::Registry;

/// What `--image-source` says for images that are made.
const NOISE: &str = "noise";

/// Whence conversations come, and the entry that decides in which order they are drawn.
///
/// # Errors
/// When a flag needs a file and there is none, it cannot be told what the file is, or there is no entry of a name.
pub fn source(flags: &ProfileFlags, registry: &Registry, ranks: bool) -> Result<(DataSource, String), PlanError> {
    let input = &flags.input;
    let mut preferred = CustomDatasetLoaderMetadata::default();
    let source = if let Some(path) = &input.input_file {
        let loader = match &input.custom_dataset_type {
            Some(name) => registry.entry(detection::CATEGORY, name)?,
            None => detection::detect(path, registry)?,
        };
        if !loader.metadata.is_null() {
            preferred = serde_json::from_value(loader.metadata.clone()).map_err(|error| PlanError::Metadata {
                category: detection::CATEGORY,
                name: loader.name.clone(),
                reason: error.to_string(),
            })?;
        }
        DataSource::File { path: absolute(path), loader: loader.name.clone() }
    } else if let Some(flag) = needs_a_file(flags) {
        return Err(PlanError::Needs { flag, needs: "--input-file" });
    } else if let Some(name) = &input.public_dataset {
        DataSource::Public { name: registry.entry("public_dataset_loader", name)?.name.clone() }
    } else {
        let default = if ranks { "synthetic_rankings" } else { "synthetic" };
        let name = input.dataset_composer.as_deref().unwrap_or(default);
        DataSource::Composer { name: registry.entry("dataset_composer", name)?.name.clone() }
    };
    let order = input.dataset_sampling_strategy.as_deref().unwrap_or(&preferred.preferred_sampling);
    Ok((source, registry.entry("dataset_sampler", order)?.name.clone()))
}

/// The sampler that keeps the order of the data.
const IN_ORDER: &str = "sequential";

/// A file whose first row has a time stamp is sent by its time stamps, unless the user says otherwise: what to tell of it.
///
/// # Errors
/// When a flag gives another schedule.
pub fn schedule_of_the_file(
    load: &LoadFlags,
    source: &DataSource,
    sampler: &str,
    registry: &Registry,
) -> Result<Option<String>, PlanError> {
    let DataSource::File { path, loader } = source else { return Ok(None) };
    // In another order the times mean nothing.
    if load.fixed_schedule || load.no_fixed_schedule || sampler != IN_ORDER {
        return Ok(None);
    }
    let (_, mut reader) = detection::reader(path, Some(loader), None, registry)?;
    if !file::starts_with_a_time(path, &mut *reader) {
        return Ok(None);
    }
    let others = [
        ("--request-rate", load.request_rate.is_some()),
        ("--request-rate-series", load.request_rate_series.is_some()),
        ("--user-centric-rate", load.user_centric_rate.is_some()),
    ];
    if let Some((flag, _)) = others.into_iter().find(|(_, given)| *given) {
        return Err(PlanError::Stamped { flag });
    }
    let limit = load.concurrency.map_or("", |_| ", --concurrency being the most at a time");
    Ok(Some(format!(
        "The input file has time stamps: its requests are sent at those (--fixed-schedule){limit}. --no-fixed-schedule \
         leaves them out."
    )))
}

/// The entry that keeps conversations.
///
/// # Errors
/// When there is none of that name.
pub fn store(flags: &ProfileFlags, registry: &Registry, input: &Input) -> Result<String, PlanError> {
    let made_up = matches!(input.source, DataSource::Composer { .. });
    let default = if made_up && bytes(input) <= KEPT_BYTES { "memory" } else { "file" };
    let name = flags.input.dataset_backing_store.as_deref().unwrap_or(default);
    Ok(registry.entry("dataset_backing_store", name)?.name.clone())
}

/// Bytes of made-up conversations that are kept in memory: memory must not grow with the number of requests.
const KEPT_BYTES: f64 = (64u32 << 20) as f64;
/// Bytes of a conversation beside its text, of the text of a token, and of a byte as base64, roughly.
const CONVERSATION_BYTES: f64 = 600.0;
const TOKEN_BYTES: f64 = 5.0;
const BASE64: f64 = 4.0 / 3.0;

/// Bytes of all made-up conversations, roughly.
fn bytes(input: &Input) -> f64 {
    let Prefixes { pool_tokens, system_tokens, user_context_tokens, system, .. } = &input.prefixes;
    let before = f64::from(pool_tokens + system_tokens.unwrap_or(0) + user_context_tokens.unwrap_or(0));
    let tokens = match &input.rankings {
        Some(rankings) => rankings.query_tokens.mean + rankings.passages.mean * rankings.passage_tokens.mean,
        None => {
            let mean = input.mixture.as_ref().map_or(input.isl.mean, Mixture::mean_input);
            mean * input.batch_size as f64 * input.turns.mean + before
        }
    };
    let image = |images: &ImageConfig| images.width.mean * images.height.mean * 3.0 * f64::from(images.batch_size);
    let clip = |audio: &AudioConfig| audio.seconds.mean * 64_000.0 * f64::from(audio.batch_size);
    let media = (input.images.as_ref().map_or(0.0, image) + input.audio.as_ref().map_or(0.0, clip)) * input.turns.mean;
    let words = system.as_ref().map_or(0, String::len) as f64;
    input.entries as f64 * (CONVERSATION_BYTES + words + TOKEN_BYTES * tokens + BASE64 * media)
}

/// What is done to recorded traffic.
///
/// # Errors
/// When nothing would be left.
pub fn trace(flags: &ProfileFlags) -> Result<TraceOptions, PlanError> {
    let input = &flags.input;
    if let (Some(start), Some(end)) = (input.start_offset_ms, input.end_offset_ms)
        && start > end
    {
        return Err(PlanError::Empty { from: "--fixed-schedule-start-offset", to: "--fixed-schedule-end-offset" });
    }
    Ok(TraceOptions {
        speedup: input.speedup,
        start_ms: input.start_offset_ms,
        end_ms: input.end_offset_ms,
        from_zero: input.auto_offset,
        max_input: input.max_isl,
        max_output: input.max_osl,
    })
}

/// Time between a reply and the next turn, where there is one.
///
/// # Errors
/// When a deviation was given and no mean.
pub fn delay(flags: &ProfileFlags) -> Result<Option<Spread>, PlanError> {
    let (mean, stddev) = (flags.input.delay_mean_ms, flags.input.delay_stddev_ms);
    if mean == 0.0 && stddev > 0.0 {
        let (flag, needs) = ("--conversation-turn-delay-stddev", "--conversation-turn-delay-mean");
        return Err(PlanError::Needs { flag, needs });
    }
    Ok((mean > 0.0).then_some(Spread { mean, stddev }))
}

/// Images in each made-up turn, where there are some.
pub fn images(flags: &ProfileFlags) -> Option<ImageConfig> {
    let input = &flags.input;
    let folder = (input.image_source.as_os_str() != NOISE).then(|| absolute(&input.image_source));
    let size = input.image_width_mean.zip(input.image_height_mean).or(folder.is_some().then_some((1.0, 1.0)))?;
    Some(ImageConfig {
        width: Spread { mean: size.0, stddev: input.image_width_stddev },
        height: Spread { mean: size.1, stddev: input.image_height_stddev },
        batch_size: input.image_batch_size,
        format: match input.image_format {
            ImageFormatFlag::Png => Some(ImageFormat::Png),
            ImageFormatFlag::Jpeg => Some(ImageFormat::Jpeg),
            ImageFormatFlag::Random => None,
        },
        folder,
    })
}

/// Audio in each made-up turn, where there is some.
pub fn audio(flags: &ProfileFlags) -> Option<AudioConfig> {
    let input = &flags.input;
    Some(AudioConfig {
        seconds: Spread { mean: input.audio_length_mean?, stddev: input.audio_length_stddev },
        batch_size: input.audio_batch_size,
        depths: input.audio_depths.clone(),
        sample_rates_khz: input.audio_sample_rates.clone(),
        channels: input.audio_num_channels,
    })
}

/// What stands before the prompts.
///
/// # Errors
/// When the file of the system message cannot be read.
pub fn prefixes(flags: &ProfileFlags) -> Result<Prefixes, PlanError> {
    let input = &flags.input;
    let system = match &input.system_prompt_file {
        None => input.system_prompt.clone(),
        Some(path) => Some(std::fs::read_to_string(path).map_err(|error| {
            PlanError::Dataset(DatasetError::File { path: path.clone(), reason: error.to_string() })
        })?),
    };
    Ok(Prefixes {
        pool: input.prefix_pool.unwrap_or(0),
        pool_tokens: input.prefix_length.unwrap_or(0),
        system,
        system_tokens: input.shared_system_prompt_length,
        user_context_tokens: input.user_context_prompt_length,
    })
}

/// The first flag that means nothing without a file.
fn needs_a_file(flags: &ProfileFlags) -> Option<&'static str> {
    let input = &flags.input;
    let given = [
        ("--custom-dataset-type", input.custom_dataset_type.is_some()),
        ("--isl-block-size", input.block_size.is_some()),
        ("--synthesis-speedup-ratio", input.speedup != 1.0),
        ("--synthesis-max-isl", input.max_isl.is_some()),
        ("--synthesis-max-osl", input.max_osl.is_some()),
        ("--fixed-schedule-start-offset", input.start_offset_ms.is_some()),
        ("--fixed-schedule-end-offset", input.end_offset_ms.is_some()),
        ("--fixed-schedule-auto-offset", input.auto_offset),
    ];
    given.into_iter().find(|(_, given)| *given).map(|(flag, _)| flag)
}

/// The path as the results keep it; as it is where the working folder cannot be told.
fn absolute(path: &Path) -> std::path::PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
