//! `aiperf profile`: flags in, a plan, a run, its results on the screen.

use std::process::ExitCode;

use clap::Args;

use super::console::{self, Footer, Screen};
use super::failure::Failure;
use super::plugins::DiscoveryArgs;
use super::progress::{Display, Progress};
use crate::builtin;
use crate::config::ProfileFlags;
use crate::config::flags::UiType;
use crate::exit::Exit;
use crate::export::file::write_whole;
use crate::plan::{self, PlanError};
use crate::progress::Snapshot;
use crate::random::RootSeed;
use crate::run::parts::PartsError;
use crate::run::{self, Finished, RunError, Watcher};

/// Everything `aiperf profile` takes.
#[derive(Debug, Args)]
pub struct ProfileArgs {
    #[command(flatten)]
    flags: ProfileFlags,
    #[command(flatten)]
    discovery: DiscoveryArgs,
}

/// Runs the command. The results go to the standard output, all else to the standard error.
///
/// # Errors
/// When there is nothing to show.
pub fn run(args: ProfileArgs) -> Result<Exit, Failure> {
    let registry = args.discovery.registry()?;
    let ui = args.flags.ui;
    let plan = plan::resolve(args.flags, &registry, RootSeed::from_entropy().value())?;
    let command = command_line(std::env::args(), |name| crate::transport::headers::is_secret(name));
    let mut screen = Live { progress: Some(Progress::new(display(ui))), last: None };
    let finished = run::execute(&plan, &registry, &command, &mut screen)?;
    Ok(show(&finished))
}
