//! `cost`: what each request would cost at the prices of a hosted API, as a metric like those of aiperf: in the table, in the
//! summaries, and in the line of each request.

use aiperf_abi::{Context, Error, MetricDeclaration, Plugin, Record, RecordBatch, RecordProcessor, Result};
use serde::Deserialize;

/// What `--plugin-option cost.KEY=VALUE` may say. A key that is not here is an error before anything is sent.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CostConfig {
    /// Dollars for a million tokens sent: `--plugin-option cost.input_price=0.15`.
    input_price: f64,
    /// Dollars for a million tokens received.
    output_price: f64,
}

impl Default for CostConfig {
    fn default() -> Self {
        Self { input_price: 0.15, output_price: 0.60 }
    }
}

/// Adds the metric `request_cost`.
#[derive(Debug)]
pub struct CostProcessor {
    prices: CostConfig,
}

impl Plugin for CostProcessor {
    fn new(cx: &Context<'_>) -> Result<Self> {
        let prices: CostConfig = cx.config()?;
        if prices.input_price < 0.0 || prices.output_price < 0.0 {
            return Err(Error::invalid_config("cost.input_price and cost.output_price are dollars, 0 or more"));
        }
        Ok(Self { prices })
    }
}

impl RecordProcessor for CostProcessor {
    fn metrics(&mut self) -> Result<Vec<MetricDeclaration>> {
        // Tag in files, name on the screen, unit. `group: None` keeps a metric off the screen.
        Ok(vec![MetricDeclaration::new("request_cost", "Request Cost", "microdollars")])
    }

    fn process(&mut self, batch: RecordBatch<'_>) -> Result<Vec<Vec<Option<f64>>>> {
        // A row for each record, a value in it for each metric above.
        batch.iter().map(|record| Ok(vec![self.cost(&record?)])).collect()
    }
}

impl CostProcessor {
    /// Millionths of a dollar; nothing where the request failed, or its endpoint does not count what it sends.
    fn cost(&self, record: &Record) -> Option<f64> {
        let count = |tag: &str| record.metrics.get(tag)?.value.as_f64();
        let sent = count("input_sequence_length")?;
        let received = count("output_sequence_length").unwrap_or(0.0);
        // A dollar for a million is a millionth of a dollar for one.
        Some(sent * self.prices.input_price + received * self.prices.output_price)
    }
}
