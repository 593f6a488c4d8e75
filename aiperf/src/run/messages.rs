//! The messages of a run on their way: from the run to its communication, and what comes out of that to the services. Each
//! of them is on a thread of its own, so none can hold up the run or another.

use aiperf_abi::{Communication, ErrorKind, FileInfo, Message, MetricResult, UiProgress, Value, json, topic};

use super::services::Guest;
use crate::aside::{Aside, Ear, End};
use crate::clock::Clock;

/// Messages that may wait for somebody before progress is left out.
const WAITING: usize = 64;

/// Sends the messages of a run.
pub struct Messages {
    clock: Clock,
    sent: u64,
    name: String,
    carrier: Aside<Step, Carrier>,
    services: Vec<(String, Aside<Message, Guest>)>,
}

/// What the communication is to do next.
enum Step {
    Carry(Message),
    Close,
}

/// The communication, and who hears what comes out of it.
struct Carrier {
    communication: Box<dyn Communication>,
    services: Vec<Ear<Message>>,
}

/// What is left when the last message was sent.
pub struct Sent {
    /// The services that came back.
    pub services: Vec<Guest>,
    /// What the user should know, one sentence each.
    pub warnings: Vec<String>,
    /// Services that did not come back.
    pub problems: Vec<String>,
}

impl Messages {
    /// Through a communication, the entry of that name, to these services.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        clock: Clock,
        (name, communication): (String, Box<dyn Communication>),
        services: Vec<Guest>,
    ) -> std::io::Result<Self> {
        let mut listening = Vec::new();
        for guest in services {
            // One that was built before there was anything to hear goes without.
            let hear = |guest: &mut Guest, message: Message| match guest.hear(&message) {
                Err(error) if error.kind() == ErrorKind::Unsupported => Ok(()),
                heard => heard,
            };
            listening.push((guest.name().to_owned(), Aside::start("aiperf-service", WAITING, guest, hear)?));
        }
        let ears = listening.iter().map(|(_, service)| service.ear().clone()).collect();
        let carrier = Carrier { communication, services: ears };
        let carrier = Aside::start("aiperf-messages", WAITING, carrier, Carrier::step)?;
        Ok(Self { clock, sent: 0, name, carrier, services: listening })
    }

    /// Sends one. Never waits.
    pub fn send(&mut self, topic: &str, body: Value) {
        let message = self.message(topic, body);
        self.carrier.ear().tell(Step::Carry(message));
    }

    /// Where the run is now: left out where much waits already.
    pub fn progress(&mut self, now: &UiProgress) {
        let message = self.message(topic::PROGRESS, json!(now));
        self.carrier.ear().mention(Step::Carry(message));
    }

    /// The results of a measurement.
    pub fn results(&mut self, results: &Results<'_>) {
        self.send(
            topic::RESULTS_READY,
            json!({
                "measurement": results.measurement, "benchmark_id": results.benchmark_id, "succeeded": results.counts.0,
                "failed": results.counts.1, "stopped": results.stopped, "metrics": results.metrics, "files": results.files,
            }),
        );
    }

    fn message(&mut self, topic: &str, body: Value) -> Message {
        let number = self.sent;
        self.sent += 1;
        Message::new(number, self.clock.wall_ns(self.clock.now_ns()), topic, body)
    }

    /// Waits until all is carried and heard, but not for who hangs.
    pub fn finish(self) -> Sent {
        let mut sent = Sent { services: Vec::new(), warnings: Vec::new(), problems: Vec::new() };
        self.carrier.ear().tell(Step::Close);
        let whose = format!("communication `{}`", self.name);
        let (end, left_out) = self.carrier.finish();
        let said = match end {
            End::Well(_) => None,
            End::Failed(_, error) => Some(error),
            End::Panicked => Some("panicked, the run went on without it".to_owned()),
            End::Hangs => Some("did not come to its end and was left behind".to_owned()),
        };
        sent.warnings.extend(said.map(|said| format!("{whose}: {said}")));
        sent.warnings.extend(slow(&whose, left_out));
        for (name, service) in self.services {
            let whose = format!("service `{name}`");
            let (end, left_out) = service.finish();
            match end {
                End::Well(guest) => sent.services.push(guest),
                End::Failed(guest, error) => {
                    sent.warnings.push(format!("{whose} failed to hear and was told nothing more: {error}"));
                    sent.services.push(guest);
                }
                End::Panicked => sent.problems.push(format!("{whose} panicked on hearing and was left behind")),
                End::Hangs => sent.problems.push(format!("{whose} did not come back from hearing and was left behind")),
            }
            sent.warnings.extend(slow(&whose, left_out));
        }
        sent
    }
}

/// What there is to say of results.
pub struct Results<'a> {
    /// Name of the measurement.
    pub measurement: &'a str,
    /// Name of the run.
    pub benchmark_id: &'a str,
    /// Requests that succeeded and that failed.
    pub counts: (u64, u64),
    /// Why it did not come to its own end, if it did not.
    pub stopped: Option<&'a str>,
    /// The numbers.
    pub metrics: &'a [MetricResult],
    /// What was written.
    pub files: &'a [FileInfo],
}

impl Carrier {
    fn step(&mut self, step: Step) -> Result<(), String> {
        match step {
            Step::Carry(message) => {
                let carried = self.communication.carry(&message);
                let arrived = carried.map_err(|error| format!("failed, the run went on without it: {error}"))?;
                arrived.iter().for_each(|message| self.deliver(message));
                Ok(())
            }
            Step::Close => self.communication.close().map_err(|error| error.to_string()),
        }
    }

    fn deliver(&self, message: &Message) {
        for service in &self.services {
            match message.topic == topic::PROGRESS {
                true => service.mention(message.clone()),
                false => service.tell(message.clone()),
            }
        }
    }
}

fn slow(whose: &str, left_out: u64) -> Option<String> {
    (left_out > 0).then(|| format!("{whose} was too slow for all messages: {left_out} were left out"))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use aiperf_abi::testing::construct;
    use aiperf_abi::{Error, Health, Result, Service};

    use super::*;
    use crate::communication::ChannelCommunication;

    /// What each service has heard: its name and the number.
    type Heard = Arc<Mutex<Vec<(&'static str, u64)>>>;

    struct Ears {
        name: &'static str,
        heard: Heard,
        hear: fn(&Message) -> Result<()>,
    }

    impl Service for Ears {
        fn start(&mut self) -> Result<()> {
            Ok(())
        }

        fn health(&mut self) -> Result<Health> {
            Ok(Health::Healthy)
        }

        fn hear(&mut self, message: &Message) -> Result<()> {
            self.heard.lock().unwrap().push((self.name, message.number));
            (self.hear)(message)
        }

        fn stop(&mut self) -> Result<()> {
            Ok(())
        }
    }

    struct Broken;

    impl Communication for Broken {
        fn carry(&mut self, message: &Message) -> Result<Vec<Message>> {
            if message.number == 1 { Err(Error::msg("the wire is cut")) } else { Ok(vec![message.clone()]) }
        }
    }

    /// Sends two messages to services that hear so. Gives what was heard, and what is left.
    fn sent(
        communication: Box<dyn Communication>,
        hear: [fn(&Message) -> Result<()>; 2],
    ) -> (Vec<(&'static str, u64)>, Sent) {
        let heard = Heard::default();
        let guest = |name: &'static str, hear| {
            Guest::new(name.to_owned(), Box::new(Ears { name, heard: Arc::clone(&heard), hear }) as Box<dyn Service>)
        };
        let guests = vec![guest("a", hear[0]), guest("b", hear[1])];
        let mut messages = Messages::start(Clock::start(), ("wire".to_owned(), communication), guests).unwrap();
        messages.send(topic::RUN_STARTED, json!({}));
        messages.progress(&UiProgress::default());
        messages.send(topic::RUN_ENDED, json!({}));
        let sent = messages.finish();
        let mut heard = heard.lock().unwrap().clone();
        heard.sort_unstable();
        (heard, sent)
    }

    fn channel() -> Box<dyn Communication> {
        Box::new(construct::<ChannelCommunication>(json!({})).unwrap())
    }

    #[test]
    fn every_service_hears_every_message_and_comes_back() {
        let (heard, sent) = sent(channel(), [|_| Ok(()), |_| Ok(())]);
        assert_eq!(heard, [("a", 0), ("a", 1), ("a", 2), ("b", 0), ("b", 1), ("b", 2)]);
        assert_eq!(sent.services.iter().map(Guest::name).collect::<Vec<_>>(), ["a", "b"]);
        assert!(sent.warnings.is_empty() && sent.problems.is_empty());
    }

    #[test]
    fn services_that_fail_to_hear_are_told_of_but_one_that_never_could_is_not() {
        fn unable(_: &Message) -> Result<()> {
            Err(Error::new(ErrorKind::Unsupported, "no method `hear`"))
        }
        let (heard, sent) = sent(channel(), [unable, |_| Err(Error::msg("too loud"))]);
        assert_eq!(heard.iter().filter(|(name, _)| *name == "b").count(), 1);
        assert_eq!(sent.warnings, ["service `b` failed to hear and was told nothing more: too loud"]);
        assert_eq!((sent.services.len(), sent.problems.len()), (2, 0), "both are there to be stopped");
    }

    #[test]
    fn who_does_not_come_back_from_hearing_is_alone_left_behind() {
        fn hangs(_: &Message) -> Result<()> {
            loop {
                std::thread::park();
            }
        }
        let (_, sent) = sent(channel(), [hangs, |_| Ok(())]);
        assert_eq!(sent.services.iter().map(Guest::name).collect::<Vec<_>>(), ["b"]);
        assert_eq!(sent.problems, ["service `a` did not come back from hearing and was left behind"]);
    }

    #[test]
    fn a_communication_that_fails_is_told_of_once_and_its_services_are_whole() {
        let (heard, sent) = sent(Box::new(Broken), [|_| Ok(()), |_| Ok(())]);
        assert_eq!(heard, [("a", 0), ("b", 0)]);
        assert_eq!(sent.warnings, ["communication `wire`: failed, the run went on without it: the wire is cut"]);
        assert_eq!((sent.services.len(), sent.problems.len()), (2, 0));
    }
}
