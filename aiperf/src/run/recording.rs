//! The recorder's thread: exchanges in, facts out to the aggregate and, as encoded lines, to the exporters. Everything here
//! happens off the sending path.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use aiperf_abi::MetricResult;
use tokio::sync::mpsc::Receiver;

use super::processors::{RecordProcessors, ResultsProcessors};
use crate::credit::Phase;
use crate::exchange::Exchange;
use crate::export::{Exporters, Failure, LineFile};
use crate::facts::Facts;
use crate::metric::{Aggregate, RecordEncoder, Window};
use crate::priority;
use crate::record::Recorder;
use crate::record::raw::RawEncoder;

/// What the recorder needs.
pub struct Desk {
    /// Parses and counts.
    pub recorder: Recorder,
    /// Sums up.
    pub aggregate: Aggregate,
    /// Sums up the warm-up, which is kept apart.
    pub warmup: Aggregate,
    /// Encodes, where records are kept or looked at.
    pub encoder: Option<RecordEncoder>,
    /// Whether lines go to the exporters.
    pub keeps: Keeps,
    /// Add numbers to lines.
    pub processors: RecordProcessors,
    /// See all lines.
    pub watchers: ResultsProcessors,
    /// Encodes and writes what went over the wire, where that is kept.
    pub raw: Option<RawDesk>,
    /// Takes the lines out.
    pub exporters: Exporters,
    /// Exporters that failed so far.
    pub failures: Vec<Failure>,
}

/// What becomes of the lines of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeps {
    /// They go to the exporters.
    Records,
    /// Only plugins that measure see them.
    Nothing,
}

/// Keeps what went over the wire.
pub struct RawDesk {
    /// Encodes.
    pub encoder: RawEncoder,
    /// Identity and times of a request.
    pub records: RecordEncoder,
    /// Takes the lines.
    pub file: LineFile,
    /// Lines not yet in the file.
    pub lines: String,
}

impl RawDesk {
    fn add(&mut self, exchange: &Exchange, facts: &Facts) {
        let metadata = self.records.metadata(facts);
        self.encoder.encode(exchange, &metadata, facts.error.as_ref(), &mut self.lines);
    }

    fn flush(&mut self) -> Result<(), Failure> {
        let written = self.file.append(&self.lines);
        self.lines.clear();
        written.map_err(|error| Failure { category: "exporter", exporter: "raw".to_owned(), error: error.into() })
    }
}

/// What the recorder has when the run is over.
pub struct Recorded {
    /// The sums.
    pub aggregate: Aggregate,
    /// The sums of the warm-up, and how long it took, if there was one.
    pub warmup: (Aggregate, Option<Window>),
    /// Metrics that plugins added to the measurement.
    pub added: Vec<MetricResult>,
    /// Have seen all lines.
    pub watchers: ResultsProcessors,
    /// For the final report.
    pub exporters: Exporters,
    /// Exporters that failed.
    pub failures: Vec<Failure>,
    /// End of the last request of the measurement, nanoseconds of the run's clock.
    pub last_end_ns: u64,
}

/// The running recorder.
pub struct Recording {
    thread: JoinHandle<Recorded>,
}

/// Exchanges taken from the queue at one time; their lines make one batch.
const BATCH: usize = 256;

impl Recording {
    /// Starts the thread. It ends when every sender of `queue` is gone and the queue is empty.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(desk: Desk, tallies: Arc<Tallies>, queue: Receiver<Exchange>) -> std::io::Result<Self> {
        let work = move || {
            priority::step_back();
            desk.run(&tallies, queue)
        };
        let thread = std::thread::Builder::new().name("aiperf-record".to_owned()).spawn(work)?;
        Ok(Self { thread })
    }

    /// Waits for the thread.
    ///
    /// # Panics
    /// When the recorder itself did: that is a defect of aiperf, not of a plugin, whose panics are errors.
    pub fn finish(self) -> Recorded {
        match self.thread.join() {
            Ok(recorded) => recorded,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

impl Desk {
    fn run(mut self, tallies: &Tallies, mut queue: Receiver<Exchange>) -> Recorded {
        let mut exchanges = Vec::with_capacity(BATCH);
        let mut lines = String::new();
        // Which lines belong to the measurement; only kept where somebody asks.
        let mut measured = Vec::new();
        let processes = !self.processors.is_empty();
        let mut last_end_ns = 0;
        let mut warmed_up: Option<Window> = None;
        while queue.blocking_recv_many(&mut exchanges, BATCH) > 0 {
            for exchange in exchanges.drain(..) {
                let facts = self.recorder.facts(&exchange);
                tallies.of(facts.phase).count(&facts);
                if facts.phase == Phase::Profiling {
                    last_end_ns = last_end_ns.max(facts.end_ns);
                    self.aggregate.add(&facts);
                } else {
                    self.warmup.add(&facts);
                    let so_far = warmed_up.unwrap_or(Window { start_ns: facts.intended_ns, end_ns: facts.end_ns });
                    warmed_up = Some(Window {
                        start_ns: so_far.start_ns.min(facts.intended_ns),
                        end_ns: so_far.end_ns.max(facts.end_ns),
                    });
                }
                if let Some(raw) = &mut self.raw {
                    raw.add(&exchange, &facts);
                }
                if let Some(encoder) = &self.encoder {
                    encoder.encode(&facts, &mut lines);
                    if processes {
                        measured.push(facts.phase == Phase::Profiling);
                    }
                }
            }
            if let Some(Err(failure)) = self.raw.as_mut().map(RawDesk::flush) {
                tracing::error!("{failure}; nothing more is written there, the run goes on");
                self.failures.push(failure);
                self.raw = None;
            }
            let mut failures = Vec::new();
            if !lines.is_empty() {
                if processes {
                    failures.extend(self.processors.process(&mut lines, &measured));
                    measured.clear();
                }
                if !self.watchers.is_empty() {
                    failures.extend(self.watchers.ingest(&lines));
                }
                if self.keeps == Keeps::Records {
                    failures.extend(self.exporters.records(&lines));
                }
            }
            for failure in failures {
                tracing::error!("{failure}; it gets no more records, the run goes on");
                self.failures.push(failure);
            }
            lines.clear();
            tallies.settle();
        }
        Recorded {
            aggregate: self.aggregate,
            warmup: (self.warmup, warmed_up),
            added: self.processors.results().collect(),
            watchers: self.watchers,
            exporters: self.exporters,
            failures: self.failures,
            last_end_ns,
        }
    }
}

/// The counts of all phases.
#[derive(Debug, Default)]
pub struct Tallies {
    warmup: Arc<Tally>,
    profiling: Arc<Tally>,
}

impl Tallies {
    /// Those of one.
    pub fn of(&self, phase: Phase) -> &Arc<Tally> {
        match phase {
            Phase::Warmup => &self.warmup,
            Phase::Profiling => &self.profiling,
        }
    }

    /// Everything that was counted is written.
    fn settle(&self) {
        for tally in [&self.warmup, &self.profiling] {
            tally.written.store(tally.completed.load(Ordering::Relaxed), Ordering::Release);
        }
    }
}

/// Counts of a phase that can be read while it goes.
#[derive(Debug, Default)]
pub struct Tally {
    completed: AtomicU64,
    errors: AtomicU64,
    first_tokens: AtomicU64,
    first_token_ns: AtomicU64,
    queue_full: AtomicU64,
    written: AtomicU64,
}

impl Tally {
    fn count(&self, facts: &Facts) {
        self.completed.fetch_add(1, Ordering::Relaxed);
        if facts.error.is_some() {
            self.errors.fetch_add(1, Ordering::Relaxed);
        } else if let Some(first) = facts.content_ns.first() {
            self.first_tokens.fetch_add(1, Ordering::Relaxed);
            self.first_token_ns.fetch_add(first.saturating_sub(facts.start_ns), Ordering::Relaxed);
        }
    }

    /// A worker had to wait because the recorder was behind.
    pub fn queue_was_full(&self) {
        self.queue_full.fetch_add(1, Ordering::Relaxed);
    }

    /// How often workers had to wait for the recorder.
    pub fn queue_full(&self) -> u64 {
        self.queue_full.load(Ordering::Relaxed)
    }

    /// Finished requests whose records are written.
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Acquire)
    }

    /// Finished requests and, of those, failed ones.
    pub fn finished(&self) -> (u64, u64) {
        (self.completed.load(Ordering::Relaxed), self.errors.load(Ordering::Relaxed))
    }

    /// Mean time to the first token so far, milliseconds.
    pub fn mean_ttft_ms(&self) -> Option<f64> {
        let count = self.first_tokens.load(Ordering::Relaxed);
        (count > 0).then(|| self.first_token_ns.load(Ordering::Relaxed) as f64 / count as f64 / 1e6)
    }
}
