//! The results as a person reads them: what failed, the tables, what to know about them, and where the files are.
//! Makes text; whoever calls it prints it. Knows reports, not how their numbers came about.

use std::fmt::Write;
use std::path::Path;

use aiperf_abi::{AuditGrade, Calibration, ErrorCount, FileInfo, MetricResult, Report};
use comfy_table::{Cell, CellAlignment, ContentArrangement, Table};
use comfy_table::{ContentLineStyle, LineStyle, TableStyle};
use console::Style;

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
/// Width of the file that keeps what the console showed.
const FILE_WIDTH: usize = 140;
/// Width below which a table would have nothing left.
const NARROWEST: usize = 50;

/// Columns after the name, as they stand.
const COLUMNS: [Column; 7] = [
    Column { head: "avg", of: |metric| Some(number(metric.avg)) },
    Column { head: "min", of: |metric| Some(number(metric.distribution.as_ref()?.min)) },
    Column { head: "max", of: |metric| Some(number(metric.distribution.as_ref()?.max)) },
    Column { head: "p99", of: |metric| percentile(metric, 99.0) },
    Column { head: "p90", of: |metric| percentile(metric, 90.0) },
    Column { head: "p50", of: |metric| percentile(metric, 50.0) },
    Column { head: "std", of: |metric| Some(number(metric.distribution.as_ref()?.std)) },
];
/// Columns a narrow screen does without, in this order.
const DISPENSABLE: [&str; 6] = ["std", "p90", "min", "max", "p50", "p99"];

struct Column {
    head: &'static str,
    of: fn(&MetricResult) -> Option<String>,
}

/// Where text is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Screen {
    /// Characters of a line.
    pub width: usize,
    /// Whether colours mean anything there.
    pub colour: Colour,
}

/// Whether colours mean anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// A file, a pipe, or somebody who does not want them.
    Plain,
    /// A terminal.
    Ansi,
}

impl Screen {
    /// The standard output of this process. Colours only on a terminal, and not against `NO_COLOR`.
    pub fn stdout() -> Self {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        match console::Term::stdout().size_checked() {
            // Some terminals do not know how wide they are.
            Some((_, width)) => Self {
                width: usize::from(width).max(NARROWEST),
                colour: if unwanted || !console::colors_enabled() { Colour::Plain } else { Colour::Ansi },
            },
            None => Self::file(),
        }
    }

    /// A text file.
    pub fn file() -> Self {
        Self { width: FILE_WIDTH, colour: Colour::Plain }
    }

    fn paint(self, style: Style, text: &str) -> String {
        match self.colour {
            Colour::Plain => text.to_owned(),
            Colour::Ansi => style.force_styling(true).apply_to(text).to_string(),
        }
    }
}

/// What the end of the output points to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Footer<'a> {
    /// The files that were written.
    pub files: &'a [FileInfo],
    /// The log file, if there is one.
    pub log: Option<&'a Path>,
}

/// Everything about a finished run.
pub fn results(report: &Report, footer: &Footer<'_>, screen: Screen) -> String {
    let mut text = String::new();
    if !report.error_summary.is_empty() {
        section(&mut text, screen, "Error Summary", &errors(&report.error_summary, screen));
    }
    if let Some((title, rows)) = steady(report) {
        section(&mut text, screen, &title, &metrics(&rows, screen));
    }
    for group in groups(report) {
        let rows: Vec<&MetricResult> =
            report.metrics.iter().filter(|metric| metric.group.as_deref() == Some(group)).collect();
        section(&mut text, screen, &title(report, group), &metrics(&rows, screen));
    }
    for notice in &report.notices {
        let _ = writeln!(text, "{}", screen.paint(Style::new().yellow(), &wrapped("! ", notice, screen.width)));
    }
    if !report.notices.is_empty() {
        text.push('\n');
    }
    text.push_str(&closing(report, footer));
    text
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
        let _ = write!(title, " | {}", harmless(&report.metrics_title));
    }
    let mut letters = group.chars();
    if let Some(first) = letters.next().filter(|_| group != MAIN) {
        let _ = write!(title, ": {}{}", first.to_uppercase(), letters.as_str().replace('_', " "));
    }
    title
}

/// The steady part of the run, where there is one.
fn steady(report: &Report) -> Option<(String, Vec<&MetricResult>)> {
    let state = report.steady_state.as_ref().filter(|state| state.found)?;
    let rows: Vec<_> = STEADY.iter().filter_map(|tag| state.metrics.iter().find(|metric| metric.tag == *tag)).collect();
    let whole = state.warmup_sec + state.duration_sec + state.drain_sec;
    let title = format!("{BRAND} | Steady State: {} of {} sec", number(state.duration_sec), number(whole));
    (!rows.is_empty()).then_some((title, rows))
}

/// A table under its centred title.
fn section(text: &mut String, screen: Screen, title: &str, table: &str) {
    let width = width_of(table);
    let indent = width.saturating_sub(title.chars().count()) / 2;
    let _ = writeln!(text, "{:indent$}{}", "", screen.paint(Style::new().bold(), title));
    for line in table.lines() {
        let _ = writeln!(text, "{}", painted(line, screen));
    }
    text.push('\n');
}

/// Names and headers stand out; numbers stay as they are, so that they can be read on any background.
fn painted(line: &str, screen: Screen) -> String {
    if screen.colour == Colour::Plain {
        return line.to_owned();
    }
    if line.starts_with('┃') {
        return screen.paint(Style::new().bold(), line);
    }
    match line.strip_prefix('│').and_then(|rest| rest.split_once('│')) {
        Some((name, rest)) => format!("│{}│{rest}", screen.paint(Style::new().cyan(), name)),
        None => line.to_owned(),
    }
}

fn metrics(rows: &[&MetricResult], screen: Screen) -> String {
    let mut columns: Vec<&Column> = COLUMNS.iter().collect();
    let mut table = metric_table(rows, &columns);
    for head in DISPENSABLE {
        if width_of(&table) <= screen.width {
            break;
        }
        columns.retain(|column| column.head != head);
        table = metric_table(rows, &columns);
    }
    table
}

fn metric_table(rows: &[&MetricResult], columns: &[&Column]) -> String {
    let mut table = heavy_table();
    let right = |text: String| Cell::new(text).set_alignment(CellAlignment::Right);
    let heads = columns.iter().map(|column| right(column.head.to_owned()));
    table.set_header(std::iter::once(right("Metric".to_owned())).chain(heads).collect::<Vec<_>>());
    for metric in rows {
        let numbers = columns.iter().map(|column| right((column.of)(metric).unwrap_or_else(not_available)));
        table.add_row(std::iter::once(right(name(metric))).chain(numbers).collect::<Vec<_>>());
    }
    table.to_string()
}

fn errors(counts: &[ErrorCount], screen: Screen) -> String {
    let mut table = heavy_table();
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(u16::try_from(screen.width).unwrap_or(u16::MAX));
    let right = |text: String| Cell::new(text).set_alignment(CellAlignment::Right);
    table.set_header(["Code", "Type", "Message", "Count"]);
    for ErrorCount { error_details, count } in counts.iter().take(LISTED_ERRORS) {
        table.add_row([
            right(error_details.code.map_or_else(not_available, |code| code.to_string())),
            Cell::new(harmless(&error_details.kind)),
            Cell::new(harmless(&error_details.message)),
            right(grouped(&count.to_string())),
        ]);
    }
    let unlisted = &counts[counts.len().min(LISTED_ERRORS)..];
    if !unlisted.is_empty() {
        let count: u64 = unlisted.iter().map(|entry| entry.count).sum();
        let words = format!("{} other failures, listed in the summary file", unlisted.len());
        table.add_row([right(String::new()), Cell::new("…"), Cell::new(words), right(grouped(&count.to_string()))]);
    }
    table.to_string()
}

/// What a server says goes to a terminal without its control characters, and not at any length.
fn harmless(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut words = clean.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = words.char_indices().nth(MESSAGE_CHARS) {
        words.truncate(end);
        words.push('…');
    }
    words
}

fn heavy_table() -> Table {
    let mut table = Table::new();
    table.load_style(
        TableStyle::new()
            .top_border(LineStyle::new('┏', '━', '┳', '┓'))
            .header_lines(ContentLineStyle::new('┃', '┃', '┃'))
            .header_separator(LineStyle::new('┡', '━', '╇', '┩'))
            .content_lines(ContentLineStyle::new('│', '│', '│'))
            .bottom_border(LineStyle::new('└', '─', '┴', '┘')),
    );
    table
}

fn width_of(table: &str) -> usize {
    // The first line is drawn of characters one cell wide.
    table.lines().next().map_or(0, |line| line.chars().count())
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

fn wrapped(bullet: &str, sentence: &str, width: usize) -> String {
    let (mut text, mut column) = (bullet.to_owned(), bullet.len());
    for word in sentence.split_whitespace() {
        let length = word.chars().count();
        if column > bullet.len() {
            if column + 1 + length > width {
                let _ = write!(text, "\n{:indent$}", "", indent = bullet.len());
                column = bullet.len();
            } else {
                text.push(' ');
                column += 1;
            }
        }
        text.push_str(word);
        column += length;
    }
    text
}

fn closing(report: &Report, footer: &Footer<'_>) -> String {
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
    for file in footer.files {
        let _ = writeln!(text, "{}: {}", file.kind, file.path);
    }
    if let Some(log) = footer.log {
        let _ = writeln!(text, "Log File: {}", log.display());
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
mod tests;
