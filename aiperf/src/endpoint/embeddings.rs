//! `embeddings`: OpenAI's embeddings. Texts in, one vector each out.

use std::sync::atomic::{AtomicBool, Ordering};

use aiperf_abi::{
    Context, Endpoint, Error, Host, Level, ParsedResponse, Payload, Plugin, RequestInfo, Response, ResponseData,
    Result, Usage, Value, extract,
};

use super::body::{Body, only_turn};
use super::envelope::piece;

/// The `embeddings` endpoint. Reads vectors of numbers, vectors per token (each is one), and base64 of little-endian
/// 32-bit floats, which `--extra-inputs encoding_format:base64` asks for.
pub struct EmbeddingsEndpoint {
    host: Box<dyn Host>,
    told: AtomicBool,
}

impl Plugin for EmbeddingsEndpoint {
    fn new(cx: &Context<'_>) -> Result<Self> {
        Ok(Self { host: cx.host(), told: AtomicBool::new(false) })
    }
}

impl Endpoint for EmbeddingsEndpoint {
    fn format_payload(&self, request: RequestInfo<'_>) -> Result<Payload> {
        let turn = only_turn(request, "embeddings")?;
        let texts: Vec<&str> = turn.texts().collect();
        if texts.is_empty() {
            return Err(Error::invalid_input("`embeddings` needs a text, the turn has none"));
        }
        if turn.max_tokens().is_some() && !self.told.swap(true, Ordering::Relaxed) {
            self.host.log(Level::Warn, "embeddings produce no tokens: the requested output length is not sent");
        }
        let mut body = Body::of(request)?;
        body.field("model", &request.model())?;
        body.field("input", &texts)?;
        body.finish()
    }

    fn parse_response(&self, response: Response<'_>) -> Result<Option<ParsedResponse>> {
        let Some(value) = response.json() else { return Ok(None) };
        if let Some(error) = extract::reported_error(&value) {
            return Err(error);
        }
        Ok(piece(vectors(&value), Usage::find(&value), None))
    }
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
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut held) = (0u32, 0);
    for symbol in text.trim_end_matches('=').bytes() {
        let six = match symbol {
            b'A'..=b'Z' => symbol - b'A',
            b'a'..=b'z' => symbol - b'a' + 26,
            b'0'..=b'9' => symbol - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(six);
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
        }
    }
    let floats = bytes.chunks_exact(4);
    let whole = !bytes.is_empty() && floats.remainder().is_empty();
    whole.then(|| floats.map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]])).collect())
}
