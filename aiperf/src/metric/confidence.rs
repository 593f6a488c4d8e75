//! How far numbers from a sample can be trusted: how many samples a percentile needs, and the intervals that hold the
//! true mean and the true percentiles with 95 % confidence. Arithmetic on counts; knows no samples and no metrics.

/// Confidence with which a percentile may be called certified: that of MLPerf.
const CERTAINTY: f64 = 0.99;
/// Two-sided 95 %: probability outside an interval on either side, and its normal quantile.
const TAIL: f64 = 0.025;
const Z_TAIL: f64 = 1.959_963_985;
/// Normal quantile of 99 %.
const Z_99: f64 = 2.326_347_874;
/// Variance of a binomial count from which on the normal approximation serves: its quantiles are then off by less than
/// one rank in dozens.
const LARGE_VARIANCE: f64 = 200.0;
/// Two-sided 95 % quantiles of Student's t for 1 to 10 degrees of freedom; beyond, the expansion is good to 0.1 %.
const STUDENT: [f64; 10] = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228];

/// How many independent samples a percentile needs before it may be claimed.
///
/// The rule of MLPerf (early stopping): with `q` the share of samples beyond the percentile, the estimate is the `t`-th
/// sample from the end, where `t` is the largest number from 1 on with `P(Binomial(n, q) <= t) <= 1 - 0.99`. Where not
/// even `t = 1` will do, there are too few. 662 for p99, 6,636 for p99.9, 66,381 for p99.99; low percentiles mirror them.
pub fn samples_needed(percent: f64) -> u64 {
    let q = (percent.min(100.0 - percent) / 100.0).clamp(1e-12, 0.5);
    // P(Binomial(n, q) <= 1) falls with n.
    let enough = |n: u64| {
        let none = (n as f64 * (-q).ln_1p()).exp();
        none * (1.0 + n as f64 * q / (1.0 - q)) <= 1.0 - CERTAINTY
    };
    let mut high = 1;
    while !enough(high) {
        high *= 2;
    }
    let mut low = high / 2;
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if enough(middle) { high = middle } else { low = middle }
    }
    high
}

/// Half the width of the 95 % interval around a mean: Student's t times the standard error of `effective` independent
/// samples with the population deviation `std`. `None` from fewer than two.
pub fn mean_margin(std: f64, effective: f64) -> Option<f64> {
    (effective >= 2.0).then(|| student(effective - 1.0) * std / (effective - 1.0).sqrt())
}

/// Ranks (0 is the smallest of `count`) of the two samples between which the true percentile lies with 95 % confidence,
/// whatever the distribution: the binomial (order statistic) interval. The samples count as `effective` independent
/// ones. `None` where there are too few for an end.
pub fn percentile_ranks(percent: f64, count: u64, effective: f64) -> Option<(u64, u64)> {
    let n = effective.min(count as f64).floor();
    let p = percent / 100.0;
    let low = binomial_quantile(n, p, TAIL)?;
    // The mirror image: of the samples above.
    let high = n - binomial_quantile(n, 1.0 - p, TAIL)? - 1.0;
    let stretch = |rank: f64| ((rank + 0.5) * count as f64 / n - 0.5).round().clamp(0.0, (count - 1) as f64) as u64;
    (low <= high).then(|| (stretch(low), stretch(high)))
}

/// The rank `k` (from 0) of the largest order statistic that is below the true quantile with probability `1 - tail`:
/// the largest `k` with `P(Binomial(n, p) <= k) <= tail`. `None` where not even the smallest sample is.
fn binomial_quantile(n: f64, p: f64, tail: f64) -> Option<f64> {
    let (mean, variance) = (n * p, n * p * (1.0 - p));
    if variance >= LARGE_VARIANCE {
        let rank = (mean - Z_TAIL * variance.sqrt() - 0.5).floor();
        return (rank >= 0.0).then_some(rank);
    }
    // Few samples on one side or the other: sum the probabilities from the end where counts are small.
    if p <= 0.5 {
        let mut probability = (n * (-p).ln_1p()).exp();
        let (mut below, mut k) = (probability, 0.0);
        if below > tail {
            return None;
        }
        loop {
            probability *= (n - k) / (k + 1.0) * p / (1.0 - p);
            if below + probability > tail || k + 1.0 >= n {
                return Some(k);
            }
            below += probability;
            k += 1.0;
        }
    }
    // P(X <= k) = 1 - P(n - X <= n - k - 1): walk the other count up until what is left is small enough.
    let q = 1.0 - p;
    let mut probability = (n * (-q).ln_1p()).exp();
    let (mut below, mut other) = (probability, 0.0);
    while 1.0 - below > tail {
        probability *= (n - other) / (other + 1.0) * q / p;
        if other >= n {
            return None;
        }
        below += probability;
        other += 1.0;
    }
    let rank = n - other - 1.0;
    (rank >= 0.0).then_some(rank)
}

/// Two-sided 95 % quantile of Student's t, by linear steps up to ten degrees of freedom and the Cornish-Fisher expansion
/// beyond.
fn student(freedom: f64) -> f64 {
    if freedom < 10.0 {
        let below = freedom.max(1.0).floor() as usize;
        let (low, high) = (STUDENT[below - 1], STUDENT[below.min(STUDENT.len() - 1)]);
        return low + (high - low) * (freedom.max(1.0) - below as f64);
    }
    let z = Z_TAIL;
    z + (z.powi(3) + z) / (4.0 * freedom)
        + (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / (96.0 * freedom.powi(2))
        + (3.0 * z.powi(7) + 19.0 * z.powi(5) + 17.0 * z.powi(3) - 15.0 * z) / (384.0 * freedom.powi(3))
}

/// The 99 % quantile of chi-squared over its degrees of freedom (Wilson and Hilferty's cube).
pub fn chi_squared_99_per_freedom(freedom: f64) -> f64 {
    let share = 2.0 / (9.0 * freedom);
    (1.0 - share + Z_99 * share.sqrt()).powi(3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_needs_the_samples_that_mlperf_says() {
        let table = [
            (50.0, 11),
            (75.0, 24),
            (80.0, 31),
            (90.0, 64),
            (95.0, 130),
            (97.0, 219),
            (99.0, 662),
            (99.9, 6_636),
            (99.99, 66_381),
            (1.0, 662),
            (25.0, 24),
        ];
        for (percent, needed) in table {
            assert_eq!(samples_needed(percent), needed, "p{percent}");
        }
    }

    #[test]
    fn the_interval_of_a_median_is_that_of_the_books() {
        // Hahn and Meeker: of 10 samples the 2nd and the 9th, of 100 the 40th and the 61st.
        assert_eq!(percentile_ranks(50.0, 10, 10.0), Some((1, 8)));
        assert_eq!(percentile_ranks(50.0, 100, 100.0), Some((39, 60)));
        assert_eq!(percentile_ranks(50.0, 5, 5.0), None, "six samples are the least");
        assert_eq!(percentile_ranks(50.0, 6, 6.0), Some((0, 5)));
    }

    #[test]
    fn a_tail_needs_samples_beyond_it() {
        assert_eq!(percentile_ranks(99.0, 300, 300.0), None);
        let (low, high) = percentile_ranks(99.0, 1000, 1000.0).expect("enough");
        assert!(low < 990 && high > 990 && high < 1000, "{low} {high}");
        let (mirror_low, mirror_high) = percentile_ranks(1.0, 1000, 1000.0).expect("enough");
        assert_eq!((999 - mirror_high, 999 - mirror_low), (low, high));
    }

    #[test]
    fn exact_and_approximate_ranks_meet() {
        for percent in [10.0, 50.0, 90.0, 99.0] {
            let p: f64 = percent / 100.0;
            // Just below and just above the change of method.
            let n = (LARGE_VARIANCE / (p * (1.0 - p))) as u64;
            let (below, above) = (n - 2, n + 2);
            let one = percentile_ranks(percent, below, below as f64).expect("many");
            let two = percentile_ranks(percent, above, above as f64).expect("many");
            assert!(one.0.abs_diff(two.0) <= 5 && one.1.abs_diff(two.1) <= 5, "p{percent}: {one:?} {two:?}");
        }
    }

    #[test]
    fn correlated_samples_widen_the_interval() {
        let all = percentile_ranks(50.0, 10_000, 10_000.0).expect("many");
        let few = percentile_ranks(50.0, 10_000, 100.0).expect("many");
        assert!(few.0 < all.0 && few.1 > all.1);
        assert!(few.0.abs_diff(3950) < 100 && few.1.abs_diff(6050) < 100, "{few:?}");
    }

    #[test]
    fn the_margin_of_a_mean_is_students() {
        // Two samples 1 and 3: mean 2, sample deviation sqrt(2), margin 12.706 * sqrt(2) / sqrt(2).
        assert!((mean_margin(1.0, 2.0).expect("two") - 12.706).abs() < 1e-9);
        assert_eq!(mean_margin(1.0, 1.0), None);
        assert!((student(10.0) - 2.228).abs() < 0.002 && (student(30.0) - 2.042).abs() < 0.001);
        assert!((student(1e6) - Z_TAIL).abs() < 1e-5);
    }

    #[test]
    fn chi_squared_is_close_to_the_tables() {
        for (freedom, quantile) in [(10.0, 23.21), (63.0, 92.01), (100.0, 135.81)] {
            assert!((chi_squared_99_per_freedom(freedom) * freedom - quantile).abs() < 0.1, "{freedom}");
        }
    }
}
