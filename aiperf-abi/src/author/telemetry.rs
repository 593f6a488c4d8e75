//! `gpu_telemetry_collector`: reads what the server's accelerators say of themselves, again and again while a run goes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::error::Result;

/// Reads the state of accelerators. It has a thread to itself and may wait for an answer.
///
/// A constructor that has nothing to read in this run returns [`Error::disabled`](super::error::Error::disabled).
///
#[cfg_attr(doc, doc = include_str!("../../reference/gpu_telemetry_collector.md"))]
pub trait GpuTelemetryCollector: Send + 'static {
    /// The state now: a sample for each accelerator.
    ///
    /// # Errors
    /// When it cannot be read. It is counted, and asked again at the next interval.
    fn collect(&mut self) -> Result<Vec<GpuSample>>;
}

service! {
    "gpu_telemetry_collector": GpuTelemetryCollector {
        collect() -> Vec<GpuSample>;
    }
}

/// One accelerator at one moment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GpuSample {
    /// Which, e.g. its number or UUID on its host.
    pub gpu: String,
    /// What it is, e.g. `NVIDIA H100`; empty where unknown.
    pub model: String,
    /// Name of a measure with its unit, e.g. `power_watts`, and its value.
    pub values: BTreeMap<String, f64>,
}
