//! The telemetry collectors of a run, each on a thread of its own while the run goes. Samples go into a file as they come,
//! and into a summary. A collector that fails or hangs costs its samples and nothing else.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aiperf_abi::{FileInfo, GpuTelemetryCollector, json};

use crate::clock::Clock;
use crate::export::LineFile;
use crate::telemetry::GpuSummary;

/// A collector that has not started.
pub struct Collector {
    /// Name of its entry.
    pub name: String,
    /// Reads.
    pub collector: Box<dyn GpuTelemetryCollector>,
    /// Between two looks.
    pub interval: Duration,
}

/// Running collectors.
pub struct Telemetry {
    /// Gone when the run has ended.
    stop: Vec<Sender<()>>,
    state: Arc<Mutex<State>>,
}

struct State {
    summary: GpuSummary,
    file: Option<LineFile>,
    samples: u64,
    /// The first failure of each, and how often.
    failures: Vec<(String, String, u64)>,
}

/// What the collectors have seen.
pub struct Seen {
    /// For the report.
    pub summary: GpuSummary,
    /// The file of samples, where there are any.
    pub file: Option<FileInfo>,
    /// What went wrong, one sentence each.
    pub notices: Vec<String>,
}

impl Telemetry {
    /// Starts the collectors; samples go into `file`.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(collectors: Vec<Collector>, file: Option<LineFile>, clock: Clock) -> std::io::Result<Self> {
        let state = State { summary: GpuSummary::default(), file, samples: 0, failures: Vec::new() };
        let mut telemetry = Self { stop: Vec::new(), state: Arc::new(Mutex::new(state)) };
        for Collector { name, mut collector, interval } in collectors {
            let (stop, stopped) = channel::<()>();
            let state = Arc::clone(&telemetry.state);
            let work = move || {
                loop {
                    let at_ns = clock.wall_ns(clock.now_ns());
                    let collected = collector.collect();
                    let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
                    match collected {
                        Ok(samples) => samples.iter().for_each(|sample| state.take(at_ns, sample)),
                        Err(error) => state.failed(&name, &error.to_string()),
                    }
                    drop(state);
                    if stopped.recv_timeout(interval) != Err(RecvTimeoutError::Timeout) {
                        return;
                    }
                }
            };
            std::thread::Builder::new().name("aiperf-telemetry".to_owned()).spawn(work)?;
            telemetry.stop.push(stop);
        }
        Ok(telemetry)
    }

    /// The run has ended. A collector that still waits for an answer is not waited for.
    pub fn finish(self) -> Seen {
        drop(self.stop);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let file = state.file.take().filter(|_| state.samples > 0).map(|file| file.info("GPU Telemetry"));
        let told = |(name, error, count): &(String, String, u64)| {
            format!("gpu_telemetry_collector `{name}` failed {count} times, first with: {error}.")
        };
        let notices = state.failures.iter().map(told).collect();
        Seen { summary: std::mem::take(&mut state.summary), file, notices }
    }
}

impl State {
    fn take(&mut self, at_ns: u64, sample: &aiperf_abi::GpuSample) {
        self.summary.add(sample);
        self.samples += 1;
        let line = json!({"timestamp_ns": at_ns, "gpu": sample.gpu, "model": sample.model, "values": sample.values});
        let written = self.file.as_mut().map(|file| file.append(&format!("{line}\n")));
        if let Some(Err(error)) = written {
            self.file = None;
            self.failed("file", &error.to_string());
        }
    }

    fn failed(&mut self, name: &str, error: &str) {
        match self.failures.iter_mut().find(|(known, ..)| known == name) {
            Some((.., count)) => *count += 1,
            None => self.failures.push((name.to_owned(), error.to_owned(), 1)),
        }
    }
}
