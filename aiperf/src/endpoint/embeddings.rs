//! OpenAI's embeddings and two relatives of theirs that embed more than text: one asks for a dialogue, one for texts with
//! images. They answer alike.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};

use aiperf_abi::{
    Context, Endpoint, Error, Host, Level, ParsedResponse, Payload, Plugin, RequestInfo, Response, ResponseData,
    Result, Usage, Value, extract,
};

use super::body::{Body, only_turn};
use super::chat::Messages;
use super::envelope::piece;
use super::media::base64;

/// The `embeddings` endpoint: one vector for each text. Reads vectors of numbers, vectors per token (each is one), and
/// base64 of little-endian 32-bit floats, which `--extra-inputs encoding_format:base64` asks for.
pub struct EmbeddingsEndpoint(Warning);

/// The `chat_embeddings` endpoint: one vector for a dialogue with images, as vLLM makes them of multimodal models.
pub struct ChatEmbeddingsEndpoint(Warning);

/// The `nim_embeddings` endpoint of NVIDIA NIM: one vector for each text, image, or text with an image.
pub struct NimEmbeddingsEndpoint(Warning);

/// Told once where the dataset asks for tokens that no embedding has.
struct Warning {
    host: Box<dyn Host>,
    told: AtomicBool,
}

impl Warning {
    fn of(cx: &Context<'_>) -> Self {
        Self { host: cx.host(), told: AtomicBool::new(false) }
    }

    fn check(&self, request: RequestInfo<'_>) {
        if request.max_tokens().is_some() && !self.told.swap(true, Ordering::Relaxed) {
            self.host.log(Level::Warn, "embeddings produce no tokens: the requested output length is not sent");
        }
    }
}

impl Plugin for EmbeddingsEndpoint {
    fn new(cx: &Context<'_>) -> Result<Self> {
        Ok(Self(Warning::of(cx)))
    }
}

impl Endpoint for EmbeddingsEndpoint {
    fn format_payload(&self, request: RequestInfo<'_>) -> Result<Payload> {
        let turn = only_turn(request, "embeddings")?;
        let texts: Vec<&str> = turn.texts().collect();
        if texts.is_empty() {
            return Err(Error::invalid_input("`embeddings` needs a text, the turn has none"));
        }
        self.0.check(request);
        let mut body = Body::of(request)?;
        body.field("model", &request.model())?;
        body.field("input", &texts)?;
        body.finish()
    }

    fn parse_response(&self, response: Response<'_>) -> Result<Option<ParsedResponse>> {
        read(response)
    }
}

impl Plugin for ChatEmbeddingsEndpoint {
    fn new(cx: &Context<'_>) -> Result<Self> {
        Ok(Self(Warning::of(cx)))
    }
}

impl Endpoint for ChatEmbeddingsEndpoint {
    fn format_payload(&self, request: RequestInfo<'_>) -> Result<Payload> {
        request.last_turn()?;
        self.0.check(request);
        let mut body = Body::of(request)?;
        body.field("model", &request.model())?;
        body.field("messages", &Messages(request))?;
        body.finish()
    }

    fn parse_response(&self, response: Response<'_>) -> Result<Option<ParsedResponse>> {
        read(response)
    }
}

impl Plugin for NimEmbeddingsEndpoint {
    fn new(cx: &Context<'_>) -> Result<Self> {
        Ok(Self(Warning::of(cx)))
    }
}

impl Endpoint for NimEmbeddingsEndpoint {
    fn format_payload(&self, request: RequestInfo<'_>) -> Result<Payload> {
        let turn = only_turn(request, "nim_embeddings")?;
        let (mut texts, mut images) = (turn.texts(), turn.images().map(|image| image.content));
        let input: Vec<Cow<'_, str>> = std::iter::from_fn(|| match (texts.next(), images.next()) {
            (Some(text), Some(image)) => Some(Cow::Owned(format!("{text} {image}"))),
            (one, other) => one.or(other).map(Cow::Borrowed),
        })
        .collect();
        if input.is_empty() {
            return Err(Error::invalid_input("`nim_embeddings` needs a text or an image, the turn has none"));
        }
        self.0.check(request);
        let mut body = Body::of(request)?;
        body.field("model", &request.model())?;
        body.field("input", &input)?;
        body.finish()
    }

    fn parse_response(&self, response: Response<'_>) -> Result<Option<ParsedResponse>> {
        read(response)
    }
}

fn read(response: Response<'_>) -> Result<Option<ParsedResponse>> {
    let Some(value) = response.json() else { return Ok(None) };
    if let Some(error) = extract::reported_error(&value) {
        return Err(error);
    }
    Ok(piece(vectors(&value), Usage::find(&value), None))
}

fn vectors(reply: &Value) -> Option<ResponseData> {
    let Some(items) = reply.get("data").and_then(Value::as_array) else {
        return extract::auto_detect(reply).filter(|data| matches!(data, ResponseData::Embeddings(_)));
    };
    let is_embedding = |item: &&Value| item.get("object").is_none_or(|object| object == "embedding");
    let all: Vec<Vec<f32>> = items
        .iter()
        .filter(is_embedding)
        .filter_map(|item| item.get("embedding"))
        .flat_map(|embedding| match embedding {
            Value::String(text) => base64_floats(text).into_iter().collect(),
            other => extract::vectors(other),
        })
        .collect();
    (!all.is_empty()).then_some(ResponseData::Embeddings(all))
}

/// A vector out of the base64 of its little-endian 32-bit floats; `None` where the text is not that.
fn base64_floats(text: &str) -> Option<Vec<f32>> {
    let bytes = base64(text)?;
    let floats = bytes.chunks_exact(4);
    let whole = !bytes.is_empty() && floats.remainder().is_empty();
    whole.then(|| floats.map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]])).collect())
}
