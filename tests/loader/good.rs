//! Libraries that load, and do through the boundary what they do without it.

use std::io::Write;
use std::sync::{Arc, Mutex};

use aiperf::clock::Clock;
use aiperf::plugin::library::Library;
use aiperf::plugin::services::HostServices;
use aiperf::random::RootSeed;
use aiperf_abi::testing::{Fixture, MOCK_NOW_NS, construct, mock_event, mock_request, mock_response};
use aiperf_abi::{
    DataExporter, Endpoint, Host, Level, Map, Record, RecordBatch, RecordMetadata, Report, ResponseData, Value, json,
};
use aiperf_echo::EchoEndpoint;

use crate::support::{Copies, Listener, many, with_context};

/// The library of `plugins/echo`; cargo puts it beside this test, because it is a dev-dependency.
fn echo() -> &'static Library {
    let folder = std::env::current_exe().unwrap().parent().unwrap().to_owned();
    let file = format!("{}aiperf_echo{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    Library::open(&folder.join(file)).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn echo_does_the_same_in_its_library_as_beside_it() {
    assert_eq!(echo().exports(), ["endpoint:EchoEndpoint"]);
    let config = json!({"echo_prefix": "> "});
    let loaded =
        with_context(config.clone(), |cx| echo().make::<dyn Endpoint>("EchoEndpoint", cx)).map_err(|e| e.to_string());
    let (loaded, beside): (_, EchoEndpoint) = (loaded.unwrap(), construct(config).unwrap());
    let body = |endpoint: &dyn Endpoint| {
        let request = mock_request();
        let payload = endpoint.format_payload(request.info()).unwrap();
        assert_eq!(payload.content_type(), "application/json");
        serde_json::from_slice::<Value>(&payload.into_bytes(request.info()).unwrap()).unwrap()
    };
    assert_eq!(body(&*loaded), body(&beside));
    assert_eq!(body(&*loaded)["text"], "> Hello, world!");
    for reply in [mock_event(r#"{"echo": "hi"}"#), mock_response("plain"), mock_event(""), mock_response("[1]")] {
        let parsed = loaded.parse_response(reply.response()).unwrap();
        assert_eq!(parsed, beside.parse_response(reply.response()).unwrap());
    }
    assert_eq!(loaded.headers(mock_request().info()).unwrap(), []);
}

#[test]
fn a_class_is_told_entry_config_metadata_model_seed_and_clock() {
    let fixture = Fixture::new(json!({"words": "grüße"})).with_metadata(&json!({"metrics_title": null}));
    let host = HostServices::new("fixture_many", Clock::start(), 42);
    let before = host.now_ns();
    let endpoint = many().make::<dyn Endpoint>("Moody", &fixture.context(&host)).map_err(|e| e.to_string()).unwrap();
    let request = mock_request();
    let payload = endpoint.format_payload(request.info()).unwrap().into_bytes(request.info()).unwrap();
    let mut body: Map<String, Value> = serde_json::from_slice(&payload).unwrap();
    let now = body["told"].as_object_mut().unwrap().remove("now").unwrap();
    assert!((before..=host.now_ns()).contains(&now.as_u64().unwrap()));
    let told = json!({"entry": "test", "words": "grüße", "metadata": {"metrics_title": null}, "model": "test-model",
        "seed": RootSeed::new(42).derive("many"), "debug": false});
    assert_eq!(Value::Object(body), json!({"texts": ["Hello, world!"], "told": told}));
    assert_eq!(endpoint.headers(request.info()).unwrap(), [("x-model".to_owned(), "test-model".to_owned())]);
}

#[test]
fn extra_inputs_are_laid_over_what_a_library_formats() {
    let endpoint =
        with_context(json!({}), |cx| many().make::<dyn Endpoint>("Moody", cx)).map_err(|e| e.to_string()).unwrap();
    let mut request = mock_request();
    request.extra = Some(r#"{"temperature": 0, "texts": []}"#.into());
    let payload = endpoint.format_payload(request.info()).unwrap().into_bytes(request.info()).unwrap();
    let body: Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!(
        (&body["temperature"], &body["texts"], &body["told"]["now"]),
        (&json!(0), &json!([]), &json!(MOCK_NOW_NS))
    );
}

#[test]
fn what_a_library_logs_is_in_the_log_of_the_host_under_its_package() {
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);
    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber =
        tracing_subscriber::fmt().with_ansi(false).without_time().with_writer(move || writer.clone()).finish();
    tracing::subscriber::with_default(subscriber, || {
        let host = HostServices::new("fixture_many", Clock::start(), 42);
        many().make::<dyn Endpoint>("Moody", &Fixture::new(json!({"words": "care"})).context(&host)).map(drop).unwrap();
        // The hook that reports panics was given a host of its own, when the library was opened.
        let made = many().make::<dyn Endpoint>("Moody", &Fixture::new(json!({"panics": "new"})).context(&host));
        assert!(made.is_err());
    });
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let (made, panicked) = text.split_once('\n').unwrap();
    assert_eq!(made, " WARN plugin: made with `care` package=\"fixture_many\"");
    assert!(panicked.starts_with("ERROR plugin: panicked at "), "{panicked}");
    assert!(panicked.contains("many.rs:"), "{panicked}");
    assert!(panicked.ends_with(": no good at new package=\"fixture_many\"\n"), "{panicked}");
}

#[test]
fn a_handle_to_the_host_works_for_as_long_as_the_class_lives() {
    let listener = Listener::new();
    let endpoint = listener.with_context(json!({"words": "a"}), |cx| many().make::<dyn Endpoint>("Moody", cx));
    assert_eq!(listener.next(), (Level::Warn, "made with `a`".to_owned()));
    drop(endpoint);
}

#[test]
fn an_exporter_gets_records_and_report_and_tells_what_it_wrote() {
    let mut exporter = with_context(json!({}), |cx| many().make::<dyn DataExporter>("Counter", cx))
        .map_err(|e| e.to_string())
        .unwrap();
    for ids in [&["a", "b"][..], &[], &["c"]] {
        let records = ids.iter().map(|id| Record {
            metadata: RecordMetadata { x_request_id: (*id).to_owned(), ..RecordMetadata::default() },
            ..Record::default()
        });
        let lines: String = records.map(|record| serde_json::to_string(&record).unwrap() + "\n").collect();
        exporter.records(RecordBatch::new(&lines)).unwrap();
    }
    let mut report = Report::default();
    report.metrics_title = "Title".to_owned();
    report.artifact_dir = "artifacts".to_owned();
    let files = exporter.export(&report).unwrap();
    assert_eq!(files.len(), 1);
    assert_eq!((&*files[0].kind, &*files[0].path), ("Title", "artifacts/a,b,c"));
}

#[test]
fn one_endpoint_serves_many_threads() {
    let endpoint =
        with_context(json!({}), |cx| many().make::<dyn Endpoint>("Moody", cx)).map_err(|e| e.to_string()).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let endpoint = &endpoint;
            scope.spawn(move || {
                for turn in 0..200 {
                    let (mut request, words) = (mock_request(), format!("{thread}.{turn}"));
                    request.model = words.as_str().into();
                    assert_eq!(endpoint.headers(request.info()).unwrap()[0].1, words);
                    let parsed = endpoint.parse_response(mock_event(&words).response()).unwrap().unwrap();
                    assert_eq!(parsed.data, Some(ResponseData::Text(words)));
                }
            });
        }
    });
}

#[cfg(unix)]
#[test]
fn a_library_is_opened_once_by_whatever_path() {
    let copies = Copies::new();
    let link = copies.folder().join("link.so");
    std::os::unix::fs::symlink(many().path(), &link).unwrap();
    let hard = copies.folder().join("hard.so");
    let by_link = Library::open(&link).map_err(|e| e.to_string()).unwrap();
    assert!(std::ptr::eq(many(), by_link));
    // Where both are on one disk.
    if std::fs::hard_link(many().path(), &hard).is_ok() {
        assert!(std::ptr::eq(many(), Library::open(&hard).map_err(|e| e.to_string()).unwrap()));
    }
    let file = many().path();
    let indirect = file.parent().unwrap().join(".").join("..").join(file.parent().unwrap().file_name().unwrap());
    assert!(std::ptr::eq(many(), Library::open(&indirect.join(file.file_name().unwrap())).ok().unwrap()));
    assert!(!std::ptr::eq(many(), echo()));
}

#[test]
fn many_threads_open_a_library_once() {
    let opened: Vec<usize> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| std::ptr::from_ref(many()) as usize)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(opened.iter().all(|one| *one == opened[0]));
}
