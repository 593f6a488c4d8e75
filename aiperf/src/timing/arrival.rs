//! The built-in arrival patterns: how the spacing between requests is drawn. Pure arithmetic on a seeded stream.

use aiperf_abi::{ArrivalConfig, ArrivalPattern, Context, Error, Plugin, Result};
use rand_distr::{Distribution, Exp1, Gamma};
use serde::Deserialize;

use crate::random::{RootSeed, Stream};

/// The settings of an entry that has none.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NoConfig {}

/// The entry `constant`: every `1/rate` seconds.
#[derive(Debug)]
pub struct ConstantArrival {
    mean: f64,
}

/// The entry `poisson`: exponential spacing of mean `1/rate`; arrivals that know nothing of each other.
#[derive(Debug)]
pub struct PoissonArrival {
    mean: f64,
    stream: Box<Stream>,
}

/// The entry `gamma`: gamma spacing of shape `smoothness` and mean `1/rate`; its coefficient of variation is
/// `1/sqrt(smoothness)`: 1 is Poisson, more is more even, less is burstier.
#[derive(Debug)]
pub struct GammaArrival {
    shape: f64,
    unit: Gamma<f64>,
    mean: f64,
    stream: Box<Stream>,
}

/// The entry `concurrency_burst`: no spacing at all; only the concurrency limit holds requests back.
#[derive(Debug)]
pub struct ConcurrencyBurstArrival;

fn checked(cx: &Context<'_>) -> Result<ArrivalConfig> {
    let config: ArrivalConfig = cx.config()?;
    match config.rate > 0.0 && config.rate.is_finite() {
        true => Ok(config),
        false => Err(Error::invalid_config(format!("`rate` is {}, but must be more than 0", config.rate))),
    }
}

fn stream(seed: u64) -> Box<Stream> {
    Box::new(RootSeed::new(seed).stream("timing.arrival"))
}

impl Plugin for ConstantArrival {
    fn new(cx: &Context<'_>) -> Result<Self> {
        checked(cx).map(|config| Self { mean: 1.0 / config.rate })
    }
}

impl ArrivalPattern for ConstantArrival {
    fn next_interval(&mut self) -> Result<f64> {
        Ok(self.mean)
    }

    fn set_rate(&mut self, rate: f64) -> Result<()> {
        self.mean = 1.0 / rate;
        Ok(())
    }
}

impl Plugin for PoissonArrival {
    fn new(cx: &Context<'_>) -> Result<Self> {
        checked(cx).map(|config| Self::of(&config))
    }
}

impl PoissonArrival {
    fn of(config: &ArrivalConfig) -> Self {
        Self { mean: 1.0 / config.rate, stream: stream(config.seed) }
    }
}

impl ArrivalPattern for PoissonArrival {
    fn next_interval(&mut self) -> Result<f64> {
        let unit: f64 = Exp1.sample(&mut self.stream);
        Ok(unit * self.mean)
    }

    fn set_rate(&mut self, rate: f64) -> Result<()> {
        self.mean = 1.0 / rate;
        Ok(())
    }
}

impl Plugin for GammaArrival {
    fn new(cx: &Context<'_>) -> Result<Self> {
        Self::of(&checked(cx)?)
    }
}

impl GammaArrival {
    fn of(config: &ArrivalConfig) -> Result<Self> {
        let shape = config.smoothness;
        let unit = Gamma::new(shape, 1.0)
            .map_err(|_| Error::invalid_config(format!("`smoothness` is {shape}, but must be more than 0")))?;
        Ok(Self { shape, unit, mean: 1.0 / config.rate, stream: stream(config.seed) })
    }
}

impl ArrivalPattern for GammaArrival {
    fn next_interval(&mut self) -> Result<f64> {
        Ok(self.unit.sample(&mut self.stream) / self.shape * self.mean)
    }

    fn set_rate(&mut self, rate: f64) -> Result<()> {
        self.mean = 1.0 / rate;
        Ok(())
    }
}

impl Plugin for ConcurrencyBurstArrival {
    fn new(_: &Context<'_>) -> Result<Self> {
        Ok(Self)
    }
}

impl ArrivalPattern for ConcurrencyBurstArrival {
    fn next_interval(&mut self) -> Result<f64> {
        Ok(0.0)
    }

    fn set_rate(&mut self, _: f64) -> Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mean and coefficient of variation of `n` intervals.
    fn moments(arrival: &mut dyn ArrivalPattern, n: usize) -> (f64, f64) {
        let intervals: Vec<f64> = (0..n).map(|_| arrival.next_interval().unwrap()).collect();
        let mean = intervals.iter().sum::<f64>() / n as f64;
        let variance = intervals.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n as f64;
        (mean, variance.sqrt() / mean)
    }

    fn at(rate: f64, smoothness: f64) -> ArrivalConfig {
        ArrivalConfig::new(rate, smoothness, 7)
    }

    #[test]
    fn constant_intervals_are_all_the_same() {
        let (mean, cv) = moments(&mut ConstantArrival { mean: 0.01 }, 1000);
        assert!((mean - 0.01).abs() < 1e-12 && cv < 1e-9, "{mean} {cv}");
    }

    #[test]
    fn poisson_intervals_have_the_mean_and_spread_of_an_exponential() {
        let (mean, cv) = moments(&mut PoissonArrival::of(&at(100.0, 1.0)), 100_000);
        // Standard errors at n = 100,000: 0.3 % of the mean, 0.3 % of the CV; five of them.
        assert!((mean * 100.0 - 1.0).abs() < 0.016, "mean {mean}");
        assert!((cv - 1.0).abs() < 0.016, "cv {cv}");
    }

    #[test]
    fn gamma_intervals_have_the_mean_and_spread_of_their_shape() {
        for shape in [0.25, 1.0, 4.0, 100.0] {
            let (mean, cv) = moments(&mut GammaArrival::of(&at(50.0, shape)).unwrap(), 200_000);
            let expected = 1.0 / shape.sqrt();
            assert!((mean * 50.0 - 1.0).abs() < 0.012 * expected.max(1.0), "shape {shape}: mean {mean}");
            assert!((cv / expected - 1.0).abs() < 0.03, "shape {shape}: cv {cv}, expected {expected}");
        }
        assert!(GammaArrival::of(&at(50.0, 0.0)).is_err());
    }

    #[test]
    fn a_new_rate_holds_from_the_next_interval() {
        let mut arrival = ConstantArrival { mean: 1.0 };
        arrival.set_rate(4.0).unwrap();
        assert!((arrival.next_interval().unwrap() - 0.25).abs() < 1e-12);
        let mut arrival = GammaArrival::of(&at(1.0, 2.0)).unwrap();
        arrival.set_rate(1000.0).unwrap();
        assert!((moments(&mut arrival, 50_000).0 * 1000.0 - 1.0).abs() < 0.02);
    }

    #[test]
    fn the_same_seed_gives_the_same_intervals() {
        let draw = |seed| {
            let mut arrival = PoissonArrival::of(&ArrivalConfig::new(5.0, 1.0, seed));
            (0..50).map(|_| arrival.next_interval().unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }
}
