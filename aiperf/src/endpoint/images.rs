//! `image_generation`: OpenAI's images. A prompt in, images out, whole or as they take shape.

use aiperf_abi::{
    Context, Endpoint, Error, ParsedResponse, Payload, Plugin, RequestInfo, Response, ResponseData, Result, Usage,
    Value, extract, json,
};

use super::body::{Body, only_turn};
use super::dialogue::joined;
use super::envelope::piece;

/// The `image_generation` endpoint. Of an image only its URL or the length of its base64 is kept.
#[derive(Debug)]
pub struct ImageGenerationEndpoint;

impl Plugin for ImageGenerationEndpoint {
    fn new(_: &Context<'_>) -> Result<Self> {
        Ok(Self)
    }
}

impl Endpoint for ImageGenerationEndpoint {
    fn format_payload(&self, request: RequestInfo<'_>) -> Result<Payload> {
        let turn = only_turn(request, "image_generation")?;
        let prompt = joined(turn, " ");
        if prompt.is_empty() {
            return Err(Error::invalid_input("`image_generation` needs a text, the turn has none"));
        }
        let mut body = Body::of(request)?;
        body.field("prompt", &prompt)?;
        body.field("model", &request.model())?;
        body.field("response_format", &"b64_json")?;
        body.field("n", &1)?;
        if request.streaming() {
            body.field("stream", &true)?;
        }
        body.finish()
    }

    fn parse_response(&self, response: Response<'_>) -> Result<Option<ParsedResponse>> {
        let Some(reply) = response.json() else { return Ok(None) };
        if let Some(error) = extract::reported_error(&reply) {
            return Err(error);
        }
        let images: Vec<Value> = match reply.get("data").and_then(Value::as_array) {
            Some(items) => items.iter().filter_map(image).collect(),
            // An event is an image itself: one that takes shape, or the finished one.
            None => image(&reply).into_iter().collect(),
        };
        let data = (!images.is_empty()).then(|| ResponseData::Other(json!({ "images": images })));
        Ok(piece(data, Usage::find(&reply), None))
    }
}

fn image(item: &Value) -> Option<Value> {
    let text = |name: &str| item.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let mut image = match (text("b64_json"), text("url")) {
        (Some(base64), _) => json!({ "b64_json_bytes": base64.len() }),
        (None, Some(url)) => json!({ "url": url }),
        (None, None) => return None,
    };
    if let Some(index) = item.get("partial_image_index") {
        image["partial_image_index"] = index.clone();
    }
    Some(image)
}
