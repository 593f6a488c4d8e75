//! The checks of what accompanies a run: displays, telemetry collectors, services and their managers.

use std::collections::BTreeSet;
use std::time::Duration;

use aiperf_abi::testing::{MockFleet, MockService, mock_messages, mock_ui_events};
use aiperf_abi::{
    Communication, GpuSample, GpuTelemetryCollector, Health, Message, Service, ServiceAction, ServiceManager, Ui,
    UiEvent, UiProgress, Wanted, json,
};

use super::lives::expected;
use super::{Check, Checked, Fault, Lived, Make, Tried, tolerated, wrong};
use crate::clock::Clock;

impl Tried for dyn Ui {
    fn life(make: &Make<'_, Self>) -> Result<Lived, Fault> {
        let (mut ui, events) = (make.value()?, mock_ui_events());
        for event in &events {
            ui.show(event)?;
        }
        Ok(Lived::well(format!("{} events of a run, its end among them", events.len())))
    }

    const CHECKS: &'static [Check<Self>] = &[("odd runs", |make| {
        let mut strange = UiProgress::default();
        (strange.completed, strange.requests_wanted, strange.rate) = (u64::MAX, Some(0), 1e300);
        (strange.elapsed_seconds, strange.seconds_wanted) = (-1.0, Some(0.0));
        let now = |progress: &UiProgress| UiEvent::Progress(progress.clone());
        let runs = [
            vec![UiEvent::Finished(None)],
            vec![UiEvent::Draining, UiEvent::Finished(None)],
            vec![now(&UiProgress::default()), now(&strange), UiEvent::Measuring(String::new()), now(&strange)],
            vec![UiEvent::Finished(Some(strange.clone())), UiEvent::Finished(None), now(&strange)],
        ];
        for events in &runs {
            let mut ui = make.value()?;
            events.iter().try_for_each(|event| tolerated(ui.show(event)).map(drop))?;
        }
        Ok("runs that end before they begin, and numbers without measure".to_owned())
    })];
}

fn carried(communication: &mut dyn Communication, message: &Message) -> Result<usize, Fault> {
    let come = communication.carry(message)?;
    match come.iter().find(|one| one.topic.trim().is_empty()) {
        Some(one) => {
            wrong(format!("the message {} that it gives is about nothing; a message has a `topic`", one.number))
        }
        None => Ok(come.len()),
    }
}

impl Tried for dyn Communication {
    fn life(make: &Make<'_, Self>) -> Result<Lived, Fault> {
        let (mut communication, messages) = (make.value()?, mock_messages());
        let mut come = 0;
        for message in &messages {
            come += carried(&mut *communication, message)?;
        }
        communication.close()?;
        Ok(Lived::well(format!("{} messages carried, {come} come, and closed", messages.len())))
    }

    const CHECKS: &'static [Check<Self>] = &[("odd messages", |make| {
        tolerated(make.value()?.close())?;
        let mut communication = make.value()?;
        let large = json!({"words": "word ".repeat(200_000)});
        for (number, topic, body) in
            [(7, "a topic of tomorrow", json!(null)), (7, "progress", large), (3, "", json!([]))]
        {
            tolerated(communication.carry(&Message::new(number, 0, topic, body)))?;
        }
        tolerated(communication.close())?;
        mock_messages().iter().try_for_each(|message| tolerated(communication.carry(message)).map(drop))?;
        tolerated(communication.close())?;
        Ok("topics it does not know, numbers out of order, a megabyte, and messages after the end".to_owned())
    })];
}

fn read(samples: &[GpuSample]) -> Result<(), Fault> {
    let mut gpus = BTreeSet::new();
    for GpuSample { gpu, values, .. } in samples {
        if gpu.is_empty() || !gpus.insert(gpu) {
            return wrong(format!(
                "two of its samples are of the accelerator `{gpu}`, or of none: `gpu` says which it is"
            ));
        }
        let named = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if let Some((name, value)) = values.iter().find(|(name, value)| !named(name) || !value.is_finite()) {
            return wrong(format!(
                "of `{gpu}` it says `{name}` is {value}; a measure has a name with its unit, e.g. `power_watts`, and a number"
            ));
        }
    }
    Ok(())
}

impl Tried for dyn GpuTelemetryCollector {
    fn life(make: &Make<'_, Self>) -> Result<Lived, Fault> {
        let (mut collector, mut seen) = (make.value()?, 0);
        for _ in 0..3 {
            let Some(samples) = tolerated(collector.collect())? else {
                return Err(Fault::Untried("there is nothing that it could read here; see --config".to_owned()));
            };
            read(&samples)?;
            seen = samples.len();
        }
        Ok(Lived::well(format!("{seen} accelerators")))
    }
}

/// How long a service may take to be ready.
const READY: Duration = Duration::from_secs(30);

/// From its start to its end; each step where `on` does it.
fn served(service: &mut dyn Service) -> Result<(), Fault> {
    expected(service.start(), "it may want settings, see --config")?;
    let began = Clock::start();
    loop {
        match expected(service.health(), "a service that was started says how it is")? {
            Health::Healthy => break,
            Health::Starting if began.now_ns() < READY.as_nanos() as u64 => {
                std::thread::sleep(Duration::from_millis(10))
            }
            Health::Starting => return wrong(format!("it is still starting after {} s", READY.as_secs())),
            Health::Failed(why) => return wrong(format!("it was started and has failed: {why}")),
            Health::Stopped => return wrong("it was started, and says that it is stopped"),
        }
    }
    for message in mock_messages() {
        tolerated(service.hear(&message))?;
    }
    expected(service.stop(), "it has to be gone when `stop` returns")?;
    match tolerated(service.health())? {
        Some(Health::Healthy | Health::Starting) => {
            wrong("after `stop` it says that it is up; it has to be gone by then")
        }
        _ => Ok(()),
    }
}

impl Tried for dyn Service {
    fn life(make: &Make<'_, Self>) -> Result<Lived, Fault> {
        served(&mut *make.value()?)?;
        Ok(Lived::well("started, ready, told of a run, and gone"))
    }

    const CHECKS: &'static [Check<Self>] = &[("out of order", |make| {
        tolerated(make.value()?.stop())?;
        let mut twice = make.value()?;
        tolerated(twice.start())?;
        tolerated(twice.stop())?;
        tolerated(twice.stop())?;
        // One that is dropped while it is up.
        tolerated(make.value()?.start())?;
        Ok("ended before its start, ended twice, and never ended".to_owned())
    })];

    /// Two at a time would want the same port. One after the other, each on a thread that did not make it.
    fn threads(make: &Make<'_, Self>) -> Checked {
        let mut service = make.value()?;
        let ended = std::thread::scope(|scope| scope.spawn(move || served(&mut *service)).join());
        ended.unwrap_or_else(|_| wrong("a thread of aiperf panicked over what came back; please report this"))?;
        Ok("made on one thread, used and dropped on another".to_owned())
    }
}

/// Questions within which a manager has to be done: 1000 s on the clock it is told.
const QUESTIONS: u32 = 20_000;

fn managed(make: &Make<'_, dyn ServiceManager>, services: Vec<MockService>) -> Result<MockFleet, Fault> {
    let mut manager = make.value()?;
    let mut fleet = MockFleet::new(services);
    for wanted in [Wanted::Up, Wanted::Down] {
        let before = fleet.done.len();
        let to_do = "it says what is to be done with the services of the run";
        if expected(fleet.manage(&mut *manager, wanted, QUESTIONS), to_do)? {
            let done: Vec<_> = fleet.done[before..].iter().collect();
            if let Some(twice) = done.iter().enumerate().find(|(at, action)| done[..*at].contains(action)) {
                return wrong(format!(
                    "it asks twice for {:?}; a service that was started is not to be started again",
                    twice.1
                ));
            }
            continue;
        }
        return match fleet.done.last() {
            Some(ServiceAction::GiveUp(_)) => Ok(fleet),
            _ => wrong(format!(
                "after {QUESTIONS} questions services are not {}, and it has not given up: a run would wait for ever",
                if wanted == Wanted::Up { "up" } else { "down" }
            )),
        };
    }
    Ok(fleet)
}

fn gave_up(fleet: &MockFleet) -> bool {
    matches!(fleet.done.last(), Some(ServiceAction::GiveUp(_)))
}

impl Tried for dyn ServiceManager {
    fn life(make: &Make<'_, Self>) -> Result<Lived, Fault> {
        let fleets = [
            vec![],
            vec![MockService::ready_after("a", 0)],
            vec![MockService::ready_after("a", 5), MockService::ready_after("b", 0), MockService::ready_after("c", 50)],
        ];
        let count = fleets.len();
        for services in fleets {
            let fleet = managed(make, services)?;
            if let Some(ServiceAction::GiveUp(why)) = fleet.done.last() {
                return wrong(format!("it gives up services that would have been ready: {why}"));
            }
        }
        Ok(Lived::well(format!("{count} runs, their services up and down")))
    }

    const CHECKS: &'static [Check<Self>] = &[("a failure", |make| {
        let broken = vec![MockService::ready_after("a", 0), MockService::failing("b")];
        let never = vec![MockService::ready_after("a", u64::MAX)];
        for (what, services) in [("fails", broken), ("is never ready", never)] {
            if !gave_up(&managed(make, services)?) {
                return wrong(format!("one of its services {what}, and it says that all is well"));
            }
        }
        Ok("it gives up where a service fails, or is never ready".to_owned())
    })];
}
