//! The echo endpoint, called as aiperf calls it: in the test's own process, with no server. The fixtures are of `aiperf_abi::testing`.

use aiperf_abi::testing::{construct, mock_event, mock_request, mock_response, via_abi};
use aiperf_abi::{Endpoint, ResponseData, Value, json};

use {{crate_name}}::EchoEndpoint;

/// The body the endpoint makes of the fixture's request.
fn body(endpoint: &dyn Endpoint) -> Value {
    let request = mock_request();
    let payload = endpoint.format_payload(request.info()).unwrap();
    let bytes = payload.into_bytes(request.info()).unwrap();
    String::from_utf8(bytes).unwrap().parse().unwrap()
}

/// The text the endpoint finds in a reply.
fn text(endpoint: &dyn Endpoint, reply: &str) -> Option<String> {
    match endpoint.parse_response(mock_response(reply).response()).unwrap()?.data? {
        ResponseData::Text(text) => Some(text),
        other => panic!("no text: {other:?}"),
    }
}

#[test]
fn sends_the_text_the_model_and_the_token_limit() {
    let endpoint: EchoEndpoint = construct(json!({})).unwrap();
    assert_eq!(
        body(&endpoint),
        json!({ "text": "Hello, world!", "model": "test-model", "max_tokens": 16, "stream": false })
    );
}

#[test]
fn puts_the_prefix_of_the_extra_inputs_before_the_text() {
    let endpoint: EchoEndpoint = construct(json!({ "echo_prefix": "[ECHO] " })).unwrap();
    assert_eq!(body(&endpoint)["text"], "[ECHO] Hello, world!");
}

#[test]
fn refuses_an_extra_input_it_does_not_know() {
    let error = construct::<EchoEndpoint>(json!({ "echo_prefx": "?" })).unwrap_err();
    assert!(error.to_string().contains("echo_prefx"), "{error}");
}

#[test]
fn reads_its_own_shape_then_the_common_ones_then_plain_text() {
    let endpoint: EchoEndpoint = construct(json!({})).unwrap();
    for (reply, expected) in [
        (r#"{ "echo": "hi" }"#, Some("hi")),
        (r#"{ "text": "hi" }"#, Some("hi")),
        (r#"{ "choices": [{ "message": { "content": "hi" } }] }"#, Some("hi")),
        ("hi", Some("hi")),
        (r#"{ "echo": "" }"#, None),
        ("", None),
    ] {
        assert_eq!(text(&endpoint, reply).as_deref(), expected, "{reply}");
    }
}

#[test]
fn reads_an_event_of_a_stream() {
    let endpoint: EchoEndpoint = construct(json!({})).unwrap();
    let event = mock_event(r#"{ "echo": " world" }"#);
    let parsed = endpoint.parse_response(event.response()).unwrap().unwrap();
    assert_eq!(parsed.data, Some(ResponseData::Text(" world".to_owned())));
}

/// aiperf loads a library and calls it across its boundary; this is that call, without the file.
#[test]
fn does_the_same_across_the_library_boundary() {
    let direct: EchoEndpoint = construct(json!({ "echo_prefix": "> " })).unwrap();
    let loaded = via_abi::<dyn Endpoint, EchoEndpoint>(json!({ "echo_prefix": "> " })).unwrap();
    assert_eq!(body(loaded.as_ref()), body(&direct));
    let reply = r#"{ "echo": "hi" }"#;
    assert_eq!(text(loaded.as_ref(), reply), text(&direct, reply));
}
