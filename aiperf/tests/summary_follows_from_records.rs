//! The law of the house that every summary can be recomputed from the record file alone: a run's records and summary
//! are written by the real exporters, then read back, and all statistics are computed again, exactly and the slow way.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use aiperf::clock::Clock;
use aiperf::credit::Phase;
use aiperf::export::{Exporters, JsonExporter, RecordsExporter, TimeslicesJsonExporter};
use aiperf::facts::{Facts, Network};
use aiperf::metric::{Aggregate, Applicability, Measures, RecordEncoder, Slice, Slos, Window};
use aiperf::reply::Connection;
use aiperf_abi::author::context::Setup;
use aiperf_abi::{
    Context, EndpointMetadata, ErrorDetails, Host, Level, ModelEndpoint, Plugin, Report, TimeSlice, Usage, Value, json,
};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

const PHASE_START_NS: u64 = 5_000_000;

struct Quiet;

impl Host for Quiet {
    fn log_enabled(&self, _: Level) -> bool {
        false
    }
    fn log(&self, _: Level, _: &str) {}
    fn now_ns(&self) -> u64 {
        0
    }
    fn derive_seed(&self, _: &str) -> u64 {
        0
    }
    fn share(&self) -> Box<dyn Host> {
        Box::new(Self)
    }
}

fn exporter<T: Plugin>(dir: &Path) -> T {
    let dir = serde_json::value::to_raw_value(&dir.display().to_string()).expect("text");
    let setup = Setup { artifact_dir: Some(&dir), ..Setup::default() };
    T::new(&Context::new("exporter", setup, &Quiet)).expect("a fresh folder")
}

/// Requests of all sorts: warm-up, failed, cancelled, with reasoning, of one token, with and without the server's counts.
fn request(rng: &mut ChaCha8Rng, number: u64) -> Facts {
    let intended_ns = PHASE_START_NS + number * 3_000_000;
    let start_ns = intended_ns + rng.random_range(0..2_000_000u64);
    let chunks = rng.random_range(1..30usize);
    let mut at = start_ns + rng.random_range(5_000_000..400_000_000u64);
    let content_ns: Vec<u64> = (0..chunks)
        .map(|_| {
            at += rng.random_range(10_000..9_000_000u64);
            at
        })
        .collect();
    let failed = number % 11 == 3;
    let output = rng.random_range(1..200u64);
    let reasoning = if number.is_multiple_of(3) { rng.random_range(0..90u64) } else { 0 };
    let input = rng.random_range(1..3000u64);
    let mut usage = Usage::default();
    if !number.is_multiple_of(5) {
        usage.prompt_tokens = Some(input + rng.random_range(0..400u64));
        usage.completion_tokens = Some(output + reasoning);
        usage.prompt_cache_read_tokens = Some(input / 2);
    }
    Facts {
        phase: if number < 20 { Phase::Warmup } else { Phase::Profiling },
        session_num: number,
        x_request_id: format!("request-{number}"),
        x_correlation_id: format!("session-{number}"),
        conversation_id: format!("session_{number:06}"),
        turn_index: 0,
        worker: (number % 4) as u32,
        intended_ns,
        start_ns,
        connection: Connection::default(),
        sent_bytes: 0,
        sent_ns: Some(start_ns + 1000),
        head_ns: (!failed).then_some(start_ns + 2000),
        network: Network { chunks: chunks as u64, bytes: 500, first_ns: Some(start_ns + 2000), last_ns: Some(at) },
        images: number % 3,
        first_output_ns: content_ns.get(chunks / 2).copied(),
        end_ns: at + rng.random_range(0..1_000_000u64),
        content_ns: if failed { Vec::new() } else { content_ns },
        input_tokens: Some(input),
        output_tokens: Some(output),
        reasoning_tokens: Some(reasoning),
        requested_output_tokens: number.is_multiple_of(2).then_some(100),
        usage,
        finish_reason: None,
        error: failed.then(|| ErrorDetails {
            code: Some(if number.is_multiple_of(2) { 499 } else { 500 }),
            kind: "Failure".into(),
            message: "maximum context length exceeded".into(),
        }),
        cancelled_ns: (failed && number.is_multiple_of(2)).then_some(at),
    }
}

fn run(dir: &Path) {
    let metadata = EndpointMetadata {
        supports_streaming: true,
        tokenizes_input: true,
        produces_tokens: true,
        ..EndpointMetadata::default()
    };
    let endpoint = ModelEndpoint { streaming: true, ..ModelEndpoint::default() };
    let applicability = Applicability::new(&metadata, &endpoint);
    let slos = Slos::parse("time_to_first_token:200 request_latency:400").expect("objectives");
    let measures = Measures { slos, slice_ns: Some(300_000_000), shows_trace: false };
    let clock = Clock::start();
    let encoder = RecordEncoder::new(applicability, &measures, clock);
    let mut exporters = Exporters::default();
    exporters.add("jsonl", Box::new(exporter::<RecordsExporter>(dir)));
    exporters.add("json", Box::new(exporter::<JsonExporter>(dir)));
    exporters.add("timeslice_json", Box::new(exporter::<TimeslicesJsonExporter>(dir)));

    let mut aggregate = Aggregate::new(applicability, &measures);
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let mut lines = String::new();
    let mut end_ns = 0;
    for number in 0..700 {
        let facts = request(&mut rng, number);
        encoder.encode(&facts, &mut lines);
        if facts.phase == Phase::Profiling {
            end_ns = end_ns.max(facts.end_ns);
            aggregate.add(&facts);
        }
        if number % 64 == 63 {
            assert!(exporters.records(&lines).is_empty());
            lines.clear();
        }
    }
    assert!(exporters.records(&lines).is_empty());

    let mut report = Report::default();
    let window = Window { start_ns: PHASE_START_NS, end_ns };
    let wall = |ns| clock.wall_ns(ns);
    report.metrics = aggregate.finish(window);
    report.window_ns = (wall(window.start_ns), wall(window.end_ns));
    let mut steady = aggregate.steady_state(window);
    (steady.start_ns, steady.end_ns) = (wall(steady.start_ns), wall(steady.end_ns));
    report.steady_state = Some(steady);
    let slice = |slice: Slice| TimeSlice {
        start_ns: wall(slice.window.start_ns),
        end_ns: wall(slice.window.end_ns),
        is_complete: slice.is_complete,
        metrics: slice.metrics,
    };
    report.timeslices = aggregate.slices(window).into_iter().map(slice).collect();
    report.error_summary = aggregate.errors();
    let (files, failures) = exporters.finish(&report);
    assert_eq!((files.len(), failures.len()), (3, 0));
}

/// Everything of the record file that counts.
#[derive(Default)]
struct Recomputed {
    values: BTreeMap<String, Vec<f64>>,
    valid: f64,
    failed: f64,
    overflows: f64,
    mismatches: f64,
    good: f64,
    discrepancies: f64,
    first_start: f64,
    last_content: f64,
    last_end: f64,
    phase_start: f64,
}

impl Recomputed {
    fn read(path: &Path) -> Self {
        let mut all = Self { first_start: f64::INFINITY, ..Self::default() };
        let mut earliest_credit = f64::INFINITY;
        for line in fs::read_to_string(path).expect("records").lines() {
            let record: Value = serde_json::from_str(line).expect("a whole line");
            // Relative to the first credit, so that nanoseconds of the wall clock fit a float.
            let time = |key: &str| record["metadata"][key].as_u64().map(|ns| (ns % 1_000_000_000_000_000) as f64);
            earliest_credit = earliest_credit.min(time("credit_issued_ns").expect("always there"));
            if record["metadata"]["benchmark_phase"] == "profiling" {
                all.take(&record, &time);
            }
        }
        all.phase_start = earliest_credit;
        all
    }

    fn take(&mut self, record: &Value, time: &dyn Fn(&str) -> Option<f64>) {
        let mut one = BTreeMap::new();
        for (tag, metric) in record["metrics"].as_object().expect("an object") {
            let value = &metric["value"];
            let list = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
            let numbers: Vec<f64> = list.iter().map(|value| value.as_f64().expect("a number")).collect();
            one.insert(tag.as_str(), numbers[0]);
            self.values.entry(tag.clone()).or_default().extend(numbers);
        }
        self.last_end = self.last_end.max(time("request_end_ns").expect("always there"));
        if let Some(error) = record.get("error") {
            self.failed += 1.0;
            let overflow = error["message"].as_str().is_some_and(|message| message.contains("context length"));
            self.overflows += f64::from(u8::from(overflow));
            return;
        }
        self.valid += 1.0;
        self.good += f64::from(u8::from(record["good"] == true));
        let start = time("request_start_ns").expect("always there");
        self.first_start = self.first_start.min(start);
        self.last_content = self.last_content.max(start + one["request_latency"] * 1e6);
        if let Some(pct) = one.get("osl_mismatch_diff_pct") {
            let length = one["output_sequence_length"];
            let requested = (length / (1.0 + pct / 100.0)).round();
            self.mismatches += f64::from(u8::from((length - requested).abs() > (0.05 * requested).min(50.0)));
        }
        let off = |tag: &str| one.get(tag).is_some_and(|pct| *pct > 10.0);
        let discrepancy = off("usage_prompt_tokens_diff_pct") || off("usage_completion_tokens_diff_pct");
        self.discrepancies += f64::from(u8::from(discrepancy));
    }

    fn sum(&self, tag: &str) -> f64 {
        self.values.get(tag).map_or(0.0, |values| values.iter().sum())
    }

    fn scalars(&self) -> BTreeMap<String, f64> {
        let window = (self.last_end - self.phase_start) / 1e9;
        let (isl, osl) = (self.sum("input_sequence_length"), self.sum("output_sequence_length"));
        let mut scalars = BTreeMap::from(
            [
                ("benchmark_duration", (self.last_content - self.first_start) / 1e9),
                ("request_throughput", self.valid / window),
                ("good_request_count", self.good),
                ("goodput", self.good / window),
                ("good_request_fraction", self.good / (self.valid + self.failed)),
                ("output_token_throughput", osl / window),
                ("input_token_throughput", isl / window),
                ("total_token_throughput", (isl + osl) / window),
                ("request_count", self.valid),
                ("error_request_count", self.failed),
                ("context_overflow_count", self.overflows),
                ("osl_mismatch_count", self.mismatches),
                ("usage_discrepancy_count", self.discrepancies),
                ("completed_request_count", self.valid + self.failed),
                ("request_error_rate", 100.0 * self.failed / (self.valid + self.failed)),
                ("total_isl", isl),
                ("total_osl", osl),
                ("total_output_tokens", self.sum("output_token_count")),
                ("total_reasoning_tokens", self.sum("reasoning_token_count")),
                ("total_error_isl", self.sum("error_isl")),
                (
                    "overall_usage_prompt_cache_read_pct",
                    100.0 * self.sum("usage_prompt_cache_read_tokens") / self.sum("usage_prompt_tokens"),
                ),
            ]
            .map(|(tag, value)| (tag.to_owned(), value)),
        );
        for tag in self.values.keys().filter(|tag| tag.starts_with("usage_") && !tag.ends_with("_pct")) {
            scalars.insert(format!("total_{tag}"), self.sum(tag));
        }
        scalars
    }
}

fn percentile(sorted: &[f64], percent: f64) -> f64 {
    let rank = percent / 100.0 * (sorted.len() - 1) as f64;
    let (low, high) = (sorted[rank.floor() as usize], sorted[rank.ceil() as usize]);
    low + (high - low) * rank.fract()
}

#[track_caller]
fn close(found: &Value, exact: f64, tolerance: f64, what: &str) {
    let found = found.as_f64().unwrap_or_else(|| panic!("{what} is missing"));
    assert!((found - exact).abs() <= tolerance * exact.abs().max(1e-9), "{what}: {found}, from the records {exact}");
}

fn is_metric(value: &Value) -> bool {
    value.get("unit").is_some() && value.get("avg").is_some()
}

#[test]
fn every_number_of_the_summary_follows_from_the_records() {
    let dir = tempfile::tempdir().expect("a folder");
    run(dir.path());
    let records = Recomputed::read(&dir.path().join("profile_export.jsonl"));
    let text = fs::read_to_string(dir.path().join("profile_export_aiperf.json")).expect("a summary");
    let summary: Value = serde_json::from_str(&text).expect("JSON");
    assert!(records.failed > 50.0 && records.valid > 500.0, "a sample of both");

    let scalars = records.scalars();
    let mut seen = 0;
    for (tag, metric) in summary.as_object().expect("an object").iter().filter(|(_, value)| is_metric(value)) {
        seen += 1;
        // Weighted by time: these are for the script.
        if metric.get("count").is_none() && metric.get("p50").is_some() {
            continue;
        }
        let Some(values) = records.values.get(tag) else {
            let exact = scalars.get(tag).unwrap_or_else(|| panic!("{tag} cannot be computed from the records"));
            close(&metric["avg"], *exact, 1e-9, tag);
            assert!(metric.get("count").is_none(), "{tag} is one number");
            continue;
        };
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        let (n, sum) = (sorted.len() as f64, sorted.iter().sum::<f64>());
        let mean = sum / n;
        let std = (sorted.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n).sqrt();
        assert_eq!(metric["count"], json!(sorted.len()), "{tag}");
        close(&metric["avg"], mean, 1e-9, &format!("avg of {tag}"));
        close(&metric["sum"], sum, 1e-9, &format!("sum of {tag}"));
        close(&metric["std"], std, 1e-9, &format!("std of {tag}"));
        close(&metric["min"], sorted[0], 1e-12, &format!("min of {tag}"));
        close(&metric["max"], sorted[sorted.len() - 1], 1e-12, &format!("max of {tag}"));
        for percent in [1.0, 5.0, 10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 99.0, 99.9, 99.99] {
            let name = format!("p{percent}");
            close(&metric[&name], percentile(&sorted, percent), 1e-3, &format!("{name} of {tag}"));
        }
    }
    let missing: Vec<_> =
        records.values.keys().chain(scalars.keys()).filter(|tag| summary.get(tag).is_none()).collect();
    assert!(missing.is_empty(), "in the records, not in the summary: {missing:?}");
    assert!(seen > 40, "{seen} metrics");
}

/// A script that shares no code with aiperf computes everything anew: distributions, what is weighted by time, the steady
/// part and the slices.
#[test]
fn a_script_of_its_own_finds_the_same_numbers_and_would_find_others() {
    let dir = tempfile::tempdir().expect("a folder");
    run(dir.path());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/recompute");
    let recompute = || {
        let output =
            Command::new("python3").arg(&script).arg(dir.path()).arg("--quiet").output().expect("python3 runs");
        (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    };
    let (code, said) = recompute();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("numbers compared, 0 differ"), "{said}");

    let path = dir.path().join("profile_export.jsonl");
    let text = fs::read_to_string(&path).expect("records");
    let without_one: Vec<&str> = text.lines().take(text.lines().count() - 2).collect();
    fs::write(&path, without_one.join("\n")).expect("a file");
    let (code, said) = recompute();
    assert!(code == Some(1) && said.contains("request_count") && said.contains("DIFFERS"), "{said}");
}

#[test]
fn the_error_summary_counts_the_failed_records() {
    let dir = tempfile::tempdir().expect("a folder");
    run(dir.path());
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for line in fs::read_to_string(dir.path().join("profile_export.jsonl")).expect("records").lines() {
        let record: Value = serde_json::from_str(line).expect("a whole line");
        if let Some(error) = record.get("error").filter(|_| record["metadata"]["benchmark_phase"] == "profiling") {
            *counts.entry(error.to_string()).or_default() += 1;
        }
    }
    let text = fs::read_to_string(dir.path().join("profile_export_aiperf.json")).expect("a summary");
    let summary: Value = serde_json::from_str(&text).expect("JSON");
    let told = summary["error_summary"].as_array().expect("a list");
    let told: BTreeMap<String, u64> = told
        .iter()
        .map(|entry| (entry["error_details"].to_string(), entry["count"].as_u64().expect("a count")))
        .collect();
    assert_eq!(told, counts);
    assert_eq!(told.len(), 2);
}
