//! All console exporters of a run, in the order in which they are shown. One that fails leaves out its own blocks only.

use aiperf_abi::{Block, ConsoleExporter, Page};

/// What is built in stands here, the first of these first; what is not stands between the steady part and the metrics.
const PLACES: [&str; 6] = ["errors", "steady_state", "", "metrics", "notices", "summary"];

/// The console exporters of a run.
#[derive(Default)]
pub struct Consoles {
    live: Vec<(String, Box<dyn ConsoleExporter>)>,
}

impl std::fmt::Debug for Consoles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.live.iter().map(|(name, _)| name)).finish()
    }
}

impl Consoles {
    /// Adds an exporter under the name of its entry.
    pub fn add(&mut self, name: impl Into<String>, exporter: Box<dyn ConsoleExporter>) {
        let place = |name: &str| {
            let of = |wanted: &str| PLACES.iter().position(|place| *place == wanted);
            of(name).or(of("")).unwrap_or_default()
        };
        let name = name.into();
        let at = self.live.partition_point(|(other, _)| place(other) <= place(&name));
        self.live.insert(at, (name, exporter));
    }

    /// What all of them say, and which could not.
    pub fn render(&mut self, page: &Page) -> (Vec<Block>, Vec<String>) {
        let (mut blocks, mut failures) = (Vec::new(), Vec::new());
        for (name, exporter) in &mut self.live {
            match exporter.render(page) {
                Ok(more) => blocks.extend(more),
                Err(error) => failures.push(format!("console_exporter `{name}` failed: {error}")),
            }
        }
        (blocks, failures)
    }
}
