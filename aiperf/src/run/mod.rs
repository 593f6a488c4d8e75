//! One run: wires a plan and the registry into live parts, drives the phase, drains it, and hands the results to the
//! exporters. Prints nothing; tells whoever watches through snapshots.

pub mod dispatcher;
pub mod interrupt;
pub mod lane;
pub mod parts;
pub mod recording;
pub mod report;
pub mod requests;

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use aiperf_abi::{FileInfo, Report};

use crate::clock::Clock;
use crate::config::flags::DEFAULT_GRACE_SECONDS;
use crate::credit::Phase;
use crate::plan::Plan;
use crate::plugin::registry::Registry;
use crate::progress::{Goal, Snapshot};
use dispatcher::{Dispatcher, Launch};
use interrupt::Interrupts;
use lane::Lane;
use parts::{Parts, PartsError};
use recording::{Recording, Tally};
use report::Setting;

/// Why a run did not happen or has no results.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A part could not be made. Nothing was sent.
    #[error(transparent)]
    Parts(#[from] PartsError),
    /// The system refused something the run cannot do without.
    #[error("{what}: {source}")]
    System {
        /// What was wanted.
        what: &'static str,
        /// Why it was refused.
        source: std::io::Error,
    },
    /// The user pressed Ctrl-C a second time.
    #[error("interrupted: what was recorded until then is in {folder}")]
    Interrupted {
        /// Folder of the artifacts.
        folder: String,
    },
}

/// A finished run.
#[derive(Debug)]
pub struct Finished {
    /// The numbers.
    pub report: Report,
    /// What was written.
    pub files: Vec<FileInfo>,
    /// Exporters that failed, with their reasons.
    pub problems: Vec<String>,
    /// Requests that succeeded.
    pub succeeded: u64,
    /// Requests that failed.
    pub failed: u64,
    /// Where what the console shows belongs.
    pub console_file: PathBuf,
}

/// Whoever watches a run.
pub trait Watcher {
    /// Where the run is now.
    fn tell(&mut self, now: &Snapshot);
    /// The user asked it to end; it waits for what is in flight.
    fn draining(&mut self);
    /// Nothing more will be told.
    fn finished(&mut self);
}

/// How many exchanges may wait for the recorder before workers wait for it. A full queue is counted and reported.
const RECORD_QUEUE: usize = 8192;

/// How often whoever watches is told.
const SNAPSHOT_EVERY: Duration = Duration::from_millis(100);

/// Runs a plan to its end.
///
/// # Errors
/// When nothing could be sent, or the user wants out at once. A request that failed is a record, not an error.
pub fn execute(
    plan: &Plan,
    registry: &Registry,
    command: &str,
    watcher: &mut dyn Watcher,
) -> Result<Finished, RunError> {
    let clock = Clock::start();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .thread_name("aiperf-worker")
        .enable_all()
        .build()
        .map_err(|source| RunError::System { what: "starting the worker threads", source })?;
    let parts = {
        let _inside = runtime.enter();
        Parts::make(plan, registry, clock)?
    };
    let outcome = runtime.block_on(drive(plan, parts, clock, command, watcher));
    // Whatever a transport still has open is not waited for.
    runtime.shutdown_background();
    outcome
}

async fn drive(
    plan: &Plan,
    parts: Parts,
    clock: Clock,
    command: &str,
    watcher: &mut dyn Watcher,
) -> Result<Finished, RunError> {
    let mut interrupts =
        Interrupts::listen().map_err(|source| RunError::System { what: "listening for Ctrl-C", source })?;
    let setting = Setting {
        layout: parts.layout,
        notices: parts.notices,
        files: parts.files,
        plugins: parts.plugins,
        command: command.to_owned(),
    };
    let interrupted = RunError::Interrupted { folder: setting.layout.dir().display().to_string() };
    let tally = Arc::new(Tally::default());
    let (exchanges, queue) = tokio::sync::mpsc::channel(RECORD_QUEUE);
    let recording = Recording::start(parts.desk, Arc::clone(&tally), queue)
        .map_err(|source| RunError::System { what: "starting the recorder", source })?;

    let dispatcher = Dispatcher::new(clock, parts.issuer);
    let lane: Arc<dyn Launch> = Arc::new(Lane {
        worker: parts.worker,
        requests: parts.requests,
        dispatcher: dispatcher.clone(),
        exchanges,
        tally: Arc::clone(&tally),
        runtime: tokio::runtime::Handle::current(),
    });
    let start_ns =
        dispatcher.start(&lane).map_err(|source| RunError::System { what: "starting the pacing thread", source })?;
    drop(lane);

    let ending = watch_to_the_end(plan, &dispatcher, &tally, &mut interrupts, clock, start_ns, watcher).await;
    if ending == Ending::Twice {
        return Err(interrupted);
    }
    let (counts, _) = dispatcher.counts();
    // The last lane drops its end of the queue with its credit; the recorder ends when it has read what is left.
    let recorded = tokio::select! {
        recorded = tokio::task::spawn_blocking(move || recording.finish()) => recorded.expect("the recorder's panics are its result"),
        () = interrupts.next() => return Err(interrupted),
    };
    watcher.tell(&snapshot(plan, &dispatcher, &tally, clock, start_ns));
    watcher.finished();
    let end = report::End { start_ns, cancelled: ending == Ending::Once, counts, queue_full: tally.queue_full() };
    Ok(report::finish(plan, setting, recorded, &end, clock))
}

/// How a phase came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Complete,
    Once,
    Twice,
}

async fn watch_to_the_end(
    plan: &Plan,
    dispatcher: &Dispatcher,
    tally: &Tally,
    interrupts: &mut Interrupts,
    clock: Clock,
    start_ns: u64,
    watcher: &mut dyn Watcher,
) -> Ending {
    let mut ending = Ending::Complete;
    let mut ticks = tokio::time::interval(SNAPSHOT_EVERY);
    let mut patience: Pin<Box<dyn Future<Output = ()> + Send>> = match plan.load.grace_seconds {
        Some(grace) => Box::pin(grace_after_the_end(dispatcher.clone(), grace)),
        None => Box::pin(std::future::pending()),
    };
    loop {
        tokio::select! {
            () = dispatcher.drained() => break,
            () = interrupts.next() => {
                if ending == Ending::Once {
                    return Ending::Twice;
                }
                ending = Ending::Once;
                dispatcher.stop_issuing();
                patience = Box::pin(grace_after_the_end(dispatcher.clone(), DEFAULT_GRACE_SECONDS));
                watcher.draining();
            }
            () = &mut patience => {
                dispatcher.abandon();
                patience = Box::pin(std::future::pending());
            }
            _ = ticks.tick() => watcher.tell(&snapshot(plan, dispatcher, tally, clock, start_ns)),
        }
    }
    ending
}

/// Resolves when what was in flight at the end of issuing has had its grace.
async fn grace_after_the_end(dispatcher: Dispatcher, seconds: f64) {
    dispatcher.issuing_ended().await;
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
}

fn snapshot(plan: &Plan, dispatcher: &Dispatcher, tally: &Tally, clock: Clock, start_ns: u64) -> Snapshot {
    let (counts, in_flight) = dispatcher.counts();
    let (completed, errors) = tally.finished();
    let elapsed = Duration::from_nanos(clock.now_ns().saturating_sub(start_ns));
    Snapshot {
        phase: Phase::Profiling,
        goal: Goal {
            requests: plan.load.request_count,
            duration: plan.load.duration_seconds.map(Duration::from_secs_f64),
        },
        elapsed,
        sent: counts.issued,
        completed,
        errors,
        in_flight,
        rate: completed as f64 / elapsed.as_secs_f64().max(f64::EPSILON),
        ttft_ms: tally.mean_ttft_ms().filter(|_| plan.target.model_endpoint.streaming),
    }
}
