//! Many numbers in bounded memory: count, sum, extremes and mean exactly, percentiles from a histogram, and how far
//! they can be trusted. Knows nothing of metrics.

use aiperf_abi::{Distribution, Uncertified};

use super::batch_means::BatchMeans;
use super::buckets::Buckets;
use super::confidence;

/// The percentiles of a report, ascending.
pub const PERCENTILES: [f64; 11] = [1.0, 5.0, 10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 99.0, 99.9, 99.99];

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
    buckets: Buckets,
    order: Order,
}

/// How correlated the numbers are: what confidence follows from.
#[derive(Debug, Clone)]
enum Order {
    /// Nobody knows, and nothing is said of confidence.
    Unknown,
    /// As they came.
    Kept(BatchMeans),
    /// So many independent ones in each of them as were found in another spread.
    Like(f64),
}

impl Spread {
    /// Nothing yet. The histogram counts in `steps` per unit: numbers that matter should be well over 1000 steps, or
    /// whole steps.
    pub fn new(steps: f64) -> Self {
        Self { order: Order::Kept(BatchMeans::default()), ..Self::with(steps, Buckets::dense()) }
    }

    /// The same for one of many: takes memory only for what occurs, can be merged, and says nothing of confidence.
    pub fn light(steps: f64) -> Self {
        Self::with(steps, Buckets::sparse())
    }

    fn with(steps: f64, buckets: Buckets) -> Self {
        Self {
            steps,
            count: 0,
            sum: CompensatedSum::default(),
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            mean: 0.0,
            squares: 0.0,
            buckets,
            order: Order::Unknown,
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
        self.buckets.add(value * self.steps);
        if let Order::Kept(series) = &mut self.order {
            series.add(value);
        }
    }

    /// Takes in all numbers of another spread of the same steps. What was known of their order is lost.
    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        let (own, theirs) = (self.count as f64, other.count as f64);
        let apart = other.mean - self.mean;
        // Chan's rule for joining two variances.
        self.squares += other.squares + apart * apart * own * theirs / (own + theirs);
        self.mean += apart * theirs / (own + theirs);
        self.count += other.count;
        self.sum.add(other.sum.sum);
        self.sum.add(other.sum.lost);
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.buckets.merge(&other.buckets);
        self.order = Order::Unknown;
    }

    /// Has these numbers taken to be as correlated as those of `whole`, of which they are a part.
    pub fn trust_like(&mut self, whole: &Self) {
        if let Some(effective) = whole.effective().filter(|_| whole.count > 0) {
            self.order = Order::Like(effective / whole.count as f64);
        }
    }

    /// As how many independent numbers they count, where that is known.
    fn effective(&self) -> Option<f64> {
        match &self.order {
            Order::Unknown => None,
            Order::Kept(series) => Some(series.effective(self.count, self.variance())),
            Order::Like(share) => Some(share * self.count as f64),
        }
    }

    fn variance(&self) -> f64 {
        self.squares.max(0.0) / self.count.max(1) as f64
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
        let mean = self.mean()?;
        let variance = self.variance();
        let mut distribution = Distribution {
            min: shown(self.min),
            max: shown(self.max),
            std: shown(variance.sqrt()),
            sum: shown(self.sum()),
            count: self.count,
            percentiles: PERCENTILES.into_iter().zip(self.percentiles(&PERCENTILES).into_iter().map(&shown)).collect(),
            ..Distribution::default()
        };
        if let Some(effective) = self.effective() {
            distribution.effective_samples = (effective < self.count as f64).then_some(effective);
            distribution.avg_ci95 = confidence::mean_margin(variance.sqrt(), effective)
                .map(|margin| (shown(mean - margin), shown(mean + margin)));
            distribution.percentile_ci95 =
                self.intervals(effective).into_iter().map(|(q, low, high)| (q, shown(low), shown(high))).collect();
            distribution.uncertified = uncertified(effective);
        }
        Some(distribution)
    }

    /// The 95 % interval of every percentile that has one.
    fn intervals(&self, effective: f64) -> Vec<(f64, f64, f64)> {
        let ends: Vec<(f64, (u64, u64))> = PERCENTILES
            .into_iter()
            .filter_map(|percent| Some((percent, confidence::percentile_ranks(percent, self.count, effective)?)))
            .collect();
        let ranks: Vec<u64> = ends.iter().flat_map(|(_, (low, high))| [*low, *high]).collect();
        let found = self.at_ranks(&ranks);
        ends.iter().zip(found.chunks_exact(2)).map(|((percent, _), pair)| (*percent, pair[0], pair[1])).collect()
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
    pub(super) fn at_ranks(&self, ranks: &[u64]) -> Vec<f64> {
        let mut order: Vec<usize> = (0..ranks.len()).collect();
        order.sort_by_key(|index| ranks[*index]);
        let mut values = vec![self.max; ranks.len()];
        let (mut next, mut passed) = (0, 0);
        for (value, count) in self.buckets.ascending() {
            passed += count;
            while let Some(index) = order.get(next).filter(|index| ranks[**index] < passed) {
                values[*index] = match ranks[*index] {
                    0 => self.min,
                    rank if rank + 1 == self.count => self.max,
                    _ => (value / self.steps).clamp(self.min, self.max),
                };
                next += 1;
            }
        }
        values
    }
}

/// The percentiles that so many independent samples cannot certify.
fn uncertified(effective: f64) -> Vec<Uncertified> {
    PERCENTILES
        .into_iter()
        .map(|percent| Uncertified { percent, needs: confidence::samples_needed(percent), has: effective as u64 })
        .filter(|one| one.has < one.needs)
        .collect()
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
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

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
        agree(spread(steps, values), values)
    }

    fn agree(found: Distribution, values: &[f64]) -> Result<(), TestCaseError> {
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

    proptest! {
        #[test]
        fn a_light_spread_that_was_merged_is_within_a_thousandth_too(
            one in prop::collection::vec(0u64..100_000_000_000, 1..200),
            two in prop::collection::vec(0u64..100_000_000_000, 1..200),
        ) {
            let mut parts = [Spread::light(1e3), Spread::light(1e3)];
            one.iter().for_each(|ns| parts[0].add(*ns as f64));
            two.iter().for_each(|ns| parts[1].add(*ns as f64));
            let [mut merged, other] = parts;
            merged.merge(&other);
            let values: Vec<f64> = one.iter().chain(&two).map(|ns| *ns as f64).collect();
            agree(merged.distribution(|value| value).expect("some values"), &values)?;
        }
    }

    #[test]
    fn the_true_mean_and_median_are_in_nineteen_of_twenty_intervals() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let (mut means, mut medians) = (0, 0);
        for _ in 0..200 {
            let mut spread = Spread::new(1e3);
            (0..200).for_each(|_| spread.add(rng.random_range(0.0..1000.0)));
            let found = spread.distribution(|value| value).expect("some values");
            let holds = |(low, high): (f64, f64)| usize::from(low <= 500.0 && 500.0 <= high);
            means += holds(found.avg_ci95.expect("enough"));
            let median = found.percentile_ci95.iter().find(|(q, ..)| *q == 50.0).expect("enough");
            medians += holds((median.1, median.2));
        }
        // 190 are expected, with a deviation of 3.1.
        assert!(means >= 180 && medians >= 180, "{means} {medians} of 200");
    }

    #[test]
    fn a_percentile_of_too_few_is_told_and_marked() {
        let mut spread = Spread::new(1.0);
        (0..100).for_each(|n| spread.add(f64::from(n)));
        let found = spread.distribution(|value| value).expect("some values");
        assert_eq!(found.uncertified(99.0), Some(Uncertified { percent: 99.0, needs: 662, has: 100 }));
        assert_eq!(found.uncertified(90.0), None);
        assert!(found.percentile(99.99).is_some());
    }

    #[test]
    fn correlated_numbers_are_worth_fewer_and_widen_the_intervals() {
        let width = |value: fn(u32) -> f64| {
            let mut spread = Spread::new(1e9);
            (0..10_000).for_each(|n| spread.add(value(n)));
            let found = spread.distribution(|value| value).expect("some values");
            let (low, high) = found.avg_ci95.expect("enough");
            (high - low, found.effective_samples)
        };
        // The same numbers, in turn and in long waves.
        let (in_turn, full) = width(|n| f64::from(n % 2));
        let (in_waves, few) = width(|n| f64::from(n / 500 % 2));
        assert_eq!(full, None);
        assert!(in_waves > 5.0 * in_turn && few.is_some_and(|few| few < 200.0), "{in_waves} {in_turn} {few:?}");
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
