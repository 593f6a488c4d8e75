//! `aiperf validate`: what an input file is, and whether every row of it can be used.

use std::path::PathBuf;

use clap::Args;

use super::failure::Failure;
use super::output;
use super::plugins::DiscoveryArgs;
use crate::dataset::file::{self, Looked, Survey};
use crate::exit::Exit;
use crate::plan::detection;

/// Everything `aiperf validate` takes.
#[derive(Debug, Args)]
pub struct ValidateArgs {
    /// The file or folder; a type may stand before it: `aiperf validate mooncake_trace FILE`
    #[arg(value_names = ["TYPE", "FILE"], required = true, num_args = 1..=2)]
    what: Vec<String>,

    /// Tokens that one hash id of a trace stands for
    #[arg(long, visible_alias = "isl-block-size", value_name = "TOKENS", value_parser = crate::config::values::count32)]
    block_size: Option<u32>,

    /// The most faults that are shown
    #[arg(long, value_name = "N", default_value_t = 20)]
    max_faults: usize,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// When the file cannot be read, or it cannot be told what it is.
pub fn run(args: &ValidateArgs, discovery: &DiscoveryArgs) -> Result<Exit, Failure> {
    let (named, path) = match args.what.as_slice() {
        [kind, path] => (Some(kind.as_str()), PathBuf::from(path)),
        rest => (None, rest.iter().map(PathBuf::from).collect()),
    };
    let registry = discovery.registry()?;
    let (kind, mut loader) = detection::reader(&path, named, args.block_size, &registry)?;
    let looked = Looked { path: &path, kind: &kind, loader: &mut *loader };
    let survey = file::survey(looked, args.max_faults).map_err(|error| Failure::new(Exit::Usage, &error))?;
    match args.json {
        true => output::stdout(&format!("{:#}\n", serde_json::json!(survey))),
        false => output::stdout(&text(&survey)),
    }
    Ok(if survey.bad == 0 && survey.requests > 0 { Exit::Success } else { Exit::Failed })
}

fn text(survey: &Survey) -> String {
    let Survey { rows, requests, bad, empty, .. } = survey;
    let mut text = format!("{} ({}): {rows} rows, {requests} requests", survey.path.display(), survey.kind);
    if *empty > 0 {
        text.push_str(&format!(", {empty} rows without one"));
    }
    match bad {
        0 if *requests == 0 => text.push_str(", nothing to send\n"),
        0 => text.push_str(", no faults\n"),
        _ => text.push_str(&format!(", {bad} bad rows\n")),
    }
    for (number, fault) in survey.faults.iter().enumerate() {
        text.push_str(&format!("{:>3}. {fault}\n", number + 1));
    }
    if (survey.faults.len() as u64) < *bad {
        text.push_str(&format!("     and {} more (--max-faults shows them)\n", bad - survey.faults.len() as u64));
    }
    text
}
