//! Percentiles of everything that was seen, exactly: both programs keep all values.

use std::time::Duration;

/// Values in nanoseconds.
#[derive(Debug, Default, Clone)]
pub(crate) struct Spread(Vec<u64>);

impl Spread {
    pub(crate) fn add(&mut self, value: Duration) {
        self.0.push(value.as_nanos() as u64);
    }

    pub(crate) fn append(&mut self, other: &mut Self) {
        self.0.append(&mut other.0);
    }

    /// Milliseconds, as a JSON object.
    pub(crate) fn json(&mut self) -> String {
        self.0.sort_unstable();
        let at = |share: f64| {
            let place = (share * self.0.len().saturating_sub(1) as f64).round() as usize;
            self.0.get(place).map_or(0.0, |nanos| *nanos as f64 / 1e6)
        };
        let mean = self.0.iter().sum::<u64>() as f64 / self.0.len().max(1) as f64 / 1e6;
        format!(
            r#"{{"count":{},"avg":{mean:.6},"p50":{:.6},"p90":{:.6},"p99":{:.6}}}"#,
            self.0.len(),
            at(0.5),
            at(0.9),
            at(0.99)
        )
    }
}
