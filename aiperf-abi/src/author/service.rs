//! `service` and `service_manager`: what runs beside a benchmark, e.g. the server under test, and who brings it up and down.

use serde::{Deserialize, Serialize};

use super::communication::Message;
use super::error::Result;

/// Something that runs beside a benchmark. Its methods are never called at the same time, and return soon.
///
#[cfg_attr(doc, doc = include_str!("../../reference/service.md"))]
pub trait Service: Send + 'static {
    /// Begins. It need not be ready on return.
    ///
    /// # Errors
    /// When it cannot begin; its manager decides what follows.
    fn start(&mut self) -> Result<()>;

    /// How it is now. Not asked before [`start`](Self::start).
    ///
    /// # Errors
    /// When it cannot tell: taken for [`Health::Failed`].
    fn health(&mut self) -> Result<Health>;

    /// Something happened in the run, and the run's communication brought it here. Called between
    /// [`start`](Self::start) and [`stop`](Self::stop); a service that is slow misses progress.
    ///
    /// # Errors
    /// When it does not want to hear any more; the user is told why.
    fn hear(&mut self, message: &Message) -> Result<()> {
        let _ = message;
        Ok(())
    }

    /// Ends, and is gone on return.
    ///
    /// # Errors
    /// When it could not end as it should.
    fn stop(&mut self) -> Result<()>;
}

service! {
    "service": Service {
        start();
        health() -> Health;
        hear(message: &Message);
        stop();
    }
}

/// Brings the services of a run up before it, and down after it. It is told how they are and answers what is to be done;
/// the host does it. Asked again and again, until all are up or down.
///
#[cfg_attr(doc, doc = include_str!("../../reference/service_manager.md"))]
pub trait ServiceManager: Send + 'static {
    /// What is to be done now; nothing where there is only to wait.
    ///
    /// # Errors
    /// When it does not know: the run does not start, or ends without waiting for its services.
    fn next(&mut self, fleet: &Fleet) -> Result<Vec<ServiceAction>>;
}

service! {
    "service_manager": ServiceManager {
        next(fleet: &Fleet) -> Vec<ServiceAction>;
    }
}

/// The services of a run at one moment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Fleet {
    /// In the order in which the user named them.
    pub services: Vec<ServiceState>,
    /// Whether they are to be up or down.
    pub wanted: Wanted,
    /// Since that was wanted.
    pub elapsed_seconds: f64,
}

/// One service at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceState {
    /// Its entry.
    pub name: String,
    /// How it is.
    pub health: Health,
}

/// How a service is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// Not started, or stopped.
    #[default]
    Stopped,
    /// Started, and not ready yet.
    Starting,
    /// Ready.
    Healthy,
    /// It will not be ready any more, and why.
    Failed(String),
}

/// What is wanted of all services.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wanted {
    /// Ready, before the run.
    #[default]
    Up,
    /// Gone, after it.
    Down,
}

/// What a manager wants done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ServiceAction {
    /// Start the service of this name.
    Start(String),
    /// Stop it.
    Stop(String),
    /// No more is tried, for this reason.
    GiveUp(String),
}

impl Fleet {
    /// The services of a run.
    pub fn new(services: Vec<ServiceState>, wanted: Wanted, elapsed_seconds: f64) -> Self {
        Self { services, wanted, elapsed_seconds }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::author::error::ErrorKind;
    use crate::category::Category;
    use crate::ffi::back::Back;
    use crate::ffi::service::{FfiService, no_method};
    use crate::host::Loaded;
    use crate::host::origin::Origin;

    /// A service of a library that was built when there was nothing to hear.
    struct Earlier;

    impl crate::ffi::service::Service for Earlier {
        fn call(&mut self, method: &str, _: &[u8], _: &mut dyn Back) -> Result<Vec<u8>> {
            match method {
                "start" | "stop" => Ok(b"null".to_vec()),
                other => Err(no_method("service", other)),
            }
        }
    }

    #[test]
    fn a_service_from_before_there_were_messages_says_that_it_does_not_know_them_and_goes_on() {
        let origin = Origin::new("old", "1.0.0", "service", "earlier");
        let mut service = <dyn Service>::loaded(Loaded { ffi: FfiService::of(Earlier), origin });
        service.start().unwrap();
        assert_eq!(service.hear(&Message::default()).unwrap_err().kind(), ErrorKind::Unsupported);
        service.stop().unwrap();
    }
}
