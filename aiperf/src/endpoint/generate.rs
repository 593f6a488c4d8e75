//! `huggingface_generate`: the API of Hugging Face's text-generation-inference. One text in, its continuation out, whole
//! from `/generate` or streamed from `/generate_stream`.

use aiperf_abi::{
    Context, Endpoint, Error, Map, ParsedResponse, Payload, Plugin, RequestInfo, Response, ResponseData, Result, Usage,
    Value, extract,
};
use serde::{Deserialize, Serialize};

use super::body::only_turn;
use super::dialogue::joined;
use super::envelope::{self, piece};
use super::lenient::text;

/// The `huggingface_generate` endpoint. Extra inputs are generation parameters; `details:true` makes a whole reply tell
/// its token counts.
#[derive(Debug)]
pub struct HuggingFaceGenerateEndpoint;

impl Plugin for HuggingFaceGenerateEndpoint {
    fn new(_: &Context<'_>) -> Result<Self> {
        Ok(Self)
    }
}

impl Endpoint for HuggingFaceGenerateEndpoint {
    fn format_payload(&self, request: RequestInfo<'_>) -> Result<Payload> {
        #[derive(Serialize)]
        struct Body<'a> {
            inputs: &'a str,
            parameters: Map<String, Value>,
        }
        let turn = only_turn(request, "huggingface_generate")?;
        let inputs = joined(turn, " ");
        if inputs.is_empty() {
            return Err(Error::invalid_input("`huggingface_generate` needs a text, the turn has none"));
        }
        let mut parameters = Map::new();
        if let Some(limit) = request.max_tokens() {
            parameters.insert("max_new_tokens".to_owned(), limit.into());
        }
        for (name, value) in request.extra()? {
            match (name.as_str(), value) {
                ("parameters", Value::Object(more)) => parameters.extend(more),
                (_, value) => drop(parameters.insert(name, value)),
            }
        }
        Ok(Payload::bytes(serde_json::to_vec(&Body { inputs: &inputs, parameters })?, "application/json"))
    }

    fn parse_response(&self, response: Response<'_>) -> Result<Option<ParsedResponse>> {
        if response.bytes().trim_ascii_start().starts_with(b"[") {
            // Several inputs, or a server that always answers with a list.
            let Some(replies) = response.json_as::<Vec<Generated>>() else { return envelope::read_unknown(response) };
            let mut all = String::new();
            let mut details = None;
            for reply in replies {
                all.push_str(&reply.generated_text);
                details = reply.details.or(details);
            }
            return Ok(ended(text_of(all), details));
        }
        let Some(reply) = response.json_as::<Generated>() else { return envelope::read_unknown(response) };
        match reply.token {
            // The last event repeats the whole text beside its token. A special token is no text.
            Some(token) => Ok(ended(text_of(token.text).filter(|_| !token.special), reply.details)),
            None if reply.generated_text.is_empty() && reply.details.is_none() => {
                match response.json().as_ref().and_then(extract::reported_error) {
                    Some(error) => Err(error),
                    None => Ok(None),
                }
            }
            None => Ok(ended(text_of(reply.generated_text), reply.details)),
        }
    }
}

fn text_of(text: String) -> Option<ResponseData> {
    Some(text).filter(|text| !text.is_empty()).map(ResponseData::Text)
}

#[derive(Debug, Deserialize)]
struct Generated {
    #[serde(default)]
    token: Option<Token>,
    #[serde(default, deserialize_with = "text")]
    generated_text: String,
    #[serde(default)]
    details: Option<Details>,
}

#[derive(Debug, Deserialize)]
struct Token {
    #[serde(default, deserialize_with = "text")]
    text: String,
    #[serde(default)]
    special: bool,
}

/// What the server tells at the end.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Details {
    #[serde(deserialize_with = "text")]
    finish_reason: String,
    generated_tokens: Option<u64>,
    input_length: Option<u64>,
    prefill: Value,
}

fn ended(data: Option<ResponseData>, details: Option<Details>) -> Option<ParsedResponse> {
    let Some(details) = details else { return piece(data, None, None) };
    let mut usage = Usage::default();
    usage.completion_tokens = details.generated_tokens;
    // Older servers list the tokens of the prompt in place of their number.
    let listed = details.prefill.as_array().map(|tokens| tokens.len() as u64).filter(|tokens| *tokens > 0);
    usage.prompt_tokens = details.input_length.or(listed);
    usage.total_tokens =
        usage.prompt_tokens.zip(usage.completion_tokens).map(|(prompt, completion)| prompt.saturating_add(completion));
    let reason = Some(details.finish_reason).filter(|reason| !reason.is_empty());
    piece(data, Some(usage).filter(|usage| !usage.is_empty()), reason)
}
