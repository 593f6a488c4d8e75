//! When a run sends: its phases, each with its own timing and its own stop rule.

use std::path::Path;

use serde::Serialize;

use super::PlanError;
use crate::config::flags::PhaseFlags;
use crate::config::load::{
    DEFAULT_ARRIVAL_PATTERN, DEFAULT_CONCURRENCY, DEFAULT_GRACE_SECONDS, DEFAULT_REQUEST_COUNT, DEFAULT_SMOOTHNESS,
    LoadFlags, MOST_WORKERS, SMOOTH_ARRIVAL_PATTERN,
};
use crate::plugin::registry::Registry;
use crate::timing::RateSeries;

/// When to send.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Load {
    /// What is measured, in this order; at least one, and mostly one alone.
    pub measurements: Vec<Measurement>,
    /// Threads that send.
    pub workers: u64,
}

/// A phase with results of its own, and the warm-up before it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measurement {
    /// What the user calls it.
    pub name: String,
    /// What comes before, if anything does.
    pub warmup: Option<PhasePlan>,
    /// What is measured.
    pub profiling: PhasePlan,
    /// Requests of it that are given up on purpose.
    pub cancellation: Option<Cancellation>,
    /// Share of failed requests of it beyond which the run ends.
    pub failed_request_threshold: Option<f64>,
}

/// A stretch of the run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PhasePlan {
    /// What drives the sends.
    pub timing: Timing,
    /// Entry of the `timing_strategy` category.
    pub strategy: String,
    /// The most sessions at a time.
    pub concurrency: Option<u64>,
    /// Seconds in which it climbs to that.
    pub concurrency_ramp_seconds: Option<f64>,
    /// The most requests at a time whose reply has no content yet.
    pub prefill_concurrency: Option<u64>,
    /// Seconds in which it climbs to that.
    pub prefill_concurrency_ramp_seconds: Option<f64>,
    /// Entry of the `ramp` category.
    pub ramp: String,
    /// Stop after this many requests.
    pub request_count: Option<u64>,
    /// Start no more than this many sessions.
    pub session_count: Option<u64>,
    /// Stop sending after this many seconds.
    pub duration_seconds: Option<f64>,
    /// Then wait this many seconds for what is in flight; absent: for all of it.
    pub grace_seconds: Option<f64>,
}

/// What drives the sends.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Timing {
    /// A slot that became free.
    Concurrency,
    /// An arrival process.
    RequestRate {
        /// Requests per second.
        rate: f64,
        /// Entry of the `arrival_pattern` category.
        arrival_pattern: String,
        /// Its shape, where it has one.
        smoothness: f64,
        /// Seconds in which the rate climbs to that.
        ramp_seconds: Option<f64>,
    },
    /// An arrival process whose rate follows points in time.
    RateSeries {
        /// The points.
        series: RateSeries,
        /// Entry of the `arrival_pattern` category.
        arrival_pattern: String,
        /// Its shape, where it has one.
        smoothness: f64,
    },
    /// Users with a fixed time between their turns.
    UserCentric {
        /// Requests per second of all of them.
        rate: f64,
        /// How many there are at a time.
        users: u64,
    },
    /// The time stamps of the data.
    FixedSchedule,
}

/// Requests that are given up on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Cancellation {
    /// Percent of all.
    pub rate_percent: f64,
    /// Seconds after they were sent.
    pub delay_seconds: f64,
}

impl Load {
    /// What gives the run its name: its first measurement.
    pub fn first(&self) -> &Measurement {
        self.measurements.first().expect("a run measures something")
    }

    /// Requests of all measurements together, where each has a number of them.
    pub fn request_count(&self) -> Option<u64> {
        self.measurements.iter().map(|one| one.profiling.session_count.or(one.profiling.request_count)).sum()
    }

    /// The flag that limits requests before their first content, if one does.
    pub fn prefill_flag(&self) -> Option<&'static str> {
        self.measurements.iter().find_map(|Measurement { warmup, profiling, .. }| {
            let warmup = warmup.as_ref().and_then(|warmup| warmup.prefill_concurrency);
            match (profiling.prefill_concurrency, warmup) {
                (Some(_), _) => Some("--prefill-concurrency"),
                (None, Some(_)) => Some("--warmup-prefill-concurrency"),
                (None, None) => None,
            }
        })
    }
}

impl Timing {
    /// Its own entry of the `timing_strategy` category.
    pub fn strategy(&self) -> &'static str {
        match self {
            Self::Concurrency => "concurrency",
            Self::RequestRate { .. } | Self::RateSeries { .. } => "request_rate",
            Self::UserCentric { .. } => "user_centric",
            Self::FixedSchedule => "fixed_schedule",
        }
    }
}

/// Makes the load of a run of one measurement.
///
/// # Errors
/// When flags disagree or name what the registry does not have.
pub fn resolve_load(flags: &LoadFlags, registry: &Registry) -> Result<Load, PlanError> {
    let measurement = measurement(PROFILING, flags, registry)?;
    let processors = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let workers = flags.workers_max.unwrap_or(processors.min(MOST_WORKERS));
    Ok(Load { measurements: vec![measurement], workers })
}

/// Makes the load of a run of several measurements.
///
/// # Errors
/// As [`resolve_load`].
pub fn resolve_phases(phases: &[PhaseFlags], registry: &Registry) -> Result<Vec<Measurement>, PlanError> {
    let one = |phase: &PhaseFlags| {
        let measured = measurement(&phase.name, &phase.load, registry)?;
        // A warm-up that was asked for by options takes the place of the file's.
        Ok(match (&measured.warmup, &phase.warmup) {
            (None, Some(own)) => {
                Measurement { warmup: Some(measurement(PROFILING, own, registry)?.profiling), ..measured }
            }
            _ => measured,
        })
    };
    phases.iter().map(one).collect()
}

/// What a measurement is called when nobody calls it anything.
pub const PROFILING: &str = "profiling";

fn measurement(name: &str, flags: &LoadFlags, registry: &Registry) -> Result<Measurement, PlanError> {
    flags_agree(flags)?;
    let timing = timing(flags, registry)?;
    let strategy = registry.entry("timing_strategy", flags.timing_strategy.as_deref().unwrap_or(timing.strategy()))?;
    let concurrency = match timing {
        Timing::Concurrency => Some(flags.concurrency.unwrap_or(DEFAULT_CONCURRENCY)),
        _ => flags.concurrency,
    };
    prefill_fits("--prefill-concurrency", flags.prefill_concurrency, concurrency)?;
    let grace = flags.benchmark_grace_period.or(flags.benchmark_duration.map(|_| DEFAULT_GRACE_SECONDS));
    let mut profiling = PhasePlan {
        strategy: strategy.name.clone(),
        timing,
        concurrency,
        concurrency_ramp_seconds: flags.concurrency_ramp_duration,
        prefill_concurrency: flags.prefill_concurrency,
        prefill_concurrency_ramp_seconds: flags.prefill_concurrency_ramp_duration,
        ramp: registry.entry("ramp", &flags.ramp)?.name.clone(),
        request_count: flags.request_count,
        session_count: flags.sessions,
        duration_seconds: flags.benchmark_duration,
        grace_seconds: finite(grace),
    };
    let warmup = warmup(flags, registry, &profiling)?;
    end_of_series(&mut profiling);
    let unending = profiling.session_count.is_none() && profiling.duration_seconds.is_none();
    if unending && profiling.timing != Timing::FixedSchedule {
        profiling.request_count.get_or_insert(DEFAULT_REQUEST_COUNT);
    }
    let cancellation = flags
        .request_cancellation_rate
        .map(|rate_percent| Cancellation { rate_percent, delay_seconds: flags.request_cancellation_delay });
    let failed_request_threshold = flags.failed_request_threshold;
    Ok(Measurement { name: name.to_owned(), warmup, profiling, cancellation, failed_request_threshold })
}

fn flags_agree(flags: &LoadFlags) -> Result<(), PlanError> {
    let drivers = [
        ("--request-rate", flags.request_rate.is_some()),
        ("--request-rate-series", flags.request_rate_series.is_some()),
        ("--user-centric-rate", flags.user_centric_rate.is_some()),
        ("--fixed-schedule", flags.fixed_schedule),
    ];
    let mut given = drivers.into_iter().filter(|(_, given)| *given).map(|(flag, _)| flag);
    if let (Some(first), Some(second)) = (given.next(), given.next()) {
        return Err(PlanError::Excludes { flag: first, other: second });
    }
    let rate = flags.request_rate.is_some();
    let spaced = rate || flags.request_rate_series.is_some();
    for (given, flag, has, needs) in [
        (flags.arrival_pattern.is_some(), "--arrival-pattern", spaced, "--request-rate or --request-rate-series"),
        (flags.arrival_smoothness.is_some(), "--arrival-smoothness", spaced, "--request-rate or --request-rate-series"),
        (flags.request_rate_ramp_duration.is_some(), "--request-rate-ramp-duration", rate, "--request-rate"),
        (flags.num_users.is_some(), "--num-users", flags.user_centric_rate.is_some(), "--user-centric-rate"),
        (flags.user_centric_rate.is_some(), "--user-centric-rate", flags.num_users.is_some(), "--num-users"),
        (
            flags.benchmark_grace_period.is_some(),
            "--benchmark-grace-period",
            flags.benchmark_duration.is_some(),
            "--benchmark-duration",
        ),
        (
            flags.request_cancellation_delay > 0.0,
            "--request-cancellation-delay",
            flags.request_cancellation_rate.is_some(),
            "--request-cancellation-rate",
        ),
        (
            flags.concurrency_ramp_duration.is_some(),
            "--concurrency-ramp-duration",
            flags.concurrency.is_some(),
            "--concurrency",
        ),
        (
            flags.warmup_arrival_pattern.is_some(),
            "--warmup-arrival-pattern",
            spaced || flags.warmup_request_rate.is_some(),
            "--warmup-request-rate or --request-rate",
        ),
        (
            flags.prefill_concurrency_ramp_duration.is_some(),
            "--prefill-concurrency-ramp-duration",
            flags.prefill_concurrency.is_some(),
            "--prefill-concurrency",
        ),
        (
            flags.warmup_prefill_concurrency_ramp_duration.is_some(),
            "--warmup-prefill-concurrency-ramp-duration",
            flags.prefill_concurrency.or(flags.warmup_prefill_concurrency).is_some(),
            "--warmup-prefill-concurrency or --prefill-concurrency",
        ),
        (
            flags.warmup_request_rate_ramp_duration.is_some(),
            "--warmup-request-rate-ramp-duration",
            rate || flags.warmup_request_rate.is_some(),
            "--warmup-request-rate or --request-rate",
        ),
        (
            flags.warmup_concurrency_ramp_duration.is_some(),
            "--warmup-concurrency-ramp-duration",
            flags.concurrency.or(flags.warmup_concurrency).is_some(),
            "--warmup-concurrency or --concurrency",
        ),
        (has_warmup_detail(flags), "a --warmup-… flag", has_warmup(flags), WARMUP_SIZES),
    ] {
        if given && !has {
            return Err(PlanError::Needs { flag, needs });
        }
    }
    Ok(())
}

const WARMUP_SIZES: &str = "one of --warmup-request-count, --warmup-duration, --num-warmup-sessions";

fn has_warmup(flags: &LoadFlags) -> bool {
    flags.warmup_request_count.is_some() || flags.warmup_duration.is_some() || flags.num_warmup_sessions.is_some()
}

fn has_warmup_detail(flags: &LoadFlags) -> bool {
    flags.warmup_concurrency.is_some()
        || flags.warmup_request_rate.is_some()
        || flags.warmup_arrival_pattern.is_some()
        || flags.warmup_grace_period.is_some()
        || flags.warmup_prefill_concurrency.is_some()
        || flags.warmup_concurrency_ramp_duration.is_some()
        || flags.warmup_prefill_concurrency_ramp_duration.is_some()
        || flags.warmup_request_rate_ramp_duration.is_some()
}

/// More requests before their first content than requests in flight there cannot be.
fn prefill_fits(flag: &'static str, wanted: Option<u64>, concurrency: Option<u64>) -> Result<(), PlanError> {
    match (wanted, concurrency) {
        (Some(wanted), Some(limit)) if wanted > limit => Err(PlanError::Exceeds { flag, wanted, limit }),
        _ => Ok(()),
    }
}

fn rate_series(path: &Path) -> Result<RateSeries, PlanError> {
    let fault =
        |place: String, reason: String| PlanError::RateSeries { file: format!("{}{place}", path.display()), reason };
    let text = std::fs::read_to_string(path).map_err(|error| fault(String::new(), error.to_string()))?;
    RateSeries::parse(&text).map_err(|error| {
        let reason = error.to_string();
        let place = format!(" at line {} column {}", error.line(), error.column());
        let reason = reason.strip_suffix(&place).unwrap_or(&reason).to_owned();
        fault(format!(":{}:{}", error.line(), error.column()), reason)
    })
}

/// Nothing comes after the end of a series that dries up, and without any other end its last point is one.
fn end_of_series(phase: &mut PhasePlan) {
    let Timing::RateSeries { series, .. } = &phase.timing else { return };
    let unending = phase.request_count.is_none() && phase.session_count.is_none();
    if series.end_s() > 0.0 && (series.dries_up() || unending) {
        let given = phase.duration_seconds.filter(|given| !series.dries_up() || *given < series.end_s());
        phase.duration_seconds = given.or(Some(series.end_s()));
    }
}

fn timing(flags: &LoadFlags, registry: &Registry) -> Result<Timing, PlanError> {
    Ok(match (flags.request_rate, flags.user_centric_rate, flags.num_users) {
        (Some(rate), ..) => Timing::RequestRate {
            rate,
            arrival_pattern: arrival_pattern(flags.arrival_pattern.as_deref(), flags, registry)?,
            smoothness: flags.arrival_smoothness.unwrap_or(DEFAULT_SMOOTHNESS),
            ramp_seconds: flags.request_rate_ramp_duration,
        },
        (None, Some(rate), Some(users)) => Timing::UserCentric { rate, users },
        _ => match &flags.request_rate_series {
            Some(path) => Timing::RateSeries {
                series: rate_series(path)?,
                arrival_pattern: arrival_pattern(flags.arrival_pattern.as_deref(), flags, registry)?,
                smoothness: flags.arrival_smoothness.unwrap_or(DEFAULT_SMOOTHNESS),
            },
            None if flags.fixed_schedule => Timing::FixedSchedule,
            None => Timing::Concurrency,
        },
    })
}

fn arrival_pattern(wanted: Option<&str>, flags: &LoadFlags, registry: &Registry) -> Result<String, PlanError> {
    let default = if flags.arrival_smoothness.is_some() { SMOOTH_ARRIVAL_PATTERN } else { DEFAULT_ARRIVAL_PATTERN };
    Ok(registry.entry("arrival_pattern", wanted.unwrap_or(default))?.name.clone())
}

/// What is not said about the warm-up is as in the measurement; a schedule and users are warmed up by concurrency.
fn warmup(flags: &LoadFlags, registry: &Registry, profiling: &PhasePlan) -> Result<Option<PhasePlan>, PlanError> {
    if !has_warmup(flags) {
        return Ok(None);
    }
    let timing = match (flags.warmup_request_rate, &profiling.timing) {
        (Some(rate), _) => Timing::RequestRate {
            rate,
            arrival_pattern: arrival_pattern(
                flags.warmup_arrival_pattern.as_deref().or(flags.arrival_pattern.as_deref()),
                flags,
                registry,
            )?,
            smoothness: flags.arrival_smoothness.unwrap_or(DEFAULT_SMOOTHNESS),
            ramp_seconds: flags.warmup_request_rate_ramp_duration,
        },
        (None, Timing::RequestRate { rate, smoothness, ramp_seconds, arrival_pattern: same }) => Timing::RequestRate {
            rate: *rate,
            arrival_pattern: match &flags.warmup_arrival_pattern {
                Some(own) => arrival_pattern(Some(own), flags, registry)?,
                None => same.clone(),
            },
            smoothness: *smoothness,
            ramp_seconds: flags.warmup_request_rate_ramp_duration.or(*ramp_seconds),
        },
        (None, Timing::RateSeries { series, smoothness, arrival_pattern: same }) => Timing::RateSeries {
            series: series.clone(),
            arrival_pattern: match &flags.warmup_arrival_pattern {
                Some(own) => arrival_pattern(Some(own), flags, registry)?,
                None => same.clone(),
            },
            smoothness: *smoothness,
        },
        (None, _) => Timing::Concurrency,
    };
    let concurrency = match (flags.warmup_concurrency.or(flags.concurrency), &timing) {
        (None, Timing::Concurrency) => Some(DEFAULT_CONCURRENCY),
        (concurrency, _) => concurrency,
    };
    prefill_fits("--warmup-prefill-concurrency", flags.warmup_prefill_concurrency, concurrency)?;
    let mut warmup = PhasePlan {
        concurrency,
        concurrency_ramp_seconds: flags.warmup_concurrency_ramp_duration.or(flags.concurrency_ramp_duration),
        prefill_concurrency: flags.warmup_prefill_concurrency.or(flags.prefill_concurrency),
        prefill_concurrency_ramp_seconds: flags
            .warmup_prefill_concurrency_ramp_duration
            .or(flags.prefill_concurrency_ramp_duration),
        strategy: timing.strategy().to_owned(),
        timing,
        request_count: flags.warmup_request_count,
        session_count: flags.num_warmup_sessions,
        duration_seconds: flags.warmup_duration,
        grace_seconds: finite(flags.warmup_grace_period),
        ..profiling.clone()
    };
    end_of_series(&mut warmup);
    Ok(Some(warmup))
}

fn finite(seconds: Option<f64>) -> Option<f64> {
    seconds.filter(|seconds| seconds.is_finite())
}
