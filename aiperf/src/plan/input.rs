//! What the flags say about what is sent, resolved: the file and its type, the order of its conversations.

use std::path::Path;

use super::{PlanError, Spread};
use crate::config::flags::ProfileFlags;
use crate::config::load::LoadFlags;
use crate::dataset::{self, DatasetError, FileOptions, Prefixes, TraceOptions};
use crate::plugin::registry::Registry;

/// The file to read, where one was named.
///
/// # Errors
/// When a flag needs a file and there is none, or it cannot be told what the file is.
pub fn file(flags: &ProfileFlags, pool_entries: u64, osl: Option<Spread>) -> Result<Option<FileOptions>, PlanError> {
    let input = &flags.input;
    let Some(path) = &input.input_file else {
        return needs_a_file(flags).map_or(Ok(None), |flag| Err(PlanError::Needs { flag, needs: "--input-file" }));
    };
    if let (Some(start), Some(end)) = (input.start_offset_ms, input.end_offset_ms)
        && start > end
    {
        return Err(PlanError::Empty { from: "--fixed-schedule-start-offset", to: "--fixed-schedule-end-offset" });
    }
    let kind = match input.custom_dataset_type {
        Some(kind) => kind,
        None => dataset::file::detect(path)?,
    };
    Ok(Some(FileOptions {
        path: absolute(path),
        kind,
        pool_entries,
        output_tokens: osl.map(|osl| dataset::Spread { mean: osl.mean, stddev: osl.stddev }),
        delay_ratio: input.delay_ratio,
        corpus: input.prompt_corpus,
        system: prefixes(flags)?.system,
        trace: TraceOptions {
            speedup: input.speedup,
            start_ms: input.start_offset_ms,
            end_ms: input.end_offset_ms,
            from_zero: input.auto_offset,
            max_input: input.max_isl,
            max_output: input.max_osl,
            block_size: input.block_size,
        },
    }))
}

/// The sampler that keeps the order of the data.
const IN_ORDER: &str = "sequential";

/// The entry that decides in which order conversations are drawn.
///
/// # Errors
/// When there is none of that name.
pub fn sampler(flags: &ProfileFlags, registry: &Registry, file: Option<&FileOptions>) -> Result<String, PlanError> {
    let default = file.map_or(IN_ORDER, |file| file.kind.default_sampler());
    let name = flags.input.dataset_sampling_strategy.as_deref().unwrap_or(default);
    Ok(registry.entry("dataset_sampler", name)?.name.clone())
}

/// A file whose first row has a time stamp is sent by its time stamps, unless the user says otherwise: what to tell of it.
///
/// # Errors
/// When a flag gives another schedule.
pub fn schedule_of_the_file(
    load: &LoadFlags,
    file: Option<&FileOptions>,
    sampler: &str,
) -> Result<Option<String>, PlanError> {
    let Some(file) = file.filter(|_| !load.fixed_schedule && !load.no_fixed_schedule) else { return Ok(None) };
    // In another order the times mean nothing.
    if sampler != IN_ORDER || !dataset::file::starts_with_a_time(&file.path, file.kind) {
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

/// Time between a reply and the next turn, where there is one.
///
/// # Errors
/// When a deviation was given and no mean.
pub fn delay(flags: &ProfileFlags) -> Result<Option<Spread>, PlanError> {
    let (mean, stddev, ratio) = (flags.input.delay_mean_ms, flags.input.delay_stddev_ms, flags.input.delay_ratio);
    if mean == 0.0 && stddev > 0.0 {
        let (flag, needs) = ("--conversation-turn-delay-stddev", "--conversation-turn-delay-mean");
        return Err(PlanError::Needs { flag, needs });
    }
    Ok((mean > 0.0).then_some(Spread { mean: mean * ratio, stddev: stddev * ratio }))
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
