//! Arrival patterns: how the spacing between requests is drawn. Pure arithmetic on a seeded stream.

use rand::Rng;
use rand_distr::{Distribution, Exp1};

/// How requests of an open loop are spaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ArrivalPattern {
    /// Every 1/r seconds.
    Constant,
    /// Exponential spacing with mean 1/r: independent arrivals.
    Poisson,
}

impl ArrivalPattern {
    /// All of them, by the name users say.
    pub const ALL: [(&'static str, Self); 2] = [("constant", Self::Constant), ("poisson", Self::Poisson)];

    /// The name users say.
    pub fn name(self) -> &'static str {
        match self {
            Self::Constant => "constant",
            Self::Poisson => "poisson",
        }
    }
}

/// Draws the intervals of one phase. The sequence depends on the seed alone.
#[derive(Debug)]
pub struct Arrival<R> {
    pattern: ArrivalPattern,
    mean_ns: f64,
    random: R,
}

impl<R: Rng> Arrival<R> {
    /// Intervals of `pattern` at `rate` requests per second (> 0).
    pub fn new(pattern: ArrivalPattern, rate: f64, random: R) -> Self {
        Self { pattern, mean_ns: 1e9 / rate, random }
    }

    /// The next interval, nanoseconds. Fractions are kept so that they add up to the rate.
    pub fn next_ns(&mut self) -> f64 {
        match self.pattern {
            ArrivalPattern::Constant => self.mean_ns,
            ArrivalPattern::Poisson => {
                let unit: f64 = Exp1.sample(&mut self.random);
                unit * self.mean_ns
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn moments(pattern: ArrivalPattern, n: usize) -> (f64, f64) {
        let mut arrival = Arrival::new(pattern, 100.0, ChaCha8Rng::seed_from_u64(7));
        let intervals: Vec<f64> = (0..n).map(|_| arrival.next_ns()).collect();
        let mean = intervals.iter().sum::<f64>() / n as f64;
        let variance = intervals.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n as f64;
        (mean, variance.sqrt() / mean)
    }

    #[test]
    fn constant_intervals_are_all_the_same() {
        let (mean, cv) = moments(ArrivalPattern::Constant, 1000);
        assert_eq!((mean, cv), (1e7, 0.0));
    }

    #[test]
    fn poisson_intervals_have_the_mean_and_spread_of_an_exponential() {
        let (mean, cv) = moments(ArrivalPattern::Poisson, 100_000);
        // Standard errors at n = 100,000: 0.3 % of the mean, 0.3 % of the CV; five of them.
        assert!((mean / 1e7 - 1.0).abs() < 0.016, "mean {mean}");
        assert!((cv - 1.0).abs() < 0.016, "cv {cv}");
    }

    #[test]
    fn the_same_seed_gives_the_same_intervals() {
        let draw = || {
            let mut arrival = Arrival::new(ArrivalPattern::Poisson, 5.0, ChaCha8Rng::seed_from_u64(1));
            (0..50).map(|_| arrival.next_ns()).collect::<Vec<_>>()
        };
        assert_eq!(draw(), draw());
    }
}
