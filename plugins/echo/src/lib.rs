//! The echo endpoint: sends the text of a turn to an echo API and reads back what it says. The plugin of the tutorial,
//! living in the workspace; it knows nothing of how it is loaded.

#![forbid(unsafe_code)]

use aiperf_abi::{
    Context, Endpoint, ParsedResponse, Payload, Plugin, RequestInfo, Response, Result, export_plugin, json,
};
use serde::Deserialize;

/// Extra inputs of this endpoint.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EchoConfig {
    /// Put before every text: `--extra-inputs echo_prefix:"[ECHO] "`.
    echo_prefix: String,
}

/// Sends text and receives it back.
#[derive(Debug)]
pub struct EchoEndpoint {
    config: EchoConfig,
}

impl Plugin for EchoEndpoint {
    fn new(cx: &Context<'_>) -> Result<Self> {
        Ok(Self { config: cx.config()? })
    }
}

impl Endpoint for EchoEndpoint {
    fn format_payload(&self, request: RequestInfo<'_>) -> Result<Payload> {
        let turn = request.last_turn()?;
        let text = turn.texts().find(|text| !text.is_empty()).unwrap_or_default();
        // The extra inputs are this endpoint's own configuration, so they are not laid over the body.
        Ok(Payload::exact(json!({
            "text": format!("{}{text}", self.config.echo_prefix),
            "model": request.model(),
            "max_tokens": turn.max_tokens(),
            "stream": request.streaming(),
        })))
    }

    fn parse_response(&self, response: Response<'_>) -> Result<Option<ParsedResponse>> {
        let Some(json) = response.json() else {
            return Ok(response.text().map(ParsedResponse::text));
        };
        let echo = ["echo", "text"].iter().find_map(|key| json[key].as_str().filter(|text| !text.is_empty()));
        Ok(echo.map(ParsedResponse::text))
    }
}

export_plugin! {
    endpoint: { EchoEndpoint },
}

#[cfg(test)]
mod tests {
    use aiperf_abi::testing::{Request, construct, mock_event, mock_request, mock_response, via_abi};
    use aiperf_abi::{Error, ResponseData, Value};

    use super::*;

    fn body(endpoint: &dyn Endpoint, request: &Request) -> Value {
        let payload = endpoint.format_payload(request.info()).unwrap();
        assert_eq!(payload.content_type(), "application/json");
        String::from_utf8(payload.into_bytes(request.info()).unwrap()).unwrap().parse().unwrap()
    }

    #[test]
    fn formats_the_text_of_the_turn_with_the_prefix() {
        let endpoint: EchoEndpoint = construct(json!({"echo_prefix": "[ECHO] "})).unwrap();
        let mut request = mock_request();
        let expected =
            json!({"text": "[ECHO] Hello, world!", "model": "test-model", "max_tokens": 16, "stream": false});
        assert_eq!(body(&endpoint, &request), expected);
        request.streaming = true;
        request.extra = Some(r#"{"echo_prefix": "[ECHO] "}"#.into());
        assert_eq!(body(&endpoint, &request)["stream"], true);
        assert_eq!(body(&endpoint, &request)["echo_prefix"], Value::Null);
    }

    #[test]
    fn a_misspelt_extra_input_is_an_error_that_names_it() {
        let error: Error = construct::<EchoEndpoint>(json!({"echo_prefx": ""})).unwrap_err();
        assert!(error.to_string().contains("echo_prefx"), "{error}");
    }

    #[test]
    fn reads_echo_then_text_then_plain_words() {
        let endpoint: EchoEndpoint = construct(json!({})).unwrap();
        for (data, expected) in [
            (r#"{"echo": "hi", "text": "no"}"#, Some("hi")),
            (r#"{"echo": "", "text": "hi"}"#, Some("hi")),
            ("plain", Some("plain")),
            ("", None),
            (r#"{"other": 1}"#, None),
            ("[1]", None),
        ] {
            let parsed = endpoint.parse_response(mock_event(data).response()).unwrap();
            let text = expected.map(|text| ResponseData::Text(text.to_owned()));
            assert_eq!(parsed.and_then(|parsed| parsed.data), text, "{data}");
        }
    }

    #[test]
    fn does_the_same_behind_the_thunks_of_a_library() {
        let direct: EchoEndpoint = construct(json!({"echo_prefix": "a"})).unwrap();
        let through = via_abi::<dyn Endpoint, EchoEndpoint>(json!({"echo_prefix": "a"})).unwrap();
        let request = mock_request();
        assert_eq!(body(&direct, &request), body(&*through, &request));
        let reply = mock_response(r#"{"echo": "hi"}"#);
        let parsed = direct.parse_response(reply.response()).unwrap();
        assert_eq!(through.parse_response(reply.response()).unwrap(), parsed);
    }
}
