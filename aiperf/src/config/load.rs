//! The flags of `aiperf profile` that say when requests are sent, and when to stop.

use std::path::PathBuf;

use clap::Args;

use super::values;

/// When requests are sent, and when to stop.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Load")]
pub struct LoadFlags {
    /// Sessions at a time; with one-turn data, requests in flight. Alone: the next one starts as soon as one has ended. With a
    /// rate: the most that may be in flight
    #[arg(long, value_name = "N", value_parser = values::count)]
    pub concurrency: Option<u64>,

    /// Seconds in which the concurrency climbs from 1 to its full height
    #[arg(long, value_name = "SECONDS", value_parser = values::positive)]
    pub concurrency_ramp_duration: Option<f64>,

    /// Streaming: requests at a time whose reply has no content yet. The next is sent when a first token has come; at most the
    /// concurrency
    #[arg(long, value_name = "N", value_parser = values::count)]
    pub prefill_concurrency: Option<u64>,

    /// Seconds in which the prefill concurrency climbs from 1 to its full height
    #[arg(long, value_name = "SECONDS", value_parser = values::positive)]
    pub prefill_concurrency_ramp_duration: Option<f64>,

    /// Requests per second, sent whatever has come back
    #[arg(long, value_name = "PER_SECOND", value_parser = values::positive)]
    pub request_rate: Option<f64>,

    /// A JSON file with a rate that changes: a list of {"time_s": SECONDS, "qps": PER_SECOND}, linear in between. The run ends
    /// with its last point where nothing else ends it
    #[arg(long, value_name = "FILE")]
    pub request_rate_series: Option<PathBuf>,

    /// Seconds in which the rate climbs to its full height
    #[arg(long, value_name = "SECONDS", value_parser = values::positive)]
    pub request_rate_ramp_duration: Option<f64>,

    /// Spacing of the requests of a rate: an entry of the `arrival_pattern` category [default: poisson; gamma where a
    /// smoothness is given]
    #[arg(long, visible_alias = "request-rate-mode", value_name = "NAME")]
    pub arrival_pattern: Option<String>,

    /// Shape of the gamma arrival pattern: 1 is Poisson, more is more even, less is burstier; the coefficient of variation of
    /// the spacing is 1/sqrt(SHAPE)
    #[arg(long, visible_alias = "vllm-burstiness", value_name = "SHAPE", value_parser = values::positive)]
    pub arrival_smoothness: Option<f64>,

    /// Requests per second of all users together, each user with the same time between its turns; needs --num-users
    #[arg(long, value_name = "PER_SECOND", value_parser = values::positive)]
    pub user_centric_rate: Option<f64>,

    /// Users at a time; needs --user-centric-rate
    #[arg(long, value_name = "N", value_parser = values::count)]
    pub num_users: Option<u64>,

    /// Send at the time stamps of the input file, counted from the first [default: where its first row has one]
    #[arg(long)]
    pub fixed_schedule: bool,

    /// What decides when sessions start: an entry of the `timing_strategy` category [default: what the other flags ask for]
    #[arg(long, value_name = "NAME")]
    pub timing_strategy: Option<String>,

    /// Send by the other flags even where the input file has time stamps
    #[arg(long, conflicts_with = "fixed_schedule")]
    pub no_fixed_schedule: bool,

    /// How limits and rates climb: an entry of the `ramp` category
    #[arg(long, value_name = "NAME", default_value = "linear")]
    pub ramp: String,

    /// Threads that send [default: one for each processor, at most 32]
    #[arg(long, visible_alias = "max-workers", value_name = "N", value_parser = values::count)]
    pub workers_max: Option<u64>,

    /// Stop after this many requests [default: 10 where nothing else ends the run]
    #[arg(long, visible_alias = "num-requests", value_name = "N", value_parser = values::count)]
    pub request_count: Option<u64>,

    /// Stop starting sessions after this many; those that were started are finished
    #[arg(long = "conversation-num", visible_aliases = ["num-conversations", "num-sessions"], value_name = "N", value_parser = values::count)]
    pub sessions: Option<u64>,

    /// Stop sending after this long
    #[arg(long, value_name = "SECONDS", value_parser = values::positive)]
    pub benchmark_duration: Option<f64>,

    /// After the duration, wait this long for what is in flight, then give it up; `inf` waits for all [default: 30]
    #[arg(long, value_name = "SECONDS", value_parser = values::seconds_or_infinite)]
    pub benchmark_grace_period: Option<f64>,

    /// Percent of requests that are given up on purpose
    #[arg(long, value_name = "PERCENT", value_parser = values::percent)]
    pub request_cancellation_rate: Option<f64>,

    /// Seconds after which they are
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0, value_parser = values::non_negative)]
    pub request_cancellation_delay: f64,

    /// End the run, and fail, when more than this share of its requests has failed (0 to 1)
    #[arg(long, value_name = "SHARE", value_parser = values::share)]
    pub failed_request_threshold: Option<f64>,

    /// Requests to send before the measurement begins; they are not in the results
    #[arg(long, visible_alias = "num-warmup-requests", value_name = "N", value_parser = values::count, help_heading = "Warm-up")]
    pub warmup_request_count: Option<u64>,

    /// Seconds to send before the measurement begins
    #[arg(long, value_name = "SECONDS", value_parser = values::positive, help_heading = "Warm-up")]
    pub warmup_duration: Option<f64>,

    /// Sessions to walk through before the measurement begins
    #[arg(long, value_name = "N", value_parser = values::count, help_heading = "Warm-up")]
    pub num_warmup_sessions: Option<u64>,

    /// Concurrency of the warm-up [default: as the measurement]
    #[arg(long, value_name = "N", value_parser = values::count, help_heading = "Warm-up")]
    pub warmup_concurrency: Option<u64>,

    /// Seconds in which the concurrency of the warm-up climbs [default: as the measurement]
    #[arg(long, value_name = "SECONDS", value_parser = values::positive, help_heading = "Warm-up")]
    pub warmup_concurrency_ramp_duration: Option<f64>,

    /// Prefill concurrency of the warm-up [default: as the measurement]
    #[arg(long, value_name = "N", value_parser = values::count, help_heading = "Warm-up")]
    pub warmup_prefill_concurrency: Option<u64>,

    /// Seconds in which the prefill concurrency of the warm-up climbs [default: as the measurement]
    #[arg(long, value_name = "SECONDS", value_parser = values::positive, help_heading = "Warm-up")]
    pub warmup_prefill_concurrency_ramp_duration: Option<f64>,

    /// Rate of the warm-up [default: as the measurement]
    #[arg(long, value_name = "PER_SECOND", value_parser = values::positive, help_heading = "Warm-up")]
    pub warmup_request_rate: Option<f64>,

    /// Seconds in which the rate of the warm-up climbs [default: as the measurement]
    #[arg(long, value_name = "SECONDS", value_parser = values::positive, help_heading = "Warm-up")]
    pub warmup_request_rate_ramp_duration: Option<f64>,

    /// Spacing of the warm-up: an entry of the `arrival_pattern` category [default: as the measurement]
    #[arg(long, value_name = "NAME", help_heading = "Warm-up")]
    pub warmup_arrival_pattern: Option<String>,

    /// After the warm-up's duration, wait this long for what is in flight [default: for all of it]
    #[arg(long, value_name = "SECONDS", value_parser = values::seconds_or_infinite, help_heading = "Warm-up")]
    pub warmup_grace_period: Option<f64>,
}

/// Requests sent when nothing else ends a run.
pub const DEFAULT_REQUEST_COUNT: u64 = 10;

/// Threads that send when nobody says how many: not more than this, however many processors there are.
pub const MOST_WORKERS: u64 = 32;

/// Sessions at a time when neither a concurrency nor a rate is given.
pub const DEFAULT_CONCURRENCY: u64 = 1;

/// Seconds to wait for what is in flight after the duration.
pub const DEFAULT_GRACE_SECONDS: f64 = 30.0;

/// Spacing of a rate when none is given.
pub const DEFAULT_ARRIVAL_PATTERN: &str = "poisson";

/// Spacing of a rate when a smoothness is given.
pub const SMOOTH_ARRIVAL_PATTERN: &str = "gamma";

/// Shape of an arrival pattern that is not told any.
pub const DEFAULT_SMOOTHNESS: f64 = 1.0;

/// Seconds that a call into a plugin may take.
pub const DEFAULT_PLUGIN_TIMEOUT_SECONDS: f64 = 30.0;
