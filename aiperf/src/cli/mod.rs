//! The commands: the only floor that prints or exits.

pub mod analyze_trace;
pub mod calibrate;
pub mod completions;
pub mod console;
pub mod failure;
mod merged;
pub mod output;
mod patience;
pub mod plugins;
pub mod profile;
pub mod validate;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::exit::Exit;
use plugins::text::wrapped;

/// Benchmark for AI inference servers.
#[derive(Debug, Parser)]
#[command(name = "aiperf", version, about, max_term_width = 110, arg_required_else_help = true, after_help = exit_codes())]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// More detail on the standard error; twice for debugging, three times for every reply
    #[arg(long, short, action = clap::ArgAction::Count, global = true)]
    verbose: u8,
    #[command(flatten)]
    discovery: plugins::DiscoveryArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Send load to an inference server and report how it did
    Profile(Box<profile::ProfileArgs>),
    /// What plugin packages are installed and what they offer; add, remove and check them
    Plugins(Box<plugins::PluginsArgs>),
    /// Lengths, rate and shared prefixes of a trace, without sending it
    AnalyzeTrace(analyze_trace::AnalyzeTraceArgs),
    /// What your shell reads at its start to complete commands, flags and the names of plugins
    Completions(completions::CompletionsArgs),
    /// What an input file is, and which of its rows are bad
    Validate(validate::ValidateArgs),
    /// How exactly and how fast this machine measures, against a server of its own; later reports carry it
    Calibrate(calibrate::CalibrateArgs),
    /// A server of streams that knows its own times, until its standard input ends
    #[command(name = calibrate::SERVER, hide = true)]
    ReferenceServer(calibrate::ServerArgs),
}

fn exit_codes() -> String {
    let page = console::Screen { width: 78, colour: console::Colour::Plain };
    let lines = Exit::ALL.map(|exit| wrapped(&format!("  {:>3}  ", exit.code()), exit.meaning(), page));
    format!("Exit codes:\n{}", lines.join("\n"))
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    if let Some(exit) = completions::answered(Cli::command) {
        return ExitCode::from(exit.code());
    }
    let cli = Cli::parse();
    log_to_stderr(cli.verbose);
    let ended = match cli.command {
        Command::Profile(args) => profile::run(args, cli.discovery),
        Command::Plugins(args) => plugins::run(&args, &cli.discovery),
        Command::AnalyzeTrace(args) => analyze_trace::run(&args, &cli.discovery),
        Command::Completions(args) => completions::run(&args),
        Command::Validate(args) => validate::run(&args, &cli.discovery),
        Command::Calibrate(args) => calibrate::run(&args),
        Command::ReferenceServer(args) => calibrate::run_server(&args),
    };
    let exit = ended.unwrap_or_else(|failure| failure.print());
    ExitCode::from(exit.code())
}

fn log_to_stderr(verbose: u8) {
    use tracing_subscriber::EnvFilter;
    let level = ["warn", "info", "debug", "trace"][usize::from(verbose.min(3))];
    let filter = EnvFilter::try_from_env("AIPERF_LOG")
        .unwrap_or_else(|_| EnvFilter::new(format!("warn,aiperf={level},plugin={level}")));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(::console::colors_enabled_stderr())
        .init();
}
