//! `echo`: an API that is sent a text and answers with it. Turns requests into its bodies and its replies into text; moves no
//! bytes and reads no clock, aiperf does that.

use aiperf_abi::{Context, Endpoint, ParsedResponse, Payload, Plugin, RequestInfo, Response, Result, extract, json};

/// Speaks to an echo API.
#[derive(Debug)]
pub struct EchoEndpoint;

impl Plugin for EchoEndpoint {
    fn new(_cx: &Context<'_>) -> Result<Self> {
        Ok(Self)
    }
}

impl Endpoint for EchoEndpoint {
    fn format_payload(&self, request: RequestInfo<'_>) -> Result<Payload> {
        let turn = request.last_turn()?;
        let text = turn.texts().find(|text| !text.is_empty()).unwrap_or_default();
        // An object is open to `--extra-inputs`: they are laid over it.
        Ok(json!({
            "text": text,
            "model": request.model(),
            "max_tokens": turn.max_tokens(),
            "stream": request.streaming(),
        })
        .into())
    }

    fn parse_response(&self, response: Response<'_>) -> Result<Option<ParsedResponse>> {
        let Some(reply) = response.json() else {
            return Ok(response.text().map(ParsedResponse::text));
        };
        if let Some(text) = reply["echo"].as_str().or_else(|| reply["text"].as_str()) {
            return Ok(Some(ParsedResponse::text(text)));
        }
        // Not the shape of this API: perhaps one of the common ones.
        Ok(extract::auto_detect(&reply).map(ParsedResponse::new))
    }
}
