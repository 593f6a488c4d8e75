//! The entry `dcgm`: reads the page of NVIDIA's DCGM exporter. Any page of its names will do.

use std::collections::BTreeMap;
use std::time::Duration;

use aiperf_abi::{Context, Error, GpuSample, GpuTelemetryCollector, Plugin, Result};
use serde::Deserialize;

use super::prometheus::samples;

/// Names of the exporter, ours, and what one of its units is in ours.
const MEASURES: [(&str, &str, f64); 9] = [
    ("DCGM_FI_DEV_POWER_USAGE", "power_watts", 1.0),
    ("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", "energy_joules", 1e-3),
    ("DCGM_FI_DEV_GPU_UTIL", "utilization_percent", 1.0),
    ("DCGM_FI_DEV_MEM_COPY_UTIL", "memory_copy_utilization_percent", 1.0),
    ("DCGM_FI_DEV_FB_USED", "memory_used_mib", 1.0),
    ("DCGM_FI_DEV_FB_FREE", "memory_free_mib", 1.0),
    ("DCGM_FI_DEV_GPU_TEMP", "temperature_celsius", 1.0),
    ("DCGM_FI_DEV_SM_CLOCK", "sm_clock_mhz", 1.0),
    ("DCGM_FI_DEV_XID_ERRORS", "xid_errors", 1.0),
];

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// The entry `dcgm`.
#[derive(Debug)]
pub struct DcgmCollector {
    url: String,
    client: reqwest::Client,
    runtime: tokio::runtime::Runtime,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// The page.
    url: Option<String>,
    /// Seconds between two looks; the host reads it.
    #[serde(rename = "interval")]
    _interval: Option<f64>,
}

impl Plugin for DcgmCollector {
    fn new(cx: &Context<'_>) -> Result<Self> {
        let Settings { url, .. } = cx.config()?;
        let url =
            url.ok_or_else(|| Error::disabled("no page is given: --plugin-option dcgm.url=http://HOST:9400/metrics"))?;
        // Another part of the process may have chosen already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().timeout(PATIENCE).build()?;
        Ok(Self { url, client, runtime: tokio::runtime::Builder::new_current_thread().enable_all().build()? })
    }
}

impl GpuTelemetryCollector for DcgmCollector {
    fn collect(&mut self) -> Result<Vec<GpuSample>> {
        let page =
            self.runtime.block_on(async { self.client.get(&self.url).send().await?.error_for_status()?.text().await });
        Ok(of_page(&page.map_err(|error| Error::from(error).context(format!("cannot read {}", self.url)))?))
    }
}

fn of_page(page: &str) -> Vec<GpuSample> {
    let mut gpus: BTreeMap<String, GpuSample> = BTreeMap::new();
    for sample in samples(page) {
        let Some((_, name, factor)) = MEASURES.iter().find(|(theirs, ..)| *theirs == sample.name) else { continue };
        let label = |key: &str| sample.labels.get(key).cloned();
        let host = label("Hostname").map_or_else(String::new, |host| format!("{host}:"));
        let gpu = format!("{host}{}", label("gpu").or_else(|| label("UUID")).unwrap_or_default());
        let state = gpus.entry(gpu.clone()).or_insert_with(|| GpuSample { gpu, ..GpuSample::default() });
        state.model = label("modelName").unwrap_or_default();
        state.values.insert((*name).to_owned(), sample.value * factor);
    }
    gpus.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_a_sample_for_each_gpu_in_plain_units() {
        let page = "DCGM_FI_DEV_POWER_USAGE{gpu=\"0\",modelName=\"NVIDIA H100\",Hostname=\"n1\"} 412.5\n\
                    DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION{gpu=\"0\",Hostname=\"n1\"} 2000000\n\
                    DCGM_FI_DEV_POWER_USAGE{gpu=\"1\",modelName=\"NVIDIA H100\",Hostname=\"n1\"} 71\n\
                    DCGM_FI_DEV_SOMETHING_ELSE{gpu=\"1\",Hostname=\"n1\"} 3\n";
        let samples = of_page(page);
        assert_eq!(samples.iter().map(|one| &*one.gpu).collect::<Vec<_>>(), ["n1:0", "n1:1"]);
        assert_eq!(samples[0].values["energy_joules"], 2000.0);
        assert_eq!((samples[1].values.len(), samples[1].values["power_watts"]), (1, 71.0));
        assert_eq!(samples[1].model, "NVIDIA H100");
    }
}
