//! The engine's thread: keeps the schedule's times and hands the tokens to the sinks. Knows what is due, not what it says.

use std::collections::HashMap;
use std::hint;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use aiperf_abi::{Flow, Result, Sink};
use tokio::sync::oneshot;

use super::reply::Reply;
use super::schedule::{Pace, Schedule, Step};
use super::settings::Settings;
use crate::clock::Clock;

/// The thread sleeps until this long before something is due and then watches the clock: the system wakes a sleeper up
/// to 50 µs late.
const WATCH_NS: u64 = 70_000;

/// With more tokens than this in a millisecond, watching would take a whole processor from those who measure. Then the
/// thread only sleeps, and a token may be some 50 µs late.
const DENSE: u32 = 8;

/// One request as the engine sees it.
pub(super) struct Job {
    /// When it came; the time to its first token is counted from then.
    pub(super) arrived_ns: u64,
    /// What it is answered.
    pub(super) reply: Reply,
    /// Tokens of its prompt, once they are counted.
    pub(super) prompt_tokens: Arc<OnceLock<u64>>,
    /// Where the answer goes.
    pub(super) sink: Sink,
}

/// How the engine is done with a job.
pub(super) enum Done {
    /// The sink has everything, or wants no more.
    Delivered,
    /// Everything is due; what ends the reply has to wait for the count of the prompt. Whoever counts writes it.
    CountMissing(Box<Job>),
}

/// A thread that answers requests. It ends when this and all tickets are gone.
pub(super) struct Engine {
    settings: Settings,
    clock: Clock,
    inbox: Sender<Message>,
    last_id: AtomicU64,
}

enum Message {
    Submit { id: u64, job: Box<Job>, done: oneshot::Sender<Done> },
    Cancel { id: u64 },
}

impl Engine {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub(super) fn start(settings: Settings, clock: Clock) -> Result<Self> {
        // Not bounded, and never longer than twice the requests under way: each sends one or two messages.
        let (inbox, messages) = channel();
        let work = Work {
            schedule: Schedule::new(settings.slots),
            jobs: HashMap::new(),
            buffer: Vec::new(),
            clock,
            pulse: Pulse::default(),
        };
        thread::Builder::new().name("in_engine".to_owned()).spawn(move || work.run(&messages, settings))?;
        Ok(Self { settings, clock, inbox, last_id: AtomicU64::new(0) })
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(super) fn clock(&self) -> Clock {
        self.clock
    }

    /// A number for the next request, from 1.
    pub(super) fn next_id(&self) -> u64 {
        self.last_id.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Hands a job over, under a number from [`Engine::next_id`].
    pub(super) fn submit(&self, id: u64, job: Job) -> Ticket {
        let (done, outcome) = oneshot::channel();
        // A thread that is gone drops the message, and with it `done`: the ticket says so.
        let _ = self.inbox.send(Message::Submit { id, job: Box::new(job), done });
        Ticket { id, inbox: self.inbox.clone(), outcome, waiting: true }
    }
}

/// A job under way. Dropping it takes the job out of the engine.
pub(super) struct Ticket {
    id: u64,
    inbox: Sender<Message>,
    outcome: oneshot::Receiver<Done>,
    waiting: bool,
}

impl Ticket {
    /// Resolves when the engine is done with the job; `None` when the engine's thread died.
    pub(super) async fn done(mut self) -> Option<Done> {
        let outcome = (&mut self.outcome).await;
        self.waiting = false;
        outcome.ok()
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.waiting {
            let _ = self.inbox.send(Message::Cancel { id: self.id });
        }
    }
}

/// What the thread owns.
struct Work {
    schedule: Schedule,
    jobs: HashMap<u64, (Box<Job>, oneshot::Sender<Done>)>,
    buffer: Vec<u8>,
    clock: Clock,
    pulse: Pulse,
}

/// How many tokens there are in a millisecond.
#[derive(Default)]
struct Pulse {
    since_ns: u64,
    steps: u32,
    dense: bool,
}

impl Pulse {
    fn beat(&mut self, now_ns: u64) {
        if now_ns.saturating_sub(self.since_ns) >= 1_000_000 {
            *self = Self { since_ns: now_ns, steps: 0, dense: self.steps > DENSE };
        }
        self.steps += 1;
    }

    /// How long before something is due the clock is watched, nanoseconds.
    fn watch_ns(&self) -> u64 {
        if self.dense { 0 } else { WATCH_NS }
    }
}

impl Work {
    fn run(mut self, messages: &Receiver<Message>, settings: Settings) {
        loop {
            loop {
                match messages.try_recv() {
                    Ok(message) => self.take(message, &settings),
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return,
                }
            }
            let now_ns = self.clock.now_ns();
            for step in self.schedule.advance(now_ns) {
                self.pulse.beat(now_ns);
                self.deliver(step);
            }
            let message = match self.schedule.next_due() {
                None => messages.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(due_ns) => {
                    let left = due_ns.saturating_sub(self.clock.now_ns());
                    let watch = self.pulse.watch_ns();
                    if left == 0 || left < watch {
                        hint::spin_loop();
                        continue;
                    }
                    messages.recv_timeout(Duration::from_nanos(left - watch))
                }
            };
            match message {
                Ok(message) => self.take(message, &settings),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn take(&mut self, message: Message, settings: &Settings) {
        match message {
            Message::Submit { id, job, done } => {
                self.schedule.submit(id, job.arrived_ns, pace(&job.reply, settings));
                self.jobs.insert(id, (job, done));
            }
            Message::Cancel { id } => self.forget(id),
        }
    }

    fn forget(&mut self, id: u64) {
        self.schedule.cancel(id, self.clock.now_ns());
        self.jobs.remove(&id);
    }

    fn deliver(&mut self, step: Step) {
        let Some((job, _)) = self.jobs.get_mut(&step.id) else { return };
        if step.index == 0 {
            job.begin();
        }
        self.buffer.clear();
        job.reply.write_token(step.index, &mut self.buffer);
        if !self.buffer.is_empty() && job.sink.chunk(&self.buffer) == Flow::Stop {
            self.forget(step.id);
            return;
        }
        if step.last
            && let Some((mut job, done)) = self.jobs.remove(&step.id)
        {
            let count = job.prompt_tokens.get().copied();
            // Nobody waits for the outcome of a request that was given up.
            let _ = done.send(match count {
                Some(prompt_tokens) => {
                    job.end(prompt_tokens);
                    Done::Delivered
                }
                None => Done::CountMissing(job),
            });
        }
    }
}

impl Job {
    fn begin(&mut self) {
        self.sink.head(200, &[("content-type", self.reply.content_type())]);
    }

    /// Writes what ends the reply.
    pub(super) fn end(&mut self, prompt_tokens: u64) {
        let mut bytes = Vec::new();
        self.reply.write_end(prompt_tokens, &mut bytes);
        self.sink.chunk(&bytes);
    }
}

/// A stream has a step per token; a whole reply is there when its last token would be.
fn pace(reply: &Reply, settings: &Settings) -> Pace {
    let nanos = |duration: Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    let (first_ns, gap_ns) = (nanos(settings.ttft), nanos(settings.itl));
    let gaps = u64::from(reply.tokens().saturating_sub(1));
    if reply.is_stream() {
        Pace { first_ns, gap_ns, steps: reply.tokens() }
    } else {
        Pace { first_ns: first_ns.saturating_add(gap_ns.saturating_mul(gaps)), gap_ns: 0, steps: 1 }
    }
}
