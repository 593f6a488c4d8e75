//! Libraries that load, and do through the boundary what they do without it.

use aiperf_abi::testing::{mock_event, mock_request};
use aiperf_abi::{ResponseData, Value, json};

use crate::support::{open, with_context};

#[test]
fn echo_formats_and_parses_from_its_library() {
    let library = open("aiperf_echo");
    assert_eq!(library.exports(), ["endpoint:EchoEndpoint"]);
    let endpoint = with_context(json!({"echo_prefix": "> "}), |cx| library.endpoint("EchoEndpoint", cx))
        .map_err(|e| e.to_string());
    let endpoint = endpoint.unwrap();
    let request = mock_request();
    let payload = endpoint.format_payload(request.info()).unwrap();
    assert_eq!(payload.content_type(), "application/json");
    let body: Value = serde_json::from_slice(&payload.into_bytes(request.info()).unwrap()).unwrap();
    assert_eq!(body, json!({"text": "> Hello, world!", "model": "test-model", "max_tokens": 16, "stream": false}));
    let parsed = endpoint.parse_response(mock_event(r#"{"echo": "hi"}"#).response()).unwrap().unwrap();
    assert_eq!(parsed.data, Some(ResponseData::Text("hi".to_owned())));
    assert_eq!(endpoint.headers(request.info()).unwrap(), []);
}
