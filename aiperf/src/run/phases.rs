//! From the plan of a phase to its issuer: strategy, arrival pattern, ramps, where conversations come from, stop rules.

use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aiperf_abi::{ArrivalConfig, ArrivalPattern, Map, Ramp, RampConfig, TimingStrategy, Upcoming, Value};
use rand::RngExt;

use super::parts::{Maker, PartsError};
use crate::credit::Phase;
use crate::dataset::{Dataset, Sampler};
use crate::plan::{Cancellation, Measurement, PhasePlan, Timing};
use crate::plugin::registry::Registry;
use crate::random::{RootSeed, Stream};
use crate::timing::issuer::{Cancelling, Feed, Parts};
use crate::timing::series::Walk;
use crate::timing::{Issuer, Pace, StopRule};

/// One phase, ready to run.
pub struct ReadyPhase {
    /// What it is for.
    pub phase: Phase,
    /// What its random choices are named after.
    pub name: String,
    /// What it will do.
    pub plan: PhasePlan,
    /// Share of failed requests beyond which it ends.
    pub failed_share: Option<f64>,
    /// Decides when.
    pub issuer: Issuer,
}

/// What all phases draw from.
#[derive(Clone)]
pub(super) struct Supply {
    pub(super) dataset: Arc<dyn Dataset>,
    /// One for all phases: the measurement goes on where the warm-up stopped.
    pub(super) draws: Arc<Mutex<Draws>>,
    pub(super) seed: RootSeed,
}

/// Conversations looked at to learn how many turns they have.
const LOOKED_AT: u64 = 10_000;

/// Makes the issuer of a phase.
pub(super) fn ready(
    (phase, name): (Phase, &str),
    measurement: &Measurement,
    supply: &Supply,
    registry: &Registry,
    maker: &mut Maker<'_>,
) -> Result<ReadyPhase, PartsError> {
    let plan = match (phase, &measurement.warmup) {
        (Phase::Warmup, Some(warmup)) => warmup,
        _ => &measurement.profiling,
    };
    let seed = |purpose: &str| supply.seed.derive(&format!("{purpose}.{name}"));
    let config = strategy_config(plan, &*supply.dataset)?;
    let strategy =
        maker.make::<dyn TimingStrategy>(registry.entry("timing_strategy", &plan.strategy)?, config, None)?;
    let mut ramp = |config: RampConfig| -> Result<_, PartsError> {
        let entry = registry.entry("ramp", &plan.ramp)?;
        Ok(maker.make::<dyn Ramp>(entry, object(&config), None)?)
    };
    let mut limited = |limit: Option<u64>, seconds: Option<f64>, purpose: &str| -> Result<_, PartsError> {
        Ok(match (limit, seconds) {
            (None, _) => None,
            (Some(limit), None) => Some(Pace::steady(limit as f64)),
            (Some(limit), Some(seconds)) => {
                let way = ramp(RampConfig::new(1.0, limit as f64, seconds, seed(purpose)))?;
                Some(Pace::ramped(limit as f64, way, nanos(seconds)))
            }
        })
    };
    let limit = limited(plan.concurrency, plan.concurrency_ramp_seconds, "timing.ramp.concurrency")?;
    let prefill = limited(plan.prefill_concurrency, plan.prefill_concurrency_ramp_seconds, "timing.ramp.prefill")?;
    let (mut arrival, mut rate) = (None, None);
    if let Timing::RequestRate { rate: target, arrival_pattern, smoothness, ramp_seconds } = &plan.timing {
        if let Some(seconds) = ramp_seconds {
            // As a first step of a tenth of a second would be: a rate of 0 has no first request.
            let start = target * (0.1 / seconds).min(1.0);
            let way = ramp(RampConfig::new(start, *target, *seconds, seed("timing.ramp.rate")))?;
            rate = Some(Pace::ramped(*target, way, nanos(*seconds)));
        }
        let config = object(&ArrivalConfig::new(*target, *smoothness, seed("timing.arrival")));
        let entry = registry.entry("arrival_pattern", arrival_pattern)?;
        arrival = Some(maker.make::<dyn ArrivalPattern>(entry, config, None)?);
    }
    let mut series = None;
    if let Timing::RateSeries { series: points, arrival_pattern, smoothness } = &plan.timing {
        series = Some(Walk::new(points.clone()));
        let config = object(&ArrivalConfig::new(1.0, *smoothness, seed("timing.arrival")));
        let entry = registry.entry("arrival_pattern", arrival_pattern)?;
        arrival = Some(maker.make::<dyn ArrivalPattern>(entry, config, None)?);
    }
    let stop = StopRule {
        requests: plan.request_count,
        sessions: plan.session_count.or((plan.timing == Timing::FixedSchedule).then(|| supply.dataset.len())),
        duration_ns: plan.duration_seconds.map(nanos),
    };
    let cancelling = measurement.cancellation.filter(|_| phase == Phase::Profiling).map(|cancellation| {
        Box::new(AtRandom { cancellation, stream: RootSeed::new(seed("timing.cancellation")).stream("given up") })
            as Box<dyn Cancelling>
    });
    let feed = Box::new(Drawn { supply: supply.clone(), next: None });
    let issuer = Issuer::new(strategy, Parts { phase, feed, cancelling, arrival, rate, series, limit, prefill, stop });
    let failed_share = measurement.failed_request_threshold.filter(|_| phase == Phase::Profiling);
    Ok(ReadyPhase { phase, name: name.to_owned(), plan: plan.clone(), failed_share, issuer })
}

fn strategy_config(plan: &PhasePlan, dataset: &dyn Dataset) -> Result<Map<String, Value>, PartsError> {
    let Timing::UserCentric { rate, users } = plan.timing else { return Ok(Map::new()) };
    let looked_at = dataset.len().min(LOOKED_AT);
    let (mut sum, mut most) = (0, 1);
    for index in 0..looked_at {
        let turns = dataset.conversation(index)?.turns.len();
        sum += turns;
        most = most.max(turns);
    }
    let mean_turns = sum as f64 / looked_at as f64;
    Ok(object(&serde_json::json!({ "rate": rate, "users": users, "mean_turns": mean_turns, "max_turns": most })))
}

pub(super) fn object(config: &impl serde::Serialize) -> Map<String, Value> {
    match serde_json::to_value(config) {
        Ok(Value::Object(map)) => map,
        _ => Map::new(),
    }
}

fn nanos(seconds: f64) -> u64 {
    (seconds * 1e9) as u64
}

/// Conversations drawn by a sampler.
pub(super) struct Draws {
    source: Source,
    /// What a phase drew and did not use, the next one last.
    again: Vec<u64>,
}

enum Source {
    /// All of them are at hand.
    AtHand(Box<Sampler>),
    /// Each is read on a thread of its own some time before it is sent: a long prompt takes milliseconds to make, and a
    /// schedule cannot wait for it.
    Ahead(Receiver<aiperf_abi::Result<u64>>),
}

/// Conversations made ahead; no more than a dataset keeps at hand.
const AHEAD: usize = 32;

impl Draws {
    /// All of them are at hand.
    pub(super) fn at_hand(sampler: Sampler) -> Self {
        Self { source: Source::AtHand(Box::new(sampler)), again: Vec::new() }
    }

    /// Starts the thread that reads ahead. It ends when nobody draws any more.
    pub(super) fn ahead(mut sampler: Sampler, dataset: Arc<dyn Dataset>) -> std::io::Result<Self> {
        let (drawn, ahead) = sync_channel(AHEAD);
        let work = move || {
            loop {
                let index = sampler.draw();
                if let Ok(index) = index {
                    // One that cannot be read becomes a failed request when it is sent.
                    let _ = dataset.conversation(index);
                }
                if drawn.send(index).is_err() {
                    return;
                }
            }
        };
        std::thread::Builder::new().name("aiperf-ahead".to_owned()).spawn(work)?;
        Ok(Self { source: Source::Ahead(ahead), again: Vec::new() })
    }

    fn next(&mut self) -> aiperf_abi::Result<u64> {
        if let Some(index) = self.again.pop() {
            return Ok(index);
        }
        match &mut self.source {
            Source::AtHand(sampler) => sampler.draw(),
            // The thread ends before its listener only by a panic: then the first conversation serves, and tells the same.
            Source::Ahead(drawn) => drawn.recv().unwrap_or(Ok(0)),
        }
    }
}

/// The dataset, in the order of the sampler.
struct Drawn {
    supply: Supply,
    next: Option<u64>,
}

impl Drawn {
    fn draws(&self) -> MutexGuard<'_, Draws> {
        self.supply.draws.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Feed for Drawn {
    fn draw(&mut self) -> aiperf_abi::Result<u64> {
        self.next.take().map_or_else(|| self.draws().next(), Ok)
    }

    fn give_back(&mut self, unused: &[u64]) {
        let unused = unused.iter().copied().chain(self.next.take()).rev().collect::<Vec<_>>();
        self.draws().again.extend(unused);
    }

    fn upcoming(&mut self) -> aiperf_abi::Result<Option<Upcoming>> {
        let index = match self.next {
            Some(index) => index,
            None => {
                let drawn = self.draws().next()?;
                *self.next.insert(drawn)
            }
        };
        if let Some(start_ms) = self.supply.dataset.start_ms(index) {
            return Ok(Some(Upcoming::new(1, Some(start_ms))));
        }
        // One that cannot be read becomes a failed request when it is sent.
        let conversation = self.supply.dataset.conversation(index).ok();
        let first = conversation.as_ref().and_then(|conversation| conversation.turns.first());
        let turns = conversation.as_ref().map_or(1, |conversation| conversation.turns.len() as u32);
        Ok(Some(Upcoming::new(turns, first.and_then(|turn| turn.timestamp))))
    }
}

/// Gives up a share of the requests.
struct AtRandom {
    cancellation: Cancellation,
    stream: Stream,
}

impl Cancelling for AtRandom {
    fn cancel_after_ns(&mut self, _: u64) -> Option<u64> {
        let given_up = self.stream.random::<f64>() * 100.0 < self.cancellation.rate_percent;
        given_up.then(|| nanos(self.cancellation.delay_seconds))
    }
}
