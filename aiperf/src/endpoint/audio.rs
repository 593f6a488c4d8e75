//! `audio_transcription`: OpenAI's transcription of speech. One audio clip in as a form, its text out.

use aiperf_abi::{
    Context, Endpoint, Error, ParsedResponse, Payload, Plugin, RequestInfo, Response, ResponseData, Result, Usage,
    Value, extract, json,
};

use super::body::only_turn;
use super::envelope::piece;
use super::form::Form;
use super::media::{Audio, base64};

/// The `audio_transcription` endpoint. Extra inputs are fields of the form; `response_format` is `json` where they do not
/// say another, and plain text, subtitles and the events of `stream:true` are read too.
#[derive(Debug)]
pub struct AudioTranscriptionEndpoint;

impl Plugin for AudioTranscriptionEndpoint {
    fn new(_: &Context<'_>) -> Result<Self> {
        Ok(Self)
    }
}

impl Endpoint for AudioTranscriptionEndpoint {
    fn format_payload(&self, request: RequestInfo<'_>) -> Result<Payload> {
        let turn = only_turn(request, "audio_transcription")?;
        let mut clips = turn.audios();
        let (Some(clip), 0) = (clips.next(), clips.len()) else {
            let found = turn.audios().len();
            return Err(Error::invalid_input(format!(
                "`audio_transcription` sends one audio clip, the turn has {found}; use a dataset with one `audio` a turn"
            )));
        };
        let audio = Audio::of(clip.content)?;
        let bytes = base64(audio.data).filter(|bytes| !bytes.is_empty());
        let bytes = bytes.ok_or_else(|| Error::invalid_input("the audio clip of the turn is not base64"))?;

        let mut extra = request.extra()?;
        let mut form = Form::default();
        form.file("file", &format!("audio.{}", audio.format), &audio.media_type(), bytes);
        for (name, value) in [("model", json!(request.model())), ("response_format", json!("json"))] {
            form.field(name, &extra.remove(name).unwrap_or(value));
        }
        for (name, value) in &extra {
            form.field(name, value);
        }
        Ok(form.finish())
    }

    fn parse_response(&self, response: Response<'_>) -> Result<Option<ParsedResponse>> {
        let Some(reply @ Value::Object(_)) = response.json() else {
            // Plain text and subtitles are asked for by their format, and say so in their content type.
            let is_text = response.content_type().is_some_and(|kind| kind.starts_with("text/")) && !response.is_event();
            return Ok(response.text().filter(|_| is_text).map(ParsedResponse::text));
        };
        if let Some(error) = extract::reported_error(&reply) {
            return Err(error);
        }
        let text = |name: &str| {
            let text = reply.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())?;
            Some(ResponseData::Text(text.to_owned()))
        };
        let usage = Usage::find(&reply);
        Ok(match reply.get("type").and_then(Value::as_str) {
            Some("transcript.text.delta") => piece(text("delta"), usage, None),
            Some("transcript.text.done") => piece(text("text"), usage, None).map(ParsedResponse::as_recap),
            _ => piece(text("text"), usage, None),
        })
    }
}
