//! What the suite finds: nothing in what is built in, whatever its category, and misdeeds in classes made for it. Those that a
//! library can do are in `tests/plugins/suite.rs`.

use std::sync::atomic::AtomicBool;

use aiperf_abi::{ParsedResponse, Payload};
use aiperf_abi::{Plugin, RequestInfo, Response, Result, SendFuture, Sink, TransportRequest};

use super::*;
use crate::builtin::table::BuiltIn;
use crate::plugin::category;

/// What the suite finds in a class.
fn suite<C: Tried + ?Sized>(settings: &Value, sample: Option<&Path>, new: &New<'_, C>) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut tell = |progress| match progress {
        Progress::Found(finding) => found.push(finding),
        Progress::Trying(_) => {}
    };
    Suite { settings, metadata: &json!({}), sample, tell: &mut tell }.class(new);
    found
}

/// The first that failed, and its words.
fn failed<C: Tried + ?Sized>(new: &New<'_, C>) -> String {
    let found = suite(&json!({}), None, new);
    let failed = found.iter().find(|finding| finding.outcome == Outcome::Failed);
    failed.map(|finding| format!("{}: {}", finding.check, finding.detail)).unwrap_or_default()
}

#[test]
fn every_category_has_checks() {
    let without: Vec<&str> = category::names().filter(|name| !CATEGORIES.contains(name)).collect();
    assert!(without.is_empty(), "the suite has no checks for {without:?}");
}

/// The settings and the file that a built-in class needs to do anything.
fn needs(class: &str) -> (Value, Option<&'static str>) {
    let rows = |text| (json!({}), Some(text));
    match class {
        "UserCentricStrategy" => (json!({"rate": 500.0, "users": 4, "mean_turns": 3.0, "max_turns": 3}), None),
        "CommandService" => (json!({"run": "exec sleep 60"}), None),
        "TemplateEndpoint" => (json!({"body": "{\"text\": {{ text|tojson }}}"}), None),
        "SingleTurnLoader" | "RandomPoolLoader" => {
            rows("{\"text\":\"one\"}\n\n{\"text\":\"two\"}\n{\"text\":\"three\"}\n")
        }
        "MultiTurnLoader" => {
            rows("{\"turns\":[{\"text\":\"one\"},{\"text\":\"two\"}]}\n{\"turns\":[{\"text\":\"three\"}]}\n")
        }
        "MooncakeTraceLoader" => rows(include_str!("../../../tests/data/traces/mooncake_conversation.jsonl")),
        "AzureTraceLoader" => rows(include_str!("../../../tests/data/traces/azure_llm_code.csv")),
        "BurstGptTraceLoader" => rows(include_str!("../../../tests/data/traces/burst_gpt.csv")),
        _ => (json!({}), None),
    }
}

/// Puts every built-in class of a category to the test; what is wrong with any, and how many of them lived a life.
fn lived<C: BuiltIn + Tried + ?Sized>(faults: &mut Vec<String>) -> usize {
    let folder = Folder::new();
    let mut count = 0;
    for (class, new) in C::CLASSES {
        let (settings, sample) = needs(class);
        let sample = sample.map(|text| folder.file(&format!("{class}.txt"), text.as_bytes()).expect("a file"));
        let new = move |cx: &Context<'_>| new(cx).map_err(LibraryError::New);
        let found = suite::<C>(&settings, sample.as_deref(), &new);
        let failed = found.iter().filter(|finding| finding.outcome == Outcome::Failed);
        faults.extend(failed.map(|finding| format!("{class}, {}: {}", finding.check, finding.detail)));
        count += usize::from(found.iter().any(|one| one.check == "a run" && one.outcome == Outcome::Passed));
    }
    count
}

#[test]
fn what_is_built_in_passes() {
    let mut faults = Vec::new();
    let faults = &mut faults;
    let lives = [
        ("endpoint", lived::<dyn Endpoint>(faults), <dyn Endpoint>::CLASSES.len()),
        // The engine inside asks no server.
        ("transport", lived::<dyn Transport>(faults), 1),
        ("data_exporter", lived::<dyn DataExporter>(faults), <dyn DataExporter>::CLASSES.len()),
        ("console_exporter", lived::<dyn ConsoleExporter>(faults), <dyn ConsoleExporter>::CLASSES.len()),
        ("timing_strategy", lived::<dyn TimingStrategy>(faults), <dyn TimingStrategy>::CLASSES.len()),
        ("arrival_pattern", lived::<dyn ArrivalPattern>(faults), <dyn ArrivalPattern>::CLASSES.len()),
        ("ramp", lived::<dyn Ramp>(faults), <dyn Ramp>::CLASSES.len()),
        // Those that are given a file.
        ("custom_dataset_loader", lived::<dyn CustomDatasetLoader>(faults), 5),
        // Nothing is fetched.
        ("public_dataset_loader", lived::<dyn PublicDatasetLoader>(faults), 0),
        ("dataset_composer", lived::<dyn DatasetComposer>(faults), <dyn DatasetComposer>::CLASSES.len()),
        ("dataset_backing_store", lived::<dyn DatasetBackingStore>(faults), <dyn DatasetBackingStore>::CLASSES.len()),
        ("dataset_sampler", lived::<dyn DatasetSampler>(faults), <dyn DatasetSampler>::CLASSES.len()),
        ("url_selection_strategy", lived::<dyn UrlSelectionStrategy>(faults), 1),
        ("plot", lived::<dyn Plot>(faults), 1),
        // Nobody says where results go, where accelerators are, and where whoever follows a run listens.
        ("result_handler", lived::<dyn ResultHandler>(faults), 0),
        ("gpu_telemetry_collector", lived::<dyn GpuTelemetryCollector>(faults), 0),
        ("communication", lived::<dyn Communication>(faults), 1),
        ("service", lived::<dyn Service>(faults), 1),
        ("service_manager", lived::<dyn ServiceManager>(faults), 1),
        ("ui", lived::<dyn Ui>(faults), <dyn Ui>::CLASSES.len()),
    ];
    let other: Vec<_> = lives.iter().filter(|(_, lived, expected)| lived != expected).collect();
    assert!(faults.is_empty() && other.is_empty(), "{}\n(category, lived, expected): {other:?}", faults.join("\n"));
}

#[test]
fn a_dialect_finds_content_in_what_is_of_its_dialect() {
    use crate::endpoint::ChatEndpoint;
    let new = |cx: &Context<'_>| Ok(Box::new(ChatEndpoint::new(cx).map_err(LibraryError::New)?) as Box<dyn Endpoint>);
    let found = suite::<dyn Endpoint>(&json!({}), None, &new);
    let told = found.iter().find(|finding| finding.check == "recorded replies").map(|finding| finding.detail.as_str());
    let count = told.and_then(|told| told.rsplit(' ').next()?.parse::<usize>().ok());
    assert!(count.is_some_and(|count| count >= 8), "{told:?}");
}

/// Reads differently when it is in a hurry.
struct Forgetful(AtomicBool);

impl Endpoint for Forgetful {
    fn format_payload(&self, _: RequestInfo<'_>) -> Result<Payload> {
        Ok(Payload::exact(json!({})))
    }

    fn parse_response(&self, _: Response<'_>) -> Result<Option<ParsedResponse>> {
        let other = self.0.fetch_xor(true, Ordering::Relaxed);
        Ok(Some(ParsedResponse::text(if other { "a" } else { "b" })))
    }
}

#[test]
fn state_that_threads_share_by_mistake_is_found() {
    let told = failed::<dyn Endpoint>(&|_| Ok(Box::new(Forgetful(AtomicBool::new(false)))));
    assert!(told.starts_with("many threads: ") && told.contains("read differently"), "{told}");
}

/// Goes on in a thread of its own whatever becomes of the request.
struct Stubborn;

impl Transport for Stubborn {
    fn send(&self, request: TransportRequest, mut sink: Sink) -> SendFuture {
        let (end, ended) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            use std::io::{Read, Write};
            let address = request.url["http://".len()..].split_once('/').map(|(host, path)| (host.to_owned(), path));
            let (host, path) = address.expect("a URL with a path");
            let Ok(mut stream) = std::net::TcpStream::connect(host) else {
                return end.send(Err(aiperf_abi::Error::msg("nobody is there"))).ok();
            };
            let head = format!("POST /{path} HTTP/1.1\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{{}}");
            stream.write_all(head.as_bytes()).ok()?;
            let (mut body, mut piece) = (Vec::new(), [0; 1024]);
            while !body.ends_with(b"0\r\n\r\n") {
                let length = stream.read(&mut piece).ok().filter(|length| *length > 0)?;
                body.extend_from_slice(&piece[..length]);
                if body.windows(4).any(|four| four == b"one ") && !body.ends_with(b"0\r\n\r\n") {
                    sink.chunk(b"one ");
                }
            }
            sink.chunk(super::transport::WHOLE);
            end.send(Ok(())).ok()
        });
        Box::pin(async move { ended.await.unwrap_or_else(|_| Err(aiperf_abi::Error::msg("it broke off"))) })
    }
}

#[test]
fn a_stream_that_outlives_its_request_is_found() {
    let told = failed::<dyn Transport>(&|_| Ok(Box::new(Stubborn)));
    assert!(told.starts_with("given up: ") && told.contains("a stream leaks"), "{told}");
}

#[test]
fn a_class_that_wants_settings_or_has_nothing_to_do_is_skipped() {
    let with = |error: fn() -> Error| {
        let found = suite::<dyn Endpoint>(&json!({}), None, &move |_| Err(LibraryError::New(error())));
        found.into_iter().map(|finding| (finding.check, finding.outcome)).collect::<Vec<_>>()
    };
    let skipped = vec![("constructor".to_owned(), Outcome::Skipped)];
    assert_eq!(with(|| Error::invalid_config("a URL is wanted")), skipped);
    assert_eq!(with(|| Error::disabled("no URL")), skipped);
    assert_eq!(with(|| Error::msg("no luck")), [("constructor".to_owned(), Outcome::Failed)]);
}
