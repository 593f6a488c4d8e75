//! Many numbers in bounded memory: count, sum, extremes and mean exactly, percentiles from a histogram.
//! Knows nothing of metrics.

use aiperf_abi::Distribution;
use hdrhistogram::Histogram;

/// The percentiles of a report, ascending.
pub const PERCENTILES: [f64; 9] = [1.0, 5.0, 10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 99.0];

/// Three digits: a bucket is at most 1/1024 of its value wide, and its middle is reported.
const SIGNIFICANT_DIGITS: u8 = 3;

/// A distribution as it grows. Takes about as much memory after a billion numbers as after a thousand.
#[derive(Debug, Clone)]
pub struct Spread {
    steps: f64,
    count: u64,
    sum: CompensatedSum,
    min: f64,
    max: f64,
    mean: f64,
    squares: f64,
    /// Buckets of the numbers from 0 up, and of the magnitudes of those below 0. Each made with its first number.
    positive: Option<Histogram<u64>>,
    negative: Option<Histogram<u64>>,
}

impl Spread {
    /// Nothing yet. The histogram counts in `steps` per unit: numbers that matter should be well over 1000 steps, or
    /// whole steps.
    pub fn new(steps: f64) -> Self {
        Self {
            steps,
            count: 0,
            sum: CompensatedSum::default(),
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            mean: 0.0,
            squares: 0.0,
            positive: None,
            negative: None,
        }
    }

    /// Takes in a number; one that is not finite is left out.
    pub fn add(&mut self, value: f64) {
        if !value.is_finite() {
            return;
        }
        self.count += 1;
        self.sum.add(value);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        // Welford's recurrence: stable where the mean is large and the deviation small.
        let before = value - self.mean;
        self.mean += before / self.count as f64;
        self.squares += before * (value - self.mean);

        let side = if value < 0.0 { &mut self.negative } else { &mut self.positive };
        let histogram = side.get_or_insert_with(|| {
            Histogram::new(SIGNIFICANT_DIGITS).expect("three digits are within what a histogram offers")
        });
        // A magnitude beyond the range lands in the last bucket; the exact extremes bound what is then reported.
        let magnitude = (value.abs() * self.steps).round().min(i64::MAX as f64) as u64;
        histogram.record(magnitude).expect("the histogram grows to any 63-bit number");
    }

    /// How many numbers were taken in.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Their sum.
    pub fn sum(&self) -> f64 {
        self.sum.value()
    }

    /// Their arithmetic mean; `None` where there are none.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| (self.sum() / self.count as f64).clamp(self.min, self.max))
    }

    /// Everything, each number turned by `shown` (which must be linear and rising). `None` where there are none.
    pub fn distribution(&self, shown: impl Fn(f64) -> f64) -> Option<Distribution> {
        self.mean()?;
        let values = self.percentiles(&PERCENTILES).into_iter().map(&shown);
        Some(Distribution {
            min: shown(self.min),
            max: shown(self.max),
            std: shown((self.squares.max(0.0) / self.count as f64).sqrt()),
            sum: shown(self.sum()),
            count: self.count,
            percentiles: PERCENTILES.into_iter().zip(values).collect(),
        })
    }

    /// Values at ascending percentiles, interpolated linearly at rank `q/100 * (n - 1)` between the numbers at the
    /// ranks around it. Within 0.1 % of the exact ones.
    fn percentiles(&self, percents: &[f64]) -> Vec<f64> {
        let last = self.count.saturating_sub(1);
        let ranks: Vec<f64> = percents.iter().map(|percent| percent / 100.0 * last as f64).collect();
        let wanted: Vec<u64> =
            ranks.iter().flat_map(|rank| [rank.floor() as u64, (rank.ceil() as u64).min(last)]).collect();
        let found = self.at_ranks(&wanted);
        ranks
            .iter()
            .zip(found.chunks_exact(2))
            .map(|(rank, ends)| ends[0] + (ends[1] - ends[0]) * rank.fract())
            .collect()
    }

    /// The numbers at the given ranks (0 is the smallest), which must be below the count. One walk for all.
    fn at_ranks(&self, ranks: &[u64]) -> Vec<f64> {
        let mut order: Vec<usize> = (0..ranks.len()).collect();
        order.sort_by_key(|index| ranks[*index]);
        let mut values = vec![self.max; ranks.len()];
        let (mut next, mut passed) = (0, 0);
        for (value, count) in self.buckets() {
            passed += count;
            while let Some(index) = order.get(next).filter(|index| ranks[**index] < passed) {
                values[*index] = match ranks[*index] {
                    0 => self.min,
                    rank if rank + 1 == self.count => self.max,
                    _ => value.clamp(self.min, self.max),
                };
                next += 1;
            }
        }
        values
    }

    /// Middle and count of every bucket that is not empty, ascending.
    fn buckets(&self) -> Vec<(f64, u64)> {
        let side = |histogram: &Option<Histogram<u64>>, sign: f64| -> Vec<(f64, u64)> {
            histogram.as_ref().map_or_else(Vec::new, |histogram| {
                histogram
                    .iter_recorded()
                    .map(|step| {
                        let middle = histogram.median_equivalent(step.value_iterated_to());
                        (sign * middle as f64 / self.steps, step.count_at_value())
                    })
                    .collect()
            })
        };
        let mut buckets = side(&self.negative, -1.0);
        buckets.reverse();
        buckets.extend(side(&self.positive, 1.0));
        buckets
    }
}

/// Neumaier's sum: the error does not grow with the number of terms.
#[derive(Debug, Clone, Copy, Default)]
struct CompensatedSum {
    sum: f64,
    lost: f64,
}

impl CompensatedSum {
    fn add(&mut self, term: f64) {
        let sum = self.sum + term;
        self.lost += if self.sum.abs() >= term.abs() { (self.sum - sum) + term } else { (term - sum) + self.sum };
        self.sum = sum;
    }

    fn value(self) -> f64 {
        self.sum + self.lost
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The definition, on all numbers at once.
    pub(crate) fn exact_percentile(sorted: &[f64], percent: f64) -> f64 {
        let rank = percent / 100.0 * (sorted.len() - 1) as f64;
        let (low, high) = (sorted[rank.floor() as usize], sorted[rank.ceil() as usize]);
        low + (high - low) * rank.fract()
    }

    fn spread(steps: f64, values: &[f64]) -> Distribution {
        let mut spread = Spread::new(steps);
        values.iter().for_each(|value| spread.add(*value));
        spread.distribution(|value| value).expect("some values")
    }

    fn agrees(found: f64, exact: f64, scale: f64) -> bool {
        (found - exact).abs() <= 1e-3 * scale.max(f64::MIN_POSITIVE)
    }

    fn check(steps: f64, values: &[f64]) -> Result<(), TestCaseError> {
        let found = spread(steps, values);
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let std = (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n).sqrt();
        let magnitude = sorted[0].abs().max(sorted[sorted.len() - 1].abs());
        prop_assert_eq!(found.count, values.len() as u64);
        prop_assert_eq!((found.min, found.max), (sorted[0], sorted[sorted.len() - 1]));
        prop_assert!((found.sum - values.iter().sum::<f64>()).abs() <= 1e-9 * n * magnitude);
        prop_assert!((found.std - std).abs() <= 1e-6 * magnitude);
        for (percent, value) in found.percentiles {
            let exact = exact_percentile(&sorted, percent);
            // Between two numbers of opposite sign the error follows their magnitudes, not that of the difference.
            let rank = percent / 100.0 * (sorted.len() - 1) as f64;
            let scale = sorted[rank.floor() as usize].abs().max(sorted[rank.ceil() as usize].abs());
            let scale = if sorted[0] >= 0.0 { exact.abs() } else { scale };
            prop_assert!(agrees(value, exact, scale), "p{percent}: {value} is not {exact}");
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn nanoseconds_are_within_a_thousandth(values in prop::collection::vec(0u64..100_000_000_000, 1..400)) {
            let values: Vec<f64> = values.into_iter().map(|ns| ns as f64).collect();
            check(1e3, &values)?;
        }

        #[test]
        fn rates_are_within_a_thousandth(values in prop::collection::vec(1e-5f64..1e8, 1..400)) {
            check(1e9, &values)?;
        }

        #[test]
        fn differences_of_either_sign_are_within_a_thousandth(values in prop::collection::vec(-300f64..300.0, 1..200)) {
            check(1e9, &values)?;
        }

        #[test]
        fn counts_below_two_thousand_are_exact(values in prop::collection::vec(0u64..2000, 1..300)) {
            let mut values: Vec<f64> = values.into_iter().map(|count| count as f64).collect();
            let found = spread(1.0, &values);
            values.sort_by(f64::total_cmp);
            for (percent, value) in found.percentiles {
                prop_assert!((value - exact_percentile(&values, percent)).abs() < 1e-9);
            }
        }

        #[test]
        fn a_constant_is_exact_in_every_number(value in -1e12f64..1e12, times in 1usize..50) {
            let found = spread(1e3, &vec![value; times]);
            prop_assert!(found.percentiles.iter().all(|(_, percentile)| *percentile == value));
            prop_assert_eq!((found.min, found.max, found.std), (value, value, 0.0));
        }
    }

    #[test]
    fn two_values_are_interpolated() {
        let found = spread(1e9, &[1.0, 2.0]);
        assert_eq!(found.percentile(50.0), Some(1.5));
        assert_eq!(found.percentile(99.0), Some(1.99));
        assert_eq!(found.percentile(1.0), Some(1.01));
    }

    #[test]
    fn a_small_term_is_not_lost_beside_a_large_one() {
        let mut sum = CompensatedSum::default();
        [1e17, 1.0, 1.0, -1e17].into_iter().for_each(|term| sum.add(term));
        assert_eq!(sum.value(), 2.0);
    }

    #[test]
    fn nothing_has_no_distribution_and_what_is_not_finite_is_left_out() {
        let mut spread = Spread::new(1.0);
        assert!(spread.distribution(|value| value).is_none());
        spread.add(f64::INFINITY);
        spread.add(f64::NAN);
        assert_eq!((spread.count(), spread.mean()), (0, None));
    }

    #[test]
    fn numbers_beyond_the_histogram_still_give_exact_extremes() {
        let found = spread(1e9, &[1.0, 1e15, 1e18]);
        assert_eq!((found.min, found.max, found.percentile(99.0).is_some_and(|p| p <= 1e18)), (1.0, 1e18, true));
    }
}
