//! The built-in ramps.

use aiperf_abi::{Context, Error, Plugin, Ramp, RampConfig, Result};
use rand::RngExt;

use crate::random::RootSeed;

/// The entry `linear`: evenly from start to target.
#[derive(Debug)]
pub struct LinearRamp(RampConfig);

/// The entry `exponential`: slow first. `start + (target − start)·(t/T)²`.
#[derive(Debug)]
pub struct ExponentialRamp(RampConfig);

/// The entry `poisson`: in steps of one at random moments, on average as [`LinearRamp`], and at the target in time.
#[derive(Debug)]
pub struct PoissonRamp {
    config: RampConfig,
    /// Moments of the steps, seconds, ascending: uniform moments are what a Poisson process has, given their number.
    moments: Vec<f64>,
}

/// Steps of a Poisson ramp, at most; beyond it a step is larger than one.
const MOST_STEPS: f64 = 100_000.0;

fn checked(cx: &Context<'_>) -> Result<RampConfig> {
    let config: RampConfig = cx.config()?;
    match config.duration > 0.0 && config.start.is_finite() && config.target.is_finite() {
        true => Ok(config),
        false => Err(Error::invalid_config("a ramp needs a `duration` of more than 0 seconds")),
    }
}

/// Share of the way, 0 to 1.
fn share(config: &RampConfig, elapsed: f64) -> f64 {
    (elapsed / config.duration).clamp(0.0, 1.0)
}

impl Plugin for LinearRamp {
    fn new(cx: &Context<'_>) -> Result<Self> {
        checked(cx).map(Self::of)
    }
}

impl LinearRamp {
    /// The ramp of a configuration.
    pub fn of(config: RampConfig) -> Self {
        Self(config)
    }
}

impl Ramp for LinearRamp {
    fn value_at(&mut self, elapsed: f64) -> Result<f64> {
        Ok(self.0.start + (self.0.target - self.0.start) * share(&self.0, elapsed))
    }
}

impl Plugin for ExponentialRamp {
    fn new(cx: &Context<'_>) -> Result<Self> {
        checked(cx).map(Self)
    }
}

impl Ramp for ExponentialRamp {
    fn value_at(&mut self, elapsed: f64) -> Result<f64> {
        Ok(self.0.start + (self.0.target - self.0.start) * share(&self.0, elapsed).powi(2))
    }
}

impl Plugin for PoissonRamp {
    fn new(cx: &Context<'_>) -> Result<Self> {
        checked(cx).map(Self::of)
    }
}

impl PoissonRamp {
    fn of(config: RampConfig) -> Self {
        let steps = (config.target - config.start).abs().clamp(1.0, MOST_STEPS) as usize;
        let mut stream = RootSeed::new(config.seed).stream("timing.ramp");
        let mut moments: Vec<f64> = (0..steps).map(|_| stream.random::<f64>() * config.duration).collect();
        moments.sort_by(f64::total_cmp);
        Self { config, moments }
    }
}

impl Ramp for PoissonRamp {
    fn value_at(&mut self, elapsed: f64) -> Result<f64> {
        let done = self.moments.partition_point(|moment| *moment <= elapsed) as f64 / self.moments.len() as f64;
        let done = if elapsed >= self.config.duration { 1.0 } else { done };
        Ok(self.config.start + (self.config.target - self.config.start) * done)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(config: &RampConfig) -> [Box<dyn Ramp>; 3] {
        [
            Box::new(LinearRamp(config.clone())),
            Box::new(ExponentialRamp(config.clone())),
            Box::new(PoissonRamp::of(config.clone())),
        ]
    }

    proptest! {
        #[test]
        fn every_ramp_goes_from_start_to_target_without_turning_back(
            start in 0.0..100.0, target in 0.0..1000.0, duration in 0.1..100.0, seed: u64,
        ) {
            for mut ramp in all(&RampConfig::new(start, target, duration, seed)) {
                prop_assert!((ramp.value_at(duration).unwrap() - target).abs() < 1e-9);
                prop_assert!((ramp.value_at(duration * 2.0).unwrap() - target).abs() < 1e-9);
                let values: Vec<f64> = (0..=50).map(|k| ramp.value_at(duration * f64::from(k) / 50.0).unwrap()).collect();
                let forwards = |pair: &[f64]| (pair[1] - pair[0]) * (target - start) >= -1e-9;
                prop_assert!(values.windows(2).all(forwards), "{values:?}");
                let (low, high) = (start.min(target) - 1e-9, start.max(target) + 1e-9);
                prop_assert!(values.iter().all(|value| (low..=high).contains(value)));
            }
        }
    }

    #[test]
    fn half_way_they_differ() {
        let config = RampConfig::new(0.0, 100.0, 10.0, 1);
        let halves = all(&config).map(|mut ramp| ramp.value_at(5.0).unwrap());
        assert_eq!(halves[..2], [50.0, 25.0]);
        assert!((halves[2] - 50.0).abs() < 15.0, "{halves:?}");
    }
}
