//! `in_engine`: an inference engine inside the process, for `sim://` URLs. It keeps the times it is told to a tenth of a
//! millisecond, so that what a run measures can be checked, and it needs no server.
//!
//! `sim://?ttft=50ms&itl=5ms&slots=64&osl=16&fail=0.1&status=503`: time to the first token, time between tokens, requests
//! worked on at once (the others wait in line), tokens of a reply where the request does not say, and which share of the
//! requests is refused how. It speaks every built-in dialect at its path, and answers any body where there is no path.

mod dialect;
mod engine;
mod others;
mod reply;
mod schedule;
mod settings;
#[cfg(test)]
mod tests;
mod words;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;

use aiperf_abi::{Context, Error, ErrorKind, Plugin, Result, SendFuture, Sink, Transport, TransportRequest};
use serde::Deserialize;
use tokio::sync::Semaphore;

use self::dialect::{Frame, Refusal, Understood, understand};
use self::engine::{Done, Engine, Job};
use self::settings::{Address, Settings};
use crate::clock::Clock;
use crate::priority;
use crate::tokenizer::{Embedded, Tokenizer};

/// The built-in transport for `sim://` URLs.
///
/// A URL with another host or other settings is another engine with slots of its own. Where the pace cannot be kept
/// because the machine is busy, tokens are late, never early.
pub struct InEngineTransport {
    clock: Clock,
    /// By host and query of their URL.
    engines: Mutex<HashMap<String, Arc<Engine>>>,
    desks: Arc<Desks>,
}

/// How many long bodies are worked on at one time; more threads than processors would only be in the way of those who send.
struct Desks {
    /// Read: on as many processors as there are, for the reply waits for it.
    read: Semaphore,
    /// Counted: on half of them, for only the end of the reply does.
    count: Semaphore,
}

/// The entry has no settings of its own: they are in the URL.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct NoSettings {}

impl Plugin for InEngineTransport {
    fn new(cx: &Context<'_>) -> Result<Self> {
        let NoSettings {} = cx.config()?;
        Self::for_urls(&cx.model_endpoint()?.urls)
    }
}

impl InEngineTransport {
    fn for_urls(urls: &[String]) -> Result<Self> {
        let processors = thread::available_parallelism().map_or(1, Into::into);
        let desks = Desks { read: Semaphore::new(processors), count: Semaphore::new(processors.div_ceil(2)) };
        let transport = Self { clock: Clock::start(), engines: Mutex::default(), desks: Arc::new(desks) };
        for url in urls {
            transport.engine(url)?;
        }
        // The tables take a while to read; the first usage to be told should not wait for them. If there is no thread
        // to be had, it does.
        let _ = thread::Builder::new().spawn(|| Tokenizer::embedded(Embedded::O200kBase));
        Ok(transport)
    }

    fn engine(&self, url: &str) -> Result<Arc<Engine>> {
        let Address { host, query, .. } = Address::of(url);
        let mut engines = self.engines.lock().unwrap_or_else(PoisonError::into_inner);
        match engines.entry(format!("{host}?{query}")) {
            Entry::Occupied(engine) => Ok(Arc::clone(engine.get())),
            Entry::Vacant(place) => {
                let engine = Engine::start(Settings::of_url(url)?, self.clock)?;
                Ok(Arc::clone(place.insert(Arc::new(engine))))
            }
        }
    }
}

impl Transport for InEngineTransport {
    fn send(&self, request: TransportRequest, sink: Sink) -> SendFuture {
        let arrived_ns = self.clock.now_ns();
        let (engine, desks) = (self.engine(&request.url), Arc::clone(&self.desks));
        Box::pin(async move { exchange(&*engine?, desks, request, sink, arrived_ns).await })
    }
}

/// Bytes of a body from which on it is read, and its tokens are counted, on threads that step back: it takes milliseconds, and
/// meanwhile others may have to be sent.
const LONG_BODY: usize = 8 * 1024;

async fn exchange(
    engine: &Engine,
    desks: Arc<Desks>,
    request: TransportRequest,
    mut sink: Sink,
    arrived_ns: u64,
) -> Result<()> {
    let id = engine.next_id();
    if engine.settings().fails(id) {
        refuse(&mut sink, &Refusal::wanted(engine.settings().fail_status));
        return Ok(());
    }
    let created_s = engine.clock().wall_ns(arrived_ns) / 1_000_000_000;
    let frame = Frame { id, created_s, osl: engine.settings().osl };
    let is_long = request.body.len() > LONG_BODY;
    let read = move || understand(Address::of(&request.url).path, &request.body, frame);
    let read = match is_long {
        true => {
            // What else is to be sent now goes first.
            tokio::task::yield_now().await;
            in_the_background(&desks.read, read).await?
        }
        false => read(),
    };
    let Understood { reply, prompt } = match read {
        Ok(understood) => understood,
        Err(refusal) => {
            refuse(&mut sink, &refusal);
            return Ok(());
        }
    };

    let (tells_usage, prompt_tokens) = (reply.tells_usage(), Arc::new(OnceLock::new()));
    if !tells_usage {
        prompt_tokens.get_or_init(|| 0);
    }
    let ticket = engine.submit(id, Job { arrived_ns, reply, prompt_tokens: Arc::clone(&prompt_tokens), sink });
    // The engine is at work meanwhile.
    let counted = Arc::clone(&prompt_tokens);
    let count = move || *counted.get_or_init(|| prompt.count());
    let counting = match is_long && tells_usage {
        true => Some(tokio::spawn(async move { in_the_background(&desks.count, count).await })),
        false => {
            count();
            None
        }
    };
    match ticket.done().await {
        Some(Done::Delivered) => Ok(()),
        Some(Done::CountMissing(mut job)) => {
            if let Some(counting) = counting {
                counting.await.map_err(|_| not_done())??;
            }
            job.end(*prompt_tokens.get_or_init(|| 0));
            Ok(())
        }
        None => Err(Error::new(ErrorKind::Other, "the engine's thread has ended")),
    }
}

/// Works on a thread that steps back, when a desk is free.
async fn in_the_background<T: Send + 'static>(
    desks: &Semaphore,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T> {
    // They are never closed.
    let _desk = desks.acquire().await;
    let done = tokio::task::spawn_blocking(move || {
        priority::step_back();
        work()
    });
    done.await.map_err(|_| not_done())
}

fn not_done() -> Error {
    Error::new(ErrorKind::Other, "the engine could not read the request")
}

fn refuse(sink: &mut Sink, refusal: &Refusal) {
    sink.head(refusal.status, &[("content-type", "application/json")]);
    sink.chunk(&refusal.body());
}
