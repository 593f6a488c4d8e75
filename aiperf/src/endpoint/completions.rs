//! `completions`: OpenAI's text completions. One prompt in, its continuation out, whole or streamed.

use aiperf_abi::{Context, Endpoint, ParsedResponse, Payload, Plugin, RequestInfo, Response, ResponseData, Result};
use serde::{Deserialize, Deserializer};

use super::body::{Body, Texts, only_turn};
use super::envelope::{self, Choices};
use super::lenient::{append, fold, text};

/// The `completions` endpoint. The text of every choice counts, whatever its index (see
/// [`ChatEndpoint`](super::ChatEndpoint)).
#[derive(Debug)]
pub struct CompletionsEndpoint;

impl Plugin for CompletionsEndpoint {
    fn new(_: &Context<'_>) -> Result<Self> {
        Ok(Self)
    }
}

impl Endpoint for CompletionsEndpoint {
    fn format_payload(&self, request: RequestInfo<'_>) -> Result<Payload> {
        let turn = only_turn(request, "completions")?;
        let mut body = Body::of(request)?;
        body.field("prompt", &Texts::of(turn, "completions")?)?;
        body.field("model", &request.model())?;
        if let Some(limit) = request.max_tokens() {
            body.field("max_tokens", &limit)?;
        }
        body.stream(request.streaming())?;
        body.finish()
    }

    fn parse_response(&self, response: Response<'_>) -> Result<Option<ParsedResponse>> {
        envelope::read::<Continued>(response, &["text_completion", "completion", "text_completion.chunk"])
    }
}

/// Some servers leave `text` out of the chunk that ends the stream.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Choice {
    #[serde(deserialize_with = "text")]
    text: String,
    #[serde(deserialize_with = "text")]
    finish_reason: String,
}

/// What all choices of a chunk say, in order.
#[derive(Debug, Default)]
struct Continued(Choice);

impl Choices for Continued {
    fn into_data(self) -> (Option<ResponseData>, String) {
        let Choice { text, finish_reason } = self.0;
        (Some(text).filter(|text| !text.is_empty()).map(ResponseData::Text), finish_reason)
    }
}

impl<'de> Deserialize<'de> for Continued {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        fold(deserializer, |Self(all), choice: Choice| {
            append(&mut all.text, choice.text);
            if !choice.finish_reason.is_empty() {
                all.finish_reason = choice.finish_reason;
            }
        })
    }
}
