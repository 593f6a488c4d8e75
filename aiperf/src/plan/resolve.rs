//! Flags and registry in, plan out. The one place that knows what follows from what.

use std::collections::BTreeMap;
use std::time::Duration;

use aiperf_abi::{EndpointMetadata, ModelEndpoint, TransportMetadata};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::input;
use super::load::{resolve_load, resolve_phases};
use super::{DataSource, Input, Output, Plan, PlanError, Rankings, Services, Spread, Target};
use crate::config::flags::{DEFAULT_DATASET_ENTRIES, ProfileFlags};
use crate::metric::Applicability;
use crate::plugin::name;
use crate::plugin::registry::{Entry, Registry};
use crate::transport::address::endpoint_url;

/// The scheme of the engine inside aiperf: it has no models of its own, so none need be named.
const SIM: &str = "sim://";

/// The transport whose connections `--connection-reuse-strategy` and `--http-version` are about.
const HTTP: &str = "http";

/// Makes the plan of a run.
///
/// # Errors
/// When flags disagree, or name what the registry does not have.
pub fn resolve(flags: &ProfileFlags, registry: &Registry, drawn_seed: u64) -> Result<Plan, PlanError> {
    let mut notices = Vec::new();
    let given_osl = flags.osl_mean.map(|mean| Spread { mean, stddev: flags.osl_stddev });
    let (source, sampler) = input::source(flags, registry, is_ranking(&flags.endpoint_type))?;
    let made_up = matches!(source, DataSource::Composer { .. });
    let mut load_flags = flags.load.clone();
    let mut phases = flags.phases.clone();
    for load in phases.iter_mut().map(|phase| &mut phase.load).chain([&mut load_flags]) {
        if let Some(notice) = input::schedule_of_the_file(load, &source, &sampler, registry)? {
            load.fixed_schedule = true;
            if !notices.contains(&notice) {
                notices.push(notice);
            }
        }
    }
    let mut load = resolve_load(&load_flags, registry)?;
    if !phases.is_empty() {
        load.measurements = resolve_phases(&phases, registry)?;
    }
    if flags.load.fixed_schedule && flags.input.input_file.is_none() {
        return Err(PlanError::Needs { flag: "--fixed-schedule", needs: "--input-file with time stamps" });
    }
    let endpoint = registry.entry("endpoint", &flags.endpoint_type)?;
    let metadata: EndpointMetadata = metadata_of(endpoint)?;
    let transport = transport(flags, registry)?;
    let TransportMetadata { marks_sent, .. } = metadata_of(transport)?;

    let streaming = flags.streaming && metadata.supports_streaming;
    if flags.streaming && !streaming {
        notices.push(format!("--streaming was dropped: endpoint type `{}` does not stream", endpoint.name));
    }
    if !streaming && let Some(flag) = load.prefill_flag() {
        return Err(PlanError::Needs { flag, needs: "--streaming: only a stream tells when its first token is there" });
    }
    let mut models = flags.models.clone();
    models.retain(|name| !name.trim().is_empty());
    if models.is_empty() {
        if !flags.urls.iter().all(|url| url.starts_with(SIM)) {
            return Err(PlanError::NoModel);
        }
        models.push("sim".to_owned());
    }
    let extra: Map<String, Value> = flags.extra_inputs.iter().flat_map(|input| input.0.clone()).collect();
    let path = if streaming {
        metadata.streaming_path.as_ref().or(metadata.endpoint_path.as_ref())
    } else {
        metadata.endpoint_path.as_ref()
    };
    let whole = |url: &String| endpoint_url(url, path.map(String::as_str), flags.custom_endpoint.as_deref());
    let request_urls = flags.urls.iter().map(whole).collect::<Result<Vec<_>, _>>()?;
    let url_strategy = registry.entry("url_selection_strategy", &flags.url_strategy)?;

    let rankings = is_ranking(&endpoint.name).then_some(Rankings {
        passages: Spread { mean: flags.rankings_passages_mean, stddev: flags.rankings_passages_stddev },
        passage_tokens: Spread {
            mean: flags.rankings_passages_prompt_token_mean,
            stddev: flags.rankings_passages_prompt_token_stddev,
        },
        query_tokens: Spread {
            mean: flags.rankings_query_prompt_token_mean,
            stddev: flags.rankings_query_prompt_token_stddev,
        },
    });
    if flags.osl_mean.is_none() && flags.osl_stddev > 0.0 {
        return Err(PlanError::Needs { flag: "--osl-stddev", needs: "--osl" });
    }
    if flags.osl_mean.is_some() && !metadata.produces_tokens {
        notices.push(format!("--osl has no effect: endpoint type `{}` produces no tokens", endpoint.name));
    }
    let requests = load.request_count().filter(|_| made_up);
    let mut input = Input {
        entries: flags.num_dataset_entries.or(requests).unwrap_or(DEFAULT_DATASET_ENTRIES),
        batch_size: flags.batch_size,
        isl: Spread { mean: flags.isl_mean, stddev: flags.isl_stddev },
        osl: given_osl.filter(|_| metadata.produces_tokens || !made_up),
        rankings,
        tokenizer: flags.tokenizer.clone(),
        tokenizer_revision: flags.tokenizer_revision.clone(),
        store: String::new(),
        source,
        sampler,
        corpus: flags.input.prompt_corpus,
        mixture: flags.input.mixture.clone(),
        turns: Spread { mean: flags.input.turns_mean, stddev: flags.input.turns_stddev },
        delay_ms: input::delay(flags)?,
        delay_ratio: flags.input.delay_ratio,
        trace: input::trace(flags)?,
        block_size: flags.input.block_size,
        images: input::images(flags),
        audio: input::audio(flags),
        prefixes: input::prefixes(flags)?,
    };
    input.store = input::store(flags, registry, &input)?;
    let model_endpoint = ModelEndpoint {
        endpoint_type: endpoint.name.clone(),
        models,
        urls: flags.urls.clone(),
        custom_endpoint: flags.custom_endpoint.clone(),
        streaming,
        extra,
        use_legacy_max_tokens: flags.use_legacy_max_tokens,
        use_server_token_count: flags.use_server_token_count,
    };
    let output = Output {
        artifact_dir: flags.output_artifact_dir.clone(),
        prefix: flags.profile_export_prefix.clone(),
        level: flags.export_level,
        goodput: flags.goodput.clone().unwrap_or_default(),
        require_trust: flags.require_trust,
        ui: registry.entry("ui", &flags.ui)?.name.clone(),
        plots: names_of("plot", &flags.plot, registry)?,
        slice_seconds: flags.slice_duration,
        shows_trace: flags.show_trace_timing,
    };
    output.goodput.check(Applicability::new(&metadata, &model_endpoint))?;
    let mut options = plugin_options(flags, registry)?;
    for (flag, key, value) in [
        ("--connection-reuse-strategy", "connection_reuse_strategy", flags.connection_reuse_strategy.map(json)),
        ("--http-version", "http_version", flags.http_version.map(json)),
    ] {
        let Some(value) = value else { continue };
        if transport.name == HTTP {
            options.entry(HTTP.to_owned()).or_default().insert(key.to_owned(), value);
        } else {
            let name = &transport.name;
            notices.push(format!("{flag} has no effect: transport `{name}` has no connections to choose"));
        }
    }
    Ok(Plan {
        target: Target {
            endpoint: endpoint.name.clone(),
            transport: transport.name.clone(),
            marks_sent,
            metadata,
            model_endpoint,
            request_urls,
            url_strategy: url_strategy.name.clone(),
            headers: flags.header.clone(),
            api_key: flags.api_key.clone(),
            timeout: Duration::from_secs_f64(flags.request_timeout_seconds),
        },
        input,
        load,
        output,
        services: Services {
            names: names_of("service", &flags.service, registry)?,
            manager: registry.entry("service_manager", &flags.service_manager)?.name.clone(),
            communication: registry.entry("communication", &flags.communication)?.name.clone(),
        },
        seed: flags.random_seed.unwrap_or(drawn_seed),
        plugin_options: options,
        notices,
    })
}

/// The entries of a category that are meant.
fn names_of(category: &str, wanted: &[String], registry: &Registry) -> Result<Vec<String>, PlanError> {
    let mut names = Vec::new();
    for name in wanted {
        names.push(registry.entry(category, name)?.name.clone());
    }
    Ok(names)
}

fn json(name: impl serde::Serialize) -> Value {
    serde_json::to_value(name).expect("a name is JSON")
}

/// The transport that was named, else the one for the scheme of the URLs, which must agree on it.
fn transport<'a>(flags: &ProfileFlags, registry: &'a Registry) -> Result<&'a Entry, PlanError> {
    if let Some(name) = &flags.transport {
        return Ok(registry.entry("transport", name)?);
    }
    let mut found: Option<&Entry> = None;
    for url in &flags.urls {
        let transport = registry.transport_for_url(url)?;
        let first = *found.get_or_insert(transport);
        if first.name != transport.name {
            return Err(PlanError::Mixed {
                first: first.name.clone(),
                url: url.clone(),
                other: transport.name.clone(),
            });
        }
    }
    found.ok_or(PlanError::NoUrl)
}

/// Ranking endpoints need a query and passages; the built-in ones and any whose name says so.
fn is_ranking(endpoint: &str) -> bool {
    endpoint.contains("ranking") || endpoint.contains("rerank")
}

fn metadata_of<T: DeserializeOwned>(entry: &Entry) -> Result<T, PlanError> {
    serde_json::from_value(entry.metadata.clone()).map_err(|error| PlanError::Metadata {
        category: &entry.category.name,
        name: entry.name.clone(),
        reason: error.to_string(),
    })
}

fn plugin_options(
    flags: &ProfileFlags,
    registry: &Registry,
) -> Result<BTreeMap<String, Map<String, Value>>, PlanError> {
    let mut options: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for option in &flags.plugin_option {
        let Some(entry) = registry.all().find(|entry| name::same(&entry.name, &option.entry)) else {
            let known = registry.all().map(|entry| entry.name.as_str());
            return Err(PlanError::NoSuchEntry {
                entry: option.entry.clone(),
                key: option.key.clone(),
                hint: name::suggestion(&option.entry, known),
            });
        };
        options.entry(entry.name.clone()).or_default().insert(option.key.clone(), option.value.clone());
    }
    Ok(options)
}
