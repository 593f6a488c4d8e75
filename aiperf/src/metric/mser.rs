//! Where a run stops warming up: MSER-5 (White 1997; White, Cobb and Spratt 2000). Of the means of batches of five
//! observations in their order, as many are cut off as make the standard error of the mean of the rest smallest, but
//! never more than half. Whether the rest is steady is seen by comparing its halves (after Geweke 1992): their means
//! must be within 5 % of each other, or within what their scatter explains. In fixed memory: when there are too many
//! batches, each two become one.

/// Observations of a batch to begin with.
const BATCH: u64 = 5;
/// Batches that are kept; at twice as many, each two become one.
const BATCHES: usize = 512;
/// Batches below which nothing can be said.
const FEWEST: usize = 10;

/// Difference of the halves' means that makes no difference, as a share of the mean.
const NO_DIFFERENCE: f64 = 0.05;
/// Standard errors by which halves of a steady series may differ.
const STANDARD_ERRORS: f64 = 3.0;

/// Words for a report.
pub(super) const METHOD: &str = "MSER-5 on request latency in the order of completion, the rest checked by comparing its \
                                 halves (Geweke); drain from the last send on";

/// A series as it goes by.
#[derive(Debug, Clone)]
pub(super) struct Mser {
    size: u64,
    batches: Vec<Batch>,
    open: Batch,
    open_count: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Batch {
    mean: f64,
    /// When the first observation of the batch was made.
    from_ns: u64,
}

impl Default for Mser {
    fn default() -> Self {
        Self { size: BATCH, batches: Vec::new(), open: Batch::default(), open_count: 0 }
    }
}

impl Mser {
    /// Takes in the next observation.
    pub(super) fn add(&mut self, at_ns: u64, value: f64) {
        if self.open_count == 0 {
            self.open = Batch { mean: 0.0, from_ns: at_ns };
        }
        self.open_count += 1;
        self.open.mean += (value - self.open.mean) / self.open_count as f64;
        if self.open_count < self.size {
            return;
        }
        self.batches.push(self.open);
        self.open_count = 0;
        if self.batches.len() == 2 * BATCHES {
            let halves = self.batches.chunks_exact(2);
            self.batches = halves
                .map(|pair| Batch { mean: f64::midpoint(pair[0].mean, pair[1].mean), from_ns: pair[0].from_ns })
                .collect();
            self.size *= 2;
        }
    }

    /// The moment from which on the series is steady.
    ///
    /// # Errors
    /// A sentence that says why there is none.
    pub(super) fn steady_from_ns(&self) -> Result<u64, String> {
        let count = self.batches.len();
        if count < FEWEST {
            return Err(format!("fewer than {} requests succeeded", FEWEST as u64 * self.size));
        }
        let mut best = (f64::INFINITY, 0);
        // From the end on, so that every rest is the one before with a batch more.
        let (mut n, mut mean, mut squares) = (0.0, 0.0, 0.0);
        for (cut, batch) in self.batches.iter().enumerate().rev() {
            n += 1.0;
            let apart = batch.mean - mean;
            mean += apart / n;
            squares += apart * (batch.mean - mean);
            if cut <= count / 2 && squares / (n * n) <= best.0 {
                best = (squares / (n * n), cut);
            }
        }
        let (earlier, later) = self.batches[best.1..].split_at((count - best.1) / 2);
        if !agree(earlier, later) {
            return Err(
                "latency was still changing in the second half: the run is too short, or the server overloaded"
                    .to_owned(),
            );
        }
        Ok(self.batches[best.1].from_ns)
    }
}

/// Whether the means of two stretches differ by no more than makes no difference, or than their scatter explains.
fn agree(earlier: &[Batch], later: &[Batch]) -> bool {
    let moments = |batches: &[Batch]| {
        let n = batches.len() as f64;
        let mean = batches.iter().map(|batch| batch.mean).sum::<f64>() / n;
        let squares: f64 = batches.iter().map(|batch| (batch.mean - mean).powi(2)).sum();
        (mean, squares / (n - 1.0).max(1.0) / n)
    };
    let ((one, one_error), (two, two_error)) = (moments(earlier), moments(later));
    let explained = (STANDARD_ERRORS * (one_error + two_error).sqrt()).max(NO_DIFFERENCE * (one + two).abs() / 2.0);
    (one - two).abs() <= explained
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn series(count: u64, level: impl Fn(u64) -> f64) -> Mser {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let mut mser = Mser::default();
        (0..count).for_each(|n| mser.add(n, level(n) + rng.random_range(-5.0..5.0)));
        mser
    }

    #[test]
    fn a_warm_up_is_cut_where_it_ends() {
        let mser = series(2000, |n| if n < 200 { 300.0 - n as f64 } else { 100.0 });
        let from = mser.steady_from_ns().expect("steady");
        assert!((190..=230).contains(&from), "{from}");
    }

    #[test]
    fn a_steady_series_loses_little() {
        let from = series(2000, |_| 100.0).steady_from_ns().expect("steady");
        assert!(from < 500, "{from}");
    }

    #[test]
    fn a_quiet_stretch_near_the_end_does_not_make_the_rest_a_warm_up() {
        // Now and then a few are a little slower, but not at the end.
        let series = series(2000, |n| if n % 100 < 10 && n < 1700 { 103.0 } else { 100.0 });
        assert!(series.steady_from_ns().is_ok());
    }

    #[test]
    fn a_series_that_never_settles_has_no_steady_state() {
        let error = series(2000, |n| n as f64).steady_from_ns().expect_err("growing");
        assert!(error.contains("still changing"), "{error}");
        assert!(series(20, |_| 1.0).steady_from_ns().expect_err("short").contains("fewer than 50"));
    }

    #[test]
    fn memory_does_not_grow_and_the_cut_stays() {
        let mser = series(400_000, |n| if n < 60_000 { 300.0 } else { 100.0 });
        assert!(mser.batches.len() <= 2 * BATCHES);
        let from = mser.steady_from_ns().expect("steady");
        assert!((59_000..=62_000).contains(&from), "{from}");
    }
}
