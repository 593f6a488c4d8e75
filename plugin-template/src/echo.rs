//! `echo`: an API that is sent a text and answers with it. Turns requests into its bodies and its replies into text; moves
//! no bytes and reads no clock, aiperf does that.

use aiperf_abi::{Context, Endpoint, ParsedResponse, Payload, Plugin, RequestInfo, Response, Result, extract, json};
use serde::Deserialize;

/// What `--extra-inputs` may say to this endpoint. A key that is not here is an error before anything is sent.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EchoConfig {
    /// Put before every text: `--extra-inputs echo_prefix:"[ECHO] "`.
    echo_prefix: String,
}

/// Speaks to an echo API.
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
        // Exact: the extra inputs are this endpoint's configuration. `json!({…}).into()` would lay them over the body.
        Ok(Payload::exact(json!({
            "text": format!("{}{text}", self.config.echo_prefix),
            "model": request.model(),
            "max_tokens": turn.max_tokens(),
            "stream": request.streaming(),
        })))
    }

    fn parse_response(&self, response: Response<'_>) -> Result<Option<ParsedResponse>> {
        let Some(reply) = response.json() else {
            return Ok(response.text().map(ParsedResponse::text));
        };
        let echo = ["echo", "text"].iter().find_map(|key| reply[key].as_str().filter(|text| !text.is_empty()));
        if let Some(text) = echo {
            return Ok(Some(ParsedResponse::text(text)));
        }
        // Not the shape of this API: perhaps one of the common ones.
        Ok(extract::auto_detect(&reply).map(ParsedResponse::new))
    }
}
