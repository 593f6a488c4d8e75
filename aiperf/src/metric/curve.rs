//! A quantity over time that changes in steps (requests in flight, tokens in flight), in fixed memory: a fixed number of
//! buckets whose width doubles when the time they cover is full. The mean over any bucket is exact.

/// Buckets at most; at least half of them are in use once the first widths are outgrown.
const BUCKETS: usize = 4096;
/// Width of the first buckets: 2^14 ns, about 16 us.
const FIRST_SHIFT: u32 = 14;

/// The curve. Changes may come in any order of their times.
#[derive(Debug, Clone, Default)]
pub(super) struct Curve {
    shift: u32,
    /// Number of the first bucket, counted from time zero.
    base: u64,
    buckets: Vec<Bucket>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Bucket {
    /// Sum of the changes inside.
    jump: f64,
    /// What the changes add to the integral over this bucket.
    area: f64,
}

/// A stretch of time with the mean of the quantity in it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Level {
    pub(super) value: f64,
    pub(super) ns: f64,
}

impl Curve {
    /// The quantity changes by `jump` at `at_ns`.
    pub(super) fn change(&mut self, at_ns: u64, jump: f64) {
        let place = self.place(at_ns);
        let end = (self.base + place as u64 + 1) << self.shift;
        let bucket = &mut self.buckets[place];
        bucket.jump += jump;
        bucket.area += jump * (end - at_ns) as f64;
    }

    /// The quantity is larger by `by` from one moment to another.
    pub(super) fn raise(&mut self, from_ns: u64, to_ns: u64, by: f64) {
        if by.is_finite() && from_ns < to_ns {
            self.change(from_ns, by);
            self.change(to_ns, -by);
        }
    }

    /// The bucket of a moment; makes room for it.
    fn place(&mut self, at_ns: u64) -> usize {
        if self.buckets.is_empty() {
            self.shift = FIRST_SHIFT;
            self.base = at_ns >> self.shift;
        }
        loop {
            let number = at_ns >> self.shift;
            let first = self.base.min(number);
            let last = number.max(self.base + self.buckets.len() as u64);
            if last - first >= BUCKETS as u64 {
                self.coarsen();
                continue;
            }
            let missing = (self.base - first) as usize;
            if missing > 0 {
                self.buckets.splice(0..0, std::iter::repeat_n(Bucket::default(), missing));
                self.base = first;
            }
            let place = (number - self.base) as usize;
            if place >= self.buckets.len() {
                self.buckets.resize(place + 1, Bucket::default());
            }
            return place;
        }
    }

    fn coarsen(&mut self) {
        let width = (1u64 << self.shift) as f64;
        let base = self.base >> 1;
        let mut merged = vec![Bucket::default(); self.buckets.len() / 2 + 1];
        for (number, bucket) in (self.base..).zip(&self.buckets) {
            let into = &mut merged[((number >> 1) - base) as usize];
            into.jump += bucket.jump;
            // What changed in the first half stays changed for the second.
            into.area += bucket.area + if number & 1 == 0 { bucket.jump * width } else { 0.0 };
        }
        (self.base, self.buckets, self.shift) = (base, merged, self.shift + 1);
    }

    /// The sum of two quantities.
    pub(super) fn plus(&self, other: &Self) -> Self {
        let (mut sum, mut other) = (self.clone(), other.clone());
        if sum.buckets.is_empty() || other.buckets.is_empty() {
            return if sum.buckets.is_empty() { other } else { sum };
        }
        while sum.shift != other.shift {
            if sum.shift < other.shift { sum.coarsen() } else { other.coarsen() }
        }
        for (number, bucket) in (other.base..).zip(&other.buckets) {
            // Makes room at the start of the bucket, and may coarsen: then it starts anew with what is left to do.
            let before = sum.shift;
            let place = sum.place(number << other.shift);
            if sum.shift != before {
                return self.clone().coarser(sum.shift).plus(&other.coarser(sum.shift));
            }
            sum.buckets[place].jump += bucket.jump;
            sum.buckets[place].area += bucket.area;
        }
        sum
    }

    fn coarser(mut self, shift: u32) -> Self {
        while self.shift < shift {
            self.coarsen();
        }
        self
    }

    /// The integral over every bucket with the bucket's limits, ascending.
    fn integrals(&self) -> impl Iterator<Item = (u64, u64, f64)> + '_ {
        let width = 1u64 << self.shift;
        let mut level = 0.0;
        (self.base..).zip(&self.buckets).map(move |(number, bucket)| {
            let integral = level * width as f64 + bucket.area;
            level += bucket.jump;
            (number << self.shift, (number + 1) << self.shift, integral)
        })
    }

    /// The quantity from `from_ns` to `to_ns`, a stretch outside of which it is zero.
    pub(super) fn levels(&self, from_ns: u64, to_ns: u64) -> Vec<Level> {
        let mut levels = Vec::with_capacity(self.buckets.len() + 2);
        let mut covered = 0.0;
        for (start, end, integral) in self.integrals() {
            let ns = end.min(to_ns).saturating_sub(start.max(from_ns)) as f64;
            if ns > 0.0 {
                // Whatever sums leave behind of what cancels out is nothing.
                let value = integral / ns;
                levels.push(Level { value: if value.abs() < 1e-9 { 0.0 } else { value.max(0.0) }, ns });
                covered += ns;
            }
        }
        let rest = to_ns.saturating_sub(from_ns) as f64 - covered;
        if rest > 0.5 {
            levels.push(Level { value: 0.0, ns: rest });
        }
        levels
    }

    /// Its mean over the buckets that lie wholly between two moments.
    pub(super) fn mean_between(&self, from_ns: u64, to_ns: u64) -> Option<f64> {
        let inside = self.integrals().filter(|(start, end, _)| from_ns <= *start && *end <= to_ns);
        let (sum, ns) =
            inside.fold((0.0, 0.0), |(sum, ns), (start, end, integral)| (sum + integral, ns + (end - start) as f64));
        (ns > 0.0).then(|| sum / ns)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mean(levels: &[Level]) -> f64 {
        levels.iter().map(|level| level.value * level.ns).sum::<f64>() / levels.iter().map(|l| l.ns).sum::<f64>()
    }

    proptest! {
        #[test]
        fn the_mean_is_exact_in_whatever_order_and_however_long(
            spans in prop::collection::vec((0u64..1 << 36, 1u64..1 << 34), 1..60),
        ) {
            let mut curve = Curve::default();
            spans.iter().for_each(|(from, length)| curve.raise(*from, from + length, 1.0));
            let first = spans.iter().map(|(from, _)| *from).min().expect("some");
            let last = spans.iter().map(|(from, length)| from + length).max().expect("some");
            let exact = spans.iter().map(|(_, length)| *length as f64).sum::<f64>() / (last - first) as f64;
            let found = mean(&curve.levels(first, last));
            prop_assert!((found - exact).abs() < 1e-6 * exact, "{found} {exact}");
            prop_assert!(curve.buckets.len() <= BUCKETS);
        }
    }

    #[test]
    fn a_level_that_holds_is_found_and_the_rest_is_zero() {
        let mut curve = Curve::default();
        (0..8).for_each(|_| curve.raise(1 << 20, 3 << 20, 1.0));
        let levels = curve.levels(0, 4 << 20);
        assert!((mean(&levels) - 4.0).abs() < 1e-9);
        let of = |value: f64| levels.iter().filter(|l| l.value == value).map(|l| l.ns).sum::<f64>();
        assert_eq!((of(8.0), of(0.0)), (f64::from(2 << 20), f64::from(2 << 20)));
        assert_eq!(curve.mean_between(1 << 20, 2 << 20), Some(8.0));
    }

    #[test]
    fn nothing_has_no_levels() {
        assert!(Curve::default().levels(5, 5).is_empty());
        assert_eq!(Curve::default().mean_between(0, 10), None);
    }
}
