//! The services of a run: brought up before anything is sent and down when all is over, as their manager says.

use std::time::Duration;

use aiperf_abi::{Error, Fleet, Health, Message, Service, ServiceAction, ServiceManager, ServiceState, Wanted};

use crate::clock::Clock;

/// Between two questions to the manager.
const STEP: Duration = Duration::from_millis(50);

/// The services of a run, and their manager.
pub struct Services {
    clock: Clock,
    manager: (String, Box<dyn ServiceManager>),
    all: Vec<Guest>,
}

/// A service, and what the host has done with it.
pub struct Guest {
    name: String,
    service: Box<dyn Service>,
    state: State,
}

impl Guest {
    /// A service that is not up, by the name of its entry.
    pub fn new(name: String, service: Box<dyn Service>) -> Self {
        Self { name, service, state: State::Stopped }
    }

    /// Its entry.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Tells it what happens.
    ///
    /// # Errors
    /// The service's.
    pub fn hear(&mut self, message: &Message) -> Result<(), Error> {
        self.service.hear(message)
    }
}

/// What the host has done with a service.
#[derive(Clone, PartialEq, Eq)]
enum State {
    Stopped,
    Started,
    /// Starting it failed.
    Broken(String),
}

/// The services are not up.
#[derive(Debug, thiserror::Error)]
#[error("service_manager `{manager}`: {reason}")]
pub struct NotUp {
    manager: String,
    reason: String,
}

impl Services {
    /// Services by the names of their entries, none of them up.
    pub fn new(
        clock: Clock,
        manager: (String, Box<dyn ServiceManager>),
        services: Vec<(String, Box<dyn Service>)>,
    ) -> Self {
        let all = services.into_iter().map(|(name, service)| Guest::new(name, service));
        Self { clock, manager, all: all.collect() }
    }

    /// Brings them up. Waits until they are.
    ///
    /// # Errors
    /// When the manager gives up, or fails.
    pub fn up(&mut self) -> Result<(), NotUp> {
        self.until(Wanted::Up, |health| *health == Health::Healthy)
    }

    /// Those that hear what happens while the run goes. They are to be given back before [`down`](Self::down).
    pub fn lend(&mut self) -> Vec<Guest> {
        std::mem::take(&mut self.all)
    }

    /// The run is over.
    pub fn give_back(&mut self, services: Vec<Guest>) {
        self.all = services;
    }

    /// Brings them down. Returns what was wrong with them at the end of the run, or with their end.
    pub fn down(mut self) -> Vec<String> {
        let mut problems = Vec::new();
        for ServiceState { name, health } in self.states() {
            if let Health::Failed(why) = health {
                problems.push(format!("service `{name}` failed while the run went on: {why}"));
            }
        }
        let down = self.until(Wanted::Down, |health| *health == Health::Stopped);
        problems.extend(down.err().map(|error| error.to_string()));
        problems
    }

    fn until(&mut self, wanted: Wanted, holds: impl Fn(&Health) -> bool) -> Result<(), NotUp> {
        let since_ns = self.clock.now_ns();
        loop {
            let states = self.states();
            if states.iter().all(|state| holds(&state.health)) {
                return Ok(());
            }
            let elapsed = self.clock.now_ns().saturating_sub(since_ns) as f64 / 1e9;
            let failed = |reason: String| NotUp { manager: self.manager.0.clone(), reason };
            let actions = self.manager.1.next(&Fleet::new(states, wanted, elapsed));
            let actions = actions.map_err(|error| failed(error.to_string()))?;
            let waits = actions.is_empty();
            for action in actions {
                match action {
                    ServiceAction::Start(name) => self.act(&name, |one| {
                        one.state = match one.service.start() {
                            Ok(()) => State::Started,
                            Err(error) => State::Broken(error.to_string()),
                        };
                        Ok(())
                    }),
                    ServiceAction::Stop(name) => self.act(&name, |one| {
                        one.state = State::Stopped;
                        one.service.stop()
                    }),
                    ServiceAction::GiveUp(reason) => Err(Error::msg(reason)),
                    _ => Ok(()),
                }
                .map_err(|error| NotUp { manager: self.manager.0.clone(), reason: error.to_string() })?;
            }
            if waits {
                std::thread::sleep(STEP);
            }
        }
    }

    fn act(&mut self, name: &str, act: impl FnOnce(&mut Guest) -> Result<(), Error>) -> Result<(), Error> {
        match self.all.iter_mut().find(|one| one.name == name) {
            Some(one) => act(one),
            None => Err(Error::msg(format!("there is no service `{name}`"))),
        }
    }

    fn states(&mut self) -> Vec<ServiceState> {
        let state = |one: &mut Guest| {
            let health = match &one.state {
                State::Stopped => Health::Stopped,
                State::Started => one.service.health().unwrap_or_else(|error| Health::Failed(error.to_string())),
                State::Broken(why) => Health::Failed(why.clone()),
            };
            ServiceState { name: one.name.clone(), health }
        };
        self.all.iter_mut().map(state).collect()
    }
}
