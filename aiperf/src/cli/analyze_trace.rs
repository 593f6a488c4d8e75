//! `aiperf analyze-trace`: lengths, rate and shared prefixes of a file of requests, without sending it.

use std::fmt::Write;
use std::path::PathBuf;

use clap::Args;

use super::failure::Failure;
use super::output;
use super::plugins::DiscoveryArgs;
use crate::dataset::file::{self, Analysis, Looked, Quantiles};
use crate::exit::Exit;
use crate::export::file::write_whole;
use crate::plan::detection;
use crate::tokenizer::{self, TokenizerChoice};

/// Everything `aiperf analyze-trace` takes.
#[derive(Debug, Args)]
pub struct AnalyzeTraceArgs {
    /// The file or folder
    #[arg(value_name = "FILE")]
    path: PathBuf,

    /// What it is [default: told from its first row]
    #[arg(long = "custom-dataset-type", visible_alias = "type", value_name = "TYPE")]
    kind: Option<String>,

    /// Tokens that one hash id stands for [default: 512 for mooncake_trace, 16 for bailian_trace]
    #[arg(long, visible_alias = "isl-block-size", value_name = "TOKENS", value_parser = crate::config::values::count32)]
    block_size: Option<u32>,

    /// What counts the tokens of rows that hold text
    #[arg(long, value_name = "NAME", default_value = "builtin")]
    tokenizer: String,

    /// Print JSON
    #[arg(long)]
    json: bool,

    /// Write the JSON into this file too
    #[arg(long, value_name = "FILE")]
    output_file: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// When the file cannot be read or a row of it is bad, and when the output cannot be written.
pub fn run(args: &AnalyzeTraceArgs, discovery: &DiscoveryArgs) -> Result<Exit, Failure> {
    let registry = discovery.registry()?;
    let (kind, mut loader) = detection::reader(&args.path, args.kind.as_deref(), args.block_size, &registry)?;
    let loaded = tokenizer::load(&TokenizerChoice { name: Some(args.tokenizer.clone()), ..TokenizerChoice::default() })
        .map_err(|error| Failure::new(Exit::Usage, &error))?;
    let looked = Looked { path: &args.path, kind: &kind, loader: &mut *loader };
    let analysis = file::analyze(looked, &loaded.tokenizer).map_err(|error| Failure::new(Exit::Usage, &error))?;
    let json = format!("{:#}\n", serde_json::json!(analysis));
    if let Some(path) = &args.output_file {
        write_whole(path, json.as_bytes()).map_err(|error| Failure::new(Exit::Failed, &error))?;
    }
    output::stdout(&if args.json { json } else { text(&analysis) });
    Ok(Exit::Success)
}

fn text(analysis: &Analysis) -> String {
    let mut text = format!("{} ({}): {} requests", analysis.path.display(), analysis.kind, analysis.requests);
    if let Some(duration) = analysis.duration_ms {
        let _ = write!(text, " in {:.3} s", duration / 1000.0);
    }
    if let Some(rate) = analysis.rate {
        let _ = write!(text, ", {rate:.3} per second");
    }
    let heads = ["Mean", "Std Dev", "Min", "P25", "Median", "P75", "P90", "P99", "Max"];
    let _ = write!(text, "\n\n{:<24}", "");
    for head in heads {
        let _ = write!(text, "{head:>10}");
    }
    text.push('\n');
    line(&mut text, "Input length", Some(analysis.input_length), 1);
    if let Some(sharing) = &analysis.sharing {
        line(&mut text, "Context length", Some(sharing.context_length), 1);
        line(&mut text, "Unique prompt length", Some(sharing.unique_length), 1);
    }
    line(&mut text, "Output length", analysis.output_length, 1);
    if let Some(sharing) = &analysis.sharing {
        line(&mut text, "Theoretical hit rate", Some(sharing.hit_rate), 3);
        let _ = write!(
            text,
            "\n{} blocks of {} tokens, {} different. A cache of prefixes without limit would have had {:.1} % of all input \
             tokens.\nContext is the start of a prompt that another prompt has too.\n",
            sharing.blocks,
            sharing.block_size,
            sharing.distinct_blocks,
            sharing.overall_hit_rate * 100.0
        );
    }
    text
}

fn line(text: &mut String, name: &str, quantiles: Option<Quantiles>, digits: usize) {
    let Some(Quantiles { mean, stddev, min, p25, p50, p75, p90, p99, max }) = quantiles else { return };
    let _ = write!(text, "{name:<24}");
    for value in [mean, stddev, min, p25, p50, p75, p90, p99, max] {
        let _ = write!(text, "{value:>10.digits$}");
    }
    text.push('\n');
}
