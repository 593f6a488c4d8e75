//! The flags of `aiperf profile` that say what is sent from a file, and what is done to recorded traffic.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::values;
use crate::dataset::{Corpus, Mixture};

/// How images are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ImageFormatFlag {
    /// All as PNG.
    Png,
    /// All as JPEG.
    Jpeg,
    /// Each as one or the other.
    Random,
}

/// What is sent, beyond lengths.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Input")]
pub struct InputFlags {
    /// Send what is in this file or folder instead of made-up prompts: turns, conversations, request bodies, the inputs.json
    /// of a run, or a recorded trace (`aiperf validate FILE` says what a file is)
    #[arg(long, value_name = "PATH", conflicts_with_all = ["mixture", "shared_system_prompt_length", "user_context_prompt_length", "prefix_pool", "turns_mean", "delay_mean_ms"])]
    pub input_file: Option<PathBuf>,

    /// What the input file is, an entry of the `custom_dataset_loader` category: single_turn, multi_turn, random_pool,
    /// raw_payload, inputs_json, mooncake_trace, bailian_trace, burst_gpt_trace, azure_trace or sharegpt [default: told from
    /// its first row]
    #[arg(long, value_name = "TYPE")]
    pub custom_dataset_type: Option<String>,

    /// Send a dataset that everybody can get, an entry of the `public_dataset_loader` category: it is fetched once, into the
    /// user's cache folder
    #[arg(long, value_name = "NAME", conflicts_with_all = ["input_file", "mixture", "shared_system_prompt_length", "user_context_prompt_length", "prefix_pool", "turns_mean", "delay_mean_ms"])]
    pub public_dataset: Option<String>,

    /// Who makes prompts up, an entry of the `dataset_composer` category [default: synthetic, for rankings
    /// synthetic_rankings]
    #[arg(long, value_name = "NAME", conflicts_with_all = ["input_file", "public_dataset"])]
    pub dataset_composer: Option<String>,

    /// Where conversations are kept, an entry of the `dataset_backing_store` category: memory, or file, of which only the
    /// places are in memory [default: memory for what is made up, up to 64 MiB, else file]
    #[arg(long, value_name = "NAME")]
    pub dataset_backing_store: Option<String>,

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

    /// Mean width of a made-up image, pixels; with a height, each turn has images [default: none]
    #[arg(long, value_name = "PIXELS", value_parser = values::positive, requires = "image_height_mean", conflicts_with_all = ["input_file", "public_dataset"], help_heading = "Images")]
    pub image_width_mean: Option<f64>,

    /// Standard deviation of it
    #[arg(long, value_name = "PIXELS", default_value_t = 0.0, value_parser = values::non_negative, help_heading = "Images")]
    pub image_width_stddev: f64,

    /// Mean height of a made-up image, pixels
    #[arg(long, value_name = "PIXELS", value_parser = values::positive, requires = "image_width_mean", help_heading = "Images")]
    pub image_height_mean: Option<f64>,

    /// Standard deviation of it
    #[arg(long, value_name = "PIXELS", default_value_t = 0.0, value_parser = values::non_negative, help_heading = "Images")]
    pub image_height_stddev: f64,

    /// Images per turn
    #[arg(long, visible_alias = "batch-size-image", value_name = "N", default_value_t = 1, value_parser = values::count32, help_heading = "Images")]
    pub image_batch_size: u32,

    /// How images are written: png, jpeg, or random, one or the other
    #[arg(long, value_enum, value_name = "NAME", default_value = "png", ignore_case = true, help_heading = "Images")]
    pub image_format: ImageFormatFlag,

    /// What is in an image: noise, or a folder of pictures that are sent as they are (then without a size)
    #[arg(long, value_name = "noise|FOLDER", default_value = "noise", help_heading = "Images")]
    pub image_source: PathBuf,

    /// Mean length of a made-up audio clip, seconds; each turn has clips of noise then, as WAV [default: none]
    #[arg(long, value_name = "SECONDS", value_parser = values::positive, conflicts_with_all = ["input_file", "public_dataset"], help_heading = "Audio")]
    pub audio_length_mean: Option<f64>,

    /// Standard deviation of it
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0, value_parser = values::non_negative, help_heading = "Audio")]
    pub audio_length_stddev: f64,

    /// Clips per turn
    #[arg(long, visible_alias = "batch-size-audio", value_name = "N", default_value_t = 1, value_parser = values::count32, help_heading = "Audio")]
    pub audio_batch_size: u32,

    /// The container of a clip; MP3 is not made
    #[arg(long, value_name = "NAME", default_value = "wav", value_parser = ["wav"], help_heading = "Audio")]
    pub audio_format: String,

    /// Bits of a sample (8, 16, 24 or 32); of several, each clip has one
    #[arg(long, value_name = "BITS", value_delimiter = ',', default_value = "16", value_parser = values::depth, help_heading = "Audio")]
    pub audio_depths: Vec<u16>,

    /// Thousands of samples a second; of several, each clip has one
    #[arg(long, value_name = "KHZ", value_delimiter = ',', default_value = "16", value_parser = values::positive, help_heading = "Audio")]
    pub audio_sample_rates: Vec<f64>,

    /// Channels of a clip, 1 or 2
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=2), help_heading = "Audio")]
    pub audio_num_channels: u16,

    /// Multiply every delay between turns by this
    #[arg(long = "conversation-turn-delay-ratio", visible_alias = "session-delay-ratio", value_name = "FACTOR", default_value_t = 1.0, value_parser = values::non_negative)]
    pub delay_ratio: f64,
}
