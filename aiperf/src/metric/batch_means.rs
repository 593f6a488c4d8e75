//! How many independent samples a correlated series is worth, found while it goes by, in fixed memory.
//!
//! Non-overlapping batch means (Conway 1963), with batches that are merged in pairs when there are too many (dynamic
//! batch means, Yeh and Schmeiser 2000): if samples were independent, means of batches of `m` would scatter with
//! `1/m` of the samples' variance; the factor by which they scatter more is the factor by which there are fewer
//! independent samples than samples.

use super::confidence::chi_squared_99_per_freedom;

/// Batches that are kept; at twice as many, each two become one.
const BATCHES: usize = 64;
/// Batches below which nothing can be said.
const FEWEST: usize = 16;

/// A series as it goes by, in the order of its samples.
#[derive(Debug, Clone)]
pub(super) struct BatchMeans {
    size: u64,
    means: Vec<f64>,
    open_sum: f64,
    open_count: u64,
}

impl Default for BatchMeans {
    fn default() -> Self {
        Self { size: 1, means: Vec::new(), open_sum: 0.0, open_count: 0 }
    }
}

impl BatchMeans {
    /// Takes in the next sample.
    pub(super) fn add(&mut self, value: f64) {
        self.open_sum += value;
        self.open_count += 1;
        if self.open_count < self.size {
            return;
        }
        self.means.push(self.open_sum / self.size as f64);
        (self.open_sum, self.open_count) = (0.0, 0);
        if self.means.len() == 2 * BATCHES {
            for pair in 0..BATCHES {
                self.means[pair] = (self.means[2 * pair] + self.means[2 * pair + 1]) / 2.0;
            }
            self.means.truncate(BATCHES);
            self.size *= 2;
        }
    }

    /// How many independent samples `count` samples of variance `variance` are worth: `count`, unless the scatter of the
    /// batch means says with 99 % confidence that they are correlated. Never below 1.
    pub(super) fn effective(&self, count: u64, variance: f64) -> f64 {
        let count = count as f64;
        let batches = self.means.len();
        if self.size == 1 || batches < FEWEST || variance <= 0.0 {
            return count.max(1.0);
        }
        let mean = self.means.iter().sum::<f64>() / batches as f64;
        let freedom = (batches - 1) as f64;
        let scatter = self.means.iter().map(|one| (one - mean).powi(2)).sum::<f64>() / freedom;
        let inflation = scatter * self.size as f64 / variance;
        let chance = chi_squared_99_per_freedom(freedom);
        if inflation <= chance { count } else { (count / inflation).max(1.0) }
    }
}

#[cfg(test)]
mod tests {
    use rand::{Rng, RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn effective(series: impl Iterator<Item = f64>) -> f64 {
        let (mut means, mut sum, mut squares, mut count) = (BatchMeans::default(), 0.0, 0.0, 0u64);
        for value in series {
            means.add(value);
            (sum, squares, count) = (sum + value, squares + value * value, count + 1);
        }
        let mean = sum / count as f64;
        means.effective(count, squares / count as f64 - mean * mean)
    }

    /// First-order autoregression with the given correlation of neighbours.
    fn autoregressive(rng: &mut impl Rng, correlation: f64, count: usize) -> Vec<f64> {
        let mut last = 0.0;
        (0..count)
            .map(|_| {
                last = correlation * last + rng.random_range(-1.0..1.0);
                last
            })
            .collect()
    }

    #[test]
    fn independent_samples_count_in_full() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let full = (0..50).filter(|_| effective(autoregressive(&mut rng, 0.0, 3000).into_iter()) == 3000.0).count();
        assert!(full >= 47, "{full} of 50");
    }

    #[test]
    fn a_correlated_series_is_worth_what_theory_says() {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        for correlation in [0.5, 0.9] {
            let theory = 100_000.0 * (1.0 - correlation) / (1.0 + correlation);
            let found = effective(autoregressive(&mut rng, correlation, 100_000).into_iter());
            assert!((found / theory - 1.0).abs() < 0.5, "{correlation}: {found}, in theory {theory}");
        }
    }

    #[test]
    fn a_constant_and_a_handful_are_taken_as_they_are() {
        assert_eq!(effective(std::iter::repeat_n(5.0, 1000)), 1000.0);
        assert_eq!(effective((0..10).map(f64::from)), 10.0);
    }

    #[test]
    fn memory_does_not_grow() {
        let mut means = BatchMeans::default();
        (0..1_000_000).for_each(|n| means.add(f64::from(n)));
        assert!(means.means.capacity() <= 4 * BATCHES);
    }
}
