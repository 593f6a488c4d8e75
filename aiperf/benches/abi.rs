//! What the way through a library costs: the same endpoint built into this program and loaded from a library, in one run.
//! `cargo bench --bench abi`; nanoseconds per call, the best of many rounds that take turns.
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock of the machine itself")]
#![expect(clippy::print_stdout, reason = "a program that prints a table")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use aiperf::plugin::library::Library;
use aiperf_abi::host::Category;
use aiperf_abi::testing::{
    Fixture, MockHost, construct, mock_arrival_config, mock_event, mock_lines, mock_ramp_config, mock_request,
    mock_selection_config,
};
use aiperf_abi::{
    Actions, ArrivalPattern, DatasetSampler, Endpoint, Plugin, Ramp, RecordBatch, RecordProcessor, Returned,
    TimingEvent, TimingHost, TimingStrategy, Upcoming, UrlSelectionStrategy, Value, json,
};

#[path = "../../tests/loader/fixtures.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod fixtures;
#[path = "../../tests/loader/fixtures/right.rs"]
mod right;

/// How long one round measures one of the two.
const ROUND: Duration = Duration::from_millis(20);

const ROUNDS: u32 = 25;

/// One thing that is called, on whichever endpoint.
type Call<'a> = (String, Box<dyn Fn(&mut dyn Endpoint) + 'a>);

fn main() {
    let library = Library::open(&fixtures::built("release", &["fixture_right"]).library("fixture_right"));
    let pairs = Pairs(library.unwrap_or_else(|error| panic!("{error}")));
    println!("{:<44} {:>12} {:>12} {:>8}", "call (ns)", "built-in", "library", "ratio");
    let mut endpoints = pairs.of::<dyn Endpoint, right::Chat>("Chat", json!({}), |built_in| Box::new(built_in));
    for (name, call) in calls() {
        row(&name, 1, &mut endpoints, |endpoint| call(endpoint));
    }
    schedule(&pairs);
    records(&pairs);
}

/// Makes the same class twice: as it is in this program, and as it is in the library.
struct Pairs(&'static Library);

impl Pairs {
    fn of<C: Category + ?Sized, T: Plugin>(&self, class: &str, config: Value, plain: fn(T) -> Box<C>) -> [Box<C>; 2] {
        let built_in = plain(construct(config.clone()).expect("it has no way to fail"));
        let loaded = self.0.make::<C>(class, &Fixture::new(config).context(&MockHost::default()));
        [built_in, loaded.unwrap_or_else(|error| panic!("{error}"))]
    }
}

/// What is asked for every request to know when it is sent, with what, and to whom: the classes do as little as can be done.
fn schedule(pairs: &Pairs) {
    let config = json!(mock_arrival_config());
    let mut arrivals = pairs.of::<dyn ArrivalPattern, right::Even>("Even", config, |one| Box::new(one));
    row("an interval of an arrival", 1, &mut arrivals, |one| drop(black_box(one.next_interval())));
    let config = json!(mock_ramp_config());
    let mut ramps = pairs.of::<dyn Ramp, right::Straight>("Straight", config, |one| Box::new(one));
    row("a value of a ramp", 1, &mut ramps, |one| drop(black_box(one.value_at(black_box(2.5)))));
    let config = json!(mock_selection_config());
    let mut samplers = pairs.of::<dyn DatasetSampler, right::Around>("Around", config.clone(), |one| Box::new(one));
    row("a draw of a sampler", 1, &mut samplers, |one| drop(black_box(one.next_index())));
    let mut indices = [0; 1024];
    row("a draw of a sampler, 1024 at once", 1024, &mut samplers, |one| drop(black_box(one.fill(&mut indices))));
    let mut choices = pairs.of::<dyn UrlSelectionStrategy, right::Around>("Around", config, |one| Box::new(one));
    row("a choice of a server", 1, &mut choices, |one| drop(black_box(one.next_url_index())));
    let mut strategies = pairs.of::<dyn TimingStrategy, right::Patient>("Patient", json!({}), |one| Box::new(one));
    row("an event of a timing strategy", 1, &mut strategies, |one| {
        let event = TimingEvent::CreditReturned(Returned::with_next(7, 0, 5));
        one.on_event(1, event, &mut Actions::new(&mut Deaf)).expect("it has no way to fail");
    });
}

/// What looks at every record: alone, and in batches as a run hands them over.
fn records(pairs: &Pairs) {
    let mut processors = pairs.of::<dyn RecordProcessor, right::Latency>("Latency", json!({}), |one| Box::new(one));
    for count in [1, 100] {
        let lines = mock_lines(count);
        let name = format!("a record of a processor, {count} at once");
        row(&name, count as u32, &mut processors, |one| drop(black_box(one.process(RecordBatch::new(&lines)))));
    }
}

/// Nanoseconds of a call that does so many things, for each of them.
fn row<C: ?Sized>(name: &str, things: u32, pair: &mut [Box<C>; 2], mut call: impl FnMut(&mut C)) {
    let mut best = [f64::MAX; 2];
    for _ in 0..ROUNDS {
        for (best, one) in best.iter_mut().zip(pair.iter_mut()) {
            *best = best.min(nanoseconds(|| call(one)) / f64::from(things));
        }
    }
    let [built_in, library] = best.map(|ns| if ns < 10.0 { format!("{ns:.1}") } else { format!("{ns:.0}") });
    println!("{name:<44} {built_in:>12} {library:>12} {:>8.2}", best[1] / best[0]);
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
    fn wake_at(&mut self, _: u64) {}
    fn slipped(&mut self, _: u64) {}
    fn next_interval_ns(&mut self) -> Option<f64> {
        None
    }
    fn upcoming(&mut self) -> Option<Upcoming> {
        None
    }
}

fn calls() -> Vec<Call<'static>> {
    let mut calls: Vec<Call<'static>> = Vec::new();
    for (turns, bytes) in [(1, 64), (1, 4096), (10, 400)] {
        let mut request = mock_request();
        let mut conversation = (*request.conversation).clone();
        let mut turn = conversation.turns[0].clone();
        turn.texts[0].contents = vec!["x".repeat(bytes)];
        conversation.turns = vec![turn; turns];
        request.conversation = conversation.into();
        request.turn_index = turns as u32 - 1;
        calls.push((
            format!("format {turns} x {bytes} B"),
            Box::new(move |endpoint| {
                let payload = endpoint.format_payload(request.info()).expect("it formats");
                black_box(payload.into_bytes(request.info()).expect("it is JSON"));
            }),
        ));
    }
    for bytes in [8, 256] {
        let text = "x".repeat(bytes);
        let event = json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m",
            "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": null}]})
        .to_string();
        calls.push((
            format!("parse an event of {bytes} B text"),
            Box::new(move |endpoint| {
                black_box(endpoint.parse_response(mock_event(&event).response()).expect("it parses"));
            }),
        ));
    }
    calls
}

/// The mean over one round.
fn nanoseconds(mut call: impl FnMut()) -> f64 {
    let (start, mut calls) = (Instant::now(), 0_u32);
    loop {
        for _ in 0..64 {
            call();
        }
        calls += 64;
        let elapsed = start.elapsed();
        if elapsed >= ROUND {
            return elapsed.as_nanos() as f64 / f64::from(calls);
        }
    }
}
