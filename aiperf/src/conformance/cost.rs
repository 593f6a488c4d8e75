//! What the way into a library costs: nanoseconds per call of what is called for every request, beside the same call of what
//! is built in.

use aiperf_abi::testing::{Fixture, MockHost, Request, mock_event, mock_lines, mock_request, mock_response};
use aiperf_abi::{
    Actions, ArrivalPattern, Context, DatasetSampler, Endpoint, MetricDeclaration, Plugin, Ramp, RecordBatch,
    RecordProcessor, Result, Returned, TimingEvent, TimingHost, TimingStrategy, Upcoming, UrlSelectionStrategy,
};
use serde::{Deserialize, Serialize};
use std::hint::black_box;
use std::sync::Arc;

use super::{Folder, Make, Subject, Tried};
use crate::clock::Clock;
use crate::dataset::RandomSampler;
use crate::endpoint::ChatEndpoint;
use crate::plugin::library::{Library, LibraryError};
use crate::timing::arrival::PoissonArrival;
use crate::timing::ramp::LinearRamp;
use crate::timing::strategy::ConcurrencyStrategy;
use crate::transport::selection::RoundRobinUrls;

/// How long one round measures one of the two, nanoseconds.
const ROUND_NS: u64 = 5_000_000;

/// Rounds, which take turns; the best counts.
const ROUNDS: usize = 20;

/// What the calls of a class cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// The built-in class beside it.
    pub builtin: String,
    /// Each kind of call.
    pub calls: Vec<Call>,
}

/// One kind of call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// What is called.
    pub call: String,
    /// Nanoseconds of a call of the library.
    pub library_ns: f64,
    /// Nanoseconds of the same call of what is built in.
    pub builtin_ns: f64,
}

macro_rules! hot {
    ($($trait:ident)*) => {
        /// Whether the calls of a class, `category:Type`, are worth measuring: of a category that is called for every request.
        pub fn is_measured(export: &str) -> bool {
            let category = export.split_once(':').map_or(export, |(category, _)| category);
            [$(<dyn $trait as aiperf_abi::host::Category>::NAME),*].contains(&category)
        }

        /// Measures a class of a library.
        ///
        /// # Errors
        /// When it cannot be made.
        pub fn cost(subject: Subject<'_>) -> std::result::Result<Cost, LibraryError> {
            let library = Library::open(subject.library)?;
            let (category, class) = subject.export.split_once(':').unwrap_or((subject.export, ""));
            match category {
                $(<dyn $trait as aiperf_abi::host::Category>::NAME => measured::<dyn $trait>(library, class, subject),)*
                _ => Err(library.no_class("class that is called for every request", class)),
            }
        }
    };
}

hot! {
    Endpoint TimingStrategy ArrivalPattern Ramp DatasetSampler UrlSelectionStrategy RecordProcessor
}

/// A kind of call: what it is, how many things it does at once, and the call. One that is refused is measured as it is
/// refused.
type Kind<C> = (&'static str, u32, Box<dyn FnMut(&mut C)>);

/// A category that is called for every request.
trait Hot: Tried {
    /// The built-in class.
    fn builtin(cx: &Context<'_>) -> Result<(&'static str, Box<Self>)>;

    fn calls() -> Vec<Kind<Self>>;
}

fn measured<C: Hot + ?Sized>(
    library: &'static Library,
    class: &str,
    subject: Subject<'_>,
) -> std::result::Result<Cost, LibraryError> {
    let Subject { settings, metadata, sample, .. } = subject;
    let (scratch, host) = (Folder::new(), MockHost::default());
    let new = |cx: &Context<'_>| library.make::<C>(class, cx);
    let make = Make { new: &new, settings, metadata, sample, folders: None, folder: scratch.0.clone(), host };
    let mut loaded = make.plain(make.config(C::told()))?;
    let plain = Fixture::new(C::told());
    let (name, mut builtin) = C::builtin(&plain.context(&MockHost::default())).map_err(LibraryError::New)?;
    let clock = Clock::start();
    let calls = C::calls().into_iter().map(|(call, things, mut deed)| {
        let (mut library_ns, mut builtin_ns) = (f64::MAX, f64::MAX);
        for _ in 0..ROUNDS {
            library_ns = library_ns.min(per_call(clock, || deed(&mut *loaded)));
            builtin_ns = builtin_ns.min(per_call(clock, || deed(&mut *builtin)));
        }
        let things = f64::from(things);
        Call { call: call.to_owned(), library_ns: library_ns / things, builtin_ns: builtin_ns / things }
    });
    Ok(Cost { builtin: name.to_owned(), calls: calls.collect() })
}

/// The mean of one round, nanoseconds.
fn per_call(clock: Clock, mut call: impl FnMut()) -> f64 {
    let start = clock.now_ns();
    let mut calls = 0_u32;
    loop {
        for _ in 0..16 {
            call();
        }
        calls += 16;
        let elapsed = clock.now_ns() - start;
        if elapsed >= ROUND_NS {
            return elapsed as f64 / f64::from(calls);
        }
    }
}

impl Hot for dyn Endpoint {
    fn builtin(cx: &Context<'_>) -> Result<(&'static str, Box<Self>)> {
        Ok(("chat", Box::new(ChatEndpoint::new(cx)?)))
    }

    fn calls() -> Vec<Kind<Self>> {
        const EVENT: &str = r#"{"id":"1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":" word"},"finish_reason":null}]}"#;
        const REPLY: &str = r#"{"id":"1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"some words"},"finish_reason":"stop"}],"usage":{"prompt_tokens":7,"completion_tokens":2,"total_tokens":9}}"#;
        let request = |bytes: usize| {
            let mut request = mock_request();
            let mut conversation = (*request.conversation).clone();
            conversation.turns[0].texts[0].contents = vec!["x".repeat(bytes)];
            request.conversation = Arc::new(conversation);
            request
        };
        let format = |request: Request| -> Box<dyn FnMut(&mut Self)> {
            Box::new(move |endpoint| {
                let payload = endpoint.format_payload(request.info());
                drop(black_box(payload.and_then(|payload| payload.into_bytes(request.info()))));
            })
        };
        let plain = mock_request();
        vec![
            (
                "headers: the way there and back",
                1,
                Box::new(move |endpoint| drop(black_box(endpoint.headers(plain.info())))),
            ),
            ("a body of 64 bytes of text", 1, format(request(64))),
            ("a body of 4096 bytes of text", 1, format(request(4096))),
            (
                "an event of a stream",
                1,
                Box::new(|endpoint| drop(black_box(endpoint.parse_response(mock_event(EVENT).response())))),
            ),
            (
                "a whole reply",
                1,
                Box::new(|endpoint| drop(black_box(endpoint.parse_response(mock_response(REPLY).response())))),
            ),
        ]
    }
}

impl Hot for dyn ArrivalPattern {
    fn builtin(cx: &Context<'_>) -> Result<(&'static str, Box<Self>)> {
        Ok(("poisson", Box::new(PoissonArrival::new(cx)?)))
    }

    fn calls() -> Vec<Kind<Self>> {
        vec![("an interval", 1, Box::new(|pattern| drop(black_box(pattern.next_interval()))))]
    }
}

impl Hot for dyn Ramp {
    fn builtin(cx: &Context<'_>) -> Result<(&'static str, Box<Self>)> {
        Ok(("linear", Box::new(LinearRamp::new(cx)?)))
    }

    fn calls() -> Vec<Kind<Self>> {
        vec![("a value", 1, Box::new(|ramp| drop(black_box(ramp.value_at(black_box(2.5))))))]
    }
}

impl Hot for dyn DatasetSampler {
    fn builtin(cx: &Context<'_>) -> Result<(&'static str, Box<Self>)> {
        Ok(("random", Box::new(RandomSampler::new(cx)?)))
    }

    fn calls() -> Vec<Kind<Self>> {
        let mut indices = vec![0; 1024];
        vec![
            ("a draw", 1, Box::new(|sampler| drop(black_box(sampler.next_index())))),
            ("a draw of 1024 at once", 1024, Box::new(move |sampler| drop(black_box(sampler.fill(&mut indices))))),
        ]
    }
}

impl Hot for dyn UrlSelectionStrategy {
    fn builtin(cx: &Context<'_>) -> Result<(&'static str, Box<Self>)> {
        Ok(("round_robin", Box::new(RoundRobinUrls::new(cx)?)))
    }

    fn calls() -> Vec<Kind<Self>> {
        vec![("a choice", 1, Box::new(|strategy| drop(black_box(strategy.next_url_index()))))]
    }
}

impl Hot for dyn TimingStrategy {
    fn builtin(cx: &Context<'_>) -> Result<(&'static str, Box<Self>)> {
        Ok(("concurrency", Box::new(ConcurrencyStrategy::new(cx)?)))
    }

    fn calls() -> Vec<Kind<Self>> {
        let event = TimingEvent::CreditReturned(Returned::last(7, 0));
        let tell =
            move |strategy: &mut Self| drop(black_box(strategy.on_event(1, event, &mut Actions::new(&mut Deaf))));
        vec![("a request that has ended", 1, Box::new(tell))]
    }
}

/// A host that is asked for much and does nothing.
struct Deaf;

impl TimingHost for Deaf {
    fn start_session(&mut self, at_ns: u64, _: u32) {
        black_box(at_ns);
    }

    fn fill_slots(&mut self) {}

    fn continue_session(&mut self, session: u64, _: u64) {
        black_box(session);
    }

    fn wake_at(&mut self, at_ns: u64) {
        black_box(at_ns);
    }

    fn slipped(&mut self, _: u64) {}

    fn next_interval_ns(&mut self) -> Option<f64> {
        Some(1e6)
    }

    fn upcoming(&mut self) -> Option<Upcoming> {
        None
    }
}

/// Records of a batch.
const BATCH: u32 = 100;

impl Hot for dyn RecordProcessor {
    fn builtin(_: &Context<'_>) -> Result<(&'static str, Box<Self>)> {
        Ok(("reading of the latency", Box::new(Latency)))
    }

    fn calls() -> Vec<Kind<Self>> {
        let lines = mock_lines(BATCH.into());
        let process = move |processor: &mut Self| drop(black_box(processor.process(RecordBatch::new(&lines))));
        vec![("a record, in batches of 100", BATCH, Box::new(process))]
    }
}

/// There is no record processor that is built in; this is the least that one would do.
struct Latency;

impl RecordProcessor for Latency {
    fn metrics(&mut self) -> Result<Vec<MetricDeclaration>> {
        Ok(vec![MetricDeclaration::new("latency", "Latency", "ms")])
    }

    fn process(&mut self, batch: RecordBatch<'_>) -> Result<Vec<Vec<Option<f64>>>> {
        batch.iter().map(|record| Ok(vec![record?.metrics["request_latency"].value.as_f64()])).collect()
    }
}
