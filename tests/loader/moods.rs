//! Classes that panic or fail: each time an error that says whose, and the host goes on.

use aiperf_abi::testing::{mock_event, mock_request};
use aiperf_abi::{DataExporter, Endpoint, Error, ErrorKind, RecordBatch, Report, Result, Transport, json};

use crate::support::{many, with_context};

fn endpoint(how: &str, method: &str) -> Result<Box<dyn Endpoint>, String> {
    let config = json!({ how: method });
    with_context(config, |cx| many().make::<dyn Endpoint>("Moody", cx)).map_err(|error| error.to_string())
}

fn exporter(how: &str, method: &str) -> Result<Box<dyn DataExporter>, String> {
    let config = json!({ how: method });
    with_context(config, |cx| many().make::<dyn DataExporter>("Counter", cx)).map_err(|error| error.to_string())
}

fn call(endpoint: &dyn Endpoint, method: &str) -> Result<()> {
    let request = mock_request();
    match method {
        "format_payload" => endpoint.format_payload(request.info()).map(drop),
        "parse_response" => endpoint.parse_response(mock_event("x").response()).map(drop),
        _ => endpoint.headers(request.info()).map(drop),
    }
}

/// The error with the place of the panic left out.
fn words(error: &Error) -> String {
    without_place(&error.to_string())
}

fn without_place(text: &str) -> String {
    text.find(" (at /").map_or(text, |place| &text[..place]).to_owned()
}

const METHODS: [&str; 3] = ["format_payload", "parse_response", "headers"];

#[test]
fn a_panic_in_a_method_of_an_endpoint_is_an_error_and_the_other_methods_go_on() {
    for method in METHODS {
        let endpoint = endpoint("panics", method).unwrap();
        let error = call(&*endpoint, method).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Panic);
        let expected = format!("plugin fixture_many 0.3.0, endpoint `test`, {method}: panicked: no good at {method}");
        assert_eq!(words(&error), expected);
        assert!(error.to_string().contains("many.rs:"), "it says where: {error}");
        for other in METHODS.into_iter().filter(|other| *other != method) {
            call(&*endpoint, other).unwrap();
        }
    }
}

#[test]
fn what_panics_again_and_again_is_not_called_any_more() {
    let endpoint = endpoint("panics", "headers").unwrap();
    let errors: Vec<String> = (0..5).map(|_| words(&call(&*endpoint, "headers").unwrap_err())).collect();
    assert!(errors[..3].iter().all(|error| error.ends_with("panicked: no good at headers")), "{errors:?}");
    let end = "plugin fixture_many 0.3.0, endpoint `test` panicked 3 times and is not called any more";
    assert_eq!(errors[3..], [end, end]);
}

#[test]
fn an_error_of_a_method_comes_with_all_its_context() {
    for method in METHODS {
        let endpoint = endpoint("fails", method).unwrap();
        let error = call(&*endpoint, method).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Other);
        assert_eq!(
            error.to_string(),
            format!(
                "plugin fixture_many 0.3.0, endpoint `test`, {method}: in {method}: reading the number: invalid digit \
                 found in string"
            )
        );
        // A failure is no reason to stop calling.
        assert!((0..10).all(|_| call(&*endpoint, method).unwrap_err().kind() == ErrorKind::Other));
    }
}

#[test]
fn a_constructor_that_panics_or_fails_is_an_error_of_its_entry() {
    let transport = |how: &str| {
        let made = with_context(json!({ how: "new" }), |cx| many().make::<dyn Transport>("Ways", cx));
        made.map(drop).map_err(|error| error.to_string())
    };
    for (category, panicked, failed) in [
        ("endpoint", endpoint("panics", "new").err(), endpoint("fails", "new").err()),
        ("transport", transport("panics").err(), transport("fails").err()),
        ("data_exporter", exporter("panics", "new").err(), exporter("fails", "new").err()),
    ] {
        let of = format!("plugin fixture_many 0.3.0, {category} `test`, constructor: ");
        assert_eq!(without_place(&panicked.unwrap()), format!("{of}panicked: no good at new"));
        assert_eq!(failed.unwrap(), format!("{of}in new: reading the number: invalid digit found in string"));
    }
}

#[test]
fn configuration_that_does_not_fit_names_the_key() {
    let error = endpoint("panic", "new").err().unwrap();
    assert!(error.contains("constructor: configuration of `test`: unknown field `panic`, expected one of"), "{error}");
}

#[test]
fn a_destructor_that_panics_is_survived() {
    let endpoint = endpoint("panics", "drop").unwrap();
    call(&*endpoint, "headers").unwrap();
    drop(endpoint);
}

#[test]
fn an_exporter_that_panics_or_fails_says_so_with_its_name() {
    let end = |how, method: &str| {
        let mut exporter = exporter(how, method).unwrap();
        let result = match method {
            "records" => exporter.records(RecordBatch::new("{}\n")),
            _ => exporter.export(&Report::default()).map(drop),
        };
        words(&result.unwrap_err())
    };
    for method in ["records", "export"] {
        let of = format!("plugin fixture_many 0.3.0, data_exporter `test`, {method}: ");
        assert_eq!(end("panics", method), format!("{of}panicked: no good at {method}"));
        let failure = format!("{of}in {method}: reading the number: invalid digit found in string");
        assert_eq!(end("fails", method), failure);
    }
    let mut exporter = exporter("fails", "nothing").unwrap();
    let error = exporter.records(RecordBatch::new("no JSON\n")).unwrap_err();
    assert!(error.to_string().starts_with("plugin fixture_many 0.3.0, data_exporter `test`, records: "), "{error}");
}

#[test]
fn an_exporter_may_ask_to_be_left_out() {
    let made = with_context(json!({"words": "nothing to do"}), |cx| many().make::<dyn DataExporter>("Counter", cx));
    assert!(made.err().unwrap().is_disabled());
    let failed = with_context(json!({"fails": "new"}), |cx| many().make::<dyn DataExporter>("Counter", cx));
    assert!(!failed.err().unwrap().is_disabled());
}
