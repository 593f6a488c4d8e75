//! The recorder's thread: exchanges in, facts out to the aggregate and, as encoded lines, to the exporters. Everything here
//! happens off the sending path. What has been recorded can be had without the thread: the endpoint that parses may be a
//! plugin that does not come back.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{JoinHandle, ThreadId};

use aiperf_abi::MetricResult;
use tokio::sync::Notify;
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
    thread: JoinHandle<()>,
    books: Arc<Mutex<Option<Books>>>,
    closing: Arc<Notify>,
}

/// Exchanges taken from the queue at one time; their lines make one batch.
const BATCH: usize = 256;

impl Recording {
    /// Starts the thread. It ends when every sender of `queue` is gone and the queue is empty.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(desk: Desk, tallies: Arc<Tallies>, queue: Receiver<Exchange>) -> std::io::Result<Self> {
        // It only waits: for the queue, and to be told that it is closed.
        let waiting = tokio::runtime::Builder::new_current_thread().build()?;
        let closing = Arc::new(Notify::new());
        let (reader, books) = desk.split();
        let books = Arc::new(Mutex::new(Some(books)));
        let (kept, closed) = (Arc::clone(&books), Arc::clone(&closing));
        let work = move || {
            priority::step_back();
            let mut queue = Queue { queue, closed, is_closed: false, waiting };
            reader.read(&tallies, &mut queue, &kept);
        };
        let thread = std::thread::Builder::new().name("aiperf-record".to_owned()).spawn(work)?;
        Ok(Self { thread, books, closing })
    }

    /// Takes no more than what is in the queue, though there may be senders.
    pub fn close(&self) {
        self.closing.notify_one();
    }

    /// The thread that may be in a plugin.
    pub fn thread(&self) -> ThreadId {
        self.thread.thread().id()
    }

    /// What has been recorded so far, as soon as the thread is not writing it down. It records no more.
    pub fn so_far(&self) -> impl FnOnce() -> Recorded + use<> {
        let books = Arc::clone(&self.books);
        move || taken(&books)
    }

    /// Waits for the thread.
    ///
    /// # Panics
    /// When the recorder itself did: that is a defect of aiperf, not of a plugin, whose panics are errors.
    pub fn finish(self) -> Recorded {
        match self.thread.join() {
            Ok(()) => taken(&self.books),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

fn lock(books: &Mutex<Option<Books>>) -> MutexGuard<'_, Option<Books>> {
    books.lock().unwrap_or_else(PoisonError::into_inner)
}

fn taken(books: &Mutex<Option<Books>>) -> Recorded {
    lock(books).take().expect("the books of a recorder are taken once").closed()
}

/// Exchanges to come.
struct Queue {
    queue: Receiver<Exchange>,
    closed: Arc<Notify>,
    is_closed: bool,
    waiting: tokio::runtime::Runtime,
}

impl Queue {
    /// Some more exchanges; false: there are none, and will be none.
    fn more(&mut self, exchanges: &mut Vec<Exchange>) -> bool {
        let Self { queue, closed, is_closed, waiting } = self;
        waiting.block_on(async {
            loop {
                tokio::select! {
                    biased;
                    count = queue.recv_many(exchanges, BATCH) => return count > 0,
                    () = closed.notified(), if !*is_closed => *is_closed = true,
                }
                queue.close();
            }
        })
    }
}

impl Desk {
    /// What calls the endpoint, and what keeps its results.
    fn split(self) -> (Reader, Books) {
        let (raw, raw_file) = self.raw.map(|RawDesk { encoder, records, file }| ((encoder, records), file)).unzip();
        let books = Books {
            aggregate: self.aggregate,
            warmup: self.warmup,
            encoder: self.encoder,
            keeps: self.keeps,
            processors: self.processors,
            watchers: self.watchers,
            raw_file,
            exporters: self.exporters,
            failures: self.failures,
            lines: String::new(),
            raw_lines: String::new(),
            measured: Vec::new(),
            last_end_ns: 0,
            warmed_up: None,
        };
        (Reader { recorder: self.recorder, raw }, books)
    }
}

/// Makes facts and raw lines of exchanges, with the help of the endpoint.
struct Reader {
    recorder: Recorder,
    raw: Option<(RawEncoder, RecordEncoder)>,
}

impl Reader {
    fn read(mut self, tallies: &Tallies, queue: &mut Queue, books: &Mutex<Option<Books>>) {
        let (mut exchanges, mut raw_lines) = (Vec::with_capacity(BATCH), String::new());
        while queue.more(&mut exchanges) {
            for exchange in exchanges.drain(..) {
                // Nothing is locked while the endpoint is asked.
                let facts = self.recorder.facts(&exchange);
                tallies.of(facts.phase).count(&facts);
                if let Some((encoder, records)) = &self.raw {
                    encoder.encode(&exchange, &records.metadata(&facts), facts.error.as_ref(), &mut raw_lines);
                }
                let mut books = lock(books);
                let Some(books) = &mut *books else { return };
                books.add(&facts);
                books.raw_lines.push_str(&raw_lines);
                raw_lines.clear();
                priority::give_way();
            }
            let mut books = lock(books);
            let Some(books) = &mut *books else { return };
            books.flush();
            tallies.settle();
        }
    }
}

/// What has been recorded.
struct Books {
    aggregate: Aggregate,
    warmup: Aggregate,
    encoder: Option<RecordEncoder>,
    keeps: Keeps,
    processors: RecordProcessors,
    watchers: ResultsProcessors,
    /// Gone once it could not be written.
    raw_file: Option<LineFile>,
    exporters: Exporters,
    failures: Vec<Failure>,
    /// What nobody has been shown yet.
    lines: String,
    raw_lines: String,
    /// Which lines belong to the measurement; only kept where somebody asks.
    measured: Vec<bool>,
    last_end_ns: u64,
    warmed_up: Option<Window>,
}

impl Books {
    fn add(&mut self, facts: &Facts) {
        if facts.phase == Phase::Profiling {
            self.last_end_ns = self.last_end_ns.max(facts.end_ns);
            self.aggregate.add(facts);
        } else {
            self.warmup.add(facts);
            let so_far = self.warmed_up.unwrap_or(Window { start_ns: facts.intended_ns, end_ns: facts.end_ns });
            self.warmed_up = Some(Window {
                start_ns: so_far.start_ns.min(facts.intended_ns),
                end_ns: so_far.end_ns.max(facts.end_ns),
            });
        }
        if let Some(encoder) = &self.encoder {
            encoder.encode(facts, &mut self.lines);
            if !self.processors.is_empty() {
                self.measured.push(facts.phase == Phase::Profiling);
            }
        }
    }

    /// Shows what is new to everybody who looks at it.
    fn flush(&mut self) {
        if let Some(Err(error)) = self.raw_file.as_mut().map(|file| file.append(&self.raw_lines)) {
            let failure = Failure { category: "exporter", exporter: "raw".to_owned(), error: error.into() };
            tracing::error!("{failure}; nothing more is written there, the run goes on");
            self.failures.push(failure);
            self.raw_file = None;
        }
        self.raw_lines.clear();
        let mut failures = Vec::new();
        if !self.lines.is_empty() {
            if !self.processors.is_empty() {
                failures.extend(self.processors.process(&mut self.lines, &self.measured));
                self.measured.clear();
            }
            if !self.watchers.is_empty() {
                failures.extend(self.watchers.ingest(&self.lines));
            }
            if self.keeps == Keeps::Records {
                failures.extend(self.exporters.records(&self.lines));
            }
        }
        for failure in failures {
            tracing::error!("{failure}; it gets no more records, the run goes on");
            self.failures.push(failure);
        }
        self.lines.clear();
    }

    fn closed(mut self) -> Recorded {
        self.flush();
        Recorded {
            aggregate: self.aggregate,
            warmup: (self.warmup, self.warmed_up),
            added: self.processors.results().collect(),
            watchers: self.watchers,
            exporters: self.exporters,
            failures: self.failures,
            last_end_ns: self.last_end_ns,
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
