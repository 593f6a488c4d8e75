//! The built-in plot: latencies by percentile, as SVG.

use std::fmt::Write;

use aiperf_abi::{Context, Figure, MetricResult, Plot, Plugin, Report, Result};

use super::NoSettings;

/// The entry `percentiles`: how the main latencies are distributed.
#[derive(Debug)]
pub struct PercentilesPlot;

/// Metrics that are drawn, and their colours.
const CURVES: [(&str, &str); 4] = [
    ("time_to_first_token", "#1f77b4"),
    ("inter_token_latency", "#2ca02c"),
    ("request_latency", "#d62728"),
    ("time_to_second_token", "#9467bd"),
];

const WIDTH: f64 = 800.0;
const HEIGHT: f64 = 440.0;
const LEFT: f64 = 80.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 48.0;
const BOTTOM: f64 = 56.0;

impl Plugin for PercentilesPlot {
    fn new(cx: &Context<'_>) -> Result<Self> {
        let NoSettings {} = cx.config()?;
        Ok(Self)
    }
}

impl Plot for PercentilesPlot {
    fn draw(&mut self, report: &Report) -> Result<Vec<Figure>> {
        let curves: Vec<(&MetricResult, &str)> = CURVES
            .iter()
            .filter_map(|(tag, colour)| Some((report.metric(tag)?, *colour)))
            .filter(|(metric, _)| points(metric).any(|(_, value)| value > 0.0))
            .collect();
        Ok(if curves.is_empty() { Vec::new() } else { vec![figure(&report.metrics_title, &curves)] })
    }
}

fn points(metric: &MetricResult) -> impl Iterator<Item = (f64, f64)> {
    metric.distribution.iter().flat_map(|distribution| distribution.percentiles.iter().copied())
}

/// Percentiles from left to right, each nine as wide as the one before it; values on a logarithmic axis.
fn figure(title: &str, curves: &[(&MetricResult, &str)]) -> Figure {
    let values = || curves.iter().flat_map(|(metric, _)| points(metric)).map(|(_, value)| value).filter(|v| *v > 0.0);
    let low = values().fold(f64::INFINITY, f64::min).log10().floor();
    let high = values().fold(0.0, f64::max).log10().ceil().max(low + 1.0);
    let nines = |percent: f64| -(1.0 - percent / 100.0).log10();
    let across = |percent: f64| LEFT + nines(percent) / nines(99.99) * (WIDTH - LEFT - RIGHT);
    let up = |value: f64| HEIGHT - BOTTOM - (value.log10() - low) / (high - low) * (HEIGHT - TOP - BOTTOM);

    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"{LEFT}\" y=\"18\" font-size=\"14\">aiperf | {}</text>\n",
        escaped(title)
    );
    let (bottom, right) = (HEIGHT - BOTTOM, WIDTH - RIGHT);
    for power in low as i32..=high as i32 {
        let (value, y) = (10_f64.powi(power), up(10_f64.powi(power)));
        let _ = writeln!(svg, "<line x1=\"{LEFT}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"#ddd\"/>");
        let _ = writeln!(svg, "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{value} ms</text>", LEFT - 6.0, y + 4.0);
    }
    for percent in [50.0, 90.0, 95.0, 99.0, 99.9, 99.99] {
        let x = across(percent);
        let _ = writeln!(svg, "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{bottom}\" stroke=\"#ddd\"/>");
        let _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">p{percent}</text>", bottom + 18.0);
    }
    for (place, (metric, colour)) in curves.iter().enumerate() {
        let path: Vec<String> = points(metric)
            .filter(|(_, value)| *value > 0.0)
            .map(|(percent, value)| format!("{:.1},{:.1}", across(percent), up(value)))
            .collect();
        let path = path.join(" ");
        let _ = writeln!(svg, "<polyline points=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>");
        let (x, y) = (LEFT + 180.0 * place as f64, HEIGHT - 12.0);
        let _ = writeln!(svg, "<text x=\"{x}\" y=\"{y}\" fill=\"{colour}\">{}</text>", escaped(&metric.header));
    }
    svg.push_str("</svg>\n");
    Figure { name: "percentiles".to_owned(), svg }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use aiperf_abi::json;
    use aiperf_abi::testing::construct;

    use super::*;
    use crate::export::tests::{metric, report};

    #[test]
    fn every_latency_that_was_measured_has_its_curve() {
        let mut plot: PercentilesPlot = construct(json!({})).unwrap();
        let ttft = metric("time_to_first_token", "Time to <First> Token", "ms", 34.0);
        let other = metric("request_throughput", "Request Throughput", "requests/sec", 5.0);
        let figures = plot.draw(&report(vec![ttft, other])).unwrap();
        assert_eq!((figures.len(), &*figures[0].name), (1, "percentiles"));
        let svg = &figures[0].svg;
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n") && !svg.contains("NaN"), "{svg}");
        assert_eq!(svg.matches("<polyline").count(), 1);
        assert!(svg.contains("Time to &lt;First&gt; Token"));
        assert!(plot.draw(&report(Vec::new())).unwrap().is_empty());
    }
}
