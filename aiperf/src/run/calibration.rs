//! How exactly and how fast this machine measures: short runs against a server of our own in another process, whose
//! clock is the truth. The runs are ordinary ones; what they read is held against what the server did, request by
//! request.

pub mod server;
mod spread;
pub mod store;

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use aiperf_abi::{Calibration, ErrorSpread, MeasurementError, Report};
use clap::{Args, FromArgMatches};
use serde_json::Value;

use self::server::{Script, Served};
pub use self::spread::Spread;
use super::watchdog::Watchdog;
use super::{Finished, RunError, Watcher, execute};
use crate::builtin;
use crate::clock::Clock;
use crate::config::ProfileFlags;
use crate::config::load::DEFAULT_PLUGIN_TIMEOUT_SECONDS;
use crate::export::layout::records_jsonl;
use crate::plan::{self, PlanError};
use crate::plugin::discovery::DiscoveryOptions;
use crate::plugin::preferences::Preferences;

/// Where the errors are looked for: requests in flight. Fewer would be too few to tell one in a hundred.
const CONCURRENCIES: [u64; 4] = [8, 32, 128, 512];
/// What the server does while they are.
const KNOWN: Script = Script { ttft: Duration::from_millis(50), itl: Duration::from_millis(5), tokens: 16 };
/// Requests in flight when the largest rates are looked for.
const FLOOD_CONCURRENCY: u64 = 64;
/// As fast as the server can: what requests cost.
const SHORT: Script = Script { ttft: Duration::ZERO, itl: Duration::ZERO, tokens: 1 };
/// As fast as the server can: what tokens cost.
const LONG: Script = Script { ttft: Duration::ZERO, itl: Duration::ZERO, tokens: 256 };
/// Nothing random is compared with anything.
const SEED: u64 = 42;

/// Runs of a calibration.
pub const STEPS: usize = CONCURRENCIES.len() + 2;

/// How to calibrate.
#[derive(Debug, Clone)]
pub struct Options {
    /// The program that has the server, and the arguments that start it there but for those of its script.
    pub server: (PathBuf, &'static str),
    /// Time of each run.
    pub step: Duration,
    /// Where the runs may leave files.
    pub scratch: PathBuf,
}

/// Why there is no calibration.
#[derive(Debug, thiserror::Error)]
pub enum CalibrationError {
    /// The server does not start.
    #[error("cannot start the calibration's server: {0}")]
    Server(#[source] std::io::Error),
    /// A run cannot be planned.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A run cannot be made.
    #[error(transparent)]
    Run(#[from] RunError),
    /// Ctrl-C.
    #[error("interrupted: nothing was kept")]
    Interrupted,
    /// A run did not measure what it should have.
    #[error("with {concurrency} requests in flight, {problem}")]
    Unusable {
        /// Requests in flight.
        concurrency: u64,
        /// What was wrong.
        problem: String,
    },
}

/// Where a calibration is.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// Which of the [`STEPS`], from 0.
    pub step: usize,
    /// Requests in flight in it.
    pub concurrency: u64,
    /// How much of it is done, 0 to 1.
    pub done: f64,
}

/// Makes one.
///
/// # Errors
/// When a run cannot be made, or measured nothing.
pub fn calibrate(options: &Options, tell: &mut dyn FnMut(Moment)) -> Result<Calibration, CalibrationError> {
    let clock = Clock::start();
    let mut calibration = Calibration {
        made_at: date(clock.wall_ns(0)),
        aiperf_version: env!("CARGO_PKG_VERSION").to_owned(),
        machine: store::machine(),
        ..Calibration::default()
    };
    let watchdog = Watchdog::start(Duration::from_secs_f64(DEFAULT_PLUGIN_TIMEOUT_SECONDS))
        .map_err(|source| RunError::System { what: "watching the plugins", source })?;
    let watchdog = &watchdog;
    for (number, concurrency) in CONCURRENCIES.into_iter().enumerate() {
        let step = Step { options, watchdog, number, concurrency, script: KNOWN, level: "records" };
        let (finished, served) = step.run(tell)?;
        calibration.errors.push(step.compared(&finished, &served)?);
    }
    let rates = [(SHORT, "request_throughput"), (LONG, "output_token_throughput")];
    let [requests, tokens] = rates.map(|(script, rate)| {
        let number = CONCURRENCIES.len() + usize::from(script.tokens > 1);
        let step = Step { options, watchdog, number, concurrency: FLOOD_CONCURRENCY, script, level: "summary" };
        let (finished, _) = step.run(tell)?;
        step.number(&finished.report, rate)
    });
    (calibration.max_requests_per_second, calibration.max_tokens_per_second) = (requests?, tokens?);
    Ok(calibration)
}

fn date(wall_ns: u64) -> String {
    let seconds = i64::try_from(wall_ns / 1_000_000_000).unwrap_or_default();
    jiff::Timestamp::from_second(seconds).map_or_else(|_| String::new(), |moment| moment.to_string())
}

/// One run of a calibration.
struct Step<'a> {
    options: &'a Options,
    watchdog: &'a Watchdog,
    number: usize,
    concurrency: u64,
    script: Script,
    level: &'static str,
}

impl Step<'_> {
    fn run(&self, tell: &mut dyn FnMut(Moment)) -> Result<(Finished, Vec<Served>), CalibrationError> {
        let server = Server::start(&self.options.server, self.script).map_err(CalibrationError::Server)?;
        let registry = builtin::registry(&DiscoveryOptions::nowhere(), &Preferences::default());
        let plan = plan::resolve(&self.flags(server.port), &registry, SEED)?;
        let mut watching = Watching { tell, step: self };
        let mut measured = execute(&plan, &registry, "aiperf calibrate", &mut watching, self.watchdog)?;
        let finished = measured.pop().expect("a run measures something");
        if finished.report.was_cancelled {
            return Err(CalibrationError::Interrupted);
        }
        let served = server.end().map_err(CalibrationError::Server)?;
        match finished.problems.first() {
            None if finished.failed == 0 => Ok((finished, served)),
            None => Err(self.unusable(format!("{} requests failed", finished.failed))),
            Some(problem) => Err(self.unusable(problem.clone())),
        }
    }

    fn flags(&self, port: u16) -> ProfileFlags {
        let url = format!("http://127.0.0.1:{port}");
        let (concurrency, seconds) = (self.concurrency.to_string(), self.options.step.as_secs_f64().to_string());
        let (tokens, scratch) = (self.script.tokens.to_string(), self.options.scratch.display().to_string());
        let line = [
            ["--url", &url],
            ["--model", "calibration"],
            ["--tokenizer", "builtin"],
            ["--isl", "32"],
            ["--osl", &tokens],
            ["--num-dataset-entries", "100"],
            ["--concurrency", &concurrency],
            // Opens the connections.
            ["--warmup-request-count", &concurrency],
            ["--benchmark-duration", &seconds],
            ["--export-level", self.level],
            ["--output-artifact-dir", &scratch],
        ];
        let command = ProfileFlags::augment_args(clap::Command::new("calibrate").no_binary_name(true));
        let words = line.iter().flatten().copied().chain(["--streaming"]);
        let matches = command.try_get_matches_from(words).expect("these flags are right");
        ProfileFlags::from_arg_matches(&matches).expect("what was matched are these flags")
    }

    /// What the client read, less what the server did.
    fn compared(&self, finished: &Finished, served: &[Served]) -> Result<MeasurementError, CalibrationError> {
        let truth: HashMap<&str, &Served> = served.iter().map(|one| (one.x_request_id.as_str(), one)).collect();
        let Report { artifact_dir, file_stem, .. } = &finished.report;
        let file = records_jsonl(artifact_dir, &file_stem.records);
        let lines =
            std::fs::read_to_string(&file).map_err(|error| self.unusable(format!("{}: {error}", file.display())))?;
        let (mut ttft, mut itl) = (Spread::default(), Spread::default());
        for line in lines.lines() {
            let record: Value = serde_json::from_str(line).map_err(|error| self.unusable(error.to_string()))?;
            let Some(truth) = record["metadata"]["x_request_id"].as_str().and_then(|id| truth.get(id)) else {
                continue;
            };
            let read = |tag: &str| record["metrics"][tag]["value"].as_f64();
            if let (Some(first), Some(between), Some(true_itl)) =
                (read("time_to_first_token"), read("inter_token_latency"), truth.itl_ms)
            {
                ttft.add(first - truth.ttft_ms);
                itl.add(between - true_itl);
            }
        }
        if ttft.is_empty() {
            return Err(self.unusable("no request was measured; give --duration more seconds".to_owned()));
        }
        let spread = |errors: &mut Spread| {
            let [p50, p99] = errors.at([0.5, 0.99]);
            ErrorSpread { p50, p99 }
        };
        Ok(MeasurementError {
            concurrency: self.concurrency,
            requests: ttft.len() as u64,
            requests_per_second: self.number(&finished.report, "request_throughput")?,
            ttft_error_ms: spread(&mut ttft),
            itl_error_ms: spread(&mut itl),
        })
    }

    fn number(&self, report: &Report, tag: &str) -> Result<f64, CalibrationError> {
        report.metric(tag).map(|metric| metric.avg).ok_or_else(|| self.unusable(format!("there is no {tag}")))
    }

    fn unusable(&self, problem: String) -> CalibrationError {
        CalibrationError::Unusable { concurrency: self.concurrency, problem }
    }
}

/// Turns the snapshots of a run into moments of the calibration.
struct Watching<'a> {
    tell: &'a mut dyn FnMut(Moment),
    step: &'a Step<'a>,
}

impl Watcher for Watching<'_> {
    /// A calibration has a display of its own.
    fn show_on(&mut self, _: &str, _: Box<dyn aiperf_abi::Ui>) -> std::io::Result<()> {
        Ok(())
    }

    fn tell(&mut self, now: &aiperf_abi::UiProgress) {
        let done = now.fraction().unwrap_or_default();
        (self.tell)(Moment { step: self.step.number, concurrency: self.step.concurrency, done });
    }

    fn draining(&mut self) {}

    fn finished(&mut self) {}
}

/// The server in a process of its own. It ends when its standard input does, so also when this process is gone.
struct Server {
    process: Child,
    output: BufReader<ChildStdout>,
    port: u16,
}

impl Server {
    fn start((program, command): &(PathBuf, &str), script: Script) -> std::io::Result<Self> {
        let ms = |time: Duration| (time.as_secs_f64() * 1e3).to_string();
        let mut process = Command::new(program)
            .args([command, "--ttft", &ms(script.ttft), "--itl", &ms(script.itl)])
            .args(["--tokens", &script.tokens.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut output = BufReader::new(process.stdout.take().expect("its output is a pipe"));
        let mut line = String::new();
        output.read_line(&mut line)?;
        let port = line.trim().parse().map_err(|_| std::io::Error::other("it did not tell its port"));
        let mut server = Self { process, output, port: 0 };
        server.port = port?;
        Ok(server)
    }

    /// Ends it; what it served.
    fn end(mut self) -> std::io::Result<Vec<Served>> {
        drop(self.process.stdin.take());
        Ok(serde_json::from_reader(&mut self.output)?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that has ended by itself is only waited for.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
