//! `responses`: OpenAI's Responses API. Sends the dialogue as input items and reads text, reasoning and tool calls, whole
//! or from its typed events.

use aiperf_abi::{
    Context, Endpoint, Error, ParsedResponse, Payload, Plugin, RequestInfo, Response, ResponseData, Result, Turn,
    Usage, Value, extract, json,
};
use serde::ser::{Error as _, SerializeSeq, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::body::Body;
use super::dialogue::Dialogue;
use super::envelope::{self, Name, piece};
use super::lenient::text;
use super::media::Audio;

/// The `responses` endpoint.
///
/// The whole dialogue is sent with every turn, also where `store` is asked for. A reply that was cut off at the token
/// limit is a result, with `max_output_tokens` as its finish reason.
#[derive(Debug)]
pub struct ResponsesEndpoint {
    /// The stream has to report usage because nobody else counts.
    counts_on_server: bool,
}

impl Plugin for ResponsesEndpoint {
    fn new(cx: &Context<'_>) -> Result<Self> {
        Ok(Self { counts_on_server: cx.model_endpoint()?.use_server_token_count })
    }
}

impl Endpoint for ResponsesEndpoint {
    fn format_payload(&self, request: RequestInfo<'_>) -> Result<Payload> {
        let dialogue = Dialogue::of(request)?;
        let mut body = Body::of(request)?;
        body.field("model", &request.model())?;
        body.field("input", &Input(&dialogue))?;
        if let Some(system) = &dialogue.system {
            body.field("instructions", system)?;
        }
        if let Some(limit) = request.max_tokens() {
            body.field("max_output_tokens", &limit)?;
        }
        if self.counts_on_server {
            body.stream(request.streaming())?;
        } else {
            body.field("stream", &request.streaming())?;
        }
        body.finish()
    }

    fn parse_response(&self, response: Response<'_>) -> Result<Option<ParsedResponse>> {
        let Some(mut event) = response.json_as::<Event<'_>>() else { return envelope::read_unknown(response) };
        let kind = event.kind.take().unwrap_or_default();
        match kind.0.as_ref() {
            "" => whole(response),
            "error" => Err(failure(&response.json().unwrap_or_default())),
            kind => match kind.strip_prefix("response.") {
                Some(kind) => event.read(kind),
                None => envelope::read_unknown(response),
            },
        }
    }
}

/// An event of a stream: the fields that any of them may have.
#[derive(Debug, Deserialize)]
struct Event<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<Name<'a>>,
    #[serde(default, deserialize_with = "text")]
    delta: String,
    #[serde(default, deserialize_with = "text")]
    text: String,
    #[serde(default, deserialize_with = "text")]
    refusal: String,
    #[serde(default, deserialize_with = "text")]
    arguments: String,
    #[serde(borrow, default)]
    item: Option<&'a RawValue>,
    #[serde(borrow, default)]
    response: Option<&'a RawValue>,
}

impl Event<'_> {
    /// What an event says; `kind` is its type without `response.`.
    fn read(self, kind: &str) -> Result<Option<ParsedResponse>> {
        let none = String::new;
        let recap = |piece: Option<ParsedResponse>| piece.map(ParsedResponse::as_recap);
        let said = |text: String| piece(envelope::content(text, none(), none()), None, None);
        let thought = |text: String| piece(envelope::content(none(), text, none()), None, None);
        let called = |text: String| piece(envelope::content(none(), none(), text), None, None);
        Ok(match kind {
            "output_text.delta" | "refusal.delta" => said(self.delta),
            "reasoning_text.delta" | "reasoning_summary_text.delta" => thought(self.delta),
            "function_call_arguments.delta" | "custom_tool_call_input.delta" => called(self.delta),
            "output_text.done" => recap(said(self.text)),
            "refusal.done" => recap(said(self.refusal)),
            "reasoning_text.done" | "reasoning_summary_text.done" => recap(thought(self.text)),
            "function_call_arguments.done" => recap(called(self.arguments)),
            "output_item.added" => called(self.item.map_or_else(none, tool_name)),
            "completed" | "incomplete" | "failed" | "cancelled" => {
                let end: Value = self.response.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default();
                if kind == "failed" {
                    return Err(failure(&end));
                }
                recap(ended(&end)?)
            }
            _ => None,
        })
    }
}

/// The name of the tool that an output item calls, empty where it is no call.
fn tool_name(item: &RawValue) -> String {
    #[derive(Deserialize)]
    struct Item {
        #[serde(default, deserialize_with = "text")]
        name: String,
    }
    serde_json::from_str::<Item>(item.get()).map(|item| item.name).unwrap_or_default()
}

fn whole(response: Response<'_>) -> Result<Option<ParsedResponse>> {
    let Some(reply) = response.json() else { return Ok(None) };
    let is_other = reply.get("object").and_then(Value::as_str).is_some_and(|object| object != "response");
    if is_other || (reply.get("output").is_none() && reply.get("output_text").is_none()) {
        return envelope::read_unknown(response);
    }
    ended(&reply)
}

/// The finished response object: all content, usage, and how it ended.
fn ended(reply: &Value) -> Result<Option<ParsedResponse>> {
    let status = reply.get("status").and_then(Value::as_str);
    if let Some(error) = extract::reported_error(reply) {
        return Err(error);
    }
    if status == Some("failed") {
        return Err(failure(reply));
    }
    let reason = reply.pointer("/incomplete_details/reason").and_then(Value::as_str).or(status);
    Ok(piece(output(reply), Usage::find(reply), reason.map(str::to_owned)))
}

fn output(reply: &Value) -> Option<ResponseData> {
    let (mut said, mut thought, mut called) = (String::new(), String::new(), String::new());
    for item in reply.get("output").and_then(Value::as_array).into_iter().flatten() {
        let parts = |name: &str| item.get(name).and_then(Value::as_array).into_iter().flatten();
        match item.get("type").and_then(Value::as_str) {
            Some("reasoning") => {
                parts("summary").chain(parts("content")).for_each(|part| push(&mut thought, part, "text"))
            }
            Some("function_call" | "custom_tool_call") => {
                ["name", "arguments", "input"].iter().for_each(|name| push(&mut called, item, name));
            }
            _ => parts("content").for_each(|part| {
                push(&mut said, part, "text");
                push(&mut said, part, "refusal");
            }),
        }
    }
    if said.is_empty() {
        push(&mut said, reply, "output_text");
    }
    envelope::content(said, thought, called)
}

fn push(all: &mut String, part: &Value, name: &str) {
    all.push_str(part.get(name).and_then(Value::as_str).unwrap_or_default());
}

/// The error of an `error` event, whose fields stand by themselves, or of a response that failed.
fn failure(told: &Value) -> Error {
    extract::reported_error(told).unwrap_or_else(|| {
        let told = json!({ "error": { "message": told.get("message"), "type": told.get("code") } });
        extract::reported_error(&told).unwrap_or_else(|| Error::msg("the server reports that the response failed"))
    })
}

/// The input items of a dialogue, written straight from what it borrows.
struct Input<'a>(&'a Dialogue<'a>);

impl Serialize for Input<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut items = serializer.serialize_seq(None)?;
        if let Some(context) = self.0.context {
            items.serialize_element(&Message { kind: "message", role: "user", content: Content::Text(context) })?;
        }
        for turn in &self.0.turns {
            let content = Content::of(*turn).map_err(S::Error::custom)?;
            items.serialize_element(&Message { kind: "message", role: turn.role(), content })?;
        }
        items.end()
    }
}

#[derive(Serialize)]
struct Message<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    role: &'a str,
    content: Content<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Content<'a> {
    Text(&'a str),
    Parts(Vec<Part<'a>>),
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Part<'a> {
    InputText { text: &'a str },
    OutputText { text: &'a str },
    InputImage { image_url: &'a str },
    InputAudio { input_audio: Audio<'a> },
}

impl<'a> Content<'a> {
    fn of(turn: Turn<'a>) -> Result<Self> {
        if turn.videos().len() > 0 {
            return Err(Error::invalid_input("`responses` takes no video, the turn has one; use `chat`"));
        }
        let mut texts = turn.texts();
        if turn.images().len() + turn.audios().len() == 0 && texts.len() <= 1 {
            return Ok(Self::Text(texts.next().unwrap_or_default()));
        }
        let of_assistant = turn.role() == "assistant";
        let mut parts: Vec<Part<'a>> =
            texts.map(|text| if of_assistant { Part::OutputText { text } } else { Part::InputText { text } }).collect();
        parts.extend(turn.images().map(|image| Part::InputImage { image_url: image.content }));
        for audio in turn.audios() {
            parts.push(Part::InputAudio { input_audio: Audio::of(audio.content)? });
        }
        Ok(Self::Parts(parts))
    }
}
