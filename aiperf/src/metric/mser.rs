//! Where a run stops warming up: MSER-5 (White 1997; White, Cobb and Spratt 2000). Of the means of batches of five
//! observations in their order, as many are cut off as make the standard error of the mean of the rest smallest; a cut
//! in the later half says that there is no steady state in the series. In fixed memory: when there are too many
//! batches, each two become one.

/// Observations of a batch to begin with.
const BATCH: u64 = 5;
/// Batches that are kept; at twice as many, each two become one.
const BATCHES: usize = 512;
/// Batches below which nothing can be said.
const FEWEST: usize = 10;

/// Words for a report.
pub(super) const METHOD: &str = "MSER-5 on request latency in the order of completion; drain from the last send on";

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
            // A rest of a few batches can be steady by chance.
            if cut + FEWEST / 2 <= count && squares / (n * n) <= best.0 {
                best = (squares / (n * n), cut);
            }
        }
        if best.1 > count / 2 {
            return Err(
                "latency was still changing in the second half: the run is too short, or the server overloaded"
                    .to_owned(),
            );
        }
        Ok(self.batches[best.1].from_ns)
    }
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
