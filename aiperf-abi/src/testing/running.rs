//! Fixtures for what accompanies a run: what a display is told, and services whose ups and downs are known beforehand.

use serde_json::json;

use crate::author::communication::{Message, topic};
use crate::author::error::{Error, Result};
use crate::author::service::{Fleet, Health, ServiceAction, ServiceManager, ServiceState, Wanted};
use crate::author::ui::{UiEvent, UiProgress};

/// Everything a display is told of a run of 10 requests with one of warm-up that the user ends early.
pub fn mock_ui_events() -> Vec<UiEvent> {
    let at = |phase: &str, completed: u64| UiProgress {
        phase: phase.to_owned(),
        requests_wanted: Some(10),
        elapsed_seconds: completed as f64 / 2.0,
        sent: completed + 1,
        completed,
        in_flight: 1,
        rate: if completed == 0 { 0.0 } else { 2.0 },
        ttft_ms: (completed > 0).then_some(50.0),
        ..UiProgress::default()
    };
    let last = UiProgress { sent: 6, completed: 6, in_flight: 0, ..at("profiling", 6) };
    vec![
        UiEvent::Measuring("first".to_owned()),
        UiEvent::Progress(at("warmup", 0)),
        UiEvent::Progress(at("warmup", 1)),
        UiEvent::Progress(at("profiling", 0)),
        UiEvent::Progress(at("profiling", 5)),
        UiEvent::Draining,
        UiEvent::Finished(Some(last)),
    ]
}

/// The messages of a run of 10 requests, as a communication carries them: one of each topic, in their order.
pub fn mock_messages() -> Vec<Message> {
    use topic::{DRAINING, PHASE_ENDED, PHASE_STARTED, PROGRESS, RESULTS_READY, RUN_ENDED, RUN_STARTED};
    let phase = json!({"measurement": "first", "phase": "profiling", "requests_wanted": 10, "seconds_wanted": null});
    let ended = json!({"measurement": "first", "phase": "profiling", "sent": 10, "returned": 10, "stopped": null});
    let results = json!({"measurement": "first", "benchmark_id": "0123456789ab", "succeeded": 10, "failed": 0,
        "stopped": null, "metrics": [], "files": []});
    let bodies = [
        (RUN_STARTED, json!({"command": "aiperf profile", "plan": {}, "artifact_dir": "artifacts"})),
        (PHASE_STARTED, phase),
        (PROGRESS, json!(UiProgress { phase: "profiling".to_owned(), completed: 5, sent: 6, ..UiProgress::default() })),
        (DRAINING, json!({})),
        (PHASE_ENDED, ended),
        (RESULTS_READY, results),
        (RUN_ENDED, json!({"error": null})),
    ];
    let numbered = (0..).zip(bodies);
    numbered.map(|(number, (topic, body))| Message::new(number, super::MOCK_NOW_NS + number, topic, body)).collect()
}

/// A service of a [`MockFleet`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MockService {
    /// Its entry.
    pub name: String,
    /// How it is.
    pub health: Health,
    /// What becomes of it when it is started.
    ready_after: Option<u64>,
    asked: u64,
}

impl MockService {
    /// One that is ready when it has been asked so often how it is, after its start.
    pub fn ready_after(name: &str, times: u64) -> Self {
        Self { name: name.to_owned(), health: Health::Stopped, ready_after: Some(times), asked: 0 }
    }

    /// One that fails when it is started.
    pub fn failing(name: &str) -> Self {
        Self { ready_after: None, ..Self::ready_after(name, 0) }
    }

    fn stop(&mut self) {
        self.health = Health::Stopped;
        self.asked = 0;
    }

    fn look(&mut self) -> ServiceState {
        if self.health == Health::Starting {
            self.asked += 1;
            match self.ready_after {
                None => self.health = Health::Failed("it broke".to_owned()),
                Some(times) if self.asked > times => self.health = Health::Healthy,
                Some(_) => {}
            }
        }
        ServiceState { name: self.name.clone(), health: self.health.clone() }
    }
}

/// Services that do what a manager says, on a clock of their own: 50 ms from one question to the next.
///
/// ```
/// # use aiperf_abi::*;
/// # struct Everything;
/// # impl Plugin for Everything { fn new(_: &Context<'_>) -> Result<Self> { Ok(Self) } }
/// # impl ServiceManager for Everything {
/// #     fn next(&mut self, fleet: &Fleet) -> Result<Vec<ServiceAction>> {
/// #         let down = |one: &&ServiceState| one.health == Health::Stopped;
/// #         Ok(fleet.services.iter().filter(down).map(|one| ServiceAction::Start(one.name.clone())).collect())
/// #     }
/// # }
/// use aiperf_abi::testing::{MockFleet, MockService, via_abi};
///
/// let mut manager = via_abi::<dyn ServiceManager, Everything>(json!({})).unwrap();
/// let mut fleet = MockFleet::new(vec![MockService::ready_after("db", 3), MockService::ready_after("cache", 0)]);
/// assert!(fleet.manage(&mut *manager, Wanted::Up, 100).unwrap());
/// assert_eq!(fleet.done.len(), 2);
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MockFleet {
    /// The services, in the order in which the user named them.
    pub services: Vec<MockService>,
    /// What was done, in order.
    pub done: Vec<ServiceAction>,
}

impl MockFleet {
    /// Services of which none is up.
    pub fn new(services: Vec<MockService>) -> Self {
        Self { services, done: Vec::new() }
    }

    /// Asks the manager until all services are as wanted, it gives up, or it has been asked `most` times. Whether they are.
    ///
    /// # Errors
    /// The manager's, and when it wants to start or stop a service that does not exist.
    pub fn manage(&mut self, manager: &mut dyn ServiceManager, wanted: Wanted, most: u32) -> Result<bool> {
        let there = if wanted == Wanted::Up { Health::Healthy } else { Health::Stopped };
        for asked in 0..most {
            let states: Vec<_> = self.services.iter_mut().map(MockService::look).collect();
            if states.iter().all(|state| state.health == there) {
                return Ok(true);
            }
            for action in manager.next(&Fleet::new(states, wanted, f64::from(asked) * 0.05))? {
                self.done.push(action.clone());
                match action {
                    ServiceAction::Start(name) => self.named(&name)?.health = Health::Starting,
                    ServiceAction::Stop(name) => self.named(&name)?.stop(),
                    ServiceAction::GiveUp(_) => return Ok(false),
                }
            }
        }
        Ok(false)
    }

    fn named(&mut self, name: &str) -> Result<&mut MockService> {
        let found = self.services.iter_mut().find(|one| one.name == name);
        found.ok_or_else(|| Error::msg(format!("there is no service `{name}`")))
    }
}
