//! Benchmarks with the generated plugins, as the READMEs of their packages say, and what can be seen of each plugin.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::package::{Author, ended};
use crate::server::{self, EchoServer};

/// Requests of a benchmark.
const REQUESTS: usize = 10;
/// Tokens of every input.
const INPUT_TOKENS: u32 = 100;

/// What a run has left.
struct Run {
    screen: String,
    folder: PathBuf,
}

impl Run {
    fn text(&self, name: &str) -> String {
        let path = self.folder.join(name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// The average of a metric.
    #[track_caller]
    fn of(&self, tag: &str) -> f64 {
        let summary = self.summary();
        summary[tag]["avg"].as_f64().unwrap_or_else(|| panic!("{tag} is missing in {summary:#}"))
    }

    fn summary(&self) -> Value {
        serde_json::from_str(&self.text("profile_export_aiperf.json")).unwrap()
    }

    fn records(&self) -> Vec<Value> {
        self.text("profile_export.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// `aiperf profile` with these arguments, to a good end. The name is that of its folder.
fn profile(author: &Author, name: &str, arguments: &[&str]) -> Run {
    let artifacts = author.place(name);
    let screen =
        author.aiperf(&[&["profile", "--output-artifact-dir", artifacts.to_str().unwrap()], arguments].concat());
    Run { screen, folder: only_folder(&artifacts) }
}

fn only_folder(inside: &Path) -> PathBuf {
    let mut folders = fs::read_dir(inside).unwrap().map(|entry| entry.unwrap().path());
    let first = folders.next().expect("the run has a folder");
    assert_eq!(folders.next(), None, "one run, one folder");
    first
}

/// Benchmarks the echo server at a URL.
fn profile_echo(author: &Author, name: &str, url: &str, more: &[&str]) -> Run {
    let (requests, tokens) = (REQUESTS.to_string(), INPUT_TOKENS.to_string());
    let mut arguments = vec!["--model", "echo-model", "--url", url, "--endpoint-type", "echo"];
    arguments.extend(["--tokenizer", "gpt2", "--synthetic-input-tokens-mean", &tokens, "--request-count", &requests]);
    arguments.extend(["--concurrency", "4"]);
    arguments.extend(more);
    let run = profile(author, name, &arguments);
    for file in ["profile_export_aiperf.csv", "inputs.json"] {
        assert!(run.folder.join(file).is_file(), "{file} is not in {}", run.folder.display());
    }
    assert_eq!(run.records().len(), REQUESTS, "one record for each request");
    assert_eq!(run.of("request_count"), REQUESTS as f64);
    run
}

pub(crate) fn an_endpoint_makes_the_bodies_and_reads_the_replies(author: &Author) {
    let server = EchoServer::start(&author.example("echo_server"));

    let whole = profile_echo(author, "whole", &server.url(), &["--extra-inputs", "echo_prefix:[ECHO] "]);
    assert!(whole.screen.contains("Echo Metrics"), "the table has the title of the manifest:\n{}", whole.screen);
    assert_eq!(whole.of("input_sequence_length"), f64::from(INPUT_TOKENS));
    // The reply is the input behind two prefixes: the endpoint's, set above, and the server's.
    let longer = whole.summary()["output_sequence_length"]["min"].as_f64().unwrap() - f64::from(INPUT_TOKENS);
    assert!((2.0..20.0).contains(&longer), "{longer} tokens for the two prefixes");
    assert_eq!(whole.summary()["time_to_first_token"], Value::Null, "nothing was streamed");

    let streamed = profile_echo(author, "streamed", &server.url(), &["--streaming"]);
    assert!(streamed.screen.contains("Time to First Token"), "{}", streamed.screen);
    assert!(streamed.of("time_to_first_token") < streamed.of("request_latency"), "the words came one after the other");
    // The server pauses after each word, and a word is at least one token.
    assert!(streamed.of("inter_chunk_latency") >= server::DELAY_MS as f64, "{} ms", streamed.of("inter_chunk_latency"));
    let served = server.stop();
    assert!(served.contains("/echo"), "the server said where it listens: {served}");
}

pub(crate) fn a_transport_is_chosen_by_the_url(author: &Author) {
    let server = EchoServer::start(&author.example("echo_server"));
    let socket = author.place("echo.sock");
    server.listen_at(&socket);
    let url = format!("unix://{}", socket.display());
    let run = profile_echo(author, "unix", &url, &["--streaming"]);
    assert!(run.of("inter_chunk_latency") >= server::DELAY_MS as f64, "the words came as they were sent");
    let plugins = run.summary()["run_info"]["plugins"].to_string();
    assert!(plugins.contains("my_transport:UnixTransport"), "{plugins}");
}

/// So many requests of 100 tokens, answered with 10, by the engine inside aiperf.
fn profile_sim(author: &Author, name: &str, more: &[&str]) -> Run {
    let arguments = ["--url", "sim://?ttft=2ms&itl=0", "--streaming", "--isl", "100", "--osl", "10"];
    profile(author, name, &[&arguments, more].concat())
}

pub(crate) fn a_metric_and_a_file_are_among_those_of_aiperf(author: &Author) {
    let prices = ["--plugin-option", "cost.input_price=3", "--plugin-option", "cost.output_price=15"];
    let percentiles = ["--plugin-option", "markdown.percentiles=[50]"];
    let run = profile_sim(author, "cost", &[&["--request-count", "10"], &prices[..], &percentiles].concat());
    assert_eq!(run.of("request_cost"), 100.0 * 3.0 + 10.0 * 15.0);
    assert!(run.screen.contains("Request Cost (microdollars)"), "{}", run.screen);
    let csv = run.text("profile_export_aiperf.csv");
    assert!(csv.contains("Request Cost (microdollars),450.00"), "{csv}");
    let records = run.records();
    assert!(records.iter().all(|record| record["metrics"]["request_cost"]["value"] == 450.0), "{records:?}");

    assert!(run.screen.contains("Markdown Export: "), "{}", run.screen);
    let markdown = run.text("profile_export_aiperf.md");
    assert!(markdown.starts_with("## LLM Metrics\n\n| Metric | avg | p50 |\n"), "{markdown}");
    // Plugins see each other's metrics.
    assert!(markdown.contains("| Request Cost (microdollars) | 450.00 |"), "{markdown}");
    let ids: Vec<&str> = records.iter().filter_map(|record| record["metadata"]["x_request_id"].as_str()).collect();
    assert_eq!(ids.iter().filter(|id| markdown.contains(**id)).count(), 3, "the slowest three: {markdown}");
}

pub(crate) fn a_strategy_says_when(author: &Author) {
    const PAUSE_NS: i64 = 20_000_000;
    let batches = ["--plugin-option", "batches.size=4", "--plugin-option", "batches.pause=20"];
    let limits = ["--timing-strategy", "batches", "--concurrency", "4", "--request-count", "12"];
    let run = profile_sim(author, "batches", &[&limits[..], &batches].concat());
    let time = |record: &Value, key: &str| record["metadata"][key].as_i64().unwrap();
    let mut spans: Vec<(i64, i64)> =
        run.records().iter().map(|record| (time(record, "request_start_ns"), time(record, "request_end_ns"))).collect();
    spans.sort_unstable();
    assert_eq!(spans.len(), 12);
    let batches: Vec<_> = spans.chunks(4).collect();
    for pair in batches.windows(2) {
        let last_end = pair[0].iter().map(|(_, end)| end).max().unwrap();
        assert!(pair[1][0].0 >= last_end + PAUSE_NS, "a batch begins a pause after the one before: {spans:?}");
    }
}

pub(crate) fn a_loader_says_what(author: &Author) {
    let chats = "system: You help customers.\nuser: Where is my parcel?\nassistant: It left the depot on Monday.\n\
                 user: And when is it here?\n\nuser: Do you deliver on Sundays?\n";
    let file = author.place("chats.txt");
    fs::write(&file, chats).unwrap();
    let file = file.to_str().unwrap();
    let told = author.aiperf(&["validate", file]);
    assert!(told.contains("transcript"), "a file is known by its first line: {told}");
    let run =
        profile(author, "chats", &["--url", "sim://?ttft=2ms&itl=0", "--input-file", file, "--num-sessions", "2"]);
    assert_eq!(run.of("request_count"), 3.0, "each turn of each chat");
    let inputs = run.text("inputs.json");
    for words in ["You help customers.", "Where is my parcel?", "And when is it here?", "Do you deliver on Sundays?"] {
        assert!(inputs.contains(words), "{words}: {inputs}");
    }

    fs::write(file, "user: Hello!\nbye\n").unwrap();
    let output = ended(&mut author.aiperf_in("", &["profile", "--url", "sim://", "--input-file", file]));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && said.contains("chats.txt:2: the row names no speaker"), "{said}");
}

pub(crate) fn a_handler_fails_a_run_that_got_worse(author: &Author) {
    let file = author.place("baseline.json");
    let option = format!("baseline.path={}", file.display());
    let run = profile_sim(author, "first", &["--request-count", "5", "--plugin-option", &option]);
    let baseline: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    assert!((baseline["request_latency"].as_f64().unwrap() - run.of("request_latency")).abs() < 1e-9, "{baseline}");

    let artifacts = author.place("second");
    let slower = ["--url", "sim://?ttft=500ms&itl=0", "--streaming", "--concurrency", "5", "--request-count", "5"];
    let mut arguments =
        vec!["profile", "--output-artifact-dir", artifacts.to_str().unwrap(), "--plugin-option", &option];
    arguments.extend(slower);
    let output = ended(&mut author.aiperf_in("", &arguments));
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    for told in ["result_handler `baseline` failed: ", "worse than ", "request_latency is ", " and was "] {
        assert!(said.contains(told), "`{told}` is missing in {said}");
    }
    assert!(only_folder(&artifacts).join("profile_export_aiperf.json").is_file(), "the results are there all the same");
}
