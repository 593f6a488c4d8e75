//! `chat`: OpenAI's chat completions, the dialect most inference servers speak. Sends messages with media and reads
//! text, reasoning and tool calls, whole or streamed.

use aiperf_abi::{
    Context, Endpoint, ParsedResponse, Payload, Plugin, RequestInfo, Response, ResponseData, Result, Turn,
};
use serde::ser::{Error as _, SerializeSeq, Serializer};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::body::Body;
use super::envelope::{self, Choices};
use super::lenient::{append, fold, text};
use super::media::Audio;

/// The `chat` endpoint.
///
/// With `n` > 1 the text of every choice counts, as the usage of the servers that honour it sums all choices; the index
/// of a choice is not looked at, since some servers raise it with each token.
#[derive(Debug)]
pub struct ChatEndpoint {
    max_tokens_name: &'static str,
}

impl Plugin for ChatEndpoint {
    fn new(cx: &Context<'_>) -> Result<Self> {
        let legacy = cx.model_endpoint()?.use_legacy_max_tokens;
        Ok(Self { max_tokens_name: if legacy { "max_tokens" } else { "max_completion_tokens" } })
    }
}

impl Endpoint for ChatEndpoint {
    fn format_payload(&self, request: RequestInfo<'_>) -> Result<Payload> {
        request.last_turn()?;
        let mut body = Body::of(request)?;
        body.field("messages", &Messages(request))?;
        body.field("model", &request.model())?;
        if let Some(limit) = request.max_tokens() {
            body.field(self.max_tokens_name, &limit)?;
        }
        body.stream(request.streaming())?;
        body.finish()
    }

    fn parse_response(&self, response: Response<'_>) -> Result<Option<ParsedResponse>> {
        envelope::read::<Said>(response, &["chat.completion", "chat.completion.chunk"])
    }
}

/// What all choices of a chunk say, in order.
#[derive(Debug, Default)]
struct Said {
    content: String,
    reasoning: String,
    tools: String,
    finish_reason: String,
}

impl Choices for Said {
    fn into_data(self) -> (Option<ResponseData>, String) {
        let Self { content, reasoning, tools, finish_reason } = self;
        (envelope::content(content, reasoning, tools), finish_reason)
    }
}

impl<'de> Deserialize<'de> for Said {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        fold(deserializer, Self::add)
    }
}

impl Said {
    fn add(&mut self, choice: Choice) {
        for message in [choice.delta, choice.message].into_iter().flatten() {
            append(&mut self.content, message.content);
            append(&mut self.content, message.refusal);
            // Servers between the two names send both, with the same text.
            let reasoning =
                if message.reasoning_content.is_empty() { message.reasoning } else { message.reasoning_content };
            append(&mut self.reasoning, reasoning);
            append(&mut self.tools, message.tool_calls);
        }
        if !choice.finish_reason.is_empty() {
            self.finish_reason = choice.finish_reason;
        }
    }
}

#[derive(Debug, Deserialize)]
struct Choice {
    #[serde(default)]
    delta: Option<Message>,
    #[serde(default)]
    message: Option<Message>,
    #[serde(default, deserialize_with = "text")]
    finish_reason: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Message {
    #[serde(deserialize_with = "text")]
    content: String,
    #[serde(deserialize_with = "text")]
    refusal: String,
    #[serde(deserialize_with = "text")]
    reasoning_content: String,
    #[serde(deserialize_with = "text")]
    reasoning: String,
    #[serde(deserialize_with = "calls")]
    tool_calls: String,
}

#[derive(Debug, Deserialize)]
struct ToolCall<'a> {
    #[serde(borrow, default)]
    function: Option<Function<'a>>,
}

#[derive(Debug, Deserialize)]
struct Function<'a> {
    #[serde(default, deserialize_with = "text")]
    name: String,
    #[serde(borrow, default)]
    arguments: Option<&'a RawValue>,
}

/// Names and arguments of tool calls. Arguments are text by the book, an object with some servers.
fn calls<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    fold(deserializer, |all: &mut String, call: ToolCall<'de>| {
        let Some(function) = call.function else { return };
        all.push_str(&function.name);
        let raw = function.arguments.map_or("", RawValue::get);
        match serde_json::from_str::<String>(raw) {
            Ok(arguments) => all.push_str(&arguments),
            Err(_) => all.push_str(raw),
        }
    })
}

/// The messages of a request, written straight from what it borrows.
pub(super) struct Messages<'a>(pub(super) RequestInfo<'a>);

impl Serialize for Messages<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let request = self.0;
        let mut messages = serializer.serialize_seq(None)?;
        let mut turns = request.turns().peekable();
        let opening = turns.next_if(|turn| turn.role() == "system");
        let system = request.system_message().filter(|text| !text.is_empty());
        match (system, opening) {
            (Some(system), Some(turn)) => {
                let both: Vec<&str> = std::iter::once(system).chain(turn.texts()).collect();
                messages.serialize_element(&Plain { role: "system", content: &both.join("\n\n") })?;
            }
            (Some(content), None) => messages.serialize_element(&Plain { role: "system", content })?,
            (None, Some(turn)) => messages.serialize_element(&Spoken(turn))?,
            (None, None) => {}
        }
        if let Some(content) = request.user_context_message().filter(|text| !text.is_empty()) {
            messages.serialize_element(&Plain { role: "user", content })?;
        }
        for turn in turns {
            messages.serialize_element(&Spoken(turn))?;
        }
        messages.end()
    }
}

#[derive(Serialize)]
struct Plain<'a> {
    role: &'a str,
    content: &'a str,
}

struct Spoken<'a>(Turn<'a>);

impl Serialize for Spoken<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let turn = self.0;
        let media = turn.images().len() + turn.audios().len() + turn.videos().len();
        let mut texts = turn.texts();
        if media == 0 && texts.len() <= 1 {
            return Plain { role: turn.role(), content: texts.next().unwrap_or_default() }.serialize(serializer);
        }
        #[derive(Serialize)]
        struct InParts<'a> {
            role: &'a str,
            content: Vec<Part<'a>>,
        }
        let mut content: Vec<Part<'_>> = texts.map(|text| Part::Text { text }).collect();
        content.extend(turn.images().map(|image| Part::ImageUrl { image_url: Url { url: image.content } }));
        for audio in turn.audios() {
            content.push(Part::InputAudio { input_audio: Audio::of(audio.content).map_err(S::Error::custom)? });
        }
        content.extend(turn.videos().map(|video| Part::VideoUrl { video_url: Url { url: video.content } }));
        InParts { role: turn.role(), content }.serialize(serializer)
    }
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Part<'a> {
    Text { text: &'a str },
    ImageUrl { image_url: Url<'a> },
    InputAudio { input_audio: Audio<'a> },
    VideoUrl { video_url: Url<'a> },
}

#[derive(Serialize)]
struct Url<'a> {
    url: &'a str,
}
