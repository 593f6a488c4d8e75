//! The result handlers of a run, called at its end one after the other, by ascending priority. What one does or fails to do
//! is nothing to the others.

use aiperf_abi::{HandlingFailure, ResultHandler, Results};

/// The result handlers of a run.
#[derive(Default)]
pub struct Handlers {
    /// Ascending by priority.
    all: Vec<Handler>,
}

struct Handler {
    priority: i64,
    name: String,
    handler: Box<dyn ResultHandler>,
}

impl Handlers {
    /// Adds a handler under the name of its entry; of the same priority the one that was added first is called first.
    pub fn add(&mut self, name: impl Into<String>, priority: i64, handler: Box<dyn ResultHandler>) {
        let at = self.all.partition_point(|other| other.priority <= priority);
        self.all.insert(at, Handler { priority, name: name.into(), handler });
    }

    /// Hands the results to all of them. Returns what went wrong.
    pub fn handle(&mut self, results: &Results) -> Vec<String> {
        let mut problems = Vec::new();
        for Handler { name, handler, .. } in &mut self.all {
            let handled = match handler.enabled(&results.metadata) {
                Ok(false) => {
                    tracing::debug!(handler = name, "has nothing to do with these results");
                    continue;
                }
                Ok(true) => handler.handle(results),
                Err(error) => Err(error),
            };
            let Err(error) = handled else {
                tracing::info!(handler = name, "handled the results");
                continue;
            };
            let message = error.to_string();
            problems.push(format!("result_handler `{name}` failed: {message}"));
            if let Err(error) = handler.on_error(&HandlingFailure { message }) {
                problems.push(format!("result_handler `{name}` failed again in on_error: {error}"));
            }
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use aiperf_abi::{Error, Result, Value};

    use super::*;

    struct Scripted {
        name: &'static str,
        enabled: bool,
        fails: bool,
        seen: Arc<Mutex<Vec<String>>>,
    }

    impl ResultHandler for Scripted {
        fn enabled(&mut self, _: &Value) -> Result<bool> {
            Ok(self.enabled)
        }

        fn handle(&mut self, results: &Results) -> Result<()> {
            self.seen.lock().unwrap().push(format!("{} {}", self.name, results.batch_id));
            if self.fails { Err(Error::msg("nobody answers")) } else { Ok(()) }
        }

        fn on_error(&mut self, failure: &HandlingFailure) -> Result<()> {
            self.seen.lock().unwrap().push(format!("{}: {}", self.name, failure.message));
            Ok(())
        }
    }

    #[test]
    fn handlers_run_by_ascending_priority_and_a_failure_stops_nobody() {
        let seen = Arc::new(Mutex::default());
        let mut handlers = Handlers::default();
        for (name, priority, enabled, fails) in [
            ("last", 100, true, false),
            ("broken", 10, true, true),
            ("idle", 50, false, false),
            ("second", 10, true, false),
        ] {
            let seen = Arc::clone(&seen);
            handlers.add(name, priority, Box::new(Scripted { name, enabled, fails, seen }));
        }
        let results = Results::new("b1", aiperf_abi::Report::default(), Value::Null);
        assert_eq!(handlers.handle(&results), ["result_handler `broken` failed: nobody answers"]);
        assert_eq!(*seen.lock().unwrap(), ["broken b1", "broken: nobody answers", "second b1", "last b1"]);
    }
}
