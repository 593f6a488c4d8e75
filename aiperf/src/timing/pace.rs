//! A value that follows a ramp while a phase goes: a limit or a rate. Told the time, it says its value and when to ask again.

use aiperf_abi::{Ramp, Result};

/// How often a ramp is asked, nanoseconds.
const STEP_NS: u64 = 100_000_000;

/// A target, and perhaps a way to it.
pub struct Pace {
    target: f64,
    ramp: Option<Way>,
}

struct Way {
    ramp: Box<dyn Ramp>,
    duration_ns: u64,
    start_ns: u64,
}

impl Pace {
    /// The target from the start on.
    pub fn steady(target: f64) -> Self {
        Self { target, ramp: None }
    }

    /// The target after `duration_ns`, by way of a ramp.
    pub fn ramped(target: f64, ramp: Box<dyn Ramp>, duration_ns: u64) -> Self {
        Self { target, ramp: Some(Way { ramp, duration_ns, start_ns: 0 }) }
    }

    /// The phase begins.
    pub fn start(&mut self, now_ns: u64) {
        if let Some(way) = &mut self.ramp {
            way.start_ns = now_ns;
        }
    }

    /// The value at `now_ns`, and the moment to ask again, where it will have changed.
    ///
    /// # Errors
    /// The ramp's.
    pub fn at(&mut self, now_ns: u64) -> Result<(f64, Option<u64>)> {
        let Some(way) = &mut self.ramp else { return Ok((self.target, None)) };
        let elapsed = now_ns.saturating_sub(way.start_ns);
        if elapsed >= way.duration_ns {
            self.ramp = None;
            return Ok((self.target, None));
        }
        let value = way.ramp.value_at(elapsed as f64 / 1e9)?;
        let next = (elapsed / STEP_NS + 1) * STEP_NS;
        Ok((value, Some(way.start_ns + next.min(way.duration_ns))))
    }
}

#[cfg(test)]
mod tests {
    use aiperf_abi::RampConfig;

    use super::super::ramp::LinearRamp;
    use super::*;

    #[test]
    fn it_follows_its_ramp_and_then_stays() {
        let ramp = LinearRamp::of(RampConfig::new(0.0, 10.0, 1.0, 0));
        let mut pace = Pace::ramped(10.0, Box::new(ramp), 1_000_000_000);
        pace.start(500);
        assert_eq!(pace.at(500).unwrap(), (0.0, Some(100_000_500)));
        assert_eq!(pace.at(250_000_500).unwrap(), (2.5, Some(300_000_500)));
        assert_eq!(pace.at(950_000_500).unwrap().1, Some(1_000_000_500));
        assert_eq!(pace.at(1_000_000_500).unwrap(), (10.0, None));
        assert_eq!(Pace::steady(3.0).at(7).unwrap(), (3.0, None));
    }
}
