//! What a person sees, at the widths people have.

use aiperf_abi::testing::construct;
use aiperf_abi::{
    ConsoleExporter, ErrorCount, ErrorDetails, FileInfo, MetricResult, Plugin, Report, SteadyState, Uncertified, json,
};

use super::*;
use crate::export::console::{ErrorsConsole, MetricsConsole, NoticesConsole, SteadyStateConsole, SummaryConsole};
use crate::export::tests::{metric, report, scalar};

fn placed(metric: MetricResult, group: &str) -> MetricResult {
    MetricResult { group: Some(group.into()), ..metric }
}

fn finished() -> Report {
    let mut report = report(vec![
        placed(metric("effective_latency", "Effective Latency", "ms", 130.2), "effective"),
        metric("time_to_first_token", "Time to First Token", "ms", 34.29),
        metric("request_latency", "Request Latency", "ms", 1126.914),
        metric("output_token_throughput_per_user", "Output Token Throughput Per User", "tokens/sec/user", 205.34),
        metric("output_sequence_length", "Output Sequence Length", "tokens", 20.0),
        scalar("request_throughput", "Request Throughput", "requests/sec", 33.07),
        scalar("completed_request_count", "Completed Requests (Success + Error)", "requests", 1_234_567.0),
        placed(metric("usage_prompt_tokens", "Usage Prompt Tokens", "tokens", 550.0), "usage"),
        MetricResult { group: None, ..scalar("benchmark_duration", "Benchmark Duration", "sec", 1.4923) },
    ]);
    report.run_info = json!({"cli_command": "aiperf profile --model mock-model --streaming"});
    report
}

fn files() -> Vec<FileInfo> {
    let file = |kind: &str, path: &str| FileInfo { kind: kind.into(), path: path.into() };
    vec![
        file("JSON Export", "artifacts/m/profile_export_aiperf.json"),
        file("Records Export", "artifacts/m/profile_export.jsonl"),
    ]
}

fn built_in() -> Consoles {
    fn add<T: Plugin + ConsoleExporter>(consoles: &mut Consoles, name: &str) {
        consoles.add(name, Box::new(construct::<T>(json!({})).unwrap()));
    }
    let mut consoles = Consoles::default();
    // In any order: what is built in has its place.
    add::<SummaryConsole>(&mut consoles, "summary");
    add::<NoticesConsole>(&mut consoles, "notices");
    add::<MetricsConsole>(&mut consoles, "metrics");
    add::<SteadyStateConsole>(&mut consoles, "steady_state");
    add::<ErrorsConsole>(&mut consoles, "errors");
    consoles
}

fn drawn(report: &Report, screen: Screen) -> String {
    let (text, failures) = results(&mut built_in(), &mut Page::new(report.clone(), files(), 0), screen);
    assert!(failures.is_empty(), "{failures:?}");
    text
}

fn shown(report: &Report, width: usize) -> String {
    drawn(report, Screen { width, colour: Colour::Plain })
}

#[test]
fn a_run_at_140_columns() {
    insta::assert_snapshot!(shown(&finished(), 140));
}

#[test]
fn a_run_at_100_columns() {
    insta::assert_snapshot!(shown(&finished(), 100));
}

#[test]
fn a_run_at_80_columns() {
    insta::assert_snapshot!(shown(&finished(), 80));
}

#[test]
fn a_run_with_failures_that_was_interrupted() {
    let mut report = finished();
    let details = |code, kind: &str, message: &str| ErrorDetails { code, kind: kind.into(), message: message.into() };
    report.error_summary = vec![
        ErrorCount {
            error_details: details(
                Some(500),
                "Internal Server Error",
                "{\"error\":\"the engine ran out of memory while it was scheduling\n\tthe batch\u{1b}[31m\"}",
            ),
            count: 1205,
        },
        ErrorCount { error_details: details(None, "ConnectionError", "connection refused"), count: 1 },
    ];
    report.was_cancelled = true;
    report.is_complete = false;
    report.incomplete_reason = Some("cancelled by the user after 40 of 60 requests".into());
    report.notices = vec![
        "The output is not as long as asked for in 4 of 10 requests (40 %): servers stop at the \
                           end-of-text token unless told otherwise."
            .into(),
    ];
    insta::assert_snapshot!(shown(&report, 100));
}

#[test]
fn a_percentile_of_too_few_samples_is_marked() {
    let mut latency = metric("request_latency", "Request Latency", "ms", 10.0);
    latency.distribution.as_mut().unwrap().uncertified = vec![Uncertified { percent: 99.0, needs: 662, has: 50 }];
    let text = shown(&report(vec![latency]), 140);
    assert!(text.contains(" 14.90* ┃") || text.contains(" 14.90* │"), "{text}");
    assert_eq!(text.matches('*').count(), 1);
}

#[test]
fn the_steady_part_has_a_small_table_before_the_main_one() {
    let mut report = finished();
    let steady = SteadyState {
        found: true,
        warmup_sec: 1.0,
        duration_sec: 8.5,
        drain_sec: 0.5,
        metrics: vec![metric("request_latency", "Request Latency", "ms", 100.0)],
        ..SteadyState::default()
    };
    report.steady_state = Some(steady);
    let text = shown(&report, 100);
    let place = |words: &str| text.find(words).unwrap_or_else(|| panic!("no {words} in {text}"));
    assert!(place("aiperf | Steady State: 8.50 of 10.00 sec") < place("Time to First Token"), "{text}");
    report.steady_state = Some(SteadyState { reason: Some("short".into()), ..SteadyState::default() });
    assert!(!shown(&report, 100).contains("Steady"));
}

#[test]
fn no_line_of_a_table_is_wider_than_the_screen() {
    for width in [60, 80, 100, 120, 140] {
        let text = shown(&finished(), width);
        for line in text.lines().filter(|line| line.starts_with(['┏', '┃', '┡', '│', '└'])) {
            assert!(line.chars().count() <= width, "{width}: {line}");
        }
    }
}

#[test]
fn a_narrow_screen_keeps_the_mean_and_whole_numbers() {
    let text = shown(&finished(), 60);
    assert!(text.contains(" avg ┃") && text.contains("1,234,567.00"), "{text}");
    assert!(!text.contains(" std ┃"));
}

#[test]
fn colours_are_only_added_never_needed() {
    let colourful = drawn(&finished(), Screen { width: 100, colour: Colour::Ansi });
    let plain = drawn(&finished(), Screen { width: 100, colour: Colour::Plain });
    assert!(colourful.contains("\u{1b}["));
    assert_eq!(console::strip_ansi_codes(&colourful), plain);
}

#[test]
fn a_server_cannot_paint_the_terminal_or_flood_it() {
    let details = ErrorDetails {
        code: Some(500),
        kind: "Bad\u{7}".into(),
        message: format!("\u{1b}[2Jgone {}", "x".repeat(5000)),
    };
    let mut report = report(Vec::new());
    report.error_summary = vec![ErrorCount { error_details: details, count: 1 }];
    let text = shown(&report, 80);
    assert!(!text.contains('\u{1b}') && !text.contains('\u{7}'));
    assert!(text.chars().count() < 2000);
}

#[test]
fn failures_beyond_the_first_twenty_are_counted_in_one_row() {
    let mut report = report(Vec::new());
    report.error_summary = (0..25)
        .map(|n| ErrorCount {
            error_details: ErrorDetails { code: Some(500), kind: "E".into(), message: format!("number {n} ends") },
            count: 2,
        })
        .collect();
    let text = shown(&report, 100);
    assert!(text.contains("number 19 ends") && !text.contains("number 20 ends"));
    assert!(text.contains("5 other failures") && text.contains(" 10 │"), "{text}");
}

#[test]
fn blocks_of_a_plugin_stand_before_the_metrics_and_are_drawn_like_ours() {
    struct Own;
    impl ConsoleExporter for Own {
        fn render(&mut self, page: &Page) -> aiperf_abi::Result<Vec<Block>> {
            let table = TableBlock::new("Own", [Column::left("What"), Column::right("Much").dispensable(1)]);
            Ok(vec![
                Block::Rule(format!("width {}", page.width)),
                Block::Table(table.row(["bell\u{7}", "2"]).row(["short"])),
                Block::Text("as it is\u{1b}[31m".to_owned()),
            ])
        }
    }
    struct Broken;
    impl ConsoleExporter for Broken {
        fn render(&mut self, _: &Page) -> aiperf_abi::Result<Vec<Block>> {
            Err(aiperf_abi::Error::msg("no idea"))
        }
    }
    let mut consoles = built_in();
    consoles.add("own", Box::new(Own));
    consoles.add("broken", Box::new(Broken));
    let screen = Screen { width: 80, colour: Colour::Plain };
    let (text, failures) = results(&mut consoles, &mut Page::new(finished(), files(), 0), screen);
    let place = |words: &str| text.find(words).unwrap_or_else(|| panic!("no {words} in {text}"));
    assert!(place(" width 80 ") < place("bell ") && place("as it is [31m") < place("Time to First Token"), "{text}");
    assert_eq!(failures, ["console_exporter `broken` failed: no idea"]);
}
