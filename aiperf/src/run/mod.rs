//! One run: wires a plan and the registry into live parts, drives the phase, drains it, and hands the results to the
//! exporters. Prints nothing; tells whoever watches through snapshots.

mod alarms;
pub mod audit;
pub mod calibration;
mod dataset;
pub mod dispatcher;
pub mod handlers;
pub mod interrupt;
pub mod lane;
pub mod limits;
pub mod messages;
pub mod parts;
pub mod phases;
pub mod processors;
pub mod recording;
pub mod report;
pub mod requests;
pub mod services;
pub mod telemetry;
mod telling;
pub mod watchdog;

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use aiperf_abi::{FileInfo, Report, Ui, UiProgress, json, topic};
use tokio::sync::mpsc::Sender;

use crate::clock::Clock;
use crate::config::load::DEFAULT_GRACE_SECONDS;
use crate::credit::Phase;
use crate::exchange::Exchange;
use crate::export::{Consoles, Layout, LineFile, PhaseResult, phase_manifest};
use crate::plan::Plan;
use crate::plugin::registry::Registry;
use crate::worker::Worker;
use audit::Watch;
use dispatcher::{Dispatcher, Launch};
use interrupt::Interrupts;
use lane::Lane;
use messages::{Messages, Sent};
use parts::{Beside, Parts, PartsError, ReadyMeasurement};
use phases::ReadyPhase;
use recording::{Recorded, Recording, Tallies, Tally};
use report::Setting;
use requests::Requests;
use services::{NotUp, Services};
use telemetry::Telemetry;
use telling::Telling;
use watchdog::{Stuck, Watchdog};

/// Why a run did not happen or has no results.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A part could not be made. Nothing was sent.
    #[error(transparent)]
    Parts(#[from] PartsError),
    /// What was to run beside it is not up. Nothing was sent.
    #[error(transparent)]
    Services(#[from] NotUp),
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

/// A finished measurement. A run mostly is one.
#[derive(Debug)]
pub struct Finished {
    /// The numbers.
    pub report: Report,
    /// What was written.
    pub files: Vec<FileInfo>,
    /// Exporters that failed, with their reasons.
    pub problems: Vec<String>,
    /// What went wrong beside the results, one sentence each.
    pub warnings: Vec<String>,
    /// Requests that succeeded.
    pub succeeded: u64,
    /// Requests that failed.
    pub failed: u64,
    /// Say what a person sees.
    pub consoles: Consoles,
    /// Where what the console shows belongs.
    pub console_file: PathBuf,
    /// What its phases were: the warm-up, if there was one, and the measurement.
    pub phases: Vec<PhaseResult>,
}

/// Whoever watches a run.
pub trait Watcher {
    /// Everything is ready; the user wants the run shown on this display, an entry of that name.
    ///
    /// # Errors
    /// When the system gives no thread for it.
    fn show_on(&mut self, name: &str, ui: Box<dyn Ui>) -> std::io::Result<()>;
    /// One of several measurements begins.
    fn measuring(&mut self, name: &str) {
        let _ = name;
    }
    /// Where the run is now.
    fn tell(&mut self, now: &UiProgress);
    /// The user asked it to end; it waits for what is in flight.
    fn draining(&mut self);
    /// Nothing more will be told.
    fn finished(&mut self);
}

/// How many exchanges may wait for the recorder before workers wait for it. A full queue is counted and reported.
const RECORD_QUEUE: usize = 4096;

/// How often whoever watches is told.
const SNAPSHOT_EVERY: Duration = Duration::from_millis(100);

/// Runs a plan to its end: one result for each measurement that began.
///
/// # Errors
/// When nothing could be sent, or the user wants out at once. A request that failed is a record, not an error.
pub fn execute(
    plan: &Plan,
    registry: &Registry,
    command: &str,
    watcher: &mut dyn Watcher,
    watchdog: &Watchdog,
) -> Result<Vec<Finished>, RunError> {
    let clock = Clock::start();
    limits::raise_open_files();
    limits::enough_open_files()
        .map_err(|source| RunError::System { what: "a run needs more open files than `ulimit -n` allows", source })?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .thread_name("aiperf-worker")
        .worker_threads(usize::try_from(plan.load.workers).unwrap_or(usize::MAX))
        .enable_all()
        .build()
        .map_err(|source| RunError::System { what: "starting the worker threads", source })?;
    let (parts, Beside { mut services, communication }) = {
        let _inside = runtime.enter();
        Parts::make(plan, registry, clock)?
    };
    if let Some(services) = &mut services {
        services.up()?;
    }
    let guests = services.as_mut().map(Services::lend).unwrap_or_default();
    let mut messages = Messages::start(clock, communication, guests)
        .map_err(|source| RunError::System { what: "starting the communication", source })?;
    let folder = parts.layout.dir().display().to_string();
    let about = json!({"command": command, "plan": plan.to_json(), "artifact_dir": folder});
    messages.send(topic::RUN_STARTED, about);
    watchdog.is_minded();
    let mut telling = Telling { watcher, messages: &mut messages };
    let mut outcome = runtime.block_on(drive(plan, parts, command, &mut telling, watchdog));
    let error = outcome.as_ref().err().map(ToString::to_string);
    messages.send(topic::RUN_ENDED, json!({"error": error}));
    // Whatever a transport still has open is not waited for.
    runtime.shutdown_background();
    let Sent { services: guests, warnings, mut problems } = messages.finish();
    if let Some(mut services) = services {
        services.give_back(guests);
        problems.extend(services.down());
    }
    match outcome.as_mut().ok().and_then(|all| all.last_mut()) {
        Some(last) => {
            last.warnings.extend(warnings);
            last.problems.extend(problems);
        }
        None => warnings.iter().chain(&problems).for_each(|words| tracing::warn!("{words}")),
    }
    outcome
}

async fn drive(
    plan: &Plan,
    parts: Parts,
    command: &str,
    watcher: &mut Telling<'_>,
    watchdog: &Watchdog,
) -> Result<Vec<Finished>, RunError> {
    let mut interrupts =
        watchdog.interrupts().map_err(|source| RunError::System { what: "listening for Ctrl-C", source })?;
    let clock = parts.worker.clock;
    let (name, ui) = parts.ui;
    watcher.show_on(&name, ui).map_err(|source| RunError::System { what: "starting the display", source })?;
    let shared = Shared { plan, worker: Arc::new(parts.worker), requests: parts.requests, clock, watchdog };
    let mut left = parts.measurements.len();
    let several = left > 1;
    let mut all = Vec::with_capacity(left);
    for mut measurement in parts.measurements {
        left -= 1;
        if several {
            watcher.measuring(&measurement.plan.name);
        }
        let mut setting = Setting {
            plan: measurement.plan.clone(),
            layout: measurement.layout.clone(),
            notices: parts.notices.clone(),
            files: measurement.files.clone(),
            plugins: parts.plugins.clone(),
            audience: std::mem::take(&mut measurement.audience),
            telemetry: serde_json::Value::Null,
            command: command.to_owned(),
        };
        let telemetry = telemetry_of(&mut measurement, clock)?;
        let reserve = limits::Reserve::take();
        let (recorded, end) = measure(measurement, &shared, &mut interrupts, watcher).await?;
        drop(reserve);
        let seen = telemetry.finish();
        setting.telemetry = seen.summary.to_json();
        setting.notices.extend(seen.notices);
        setting.files.extend(seen.file);
        let was_stopped = end.stopped.is_some();
        if left == 0 || was_stopped {
            watcher.finished();
        }
        // Handlers wait for others, e.g. for a server's answer.
        let (plan, name) = (plan.clone(), setting.plan.name.clone());
        let finished = tokio::task::spawn_blocking(move || report::finish(&plan, setting, recorded, &end, clock));
        let finished = finished.await.expect("panics of plugins are errors");
        watcher.results(&name, &finished);
        all.push(finished);
        if was_stopped {
            break;
        }
    }
    if several {
        tell_of_phases(&parts.layout, &mut all, left);
    }
    Ok(all)
}

/// Starts to look at accelerators, where somebody does.
fn telemetry_of(measurement: &mut ReadyMeasurement, clock: Clock) -> Result<Telemetry, RunError> {
    let collectors = std::mem::take(&mut measurement.collectors);
    let samples = match collectors.is_empty() {
        true => None,
        false => Some(LineFile::create(measurement.layout.gpu_telemetry()).map_err(PartsError::Write)?),
    };
    Telemetry::start(collectors, samples, clock)
        .map_err(|source| RunError::System { what: "starting the telemetry", source })
}

/// Says in a file, and at the end of the last result, what became of several measurements.
fn tell_of_phases(layout: &Layout, all: &mut [Finished], left: usize) {
    let phases: Vec<PhaseResult> = all.iter().flat_map(|one| one.phases.iter().cloned()).collect();
    let Some(last) = all.last_mut() else { return };
    if left > 0 {
        last.report.notices.push(format!("The run was ended before its other phases began: {left} were left."));
    }
    match phase_manifest::write(layout, &phases) {
        Ok(file) => last.files.push(file),
        Err(error) => last.problems.push(error.to_string()),
    }
}

/// Runs the phases of a measurement until everything is recorded.
async fn measure(
    measurement: ReadyMeasurement,
    shared: &Shared<'_>,
    interrupts: &mut Interrupts,
    watcher: &mut Telling<'_>,
) -> Result<(Recorded, report::End), RunError> {
    let interrupted = RunError::Interrupted { folder: measurement.layout.dir().display().to_string() };
    let tallies = Arc::new(Tallies::default());
    let (exchanges, queue) = tokio::sync::mpsc::channel(RECORD_QUEUE);
    let recording = Recording::start(measurement.desk, Arc::clone(&tallies), queue)
        .map_err(|source| RunError::System { what: "starting the recorder", source })?;
    let mut done = None;
    let name = &measurement.plan.name;
    for ready in measurement.phases {
        if let Some(done) = &done {
            watcher.phase_ended(name, done);
        }
        let ended = run_phase((name, ready), shared, (&exchanges, &tallies), interrupts, watcher).await?;
        let stopped = ended.stopped().is_some();
        if matches!(ended.ending, Ending::Stuck(_)) {
            // Who is in a plugin that does not come back keeps its end of the queue.
            recording.close();
        }
        if ended.ending == Ending::Twice {
            records_of(&ended, tallies.of(ended.goal.phase)).await;
            return Err(interrupted);
        }
        done = Some(ended);
        if stopped {
            break;
        }
    }
    let mut done = done.expect("a measurement has a phase");
    drop(exchanges);
    // The last lane drops its end of the queue with its credit; the recorder ends when it has read what is left.
    let (recorder, so_far) = (recording.thread(), recording.so_far());
    let recorded = tokio::select! {
        recorded = tokio::task::spawn_blocking(move || recording.finish()) => recorded.expect(RECORDED),
        stuck = shared.watchdog.stuck(Some(recorder)) => {
            done.ending = Ending::Stuck(stuck);
            tokio::task::spawn_blocking(so_far).await.expect(RECORDED)
        }
        () = interrupts.next() => return Err(interrupted),
    };
    watcher.tell(&snapshot(&done.goal, &done.dispatcher, tallies.of(done.goal.phase), shared.clock, done.start_ns));
    watcher.phase_ended(name, &done);
    let (counts, _) = done.dispatcher.counts();
    let end = report::End {
        start_ns: done.start_ns,
        stopped: done.stopped(),
        counts,
        queue_full: tallies.of(done.goal.phase).queue_full(),
        watch: done.watch,
    };
    Ok((recorded, end))
}

/// The recorder is aiperf's own, and the panics of plugins are errors.
const RECORDED: &str = "the recorder's panics are its result";

/// What the phases of all measurements share.
struct Shared<'a> {
    plan: &'a Plan,
    worker: Arc<Worker>,
    requests: Requests,
    clock: Clock,
    watchdog: &'a Watchdog,
}

/// A phase that has ended.
struct Done {
    ending: Ending,
    dispatcher: Dispatcher,
    start_ns: u64,
    goal: PhaseGoal,
    watch: Watch,
}

impl Done {
    /// Why it did not come to its own end, if it did not.
    fn stopped(&self) -> Option<report::Stopped> {
        match &self.ending {
            Ending::Stuck(stuck) => Some(report::Stopped::Stuck(stuck.to_string())),
            Ending::Once => Some(report::Stopped::ByUser),
            Ending::Failing => Some(report::Stopped::TooManyFailed),
            Ending::Complete | Ending::Twice => self.dispatcher.fault().map(report::Stopped::WithoutSchedule),
        }
    }
}

/// What whoever watches is told of a phase from its beginning.
#[derive(Debug, Clone, Copy)]
struct PhaseGoal {
    phase: Phase,
    /// It ends after so many requests.
    requests: Option<u64>,
    /// It ends after so many seconds.
    seconds: Option<f64>,
    streaming: bool,
}

/// Runs a phase until everything it sent has come back or was given up.
async fn run_phase(
    (measurement, ready): (&str, ReadyPhase),
    shared: &Shared<'_>,
    (exchanges, tallies): (&Sender<Exchange>, &Tallies),
    interrupts: &mut Interrupts,
    watcher: &mut Telling<'_>,
) -> Result<Done, RunError> {
    let ReadyPhase { phase, name, plan: phase_plan, failed_share, issuer } = ready;
    let tally = Arc::clone(tallies.of(phase));
    let dispatcher = Dispatcher::new(shared.clock, issuer);
    let lane: Arc<dyn Launch> = Arc::new(Lane {
        worker: Arc::clone(&shared.worker),
        requests: Arc::new(shared.requests.of_phase(&name)),
        dispatcher: dispatcher.clone(),
        exchanges: exchanges.clone(),
        tally: Arc::clone(&tally),
        runtime: tokio::runtime::Handle::current(),
    });
    let (starting, started_ns) = (dispatcher.clone(), shared.clock.now_ns());
    // The schedule may be a plugin's: it is not asked here, where somebody has to go on.
    let started = tokio::select! {
        started = tokio::task::spawn_blocking(move || starting.start(&lane)) => Ok(started.expect("it starts or tells")),
        stuck = shared.watchdog.stuck(None) => Err(stuck),
    };
    let goal = PhaseGoal {
        phase,
        requests: phase_plan.request_count,
        seconds: phase_plan.duration_seconds,
        streaming: shared.plan.target.model_endpoint.streaming,
    };
    watcher.phase_started(measurement, &goal);
    let start_ns = match started {
        Ok(started) => started.map_err(|source| RunError::System { what: "starting the pacing thread", source })?,
        Err(stuck) => {
            let ending = Ending::Stuck(stuck);
            return Ok(Done { ending, dispatcher, start_ns: started_ns, goal, watch: Watch::start() });
        }
    };
    let mut limits = Limits {
        watchdog: shared.watchdog,
        grace_seconds: phase_plan.grace_seconds,
        failing: failed_share
            .map(|share| Failing { share, armed_at: phase_plan.concurrency.unwrap_or_default().max(LEAST_TO_JUDGE) }),
    };
    let tell = |watcher: &mut Telling<'_>| watcher.tell(&snapshot(&goal, &dispatcher, &tally, shared.clock, start_ns));
    let mut watch = Watch::start();
    let ending = watch_to_the_end(&dispatcher, &tally, &mut limits, &mut watch, interrupts, watcher, &tell).await;
    watch.stop();
    Ok(Done { ending, dispatcher, start_ns, goal, watch })
}

/// Waits a moment for the records of what has come back: whoever leaves at once still wants what there was.
async fn records_of(ended: &Done, tally: &Tally) {
    let all_written = async {
        while tally.written() < ended.dispatcher.counts().0.returned {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    // Too late is no harm: every line that is written is whole.
    let _ = tokio::time::timeout(PATIENCE_AT_THE_DOOR, all_written).await;
}

/// How long a user who wants out at once waits for records, at most.
const PATIENCE_AT_THE_DOOR: Duration = Duration::from_millis(500);

/// How a phase came to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Ending {
    /// By its own rules.
    Complete,
    /// A plugin on the sending path does not come back.
    Stuck(Stuck),
    /// The user asked for it.
    Once,
    /// The user insisted.
    Twice,
    /// Too much failed.
    Failing,
}

/// What ends a phase, or the waiting after it, from outside its schedule.
struct Limits<'a> {
    watchdog: &'a Watchdog,
    grace_seconds: Option<f64>,
    failing: Option<Failing>,
}

/// A share of failed requests that is too much, once enough have ended.
#[derive(Debug, Clone, Copy)]
struct Failing {
    share: f64,
    armed_at: u64,
}

/// Finished requests before the share of failed ones says anything.
const LEAST_TO_JUDGE: u64 = 10;

async fn watch_to_the_end(
    dispatcher: &Dispatcher,
    tally: &Tally,
    limits: &mut Limits<'_>,
    watch: &mut Watch,
    interrupts: &mut Interrupts,
    watcher: &mut Telling<'_>,
    tell: &dyn Fn(&mut Telling<'_>),
) -> Ending {
    let mut ending = Ending::Complete;
    let mut ticks = tokio::time::interval(SNAPSHOT_EVERY);
    let mut patience: Pin<Box<dyn Future<Output = ()> + Send>> = match limits.grace_seconds {
        Some(grace) => Box::pin(grace_after_the_end(dispatcher.clone(), grace)),
        None => Box::pin(std::future::pending()),
    };
    loop {
        tokio::select! {
            () = dispatcher.drained() => break,
            stuck = limits.watchdog.stuck(None) => {
                dispatcher.stop_issuing();
                dispatcher.abandon();
                // What can come back does, and is recorded. The threads that keep the time may all be in the plugin.
                let _ = tokio::task::spawn_blocking(|| std::thread::sleep(PATIENCE_AT_THE_DOOR)).await;
                return Ending::Stuck(stuck);
            }
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
            due = ticks.tick() => {
                watch.saw_lag(due.elapsed());
                tell(watcher);
                let (completed, errors) = tally.finished();
                let too_many = |limit: &Failing| completed >= limit.armed_at && errors as f64 > limit.share * completed as f64;
                if limits.failing.take_if(|limit| too_many(limit)).is_some() {
                    ending = Ending::Failing;
                    dispatcher.stop_issuing();
                    dispatcher.abandon();
                }
            }
        }
    }
    ending
}

/// Resolves when what was in flight at the end of issuing has had its grace.
async fn grace_after_the_end(dispatcher: Dispatcher, seconds: f64) {
    dispatcher.issuing_ended().await;
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
}

fn snapshot(goal: &PhaseGoal, dispatcher: &Dispatcher, tally: &Tally, clock: Clock, start_ns: u64) -> UiProgress {
    let (counts, in_flight) = dispatcher.counts();
    let (completed, errors) = tally.finished();
    let mut now = UiProgress::default();
    now.phase = goal.phase.as_str().to_owned();
    now.requests_wanted = goal.requests;
    now.seconds_wanted = goal.seconds;
    now.elapsed_seconds = clock.now_ns().saturating_sub(start_ns) as f64 / 1e9;
    now.sent = counts.issued;
    now.completed = completed;
    now.errors = errors;
    now.in_flight = in_flight;
    now.rate = completed as f64 / now.elapsed_seconds.max(f64::EPSILON);
    now.ttft_ms = tally.mean_ttft_ms().filter(|_| goal.streaming);
    now
}
