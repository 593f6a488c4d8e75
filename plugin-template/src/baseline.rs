//! `baseline`: holds each run against the first one, and fails it where it got worse. aiperf then ends with code 1, which a
//! pipeline understands. The baseline is a file of averages; delete it to begin anew.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use aiperf_abi::{Context, Error, Host, Level, Map, Plugin, Report, Result, ResultHandler, Results, Value};
use serde::Deserialize;

/// What `--plugin-option baseline.KEY=VALUE` may say. A key that is not here is an error before anything is sent.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BaselineConfig {
    /// The file: `--plugin-option baseline.path=baseline.json`. Without it the handler stays out of the run.
    path: Option<PathBuf>,
    /// Tags of the metrics that are compared; of each, more is worse.
    metrics: Vec<String>,
    /// By how many percent they may grow.
    tolerance: f64,
    /// When it is called among other handlers; read by aiperf.
    #[serde(rename = "priority")]
    _priority: Option<i64>,
}

impl Default for BaselineConfig {
    fn default() -> Self {
        let metrics = ["request_latency", "time_to_first_token"].map(str::to_owned).to_vec();
        Self { path: None, metrics, tolerance: 10.0, _priority: None }
    }
}

/// Compares averages.
pub struct BaselineHandler {
    path: PathBuf,
    metrics: Vec<String>,
    tolerance: f64,
    host: Box<dyn Host>,
}

impl Plugin for BaselineHandler {
    fn new(cx: &Context<'_>) -> Result<Self> {
        let BaselineConfig { path, metrics, tolerance, .. } = cx.config()?;
        // A handler of a package is made in every run: one that was not asked for says so.
        let path = path.ok_or_else(|| Error::disabled("no path is given: --plugin-option baseline.path=FILE"))?;
        Ok(Self { path, metrics, tolerance, host: cx.host() })
    }
}

impl ResultHandler for BaselineHandler {
    fn handle(&mut self, results: &Results) -> Result<()> {
        let now = self.averages(&results.report);
        let Some(before) = read(&self.path)? else {
            std::fs::write(&self.path, format!("{:#}\n", Value::from(now)))?;
            self.host.log(Level::Info, &format!("{} is the baseline now", self.path.display()));
            return Ok(());
        };
        let most = 1.0 + self.tolerance / 100.0;
        let worse: Vec<String> = now
            .iter()
            .filter_map(|(tag, now)| Some((tag, now.as_f64()?, before[tag].as_f64()?)))
            .filter(|(_, now, before)| *now > before * most)
            .map(|(tag, now, before)| format!("{tag} is {now:.2} and was {before:.2}"))
            .collect();
        match worse.is_empty() {
            true => Ok(()),
            // An error of a handler is shown, and makes the run fail; its files are there all the same.
            false => Err(Error::msg(format!("worse than {}: {}", self.path.display(), worse.join(", ")))),
        }
    }
}

impl BaselineHandler {
    fn averages(&self, report: &Report) -> Map<String, Value> {
        self.metrics.iter().filter_map(|tag| Some((tag.clone(), report.metric(tag)?.avg.into()))).collect()
    }
}

/// The baseline, where there is one.
fn read(path: &Path) -> Result<Option<Value>> {
    let named = |error: Error| error.context(format!("reading {}", path.display()));
    match std::fs::read_to_string(path) {
        Ok(text) => text.parse().map(Some).map_err(|error| named(Error::from(error))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(named(error.into())),
    }
}
