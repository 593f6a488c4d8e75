//! Percentiles of everything that was seen, exactly: all values are kept.

use serde_json::{Value, json};

/// Values of one kind.
#[derive(Debug, Default, Clone)]
pub struct Spread(Vec<f64>);

impl Spread {
    /// One more.
    pub fn add(&mut self, value: f64) {
        self.0.push(value);
    }

    /// All of another, which is then empty.
    pub fn append(&mut self, other: &mut Self) {
        self.0.append(&mut other.0);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Percentiles between 0 and 1, of the nearest rank; zero where there is nothing.
    pub fn at<const N: usize>(&mut self, shares: [f64; N]) -> [f64; N] {
        self.0.sort_unstable_by(f64::total_cmp);
        let last = self.0.len().saturating_sub(1) as f64;
        shares.map(|share| self.0.get((share * last).round() as usize).copied().unwrap_or(0.0))
    }

    /// Count, mean and the main percentiles as a JSON object.
    pub fn json(&mut self) -> Value {
        let [p50, p90, p99] = self.at([0.5, 0.9, 0.99]);
        let avg = self.0.iter().sum::<f64>() / self.0.len().max(1) as f64;
        json!({"count": self.0.len(), "avg": avg, "p50": p50, "p90": p90, "p99": p99})
    }
}

impl FromIterator<f64> for Spread {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_seen() {
        let mut spread: Spread = (0..=100).rev().map(f64::from).collect();
        assert_eq!(spread.at([0.0, 0.5, 0.99, 1.0]), [0.0, 50.0, 99.0, 100.0]);
        assert_eq!(Spread::default().at([0.5]), [0.0]);
    }
}
