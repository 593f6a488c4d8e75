//! Counts of numbers by size: the histogram under a spread. Bucket widths grow with the numbers, so that the middle of a
//! bucket is within 0.1 % of every number in it. Two forms: HDR histograms, which are fast and take as much memory as
//! their range, and a map of the buckets that occur, for where there are many histograms with little in each.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

/// Three digits: a bucket is at most 1/1024 of its value wide, and its middle is reported.
const SIGNIFICANT_DIGITS: u8 = 3;
/// Leading binary digits that tell two buckets of the map apart: 512 buckets an octave, the middle within 1/1024.
const LEADING_BITS: u32 = 10;

/// Counts of whole numbers of either sign.
#[derive(Debug, Clone)]
pub(super) enum Buckets {
    /// The numbers from 0 up, and the magnitudes of those below 0. Each made with its first number. A bucket counts to
    /// four billion and then stands still: half the memory of one that never does.
    Dense { positive: Option<Histogram<u32>>, negative: Option<Histogram<u32>> },
    /// By signed number of the bucket: `-1 - bucket` for those below 0.
    Sparse(BTreeMap<i32, u64>),
}

impl Buckets {
    pub(super) fn dense() -> Self {
        Self::Dense { positive: None, negative: None }
    }

    pub(super) fn sparse() -> Self {
        Self::Sparse(BTreeMap::new())
    }

    /// Counts the nearest whole number. A magnitude beyond the range lands in the last bucket.
    pub(super) fn add(&mut self, number: f64) {
        self.add_many(number, 1);
    }

    fn add_many(&mut self, number: f64, count: u64) {
        let magnitude = number.abs().round().min(i64::MAX as f64) as u64;
        match self {
            Self::Dense { positive, negative } => {
                let side = if number < 0.0 { negative } else { positive };
                let histogram = side.get_or_insert_with(|| {
                    Histogram::new(SIGNIFICANT_DIGITS).expect("three digits are within what a histogram offers")
                });
                let count = u32::try_from(count).unwrap_or(u32::MAX);
                histogram.record_n(magnitude, count).expect("the histogram grows to any 63-bit number");
            }
            Self::Sparse(counts) => {
                let bucket = bucket_of(magnitude) as i32;
                *counts.entry(if number < 0.0 { -1 - bucket } else { bucket }).or_default() += count;
            }
        }
    }

    /// Adds the counts of another.
    pub(super) fn merge(&mut self, other: &Self) {
        for (number, count) in other.ascending() {
            self.add_many(number, count);
        }
    }

    /// Middle and count of every bucket that is not empty, ascending.
    pub(super) fn ascending(&self) -> Vec<(f64, u64)> {
        match self {
            Self::Dense { positive, negative } => {
                let mut all: Vec<(f64, u64)> = recorded(negative).map(|(middle, count)| (-middle, count)).collect();
                all.reverse();
                all.extend(recorded(positive));
                all
            }
            Self::Sparse(counts) => counts
                .iter()
                .map(|(bucket, count)| match *bucket {
                    positive @ 0.. => (middle_of(positive as u32), *count),
                    negative => (-middle_of((-1 - negative) as u32), *count),
                })
                .collect(),
        }
    }
}

fn recorded(histogram: &Option<Histogram<u32>>) -> impl Iterator<Item = (f64, u64)> + '_ {
    histogram.iter().flat_map(|histogram| {
        histogram.iter_recorded().map(|step| {
            (histogram.median_equivalent(step.value_iterated_to()) as f64, u64::from(step.count_at_value()))
        })
    })
}

/// Numbers below 1024 have a bucket each; above, the leading digits and how many follow make the bucket.
fn bucket_of(magnitude: u64) -> u32 {
    let digits = u64::BITS - magnitude.leading_zeros();
    let dropped = digits.saturating_sub(LEADING_BITS);
    (dropped << (LEADING_BITS - 1)) + (magnitude >> dropped) as u32
}

fn middle_of(bucket: u32) -> f64 {
    let dropped = (bucket >> (LEADING_BITS - 1)).saturating_sub(1);
    let leading = u64::from(bucket - (dropped << (LEADING_BITS - 1)));
    let half = if dropped == 0 { 0 } else { 1u64 << (dropped - 1) };
    ((leading << dropped) + half) as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_middle_of_a_bucket_is_near_every_number_in_it(number in 0u64..=i64::MAX as u64) {
            let middle = middle_of(bucket_of(number));
            prop_assert!((middle - number as f64).abs() <= number as f64 / 1023.0, "{number}: {middle}");
        }

        #[test]
        fn larger_numbers_are_in_later_buckets(one in 0u64..1 << 62, two in 0u64..1 << 62) {
            prop_assert_eq!(bucket_of(one.min(two)) <= bucket_of(one.max(two)), true);
        }
    }

    #[test]
    fn small_numbers_are_exact_and_buckets_are_without_gaps() {
        let mut last = None;
        for number in 0..5000 {
            let bucket = bucket_of(number);
            assert!(number >= 1024 || middle_of(bucket) == number as f64);
            assert!(last.is_none_or(|last| bucket == last || bucket == last + 1), "{number}");
            last = Some(bucket);
        }
    }

    #[test]
    fn both_forms_merge_to_what_they_would_have_been() {
        for empty in [Buckets::dense(), Buckets::sparse()] {
            let (mut one, mut two, mut all) = (empty.clone(), empty.clone(), empty);
            for number in -300..300 {
                let number = f64::from(number) * 17.0;
                if number < 100.0 {
                    one.add(number)
                } else {
                    two.add(number)
                }
                all.add(number);
            }
            one.merge(&two);
            assert_eq!(one.ascending(), all.ascending());
        }
    }
}
