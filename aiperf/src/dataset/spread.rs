//! Numbers that are drawn anew for each use: normal, and for counts rounded and at least 1.

use aiperf_abi::Spread;
use rand_distr::{Distribution, Normal};

use super::DatasetError;
use crate::random::Stream;

/// Draws of a [`Spread`].
pub(super) trait Draw {
    /// A count: rounded, at least 1.
    fn draw(self, stream: &mut Stream) -> u32;
    /// As it comes.
    fn sample(self, stream: &mut Stream) -> f64;
    /// Refuses what is no distribution of counts.
    fn check(self, what: &'static str) -> Result<(), DatasetError>;
}

impl Draw for Spread {
    fn draw(self, stream: &mut Stream) -> u32 {
        // `check` has refused what `Normal` would refuse; beyond u32 the cast saturates.
        self.sample(stream).round().max(1.0) as u32
    }

    fn sample(self, stream: &mut Stream) -> f64 {
        Normal::new(self.mean, self.stddev).map_or(self.mean, |normal| normal.sample(stream))
    }

    fn check(self, what: &'static str) -> Result<(), DatasetError> {
        let out_of_range =
            |value: f64, expected| Err(DatasetError::OutOfRange { what, value: value.to_string(), expected });
        if !(self.mean > 0.0 && self.mean.is_finite()) {
            return out_of_range(self.mean, "a mean above 0");
        }
        if !(self.stddev >= 0.0 && self.stddev.is_finite()) {
            return out_of_range(self.stddev, "a standard deviation of at least 0");
        }
        Ok(())
    }
}
