//! `raw`: whatever the dataset holds, sent as it stands; replies read by their shape.

use aiperf_abi::{Context, Endpoint, Error, ParsedResponse, Payload, Plugin, RequestInfo, Response, Result};

use super::detected::Detector;

/// The `raw` endpoint. The text of the turn is the body, byte for byte: no extra inputs are laid over it, and what was
/// said before is in it or is not sent. JSON goes out as `application/json`, anything else as plain text.
pub struct RawEndpoint {
    detector: Detector,
}

impl Plugin for RawEndpoint {
    fn new(cx: &Context<'_>) -> Result<Self> {
        Ok(Self { detector: Detector::of(&cx.config()?)? })
    }
}

impl Endpoint for RawEndpoint {
    fn format_payload(&self, request: RequestInfo<'_>) -> Result<Payload> {
        let mut texts = request.last_turn()?.texts();
        let (Some(payload), 0) = (texts.next(), texts.len()) else {
            return Err(Error::invalid_input(
                "`raw` sends the one text of a turn as the body; the turn has none or several",
            ));
        };
        let is_json = payload.trim_start().starts_with(['{', '[']);
        let content_type = if is_json { "application/json" } else { "text/plain; charset=utf-8" };
        Ok(Payload::bytes(payload.as_bytes().to_vec(), content_type))
    }

    fn parse_response(&self, response: Response<'_>) -> Result<Option<ParsedResponse>> {
        self.detector.read(response)
    }
}
