//! Samples in, their summary out: for each accelerator and measure the mean, the extremes and the last.

use std::collections::BTreeMap;

use aiperf_abi::{GpuSample, Value, json};

/// What is known of all accelerators so far.
#[derive(Debug, Default)]
pub struct GpuSummary {
    gpus: BTreeMap<String, Gpu>,
}

#[derive(Debug, Default)]
struct Gpu {
    model: String,
    measures: BTreeMap<String, Measure>,
}

#[derive(Debug)]
struct Measure {
    count: u64,
    sum: f64,
    min: f64,
    max: f64,
    last: f64,
}

impl GpuSummary {
    /// Takes in a sample.
    pub fn add(&mut self, sample: &GpuSample) {
        let gpu = self.gpus.entry(sample.gpu.clone()).or_default();
        if !sample.model.is_empty() {
            gpu.model.clone_from(&sample.model);
        }
        for (name, value) in sample.values.iter().filter(|(_, value)| value.is_finite()) {
            let (value, none) = (*value, Measure { count: 0, sum: 0.0, min: *value, max: *value, last: *value });
            let measure = gpu.measures.entry(name.clone()).or_insert(none);
            measure.count += 1;
            measure.sum += value;
            measure.min = measure.min.min(value);
            measure.max = measure.max.max(value);
            measure.last = value;
        }
    }

    /// Accelerator to model and measures; null where there was no sample.
    pub fn to_json(&self) -> Value {
        if self.gpus.is_empty() {
            return Value::Null;
        }
        let one = |measure: &Measure| {
            json!({"avg": measure.sum / measure.count as f64, "min": measure.min, "max": measure.max,
                "last": measure.last, "count": measure.count})
        };
        let gpus = self.gpus.iter().map(|(name, gpu)| {
            let measures: BTreeMap<&String, Value> =
                gpu.measures.iter().map(|(name, measure)| (name, one(measure))).collect();
            (name.clone(), json!({"model": gpu.model, "measures": measures}))
        });
        Value::Object(gpus.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_become_a_mean_and_extremes() {
        let mut summary = GpuSummary::default();
        assert_eq!(summary.to_json(), Value::Null);
        for power in [100.0, 300.0, f64::NAN] {
            let values = [("power_watts".to_owned(), power)].into();
            summary.add(&GpuSample { gpu: "0".to_owned(), model: "M".to_owned(), values });
        }
        let expected = json!({"avg": 200.0, "min": 100.0, "max": 300.0, "last": 300.0, "count": 2});
        assert_eq!(summary.to_json()["0"]["measures"]["power_watts"], expected);
        assert_eq!(summary.to_json()["0"]["model"], "M");
    }
}
