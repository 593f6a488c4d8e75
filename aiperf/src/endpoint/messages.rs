//! `messages`: Anthropic's Messages API, which other servers speak too. Sends the dialogue with the system message apart
//! and reads text, thinking and tool use, whole or from its typed events.

use aiperf_abi::{
    API_KEY, Context, Endpoint, Error, ParsedResponse, Payload, Plugin, RequestInfo, Response, ResponseData, Result,
    Turn, Usage, Value,
};
use serde::ser::{Error as _, SerializeSeq, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::body::Body;
use super::dialogue::Dialogue;
use super::envelope::{self, Name, piece};
use super::lenient::text;
use super::media::data_url;

/// The API has no default for the length of a reply; this is what is sent where nobody asks for one.
const MAX_TOKENS: u32 = 1024;

const VERSION: &str = "2023-06-01";

/// The `messages` endpoint. The key of `--api-key` goes into `x-api-key`; a server that wants it as a bearer token
/// instead gets one by `--header`.
#[derive(Debug)]
pub struct MessagesEndpoint;

impl Plugin for MessagesEndpoint {
    fn new(_: &Context<'_>) -> Result<Self> {
        Ok(Self)
    }
}

impl Endpoint for MessagesEndpoint {
    fn format_payload(&self, request: RequestInfo<'_>) -> Result<Payload> {
        let dialogue = Dialogue::of(request)?;
        let mut body = Body::of(request)?;
        body.field("model", &request.model())?;
        body.field("messages", &Messages(&dialogue))?;
        body.field("max_tokens", &request.max_tokens().unwrap_or(MAX_TOKENS))?;
        if let Some(system) = &dialogue.system {
            body.field("system", system)?;
        }
        if request.streaming() {
            body.field("stream", &true)?;
        }
        body.finish()
    }

    fn parse_response(&self, response: Response<'_>) -> Result<Option<ParsedResponse>> {
        let Some(event) = response.json_as::<Event<'_>>() else { return envelope::read_unknown(response) };
        let kind = event.kind.as_ref().map_or("", |kind| kind.0.as_ref());
        match kind {
            "content_block_delta" => Ok(event.delta.and_then(|delta| piece(delta.read(), None, None))),
            "content_block_start" => Ok(event.content_block.and_then(|block| piece(block.read(true), None, None))),
            "message_start" | "message_delta" => {
                let reason = event.delta.map(|delta| delta.stop_reason).filter(|reason| !reason.is_empty());
                Ok(piece(None, response.json().and_then(|event| Usage::find(&event)), reason))
            }
            "message" => Ok(whole(response)),
            "content_block_stop" | "message_stop" | "ping" => Ok(None),
            _ => envelope::read_unknown(response),
        }
    }

    fn headers(&self, _: RequestInfo<'_>) -> Result<Vec<(String, String)>> {
        Ok([("x-api-key", API_KEY), ("anthropic-version", VERSION)]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into())
    }
}

/// An event of a stream, or the head of a whole reply.
#[derive(Debug, Deserialize)]
struct Event<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<Name<'a>>,
    #[serde(default)]
    delta: Option<Delta>,
    #[serde(borrow, default)]
    content_block: Option<Block<'a>>,
}

/// One of its three texts, or why the server stopped; signatures and citations are not read.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Delta {
    #[serde(deserialize_with = "text")]
    text: String,
    #[serde(deserialize_with = "text")]
    thinking: String,
    #[serde(deserialize_with = "text")]
    partial_json: String,
    #[serde(deserialize_with = "text")]
    stop_reason: String,
}

impl Delta {
    fn read(self) -> Option<ResponseData> {
        envelope::content(self.text, self.thinking, self.partial_json)
    }
}

/// A block of content: `text`, `thinking`, `tool_use`; of others nothing is read.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Block<'a> {
    #[serde(deserialize_with = "text")]
    text: String,
    #[serde(deserialize_with = "text")]
    thinking: String,
    #[serde(deserialize_with = "text")]
    name: String,
    #[serde(borrow)]
    input: Option<&'a RawValue>,
}

impl Block<'_> {
    /// What it says. The input of a block that only begins is an empty object, its text comes in pieces.
    fn read(mut self, begins: bool) -> Option<ResponseData> {
        if let Some(input) = self.input.filter(|_| !begins) {
            self.name.push_str(input.get());
        }
        envelope::content(self.text, self.thinking, self.name)
    }
}

fn whole(response: Response<'_>) -> Option<ParsedResponse> {
    #[derive(Deserialize)]
    struct Message<'a> {
        #[serde(borrow, default)]
        content: Vec<Block<'a>>,
        #[serde(default, deserialize_with = "text")]
        stop_reason: String,
        #[serde(borrow, default)]
        usage: Option<&'a RawValue>,
    }
    let message: Message<'_> = response.json_as()?;
    let (mut said, mut thought, mut called) = (String::new(), String::new(), String::new());
    for block in message.content {
        said.push_str(&block.text);
        thought.push_str(&block.thinking);
        called.push_str(&block.name);
        called.push_str(block.input.map_or("", RawValue::get));
    }
    let usage = message.usage.and_then(|raw| Usage::read(&serde_json::from_str::<Value>(raw.get()).ok()?));
    let reason = Some(message.stop_reason).filter(|reason| !reason.is_empty());
    piece(envelope::content(said, thought, called), usage, reason)
}

/// The messages of a dialogue, written straight from what it borrows.
struct Messages<'a>(&'a Dialogue<'a>);

impl Serialize for Messages<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut messages = serializer.serialize_seq(None)?;
        if let Some(context) = self.0.context {
            messages.serialize_element(&Message { role: "user", content: Content::Text(context) })?;
        }
        for turn in &self.0.turns {
            let content = Content::of(*turn).map_err(S::Error::custom)?;
            messages.serialize_element(&Message { role: turn.role(), content })?;
        }
        messages.end()
    }
}

#[derive(Serialize)]
struct Message<'a> {
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
    Text { text: &'a str },
    Image { source: Source<'a> },
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Source<'a> {
    Base64 { media_type: &'a str, data: &'a str },
    Url { url: &'a str },
}

impl<'a> Content<'a> {
    fn of(turn: Turn<'a>) -> Result<Self> {
        if turn.audios().len() + turn.videos().len() > 0 {
            return Err(Error::invalid_input(
                "`messages` takes text and images, the turn has audio or video; use `chat`",
            ));
        }
        let mut texts = turn.texts();
        if turn.images().len() == 0 && texts.len() <= 1 {
            return Ok(Self::Text(texts.next().unwrap_or_default()));
        }
        // The API's own advice: images before the text that is about them.
        let images = turn.images().map(|image| Part::Image {
            source: match data_url(image.content) {
                Some((media_type, data)) => Source::Base64 { media_type, data },
                None => Source::Url { url: image.content },
            },
        });
        Ok(Self::Parts(images.chain(texts.map(|text| Part::Text { text })).collect()))
    }
}
