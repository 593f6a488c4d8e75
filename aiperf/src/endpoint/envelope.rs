//! What dialects have in common when they read: the object around the choices of chat and completions, errors in place of
//! a reply, and content sorted into text, reasoning and tool calls.

use std::borrow::Cow;

use aiperf_abi::{ParsedResponse, Response, ResponseData, Result, Usage, Value, extract};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

/// All choices of one reply or chunk, folded into one.
pub(super) trait Choices: Default {
    /// The content, if there is any, and the finish reason, empty where there is none.
    fn into_data(self) -> (Option<ResponseData>, String);
}

#[derive(Debug, Deserialize)]
struct Envelope<'a, C: Default> {
    #[serde(borrow, default)]
    object: Option<Name<'a>>,
    #[serde(default)]
    choices: C,
    /// Read only where there is one, so that all names of all servers can be known.
    #[serde(borrow, default)]
    usage: Option<&'a RawValue>,
    #[serde(default)]
    error: Option<IgnoredAny>,
}

/// A string that is copied only where it has escapes.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Name<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

/// Reads a reply or chunk whose `object` is one of `objects`. Real servers leave it out or empty, which is as good;
/// an object of another name does not belong here and is passed over.
pub(super) fn read<'a, C>(response: Response<'a>, objects: &[&str]) -> Result<Option<ParsedResponse>>
where
    C: Choices + Deserialize<'a>,
{
    let Some(envelope) = response.json_as::<Envelope<'a, C>>() else { return read_unknown(response) };
    let object = envelope.object.as_ref().map_or("", |name| name.0.as_ref());
    if envelope.error.is_some() || object == "error" {
        return read_unknown(response);
    }
    if !object.is_empty() && !objects.contains(&object) {
        return Ok(None);
    }
    let usage = envelope.usage.and_then(|raw| Usage::read(&serde_json::from_str::<Value>(raw.get()).ok()?));
    let (data, finish_reason) = envelope.choices.into_data();
    Ok(piece(data, usage, Some(finish_reason).filter(|reason| !reason.is_empty())))
}

/// JSON of another shape than the dialect's: the error it tells of, else whatever can be found in it.
pub(super) fn read_unknown(response: Response<'_>) -> Result<Option<ParsedResponse>> {
    let Some(value) = response.json() else { return Ok(None) };
    match extract::reported_error(&value) {
        Some(error) => Err(error),
        None => Ok(piece(extract::auto_detect(&value), Usage::find(&value), None)),
    }
}

/// Content by its most telling part; `None` where there is none.
pub(super) fn content(content: String, reasoning: String, tools: String) -> Option<ResponseData> {
    if !tools.is_empty() {
        Some(ResponseData::ToolCall { text: tools, content, reasoning })
    } else if !reasoning.is_empty() {
        Some(ResponseData::Reasoning { content, reasoning })
    } else {
        Some(content).filter(|content| !content.is_empty()).map(ResponseData::Text)
    }
}

/// A piece, where there is anything in it.
pub(super) fn piece(
    data: Option<ResponseData>,
    usage: Option<Usage>,
    finish_reason: Option<String>,
) -> Option<ParsedResponse> {
    if data.is_none() && usage.is_none() && finish_reason.is_none() {
        return None;
    }
    let mut piece = ParsedResponse::default().with_usage(usage).with_finish_reason(finish_reason);
    piece.data = data;
    Some(piece)
}
