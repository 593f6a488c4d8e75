//! The built-in service and the built-in manager of services.

mod command;

pub use command::CommandService;

use aiperf_abi::{Context, Fleet, Health, Plugin, Result, ServiceAction, ServiceManager, Wanted};
use serde::Deserialize;

/// Seconds until services are not waited for any more.
const TIMEOUT_SECONDS: f64 = 120.0;

/// The entry `in_process`: one service after the other, in the order in which they were named, and down in reverse.
#[derive(Debug)]
pub struct InProcessServices {
    timeout: f64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Seconds in which all services have to be up, or down.
    timeout: Option<f64>,
}

impl Plugin for InProcessServices {
    fn new(cx: &Context<'_>) -> Result<Self> {
        Ok(Self { timeout: cx.config::<Settings>()?.timeout.unwrap_or(TIMEOUT_SECONDS) })
    }
}

impl ServiceManager for InProcessServices {
    fn next(&mut self, fleet: &Fleet) -> Result<Vec<ServiceAction>> {
        let late = fleet.elapsed_seconds > self.timeout;
        let gives_up = |what: &str| {
            let words = format!("{what} within {} seconds", self.timeout);
            vec![ServiceAction::GiveUp(words)]
        };
        Ok(match fleet.wanted {
            Wanted::Up => match fleet.services.iter().find(|service| service.health != Health::Healthy) {
                None => Vec::new(),
                Some(next) => match &next.health {
                    Health::Stopped => vec![ServiceAction::Start(next.name.clone())],
                    Health::Failed(why) => {
                        vec![ServiceAction::GiveUp(format!("service `{}` failed: {why}", next.name))]
                    }
                    _ if late => gives_up(&format!("service `{}` was not ready", next.name)),
                    _ => Vec::new(),
                },
            },
            Wanted::Down => match fleet.services.iter().rev().find(|service| service.health != Health::Stopped) {
                Some(next) if late => gives_up(&format!("service `{}` did not stop", next.name)),
                Some(next) => vec![ServiceAction::Stop(next.name.clone())],
                None => Vec::new(),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use aiperf_abi::ServiceState;
    use aiperf_abi::testing::construct;
    use serde_json::json;

    use super::*;

    fn next(wanted: Wanted, seconds: f64, health: [Health; 2]) -> Vec<ServiceAction> {
        let names = ["a", "b"].map(str::to_owned);
        let services = names.into_iter().zip(health).map(|(name, health)| ServiceState { name, health }).collect();
        let mut manager: InProcessServices = construct(json!({"timeout": 5})).unwrap();
        manager.next(&Fleet::new(services, wanted, seconds)).unwrap()
    }

    #[test]
    fn one_comes_up_after_the_other_and_they_go_down_in_reverse() {
        use Health::{Failed, Healthy, Starting, Stopped};
        let start = |name: &str| vec![ServiceAction::Start(name.to_owned())];
        assert_eq!(next(Wanted::Up, 0.0, [Stopped, Stopped]), start("a"));
        assert_eq!(next(Wanted::Up, 0.0, [Starting, Stopped]), []);
        assert_eq!(next(Wanted::Up, 0.0, [Healthy, Stopped]), start("b"));
        assert_eq!(next(Wanted::Up, 0.0, [Healthy, Healthy]), []);
        assert_eq!(next(Wanted::Down, 0.0, [Healthy, Healthy]), [ServiceAction::Stop("b".to_owned())]);
        assert_eq!(next(Wanted::Down, 0.0, [Failed("x".to_owned()), Stopped]), [ServiceAction::Stop("a".to_owned())]);
        let given_up = |words: &str| vec![ServiceAction::GiveUp(words.to_owned())];
        assert_eq!(next(Wanted::Up, 0.0, [Failed("x".to_owned()), Stopped]), given_up("service `a` failed: x"));
        assert_eq!(next(Wanted::Up, 6.0, [Starting, Stopped]), given_up("service `a` was not ready within 5 seconds"));
    }
}
