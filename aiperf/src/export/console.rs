//! The built-in tables of the end of a run: what failed, the steady part, the metrics, what to know about them, and where
//! the files are. They make blocks; who draws them, where and how wide is not known here.

use std::fmt::Write;

use aiperf_abi::{
    AuditGrade, Block, Calibration, Column, ConsoleExporter, Context, ErrorCount, FileInfo, MetricResult, Page, Plugin,
    Report, Result, TableBlock,
};

/// The product's name in titles.
const BRAND: &str = "aiperf";
/// Group of the main table.
const MAIN: &str = "default";
/// Tables in the order they are printed; the main one is last, where the eye is when the run ends.
const GROUPS: [&str; 2] = ["effective", "usage"];
/// Metrics of the table of the steady part.
const STEADY: [&str; 5] =
    ["time_to_first_token", "request_latency", "inter_token_latency", "output_token_throughput", "request_throughput"];
/// A longer name has its unit on a line of its own.
const ONE_LINE_HEADER: usize = 30;
/// Different failures that are listed; files have all.
const LISTED_ERRORS: usize = 20;
/// Characters of an error message that are shown.
const MESSAGE_CHARS: usize = 300;
/// Stands behind a percentile of too few samples; a notice explains it.
const UNCERTIFIED: &str = "*";

/// Columns after the name, as they stand.
const COLUMNS: [Statistic; 7] = [
    Statistic { dispensable: 0, head: "avg", of: |metric| Some(number(metric.avg)) },
    Statistic { dispensable: 4, head: "min", of: |metric| Some(number(metric.distribution.as_ref()?.min)) },
    Statistic { dispensable: 3, head: "max", of: |metric| Some(number(metric.distribution.as_ref()?.max)) },
    Statistic { dispensable: 1, head: "p99", of: |metric| percentile(metric, 99.0) },
    Statistic { dispensable: 5, head: "p90", of: |metric| percentile(metric, 90.0) },
    Statistic { dispensable: 2, head: "p50", of: |metric| percentile(metric, 50.0) },
    Statistic { dispensable: 6, head: "std", of: |metric| Some(number(metric.distribution.as_ref()?.std)) },
];
struct Statistic {
    /// See [`Column::dispensable`].
    dispensable: u32,
    head: &'static str,
    of: fn(&MetricResult) -> Option<String>,
}

/// Declares a console exporter without settings.
macro_rules! console_exporter {
    ($(#[$doc:meta])* $class:ident, $page:ident => $blocks:expr) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $class;

        impl Plugin for $class {
            fn new(_: &Context<'_>) -> Result<Self> {
                Ok(Self)
            }
        }

        impl ConsoleExporter for $class {
            fn render(&mut self, $page: &Page) -> Result<Vec<Block>> {
                Ok($blocks)
            }
        }
    };
}

console_exporter! {
    /// The entry `errors`: failures by kind.
    ErrorsConsole, page => errors(&page.report.error_summary).into_iter().collect()
}

console_exporter! {
    /// The entry `steady_state`: the main metrics of the part without warm-up and drain.
    SteadyStateConsole, page => steady(&page.report).into_iter().collect()
}

console_exporter! {
    /// The entry `metrics`: a table for each group of metrics, the main one last.
    MetricsConsole, page => groups(&page.report)
        .into_iter()
        .map(|group| {
            let of_group = page.report.metrics.iter().filter(|metric| metric.group.as_deref() == Some(group));
            metrics(title(&page.report, group), of_group)
        })
        .collect()
}

console_exporter! {
    /// The entry `notices`: what a reader should know about the numbers.
    NoticesConsole, page => page.report.notices.iter().cloned().map(Block::Notice).collect()
}

console_exporter! {
    /// The entry `summary`: the command, the audit of the client, and where the files are.
    SummaryConsole, page => vec![Block::Text(closing(&page.report, &page.files))]
}

/// Groups that have something to show, the main one last.
fn groups(report: &Report) -> Vec<&str> {
    let present: Vec<&str> = report.metrics.iter().filter_map(|metric| metric.group.as_deref()).collect();
    let mut groups: Vec<&str> = GROUPS.into_iter().filter(|group| present.contains(group)).collect();
    for group in &present {
        if !groups.contains(group) && *group != MAIN {
            groups.push(group);
        }
    }
    groups.extend(present.contains(&MAIN).then_some(MAIN));
    groups
}

fn title(report: &Report, group: &str) -> String {
    let mut title = BRAND.to_owned();
    if !report.metrics_title.is_empty() {
        let _ = write!(title, " | {}", report.metrics_title);
    }
    let mut letters = group.chars();
    if let Some(first) = letters.next().filter(|_| group != MAIN) {
        let _ = write!(title, ": {}{}", first.to_uppercase(), letters.as_str().replace('_', " "));
    }
    title
}

/// The steady part of the run, where there is one.
fn steady(report: &Report) -> Option<Block> {
    let state = report.steady_state.as_ref().filter(|state| state.found)?;
    let rows: Vec<_> = STEADY.iter().filter_map(|tag| state.metrics.iter().find(|metric| metric.tag == *tag)).collect();
    let whole = state.warmup_sec + state.duration_sec + state.drain_sec;
    let title = format!("{BRAND} | Steady State: {} of {} sec", number(state.duration_sec), number(whole));
    (!rows.is_empty()).then(|| metrics(title, rows))
}

fn metrics<'a>(title: String, rows: impl IntoIterator<Item = &'a MetricResult>) -> Block {
    let heads = COLUMNS.iter().map(|column| Column::right(column.head).dispensable(column.dispensable));
    let empty = TableBlock::new(title, std::iter::once(Column::right("Metric")).chain(heads));
    Block::Table(rows.into_iter().fold(empty, |table, metric| {
        let numbers = COLUMNS.iter().map(|column| (column.of)(metric).unwrap_or_else(not_available));
        table.row(std::iter::once(name(metric)).chain(numbers))
    }))
}

fn errors(counts: &[ErrorCount]) -> Option<Block> {
    if counts.is_empty() {
        return None;
    }
    let columns = [Column::right("Code"), Column::left("Type"), Column::left("Message"), Column::right("Count")];
    let mut table = TableBlock::new("Error Summary", columns);
    for ErrorCount { error_details, count } in counts.iter().take(LISTED_ERRORS) {
        table = table.row([
            error_details.code.map_or_else(not_available, |code| code.to_string()),
            shortened(&error_details.kind),
            shortened(&error_details.message),
            grouped(&count.to_string()),
        ]);
    }
    let unlisted = &counts[counts.len().min(LISTED_ERRORS)..];
    if !unlisted.is_empty() {
        let count: u64 = unlisted.iter().map(|entry| entry.count).sum();
        let words = format!("{} other failures, listed in the summary file", unlisted.len());
        table = table.row([String::new(), "…".to_owned(), words, grouped(&count.to_string())]);
    }
    Some(Block::Table(table))
}

/// What a server says, on one line and not at any length.
fn shortened(text: &str) -> String {
    let clean = text.replace(char::is_control, " ");
    let mut words = clean.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = words.char_indices().nth(MESSAGE_CHARS) {
        words.truncate(end);
        words.push('…');
    }
    words
}

fn name(metric: &MetricResult) -> String {
    let gap = if metric.header.chars().count() > ONE_LINE_HEADER { '\n' } else { ' ' };
    format!("{}{gap}({})", metric.header, metric.unit)
}

fn not_available() -> String {
    "N/A".to_owned()
}

/// A percentile, marked where there are too few samples to claim it.
fn percentile(metric: &MetricResult, percent: f64) -> Option<String> {
    let distribution = metric.distribution.as_ref()?;
    let mark = if distribution.uncertified(percent).is_some() { UNCERTIFIED } else { "" };
    Some(format!("{}{mark}", number(distribution.percentile(percent)?)))
}

/// Two decimals, thousands apart: `1,234.56`.
fn number(value: f64) -> String {
    grouped(&format!("{value:.2}"))
}

fn grouped(number: &str) -> String {
    let (sign, rest) = number.strip_prefix('-').map_or(("", number), |rest| ("-", rest));
    let (whole, fraction) = rest.split_at(rest.find('.').unwrap_or(rest.len()));
    let mut text = sign.to_owned();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text + fraction
}

fn closing(report: &Report, files: &[FileInfo]) -> String {
    let mut text = String::new();
    if let Some(command) = report.run_info.get("cli_command").and_then(|command| command.as_str()) {
        let _ = writeln!(text, "CLI Command: {command}");
    }
    let mark = if report.was_cancelled { " (cancelled early)" } else { "" };
    match report.metric("benchmark_duration") {
        Some(duration) => {
            let _ = writeln!(text, "Benchmark Duration: {} {}{mark}", number(duration.avg), duration.unit);
        }
        None => {
            let _ = writeln!(text, "Benchmark Duration: {}{mark}", not_available());
        }
    }
    let grade = match report.audit.grade {
        AuditGrade::Good => "good",
        AuditGrade::Fair => "fair",
        AuditGrade::Poor => "poor: the client was a bottleneck",
    };
    let cpu = report.audit.client_cpu_share.map(|share| format!(", client CPU {:.0} %", share * 100.0));
    let lag = report.audit.schedule_lag_p99_ms.map(|lag| format!(", schedule lag p99 {lag:.2} ms"));
    let details = format!("{}{}", cpu.unwrap_or_default(), lag.unwrap_or_default());
    let _ = writeln!(text, "Client Audit: {grade}{details}");
    if let Some(calibration) = &report.audit.calibration {
        let _ = writeln!(text, "Calibration: {}", calibrated(report, calibration));
    }
    if let Some(reason) = report.incomplete_reason.as_ref().filter(|_| !report.is_complete) {
        let _ = writeln!(text, "Incomplete: {reason}");
    }
    for file in files {
        let _ = writeln!(text, "{}: {}", file.kind, file.path);
    }
    text
}

/// What is known of this machine at a load like the run's.
fn calibrated(report: &Report, calibration: &Calibration) -> String {
    let mean = |tag| report.metric(tag).map_or(0.0, |metric| metric.avg);
    // Little's law.
    let in_flight = mean("request_throughput") * mean("request_latency") / 1e3;
    let mut text = calibration.made_at.get(..10).unwrap_or_default().to_owned();
    if let Some(error) = calibration.at(in_flight) {
        let _ = write!(
            text,
            ", TTFT error p99 {:.2} ms and ITL error p99 {:.2} ms with {} requests in flight",
            error.ttft_error_ms.p99, error.itl_error_ms.p99, error.concurrency
        );
    }
    if let Some(share) = report.audit.calibrated_load_share {
        let _ = write!(text, "; this run was {:.0} % of the largest load", share * 100.0);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        for (value, text) in
            [(0.0, "0.00"), (999.999, "1,000.00"), (1234.56, "1,234.56"), (-1234.5, "-1,234.50"), (1e6, "1,000,000.00")]
        {
            assert_eq!(number(value), text);
        }
    }
}
