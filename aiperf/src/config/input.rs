//! The flags of `aiperf profile` that say what is sent from a file, and what is done to recorded traffic.

use std::path::PathBuf;

use clap::Args;

use super::values;
use crate::dataset::{Corpus, FileKind, Mixture};

/// What is sent, beyond lengths.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Input")]
pub struct InputFlags {
    /// Send what is in this file or folder instead of made-up prompts: turns, conversations, request bodies, the inputs.json
    /// of a run, or a recorded trace (`aiperf validate FILE` says what a file is)
    #[arg(long, value_name = "PATH", conflicts_with_all = ["mixture", "shared_system_prompt_length", "user_context_prompt_length", "prefix_pool", "turns_mean", "delay_mean_ms"])]
    pub input_file: Option<PathBuf>,

    /// What the input file is: single_turn, multi_turn, random_pool, raw_payload, inputs_json, mooncake_trace, bailian_trace,
    /// burst_gpt_trace, azure_trace or sharegpt [default: told from its first row]
    #[arg(long, value_name = "TYPE", value_parser = FileKind::named)]
    pub custom_dataset_type: Option<FileKind>,

    /// Order in which conversations are drawn, an entry of the `dataset_sampler` category: sequential (around and around),
    /// shuffle (each once a round, a new order each round) or random (with replacement) [default: sequential, for random_pool
    /// shuffle]
    #[arg(long, value_name = "NAME")]
    pub dataset_sampling_strategy: Option<String>,

    /// Text that made-up prompts are cut from: sonnet, coding or random
    #[arg(long, value_name = "NAME", default_value = "sonnet", value_parser = Corpus::named)]
    pub prompt_corpus: Corpus,

    /// Mean number of turns of a made-up conversation
    #[arg(long = "conversation-turn-mean", visible_alias = "session-turns-mean", value_name = "N", default_value_t = 1.0, value_parser = values::positive)]
    pub turns_mean: f64,

    /// Standard deviation of it
    #[arg(long = "conversation-turn-stddev", visible_alias = "session-turns-stddev", value_name = "N", default_value_t = 0.0, value_parser = values::non_negative)]
    pub turns_stddev: f64,

    /// Mean time between a reply and the next turn of a made-up conversation
    #[arg(long = "conversation-turn-delay-mean", visible_alias = "session-turn-delay-mean", value_name = "MS", default_value_t = 0.0, value_parser = values::non_negative)]
    pub delay_mean_ms: f64,

    /// Standard deviation of it
    #[arg(long = "conversation-turn-delay-stddev", visible_alias = "session-turn-delay-stddev", value_name = "MS", default_value_t = 0.0, value_parser = values::non_negative)]
    pub delay_stddev_ms: f64,

    /// Pairs of input and output length with their shares in percent, one of which is drawn for each turn:
    /// 128,64:60;512|50,256|20:40 (| before a standard deviation), or JSON
    #[arg(long = "seq-dist", visible_alias = "sequence-distribution", value_name = "PAIRS", value_parser = Mixture::parse)]
    pub mixture: Option<Mixture>,

    /// The system message of every conversation
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["system_prompt_file", "shared_system_prompt_length"], help_heading = "Prefixes")]
    pub system_prompt: Option<String>,

    /// A file with the system message of every conversation
    #[arg(long, value_name = "PATH", conflicts_with = "shared_system_prompt_length", help_heading = "Prefixes")]
    pub system_prompt_file: Option<PathBuf>,

    /// Tokens of a made-up system message that all conversations share
    #[arg(long, value_name = "TOKENS", value_parser = values::count32, conflicts_with = "prefix_pool", help_heading = "Prefixes")]
    pub shared_system_prompt_length: Option<u32>,

    /// Tokens of a made-up text that each conversation has for itself, before its first turn
    #[arg(long, value_name = "TOKENS", value_parser = values::count32, help_heading = "Prefixes")]
    pub user_context_prompt_length: Option<u32>,

    /// Number of prefixes, one of which begins the first prompt of each conversation; needs --prompt-prefix-length
    #[arg(long = "prompt-prefix-pool-size", visible_aliases = ["prefix-prompt-pool-size", "num-prefix-prompts"], value_name = "N", value_parser = values::count32, requires = "prefix_length", help_heading = "Prefixes")]
    pub prefix_pool: Option<u32>,

    /// Tokens of such a prefix, beside those of the prompt; needs --prompt-prefix-pool-size
    #[arg(long = "prompt-prefix-length", visible_alias = "prefix-prompt-length", value_name = "TOKENS", value_parser = values::count32, requires = "prefix_pool", help_heading = "Prefixes")]
    pub prefix_length: Option<u32>,

    /// Tokens that one hash id of a trace stands for [default: 512 for mooncake_trace, 16 for bailian_trace]
    #[arg(long = "prompt-input-tokens-block-size", visible_aliases = ["synthetic-input-tokens-block-size", "isl-block-size"], value_name = "TOKENS", value_parser = values::count32, help_heading = "Trace")]
    pub block_size: Option<u32>,

    /// Divide the times of a trace by this: 2 is twice as fast
    #[arg(long = "synthesis-speedup-ratio", value_name = "FACTOR", default_value_t = 1.0, value_parser = values::positive, help_heading = "Trace")]
    pub speedup: f64,

    /// Leave out rows of a trace with more input tokens
    #[arg(long = "synthesis-max-isl", value_name = "TOKENS", value_parser = values::count32, help_heading = "Trace")]
    pub max_isl: Option<u32>,

    /// Ask for at most so many output tokens, whatever a trace says
    #[arg(long = "synthesis-max-osl", value_name = "TOKENS", value_parser = values::count32, help_heading = "Trace")]
    pub max_osl: Option<u32>,

    /// Leave out what a file holds before this time, as recorded; it becomes time zero
    #[arg(long = "fixed-schedule-start-offset", value_name = "MS", value_parser = values::non_negative, help_heading = "Trace")]
    pub start_offset_ms: Option<f64>,

    /// Leave out what a file holds after this time, as recorded
    #[arg(long = "fixed-schedule-end-offset", value_name = "MS", value_parser = values::non_negative, help_heading = "Trace")]
    pub end_offset_ms: Option<f64>,

    /// Count times from the earliest one that is not left out
    #[arg(long = "fixed-schedule-auto-offset", conflicts_with = "start_offset_ms", help_heading = "Trace")]
    pub auto_offset: bool,

    /// Multiply every delay between turns by this
    #[arg(long = "conversation-turn-delay-ratio", visible_alias = "session-delay-ratio", value_name = "FACTOR", default_value_t = 1.0, value_parser = values::non_negative)]
    pub delay_ratio: f64,
}
